//! Runs, artifacts, pull requests and commits as GitHub keeps them, and the service and the store that artifacts go to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use super::model::{Model, Reply, TOKEN};
use super::{header, number};

/// The token of the service that keeps artifacts; its claim says which run and job it is of.
pub(crate) const RUNTIME_TOKEN: &str =
    "e30.eyJzY3AiOiJBY3Rpb25zLkV4YW1wbGUgQWN0aW9ucy5SZXN1bHRzOnJ1bi1iYWNrZW5kOmpvYi1iYWNrZW5kIn0.sig";
/// The numbers of the repository and of a fork.
pub(crate) const OWN: u64 = 1;
pub(crate) const FORK: u64 = 2;

#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) event: String,
    pub(crate) conclusion: String,
    pub(crate) head_branch: String,
    pub(crate) head_sha: String,
    /// `None` when it was deleted.
    pub(crate) head_repository: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) run: u64,
    pub(crate) content: Vec<u8>,
    pub(crate) expired: bool,
    /// What the list says of it, where that is not the truth.
    pub(crate) listed: Value,
}

/// A pull request, opened by an account of this name and type.
#[derive(Debug, Clone)]
pub(crate) struct PullRequest {
    pub(crate) number: u64,
    pub(crate) is_open: bool,
    pub(crate) opened_by: (&'static str, &'static str),
    pub(crate) labels: Vec<String>,
    pub(crate) head_sha: String,
    pub(crate) head_branch: String,
    pub(crate) head_repository: u64,
    pub(crate) base: String,
}

/// What GitHub knows beside the comments.
#[derive(Default)]
pub(crate) struct Actions {
    pub(crate) runs: Vec<Run>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) pull_requests: Vec<PullRequest>,
    /// Commits with their parents.
    pub(crate) commits: BTreeMap<String, Vec<String>>,
    pub(crate) branches: BTreeMap<String, String>,
    /// What is answered instead of runs and artifacts: 403 where the token may not read them, 404 where there are none.
    pub(crate) refusal: Option<u16>,
    /// Whether the service answers in the other spelling.
    pub(crate) is_camel_case: bool,
    /// The run that leaves artifacts.
    pub(crate) current_run: u64,
    /// Paths that were asked for.
    pub(crate) asked: Vec<String>,
    uploads: BTreeMap<String, Vec<u8>>,
}

fn full_name(repository: u64) -> &'static str {
    if repository == OWN { "acme/shop" } else { "someone/shop" }
}

fn repository(id: u64) -> Value {
    json!({ "id": id, "full_name": full_name(id), "private": false })
}

impl Run {
    fn show(&self) -> Value {
        json!({
            "id": self.id, "event": self.event, "status": "completed", "conclusion": self.conclusion,
            "head_branch": self.head_branch, "head_sha": self.head_sha, "pull_requests": [],
            "repository": repository(OWN), "head_repository": self.head_repository.map(repository),
        })
    }
}

impl PullRequest {
    fn show(&self, branches: &BTreeMap<String, String>) -> Value {
        let label = format!("{}:{}", full_name(self.head_repository).split('/').next().unwrap(), self.head_branch);
        json!({
            "user": { "login": self.opened_by.0, "type": self.opened_by.1 },
            "labels": self.labels.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "number": self.number, "state": if self.is_open { "open" } else { "closed" },
            "head": {
                "label": label, "sha": self.head_sha, "ref": self.head_branch,
                "repo": repository(self.head_repository),
            },
            "base": { "sha": branches.get(&self.base), "ref": self.base, "repo": repository(OWN) },
            "merge_commit_sha": null,
        })
    }
}

impl Actions {
    /// Leaves an artifact of a run and returns its number.
    pub(crate) fn leave(&mut self, run: u64, name: &str, content: Vec<u8>) -> u64 {
        let id = 5_000 + self.artifacts.len() as u64;
        let name = name.to_owned();
        self.artifacts.push(Artifact { id, name, run, content, expired: false, listed: json!({}) });
        id
    }

    fn show(&self, artifact: &Artifact) -> Value {
        let run = self.runs.iter().find(|run| run.id == artifact.run).unwrap();
        let mut shown = json!({
            "id": artifact.id, "name": artifact.name, "size_in_bytes": artifact.content.len(),
            "expired": artifact.expired,
            "workflow_run": {
                "id": run.id, "repository_id": OWN, "head_repository_id": run.head_repository,
                "head_branch": run.head_branch, "head_sha": run.head_sha,
            },
        });
        for (key, value) in artifact.listed.as_object().unwrap() {
            shown[key] = value.clone();
        }
        shown
    }

