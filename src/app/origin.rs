//! What a run was about, as GitHub knows it: which pull request, and whether the commit of a report is what that run
//! built. A report may say anything, so it is only ever held against this.

use std::collections::BTreeMap;

use crate::baseline::{CANDIDATES, Choice, Chosen, is_full_sha};
use crate::forge::actions::Run;
use crate::forge::pulls::PullRequest;
use crate::forge::{ForgeError, Rest};
use crate::report::Report;

/// What a run was about.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) pull: PullRequest,
    /// What it is measured against.
    pub(super) chosen: Chosen,
}

/// Why it cannot be told.
#[derive(Debug)]
pub(super) enum Unusable {
    /// The report is not what it should be.
    Report(String),
    /// GitHub does not tell.
    Forge(ForgeError),
}

impl From<ForgeError> for Unusable {
    fn from(error: ForgeError) -> Self {
        Self::Forge(error)
    }
}

/// The open pull requests whose head is what the run was about, or why there is none.
pub(super) async fn pull_requests(rest: &Rest, run: &Run) -> Result<Result<Vec<PullRequest>, String>, ForgeError> {
    let nothing = |reason: String| Ok(Err(format!("run {} {reason}", run.id)));
    if !run.repository.full_name.eq_ignore_ascii_case(&rest.repository.name) {
        return nothing(format!("is of {}", run.repository.full_name));
    }
    if run.event != "pull_request" {
        return nothing(format!("was started by {}, not by a pull request", run.event));
    }
    let (Some(head), Some(branch)) = (&run.head_repository, &run.head_branch) else {
        return nothing("is of a fork that is gone".to_owned());
    };
    let owner = head.full_name.split('/').next().unwrap_or_default();
    let mut pulls = rest.open_pull_requests(owner, branch).await?;
    // What GitHub does not understand in a query, it passes over and answers with all of them.
    let is_of = |side: &crate::forge::pulls::Side, id| side.repo.as_ref().is_some_and(|repo| repo.id == id);
    pulls.retain(|pull| {
        is_of(&pull.head, head.id) && pull.head.branch == *branch && is_of(&pull.base, run.repository.id)
    });
    if pulls.is_empty() {
        return nothing("has no open pull request".to_owned());
    }
    pulls.retain(|pull| pull.head.sha == run.head_sha);
    if pulls.is_empty() {
        return nothing("is not about the newest commit of its pull request".to_owned());
    }
    Ok(Ok(pulls))
}

impl Origin {
    /// Holds the report against the run. `None` where it cannot be told which of several pull requests it is about.
    pub(super) async fn of(
        rest: &Rest,
        run: &Run,
        mut pulls: Vec<PullRequest>,
        report: &Report,
    ) -> Result<Option<Self>, Unusable> {
        let sha = report.context.head.sha.as_deref().filter(|sha| is_full_sha(sha));
        let sha = sha.ok_or_else(|| Unusable::Report("its report is not of a commit".to_owned()))?;
        if pulls.len() > 1 {
            pulls.retain(|pull| pull.merge_commit_sha.as_deref() == Some(sha));
        }
        let Some(pull) = pulls.into_iter().next() else { return Ok(None) };
        let chosen = if sha == run.head_sha {
            merge_base(rest, &pull).await
        } else {
            let first = merged_into(rest, run, &pull, sha).await?;
            with_candidates(rest, first, format!("first parent of the merge into {}", pull.base.branch)).await
        };
        let no_base = |error| Chosen::NoBase { reason: format!("GitHub does not tell the base: {error}") };
        Ok(Some(Self { pull, chosen: chosen.unwrap_or_else(no_base) }))
    }
}

/// What the head was merged into for a try. The merge must be one of what this run was about into that very branch.
async fn merged_into(rest: &Rest, run: &Run, pull: &PullRequest, sha: &str) -> Result<String, Unusable> {
    let other = || {
        let short = sha.get(..12).unwrap_or(sha);
        let number = pull.number;
        Unusable::Report(format!("its report is of {short}, neither the head of pull request {number} nor its merge"))
    };
    let commit = match rest.commit(sha).await {
        Err(ForgeError::NotFound(_)) => return Err(other()),
        commit => commit?,
    };
    let [first, second] = &commit.parents[..] else { return Err(other()) };
    if second.sha != run.head_sha {
        return Err(other());
    }
    let relation = match rest.compare(&first.sha, &pull.base.branch).await {
        Err(ForgeError::NotFound(_)) => return Err(other()),
        relation => relation?,
    };
    if matches!(relation.status.as_str(), "ahead" | "identical") { Ok(first.sha.clone()) } else { Err(other()) }
}

async fn merge_base(rest: &Rest, pull: &PullRequest) -> Result<Chosen, ForgeError> {
    let sha = rest.compare(&pull.base.branch, &pull.head.sha).await?.merge_base_commit.sha;
    with_candidates(rest, sha, format!("merge base with {}", pull.base.branch)).await
}

/// A commit and its first parents, as far as one page goes.
async fn with_candidates(rest: &Rest, sha: String, chosen_by: String) -> Result<Chosen, ForgeError> {
    let commits = rest.commits(&sha, 100).await?;
    let first = |parents: Vec<crate::forge::pulls::Parent>| parents.into_iter().next().map(|parent| parent.sha);
    let parents: BTreeMap<String, Option<String>> =
        commits.into_iter().map(|commit| (commit.sha, first(commit.parents))).collect();
    let line = std::iter::successors(Some(sha.clone()), |sha| parents.get(sha).cloned().flatten());
    Ok(Chosen::Base(Choice { candidates: line.take(CANDIDATES).collect(), sha, chosen_by }))
}
