//! A workflow that others call, run as GitHub runs it: jobs in the order of their needs, a job with a matrix once for
//! each entry, every leg on a runner of its own with a fresh checkout. Jobs that failed can be run again, with those that
//! need them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::expressions::{Scope, to_text};
use super::manifest::root;
use super::{Runner, TOKEN};

/// A workflow of this repository, called from another one.
pub(crate) struct Workflow {
    document: Value,
    inputs: Map<String, Value>,
    /// Variables of all jobs.
    pub(crate) env: BTreeMap<String, String>,
    /// What is in `github.token`.
    pub(crate) token: String,
    /// The repository of whoever calls, and what of it is checked out.
    pub(super) upstream: (PathBuf, String),
    pub(super) attempt: u64,
    pub(super) artifacts: tempfile::TempDir,
    jobs: BTreeMap<String, Job>,
}

/// A job that is over.
#[derive(Default)]
pub(crate) struct Job {
    is_skipped: bool,
    legs: BTreeMap<usize, Leg>,
}

/// One leg of a job.
pub(crate) struct Leg {
    pub(super) runner: Runner,
    pub(crate) name: String,
    pub(crate) runs_on: Value,
    pub(crate) is_successful: bool,
    /// Everything that its steps said.
    pub(crate) log: String,
    /// The actions that were not run but noted, with their inputs.
    pub(crate) noted: Vec<(String, BTreeMap<String, String>)>,
    outputs: Map<String, Value>,
}

impl Leg {
    /// A leg on a runner that has done nothing.
    fn new(env: &BTreeMap<String, String>) -> Self {
        let mut runner = Runner::new();
        runner.env.extend(env.clone());
        let (name, log, is_successful) = (String::new(), String::new(), true);
        Self { runner, name, runs_on: Value::Null, is_successful, log, noted: Vec::new(), outputs: Map::new() }
    }

    /// What it left in the workspace.
    pub(crate) fn read(&self, path: &str) -> String {
        self.runner.read(path)
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.runner.path("work")
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        assert!(self.log.contains(text), "expected {text:?} in the log of {}:\n{}", self.name, self.log);
    }
}

impl Job {
    pub(crate) fn result(&self) -> &'static str {
        match () {
            () if self.is_skipped => "skipped",
            () if self.legs.values().all(|leg| leg.is_successful) => "success",
            () => "failure",
        }
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.values()
    }

    fn outputs(&self) -> Map<String, Value> {
        self.legs.values().flat_map(|leg| leg.outputs.clone()).collect()
    }
}

impl Workflow {
    /// The workflow of this name, called on a reference of a repository. Inputs have their defaults.
    pub(crate) fn called(name: &str, upstream: &Path, reference: &str) -> Self {
        let text = std::fs::read_to_string(root().join(".github/workflows").join(name)).unwrap();
        Self::of(&text, upstream, reference)
    }

    /// The workflow of this text.
    pub(crate) fn of(text: &str, upstream: &Path, reference: &str) -> Self {
        let document: Value = serde_yaml::from_str(text).unwrap();
        let declared = document["on"]["workflow_call"]["inputs"].as_object().into_iter().flatten();
        let default = |input: &Value| input.get("default").cloned().unwrap_or(Value::Null);
        let inputs = declared.map(|(name, input)| (name.clone(), default(input))).collect();
        let artifacts = tempfile::Builder::new().prefix("weighbridge artifacts ").tempdir().unwrap();
        let upstream = (upstream.to_owned(), reference.to_owned());
        let (env, token) = (BTreeMap::new(), TOKEN.to_owned());
        Self { document, inputs, env, token, upstream, attempt: 1, artifacts, jobs: BTreeMap::new() }
    }

    /// Gives an input, which has to be one of its type.
    pub(crate) fn give(&mut self, input: &str, value: impl Into<Value>) {
        let (declared, value) = (&self.document["on"]["workflow_call"]["inputs"][input], value.into());
        let is_of_type = match declared["type"].as_str() {
            Some("boolean") => value.is_boolean(),
            Some("number") => value.is_number(),
            Some("string") => value.is_string(),
            _ => panic!("no input {input}"),
        };
        assert!(is_of_type, "{input} is no {}", declared["type"]);
        self.inputs.insert(input.to_owned(), value);
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.env.insert(variable.to_owned(), value.to_owned());
    }

    /// Runs all jobs, or those that have not been run.
    pub(crate) fn run(&mut self) {
        for (name, input) in self.document["on"]["workflow_call"]["inputs"].as_object().into_iter().flatten() {
            assert!(!input["required"].as_bool().unwrap_or_default() || !self.inputs[name].is_null(), "{name}");
        }
        let mut open: BTreeSet<String> = self.document["jobs"].as_object().unwrap().keys().cloned().collect();
        while !open.is_empty() {
            let is_ready = |name: &&String| self.needs(name).iter().all(|need| !open.contains(need));
            let name = open.iter().find(is_ready).unwrap().clone();
            let kept = self.jobs.remove(&name).unwrap_or_default();
            let job = self.job(&name, kept);
            self.jobs.insert(name.clone(), job);
            open.remove(&name);
        }
    }

