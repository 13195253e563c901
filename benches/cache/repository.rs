//! A git repository that is built by weighbridge.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Variables of a CI system or a configuration around the benchmark.
const SCRUBBED: [&str; 6] = ["CI", "GITHUB_", "GITLAB_", "ACTIONS_", "WEIGHBRIDGE_CONFIG", "BUILDX_BUILDER"];

pub(crate) struct Repository {
    directory: tempfile::TempDir,
    /// Variables of the runs.
    pub(crate) env: BTreeMap<String, String>,
}

impl Repository {
    pub(crate) fn new() -> Self {
        let repository = Self { directory: tempfile::tempdir().unwrap(), env: BTreeMap::new() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "change"]);
    }

    pub(crate) fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]).args(arguments);
        let output = command.current_dir(self.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Wall time of `weighbridge run`, which may end with one of these codes.
    pub(crate) fn run(&self, arguments: &[&str], codes: &[i32]) -> Duration {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
        for (name, _) in std::env::vars_os() {
            if SCRUBBED.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.args(["run", "--quiet", "--no-rebuild-base"]).args(arguments).envs(&self.env);
        command.current_dir(self.path()).stdin(Stdio::null());
        let start = Instant::now();
        let output = command.output().unwrap();
        let wall = start.elapsed();
        let code = output.status.code().unwrap_or(-1);
        assert!(codes.contains(&code), "weighbridge run: {code}: {}", String::from_utf8_lossy(&output.stderr));
        wall
    }

    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.read(".weighbridge/report.json")).unwrap()
    }
}
