//! Images whose tests run in a real engine, and what the real registry then has of them.

use std::process::Command;

use serde_json::Value;

use super::delivery::registry;
use super::faulty_registry::{Fault, FaultyRegistry};
use super::joining::manifest;
use super::repository;
use super::support::Repository;

const DOCKERFILE: &str = "FROM debian:bookworm-slim\nRUN echo tested >/state\nENTRYPOINT [\"/bin/false\"]\n";

/// An image that is pushed to this registry when its tests succeed.
fn image(registry: &str, name: &str, settings: &str) -> Repository {
    let repository = repository();
    repository.write("app/Dockerfile", DOCKERFILE);
    let tag = format!("{registry}/{}", place(name));
    let yaml = format!("images: {{ app: {{ context: app, tags: ['{tag}:1', '{tag}:2'], {settings} }} }}");
    repository.write("weighbridge.yml", yaml);
    repository.commit("base");
    repository
}

fn place(name: &str) -> String {
    format!("e2e/tested-{name}-{}", std::process::id())
}

fn findings(cell: &Value, rule: &str) -> Vec<String> {
    let all = cell["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule);
    all.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

/// What the engine still has of images and containers of tests.
fn left_behind() -> String {
    let ask = |arguments: &[&str]| Command::new("docker").args(arguments).output().unwrap().stdout;
    let images = ask(&["image", "ls", "--quiet", "weighbridge/tested"]);
    let containers = ask(&["ps", "--all", "--quiet", "--filter", "name=weighbridge-test-"]);
    String::from_utf8([images, containers].concat()).unwrap()
}

#[test]
fn the_pushed_digest_is_the_tested_one_under_all_tags() {
    for (name, attestations, settings) in [("plain", false, "provenance: false, "), ("attested", true, "")] {
        let settings = format!("{settings}platforms: [linux/amd64], test: ['grep -q tested /state', [cat, /state]]");
        let repository = image(&registry(), name, &settings);
        let run = repository.weighbridge(&["run", "--push", "--keep-layouts"]).expect(0);
        let cell = repository.report()["cells"][0].clone();
        let pushed = cell["pushed_digest"].as_str().unwrap();
        assert!(run.stderr.contains(&format!("tested as {pushed}")), "{}", run.stderr);
        let layout: Value =
            serde_json::from_str(&repository.read(".weighbridge/cells/app/linux-amd64/layout/index.json")).unwrap();
        assert_eq!(layout["manifests"][0]["digest"], pushed);
        for tag in ["1", "2", pushed] {
            let (status, digest, _) = manifest(&place(name), tag);
            assert_eq!((status.as_str(), digest.as_str()), ("200", pushed));
        }
        assert_eq!(pushed == cell["digest"].as_str().unwrap(), !attestations);
        // Whoever pulls it gets it whole.
        let reference = format!("{}/{}@{pushed}", registry(), place(name));
        let pulled = Command::new("docker").args(["pull", "--quiet", &reference]).output().unwrap();
        assert!(pulled.status.success(), "{}", String::from_utf8_lossy(&pulled.stderr));
        assert!(repository.read(".weighbridge/cells/app/linux-amd64/build.log").contains("$ cat /state\ntested\n"));
    }
    assert_eq!(left_behind(), "");
}

#[test]
fn an_image_whose_test_fails_is_not_pushed() {
    let repository = image(&registry(), "failing", "platforms: [linux/amd64], test: [[sh, -c, 'echo seen; exit 4']]");
    repository.weighbridge(&["run", "--push"]).expect(3).says("failed: exit status 4");
    assert_eq!(repository.report()["cells"][0]["failure"]["log_tail"][0], "seen");
    assert_eq!(manifest(&place("failing"), "1").0, "404");
    let repository = image(&registry(), "slow", "platforms: [linux/amd64], test: [sleep 300], test_timeout: 2s");
    repository.weighbridge(&["run", "--push"]).expect(3).says("was stopped after 2.00s");
    assert_eq!((manifest(&place("slow"), "1").0.as_str(), left_behind().as_str()), ("404", ""));
}

#[test]
fn platforms_that_were_tested_or_cannot_be_are_joined() {
    let settings = "platforms: [linux/amd64, linux/arm64], provenance: false, test: [cat /state]";
    let mut repository = image(&registry(), "joined", settings);
    repository.write(
        "app/Dockerfile",
        "FROM --platform=linux/amd64 debian:bookworm-slim AS any\nRUN echo tested >/state\nFROM any\n",
    );
    // Any builder will do, as it does not push.
    repository.env.insert("BUILDX_BUILDER".to_owned(), "default".to_owned());
    repository.weighbridge(&["run", "--push"]).expect(0);
    let report = repository.report();
    assert_eq!(findings(&report["cells"][0], "not-tested").len(), 0);
    assert_eq!(findings(&report["cells"][1], "not-tested").len(), 1);
    let (status, digest, index) = manifest(&place("joined"), "1");
    assert_eq!((status.as_str(), digest.as_str()), ("200", report["indexes"]["app"].as_str().unwrap()));
    for cell in 0..2 {
        assert_eq!(index["manifests"][cell]["digest"], report["cells"][cell]["pushed_digest"]);
    }
}

#[test]
fn a_registry_that_fails_in_the_middle_of_the_push_is_asked_again() {
    let faulty = FaultyRegistry::start(registry());
    let repository =
        image(&faulty.host(), "stumble", "platforms: [linux/amd64], provenance: false, test: [cat /state]");
    faulty.stumble("POST", &format!("/v2/{}/", place("stumble")), 2, 1, Fault::Refuse(503));
    faulty.stumble("PUT", &format!("/v2/{}/manifests/1", place("stumble")), 1, 1, Fault::Drop);
    repository.weighbridge(&["run", "--push"]).expect(0);
    let cell = repository.report()["cells"][0].clone();
    let told = &findings(&cell, "retried")[0];
    assert!(told.starts_with("pushed again: a server failed (1×), a connection broke (1×)"), "{told}");
    assert_eq!(manifest(&place("stumble"), "2").1, cell["pushed_digest"].as_str().unwrap());
}
