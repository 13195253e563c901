//! Which reports become baselines.

use anyhow::Result;

use super::BaselineStore;
use crate::report::{Outcome, Report};

/// What became of a report that was offered to a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored under this commit.
    Saved {
        /// The commit.
        sha: String,
    },
    /// It is not fit to be a baseline, which is no error.
    Refused {
        /// Why, as a phrase.
        reason: &'static str,
    },
}

/// Stores a report as a baseline if later runs may compare themselves with it.
///
/// # Errors
/// When the store fails.
pub async fn record(store: &impl BaselineStore, report: &Report) -> Result<Recorded> {
    match kept_under(report) {
        Ok(sha) => store.save(sha, report).await.map(|()| Recorded::Saved { sha: sha.to_owned() }),
        Err(reason) => Ok(Recorded::Refused { reason }),
    }
}

/// The commit that a report is a baseline of, or why it is of none: a run that was broken off or measured nothing would
/// hide an older report that did, and a dirty tree is nobody's base.
pub(super) fn kept_under(report: &Report) -> Result<&str, &'static str> {
    let head = &report.context.head;
    let sha = head.sha.as_deref().ok_or("it is not of a commit")?;
    if head.dirty {
        return Err("there were uncommitted changes");
    }
    if report.cells.iter().any(|cell| cell.outcome == Outcome::Cancelled) {
        return Err("the run was cancelled");
    }
    if report.cells.iter().all(|cell| cell.image.is_none()) {
        return Err("no image was measured");
    }
    Ok(sha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::fake::{FakeStore, report_of, sha};
    use crate::report::Verdict;

    fn edited(edit: impl FnOnce(&mut Report)) -> Report {
        let mut report = report_of("a");
        edit(&mut report);
        report
    }

    #[tokio::test]
    async fn only_a_whole_run_of_a_clean_commit_is_stored() {
        let refused = |reason| Recorded::Refused { reason };
        let saved = Recorded::Saved { sha: sha("a") };
        for (report, expected) in [
            (edited(|_| {}), saved.clone()),
            (edited(|report| report.verdict = Verdict::Fail), saved.clone()),
            (edited(|report| report.verdict = Verdict::Unknown), saved),
            (edited(|report| report.context.head.sha = None), refused("it is not of a commit")),
            (edited(|report| report.context.head.dirty = true), refused("there were uncommitted changes")),
            (edited(|report| report.cells[0].outcome = Outcome::Cancelled), refused("the run was cancelled")),
            (edited(|report| report.cells.clear()), refused("no image was measured")),
            (
                edited(|report| report.cells.iter_mut().for_each(|cell| cell.image = None)),
                refused("no image was measured"),
            ),
        ] {
            let store = FakeStore::default();
            assert_eq!(record(&store, &report).await.unwrap(), expected);
            let stored = store.load(&sha("a")).await.unwrap();
            assert_eq!(stored.is_some(), matches!(expected, Recorded::Saved { .. }), "{expected:?}");
        }
    }
}
