//! Directories of every kind: without commits, without git, shallow, strangely named.

use std::process::Command;

use crate::case::Case;
use crate::support::{Repository, Run};

#[test]
fn a_repository_without_commits_is_weighed_without_a_baseline() {
    let case = Case::of(Repository::new());
    case.run(&[]).expect(0);
    assert!(case.comment().contains("the repository has no commits yet"), "{}", case.comment());
    assert!(case.repository.report()["context"]["head"]["sha"].is_null());
    case.run(&["--base", "main"]).expect(2).says("--base main: no such commit in this repository");
}

#[test]
fn without_git_images_are_weighed_without_a_baseline() {
    let case = Case::new().without_git();
    case.run(&[]).expect(0);
    assert!(case.comment().contains("git is not installed"), "{}", case.comment());
    case.run(&["--base", "main"]).expect(2).says("--base main: git is not installed");
}

#[test]
fn outside_of_a_repository_images_are_weighed_without_a_baseline() {
    let case = Case::of(Repository::without_git());
    case.run(&[]).expect(0);
    assert!(case.comment().contains("is not in a git repository"), "{}", case.comment());
    case.run(&["--base", "main"]).expect(2).says("is not in a git repository");
}

/// A clone of depth 1, on the branch `topic` that left `main` a commit ago.
fn shallow() -> Case {
    let origin = Case::new();
    origin.repository.git(&["checkout", "--quiet", "-b", "topic"]);
    origin.repository.commit("topic");
    origin.repository.git(&["checkout", "--quiet", "main"]);
    origin.repository.commit("main");
    let clone = Repository::without_git();
    let url = format!("file://{}", origin.repository.path().display());
    clone.git(&["clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=topic", &url, "."]);
    Case::of(clone)
}

#[test]
fn a_shallow_clone_says_how_to_deepen_it() {
    let mut case = shallow();
    case.run(&["--base", "HEAD~1"]).expect(2).says("no such commit in this shallow clone; run `git fetch --deepen 50`");
    case.set("GITHUB_ACTIONS", "true");
    case.set("GITHUB_BASE_REF", "main");
    case.run(&[]).expect(0);
    let comment = case.comment();
    let reason = "this shallow clone does not reach back to where main was left; run `git fetch --deepen 50`";
    assert!(comment.replace('\\', "").contains(reason), "{comment}");
}

#[test]
fn a_base_that_does_not_resolve_is_refused() {
    let case = Case::new();
    case.run(&["--base", "v9.9"])
        .expect(2)
        .says("--base v9.9: no such commit in this repository; fetch it, or name another");
    case.run(&["--base", ""]).expect(2).says("--base");
}

#[test]
fn a_base_that_looks_like_an_option_is_none() {
    let case = Case::new();
    for revision in ["--base=--output=pwned", "--base=-n1", "--base=--upload-pack=touch pwned"] {
        case.run(&[revision]).expect(2).says("no such commit in this repository");
    }
    assert!(!case.repository.path().join("pwned").exists());
}

#[test]
fn the_second_run_finds_a_clean_tree() {
    let case = Case::new();
    for _ in 0..2 {
        case.run(&[]).expect(0);
        assert_eq!(case.repository.report()["context"]["head"]["dirty"], false);
        assert_eq!(case.repository.git(&["status", "--porcelain"]), "");
    }
    case.repository.write("new", "");
    case.run(&[]).expect(0).says("not kept as a baseline: there were uncommitted changes");
    assert_eq!(case.repository.report()["context"]["head"]["dirty"], true);
}

fn output(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn names_with_spaces_quotes_and_commas_work_everywhere() {
    const STRANGE: &str = "a \"b\", it's $HOME; *[x] é";
    let case = Case::of(Repository::without_git());
    let root = case.repository.path().join(STRANGE);
    case.repository.write(&format!("{STRANGE}/{STRANGE}/Dockerfile"), "FROM scratch\nCOPY . /\n");
    let yaml = format!("images: {{ shop: {{ context: '{}' }} }}\n", STRANGE.replace('\'', "''"));
    let config = format!("{STRANGE}.yml");
    case.repository.write(&format!("{STRANGE}/{config}"), yaml);
    case.repository.git(&["init", "--quiet", "--initial-branch=main", STRANGE]);
    for commit in ["one", "two"] {
        case.repository.git(&["-C", STRANGE, "add", "--all"]);
        case.repository.git(&["-C", STRANGE, "commit", "--quiet", "--allow-empty", "--message", commit]);
    }
    let out = format!("out {STRANGE}");
    let mut command = case.repository.command(&["run", "--config", &config, "--output-dir", &out]);
    output(command.current_dir(&root)).expect(0);
    // The base commit was built as well, from a work tree of its own.
    let builds = case.docker.calls(&["buildx", "build"]);
    assert_eq!(builds.len(), 2);
    let contexts: Vec<&str> = builds.iter().map(|build| build.last().unwrap().as_str()).collect();
    assert!(contexts.iter().all(|context| context.ends_with(STRANGE)), "{contexts:?}");
    let report = std::fs::read_to_string(root.join(&out).join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["cells"][0]["uncompressed_bytes"], 2560);
    let base = report["context"]["base"]["chosen_by"].as_str().unwrap();
    assert_eq!(base, "parent of HEAD on main, built now from a clean checkout");
    assert_eq!(case.repository.git(&["-C", STRANGE, "status", "--porcelain"]), "");
}