    fn list(&self, request: &Request, run: Option<u64>) -> Reply {
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let named =
            self.artifacts.iter().filter(|artifact| query.get("name").is_none_or(|name| *name == artifact.name));
        let mut all: Vec<&Artifact> = named.filter(|artifact| run.is_none_or(|run| run == artifact.run)).collect();
        all.reverse();
        let (page, per_page) = (number(request, "page", 1), number(request, "per_page", 30));
        let shown: Vec<Value> = all.iter().skip((page - 1) * per_page).take(per_page).map(|it| self.show(it)).collect();
        Reply::of(200, json!({ "total_count": all.len(), "artifacts": shown }))
    }

    fn resolve(&self, name: &str) -> Option<String> {
        let sha = self.branches.get(name).cloned().unwrap_or_else(|| name.to_owned());
        self.commits.contains_key(&sha).then_some(sha)
    }

    /// A commit and those before it, by depth.
    fn history(&self, sha: &str) -> Vec<String> {
        let (mut seen, mut order) = (BTreeSet::new(), vec![sha.to_owned()]);
        let mut at = 0;
        while let Some(sha) = order.get(at).cloned() {
            let parents = self.commits[&sha].iter().filter(|parent| seen.insert((*parent).clone())).cloned();
            order.extend(parents.collect::<Vec<_>>());
            at += 1;
        }
        order
    }

    fn commit(&self, sha: &str) -> Value {
        let parents: Vec<Value> = self.commits[sha].iter().map(|sha| json!({ "sha": sha })).collect();
        json!({ "sha": sha, "parents": parents })
    }

    fn compare(&self, base: &str, head: &str) -> Option<Reply> {
        let (base, head) = (self.resolve(base)?, self.resolve(head)?);
        let (of_base, of_head) = (self.history(&base), self.history(&head));
        let status = match () {
            () if base == head => "identical",
            () if of_head.contains(&base) => "ahead",
            () if of_base.contains(&head) => "behind",
            () => "diverged",
        };
        let merge_base = of_head.iter().find(|sha| of_base.contains(sha))?;
        Some(Reply::of(200, json!({ "status": status, "merge_base_commit": { "sha": merge_base } })))
    }

    fn pulls(&self, request: &Request) -> Reply {
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        assert_eq!(query["state"], "open");
        let open = self.pull_requests.iter().filter(|pull| pull.is_open).map(|pull| pull.show(&self.branches));
        Reply::of(200, open.filter(|pull| pull["head"]["label"] == query["head"]).collect())
    }

    /// Answers what is asked below the repository.
    pub(crate) fn github(&mut self, path: &str, request: &Request, blobs: &str) -> Option<Reply> {
        self.asked.push(path.to_owned());
        let parts: Vec<&str> = path.split('/').collect();
        if let Some(status) = self.refusal.filter(|_| parts[0] == "actions") {
            return Some(Reply::error(status, "Resource not accessible by integration"));
        }
        let id = |text: &str| text.parse::<u64>().ok();
        match parts[..] {
            ["actions", "artifacts"] => Some(self.list(request, None)),
            ["actions", "artifacts", artifact, "zip"] => {
                let artifact = self.artifacts.iter().find(|other| Some(other.id) == id(artifact))?;
                if artifact.expired {
                    return Some(Reply::error(410, "Artifact has expired"));
                }
                let location = format!("{blobs}/{}?sig=signature-that-nobody-may-see", artifact.id);
                Some(Reply::of(302, Value::Null).with("location", location))
            }
            ["actions", "runs", run, "artifacts"] => Some(self.list(request, id(run))),
            ["actions", "runs", run] => {
                Some(Reply::of(200, self.runs.iter().find(|other| Some(other.id) == id(run))?.show()))
            }
            ["pulls"] => Some(self.pulls(request)),
            ["git", "commits", sha] => self.commits.get(sha).map(|_| Reply::of(200, self.commit(sha))),
            ["commits"] => {
                let (_, sha) = request.url.query_pairs().find(|(name, _)| name == "sha")?;
                let history = self.history(&self.resolve(&sha)?);
                let shown = history.iter().take(number(request, "per_page", 30)).map(|sha| self.commit(sha));
                Some(Reply::of(200, shown.collect()))
            }
            ["compare", ..] => {
                let (base, head) = path.strip_prefix("compare/")?.split_once("...")?;
                self.compare(base, head)
            }
            _ => None,
        }
    }

