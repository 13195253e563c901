//! A second work tree of the repository, in which another commit can be built.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Git, GitError};
use crate::fs;

/// Writing the files of a large repository takes its time.
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// A detached work tree. Dropping it removes its directory; the repository's note of it goes with the next
/// [`Git::worktree_add`] or with [`Worktree::remove`], which is the way to end it when there is time to wait.
#[derive(Debug)]
pub struct Worktree {
    git: Git,
    directory: PathBuf,
}

impl Git {
    /// Checks out a commit into a new directory. Hooks of the repository do not run.
    ///
    /// # Errors
    /// When the directory is not empty, the commit is not there or the disk is full.
    pub async fn worktree_add(&self, sha: &str, directory: &Path) -> Result<Worktree, GitError> {
        self.prune_worktrees().await?;
        let command = self.command(&["worktree", "add", "--quiet", "--detach", "--"]).arg(directory).arg(sha);
        self.run_within(&command, CHECKOUT_TIMEOUT).await?;
        // Not sooner: the directory of a failed attempt may be somebody else's.
        Ok(Worktree { git: self.clone(), directory: directory.to_owned() })
    }

    async fn prune_worktrees(&self) -> Result<(), GitError> {
        self.run(&self.command(&["worktree", "prune"])).await.map(|_| ())
    }
}

impl Worktree {
    /// Where the commit's files are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Removes the directory and the repository's note of it.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub async fn remove(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.directory)?;
        Ok(self.git.prune_worktrees().await?)
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        // Nobody is left to tell; what stays lies in a temporary directory of ours.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use crate::fs;
    use crate::git::testing::Repository;

    #[tokio::test]
    async fn a_worktree_has_the_files_of_its_commit_and_leaves_nothing_behind() {
        let repository = Repository::new().await;
        repository.write("file", "old");
        let first = repository.commit("first").await;
        repository.write("file", "new");
        repository.commit("second").await;
        let (git, place) = (repository.open().await, tempfile::tempdir().unwrap());
        let directory = place.path().join("base \"commit\"");

        let worktree = git.worktree_add(&first, &directory).await.unwrap();
        assert_eq!(fs::read_text(&worktree.directory().join("file"), 10).unwrap(), "old");
        assert_eq!(crate::git::Git::open(&directory).await.unwrap().head_sha().await.unwrap(), Some(first.clone()));
        worktree.remove().await.unwrap();
        assert!(!directory.exists());
        assert_eq!(repository.git(&["worktree", "list"]).await.lines().count(), 1);

        drop(git.worktree_add(&first, &directory).await.unwrap());
        assert!(!directory.exists());
        git.worktree_add(&first, &directory).await.unwrap().remove().await.unwrap();
        assert_eq!(repository.git(&["worktree", "list"]).await.lines().count(), 1);
    }

    #[tokio::test]
    async fn a_commit_that_is_not_there_leaves_no_directory() {
        let repository = Repository::new().await;
        repository.commit("first").await;
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("base");
        repository.open().await.worktree_add(&"0".repeat(40), &directory).await.unwrap_err();
        assert!(!directory.exists());
    }

    #[tokio::test]
    async fn a_directory_with_files_is_refused_and_kept() {
        let repository = Repository::new().await;
        let sha = repository.commit("first").await;
        let place = tempfile::tempdir().unwrap();
        fs::write_atomic(&place.path().join("mine"), b"").unwrap();
        repository.open().await.worktree_add(&sha, place.path()).await.unwrap_err();
        assert!(place.path().join("mine").exists());
    }
}
