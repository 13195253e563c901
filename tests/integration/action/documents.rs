//! The documentation of the action, held against `action.yml`.

use crate::runner::manifest::{Manifest, root};

/// Inputs of docker/build-push-action v7, which all keep their names, so that a workflow changes over by one line.
const BUILD_PUSH_INPUTS: [&str; 33] = [
    "add-hosts",
    "allow",
    "annotations",
    "attests",
    "build-args",
    "build-contexts",
    "builder",
    "cache-from",
    "cache-to",
    "call",
    "cgroup-parent",
    "context",
    "file",
    "github-token",
    "labels",
    "load",
    "network",
    "no-cache",
    "no-cache-filters",
    "outputs",
    "platforms",
    "provenance",
    "pull",
    "push",
    "sbom",
    "secret-envs",
    "secret-files",
    "secrets",
    "shm-size",
    "ssh",
    "tags",
    "target",
    "ulimit",
];

fn table<'a>(head: &str, rows: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let rows: String = rows.map(|(name, description)| format!("| `{name}` | {description} |\n")).collect();
    format!("| {head} | is |\n|---|---|\n{rows}")
}

#[test]
fn every_input_and_output_is_documented_as_the_action_describes_it() {
    let document = std::fs::read_to_string(root().join("README.md")).unwrap();
    let manifest = Manifest::read();
    let inputs = |is_build_push: bool| {
        let inputs = manifest.inputs.iter().map(|(name, input)| (name, &input.description));
        inputs.filter(move |(name, _)| BUILD_PUSH_INPUTS.contains(&name.as_str()) == is_build_push)
    };
    for table in [
        table("input of weighbridge", inputs(false)),
        table("input of an image", inputs(true)),
        table("output", manifest.outputs.iter().map(|(name, output)| (name, &output.description))),
    ] {
        assert!(document.contains(&table), "README.md lacks this table:\n{table}");
    }
}

#[test]
fn every_input_and_output_of_build_push_action_is_there() {
    let manifest = Manifest::read();
    for name in BUILD_PUSH_INPUTS {
        assert!(manifest.inputs.contains_key(name), "{name}");
    }
    for name in ["imageid", "digest", "metadata"] {
        assert!(manifest.outputs.contains_key(name), "{name}");
    }
}

#[test]
fn the_workflow_to_paste_is_the_same_everywhere() {
    let workflow = |file: &str| {
        let document = std::fs::read_to_string(root().join(file)).unwrap();
        let from = document.find("```yaml\nname: images").unwrap();
        document[from..].split("```").nth(1).unwrap().to_owned()
    };
    assert_eq!(workflow("README.md"), workflow("docs/github.md"));
}
