//! One build in every place that images lie in: archives of both kinds, the engine, a registry.

use std::process::Command;

use serde_json::Value;

use super::delivery::registry;
use super::repository;
use super::support::Repository;

fn docker(repository: &Repository, arguments: &[&str]) {
    let output = Command::new("docker").args(arguments).current_dir(repository.path()).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What is said of an image wherever it lies: some places know another manifest of it, or none, and compress otherwise.
fn contents(repository: &Repository, image: &str) -> Value {
    let run = repository.weighbridge(&["inspect", image, "--format", "json"]).expect(0);
    let mut json: Value = serde_json::from_str(&run.stdout).unwrap();
    for field in ["image", "digest", "compressed_bytes", "attestation_bytes"] {
        json[field] = Value::Null;
    }
    for layer in json["layers"].as_array_mut().unwrap() {
        for field in ["digest", "compression", "compressed_bytes"] {
            layer[field] = Value::Null;
        }
    }
    json
}

#[test]
fn one_build_has_the_same_contents_in_archives_the_engine_and_a_registry() {
    let repository = repository();
    repository.write(
        "Dockerfile",
        "FROM debian:bookworm-slim\nRUN rm /etc/motd\nCOPY text /text\nRUN chmod 600 /text\nCMD [\"/bin/sh\"]\n",
    );
    repository.write("text", "words ".repeat(100_000));
    let tag = format!("weighbridge-e2e-inspect:{}", std::process::id());
    let name = format!("{}/e2e/inspect:{}", registry(), std::process::id());
    for output in
        ["type=oci,dest=oci.tar", "type=docker,dest=docker.tar", "type=oci,dest=layout,tar=false", "type=docker"]
    {
        docker(&repository, &["buildx", "build", "--quiet", "--tag", &tag, "--output", output, "."]);
    }
    docker(&repository, &["buildx", "build", "--quiet", "--tag", &name, "--push", "."]);
    docker(&repository, &["image", "save", "--output", "saved.tar", &tag]);
    let expected = contents(&repository, "layout");
    assert_eq!(expected["start"]["verdict"], "starts");
    assert!(expected["waste"]["total_bytes"].as_u64().unwrap() > 600_000, "{}", expected["waste"]);
    for image in ["oci.tar", "docker.tar", "saved.tar", &format!("docker://{tag}"), &name] {
        assert_eq!(contents(&repository, image), expected, "{image}");
    }
    docker(&repository, &["image", "rm", &tag]);
}
