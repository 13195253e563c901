//! What git knows of the repository, asked of the `git` program: it reads every configuration, format and extension
//! that the user's own git reads.
//!
//! Revisions and paths come from users and forges, so they are never options (`--end-of-options`, full reference names,
//! literal paths). What is not there is `None`; [`GitError`] says why git cannot answer at all.

mod changes;
mod error;
mod side_branch;
mod status;
#[cfg(test)]
pub(crate) mod testing;
mod worktree;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::GitError;
pub use side_branch::{Pushed, SideBranch};
pub use status::Status;
pub use worktree::Worktree;

use crate::process::{self, EnvChange, Invocation, Limits, Output, ProcessError};

/// Set inside of hooks, where they would bind git to another work tree than the directory's.
const SCRUBBED_VARIABLES: [&str; 4] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"];
const QUERY_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_OUTPUT_BYTES: usize = 64 << 20;
/// git's code for "no" where its other codes mean "could not tell".
const NO: Option<i32> = Some(1);

/// A repository with a work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Git {
    root: PathBuf,
}

impl Git {
    /// The repository that a directory lies in.
    ///
    /// # Errors
    /// When there is no git, no repository, or git refuses to read it.
    pub async fn open(directory: &Path) -> Result<Self, GitError> {
        let here = Self { root: directory.to_owned() };
        let mut stdout = here.run(&here.command(&["rev-parse", "--show-toplevel"])).await?.stdout;
        stdout.pop_if(|last| *last == b'\n');
        Ok(Self { root: PathBuf::from(OsString::from_vec(stdout)) })
    }

    /// The root of the work tree, absolute and without symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The commit of `HEAD`; `None` before the first commit.
    ///
    /// # Errors
    /// When git fails.
    pub async fn head_sha(&self) -> Result<Option<String>, GitError> {
        self.resolve("HEAD").await
    }

    /// The commit that a revision names; `None` when there is none here.
    ///
    /// # Errors
    /// When git fails.
    pub async fn resolve(&self, revision: &str) -> Result<Option<String>, GitError> {
        self.verify(&format!("{revision}^{{commit}}")).await
    }

    /// The parents as the commit itself names them, which a shallow clone knows even where it lacks them.
    ///
    /// # Errors
    /// When git fails or lacks the commit.
    pub async fn parents(&self, sha: &str) -> Result<Vec<String>, GitError> {
        let output = self.run(&self.command(&["cat-file", "commit", sha])).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let header = text.lines().take_while(|line| !line.is_empty());
        Ok(header.filter_map(|line| line.strip_prefix("parent ")).map(str::to_owned).collect())
    }

