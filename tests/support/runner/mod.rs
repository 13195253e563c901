//! A runner of GitHub Actions, as far as an action meets it: inputs, contexts and file commands become variables, and
//! `node` runs a script in the workspace. The rules are those of actions/runner (`ActionManifestManager.cs`,
//! `Handlers/Handler.cs`, `Handlers/NodeScriptActionHandler.cs`). Whole workflows run on several of them.

pub(crate) mod commands;
mod expressions;
pub(crate) mod manifest;
mod steps;
pub(crate) mod workflow;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use commands::values;
use manifest::{Manifest, root};

pub(crate) const TOKEN: &str = "ghs_0123456789";

/// Files by which an action answers, each with the variable that names it.
const FILES: [(&str, &str); 3] =
    [("GITHUB_OUTPUT", "set_output"), ("GITHUB_STATE", "save_state"), ("GITHUB_STEP_SUMMARY", "step_summary")];

/// The address of a forge that lets nobody in: what a test does not set up must not reach a real one.
fn closed_forge() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                head.for_each(drop);
                // Who hangs up before has no use for the answer.
                drop(stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
            }
        });
        address
    })
}

/// One job with this action as its only step.
pub(crate) struct Runner {
    directory: tempfile::TempDir,
    manifest: Manifest,
    inputs: BTreeMap<String, String>,
    /// Variables of the job.
    pub(crate) env: BTreeMap<String, String>,
}

