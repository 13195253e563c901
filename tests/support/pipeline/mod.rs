//! A pipeline of GitLab, made from a component as GitLab makes one, and run as a runner runs it: the text of a job's
//! scripts by one shell, in a fresh checkout, with the artifacts of the stages before it. The rules are those of
//! <https://docs.gitlab.com/ci/yaml/> and of gitlab-runner (`shells/bash.go`).

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use text::stages;
pub(crate) use text::{jobs, rendered};

use super::runner::check_out;

/// What the runner puts before every script.
const PREAMBLE: &str =
    "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\nset +o noclobber\n";

/// A pipeline that runs.
pub(crate) struct Pipeline {
    text: String,
    /// The jobs, as far as their rules let them in.
    pub(crate) jobs: BTreeMap<String, Value>,
    upstream: (PathBuf, String),
    /// Variables of all jobs.
    pub(crate) env: BTreeMap<String, String>,
    shell: &'static str,
    /// What jobs have left, a directory for each.
    artifacts: tempfile::TempDir,
    /// The artifacts of the pipeline that started this one, and its number.
    parent: Option<(String, PathBuf)>,
    next_job: u64,
    done: BTreeMap<String, Done>,
}

/// A job that is over.
pub(crate) struct Done {
    pub(crate) is_successful: bool,
    /// Everything that it said.
    pub(crate) log: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        assert!(self.log.contains(text), "expected {text:?}:\n{}", self.log);
    }
}

impl Pipeline {
    /// A pipeline of this text for a reference of a repository.
    pub(crate) fn of(text: &str, upstream: &Path, reference: &str, env: BTreeMap<String, String>) -> Self {
        let mut jobs = jobs(text).unwrap_or_else(|fault| panic!("{fault}:\n{text}"));
        jobs.retain(|_, job| when(job, &env).is_some());
        let artifacts = tempfile::Builder::new().prefix("weighbridge artifacts ").tempdir().unwrap();
        let upstream = (upstream.to_owned(), reference.to_owned());
        let (text, done) = (text.to_owned(), BTreeMap::new());
        Self { text, jobs, upstream, env, shell: "bash", artifacts, parent: None, next_job: 1_000, done }
    }

    /// With another shell, as images have that have no bash.
    pub(crate) fn with_shell(self, shell: &'static str) -> Self {
        Self { shell, ..self }
    }

    /// The pipeline that a job triggers, once this one has run.
    pub(crate) fn child(&self, trigger: &str, number: &str) -> Self {
        let include = &self.jobs[trigger]["trigger"]["include"][0];
        let folder = self.artifacts.path().join(folder(include["job"].as_str().unwrap()));
        let text = std::fs::read_to_string(folder.join(include["artifact"].as_str().unwrap())).unwrap();
        let mut env = self.env.clone();
        let parent = env.insert("CI_PIPELINE_ID".to_owned(), number.to_owned()).unwrap();
        env.insert("CI_PIPELINE_SOURCE".to_owned(), "parent_pipeline".to_owned());
        let child = Self::of(&text, &self.upstream.0, &self.upstream.1, env).with_shell(self.shell);
        let parent = Some((parent, self.artifacts.path().to_owned()));
        Self { parent, next_job: self.next_job, ..child }
    }

    /// Runs all jobs with a script, one stage after another.
    pub(crate) fn run(&mut self) {
        for stage in stages(&self.text) {
            let is_good = self.done.values().all(|job| job.is_successful);
            let runs = |job: &Value| {
                let is_of_stage = job["stage"].as_str().unwrap_or("test") == stage && !job["script"].is_null();
                is_of_stage && (is_good || when(job, &self.env) == Some("always"))
            };
            let names = self.jobs.iter().filter(|(_, job)| runs(job)).map(|(name, _)| name.clone());
            names.collect::<Vec<_>>().iter().for_each(|name| self.run_job(name));
        }
    }

    /// Runs one job, or runs it again.
    pub(crate) fn run_job(&mut self, name: &str) {
        let job = self.jobs[name].clone();
        let directory = tempfile::Builder::new().prefix("weighbridge runner ").tempdir().unwrap();
        let workspace = directory.path().join("project");
        for folder in ["project", "tmp"] {
            std::fs::create_dir(directory.path().join(folder)).unwrap();
        }
        let mut variables = self.env.clone();
        for (variable, value) in job["variables"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_else(|| panic!("{variable} of {name} is no text"));
            variables.insert(variable.clone(), expanded(value, &self.env));
        }
        let depth = variables.get("GIT_DEPTH").map_or(20, |depth| depth.parse().unwrap());
        check_out(&self.upstream.0, &self.upstream.1, depth, &workspace);
        self.bring_artifacts(&job, &workspace);
        self.next_job += 1;
        variables.insert("CI_JOB_ID".to_owned(), self.next_job.to_string());
        variables.insert("CI_JOB_NAME".to_owned(), name.to_owned());
        variables.insert("CI_PROJECT_DIR".to_owned(), workspace.display().to_string());
        let mut command = Command::new(self.shell);
        command.arg("-c").arg(script(&job)).current_dir(&workspace).stdin(Stdio::null());
        command.env_clear().envs(variables).env("TMPDIR", directory.path().join("tmp")).env("HOME", directory.path());
        let output = command.output().unwrap();
        let log = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        let is_successful = output.status.success();
        self.keep_artifacts(name, &job["artifacts"], &workspace, is_successful);
        self.done.insert(name.to_owned(), Done { is_successful, log });
    }

