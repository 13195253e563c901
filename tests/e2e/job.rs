//! A job of a CI system: its variables, its event payload, and images that no other test builds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::engine::forget;
use super::repository;
use super::support::{Repository, Run};

/// Steps of each image.
pub(crate) const STEPS: usize = 3;
/// The repository on the forge.
const OWN: &str = "acme/shop";

/// A repository that is checked out by a job.
pub(crate) struct Job {
    pub(crate) repository: Repository,
    /// Part of every step, and unlike that of any other run of any test.
    pub(crate) name: String,
}

/// A finished run, and its first cell.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) run: Run,
    pub(crate) cell: Value,
}

impl Job {
    /// On the branch `main` of a CI system of no special kind, with one image and this section `cache`, in which `NAME`
    /// stands for the name.
    pub(crate) fn new(cache: &str) -> Self {
        Self::of(&["app"], cache)
    }

    /// The same with several images. They are alike, but have other content.
    pub(crate) fn of(images: &[&str], cache: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        let name = format!("job{}-{}-{started}", COUNT.fetch_add(1, Ordering::Relaxed), std::process::id());
        let mut repository = repository();
        let mut config = format!("cache: {{ {} }}\nimages:\n", cache.replace("NAME", &name));
        for image in images {
            let file = format!("{name}-{image}");
            repository.write(
                &format!("{image}/Dockerfile"),
                format!(
                    "FROM scratch AS build\nCOPY {file} /{file}\n\
                     FROM scratch\nCOPY --from=build /{file} /program\nCOPY {file}.small /settings\n"
                ),
            );
            repository.write(&format!("{image}/{file}"), file.repeat(1_000));
            repository.write(&format!("{image}/{file}.small"), &file);
            config += &format!("  {image}: {{ context: {image}, platforms: [linux/amd64] }}\n");
        }
        repository.write("weighbridge.yml", config);
        repository.commit("base");
        repository.env.insert("CI".to_owned(), "true".to_owned());
        Self { repository, name }
    }

    /// Sets variables of the next runs.
    pub(crate) fn set<N: Into<String>, V: Into<String>>(&mut self, variables: impl IntoIterator<Item = (N, V)>) {
        self.repository.env.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
    }

    /// A push to a branch, on GitHub Actions.
    pub(crate) fn pushes(&mut self, branch: &str) {
        self.github("push", &format!("refs/heads/{branch}"), branch, &json!({}));
    }

    /// A tag, on GitHub Actions.
    pub(crate) fn tags(&mut self, tag: &str) {
        self.github("push", &format!("refs/tags/{tag}"), tag, &json!({}));
    }

    /// A pull request from a branch of this repository into another one.
    pub(crate) fn requests(&mut self, branch: &str, target: &str) {
        self.pull_request(OWN, branch, target);
    }

    /// The same from a branch of somebody else's.
    pub(crate) fn requests_from_fork(&mut self, branch: &str, target: &str) {
        self.pull_request("stranger/shop", branch, target);
    }

    fn pull_request(&mut self, head: &str, branch: &str, target: &str) {
        let pull_request = json!({"head": {"repo": {"full_name": head}}, "user": {"login": "somebody"}});
        self.github("pull_request", "refs/pull/7/merge", "7/merge", &json!({"pull_request": pull_request}));
        self.set([("GITHUB_HEAD_REF", branch), ("GITHUB_BASE_REF", target)]);
    }

    fn github(&mut self, event: &str, reference: &str, name: &str, payload: &Value) {
        let mut payload = payload.clone();
        payload["repository"] = json!({"full_name": OWN, "default_branch": "main"});
        let payload = self.repository.write(".git/event.json", payload.to_string());
        let sha = self.repository.git(&["rev-parse", "HEAD"]);
        self.set([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", event),
            ("GITHUB_EVENT_PATH", payload.to_str().unwrap()),
            ("GITHUB_REF", reference),
            ("GITHUB_REF_NAME", name),
            ("GITHUB_SHA", sha.trim()),
            ("GITHUB_HEAD_REF", ""),
            ("GITHUB_BASE_REF", ""),
        ]);
    }