    /// Answers what GitLab is asked of commits, below the repository.
    pub(crate) fn gitlab(&self, path: &str, request: &Request) -> Option<Reply> {
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let given = |name: &str| -> Option<Vec<String>> {
            query.iter().filter(|(other, _)| other == name).map(|(_, value)| self.resolve(value)).collect()
        };
        match path {
            "merge_base" => {
                let [one, other] = <[String; 2]>::try_from(given("refs[]")?).unwrap();
                let of_branch = self.history(&one);
                let found = self.history(&other).into_iter().find(|sha| of_branch.contains(sha))?;
                Some(Reply::of(200, json!({ "id": found })))
            }
            "commits" => {
                let show = |sha: &String| json!({ "id": sha, "parent_ids": self.commits[sha] });
                let history = self.history(&given("ref_name")?[0]);
                Some(Reply::of(200, history.iter().take(number(request, "per_page", 20)).map(show).collect()))
            }
            _ => None,
        }
    }

    /// Answers as the service that keeps artifacts.
    pub(crate) fn service(&mut self, method: &str, request: &Request, blobs: &str) -> Option<Reply> {
        if header(request, "authorization") != Some(&format!("Bearer {RUNTIME_TOKEN}")) {
            return Some(Reply::of(401, json!({ "code": "unauthenticated", "msg": "invalid token" })));
        }
        let asked: Value = request.body_json().unwrap();
        assert_eq!(asked["workflow_run_backend_id"], "run-backend");
        assert_eq!(asked["workflow_job_run_backend_id"], "job-backend");
        let name = asked["name"].as_str().unwrap().to_owned();
        let spell = |snake: &'static str, camel: &'static str| if self.is_camel_case { camel } else { snake };
        match method {
            "CreateArtifact" => {
                let is_taken = |artifact: &Artifact| artifact.run == self.current_run && artifact.name == name;
                if self.artifacts.iter().any(is_taken) {
                    let message = "an artifact with this name already exists on the workflow run";
                    return Some(Reply::of(409, json!({ "code": "already_exists", "msg": message })));
                }
                let url = format!("{blobs}/upload/{name}?sig=signature-that-nobody-may-see");
                Some(Reply::of(200, json!({ "ok": true, spell("signed_upload_url", "signedUploadUrl"): url })))
            }
            "FinalizeArtifact" => {
                let id_name = spell("artifact_id", "artifactId");
                let content = self.uploads.remove(&name)?;
                assert_eq!(asked["size"], content.len().to_string());
                let id = self.leave(self.current_run, &name, content);
                Some(Reply::of(200, json!({ "ok": true, id_name: id.to_string() })))
            }
            _ => None,
        }
    }
}

/// The store of blobs, which is told no token.
pub(crate) struct Blobs(pub(crate) Arc<Mutex<Model>>);

impl Respond for Blobs {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut model = self.0.lock().unwrap();
        let told = request
            .headers
            .values()
            .any(|value| value.to_str().is_ok_and(|value| value.contains(TOKEN) || value.contains(RUNTIME_TOKEN)));
        let is_signed = request.url.query().is_some_and(|query| query.starts_with("sig="));
        if told || request.headers.contains_key("authorization") || !is_signed {
            return ResponseTemplate::new(400).set_body_string("<Error><Code>InvalidAuthenticationInfo</Code></Error>");
        }
        let path = request.url.path().trim_start_matches('/');
        if let Some(name) = path.strip_prefix("upload/") {
            assert_eq!(header(request, "x-ms-blob-type"), Some("BlockBlob"));
            model.actions.uploads.insert(name.to_owned(), request.body.clone());
            return ResponseTemplate::new(201);
        }
        match model.actions.artifacts.iter().find(|artifact| artifact.id.to_string() == path) {
            Some(artifact) => ResponseTemplate::new(200).set_body_bytes(artifact.content.clone()),
            None => ResponseTemplate::new(404),
        }
    }
}