    /// Runs everything again.
    pub(crate) fn run_again(&mut self) {
        self.attempt += 1;
        self.jobs.clear();
        self.run();
    }

    /// Runs the legs again that failed, and all jobs that need them.
    pub(crate) fn run_failed_again(&mut self) {
        self.attempt += 1;
        let failed: Vec<String> =
            self.jobs.iter().filter(|(_, job)| job.result() == "failure").map(|(name, _)| name.clone()).collect();
        for name in &failed {
            self.jobs.get_mut(name).unwrap().legs.retain(|_, leg| leg.is_successful);
        }
        let stale: Vec<String> =
            self.jobs.keys().filter(|job| self.needs(job).iter().any(|it| failed.contains(it))).cloned().collect();
        stale.iter().for_each(|name| drop(self.jobs.remove(name)));
        self.run();
    }

    pub(crate) fn job_of(&self, name: &str) -> &Job {
        &self.jobs[name]
    }

    /// Names of the artifacts, sorted.
    pub(crate) fn artifact_names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.artifacts.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A file of an artifact.
    pub(crate) fn artifact(&self, name: &str, file: &str) -> Vec<u8> {
        std::fs::read(self.artifacts.path().join(name).join(file)).unwrap()
    }

    fn needs(&self, job: &str) -> Vec<String> {
        match &self.document["jobs"][job]["needs"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(all) => all.iter().map(to_text).collect(),
            _ => Vec::new(),
        }
    }

    /// Runs a job, except for the legs that are kept.
    fn job(&self, name: &str, mut job: Job) -> Job {
        let description = &self.document["jobs"][name];
        let scope = self.scope(name, None);
        job.is_skipped = !scope.condition(description["if"].as_str()).unwrap();
        if job.is_skipped {
            return job;
        }
        let matrix = match description["strategy"]["matrix"].as_str() {
            Some(matrix) => {
                scope.value(matrix).unwrap()["include"].as_array().unwrap().iter().cloned().map(Some).collect()
            }
            None => vec![None],
        };
        assert!(matrix.len() <= 256 && !matrix.is_empty(), "{} legs", matrix.len());
        for (index, entry) in matrix.iter().enumerate() {
            job.legs.entry(index).or_insert_with(|| {
                let mut scope = self.scope(name, entry.as_ref().map(|entry| (index, entry)));
                self.leg(description, &mut scope)
            });
        }
        job
    }

    fn leg(&self, description: &Value, scope: &mut Scope) -> Leg {
        let mut leg = Leg::new(&self.env);
        leg.name = scope.text(description["name"].as_str().unwrap_or_default()).unwrap();
        leg.runs_on = scope.value(description["runs-on"].as_str().unwrap()).unwrap();
        let temp = leg.runner.path("temp").display().to_string();
        scope.contexts["runner"] = json!({ "temp": temp });
        for (name, value) in self.document["env"].as_object().into_iter().flatten() {
            leg.runner.set(name, &scope.text(&to_text(value)).unwrap());
        }
        leg.runner.set("GITHUB_RUN_ATTEMPT", &self.attempt.to_string());
        scope.is_successful = true;
        for step in description["steps"].as_array().unwrap() {
            if scope.condition(step["if"].as_str()).unwrap() {
                scope.is_successful &= self.step(&mut leg, step, scope);
            }
        }
        leg.is_successful = scope.is_successful;
        if leg.is_successful {
            let outputs = description["outputs"].as_object().into_iter().flatten();
            leg.outputs = outputs.map(|(name, value)| (name.clone(), scope.value(&to_text(value)).unwrap())).collect();
        }
        leg
    }

    /// What a job can look at before its steps have run.
    fn scope(&self, job: &str, entry: Option<(usize, &Value)>) -> Scope {
        let needs = self.needs(job);
        let of = |name: &String| {
            let job = &self.jobs[name];
            (name.clone(), json!({ "result": job.result(), "outputs": job.outputs() }))
        };
        let secrets = self.document["on"]["workflow_call"]["secrets"].as_object().into_iter().flatten();
        let mut contexts = json!({
            "inputs": self.inputs,
            "secrets": secrets.map(|(name, _)| (name.clone(), Value::Null)).collect::<Map<_, _>>(),
            "github": { "token": self.token, "actor": "ann", "run_attempt": self.attempt },
            "needs": needs.iter().map(of).collect::<Map<_, _>>(),
            "steps": {},
        });
        if let Some((index, entry)) = entry {
            contexts["matrix"] = entry.clone();
            contexts["strategy"] = json!({ "job-index": index });
        }
        Scope { contexts, is_successful: needs.iter().all(|need| self.jobs[need].result() == "success") }
    }
}
