//! What an engine knows: single steps that it is made to forget, and an engine that starts without knowing anything.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine");

/// Variables that send a client to one engine. Empty is as good as absent.
pub(crate) const VARIABLES: [&str; 4] = ["BUILDX_BUILDER", "BUILDX_CONFIG", "DOCKER_CONFIG", "DOCKER_HOST"];

/// A private engine of a test's own, as empty as a new runner, until it is dropped. It shares the registry with the
/// engine of the other tests, and nothing else.
pub(crate) struct Engine {
    name: String,
    variables: Vec<(String, String)>,
}

impl Engine {
    pub(crate) fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut engine = Self { name, variables: Vec::new() };
        output(&mut engine.script("up"));
        let print = "eval \"$1\"; shift; for name; do printf '%s=%s\\n' \"$name\" \"${!name}\"; done";
        let mut shell = Command::new("bash");
        shell.args(["-c", print, "bash", &output(&mut engine.script("env"))]).args(VARIABLES);
        let printed = output(&mut shell);
        let pairs = printed.lines().filter_map(|line| line.split_once('='));
        engine.variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        engine
    }

    /// The variables with which a client, weighbridge or docker, works on this engine.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    fn script(&self, command: &str) -> Command {
        let mut script = Command::new(SCRIPT);
        // A second engine can only be a private one, whatever the first is.
        script.args([command, &self.name]).env("WEIGHBRIDGE_ENGINE", "private");
        script
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A failed test must be able to end without failing a second time.
        let _ = self.script("clean").output();
    }
}

/// Removes what the engine keeps of the steps that contain one of these texts, and of no others: the engine may be a
/// developer's. What was built from them is as unknown to it afterwards as on another machine. A step that came from a
/// remote cache is listed under the digest of its layer instead.
pub(crate) fn forget(texts: &[&str]) {
    let concerned = |records: &str| -> Vec<String> {
        let records = records.split("\n\n").filter(|record| texts.iter().any(|text| record.contains(text)));
        let id = |record: &str| record.lines().find_map(|line| Some(line.strip_prefix("ID:")?.trim().to_owned()));
        records.filter_map(id).collect()
    };
    let records = docker(&["buildx", "du", "--verbose"]);
    let ids = concerned(&records);
    assert!(!ids.is_empty(), "the engine keeps nothing of {texts:?}:\n{records}");
    docker(&["buildx", "prune", "--all", "--force", "--filter", &format!("id=\"{}\"", ids.join("|"))]);
    let records = docker(&["buildx", "du", "--verbose"]);
    assert_eq!(concerned(&records), Vec::<String>::new(), "still kept:\n{records}");
}

fn docker(arguments: &[&str]) -> String {
    output(Command::new("docker").args(arguments))
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
