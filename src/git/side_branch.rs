//! A branch of `origin` that holds files of ours and nothing else, read and written without touching the work tree, the
//! index, or how deep a clone is.
//!
//! It has one commit, which every write replaces: so fetching it never costs more than the files that are there, and
//! needs no `--depth`, which would make a whole clone a shallow one. A push replaces only the commit that it was made
//! from (`--force-with-lease`), so of two writers at the same time one has to begin anew and neither loses anything.

use std::path::Path;
use std::time::Duration;

use super::{Git, GitError};
use crate::process::{EnvChange, Invocation};

const REMOTE_TIMEOUT: Duration = Duration::from_secs(60);
/// What git says about a push that came too late, in the words of the client, of servers and of their hooks.
const TOO_LATE: [&str; 5] =
    ["stale info", "fetch first", "non-fast-forward", "cannot lock ref", "failed to update ref"];

/// The branch as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideBranch {
    name: String,
    /// `None` while nobody has made it.
    tip: Option<String>,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The branch has it.
    Done,
    /// Somebody else was faster.
    TooLate,
}

impl Git {
    /// Fetches a branch of `origin` that need not be there.
    ///
    /// # Errors
    /// When there is no `origin`, or it lets nobody in.
    pub async fn side_branch(&self, name: &str) -> Result<SideBranch, GitError> {
        let branch = format!("refs/heads/{name}");
        let listed = self.run_within(&self.command(&["ls-remote", "origin", &branch]), REMOTE_TIMEOUT).await?;
        if listed.stdout.is_empty() {
            return Ok(SideBranch { name: name.to_owned(), tip: None });
        }
        let own = format!("refs/weighbridge/{name}");
        let refspec = format!("+{branch}:{own}");
        let fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--refmap="];
        let command = self.command(&fetch).args(["origin", &refspec]);
        self.run_within(&command, REMOTE_TIMEOUT).await?;
        Ok(SideBranch { name: name.to_owned(), tip: self.resolve(&own).await? })
    }

    /// The names at the top of the branch.
    ///
    /// # Errors
    /// When git fails.
    pub async fn side_names(&self, branch: &SideBranch) -> Result<Vec<String>, GitError> {
        let Some(tip) = &branch.tip else { return Ok(Vec::new()) };
        let output = self.run(&self.command(&["ls-tree", "--name-only", tip])).await?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// A file of the branch; `None` when it is not there.
    ///
    /// # Errors
    /// When git fails.
    pub async fn side_file(&self, branch: &SideBranch, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let Some(tip) = &branch.tip else { return Ok(None) };
        let Some(object) = self.verify(&format!("{tip}:{path}")).await? else { return Ok(None) };
        Ok(Some(self.run(&self.command(&["cat-file", "blob", &object])).await?.stdout))
    }

    /// Puts files, by their paths there and here, in the place of those that are removed, and pushes that.
    ///
    /// # Errors
    /// When git fails, or the server refuses.
    pub async fn side_push(
        &self,
        branch: &SideBranch,
        message: &str,
        added: &[(&str, &Path)],
        removed: &[String],
        scratch: &Path,
    ) -> Result<Pushed, GitError> {
        let index = |command: Invocation| command.env("GIT_INDEX_FILE", EnvChange::Set(scratch.join("index").into()));
        let tree = branch.tip.as_deref().unwrap_or("--empty");
        self.run(&index(self.command(&["read-tree", tree]))).await?;
        for path in removed {
            self.run(&index(self.command(&["update-index", "--force-remove", "--", path]))).await?;
        }
        for (path, file) in added {
            let hash = self.command(&["hash-object", "-w", "--no-filters", "--"]).arg(*file);
            let entry = format!("100644,{},{path}", line(self.run(&hash).await?.stdout));
            self.run(&index(self.command(&["update-index", "--add", "--cacheinfo", &entry]))).await?;
        }
        let tree = line(self.run(&index(self.command(&["write-tree"]))).await?.stdout);
        let commit = ["AUTHOR", "COMMITTER"].iter().fold(
            self.command(&["commit-tree", "--no-gpg-sign", "-m", message, &tree]),
            |command, who| {
                let set = |value: &str| EnvChange::Set(value.into());
                command
                    .env(format!("GIT_{who}_NAME"), set("weighbridge"))
                    .env(format!("GIT_{who}_EMAIL"), set("weighbridge@invalid"))
            },
        );
        let commit = line(self.run(&commit).await?.stdout);
        self.push(branch, &commit).await
    }

    async fn push(&self, branch: &SideBranch, commit: &str) -> Result<Pushed, GitError> {
        let name = format!("refs/heads/{}", branch.name);
        let lease = format!("--force-with-lease={name}:{}", branch.tip.as_deref().unwrap_or_default());
        let command = self.command(&["push", "--quiet", "--no-verify", &lease, "origin", &format!("{commit}:{name}")]);
        match self.run_within(&command, REMOTE_TIMEOUT).await {
            Ok(_) => Ok(Pushed::Done),
            Err(GitError::Command(error)) if TOO_LATE.iter().any(|words| error.stderr_tail().contains(words)) => {
                Ok(Pushed::TooLate)
            }
            Err(error) => Err(error),
        }
    }
}

fn line(stdout: Vec<u8>) -> String {
    String::from_utf8_lossy(&stdout).trim_end().to_owned()
}
