//! Which commit to compare with.
//!
//! The event's `pull_request.base.sha` is never used: it is the tip of the target branch when the event fired, so a
//! comparison with it blames the change request for other people's merges. The same is true of the merge base when the
//! forge built a trial merge: that contains the target branch as it is now, and its first parent says exactly which.

use anyhow::{Result, anyhow};

use super::{Ancestry, CANDIDATES, Choice, Chosen};
use crate::ci::{Checkout, Context};
use crate::error::Exit;
use crate::git::{Git, GitError};
use crate::report::Head;

/// Chooses the commit to compare `head` with: the one asked for with `--base`, else the first parent of a trial merge,
/// else the merge base with the target or default branch; when that is the head itself, the head if there are
/// uncommitted changes and its parent if not. History that a shallow clone lacks is asked of the forge, if one is there.
///
/// # Errors
/// Only when `explicit` names no commit; every other obstacle is a [`Chosen::NoBase`].
pub async fn choose(
    git: Result<&Git, &GitError>,
    context: &Context,
    head: &Head,
    explicit: Option<&str>,
    forge: Option<&Ancestry>,
) -> Result<Chosen> {
    if let Some(revision) = explicit {
        let found =
            named(git, revision, forge).await.map_err(|error| error.context(Exit::usage(format!("--base {revision}"))));
        return found.map(Chosen::Base);
    }
    let choice = match git {
        Ok(git) => by_rule(git, context, head, forge).await,
        Err(error) => Err(anyhow!("{error}")),
    };
    Ok(choice.map_or_else(|error| Chosen::NoBase { reason: format!("{error:#}") }, Chosen::Base))
}

async fn named(git: Result<&Git, &GitError>, revision: &str, forge: Option<&Ancestry>) -> Result<Choice> {
    let git = git.map_err(|error| anyhow!("{error}"))?;
    match git.resolve(revision).await? {
        Some(sha) => with_candidates(git, sha, format!("--base {revision}"), forge).await,
        None if git.is_shallow().await? => Err(anyhow!("no such commit in this shallow clone; {DEEPEN}")),
        None => Err(anyhow!("no such commit in this repository; fetch it, or name another")),
    }
}

async fn by_rule(git: &Git, context: &Context, head: &Head, forge: Option<&Ancestry>) -> Result<Choice> {
    let sha = head.sha.as_deref().ok_or_else(|| anyhow!("the repository has no commits yet"))?;
    let mut situation = situation(git, context, sha, head.dirty).await?;
    let mut failure = String::new();
    if let Some(forge) = forge.filter(|_| situation.lacks_history()) {
        match told(forge, &situation).await {
            Ok(target) => situation.target = target.unwrap_or(situation.target),
            Err(error) => failure = format!(" ({} was asked: {error:#})", forge.name()),
        }
    }
    let (base, chosen_by) = decide(&situation).map_err(|reason| anyhow!("{reason}{failure}"))?;
    with_candidates(git, base, chosen_by, forge).await
}

async fn with_candidates(git: &Git, sha: String, chosen_by: String, forge: Option<&Ancestry>) -> Result<Choice> {
    let mut candidates = git.first_parents(&sha, CANDIDATES).await?;
    if let Some(forge) = forge
        && candidates.len() < CANDIDATES
        && git.is_shallow().await?
    {
        // Without an answer, the search only goes back less far.
        let told = forge.first_parents(&sha, CANDIDATES).await.unwrap_or_default();
        if told.len() > candidates.len() {
            candidates = told;
        }
    }
    if candidates.is_empty() {
        // A shallow clone knows the name of a parent that it lacks.
        candidates.push(sha.clone());
    }
    Ok(Choice { sha, chosen_by, candidates })
}

/// What to do about history that a shallow clone lacks.
pub const DEEPEN: &str = "run `git fetch --deepen 50`, or check out with `fetch-depth: 0` (GitLab: `GIT_DEPTH: 0`)";

/// What the choice depends on.
#[derive(Debug, Clone)]
struct Situation {
    head: String,
    dirty: bool,
    parents: Vec<String>,
    /// What the forge asked to check out, if that is what is checked out.
    checkout: Checkout,
    target: Target,
    shallow: bool,
}

/// The branch that the head is compared with.
#[derive(Debug, Clone)]
enum Target {
    /// Neither the forge nor the repository names one.
    Unknown,
    /// It has a name, but is not in this clone.
    Absent { name: String },
    /// It is here.
    Present { name: String, merge_base: Option<String> },
    /// The forge has it.
    Told { name: String, merge_base: String, by: &'static str },
}

impl Target {
    fn has_merge_base(&self) -> bool {
        matches!(self, Self::Present { merge_base: Some(_), .. } | Self::Told { .. })
    }

