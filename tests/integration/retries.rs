//! What fails for a passing reason is tried again, told, and given up in the end; what does not is failed at once.

use crate::case::Case;
use crate::fake::{Build, CONTAINER_BUILDER};
use crate::layout::TestImage;

/// What buildx prints when a build ends like this.
fn failed(error: &str) -> Build {
    let stream = format!("ERROR: failed to build: failed to solve: {error}\n").into_bytes();
    Build { stream, image: None, end: "1" }
}

const THROTTLED: &str = "toomanyrequests: retry-after: 389.706µs, allowed: 44000/minute";

fn retried(case: &Case, index: usize) -> Vec<String> {
    let findings = case.cell(index, "findings");
    let retried = findings.as_array().unwrap().iter().filter(|finding| finding["rule"] == "retried");
    retried.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_cell_whose_failure_may_pass_is_built_again_alone_and_told() {
    let case = Case::new();
    case.docker.builds("orders", &Build::ok(TestImage::of(1_000)));
    case.docker.builds_badly_once("orders", "ERROR: failed to build: failed to solve: x: 503 Service Unavailable\n");
    case.run(&[]).expect(0).says("orders linux/amd64: a server failed; building again in ");
    assert_eq!(case.docker.builds_run(), 3);
    assert_eq!(retried(&case, 0), ["built again: a server failed (1×); last error: x: 503 Service Unavailable"]);
    assert!(retried(&case, 1).is_empty());
    assert!(case.comment().contains("built again: a server failed"), "{}", case.comment());
    // What was waited for is part of the time.
    assert!(case.cell(0, "wall_seconds").as_f64().unwrap() >= 2.0);
}

#[test]
fn a_runner_among_others_tries_again_as_well() {
    for (options, code, builds) in [(&["--retries", "0"][..], 3, 1), (&[], 0, 2)] {
        let case = Case::new();
        case.docker.builds("orders", &Build::ok(TestImage::of(1_000)));
        case.docker
            .builds_badly_once("orders", "ERROR: failed to build: failed to solve: x: 503 Service Unavailable\n");
        case.weighbridge(&[&["build", "--cell", "orders@linux/amd64"], options].concat()).expect(code);
        assert_eq!(case.docker.builds_run(), builds);
    }
}

#[test]
fn a_failure_that_does_not_pass_is_given_up() {
    let case = Case::new();
    case.docker.builds("web", &failed(THROTTLED));
    case.run(&["--retries", "1"]).expect(3).says("the registry asked us to slow down; building again in ");
    assert_eq!(case.docker.builds_run(), 3);
    assert!(retried(&case, 1)[0].starts_with("built again: the registry asked us to slow down (1×)"));
    assert!(case.cell(1, "failure")["message"].as_str().unwrap().contains("toomanyrequests"));
    case.run(&["--retries", "0"]).expect(3);
    assert_eq!(case.docker.builds_run(), 5);
}

#[test]
fn what_will_be_the_same_is_not_tried_again() {
    for build in [
        Build::failing(),
        failed("a: failed to resolve source metadata for docker.io/library/a:9: docker.io/library/a:9: not found"),
        failed("failed to push r.example/a: unexpected status from POST request to https://r.example/: 403 Forbidden"),
        failed("unexpected status from HEAD request to https://r.example/v2/a/manifests/1: 401 Unauthorized"),
        failed(THROTTLED).ending("die"),
    ] {
        let case = Case::new();
        case.docker.builds("web", &build);
        case.run(&[]).expect(3);
        assert_eq!(case.docker.builds_run(), 2, "{}", String::from_utf8_lossy(&build.stream));
        assert!(retried(&case, 1).is_empty());
    }
}

#[test]
fn a_secret_in_an_error_that_passed_is_not_told() {
    let mut case = Case::configured("images: { web: { context: web, secrets: ['id=token,env=TOKEN'] } }");
    case.set("TOKEN", "very-secret-value");
    case.docker.builds_badly_once("web", "ERROR: failed to build: https://very-secret-value@x: 502 Bad Gateway\n");
    let run = case.run(&[]).expect(0);
    assert_eq!(retried(&case, 0).len(), 1);
    let report = case.repository.report().to_string();
    assert!(!report.contains("very-secret-value") && !run.stderr.contains("very-secret-value"), "{report}");
}

#[test]
fn a_builder_that_boots_slowly_is_asked_again_and_one_that_never_does_is_given_up() {
    let case = Case::new();
    let error = "ERROR: failed to list workers: Unavailable: connection error";
    case.docker.stumbles("inspect", error);
    case.run(&[]).expect(0).says("the builder was not reached and was asked again (");
    assert!(retried(&case, 0)[0].starts_with("asked the builder again: the builder was not reached (1×)"));
    let case = Case::new();
    let broken = CONTAINER_BUILDER.replace("Status:           running", "Status: error\nError: connection refused");
    case.docker.answers("inspect", broken);
    case.run(&[]).expect(3).says("node fleet0 of builder fleet cannot be used: connection refused");
}
