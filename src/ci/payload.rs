//! The event payload of GitHub Actions: who really opened a change request stands only there.
//! <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;

use crate::env::Env;
use crate::fs;

/// GitHub sends at most 25 MB.
const LIMIT_BYTES: u64 = 32 << 20;

/// The part of a payload that is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub(super) struct Payload {
    pub(super) repository: Option<Repository>,
    pub(super) pull_request: Option<PullRequest>,
    pub(super) workflow_run: Option<WorkflowRun>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: String,
    pub(super) default_branch: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct PullRequest {
    pub(super) number: Option<u64>,
    pub(super) head: Side,
    pub(super) user: Option<User>,
    pub(super) labels: Option<Vec<Label>>,
}

/// One side of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Side {
    /// `None` when the fork has been deleted.
    pub(super) repo: Option<Repository>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
    /// `User`, `Bot` or `Organization`.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct WorkflowRun {
    pub(super) head_repository: Option<Repository>,
}

/// Reads the payload that `GITHUB_EVENT_PATH` names.
///
/// # Errors
/// When there is none, or it is not the JSON that GitHub sends.
pub(super) fn read(env: &Env) -> Result<Payload> {
    let path = env.get("GITHUB_EVENT_PATH").ok_or_else(|| anyhow!("GITHUB_EVENT_PATH is not set"))?;
    let content = fs::read_limited(Path::new(path), LIMIT_BYTES)?;
    serde_json::from_slice(&content).with_context(|| format!("read the event payload {path}"))
}
