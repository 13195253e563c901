//! What `init` writes is read again by weighbridge. The linters of `scripts/lint-ci` read it too.

use crate::case::Case;
use crate::support::Repository;

fn repository(dockerfiles: &[&str]) -> Case {
    let case = Case::of(Repository::new());
    std::fs::remove_dir_all(case.repository.path().join("web")).unwrap();
    for path in dockerfiles {
        case.repository.write(path, "FROM scratch\n");
    }
    case.repository.commit("first");
    case
}

fn exists(case: &Case, path: &str) -> bool {
    case.repository.path().join(path).exists()
}

#[test]
fn what_it_writes_is_a_configuration_that_says_what_was_found() {
    for more in [&[][..], &["services/a b/Dockerfile", "worker.Dockerfile"]] {
        let case = repository(more);
        let before = case.weighbridge(&["plan"]).expect(0).stdout;
        case.weighbridge(&["init"]).expect(0);
        let after = case.weighbridge(&["plan"]).expect(0).stdout;
        let cells = |shown: &str| shown.split_once('\n').unwrap().1.to_owned();
        assert!(after.contains("from weighbridge.yml"), "{after}");
        assert_eq!(cells(&after), cells(&before));
    }
}

#[test]
fn what_is_there_already_stays_as_it_is() {
    let case = repository(&[]);
    let shown = case.weighbridge(&["init", "--forge", "github"]).expect(0).stdout;
    assert!(shown.contains("weighbridge.yml is written\n.github/workflows/weighbridge.yml is written\n"), "{shown}");
    assert!(shown.contains("weighbridge plan") && shown.contains("put the release"), "{shown}");
    // Now the folder of the workflow tells the forge.
    let shown = case.weighbridge(&["init"]).expect(0).stdout;
    assert_eq!(shown, "nothing to do: every file is there as it would be written\n");

    let mine = case.repository.read("weighbridge.yml").replace("context: orders", "context: orders # \u{1b}[31mmine");
    case.repository.write("weighbridge.yml", &mine);
    let shown = case.weighbridge(&["init"]).expect(0).stdout;
    assert!(shown.contains("weighbridge.yml is there and stays as it is"), "{shown}");
    assert!(shown.contains("\n-    context: orders # ") && shown.contains("\n+    context: orders\n"), "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains("workflows"), "{shown}");
    assert_eq!(case.repository.read("weighbridge.yml"), mine);
}

#[test]
fn another_name_of_the_configuration_is_respected() {
    let case = repository(&[]);
    case.repository.write(".github/weighbridge.yaml", "images: {orders: {context: orders}}\n");
    let shown = case.weighbridge(&["init"]).expect(0).stdout;
    assert!(shown.contains(".github/weighbridge.yaml is there"), "{shown}");
    assert!(!exists(&case, "weighbridge.yml") && exists(&case, ".github/workflows/weighbridge.yml"));
}

#[test]
fn the_forge_is_told_by_the_remote_and_then_by_files() {
    for (remote, file, expected) in [
        ("git@github.com:acme/shop.git", "", "github"),
        ("https://gitlab.acme.test/acme/shop.git", ".github/CODEOWNERS", "gitlab"),
        ("", ".gitlab-ci.yml", "gitlab"),
        ("", "", "none"),
    ] {
        let case = repository(&[]);
        if !remote.is_empty() {
            case.repository.git(&["remote", "add", "origin", remote]);
        }
        if !file.is_empty() {
            case.repository.write(file, "include: []\n");
        }
        let shown = case.weighbridge(&["init"]).expect(0).stdout;
        let [github, gitlab] =
            [".github/workflows/weighbridge.yml", ".gitlab/weighbridge.yml"].map(|path| exists(&case, path));
        assert_eq!([github, gitlab], [expected == "github", expected == "gitlab"], "{remote} {file}\n{shown}");
        assert_eq!(shown.contains("--forge"), expected == "none", "{shown}");
        if file == ".gitlab-ci.yml" {
            assert!(shown.contains("+  - local: .gitlab/weighbridge.yml"), "{shown}");
            assert_eq!(case.repository.read(file), "include: []\n");
        }
    }
}

#[test]
fn bake_and_compose_are_referred_to() {
    let case = repository(&[]);
    case.repository.write("docker-bake.hcl", "target \"default\" {}\n");
    case.docker.answers("bake", r#"{"target": {"default": {"context": "orders"}}}"#);
    case.weighbridge(&["init"]).expect(0);
    let written = case.repository.read("weighbridge.yml");
    assert!(written.contains("\nbake: docker-bake.hcl\n") && !written.contains("\nimages:"), "{written}");
}

#[test]
fn a_plan_writes_nothing() {
    let case = repository(&[]);
    let shown = case.weighbridge(&["init", "--dry-run", "--forge", "gitlab"]).expect(0).stdout;
    assert!(shown.contains("+images:\n+  orders:\n") && shown.contains("+weighbridge:\n"), "{shown}");
    assert!(!exists(&case, "weighbridge.yml") && !exists(&case, ".gitlab-ci.yml") && !exists(&case, ".weighbridge"));
}

#[test]
fn where_nothing_can_be_built_or_written_it_says_so() {
    let case = repository(&[]);
    std::fs::remove_dir_all(case.repository.path().join("orders")).unwrap();
    case.weighbridge(&["init"]).expect(2).says("no bake file, Compose file or Dockerfile in");
    let case = repository(&[]);
    // Not even root can write below a file.
    case.repository.write(".github", "");
    case.weighbridge(&["init", "--forge", "github"]).expect(2).says("write the files of this repository");
}
