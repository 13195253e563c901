//! Which files differ between a commit and the index, and what a file was in that commit.

use std::collections::BTreeSet;

use super::{Git, GitError};

/// Larger than any Dockerfile or `.dockerignore` that is read from a commit.
const FILE_LIMIT_BYTES: usize = 4 << 20;

impl Git {
    /// The files of the index that differ from a commit. Paths are relative to the root; one that is not UTF-8 has its
    /// other bytes replaced.
    ///
    /// # Errors
    /// When git fails or lacks the commit.
    pub async fn staged_since(&self, sha: &str) -> Result<BTreeSet<String>, GitError> {
        // Renames are an old and a new file here: a build takes one of them, not both.
        let command = ["diff", "--cached", "--name-only", "-z", "--no-renames", "--no-ext-diff", sha, "--"];
        Ok(paths(&self.run(&self.command(&command)).await?.stdout).collect())
    }

    /// The tracked files of the work tree.
    ///
    /// # Errors
    /// When git fails.
    pub async fn tracked(&self) -> Result<Vec<String>, GitError> {
        let output = self.run(&self.command(&["ls-files", "--full-name", "-z"])).await?;
        Ok(paths(&output.stdout).collect())
    }

    /// The paths of the work tree that lead elsewhere: symbolic links and submodules.
    ///
    /// # Errors
    /// When git fails.
    pub async fn links(&self) -> Result<Vec<String>, GitError> {
        let output = self.run(&self.command(&["ls-files", "--stage", "--full-name", "-z"])).await?;
        let lines = output.stdout.split(|byte| *byte == 0);
        let links = lines.filter(|line| line.starts_with(b"120000 ") || line.starts_with(b"160000 "));
        let path = |line: &[u8]| String::from_utf8_lossy(line).split_once('\t').map(|(_, path)| path.to_owned());
        Ok(links.filter_map(path).collect())
    }

    /// The text of a file in a commit, by its path from the root; `None` when it has none, or it is not text.
    ///
    /// # Errors
    /// When git fails.
    pub async fn text_at(&self, sha: &str, path: &str) -> Result<Option<String>, GitError> {
        let object = format!("{sha}:{path}");
        let Some(name) = self.verify(&object).await? else { return Ok(None) };
        let output = self.run(&self.command(&["cat-file", "blob", &name])).await?;
        Ok(String::from_utf8(output.stdout).ok().filter(|text| text.len() <= FILE_LIMIT_BYTES))
    }
}

fn paths(output: &[u8]) -> impl Iterator<Item = String> {
    let names = output.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use crate::git::testing::Repository;

    #[tokio::test]
    async fn edited_added_removed_and_renamed_files_differ_once_they_are_staged() {
        let repository = Repository::new().await;
        for file in ["kept", "edited", "removed", "old name", "a/deep/file"] {
            repository.write(file, "one");
        }
        let base = repository.commit("base").await;
        repository.write("edited", "two");
        repository.git(&["mv", "old name", "new\nname"]).await;
        repository.git(&["rm", "--quiet", "removed"]).await;
        repository.commit("head").await;
        repository.write("a/deep/file", "uncommitted");
        repository.write("untracked", "");
        let git = repository.open().await;
        let staged = git.staged_since(&base).await.unwrap();
        assert_eq!(staged.iter().collect::<Vec<_>>(), ["edited", "new\nname", "old name", "removed"]);
        assert!(git.tracked().await.unwrap().contains(&"new\nname".to_owned()));
        assert_eq!(git.text_at(&base, "edited").await.unwrap().as_deref(), Some("one"));
        assert_eq!(git.text_at(&base, "untracked").await.unwrap(), None);
        assert_eq!(git.text_at(&base, "a").await.unwrap_or_default(), None);
        assert!(git.staged_since(&"0".repeat(40)).await.is_err());
    }
}
