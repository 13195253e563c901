//! A registry that fails in the middle, between a real engine and the real registry.

use super::delivery::registry;
use super::faulty_registry::{Fault, FaultyRegistry};
use super::repository;
use super::support::Repository;

/// An image that is pushed through this registry.
fn image(registry: &FaultyRegistry, name: &str, dockerfile: &str) -> Repository {
    let repository = repository();
    repository.write("app/Dockerfile", dockerfile);
    repository.write("app/text", format!("{name} ").repeat(1_000));
    let tag = format!("{}/e2e/{name}-{}:1", registry.host(), std::process::id());
    let settings = "platforms: [linux/amd64], provenance: false";
    repository.write("weighbridge.yml", format!("images: {{ app: {{ context: app, {settings}, tags: ['{tag}'] }} }}"));
    repository.commit("base");
    repository
}

/// The path of what an image pushes.
fn path(name: &str, rest: &str) -> String {
    format!("/v2/e2e/{name}-{}/{rest}", std::process::id())
}

/// The messages of what was tried again.
fn retried(repository: &Repository) -> Vec<String> {
    let findings = repository.report()["cells"][0]["findings"].as_array().unwrap().clone();
    let retried = findings.iter().filter(|finding| finding["rule"] == "retried");
    retried.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

const DOCKERFILE: &str = "FROM scratch\nCOPY text /text\n";

#[test]
fn a_push_that_is_throttled_in_the_middle_is_tried_again_and_told() {
    let registry = FaultyRegistry::start(registry());
    let repository = image(&registry, "throttled", DOCKERFILE);
    // Blobs are there by then. BuildKit asks for itself as often before the build fails.
    registry.stumble("PUT", &path("throttled", "manifests/"), 1, 6, Fault::Refuse(429));
    repository.weighbridge(&["run", "--push"]).expect(0).says("the registry asked us to slow down; building again in ");
    assert!(retried(&repository)[0].starts_with("built again: the registry asked us to slow down (1×)"));
    let pushed =
        registry.requests().into_iter().filter(|request| request.method == "PUT" && request.status == Some(201));
    assert!(pushed.into_iter().any(|request| request.path.starts_with(&path("throttled", "manifests/"))));
}

#[test]
fn a_registry_that_stays_down_is_given_up() {
    let registry = FaultyRegistry::start(registry());
    let repository = image(&registry, "down", DOCKERFILE);
    registry.fault("*", &path("down", ""), 1, Fault::Refuse(429));
    repository.weighbridge(&["run", "--push", "--retries", "1"]).expect(3).says("building again in ");
    assert_eq!(retried(&repository).len(), 1);
}

#[test]
fn a_refusal_and_a_missing_base_image_are_not_tried_again() {
    let registry = FaultyRegistry::start(registry());
    let repository = image(&registry, "refused", DOCKERFILE);
    registry.fault("POST", &path("refused", ""), 1, Fault::Refuse(403));
    repository.weighbridge(&["run", "--push"]).expect(3).says("failed to push");
    assert!(retried(&repository).is_empty());
    let base = format!("FROM {}/e2e/nowhere:1\n", registry.host());
    let repository = image(&registry, "baseless", &base);
    repository.weighbridge(&["run"]).expect(3).says("not found");
    assert!(retried(&repository).is_empty());
}
