//! What is in the work tree and not in the commit: one look at all its files, which is what takes time in a large
//! repository.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use super::{Git, GitError};

/// The work tree. Paths are relative to its root; a directory of which git tells no more ends in a slash. A path that is
/// not UTF-8 has its other bytes replaced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Whether it or the index differs from `HEAD`, files that are not yet tracked included, ignored ones not.
    pub is_dirty: bool,
    /// The files that differ from the index.
    pub changed: BTreeSet<String>,
    /// The files that git does not track, and repositories of their own.
    pub untracked: BTreeSet<String>,
    /// The files and directories that it ignores.
    pub ignored: BTreeSet<String>,
}

impl Git {
    /// Looks at the work tree, but for what lies below `except`.
    ///
    /// # Errors
    /// When git fails.
    pub async fn status(&self, except: &Path) -> Result<Status, GitError> {
        // Renames are an old and a new file here: a build takes one of them, not both.
        let arguments = ["status", "--porcelain", "-z", "--untracked-files=all", "--ignored=matching", "--no-renames"];
        let mut command = self.command(&arguments).args(["--", "."]);
        let except = except.canonicalize().unwrap_or_else(|_| except.to_owned());
        if let Some(inside) = except.strip_prefix(&self.root).ok().filter(|inside| *inside != Path::new("")) {
            let mut pathspec = OsString::from(":(top,exclude,literal)");
            pathspec.push(inside);
            command = command.arg(pathspec);
        }
        Ok(Status::parse(&self.run(&command).await?.stdout))
    }
}

impl Status {
    /// Reads the format of `--porcelain -z`: two letters, a blank, the path.
    fn parse(output: &[u8]) -> Self {
        let mut status = Self::default();
        for entry in output.split(|byte| *byte == 0) {
            let [index, tree, b' ', path @ ..] = entry else { continue };
            let path = String::from_utf8_lossy(path).into_owned();
            status.is_dirty |= *index != b'!';
            match (index, tree) {
                (b'?', _) => _ = status.untracked.insert(path),
                (b'!', _) => _ = status.ignored.insert(path),
                (_, b' ') => {}
                _ => _ = status.changed.insert(path),
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::Repository;

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[tokio::test]
    async fn one_look_tells_what_changed_what_is_new_and_what_is_ignored() {
        let repository = Repository::new().await;
        for file in ["kept", "edited", "removed", "old name", "staged", "a/deep/file"] {
            repository.write(file, "one");
        }
        repository.write(".gitignore", "*.log\nbuild/\n");
        repository.commit("base").await;
        let git = repository.open().await;
        assert_eq!(git.status("/elsewhere".as_ref()).await.unwrap(), Status::default());
        repository.write("x.log", "");
        repository.write("build/out", "");
        repository.write("logs/only.log", "");
        repository.write("out/report.json", "");
        let ignored = set(&["build/", "logs/only.log", "x.log"]);
        let status = Status { ignored, ..Status::default() };
        assert_eq!(git.status(&repository.path().join("out")).await.unwrap(), status);
        repository.write("edited", "two");
        repository.write("staged", "two");
        repository.git(&["add", "staged"]).await;
        repository.git(&["rm", "--quiet", "removed"]).await;
        repository.git(&["mv", "old name", "new\nname"]).await;
        repository.git(&["reset", "--quiet", "--", "old name", "new\nname"]).await;
        repository.write("a/deep/new", "");
        repository.write("other/file", "");
        repository.git(&["init", "--quiet", "other"]).await;
        let status = Status {
            is_dirty: true,
            changed: set(&["edited", "old name"]),
            untracked: set(&["a/deep/new", "new\nname", "other/"]),
            ..status
        };
        assert_eq!(git.status(&repository.path().join("out")).await.unwrap(), status);
    }
}
