//! Drives the real binary in a repository of the test's own, in an environment scrubbed of every CI system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Variables that would tell weighbridge of the CI system that runs these tests.
const SCRUBBED_PREFIXES: [&str; 8] =
    ["CI", "GITHUB_", "GITLAB_", "RUNNER_", "ACTIONS_", "INPUT_", "WEIGHBRIDGE_", "BUILDX_BUILDER"];

/// Sends a signal, or with `None` only asks whether the process is there. No program for it is needed on the machine.
pub(crate) fn signal(process: &str, signal: Option<Signal>) -> bool {
    kill(Pid::from_raw(process.parse().unwrap()), signal).is_ok()
}

/// A git repository in a temporary directory.
pub(crate) struct Repository {
    directory: tempfile::TempDir,
    /// Variables of the runs.
    pub(crate) env: BTreeMap<String, String>,
}

/// A finished run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Repository {
    /// An empty repository on the branch `main`.
    pub(crate) fn new() -> Self {
        let repository = Self::without_git();
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// A directory that is no repository.
    pub(crate) fn without_git() -> Self {
        let directory = tempfile::Builder::new().prefix("weighbridge-test ").tempdir().unwrap();
        Self { directory, env: BTreeMap::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.path().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.read(".weighbridge/report.json")).unwrap()
    }

    /// Commits everything and returns the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=test", "-c", "user.email=test@example.invalid"]).args(arguments);
        command.current_dir(self.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The command with which a test starts weighbridge itself.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if SCRUBBED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.path()).envs(&self.env).stdin(Stdio::null());
        command
    }

    /// Runs weighbridge to its end.
    pub(crate) fn weighbridge(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// Insists on an exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Insists on what standard error says.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "expected {text:?} in stderr:\n{}", self.stderr);
        self
    }
}
