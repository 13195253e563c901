//! The places where reports of earlier commits are kept, in the order in which they are asked.

use std::fmt;

use anyhow::Result;

use super::{ArtifactStore, BaselineStore, BranchStore, HistoryDirectory, OciStore};
use crate::report::Report;

/// A place. Between reports of one commit, the order of the stores decides.
#[derive(Debug)]
pub enum Store {
    /// The output directory.
    Directory(HistoryDirectory),
    /// Artifacts of workflows.
    Artifact(ArtifactStore),
    /// A repository of a registry.
    Oci(OciStore),
    /// A branch of the repository.
    Branch(BranchStore),
    /// One that could not be set up. There may be a report in it all the same.
    Broken {
        /// The store, as it is called.
        name: String,
        /// Why, as a phrase.
        reason: String,
    },
    /// Memory.
    #[cfg(test)]
    Fake(super::fake::FakeStore),
}

/// Why a store cannot be asked at all. An error with this in it means that no other commit need be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// It lets nobody of this run in. What does not exist is often refused in the same words.
    Denied(String),
    /// It gave no answer that could be used.
    Unreachable(String),
}

/// Why something that lies in a store is nothing to this run: somebody put it there who may not. It was never a baseline,
/// so none is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untrusted(pub String);

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Untrusted {}

impl Store {
    /// The report stored for a commit.
    ///
    /// # Errors
    /// As [`BaselineStore::load`].
    pub async fn load(&self, sha: &str) -> Result<Option<Report>> {
        match self {
            Self::Directory(store) => store.load(sha).await,
            Self::Artifact(store) => store.load(sha).await,
            Self::Oci(store) => store.load(sha).await,
            Self::Branch(store) => store.load(sha).await,
            Self::Broken { reason, .. } => Err(Unavailable::Unreachable(reason.clone()).into()),
            #[cfg(test)]
            Self::Fake(store) => store.load(sha).await,
        }
    }

    /// Stores the report of a commit, and says what else should be known about that.
    ///
    /// # Errors
    /// As [`BaselineStore::save`].
    pub async fn save(&self, sha: &str, report: &Report) -> Result<Option<String>> {
        match self {
            Self::Directory(store) => store.save(sha, report).await?,
            // A run leaves its own, whatever it was started by, and who looks for one asks what that was.
            Self::Artifact(_) => {}
            Self::Oci(store) => {
                store.save(sha, report).await?;
                return Ok(store.move_tag(sha, report).await);
            }
            Self::Branch(store) => store.save(sha, report).await?,
            Self::Broken { reason, .. } => return Err(Unavailable::Unreachable(reason.clone()).into()),
            #[cfg(test)]
            Self::Fake(store) => store.save(sha, report).await?,
        }
        Ok(None)
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(_) => f.write_str("the history directory"),
            Self::Artifact(store) => write!(f, "the artifacts named {}", store.name()),
            Self::Oci(store) => write!(f, "the registry, {}", store.repository()),
            Self::Branch(store) => write!(f, "the branch {}", store.branch()),
            Self::Broken { name, .. } => f.write_str(name),
            #[cfg(test)]
            Self::Fake(store) => f.write_str(&store.name),
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(reason) | Self::Unreachable(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Unavailable {}
