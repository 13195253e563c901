//! A store in memory, for tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;

use anyhow::{Result, anyhow};

use super::{BaselineStore, Unavailable};
use crate::report::{Head, Report, sample};

/// Holds reports, and errors where reading one is to fail.
#[derive(Debug, Default)]
pub struct FakeStore {
    /// How it is called.
    pub(crate) name: String,
    reports: RefCell<BTreeMap<String, Result<Report, String>>>,
    unavailable: RefCell<Option<Unavailable>>,
    silent: Cell<bool>,
    asked: Cell<usize>,
}

impl FakeStore {
    /// A store with a report of each of these commits, named as in [`sha`].
    pub(crate) fn of(names: &[&str]) -> Self {
        let store = Self::default();
        names.iter().for_each(|name| store.put(&sha(name), Ok(report_of(name))));
        store
    }

    /// An empty store.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// What the whole store is.
    pub(crate) fn is(&self, unavailable: Unavailable) {
        *self.unavailable.borrow_mut() = Some(unavailable);
    }

    /// Makes it never answer.
    pub(crate) fn is_silent(&self) {
        self.silent.set(true);
    }

    /// How often a report was asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.get()
    }

    /// What reading a commit's report will give.
    pub(crate) fn put(&self, sha: &str, result: Result<Report, String>) {
        self.reports.borrow_mut().insert(sha.to_owned(), result);
    }
}

impl BaselineStore for FakeStore {
    async fn load(&self, sha: &str) -> Result<Option<Report>> {
        self.asked.set(self.asked.get() + 1);
        if self.silent.get() {
            pending::<()>().await;
        }
        if let Some(unavailable) = self.unavailable.borrow().clone() {
            return Err(unavailable.into());
        }
        self.reports.borrow().get(sha).cloned().transpose().map_err(|message| anyhow!(message))
    }

    async fn save(&self, sha: &str, report: &Report) -> Result<()> {
        if let Some(unavailable) = self.unavailable.borrow().clone() {
            return Err(unavailable.into());
        }
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
