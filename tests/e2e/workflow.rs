//! The workflow that others call, step by step on the real engine: weighbridge comes out of an image, two platforms of two
//! images are built and pushed by jobs of their own, and a third kind of job moves the tags and comments.

use std::process::Command;

use serde_json::json;

use super::action;
use super::delivery::registry;
use super::engine::VARIABLES;
use super::forge_server::artifacts::{OWN, Run};
use super::forge_server::model::TOKEN;
use super::forge_server::{Kind, Server};
use super::growth::noise;
use super::joining::{RemoteBuilder, images, manifest};
use super::repository;
use super::review::{Review, TRIAL_MERGE};
use super::runner::workflow::{Leg, Workflow};

/// An image that holds the weighbridge of these tests, until it is dropped.
struct Image(String);

impl Image {
    fn new() -> Self {
        let context = tempfile::tempdir().unwrap();
        let dockerfile = "FROM scratch\nCOPY weighbridge /usr/local/bin/weighbridge\nCMD [\"weighbridge\", \"run\"]\n";
        std::fs::write(context.path().join("Dockerfile"), dockerfile).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_weighbridge"), context.path().join("weighbridge")).unwrap();
        let tag = format!("weighbridge-e2e-workflow:{}", std::process::id());
        let mut build = Command::new("docker");
        build.args(["buildx", "build", "--quiet", "--load", "--tag", &tag]).arg(context.path());
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(tag)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // A failed test must be able to end without failing a second time.
        let _ = Command::new("docker").args(["image", "rm", "--force", &self.0]).output();
    }
}

/// Two images of two platforms, into which files are copied.
fn review(name: &str) -> Review {
    let upstream = repository();
    let mut config = "cache: { backend: none }\nimages:\n".to_owned();
    for (number, image) in (1..).zip(["api", "web"]) {
        upstream.write(&format!("{image}/Dockerfile"), "FROM scratch\nCOPY parts /parts\n");
        upstream.write(&format!("{image}/parts"), noise(u64::from(std::process::id()) + number, 20_000));
        let tag = format!("{}/{name}/{image}:1", registry());
        config +=
            &format!("  {image}: {{ context: {image}, platforms: [linux/amd64, linux/arm64], tags: ['{tag}'] }}\n");
    }
    upstream.write("weighbridge.yml", config);
    Review::of(upstream, |topic| drop(topic.write("web/parts", noise(u64::from(std::process::id()), 200_000))))
}

fn called(review: &Review, server: &Server, reference: &str, id: u64, event: &serde_json::Value) -> Workflow {
    let mut workflow = Workflow::called("build.yml", review.upstream.path(), reference);
    workflow.token = TOKEN.to_owned();
    workflow.give("push", true);
    workflow.give("registry", registry());
    for name in VARIABLES {
        workflow.set(name, &std::env::var(name).unwrap_or_default());
    }
    for (name, value) in action::forge_variables(server).into_iter().filter(|(name, _)| name.starts_with("GITHUB_")) {
        workflow.set(name, &value);
    }
    let payload = review.upstream.write(&format!(".git/event-{id}.json"), event.to_string());
    workflow.set("GITHUB_EVENT_PATH", payload.to_str().unwrap());
    workflow.set("GITHUB_REF", reference);
    workflow.set("GITHUB_RUN_ID", &id.to_string());
    workflow
}

/// Runs all jobs, which have to succeed, and returns the names of those that built.
fn succeeds(workflow: &mut Workflow) -> Vec<String> {
    workflow.run();
    for job in ["plan", "build", "report"] {
        let job = workflow.job_of(job);
        assert_eq!(job.result(), "success", "{}", job.legs().map(|leg| leg.log.as_str()).collect::<String>());
    }
    workflow.job_of("build").legs().map(|leg| leg.name.clone()).collect()
}

fn log(workflow: &Workflow, job: &str) -> String {
    workflow.job_of(job).legs().map(|leg: &Leg| leg.log.as_str()).collect()
}

#[tokio::test]
async fn a_pull_request_goes_through_the_workflow_to_an_index_and_a_comment() {
    let name = format!("e2e/workflow-{}", std::process::id());
    let (review, server) = (review(&name), Server::start(Kind::Github).await);
    let (builder, image) = (RemoteBuilder::new(), Image::new());
    action::knows(&server, &review, OWN);
    let mut main =
        called(&review, &server, "refs/heads/main", 41, &json!({ "repository": action::repository("acme/shop") }));
    main.give("image", image.0.as_str());
    for (variable, value) in [
        ("BUILDX_BUILDER", builder.name.as_str()),
        ("GITHUB_BASE_REF", ""),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_HEAD_REF", ""),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_SHA", &review.base),
    ] {
        main.set(variable, value);
    }
    action::starts(&server, action::run(41, &review));
    let all = ["api linux/arm64", "web linux/arm64", "api linux/amd64", "web linux/amd64"];
    assert_eq!(succeeds(&mut main), all);
    let before = ["api", "web"].map(|image| manifest(&format!("{name}/{image}"), "1"));
    server.model().actions.leave(41, "weighbridge", main.artifact("weighbridge", "report.json"));

    let head = json!({ "ref": "topic", "sha": review.topic, "repo": action::repository("acme/shop") });
    let event = json!({ "repository": action::repository("acme/shop"), "pull_request": { "number": 7, "head": head } });
    let mut request = called(&review, &server, TRIAL_MERGE, 42, &event);
    request.give("image", image.0.as_str());
    request.give("changed", true);
    request.set("BUILDX_BUILDER", &builder.name);
    request.set("GITHUB_SHA", &review.merge);
    let (event, head_sha) = ("pull_request".to_owned(), review.topic.clone());
    let of = Run { event, head_branch: "topic".to_owned(), head_sha, ..action::run(42, &review) };
    action::starts(&server, of);
    assert_eq!(succeeds(&mut request), ["web linux/arm64", "web linux/amd64"]);
    assert!(
        log(&request, "plan").contains("carried over from the baseline: 2 of 4 cells"),
        "{}",
        log(&request, "plan")
    );

    let report: serde_json::Value = serde_json::from_slice(&request.artifact("weighbridge", "report.json")).unwrap();
    let after = ["api", "web"].map(|image| manifest(&format!("{name}/{image}"), "1"));
    assert_eq!(after[0], before[0], "what was carried over keeps its tag");
    let (status, digest, index) = &after[1];
    assert_eq!((status.as_str(), Some(digest.as_str())), ("200", report["indexes"]["web"].as_str()));
    let cells = report["cells"].as_array().unwrap().iter().filter(|cell| cell["image"] == "web");
    let expected = cells.map(|cell| {
        let platform = cell["platform"].as_str().unwrap().trim_start_matches("linux/").to_owned();
        (platform, cell["digest"].as_str().unwrap().to_owned())
    });
    assert_eq!(images(index), expected.collect::<Vec<_>>());
    let model = server.model();
    let [comment] = model.comments.as_slice() else { panic!("{:#?}", model.comments) };
    for said in ["`web` +", "2 builds carried over", &review.base[..7]] {
        assert!(comment.body.contains(said), "{said}: {}", comment.body);
    }
}
