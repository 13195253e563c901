//! `plan --changed`: what changed is built, whatever cannot be told is built, and the rest is carried over.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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

/// Images in a repository with these files, which are built and have a report. The builds had these steps beside `copy`.
fn with_steps(yaml: &str, files: &[(&str, &str)], copy: &str, steps: &[String]) -> Case {
    let case = Case::configured(yaml);
    for (file, text) in files {
        case.repository.write(file, text);
    }
    case.repository.commit("base");
    let mut stream = String::from_utf8(recorded("push-by-digest")).unwrap();
    stream = stream.replace("[1/1] COPY text /text", copy);
    for (number, name) in steps.iter().enumerate() {
        let instant = "2026-11-26T22:53:35.9Z";
        let digest = format!("sha256:{number:064}");
        let vertex = json!({ "digest": digest, "name": name, "started": instant, "completed": instant });
        stream += &format!("{}\n", json!({ "vertexes": [vertex] }));
    }
    case.docker.builds("default", &Build { stream: stream.into_bytes(), ..Build::ok(TestImage::of(1_000)) });
    case.run(&[]).expect(0);
    case
}

/// What a registry answers, and its digest.
fn index(of: &str) -> (String, String) {
    let text = format!("{{\"manifests\":[],\"of\":\"{of}\"}}");
    let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    (text, format!("sha256:{digest}"))
}

type Registry = fn(&Case);

#[test]
fn a_base_image_that_moved_is_built_on_and_one_that_did_not_is_not() {
    let then = index("then").1;
    let from = |name: &str| format!("[1/2] FROM docker.io/library/{name}@{then}");
    let stays: Registry = |case| case.docker.answers("image.debian:12", index("then").0);
    let moves: Registry = |case| case.docker.answers("image.debian:12", index("now").0);
    let (pinned, twice) =
        (format!("debian@{then}"), format!("debian@{then} AS pinned\nFROM debian:12\nCOPY --from=pinned /x /x"));
    let on_build = "[2/3] ONBUILD COPY . /all".to_owned();
    for (base, steps, registry, expected) in [
        ("debian:12", vec![from("debian:12")], stays, None),
        ("debian:12", vec![from("debian:12")], moves, Some("its base image docker.io/library/debian:12 moved")),
        (
            "debian:12",
            vec![from("debian:12")],
            |case| case.docker.refuses("image.debian:12", 1, "ERROR: 429 Too Many Requests"),
            Some("what its base image docker.io/library/debian:12 is now cannot be told"),
        ),
        (
            "debian:12",
            vec![from("debian:12")],
            |case| case.docker.refuses("image.debian:12", 1, "ERROR: docker.io/library/debian:12: not found"),
            Some("what its base image docker.io/library/debian:12 is now cannot be told"),
        ),
        (&pinned, vec![from("debian")], moves, None),
        ("debian:12", vec![], stays, Some("which base images it had is not known")),
        // The digest of the one tells nothing of the other.
        (&twice, vec![from("debian"), from("debian:12")], moves, Some("which base images it had is not known")),
        (
            "debian:12",
            vec![from("debian:12"), on_build],
            stays,
            Some("what \"COPY . /all\", a step of its base image, takes cannot be told"),
        ),
        ("scratch\nCOPY --from=debian:12 /bin/sh /sh", vec![from("debian:12")], stays, None),
        (
            "scratch\nCOPY --from=debian:12 /bin/sh /sh",
            vec![from("debian:12")],
            moves,
            Some("its base image docker.io/library/debian:12 moved"),
        ),
    ] {
        let dockerfile = format!("FROM {base}\nCOPY app /app\n");
        let copy = match (base == twice, steps.len()) {
            (true, _) => "[stage-1 3/3] COPY app /app",
            (false, 2) => "[3/3] COPY app /app",
            (false, _) => "[2/2] COPY app /app",
        };
        let files = [("web/Dockerfile", dockerfile.as_str())];
        let case = with_steps("images: { web: { context: web } }", &files, copy, &steps);
        registry(&case);
        let (images, said) = built(&case);
        match expected {
            Some(reason) => assert!(said.contains(&format!("web is built: {reason}")), "{base}: {said}"),
            None => assert!(images.is_empty(), "{base}: {said}"),
        }
        if base == pinned {
            assert!(case.docker.calls(&["buildx", "imagetools"]).is_empty(), "a digest needs not be looked up");
        }
    }
}