    /// A pipeline of a branch on GitLab, in a project with this registry.
    pub(crate) fn gitlab(&mut self, branch: &str, registry: &str) {
        let sha = self.repository.git(&["rev-parse", "HEAD"]);
        self.set([
            ("GITLAB_CI", "true"),
            ("CI_COMMIT_REF_NAME", branch),
            ("CI_COMMIT_SHA", sha.trim()),
            ("CI_DEFAULT_BRANCH", "main"),
            ("CI_REGISTRY_IMAGE", registry),
        ]);
    }

    /// Makes the engine forget what it built, as if the next run had another one.
    pub(crate) fn forget(&self) {
        forget(&[&self.name]);
    }

    /// Runs to a good end.
    #[track_caller]
    pub(crate) fn run(&self) -> Built {
        self.run_to(&[], 0)
    }

    /// Runs with more arguments to this exit code. Whatever happens, the token of the job is told to nobody.
    #[track_caller]
    pub(crate) fn run_to(&self, arguments: &[&str], code: i32) -> Built {
        let run = self.repository.weighbridge(&[&["run"], arguments].concat()).expect(code);
        let token = self.repository.env.get("ACTIONS_RUNTIME_TOKEN").filter(|token| !token.is_empty());
        assert!(!token.is_some_and(|token| self.has_told(&run, token)), "the token is told: {run:#?}");
        Built { run, cell: self.repository.report()["cells"][0].clone() }
    }

    /// Whether anything that the last run left behind contains this, or the middle of it if it is a token.
    pub(crate) fn has_told(&self, run: &Run, text: &str) -> bool {
        let text = text.split('.').nth(1).unwrap_or(text);
        let cells = std::fs::read_dir(self.repository.path().join(".weighbridge/cells")).unwrap();
        let log =
            |cell: std::fs::DirEntry| self.repository.read(cell.path().join("linux-amd64/build.log").to_str().unwrap());
        let logs = cells.map(|cell| log(cell.unwrap()));
        let reports = ["report.json", "report.md"].map(|file| self.repository.read(&format!(".weighbridge/{file}")));
        logs.chain(reports).chain([run.stdout.clone(), run.stderr.clone()]).any(|told| told.contains(text))
    }
}

impl Built {
    /// How many steps came from a remote cache, and how many from any.
    pub(crate) fn remote_and_cached(&self) -> (usize, usize) {
        let steps = self.cell["steps"].as_array().unwrap();
        assert_eq!(steps.len(), STEPS, "{}", self.cell);
        let count = |is: fn(&&Value) -> bool| steps.iter().filter(is).count();
        (count(|step| step["cached_from"] == "remote"), count(|step| step["cached"] == true))
    }

    /// Insists on every step having come from a remote cache.
    #[track_caller]
    pub(crate) fn all_remote(self) -> Self {
        assert_eq!(self.remote_and_cached(), (STEPS, STEPS), "{:#}\n{}", self.cell, self.run.stderr);
        self
    }

    /// What became of the caches that were to be read: the branch, or the kind of store where it tells none, and the end.
    pub(crate) fn imports(&self) -> Vec<String> {
        self.uses("imports")
    }

    /// The same of those that were to be written.
    pub(crate) fn exports(&self) -> Vec<String> {
        self.uses("exports")
    }

    fn uses(&self, direction: &str) -> Vec<String> {
        let show = |used: &Value| {
            let kind = used["entry"].as_str().unwrap().trim_start_matches("type=").split(',').next();
            let place = used["branch"].as_str().or(kind).unwrap();
            format!("{place} {}", used["end"].as_str().unwrap())
        };
        self.cell["cache"][direction].as_array().unwrap().iter().map(show).collect()
    }

    /// What was left out and why.
    pub(crate) fn left_out(&self) -> String {
        self.cell["cache"]["left_out"].to_string()
    }

    /// Insists on these findings about caches and no others, notices aside: the rule of each and what its message says.
    #[track_caller]
    pub(crate) fn finds(self, expected: &[(&str, &[&str])]) -> Self {
        let findings = self.cell["findings"].as_array().unwrap().iter();
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let is_trouble = |one: &&Value| text(one, "rule").starts_with("cache-") && one["severity"] != "notice";
        let found: Vec<_> = findings.filter(is_trouble).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (one, (rule, texts)) in found.iter().zip(expected) {
            assert_eq!(text(one, "rule"), *rule, "{one}");
            for part in *texts {
                assert!(text(one, "message").contains(part), "expected {part:?}: {one}");
            }
        }
        self
    }
}