    /// A commit and its first parents, newest first, at most `count`; empty when the commit is not here.
    ///
    /// # Errors
    /// When git fails.
    pub async fn first_parents(&self, sha: &str, count: usize) -> Result<Vec<String>, GitError> {
        if self.resolve(sha).await?.is_none() {
            return Ok(Vec::new());
        }
        let command = self.command(&["rev-list", "--first-parent", &format!("--max-count={count}"), sha, "--"]);
        let output = self.run(&command).await?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// The best common ancestor of two commits, as far as the history here reaches.
    ///
    /// # Errors
    /// When git fails or lacks one of them.
    pub async fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, GitError> {
        self.ask(&["merge-base", one, other]).await
    }

    /// The branch that is checked out; `None` when `HEAD` is detached.
    ///
    /// # Errors
    /// When git fails.
    pub async fn current_branch(&self) -> Result<Option<String>, GitError> {
        self.ask(&["symbolic-ref", "--quiet", "--short", "HEAD"]).await
    }

    /// The name of the default branch: what `origin/HEAD` says, else the first of `main` and `master` that exists.
    ///
    /// # Errors
    /// When git fails.
    pub async fn default_branch(&self) -> Result<Option<String>, GitError> {
        let remote = self.ask(&["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"]).await?;
        if let Some(branch) = remote.as_deref().and_then(|name| name.strip_prefix("refs/remotes/origin/")) {
            return Ok(Some(branch.to_owned()));
        }
        for branch in ["main", "master"] {
            if self.branch(branch).await?.is_some() {
                return Ok(Some(branch.to_owned()));
            }
        }
        Ok(None)
    }

    /// The address of `origin`, as it is configured.
    ///
    /// # Errors
    /// When git fails.
    pub async fn remote_url(&self) -> Result<Option<String>, GitError> {
        self.ask(&["config", "--get", "remote.origin.url"]).await
    }

    /// The commit of a branch: as fetched from `origin`, else the local one.
    ///
    /// # Errors
    /// When git fails.
    pub async fn branch(&self, name: &str) -> Result<Option<String>, GitError> {
        // Full names, which unlike revisions have no operators; as patterns they also match what lies below.
        let [remote, local] = ["refs/remotes/origin", "refs/heads"].map(|place| format!("{place}/{name}"));
        let listing = self.command(&["for-each-ref", "--format=%(objectname) %(refname)", &remote, &local]);
        let listed = String::from_utf8_lossy(&self.run(&listing).await?.stdout).into_owned();
        let commit_of = |full_name: &str| {
            let mut lines = listed.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(_, name)| *name == full_name).map(|(sha, _)| sha.to_owned())
        };
        Ok(commit_of(&remote).or_else(|| commit_of(&local)))
    }

    /// Whether the history was cut when cloning.
    ///
    /// # Errors
    /// When git fails.
    pub async fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.ask(&["rev-parse", "--is-shallow-repository"]).await?.as_deref() == Some("true"))
    }

    /// A file below a directory that is committed or staged, a link in place of the directory included; `None` when
    /// there is none or the directory lies outside of the work tree.
    ///
    /// # Errors
    /// When git fails.
    pub async fn tracked_below(&self, directory: &Path) -> Result<Option<String>, GitError> {
        let Ok(inside) = directory.strip_prefix(&self.root) else { return Ok(None) };
        let mut pathspec = OsString::from(":(top,literal)");
        pathspec.push(inside);
        let output = self.run(&self.command(&["ls-files", "--full-name", "-z", "--"]).arg(pathspec)).await?;
        let first = output.stdout.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok((!first.is_empty()).then(|| String::from_utf8_lossy(first).into_owned()))
    }

    async fn verify(&self, object: &str) -> Result<Option<String>, GitError> {
        self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", object]).await
    }

    /// The line that a question is answered with; `None` for "no".
    async fn ask(&self, args: &[&str]) -> Result<Option<String>, GitError> {
        match self.run(&self.command(args)).await {
            Ok(output) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())),
            Err(GitError::Command(error)) if error.exit_code() == NO => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn run(&self, command: &Invocation) -> Result<Output, GitError> {
        self.run_within(command, QUERY_TIMEOUT).await
    }

    async fn run_within(&self, command: &Invocation, timeout: Duration) -> Result<Output, GitError> {
        let limits = Limits { timeout, max_output_bytes: MAX_OUTPUT_BYTES };
        let result = process::output(command, limits).await;
        result
            .and_then(|output| output.require_success(command))
            .map_err(|error: ProcessError| GitError::of(error, &self.root))
    }

    /// A git command that asks nothing of the user, takes no locks, and runs neither hooks nor a monitor that would
    /// outlive it. Messages are untranslated because [`GitError`] reads them.
    fn command(&self, args: &[&str]) -> Invocation {
        let set = |value: &str| EnvChange::Set(value.into());
        let command = Invocation::new("git")
            .args(["--no-optional-locks", "-c", "core.quotepath=off"])
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
            .args(args)
            .directory(&self.root)
            .env("GIT_TERMINAL_PROMPT", set("0"))
            .env("LC_ALL", set("C"));
        SCRUBBED_VARIABLES.into_iter().fold(command, |command, name| command.env(name, EnvChange::Remove))
    }
}

#[cfg(test)]
mod tests;
