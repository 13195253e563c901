//! The store on GitHub: artifacts that runs of the base branch leave behind.
//!
//! Whoever opens a pull request can leave an artifact of any name, so only those count that code of this repository's
//! own branch made: not of a fork, not of another branch, and of an event that runs what is merged already. A report
//! proves its commit itself, as in every store.

use std::cell::OnceCell;

use anyhow::{Context as _, Result, anyhow, bail};

use super::{BaselineStore, Unavailable, Untrusted, is_full_sha};
use crate::ci::{Context, Event, Forge};
use crate::env::Env;
use crate::forge::actions::{Artifact, Origin, PERMISSION, Run};
use crate::forge::{ForgeError, Rest, TOKEN_VARIABLES, artifact};
use crate::report::Report;

/// Events whose runs build what is merged already.
const EVENTS: [&str; 3] = ["push", "schedule", "workflow_dispatch"];

/// Reports of earlier runs of this repository's workflows, one artifact per run.
#[derive(Debug)]
pub struct ArtifactStore {
    rest: Rest,
    name: String,
    branches: Vec<String>,
    listed: OnceCell<Vec<Artifact>>,
}

impl ArtifactStore {
    /// The artifacts of this name on these branches.
    #[must_use]
    pub fn new(rest: Rest, name: &str, branches: Vec<String>) -> Self {
        Self { rest, name: name.to_owned(), branches, listed: OnceCell::new() }
    }

    /// The store of a job of GitHub with a token; elsewhere there is none.
    ///
    /// # Errors
    /// When the variables of the job make no sense.
    pub fn of(env: &Env, context: &Context, name: &str) -> Result<Option<Self>> {
        let branches = branches(context);
        let has_token = TOKEN_VARIABLES.iter().any(|name| env.get(name).is_some());
        if context.forge != Forge::Github || !has_token || branches.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self::new(Rest::of(env, PERMISSION)?, name, branches)))
    }

    /// The name of the artifacts.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All that may matter, asked for once.
    async fn listed(&self) -> Result<&[Artifact], Unavailable> {
        if let Some(listed) = self.listed.get() {
            return Ok(listed);
        }
        match self.rest.artifacts(&self.name).await {
            Ok(listed) => Ok(self.listed.get_or_init(|| listed)),
            // Gitea and Forgejo do not know the address.
            Err(error @ (ForgeError::Denied { .. } | ForgeError::NotFound(_))) => {
                Err(Unavailable::Denied(error.to_string()))
            }
            Err(error) => Err(Unavailable::Unreachable(error.to_string())),
        }
    }

    async fn report(&self, artifact: &Artifact, sha: &str) -> Result<Report> {
        let run = self.rest.run(self.acceptable(artifact)?).await.context("look its run up")?;
        is_trusted(&run, sha, &self.branches)?;
        let content = match self.rest.download(artifact).await {
            Err(ForgeError::NotFound(_)) => bail!("it has expired"),
            content => content.context("download it")?,
        };
        tokio::task::spawn_blocking(move || artifact::read(&content)).await.context("read it")?
    }

    /// The run of an artifact whose own words are not against it. They spare questions, and are not what is believed.
    fn acceptable(&self, artifact: &Artifact) -> Result<u64> {
        let Some(Origin { id, repository_id, head_repository_id, head_branch, .. }) = &artifact.workflow_run else {
            return Err(untrusted("it does not say which run it is of"));
        };
        if repository_id.is_none() || repository_id != head_repository_id {
            return Err(untrusted("it is of a fork"));
        }
        is_of_branch(head_branch.as_deref(), &self.branches)?;
        if artifact.expired {
            bail!("it has expired");
        }
        Ok(*id)
    }
}

/// The branches whose runs are a base for this one. Who pushes to a branch may be compared with it.
fn branches(context: &Context) -> Vec<String> {
    match (&context.target_branch, context.event) {
        (Some(target), _) => vec![target.clone()],
        (None, Event::Push | Event::Schedule) => {
            let mut branches: Vec<_> = context.default_branch.iter().chain(&context.reference).cloned().collect();
            branches.dedup();
            branches
        }
        (None, _) => context.default_branch.iter().cloned().collect(),
    }
}

fn untrusted(reason: impl Into<String>) -> anyhow::Error {
    Untrusted(reason.into()).into()
}

