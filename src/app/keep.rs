//! What a run leaves behind for later ones.

use super::run::Run;
use super::stores::{here, shared_stores};
use crate::baseline::{self, Recorded, Store};
use crate::config::Config;
use crate::git::Git;
use crate::plan::cache::Situation;
use crate::report::Report;

impl Run<'_> {
    /// Keeps the report as a baseline for later runs: on this machine, and where others look if it is of what is merged.
    pub(super) async fn keep(&self, report: &Report, config: &Config, situation: &Situation, git: Option<&Git>) {
        let mut stores = vec![here(&self.output.path, &self.report_key)];
        if baseline::may_share(&situation.context, &report.context.head).is_ok() {
            stores.extend(shared_stores(self.session, config, situation, &self.report_key, git));
        }
        self.record(&stores, report).await;
    }

    /// Keeps the report for later runs on this machine.
    pub(super) async fn keep_here(&self, report: &Report) {
        self.record([&here(&self.output.path, &self.report_key)], report).await;
    }

    /// A report of some cells only is none. A store that fails costs later runs their baseline, and this one nothing.
    async fn record(&self, stores: impl IntoIterator<Item = &Store>, report: &Report) {
        if !self.selection.is_everything() {
            return;
        }
        let recorded = tokio::select! {
            // What is on this machine is done at once, also after a signal.
            biased;
            recorded = baseline::record(stores, report) => recorded,
            () = self.session.cancel.cancelled() => Recorded::Refused { reason: "the run was interrupted" },
        };
        match recorded {
            Recorded::Saved { failures, remarks } => {
                failures.iter().for_each(|one| self.view.say(&format!("warning: not kept as a baseline in {one}")));
                remarks.iter().for_each(|one| self.view.say(one));
            }
            Recorded::Refused { reason } => self.view.say(&format!("not kept as a baseline: {reason}")),
        }
    }
}
