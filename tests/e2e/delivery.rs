//! What else happens to an image that is weighed: pushed, loaded, written elsewhere, compressed otherwise.

use std::process::Command;

use super::independent::{reported, weigh};
use super::repository;
use super::support::Repository;

pub(crate) fn registry() -> String {
    std::env::var("WEIGHBRIDGE_TEST_REGISTRY")
        .unwrap_or_else(|_| panic!("NO REGISTRY: run these tests with `make e2e`"))
}

fn image(settings: &str) -> Repository {
    let repository = repository();
    repository.write("app/Dockerfile", "FROM scratch\nCOPY text /text\n");
    repository.write("app/text", "words ".repeat(10_000));
    repository.write(
        "weighbridge.yml",
        format!("images:\n  app:\n    context: app\n    platforms: [linux/amd64]\n{settings}"),
    );
    repository.commit("base");
    repository
}

fn layout(repository: &Repository) -> std::path::PathBuf {
    repository.path().join(".weighbridge/cells/app/linux-amd64/layout")
}

#[test]
fn a_pushed_image_is_weighed_and_its_digest_is_the_registrys() {
    let tag = format!("{}/e2e/app:{}", registry(), std::process::id());
    let repository = image(&format!("    tags: [\"{tag}\"]\n"));
    repository.weighbridge(&["run", "--push", "--keep-layouts"]).expect(0);
    let cell = repository.report()["cells"][0].clone();
    assert!(cell["compressed_bytes"].as_u64().unwrap() > 0);
    assert!(cell["attestation_bytes"].is_u64(), "{cell:#}");
    let output = Command::new("docker").args(["buildx", "imagetools", "inspect", &tag]).output().unwrap();
    let inspected = String::from_utf8_lossy(&output.stdout).into_owned();
    let digests: Vec<&str> = inspected.lines().filter_map(|line| line.trim().strip_prefix("Digest:")).collect();
    assert_eq!(digests.first().unwrap().trim(), cell["pushed_digest"].as_str().unwrap(), "{inspected}");
    assert!(inspected.contains(cell["digest"].as_str().unwrap()), "the weighed manifest was not pushed: {inspected}");
}

#[test]
fn a_loaded_image_is_weighed() {
    let tag = format!("weighbridge-e2e:{}", std::process::id());
    let repository = image(&format!("    tags: [\"{tag}\"]\n"));
    repository.weighbridge(&["run", "--load", "--keep-layouts"]).expect(0);
    assert_eq!(reported(&repository.report()["cells"][0]), weigh(&layout(&repository)));
    let removed = Command::new("docker").args(["image", "rm", &tag]).output().unwrap();
    assert!(removed.status.success(), "the image was not loaded");
}

#[test]
fn an_image_pushed_with_zstd_is_weighed_with_zstd() {
    let tag = format!("{}/e2e/zstd:{}", registry(), std::process::id());
    let output = "\"type=registry,compression=zstd,force-compression=true,oci-mediatypes=true\"";
    let repository = image(&format!("    tags: [\"{tag}\"]\n    provenance: false\n    outputs: [{output}]\n"));
    repository.weighbridge(&["run", "--keep-layouts"]).expect(0);
    let cell = repository.report()["cells"][0].clone();
    assert_eq!(cell["layers"][0]["compression"], "zstd");
    assert_eq!(reported(&cell), weigh(&layout(&repository)));
}