fn is_of_branch(branch: Option<&str>, branches: &[String]) -> Result<()> {
    match branch {
        Some(branch) if branches.iter().any(|own| own == branch) => Ok(()),
        Some(branch) => Err(untrusted(format!("it is of branch {branch}, not of {}", branches.join(" or ")))),
        None => Err(untrusted("it is of no branch")),
    }
}

fn is_trusted(run: &Run, sha: &str, branches: &[String]) -> Result<()> {
    if run.head_repository.as_ref().is_none_or(|head| head.id != run.repository.id) {
        return Err(untrusted("its run is of a fork"));
    }
    is_of_branch(run.head_branch.as_deref(), branches)?;
    if !EVENTS.contains(&run.event.as_str()) {
        let reason = format!("its run was started by {}, not by {}", run.event, EVENTS.join(", "));
        return Err(untrusted(reason));
    }
    if run.head_sha != sha {
        return Err(untrusted("its run is of another commit"));
    }
    Ok(())
}

impl BaselineStore for ArtifactStore {
    async fn load(&self, sha: &str) -> Result<Option<Report>> {
        if !is_full_sha(sha) {
            bail!("{sha:?} is not a commit; expected 40 or 64 lowercase hexadecimal digits");
        }
        let of_commit = |artifact: &&Artifact| {
            artifact.workflow_run.as_ref().and_then(|origin| origin.head_sha.as_deref()) == Some(sha)
        };
        let (mut refusals, mut is_ours) = (Vec::new(), false);
        for artifact in self.listed().await?.iter().filter(of_commit) {
            match self.report(artifact, sha).await {
                Ok(report) => return Ok(Some(report)),
                Err(error) => {
                    is_ours |= error.downcast_ref::<Untrusted>().is_none();
                    refusals.push(format!("artifact {}: {error:#}", artifact.id));
                }
            }
        }
        match (refusals.is_empty(), is_ours) {
            (true, _) => Ok(None),
            (false, true) => Err(anyhow!("{}", refusals.join("; "))),
            (false, false) => Err(Untrusted(refusals.join("; ")).into()),
        }
    }

    /// An artifact is left by its run when that ends, and never replaced.
    async fn save(&self, _: &str, _: &Report) -> Result<()> {
        bail!("an artifact cannot be replaced")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ci::{About, Checkout, Restriction};

    fn context(event: Event, target: Option<&str>, reference: &str) -> Context {
        Context {
            forge: Forge::Github,
            is_ci: true,
            event,
            restriction: None::<Restriction>,
            change_request: None,
            run: None,
            sha: None,
            reference: Some(reference.to_owned()),
            is_protected: false,
            checkout: Checkout::Commit,
            target_branch: target.map(str::to_owned),
            default_branch: Some("main".to_owned()),
            merge_base: None,
            about: About::default(),
        }
    }

    #[test]
    fn a_change_request_trusts_its_target_alone() {
        for (event, target, reference, expected) in [
            (Event::ChangeRequest, Some("release"), "topic", &["release"][..]),
            (Event::MergeQueue, Some("main"), "gh-readonly-queue/main/pr-7", &["main"]),
            (Event::Push, None, "main", &["main"]),
            (Event::Push, None, "release", &["main", "release"]),
            (Event::Schedule, None, "main", &["main"]),
            (Event::Tag, None, "v1", &["main"]),
            (Event::ChangeRequest, None, "topic", &["main"]),
        ] {
            assert_eq!(branches(&context(event, target, reference)), expected, "{event:?} {target:?}");
        }
    }

    #[test]
    fn elsewhere_and_without_a_token_there_is_no_store() {
        let variables = |all: &[(&str, &str)]| {
            let variables = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Env { variables: variables.collect(), ..Env::default() }
        };
        let of = |env: &Env, context: &Context| ArtifactStore::of(env, context, "weighbridge");
        let push = context(Event::Push, None, "main");
        let (token, repository) = (("GITHUB_TOKEN", "hunter22"), ("GITHUB_REPOSITORY", "acme/shop"));
        assert!(of(&variables(&[token, repository]), &push).unwrap().is_some());
        assert!(of(&variables(&[("INPUT_GITHUB-TOKEN", "hunter22"), repository]), &push).unwrap().is_some());
        assert!(of(&variables(&[repository]), &push).unwrap().is_none());
        let gitlab = Context { forge: Forge::Gitlab, ..push.clone() };
        assert!(of(&variables(&[token, repository]), &gitlab).unwrap().is_none());
        let error = of(&variables(&[token]), &push).unwrap_err().to_string();
        assert_eq!(error, "GITHUB_REPOSITORY names no repository");
    }
}