    /// Where nothing is said of what a job needs, it gets everything of the stages before it.
    fn bring_artifacts(&self, job: &Value, workspace: &Path) {
        let order = stages(&self.text);
        let place = |job: &Value| order.iter().position(|stage| job["stage"].as_str().unwrap_or("test") == stage);
        let folders: Vec<PathBuf> = match job["needs"].as_array() {
            None => {
                let earlier = self.jobs.iter().filter(|(_, other)| place(other) < place(job));
                earlier.map(|(name, _)| self.artifacts.path().join(folder(name))).collect()
            }
            Some(needs) => needs.iter().map(|need| self.needed(need)).collect(),
        };
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            copy(&folder.join("."), workspace);
        }
    }

    fn needed(&self, need: &Value) -> PathBuf {
        if let Some(name) = need.as_str() {
            return self.artifacts.path().join(folder(name));
        }
        let (number, artifacts) = self.parent.as_ref().unwrap();
        assert_eq!(need["pipeline"].as_str(), Some(number.as_str()));
        let found = artifacts.join(folder(need["job"].as_str().unwrap()));
        assert!(found.is_dir(), "{need} has left nothing");
        found
    }

    fn keep_artifacts(&self, name: &str, wanted: &Value, workspace: &Path, is_successful: bool) {
        let target = self.artifacts.path().join(folder(name));
        let _ = std::fs::remove_dir_all(&target);
        if !is_successful && wanted["when"] != "always" {
            return;
        }
        for path in wanted["paths"].as_array().into_iter().flatten().map(|path| path.as_str().unwrap()) {
            let (from, to) = (workspace.join(path), target.join(path));
            if from.exists() {
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                copy(&from, to.parent().unwrap());
            }
        }
    }

    pub(crate) fn job(&self, name: &str) -> &Done {
        self.done.get(name).unwrap_or_else(|| panic!("{name} did not run: {:?}", self.names()))
    }

    /// The jobs that have run, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.done.keys().map(String::as_str).collect()
    }

    /// The names of those that failed.
    pub(crate) fn failed(&self) -> BTreeSet<&str> {
        self.done.iter().filter(|(_, job)| !job.is_successful).map(|(name, _)| name.as_str()).collect()
    }

    /// A file that a job has left.
    pub(crate) fn artifact(&self, job: &str, path: &str) -> String {
        let path = self.artifacts.path().join(folder(job)).join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// All commands of a job are one script.
fn script(job: &Value) -> String {
    let lines = ["before_script", "script"].iter().filter_map(|key| job[*key].as_array()).flatten();
    let lines: String =
        lines.map(|line| line.as_str().unwrap_or_else(|| panic!("no text: {line}")).to_owned() + "\n").collect();
    PREAMBLE.to_owned() + &lines
}

fn copy(source: &Path, target: &Path) {
    assert!(Command::new("cp").arg("-R").arg(source).arg(target).status().unwrap().success());
}

/// The directory of a job's artifacts, in whose name nothing may be a path.
fn folder(job: &str) -> String {
    job.replace('/', "%")
}

/// When a job runs, by the first rule that applies; never if none does.
fn when<'j>(job: &'j Value, env: &BTreeMap<String, String>) -> Option<&'j str> {
    let Some(rules) = job["rules"].as_array() else {
        // What has no rules is part of branch pipelines alone.
        return (!env.contains_key("CI_MERGE_REQUEST_IID")).then_some("on_success");
    };
    let side = |text: &str| match text.trim().strip_prefix('$') {
        Some(name) => env.get(name).cloned(),
        None => Some(text.trim().trim_matches('"').to_owned()),
    };
    let applies = |rule: &&Value| match rule["if"].as_str() {
        None => true,
        Some(condition) => {
            let (one, other) =
                condition.split_once("==").unwrap_or_else(|| panic!("an unknown condition: {condition}"));
            side(one) == side(other)
        }
    };
    rules.iter().find(applies).map(|rule| rule["when"].as_str().unwrap_or("on_success"))
}

/// A value in which GitLab puts variables.
fn expanded(value: &str, env: &BTreeMap<String, String>) -> String {
    // From the longest name to the shortest, as names start with one another.
    let mut names: Vec<&String> = env.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.iter().fold(value.to_owned(), |text, name| text.replace(&format!("${name}"), &env[*name]))
}
