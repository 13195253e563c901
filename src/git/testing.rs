//! Real repositories for tests, with fixed names and dates and without the machine's configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::Git;
use crate::process::{self, EnvChange, Invocation, Limits};

/// A repository on branch `main`, below a directory that needs quoting.
pub(crate) struct Repository {
    _directory: TempDir,
    path: PathBuf,
}

impl Repository {
    pub(crate) async fn new() -> Self {
        let repository = Self::empty();
        repository.git(&["init", "--quiet", "--initial-branch=main"]).await;
        repository
    }

    /// The newest `depth` commits of each branch of another repository, on its current branch.
    pub(crate) async fn shallow_clone(of: &Self, depth: usize) -> Self {
        let (repository, url) = (Self::empty(), format!("file://{}", of.path.display()));
        repository.git(&["clone", "--quiet", "--no-single-branch", &format!("--depth={depth}"), &url, "."]).await;
        repository
    }

    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap().join("it's a \"repo\"");
        crate::fs::create_dir_all(&path).unwrap();
        Self { _directory: directory, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn open(&self) -> Git {
        Git::open(&self.path).await.unwrap()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        crate::fs::write_atomic(&self.path.join(path), content.as_bytes()).unwrap();
    }

    /// Commits everything and returns the commit.
    pub(crate) async fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]).await;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]).await;
        self.git(&["rev-parse", "HEAD"]).await
    }

    /// A merge of `branch` into the current one, as forges make them.
    pub(crate) async fn merge(&self, branch: &str) -> String {
        self.git(&["merge", "--quiet", "--no-ff", "--message", "merge", branch]).await;
        self.git(&["rev-parse", "HEAD"]).await
    }

    pub(crate) async fn git(&self, args: &[&str]) -> String {
        let set = |value: &str| EnvChange::Set(value.into());
        let mut invocation = Invocation::new("git").args(args).directory(&self.path);
        for (name, value) in [
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "author"),
            ("GIT_AUTHOR_EMAIL", "author@example.com"),
            ("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z"),
            ("GIT_COMMITTER_NAME", "committer"),
            ("GIT_COMMITTER_EMAIL", "committer@example.com"),
            ("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z"),
        ] {
            invocation = invocation.env(name, set(value));
        }
        for name in super::SCRUBBED_VARIABLES {
            invocation = invocation.env(name, EnvChange::Remove);
        }
        let limits = Limits { timeout: Duration::from_secs(60), max_output_bytes: 1 << 20 };
        let output = process::output(&invocation, limits).await.unwrap().require_success(&invocation).unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
