//! Which files differ between a commit and the work tree, and what a file was in that commit.

use std::collections::BTreeSet;

use super::{Git, GitError};

/// Larger than any Dockerfile or `.dockerignore` that is read from a commit.
const FILE_LIMIT_BYTES: usize = 4 << 20;

impl Git {
    /// The files at some places of the work tree that differ from a commit, those not yet tracked included, ignored ones
    /// not. Places and paths are relative to the root, which is the empty place; a path that is not UTF-8 has its other
    /// bytes replaced.
    ///
    /// # Errors
    /// When git fails or lacks the commit.
    pub async fn changed_since(&self, sha: &str, places: &BTreeSet<String>) -> Result<BTreeSet<String>, GitError> {
        // Renames are an old and a new file here: a build takes one of them, not both.
        let changed = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", sha, "--"];
        let changed = self.command(&changed).args(pathspecs(places));
        let untracked = ["ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--"];
        let untracked = self.command(&untracked).args(pathspecs(places));
        let (changed, untracked) = tokio::try_join!(self.run(&changed), self.run(&untracked))?;
        Ok(paths(&changed.stdout).chain(paths(&untracked.stdout)).collect())
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

    /// What git ignores at some places: files, and directories with a slash at the end of which all is ignored.
    ///
    /// # Errors
    /// When git fails.
    pub async fn ignored(&self, places: &BTreeSet<String>) -> Result<Vec<String>, GitError> {
        let arguments =
            ["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "--full-name", "-z", "--"];
        let output = self.run(&self.command(&arguments).args(pathspecs(places))).await?;
        Ok(paths(&output.stdout).collect())
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

/// Git looks at nothing else, so that a question about a small directory of a large repository is a small question.
fn pathspecs(places: &BTreeSet<String>) -> Vec<String> {
    match places.contains("") {
        true => Vec::new(),
        false => places.iter().map(|place| format!(":(top,literal){place}")).collect(),
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
    async fn edited_added_removed_renamed_and_untracked_files_differ_and_ignored_ones_do_not() {
        let repository = Repository::new().await;
        for file in ["kept", "edited", "removed", "old name", "a/deep/file"] {
            repository.write(file, "one");
        }
        repository.write(".gitignore", "ignored\nbuild/\n");
        let base = repository.commit("base").await;
        repository.write("edited", "two");
        repository.git(&["mv", "old name", "new\nname"]).await;
        repository.git(&["rm", "--quiet", "removed"]).await;
        repository.commit("head").await;
        repository.write("a/deep/file", "uncommitted");
        repository.write("untracked", "");
        repository.write("ignored", "");
        repository.write("build/out", "");
        let git = repository.open().await;
        let place = |name: &str| [name.to_owned()].into();
        let changed =
            async |name: &str| git.changed_since(&base, &place(name)).await.unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(changed("").await, ["a/deep/file", "edited", "new\nname", "old name", "removed", "untracked"]);
        assert_eq!(changed("a").await, ["a/deep/file"]);
        assert_eq!(changed("nowhere").await, [""; 0]);
        assert_eq!(git.ignored(&place("")).await.unwrap(), ["build/", "ignored"]);
        assert_eq!(git.ignored(&place("build")).await.unwrap(), ["build/"]);
        assert!(git.tracked().await.unwrap().contains(&"new\nname".to_owned()));
        assert_eq!(git.text_at(&base, "edited").await.unwrap().as_deref(), Some("one"));
        assert_eq!(git.text_at(&base, "untracked").await.unwrap(), None);
        assert_eq!(git.text_at(&base, "a").await.unwrap_or_default(), None);
        assert!(git.changed_since(&"0".repeat(40), &place("")).await.is_err());
    }
}
