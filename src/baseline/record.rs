//! Which reports become baselines.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::Store;
use crate::report::{Outcome, Report};

/// A report is small, but some registries are slow to take it.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

/// What became of a report that was offered to the stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored under its commit, but for what went wrong.
    Saved {
        /// A store and what went wrong there, as a sentence each.
        failures: Vec<String>,
        /// What else should be known.
        remarks: Vec<String>,
    },
    /// It is not fit to be a baseline, which is no error.
    Refused {
        /// Why, as a phrase.
        reason: &'static str,
    },
}

/// Stores a report as a baseline if later runs may compare themselves with it. A store that fails keeps no other from it.
pub async fn record(stores: impl IntoIterator<Item = &Store>, report: &Report) -> Recorded {
    let sha = match kept_under(report) {
        Ok(sha) => sha,
        Err(reason) => return Recorded::Refused { reason },
    };
    let save = |store| async move { (store, timeout(STORE_TIMEOUT, Store::save(store, sha, report)).await) };
    let (mut failures, mut remarks) = (Vec::new(), Vec::new());
    for (store, saved) in join_all(stores.into_iter().map(save)).await {
        match saved {
            Ok(Ok(remark)) => remarks.extend(remark.map(|remark| format!("{store}: {remark}"))),
            Ok(Err(error)) => failures.push(format!("{store}: {error:#}")),
            Err(_) => failures.push(format!("{store}: no answer within {} s", STORE_TIMEOUT.as_secs())),
        }
    }
    Recorded::Saved { failures, remarks }
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
    use crate::baseline::Unavailable;
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
        let saved = Recorded::Saved { failures: vec![], remarks: vec![] };
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
            let store = Store::Fake(FakeStore::default());
            assert_eq!(record([&store], &report).await, expected);
            let stored = store.load(&sha("a")).await.unwrap();
            assert_eq!(stored.is_some(), matches!(expected, Recorded::Saved { .. }), "{expected:?}");
        }
    }

    #[tokio::test]
    async fn a_store_that_fails_keeps_no_other_from_it() {
        let stores = ["one", "two", "three"].map(|name| Store::Fake(FakeStore::named(name)));
        let Store::Fake(two) = &stores[1] else { panic!() };
        two.is(Unavailable::Denied("not allowed to".into()));
        let failures = vec!["two: not allowed to".to_owned()];
        assert_eq!(record(&stores, &report_of("a")).await, Recorded::Saved { failures, remarks: vec![] });
        assert!(
            stores[0].load(&sha("a")).await.unwrap().is_some() && stores[2].load(&sha("a")).await.unwrap().is_some()
        );
    }
}