    fn name(&self) -> &str {
        match self {
            Self::Unknown => "the target branch",
            Self::Absent { name } | Self::Present { name, .. } | Self::Told { name, .. } => name,
        }
    }
}

impl Situation {
    /// Whether the rule needs history that is not here.
    fn lacks_history(&self) -> bool {
        match &self.target {
            _ if self.trial_parent().is_some() => false,
            Target::Absent { .. } => true,
            Target::Present { merge_base: None, .. } => self.shallow,
            Target::Present { .. } | Target::Told { .. } | Target::Unknown => false,
        }
    }

    /// The state of the target branch that a trial merge was made on.
    fn trial_parent(&self) -> Option<&String> {
        match (self.checkout, self.parents.as_slice()) {
            (Checkout::TrialMerge, [first, _]) => Some(first),
            _ => None,
        }
    }
}

/// The target as the forge knows it.
async fn told(forge: &Ancestry, situation: &Situation) -> Result<Option<Target>> {
    let name = situation.target.name().to_owned();
    let merge_base = forge.merge_base(&name, &situation.head).await?;
    Ok(merge_base.map(|merge_base| Target::Told { name, merge_base, by: forge.name() }))
}

async fn situation(git: &Git, context: &Context, head: &str, dirty: bool) -> Result<Situation, GitError> {
    let is_asked_for = context.sha.as_deref() == Some(head);
    let target = target(git, context, head).await?;
    // What the forge says is of the commit that it asked for.
    let told = context.merge_base.clone().filter(|_| is_asked_for && !target.has_merge_base());
    Ok(Situation {
        head: head.to_owned(),
        dirty,
        parents: git.parents(head).await?,
        checkout: if is_asked_for { context.checkout } else { Checkout::Commit },
        target: match told {
            Some(merge_base) => Target::Told { name: target.name().to_owned(), merge_base, by: "GitLab" },
            None => target,
        },
        shallow: git.is_shallow().await?,
    })
}

async fn target(git: &Git, context: &Context, head: &str) -> Result<Target, GitError> {
    let from_forge = context.target_branch.clone().or_else(|| context.default_branch.clone());
    let name = match from_forge {
        Some(name) => Some(name),
        None => git.default_branch().await?,
    };
    let Some(name) = name else { return Ok(Target::Unknown) };
    match git.branch(&name).await? {
        Some(tip) => Ok(Target::Present { name, merge_base: git.merge_base(head, &tip).await? }),
        None => Ok(Target::Absent { name }),
    }
}

/// The base commit and the phrase that says why it, or why there is none.
fn decide(situation: &Situation) -> Result<(String, String), String> {
    let Situation { head, dirty, parents, target, shallow, .. } = situation;
    if let Some(first) = situation.trial_parent() {
        return Ok((first.clone(), format!("first parent of the merge into {}", target.name())));
    }
    let (name, merge_base, told) = match target {
        Target::Present { name, merge_base: Some(merge_base) } => (name, merge_base, String::new()),
        Target::Told { name, merge_base, by } => (name, merge_base, format!(", as {by} tells")),
        Target::Present { name, merge_base: None } if *shallow => {
            return Err(format!("this shallow clone does not reach back to where {name} was left; {DEEPEN}"));
        }
        Target::Present { name, merge_base: None } => return Err(format!("HEAD and {name} have no common history")),
        Target::Absent { name } => {
            // The full form, because a clone of a single branch would not keep another one under its name.
            let refspec = format!("{name}:refs/remotes/origin/{name}");
            let quoted = shell_words::quote(&refspec);
            return Err(format!("branch {name} is not in this clone; run `git fetch origin {quoted}`"));
        }
        Target::Unknown => {
            return Err(
                "the default branch is not known; run `git remote set-head origin --auto`, or use --base".into()
            );
        }
    };
    match parents.first() {
        _ if merge_base != head => Ok((merge_base.clone(), format!("merge base with {name}{told}"))),
        _ if *dirty => Ok((head.clone(), "uncommitted changes against HEAD".to_owned())),
        Some(parent) => Ok((parent.clone(), format!("parent of HEAD on {name}"))),
        None => Err("HEAD is the first commit".to_owned()),
    }
}

#[cfg(test)]
mod tests;
