//! What a reviewer is told when an image grows, on images small enough to be built in a moment.

use super::repository;
use super::support::Repository;

const DOCKERFILE: &str = "FROM scratch AS parts\nCOPY parts /parts\n\nFROM scratch\nLABEL a=b\nCOPY --from=parts /parts /parts\nCOPY text /text\n";

pub(crate) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(bytes).collect()
}

fn service() -> Repository {
    let repository = repository();
    repository.write("service/Dockerfile", DOCKERFILE);
    repository.write("service/parts", noise(1, 200_000));
    repository.write("service/text", "one");
    repository
        .write("weighbridge.yml", "images:\n  service: { context: service, budget: { compressed_growth: 50% } }\n");
    repository
}

#[test]
fn a_grown_layer_is_named_with_its_line_and_the_budget_fails() {
    let repository = service();
    let base = repository.commit("base");
    repository.weighbridge(&["run"]).expect(0);
    repository.write("service/parts", noise(2, 900_000));
    repository.commit("grow");
    let run = repository.weighbridge(&["run", "--format", "markdown"]).expect(1);
    assert!(run.stdout.contains("Dockerfile:6"), "{}", run.stdout);
    assert!(run.stdout.contains("+70") && run.stdout.contains(&base[..7]), "{}", run.stdout);
    let budgets = repository.report()["cells"][0]["budgets"].clone();
    assert_eq!(budgets[0]["verdict"], "fail", "{budgets}");
}

#[test]
fn a_change_outside_of_the_image_changes_nothing() {
    let repository = service();
    repository.commit("base");
    repository.weighbridge(&["run"]).expect(0);
    repository.write("README.md", "words");
    repository.commit("words");
    let run = repository.weighbridge(&["run", "--format", "markdown"]).expect(0);
    assert!(run.stdout.lines().next().unwrap().contains("no change"), "{}", run.stdout);
}

#[test]
fn the_base_is_built_when_nothing_is_known_of_it() {
    let repository = service();
    let base = repository.commit("base");
    repository.write("service/parts", noise(3, 500_000));
    repository.commit("grow");
    let run = repository.weighbridge(&["run", "--format", "markdown"]).expect(1);
    assert!(run.stdout.contains("Dockerfile:6"), "{}", run.stdout);
    assert!(repository.path().join(format!(".weighbridge/history/{base}.json")).exists());
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 1, "the work tree of the base is left behind");
}

#[test]
fn uncommitted_changes_are_compared_with_head_and_never_kept() {
    let repository = service();
    let base = repository.commit("base");
    repository.weighbridge(&["run"]).expect(0);
    repository.write("service/parts", noise(4, 500_000));
    repository.weighbridge(&["run"]).expect(1).says("not kept as a baseline");
    let report = repository.report();
    assert_eq!(report["context"]["head"]["dirty"], true);
    assert_eq!(report["context"]["base"]["sha"], base.as_str());
    let history = std::fs::read_dir(repository.path().join(".weighbridge/history")).unwrap();
    assert_eq!(history.count(), 1);
}

#[test]
fn the_output_directory_does_not_leak_into_a_context_that_contains_it() {
    let repository = repository();
    repository.write("Dockerfile", "FROM scratch\nCOPY . /all\n");
    repository.write("file", "content");
    repository.commit("base");
    repository.weighbridge(&["run", "--no-rebuild-base"]).expect(0);
    let first = repository.report();
    repository.weighbridge(&["run", "--no-rebuild-base"]).expect(0);
    let second = repository.report();
    assert_eq!(second["cells"][0]["cached_steps"], second["cells"][0]["total_steps"]);
    assert_eq!(first["cells"][0]["digest"], second["cells"][0]["digest"]);
}

#[test]
fn layers_of_inherited_steps_are_not_taken_for_the_base_image() {
    let repository = repository();
    let registry = std::env::var("WEIGHBRIDGE_TEST_REGISTRY").unwrap();
    let parent = format!("{registry}/e2e/onbuild:{}", std::process::id());
    repository.write("parent/Dockerfile", "FROM debian:bookworm-slim\nONBUILD COPY file /file\n");
    let mut push = std::process::Command::new("docker");
    push.args(["buildx", "build", "--quiet", "--push", "--tag", &parent, "parent"]).current_dir(repository.path());
    assert!(push.status().unwrap().success());
    repository.write("child/Dockerfile", format!("FROM {parent}\nCOPY text /text\n"));
    repository.write("child/file", "inherited");
    repository.write("child/text", "own");
    repository.write("weighbridge.yml", "images: { child: { context: child } }\n");
    repository.commit("base");
    repository.weighbridge(&["run"]).expect(0);
    for layer in repository.report()["cells"][0]["layers"].as_array().unwrap() {
        assert!(layer["base"].is_null(), "{layer}");
    }
}
