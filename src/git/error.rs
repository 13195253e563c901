//! Why git cannot answer, one variant per thing that the user would do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::process::ProcessError;

/// Why git cannot answer.
#[derive(Debug)]
pub enum GitError {
    /// The program `git` is not installed.
    NoGit,
    /// The directory does not lie in the work tree of a repository.
    NotARepository {
        /// The directory.
        directory: PathBuf,
    },
    /// The repository belongs to another user, so git refuses to read it; common in containers.
    NotTrusted {
        /// The directory.
        directory: PathBuf,
    },
    /// A command of git failed.
    Command(ProcessError),
}

impl GitError {
    /// Whether there is simply nothing to ask, as opposed to a failure.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::NoGit | Self::NotARepository { .. })
    }

    /// The kind of a failure of git, told by its untranslated message.
    pub(super) fn of(error: ProcessError, directory: &Path) -> Self {
        let (directory, message) = (directory.to_owned(), error.stderr_tail());
        if error.is_missing() {
            Self::NoGit
        } else if message.contains("dubious ownership") {
            Self::NotTrusted { directory }
        } else if message.contains("not a git repository") || message.contains("must be run in a work tree") {
            Self::NotARepository { directory }
        } else {
            Self::Command(error)
        }
    }
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGit => f.write_str("git is not installed"),
            Self::NotARepository { directory } => write!(f, "{} is not in a git repository", directory.display()),
            Self::NotTrusted { directory } => write!(
                f,
                "the git repository of {0} belongs to another user; \
                 run `git config --global --add safe.directory {0}`",
                directory.display()
            ),
            Self::Command(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for GitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Command(error) => std::error::Error::source(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::git::testing::Repository;
    use crate::git::{Git, GitError};
    use crate::process::Invocation;

    #[tokio::test]
    async fn a_directory_outside_of_a_repository_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let error = Git::open(directory.path()).await.unwrap_err();
        assert!(error.is_absence() && error.to_string().ends_with("is not in a git repository"), "{error}");
    }

    #[tokio::test]
    async fn the_inside_of_the_git_directory_is_not_a_work_tree() {
        let repository = Repository::new().await;
        let error = Git::open(&repository.path().join(".git")).await.unwrap_err();
        assert!(matches!(error, GitError::NotARepository { .. }), "{error}");
    }

    #[test]
    fn a_repository_of_another_user_says_how_to_trust_it() {
        use std::os::unix::process::ExitStatusExt;
        let output = crate::process::Output {
            status: std::process::ExitStatus::from_raw(128 << 8),
            stdout: Vec::new(),
            stderr: b"fatal: detected dubious ownership in repository at '/src'\n".to_vec(),
        };
        let failure = output.require_success(&Invocation::new("git")).unwrap_err();
        let error = GitError::of(failure, "/src".as_ref());
        assert!(!error.is_absence());
        insta::assert_snapshot!(
            error,
            @"the git repository of /src belongs to another user; run `git config --global --add safe.directory /src`"
        );
    }

    #[test]
    fn a_missing_program_is_told() {
        let failure = crate::process::ProcessError::Missing { command: "git".into(), program: "git".into() };
        assert!(matches!(GitError::of(failure, "/src".as_ref()), GitError::NoGit));
    }
}
