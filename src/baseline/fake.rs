//! A store in memory, for tests.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::{Result, anyhow};

use super::BaselineStore;
use crate::report::{Head, Report, sample};

/// Holds reports, and errors where reading one is to fail.
#[derive(Debug, Default)]
pub(crate) struct FakeStore {
    reports: RefCell<BTreeMap<String, Result<Report, String>>>,
}

impl FakeStore {
    /// A store with a report of each of these commits, named as in [`sha`].
    pub(crate) fn of(names: &[&str]) -> Self {
        let store = Self::default();
        names.iter().for_each(|name| store.put(&sha(name), Ok(report_of(name))));
        store
    }

    /// What reading a commit's report will give.
    pub(crate) fn put(&self, sha: &str, result: Result<Report, String>) {
        self.reports.borrow_mut().insert(sha.to_owned(), result);
    }
}

impl BaselineStore for FakeStore {
    async fn load(&self, sha: &str) -> Result<Option<Report>> {
        self.reports.borrow().get(sha).cloned().transpose().map_err(|message| anyhow!(message))
    }

    async fn save(&self, sha: &str, report: &Report) -> Result<()> {
        self.put(sha, Ok(report.clone()));
        Ok(())
    }
}

/// A commit's full name from one hexadecimal digit.
pub(crate) fn sha(name: &str) -> String {
    name.repeat(40)
}

/// A measured, clean report of that commit.
pub(crate) fn report_of(name: &str) -> Report {
    let mut report = sample::report();
    report.context.head = Head { sha: Some(sha(name)), reference: None, dirty: false };
    report
}