/// A finished script of the action.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Runner {
    /// A runner with an empty workspace and tool cache, and an event that is a pull request.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("weighbridge runner ").tempdir().unwrap();
        let runner = Self { directory, manifest: Manifest::read(), inputs: BTreeMap::new(), env: BTreeMap::new() };
        for folder in ["action/dist", "work", "temp", "tools"] {
            std::fs::create_dir_all(runner.path(folder)).unwrap();
        }
        for file in ["action.yml", "dist/binary.js", "dist/checksums.json", "dist/main.js", "dist/post.js"] {
            std::fs::copy(root().join(file), runner.path("action").join(file)).unwrap();
        }
        for (_, file) in FILES {
            std::fs::write(runner.path("temp").join(file), "").unwrap();
        }
        let event = r#"{ "number": 7, "pull_request": { "number": 7, "head": { "repo": { "fork": false } } } }"#;
        std::fs::write(runner.path("temp/event.json"), event).unwrap();
        runner
    }

    /// A runner on which weighbridge is a shell script.
    pub(crate) fn with_stand_in(script: &str) -> Self {
        let mut runner = Self::new();
        runner.set("WEIGHBRIDGE_BIN", stand_in().to_str().unwrap());
        runner.set("STAND_IN", script);
        runner
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// What the script of a test left in the workspace.
    pub(crate) fn read(&self, path: &str) -> String {
        String::from_utf8(std::fs::read(self.path("work").join(path)).unwrap()).unwrap()
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.env.insert(variable.to_owned(), value.to_owned());
    }

    /// Gives an input, which has to be one of the action's.
    pub(crate) fn give(&mut self, input: &str, value: &str) {
        assert!(self.manifest.inputs.contains_key(input), "action.yml has no input {input}");
        self.inputs.insert(input.to_owned(), value.to_owned());
    }

    /// The command of the main script.
    pub(crate) fn command(&self) -> Command {
        self.node(&self.manifest.runs.main)
    }

    /// Runs the main script to its end.
    pub(crate) fn main(&self) -> Step {
        Step::of(self.command())
    }

    /// Runs the script after the job, which is told the state that the main script saved.
    pub(crate) fn post(&self) -> Step {
        let mut command = self.node(&self.manifest.runs.post);
        command.envs(self.values("save_state").into_iter().map(|(name, value)| (format!("STATE_{name}"), value)));
        Step::of(command)
    }

    /// The outputs of the step. One that `action.yml` does not name could not be used in a workflow.
    pub(crate) fn outputs(&self) -> BTreeMap<String, String> {
        let outputs = self.values("set_output");
        for name in outputs.keys() {
            assert!(self.manifest.outputs.contains_key(name), "action.yml has no output {name}");
        }
        outputs
    }

    fn values(&self, file: &str) -> BTreeMap<String, String> {
        values(&std::fs::read_to_string(self.path("temp").join(file)).unwrap()).unwrap()
    }

    fn node(&self, script: &Path) -> Command {
        let mut command = self.program(&node());
        command.arg(self.path("action").join(script)).envs(self.input_variables()).envs(&self.env);
        command
    }

    /// A program in the workspace that knows of the job, and of nothing around the tests.
    fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("work")).stdin(Stdio::null());
        command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", self.path("temp"));
        command.envs(self.contexts());
        command
    }

    /// An input that was not given has its default, and is empty where it has none.
    fn input_variables(&self) -> impl Iterator<Item = (String, String)> {
        self.manifest.inputs.iter().map(|(name, input)| {
            let default = || input.default.as_ref().map(|text| text.replace("${{ github.token }}", TOKEN));
            let value = self.inputs.get(name).cloned().or_else(default).unwrap_or_default();
            (format!("INPUT_{}", name.replace(' ', "_").to_uppercase()), value)
        })
    }

    fn contexts(&self) -> BTreeMap<String, String> {
        let path = |path: &str| self.path(path).to_str().unwrap().to_owned();
        let files = FILES.map(|(variable, file)| (variable, path("temp") + "/" + file));
        let folders = [
            ("GITHUB_EVENT_PATH", path("temp/event.json")),
            ("GITHUB_WORKSPACE", path("work")),
            ("RUNNER_TEMP", path("temp")),
            ("RUNNER_TOOL_CACHE", path("tools")),
        ];
        let words = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_API_URL", closed_forge()),
            ("GITHUB_BASE_REF", "main"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_HEAD_REF", "topic"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_REF_NAME", "7/merge"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_RUN_ID", "42"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_SHA", "0123456789012345678901234567890123456789"),
            ("RUNNER_ARCH", "X64"),
            ("RUNNER_OS", "Linux"),
        ];
        let words = words.map(|(name, value)| (name, value.to_owned()));
        files.into_iter().chain(folders).chain(words).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Step {
    /// Runs a command of the runner to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Insists on an exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Insists on one command to the runner and nothing else, and returns its text.
    #[track_caller]
    pub(crate) fn says_only(self, name: &str) -> String {
        let found = commands::commands(&self.stdout);
        assert!(found.len() == 1 && found[0].name == name, "expected one {name}: {found:?}");
        assert_eq!((self.stdout.lines().count(), self.stderr.as_str()), (1, ""), "{}", self.stdout);
        found[0].text.clone()
    }
}

pub(crate) fn stand_in() -> PathBuf {
    root().join("tests/fixtures/bin/stand-in")
}

pub(crate) fn node() -> PathBuf {
    which::which("node").unwrap_or_else(|_| {
        panic!("the action is tested with node, and there is none: install it (Debian package `nodejs`, 18 or later)")
    })
}

/// Checks a reference out as `actions/checkout` does: the newest commits alone, or all with a depth of 0, and no branch.
pub(crate) fn check_out(upstream: &Path, reference: &str, depth: usize, workspace: &Path) {
    let (source, depth) = (format!("file://{}", upstream.display()), format!("--depth={depth}"));
    let fetched = format!("+{reference}:refs/remotes/checked-out");
    let fetch = ["fetch", "--quiet", "--no-tags", "origin", &fetched, &depth];
    let fetch = if depth == "--depth=0" { &fetch[..5] } else { &fetch };
    for arguments in [
        &["init", "--quiet"][..],
        &["remote", "add", "origin", &source],
        fetch,
        &["checkout", "--quiet", "--detach", "refs/remotes/checked-out"],
    ] {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(workspace).stdin(Stdio::null());
        let status = git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    }
}