#[test]
fn a_base_image_is_asked_for_once_and_only_where_nothing_else_asks_for_a_build() {
    let from = vec![format!("[1/2] FROM docker.io/library/debian:12@{}", index("then").1)];
    let dockerfile = "FROM debian:12\nCOPY app /app\n";
    let yaml = "images: { orders: { context: orders }, web: { context: web } }";
    let files = [("web/Dockerfile", dockerfile), ("orders/Dockerfile", dockerfile)];
    let case = with_steps(yaml, &files, "[2/2] COPY app /app", &from);
    case.docker.answers("image.debian:12", index("then").0);
    assert!(built(&case).0.is_empty());
    assert_eq!(case.docker.calls(&["buildx", "imagetools", "inspect"]).len(), 1);
    case.repository.write("web/app", "x");
    case.repository.write("orders/app", "x");
    assert_eq!(built(&case).0, ["orders", "web"]);
    assert_eq!(case.docker.calls(&["buildx", "imagetools", "inspect"]).len(), 1);
}

#[test]
fn stages_that_the_target_does_not_need_ask_for_no_build() {
    let dockerfile = "FROM debian:12 AS tools\nCOPY tools /t\nFROM scratch AS web\nCOPY app /app\nFROM web AS all\n\
                      COPY --from=tools /t /t\n";
    let yaml = "images: { web: { context: web, target: web } }";
    let files = [("web/Dockerfile", dockerfile), ("web/tools", "1")];
    let case = with_steps(yaml, &files, "[web 1/1] COPY app /app", &[]);
    assert!(built(&case).0.is_empty());
    case.repository.write("web/tools", "2");
    assert!(built(&case).0.is_empty());
    case.repository.write("web/app", "2");
    assert_eq!(built(&case).0, ["web"]);
    case.repository.git(&["checkout", "--quiet", "."]);
    case.repository.write("weighbridge.yml", yaml.replace("target: web", "target: all"));
    assert_eq!(built(&case).0, ["web"]);
}

#[test]
fn what_git_tells_nothing_of_is_built() {
    let unknown = "files that git does not know are part of its context";
    let two = "FROM scratch\nRUN --mount=type=bind,from=a,target=/a --mount=type=bind,from=b,target=/b true\n";
    for (yaml, dockerfile, others, expected) in [
        (
            "images: { web: { context: gen/web, dockerfile_inline: \"FROM scratch\\nCOPY app /app\" } }",
            "FROM scratch\nCOPY app /app\n",
            &[(".gitignore", "gen/"), ("gen/web/app", "x")][..],
            unknown,
        ),
        (
            "images: { web: { context: web } }",
            "FROM scratch\nCOPY dist/app /app\n",
            &[(".gitignore", "dist/"), ("web/.dockerignore", "*\n!dist/app"), ("web/dist/app", "x")],
            unknown,
        ),
        (
            "images: { web: { context: other/web, dockerfile_inline: \"FROM scratch\\nCOPY app /app\" } }",
            "FROM scratch\nCOPY app /app\n",
            &[(".gitignore", "other/"), ("other/web/app", "x")],
            "the build context lies in another repository",
        ),
        (
            "images: { web: { context: other/web } }",
            "FROM scratch\n",
            &[
                (".gitignore", "other/"),
                ("other/web/app", "x"),
                ("other/web/Dockerfile", "FROM scratch\nCOPY app /app\n"),
            ],
            "its Dockerfile changed, or whether it did cannot be told",
        ),
        (
            "images: { web: { context: ., dockerfile: web/Dockerfile } }",
            "FROM scratch\nCOPY other/web /app\n",
            &[(".gitignore", "other/"), (".dockerignore", ".git\n.weighbridge"), ("other/web/app", "x")],
            unknown,
        ),
        (
            "images: { web: { context: web, build_contexts: { a: orders, b: gen } } }",
            two,
            &[(".gitignore", "gen/"), ("gen/x", "x")],
            unknown,
        ),
        (
            "images: { web: { context: web, build_contexts: { a: orders } } }",
            "FROM scratch AS a\nFROM scratch\nCOPY --from=a app /app\n",
            &[],
            "what its stages take from the context a cannot be told",
        ),
        (
            "images: { web: { context: web, build_contexts: { a: orders } } }",
            "FROM a\nCOPY app /app\n",
            &[],
            "what its stages take from the context a cannot be told",
        ),
    ] {
        let case = Case::configured(yaml);
        for (file, text) in others {
            case.repository.write(file, text);
        }
        case.repository.write("web/Dockerfile", dockerfile);
        if others.iter().any(|(file, _)| file.starts_with("other/")) {
            case.repository.git(&["init", "--quiet", "other"]);
        }
        case.repository.commit("base");
        case.run(&[]).expect(0);
        let (images, said) = built(&case);
        assert_eq!(images, ["web"], "{yaml}: {said}");
        assert!(said.contains(&format!("web is built: {expected}")), "{yaml}: {said}");
    }
}
