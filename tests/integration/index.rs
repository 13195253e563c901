//! Several platforms of one image under its tags: each is pushed by digest, then one index gets the tags, or none does.

use serde_json::{Value, json};

use crate::case::Case;
use crate::fake::{Build, CLASSIC_BUILDER, recorded};
use crate::layout::TestImage;

/// What the recorded streams say that was pushed: an index with attestations, and a manifest.
const AMD64: &str = "sha256:e6425d8d2f1c97f692e45369b8ef8ad14909a8327cbb2b900f00efdc74855822";
const ARM64: &str = "sha256:17a8dc22544c13b0ec0a15569e2662932777943998e2ccb6784ee7557cea8938";
const YAML: &str = "images: { web: { context: web, platforms: [linux/arm64, linux/amd64], tags: ['r.example/web:2', 'r.example/web:1'] } }";

/// A docker that pushes both platforms and joins them.
fn case() -> Case {
    let case = Case::configured(YAML);
    let build = |architecture, stream| {
        let image = TestImage { architecture, ..TestImage::of(1_000) };
        Build { stream: recorded(stream), ..Build::ok(image) }
    };
    case.docker.builds("web.linux-amd64", &build("amd64", "push-by-digest"));
    case.docker.builds("web.linux-arm64", &build("arm64", "push-by-digest-without-attestations"));
    let joined = index(&[("amd64", "sha256:image"), ("unknown", "sha256:attestation"), ("arm64", ARM64)]);
    case.docker.answers("trial", &joined);
    case.docker.answers("index", &joined);
    case
}

fn index(images: &[(&str, &str)]) -> String {
    let os = |architecture: &str| if architecture == "unknown" { "unknown" } else { "linux" };
    let entry = |(architecture, digest): &(&str, &str)| json!({ "digest": digest, "size": 1, "platform": { "os": os(architecture), "architecture": architecture } });
    json!({ "schemaVersion": 2, "manifests": images.iter().map(entry).collect::<Vec<Value>>() }).to_string()
}

/// The calls that move tags.
fn moved(case: &Case) -> Vec<String> {
    let calls = case.docker.calls(&["buildx", "imagetools", "create"]);
    calls.iter().filter(|call| !call.contains(&"--dry-run".to_owned())).map(|call| call.join(" ")).collect()
}

#[test]
fn the_platforms_are_pushed_by_digest_and_joined_under_all_tags() {
    let case = case();
    case.run(&["--push"]).expect(0).says("web: 2 platforms pushed as sha256:");
    for build in case.docker.calls(&["buildx", "build"]) {
        let output =
            "type=image,name=r.example/web,push-by-digest=true,name-canonical=true,push=true,store=false".to_owned();
        assert!(build.contains(&output) && !build.contains(&"--tag".to_owned()), "{build:?}");
        assert!(build.iter().rfind(|word| word.starts_with("type=")).unwrap().starts_with("type=oci"));
    }
    let sources = format!("r.example/web@{AMD64} r.example/web@{ARM64}");
    let create = format!("buildx imagetools create --tag r.example/web:2 --tag r.example/web:1 {sources}");
    assert_eq!(moved(&case), [create]);
    assert_eq!(case.docker.calls(&["buildx", "imagetools", "inspect", "--raw"]).len(), 2);
    assert_eq!(case.cell(0, "pushed_digest"), AMD64);
    let digest = case.repository.report()["indexes"]["web"].as_str().unwrap().to_owned();
    assert!(case.repository.read(".weighbridge/outputs.env").contains(&format!("WEIGHBRIDGE_DIGEST={digest}\n")));
}

#[test]
fn no_tag_moves_while_a_platform_is_missing() {
    let case = case();
    case.docker.builds("web.linux-arm64", &Build::failing());
    case.run(&["--push"]).expect(3).says("the tags of web were not moved: linux/arm64 was not built");
    assert!(case.docker.calls(&["buildx", "imagetools"]).is_empty());
    assert_eq!(case.repository.report()["indexes"], Value::Null);

    // A build that does not say what it pushed is as good as none.
    case.docker.builds("web.linux-arm64", &Build::ok(TestImage { architecture: "arm64", ..TestImage::of(1_000) }));
    case.run(&["--push"]).expect(3).says("linux/arm64 was built, but not pushed");
    assert!(case.docker.calls(&["buildx", "imagetools"]).is_empty());
}

#[test]
fn what_is_not_of_the_planned_platforms_is_not_joined() {
    for (trial, reason) in [
        (
            index(&[("amd64", "sha256:image")]),
            "what was pushed is of linux/amd64, planned was linux/amd64, linux/arm64",
        ),
        (index(&[("arm64", "sha256:image"), ("amd64", ARM64)]), "was pushed for linux/arm64 and is of linux/amd64"),
        (index(&[("amd64", "sha256:image"), ("amd64", ARM64)]), "are of linux/amd64"),
        ("[]".to_owned(), "read the index"),
    ] {
        let case = case();
        case.docker.answers("trial", trial);
        case.run(&["--push"]).expect(3).says(reason);
        assert!(moved(&case).is_empty(), "{reason}");
    }
}

