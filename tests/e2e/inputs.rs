//! The inputs of docker/build-push-action, on the real engine.

use std::process::Command;

use super::delivery::registry;
use super::repository;
use super::support::Repository;

const DOCKERFILE: &str = "FROM debian:bookworm-slim
ARG VERSION
COPY file /file
RUN --mount=type=secret,id=TOKEN --mount=type=secret,id=KEY,env=KEY,required=true \\
    test \"$(cat /run/secrets/TOKEN)\" = hunter2hunter2 && test \"$KEY\" = \"$(printf 'one\\ntwo')\" \\
    && cat /run/secrets/TOKEN && echo \"$VERSION\" >/version
";

fn with(inputs: &[(&str, &str)]) -> Repository {
    let mut repository = repository();
    repository.write("docker/Dockerfile.prod", DOCKERFILE);
    repository.write("app/file", "text");
    repository.commit("base");
    let given = inputs.iter().map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()), (*value).to_owned()));
    let always = [("GITHUB_ACTIONS", "true"), ("INPUT_CONTEXT", "app"), ("INPUT_FILE", "docker/Dockerfile.prod")];
    let always = always.map(|(name, value)| (name.to_owned(), value.to_owned()));
    repository.env.extend(given.chain(always));
    repository
}

#[test]
fn a_step_of_build_push_action_builds_weighs_and_pushes() {
    let tag = format!("{}/e2e/inputs:{}", registry(), std::process::id());
    let version = format!("VERSION=\"{}\"", std::process::id());
    let repository = with(&[
        ("tags", &tag),
        ("push", "true"),
        ("outputs", "type=image,oci-mediatypes=true,compression=zstd,force-compression=true"),
        ("build-args", &version),
        ("labels", "org.opencontainers.image.description=Sells things, \"cheap\""),
        ("secrets", "TOKEN=hunter2hunter2\n\"KEY=one\ntwo\""),
        ("provenance", "false"),
    ]);
    let run = repository.weighbridge(&["run", "--verbose"]).expect(0);
    let cell = repository.report()["cells"][0].clone();
    assert_eq!((cell["image"].as_str(), cell["layers"][1]["compression"].as_str()), (Some("inputs"), Some("zstd")));
    let log = repository.read(".weighbridge/cells/inputs/linux-amd64/build.log");
    // What the runner is told to mask is all that it may be told of a secret.
    let said: String = run.stderr.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
    let all = format!("{}{said}{log}{}", run.stdout, repository.read(".weighbridge/report.json"));
    assert!(!all.contains("hunter2") && log.contains("***"), "{all}");
    let format = ["--format", "{{json .}}"];
    let output = Command::new("docker").args(["buildx", "imagetools", "inspect", &tag]).args(format).output().unwrap();
    let inspected: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(inspected["manifest"]["digest"], cell["digest"], "{inspected:#}");
    let labels = &inspected["image"]["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.description"], "Sells things, \"cheap\"", "{inspected:#}");
}

#[test]
fn the_checks_of_buildkit_are_asked() {
    let repository = with(&[("call", "check"), ("secrets", "TOKEN=hunter2hunter2")]);
    let run = repository.weighbridge(&["run"]).expect(0);
    assert!(run.stdout.contains("no warnings found"), "{}{}", run.stdout, run.stderr);
    repository.write("docker/Dockerfile.prod", format!("{DOCKERFILE}maintainer nobody\n"));
    let run = repository.weighbridge(&["run"]).expect(3);
    assert!(run.stdout.contains("MaintainerDeprecated"), "{}{}", run.stdout, run.stderr);
    assert!(!repository.path().join(".weighbridge/report.json").exists());
}
