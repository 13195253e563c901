//! What the head is compared with: which commit ([`choose`]), and the stored report of it ([`find`]).
//!
//! A baseline is a fact to be looked up, never a guess: a commit that cannot be told and a report that is not there
//! have a reason, and the run goes on with absolute numbers. Only what the user named explicitly must exist.

mod ancestry;
mod artifact;
mod branch;
mod choose;
#[cfg(test)]
pub(crate) mod fake;
mod file;
mod find;
mod history;
mod oci;
mod part;
mod places;
mod record;
mod share;
mod store;

use std::future::Future;

use anyhow::Result;

pub use ancestry::Ancestry;
pub use artifact::ArtifactStore;
pub use branch::BranchStore;
pub use choose::{DEEPEN, choose};
pub use file::{from_file, read_report};
pub use find::find;
pub use history::HistoryDirectory;
pub use oci::OciStore;
pub use part::Part;
pub use places::{Places, places};
pub use record::{Recorded, record};
pub use share::may_share;
pub use store::{Store, Unavailable, Untrusted};

use crate::report::{Base, Report};

/// How many commits the search for a stored report goes back, the chosen one included.
pub const CANDIDATES: usize = 50;
/// No report of a sane run comes near this.
pub const REPORT_LIMIT_BYTES: u64 = 64 << 20;

/// Where reports of earlier commits are kept. An implementation refuses what is not a commit's full name.
pub trait BaselineStore {
    /// The report stored for a commit; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, is corrupt or was written by a newer weighbridge: the caller goes on to the next commit.
    fn load(&self, sha: &str) -> impl Future<Output = Result<Option<Report>>>;

    /// Stores the report of a commit, replacing an earlier one.
    ///
    /// # Errors
    /// When it cannot be written; the earlier one is then untouched.
    fn save(&self, sha: &str, report: &Report) -> impl Future<Output = Result<()>>;
}

/// Whether a text is a commit's full name, as git writes it.
#[must_use]
pub fn is_full_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The commit to compare with, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// This one.
    Base(Choice),
    /// None, and that is not an error.
    NoBase {
        /// Why, and what the user can do about it.
        reason: String,
    },
}

/// A commit to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The commit.
    pub sha: String,
    /// The rule that chose it, as a phrase: `merge base with main`.
    pub chosen_by: String,
    /// The commit and its first parents, newest first, as far as they are known here; at most [`CANDIDATES`].
    pub candidates: Vec<String>,
}

/// The outcome of looking for a stored report.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// There is one.
    Found(Box<Found>),
    /// There is none.
    Missing {
        /// Why.
        reason: String,
        /// Why stored reports of single commits were passed over, and whole stores.
        refusals: Vec<Refusal>,
    },
}

/// A report to compare with.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The report.
    pub report: Report,
    /// Whose it is.
    pub base: Base,
    /// Why stored reports of newer commits were passed over, and whole stores.
    pub refusals: Vec<Refusal>,
}

/// Why a stored report or a whole store was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The store, as it is called.
    pub store: String,
    /// Why, as a phrase.
    pub reason: String,
    /// Whether there may be a report all the same. A store that lets nobody in may as well be one that nobody has made.
    pub is_loss: bool,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.store, self.reason)
    }
}