#[test]
fn a_registry_that_refuses_fails_the_run_whose_report_says_so() {
    let case = case();
    case.docker.refuses("joined", 1, "ERROR: unexpected status from PUT request: 403 Forbidden\n");
    case.run(&["--push"]).expect(3).says("403 Forbidden");
    assert_eq!(moved(&case).len(), 1);
    let report = case.repository.report();
    assert_eq!((&report["verdict"], &report["indexes"]), (&json!("fail"), &Value::Null));
    assert_eq!(report["cells"][1]["findings"][0]["rule"], "index-not-pushed");
    assert!(case.comment().contains("2 of 2 builds not pushed"), "{}", case.comment());
}

#[test]
fn a_registry_that_stumbles_is_asked_again() {
    let case = case();
    case.docker.stumbles("trial", "ERROR: r.example/web@sha256:abc: not found\n");
    case.docker.stumbles("joined", "ERROR: unexpected status from PUT request: 503 Service Unavailable\n");
    case.docker.stumbles("index", "ERROR: unexpected status from GET request: 429 Too Many Requests\n");
    case.run(&["--push"]).expect(0).says("a server failed; asking again in ");
    assert_eq!(moved(&case).len(), 2);
    let findings = case.cell(0, "findings");
    let message = findings[0]["message"].as_str().unwrap();
    assert_eq!(findings[0]["rule"], "retried");
    for part in ["asked us to slow down (1×)", "a server failed (1×)", "did not know yet what was pushed (1×)"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_tag_that_reads_back_otherwise_fails_the_run() {
    let case = case();
    case.docker.answers("index", index(&[("amd64", "sha256:other"), ("arm64", ARM64)]));
    case.run(&["--push"]).expect(3).says("read back r.example/web:2: another image stands there");
}

#[test]
fn a_tag_that_must_not_move_may_stand_where_it_belongs_already() {
    let refusal = "ERROR: failed to push: tag invalid: The image tag '2' already exists in the 'web' repository and cannot \
                   be overwritten because the tag is immutable.\n";
    let case = case();
    case.docker.refuses("joined", 1, refusal);
    case.run(&["--push"]).expect(0);
    case.docker.answers("index", index(&[("amd64", "sha256:other"), ("arm64", ARM64)]));
    let refused = case.run(&["--push"]).expect(3);
    let refused = refused.says("has to be new, or stand for this image already: another image stands there");
    refused.says("because the tag is immutable");
    assert_eq!(case.repository.report()["verdict"], "fail");
}

#[test]
fn a_builder_that_cannot_push_by_digest_is_replaced_unless_it_was_named() {
    let case = case();
    let docker = CLASSIC_BUILDER
        .replace("amd64\n", "amd64, linux/arm64\nLabels:\n org.mobyproject.buildkit.worker.snapshotter: overlayfs\n");
    case.docker.answers("inspect", &docker);
    case.docker.answers("inspect.default", &docker);
    case.run(&["--push"]).expect(0).says("cannot push several platforms to be joined under one tag");
    assert!(moved(&case)[0].starts_with("buildx imagetools create --builder weighbridge "));
    case.run(&["--push", "--builder", "default"]).expect(3).says("name one with the docker-container driver");
    case.run(&["--builder", "default"]).expect(0);
}

#[test]
fn what_would_follow_the_builds_is_said_without_docker() {
    let case = Case::configured(YAML).without_docker();
    let shown = case.run(&["--dry-run", "--push"]).expect(0).stdout;
    let create = "docker buildx imagetools create --tag r.example/web:2 --tag r.example/web:1 \
                  r.example/web@DIGEST-linux-amd64 r.example/web@DIGEST-linux-arm64";
    assert!(shown.contains(&format!("\nweb, when all of its platforms are there\n  {create}\n")), "{shown}");
    assert!(shown.contains("push-by-digest=true") && !shown.contains("build --tag"), "{shown}");
    let json: Value =
        serde_json::from_str(&case.run(&["--dry-run", "--push", "--format", "json"]).expect(0).stdout).unwrap();
    assert_eq!(json["indexes"][0]["command"].as_array().unwrap().len(), create.split(' ').count());
}

#[test]
fn several_platforms_are_not_loaded_under_one_tag() {
    let case = Case::configured(YAML);
    case.run(&["--load"]).expect(2).says("several platforms can be pushed under one tag, not loaded");
    case.run(&["--push", "--load"]).expect(2).says("would each write the tag r.example/web:1");
}
