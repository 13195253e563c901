//! The continuous integration system that runs us, as far as its variables tell.

mod about;
mod detect;
mod payload;
mod token;

use crate::env::Env;
use crate::git::{Git, GitError};
use crate::report::Head;

pub use about::About;
pub use token::{CacheToken, Scope};

/// Who hosts the change request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forge {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// A developer's machine or another system.
    Local,
}

/// What a run was started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checkout {
    /// A commit that somebody wrote.
    Commit,
    /// A merge that the forge made to try a change request: its first parent is what the change request is measured
    /// against, while the forge's idea of "base" may be older.
    TrialMerge,
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A branch was pushed, or a run was asked for on it by hand or by another run.
    Push,
    /// A timer, on a branch.
    Schedule,
    /// A pull or merge request.
    ChangeRequest,
    /// A queue that tries merges one after another, on a branch that is gone afterwards.
    MergeQueue,
    /// A tag was pushed.
    Tag,
    /// A person at a terminal.
    Local,
}

/// Why a run must not leave anything behind that others use: somebody without write access may have started it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restriction {
    /// The change request comes from a fork.
    Fork,
    /// Dependabot opened the change request; GitHub gives such runs the token of a fork.
    Dependabot,
    /// An event that outsiders can cause and that runs beside the default branch, such as `pull_request_target`.
    LowTrust(String),
    /// Whether it comes from a fork cannot be told, for this reason.
    Unknown(String),
}

/// What the variables of the environment tell about this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The host.
    pub forge: Forge,
    /// Whether any CI system runs us.
    pub is_ci: bool,
    /// What started the run.
    pub event: Event,
    /// Why it must not write what others read.
    pub restriction: Option<Restriction>,
    /// The number of the pull or merge request.
    pub change_request: Option<u64>,
    /// The number of the run; a run that is started later has a greater one, and one that is repeated keeps its own.
    pub run: Option<u64>,
    /// The commit that the forge asked for; another one may be checked out.
    pub sha: Option<String>,
    /// The branch or tag of the head, without `refs/heads/`.
    pub reference: Option<String>,
    /// Whether the forge protects that branch.
    pub is_protected: bool,
    /// What the forge checks out.
    pub checkout: Checkout,
    /// The branch that a change request is to be merged into, without `refs/heads/`.
    pub target_branch: Option<String>,
    /// The default branch, where the forge says it.
    pub default_branch: Option<String>,
    /// The commit on which a change request and its target went apart, where the forge says it.
    pub merge_base: Option<String>,
    /// What else it says of the change request.
    pub about: About,
}

impl Context {
    /// Reads the variables of GitHub Actions and GitLab, and the event payload of the former; anything else is
    /// [`Forge::Local`].
    #[must_use]
    pub fn detect(env: &Env) -> Self {
        detect::detect(env, || payload::read(env))
    }

    /// What is built: git knows the commit, the forge knows the branch. Without git the forge's commit is believed.
    ///
    /// # Errors
    /// When git fails.
    pub async fn head(&self, git: Option<&Git>, dirty: bool) -> Result<Head, GitError> {
        let Some(git) = git else {
            return Ok(Head { sha: self.sha.clone(), reference: self.reference.clone(), dirty });
        };
        let reference = match &self.reference {
            Some(reference) => Some(reference.clone()),
            None => git.current_branch().await?,
        };
        Ok(Head { sha: git.head_sha().await?, reference, dirty })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::Repository;

    #[tokio::test]
    async fn the_head_is_what_is_checked_out_under_the_name_that_the_forge_gives() {
        let repository = Repository::new().await;
        let local = Context::detect(&Env::default());
        let head = async |context: &Context| context.head(Some(&repository.open().await), false).await.unwrap();
        assert_eq!(head(&local).await, Head { sha: None, reference: Some("main".into()), dirty: false });
        let sha = repository.commit("first").await;
        assert_eq!(head(&local).await, Head { sha: Some(sha.clone()), reference: Some("main".into()), dirty: false });
        repository.git(&["checkout", "--quiet", "--detach"]).await;
        let forge = Context { reference: Some("topic".into()), sha: Some("0".repeat(40)), ..local };
        assert_eq!(head(&forge).await, Head { sha: Some(sha), reference: Some("topic".into()), dirty: false });
        let without_git = forge.head(None, false).await.unwrap();
        assert_eq!(without_git.sha, forge.sha);
    }
}
