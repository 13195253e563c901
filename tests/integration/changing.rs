//! `plan --changed`: what changed is built, whatever cannot be told is built, and the rest is carried over.

use serde_json::Value;

use crate::case::Case;
use crate::fake::{Build, recorded};
use crate::layout::TestImage;

const YAML: &str = "\
images:
  api: { context: api, build_args: { MODE: fast } }
  base: { context: base, target: out }
  site: { context: ., dockerfile: site/Dockerfile }
  shop: { context: shop, build_contexts: { assets: assets } }
";

/// A repository with four images whose head has a report.
fn case() -> Case {
    let case = Case::configured(YAML);
    let image = TestImage { architecture: "amd64", ..TestImage::of(1_000) };
    case.docker.builds("default", &Build { stream: recorded("push-by-digest"), ..Build::ok(image) });
    for (file, text) in [
        (".dockerignore", "docs\n.git\nweb\norders\n.weighbridge\n"),
        ("api/Dockerfile", "FROM scratch\nARG MODE\nCOPY src /src\nCOPY --chmod=755 run.sh /\n"),
        ("api/src/main.c", "int main;"),
        ("api/src/deep/more.c", "int more;"),
        ("api/run.sh", "run"),
        ("api/README.md", "words"),
        ("base/Dockerfile", "FROM scratch AS out\nCOPY base.txt /\n"),
        ("base/base.txt", "base"),
        ("base/.dockerignore", "*\n!base.txt\n"),
        ("site/Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("docs/page.md", "words"),
        ("assets/logo.svg", "<svg/>"),
        (
            "shop/Dockerfile",
            "FROM scratch\nRUN --mount=type=bind,from=assets,source=logo.svg,target=/l true\nCOPY app /app\n",
        ),
        ("shop/app/a", "a"),
        (".gitignore", "*.log\n"),
    ] {
        case.repository.write(file, text);
    }
    case.repository.commit("base");
    case.run(&[]).expect(0);
    case
}

/// The images of the matrix, and what was said.
fn built(case: &Case) -> (Vec<String>, String) {
    let run = case.weighbridge(&["plan", "--format", "github", "--changed", "--base", "HEAD"]).expect(0);
    let matrix: Value = serde_json::from_str(&run.stdout).unwrap();
    let name = |entry: &Value| entry["cells"].as_str().unwrap().split('@').next().unwrap().to_owned();
    let mut names: Vec<String> = matrix["include"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    (names, run.stderr)
}

type Change = fn(&Case);

/// What somebody does to the work tree, and the images that need a build then.
const SCENARIOS: [(&str, Change, &[&str]); 24] = [
    ("nothing", |_| {}, &[]),
    ("a file that a directory is copied with", |case| write(case, "api/src/main.c", "x"), &["api", "site"]),
    ("a file deep below it", |case| write(case, "api/src/deep/more.c", "x"), &["api", "site"]),
    ("a new file there", |case| write(case, "api/src/new.c", "x"), &["api", "site"]),
    (
        "a file that is removed",
        |case| std::fs::remove_file(case.repository.path().join("api/src/main.c")).unwrap(),
        &["api", "site"],
    ),
    ("a file that is copied by name", |case| write(case, "api/run.sh", "x"), &["api", "site"]),
    ("a file that no instruction of the image takes", |case| write(case, "api/README.md", "x"), &["site"]),
    ("a file that the ignore file leaves out", |case| write(case, "docs/page.md", "x"), &[]),
    ("a Dockerfile", |case| write(case, "api/Dockerfile", "FROM scratch\nCOPY run.sh /\n"), &["api", "site"]),
    (
        "a comment in a Dockerfile",
        |case| write(case, "base/Dockerfile", "# x\nFROM scratch AS out\nCOPY base.txt /\n"),
        &["base", "site"],
    ),
    ("a build argument", |case| edit(case, "MODE: fast", "MODE: small"), &["api", "site"]),
    ("a label", |case| edit(case, "target: out", "target: out, labels: { a: b }"), &["base", "site"]),
    ("another target", |case| edit(case, ", target: out", ""), &["base", "site"]),
    ("a tag", |case| edit(case, "target: out", "target: out, tags: [r.example/base:1]"), &["site"]),
    ("a file that an ignore file lets in", |case| write(case, "base/base.txt", "x"), &["base", "site"]),
    ("a named context", |case| write(case, "assets/logo.svg", "x"), &["shop", "site"]),
    (
        "an ignore file that lets more in",
        |case| write(case, ".dockerignore", ".git\nweb\norders\n.weighbridge\n"),
        &["site"],
    ),
    (
        "an ignore file that is gone",
        |case| std::fs::remove_file(case.repository.path().join("base/.dockerignore")).unwrap(),
        &["base", "site"],
    ),
    (
        "an ignore file beside the Dockerfile",
        |case| write(case, "api/Dockerfile.dockerignore", "src\n"),
        &["api", "site"],
    ),
    ("a file that git ignores", |case| write(case, "api/src/debug.log", "x"), &["api", "site"]),
    (
        "a link beside something that changed",
        |case| {
            std::os::unix::fs::symlink("../README.md", case.repository.path().join("api/src/link")).unwrap();
        },
        &["api", "site"],
    ),
    ("a new image", |case| edit(case, "images:\n", "images:\n  orders: { context: orders }\n"), &["orders", "site"]),
    ("no cache", |case| edit(case, "target: out", "target: out, no_cache: true"), &["base", "site"]),
    ("a remote context", |case| edit(case, "context: api,", "context: 'https://git.example/x.git',"), &["api", "site"]),
];

fn write(case: &Case, path: &str, text: &str) {
    case.repository.write(path, text);
}

fn edit(case: &Case, from: &str, to: &str) {
    assert!(YAML.contains(from), "{from}");
    case.repository.write("weighbridge.yml", YAML.replace(from, to));
}

#[test]
fn no_scenario_skips_a_cell_that_needs_a_build() {
    let case = case();
    for (scenario, change, expected) in SCENARIOS {
        change(&case);
        let (images, said) = built(&case);
        assert_eq!(images, expected, "{scenario}: {said}");
        case.repository.git(&["checkout", "--quiet", "--", "."]);
        case.repository.git(&["clean", "-fdqx", "-e", ".weighbridge"]);
    }
}

#[test]
fn without_a_baseline_everything_is_built_and_says_why() {
    let case = Case::configured("images: { web: { context: web } }");
    case.repository.commit("head");
    let (images, said) = built(&case);
    assert_eq!(images, ["web"]);
    assert!(said.contains("web is built: "), "{said}");
}

#[test]
fn what_was_skipped_shows_the_numbers_of_its_baseline_and_says_so() {
    let mut case = case();
    let inside = |case: &Case| case.repository.report()["cells"][0]["contents"].clone();
    let before = inside(&case);
    assert!(before["start"].is_object() && before["waste"].is_object(), "{before}");
    case.set("WEIGHBRIDGE_RUN", "17");
    case.repository.write("assets/logo.svg", "x");
    case.repository.commit("head");
    let run = case.weighbridge(&["plan", "--format", "github", "--changed", "--base", "HEAD~1"]).expect(0);
    let run =
        run.says("carried over from the baseline: 2 of 4 cells").says("shop is built: files changed that line 2 takes");
    assert!(!run.stdout.contains("api@"), "{}", run.stdout);
    case.weighbridge(&["build", "--cell", "shop@linux/amd64,site@linux/amd64"]).expect(0);
    case.weighbridge(&["report", "--base", "HEAD~1"]).expect(0);
    let report = case.repository.report();
    let carried: Vec<bool> =
        report["cells"].as_array().unwrap().iter().map(|cell| cell["carried_over"].is_string()).collect();
    assert_eq!(carried, [true, true, false, false]);
    assert!(report["cells"][0]["compressed_bytes"].as_u64().unwrap() > 0);
    assert_eq!(inside(&case), before);
    let comment = case.comment();
    assert!(comment.contains("2 builds carried over, as nothing changed that goes into them"), "{comment}");
}
