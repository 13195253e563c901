//! What the workflows run: scripts of this repository, which tests run as well, and little beside them.

use std::path::Path;

use serde_json::Value;

/// What the steps of a job run, one text each.
fn runs(workflow: &str, job: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows").join(workflow);
    let workflow: Value = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap_or_else(|| panic!("no job {job}")).iter();
    steps.filter_map(|step| Some(step["run"].as_str()?.trim_end().to_owned())).collect()
}

/// `tests/e2e/release.rs` and `action/binary.rs` run these scripts; what stands around them only brings a compiler and
/// carries files.
#[test]
fn binaries_are_built_and_summed_by_the_scripts_that_are_tested() {
    let compiler = "sudo apt-get update && sudo apt-get install --yes musl-tools";
    assert_eq!(runs("ci.yml", "test"), [compiler, ".ci/run"]);
    assert_eq!(runs("ci.yml", "binary"), [compiler, "scripts/release"]);
    assert_eq!(
        runs("release.yml", "binary"),
        [
            compiler,
            "scripts/release \"$TARGET\"",
            "test \"$(\"target/$TARGET/release/weighbridge\" --version)\" = \"weighbridge $VERSION\"",
            "install -D \"target/$TARGET/release/weighbridge\" \"release/weighbridge-$TARGET\"",
        ]
    );
    assert_eq!(
        runs("release.yml", "publish")[0],
        "scripts/checksums \"$VERSION\" \"$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/releases/download\" release/weighbridge-*"
    );
}
