//! What `action.yml` says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) description: String,
    #[serde(rename = "author")]
    _author: String,
    #[serde(rename = "branding")]
    _branding: BTreeMap<String, String>,
    pub(crate) inputs: BTreeMap<String, Input>,
    pub(crate) outputs: BTreeMap<String, Output>,
    pub(crate) runs: Runs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) description: String,
    pub(crate) default: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    pub(crate) description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runs {
    pub(crate) using: String,
    pub(crate) main: PathBuf,
    pub(crate) post: PathBuf,
}

impl Manifest {
    pub(crate) fn read() -> Self {
        serde_yaml::from_str(&std::fs::read_to_string(root().join("action.yml")).unwrap()).unwrap()
    }
}

/// The folder of the action: that of this repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_runner_finds_what_it_needs() {
    let manifest = Manifest::read();
    assert_eq!((manifest.name.as_str(), manifest.runs.using.as_str()), ("weighbridge", "node24"));
    assert!(!manifest.description.is_empty());
    for script in [manifest.runs.main, manifest.runs.post] {
        assert!(root().join(&script).is_file(), "{}", script.display());
    }
}

#[test]
fn no_two_inputs_become_the_same_variable() {
    for name in Manifest::read().inputs.keys() {
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{name}");
    }
}

#[test]
fn only_the_token_has_a_default_because_others_would_outdo_the_configuration() {
    let mut inputs = Manifest::read().inputs;
    inputs.retain(|_, input| input.default.is_some());
    assert_eq!(inputs.into_keys().collect::<Vec<_>>(), ["github-token"]);
}

#[test]
fn descriptions_fit_into_a_table() {
    let manifest = Manifest::read();
    let inputs = manifest.inputs.into_iter().map(|(name, input)| (name, input.description));
    for (name, text) in inputs.chain(manifest.outputs.into_iter().map(|(name, output)| (name, output.description))) {
        assert!(!text.contains(['\n', '|', '<']) && !text.ends_with('.'), "{name}: {text}");
    }
}

#[test]
fn the_scripts_are_few_lines_and_need_nothing_but_node() {
    let mut lines = 0;
    for file in ["binary.js", "main.js", "post.js"] {
        let script = std::fs::read_to_string(root().join("dist").join(file)).unwrap();
        lines += script.lines().count();
        for module in script.split("require('").skip(1).map(|rest| rest.split('\'').next().unwrap()) {
            assert!(module.starts_with("node:") || module.starts_with("./"), "{file} needs {module}");
        }
        for call in ["exec(", "execSync(", "shell:"] {
            assert!(!script.contains(call), "{file} starts a shell");
        }
    }
    assert!(lines <= 150, "{lines} lines");
}
