//! The report to compare a run with: the one that was found, or one of the base built now.

use super::lookup::{self, Revisions};
use super::rebuild::rebuild;
use super::run::Run;
use crate::baseline::{Chosen, Lookup};
use crate::compare::Baseline;
use crate::report::{Base, Report};

/// The report to compare with.
pub(super) struct BaseReport {
    pub(super) report: Option<Report>,
    pub(super) baseline: Baseline,
    /// Why there is none although there should be one; on first runs there is nothing to lose.
    pub(super) lost: Option<String>,
}

impl BaseReport {
    fn found(report: Report, base: Base) -> Self {
        Self { report: Some(report), baseline: Baseline::Found(base), lost: None }
    }

    fn missing(reason: String, is_lost: bool) -> Self {
        Self { report: None, lost: is_lost.then(|| reason.clone()), baseline: Baseline::Missing(reason) }
    }
}

impl Run<'_> {
    /// The report to compare with, and where it is from. A base that cannot be had is a reason, never an error.
    pub(super) async fn base(&self, revisions: &Revisions, report: &mut Report) -> BaseReport {
        let refusals = lookup::refusals(&revisions.lookup);
        for refusal in lookup::passed_over(refusals) {
            self.view.say(&format!("baseline passed over: {refusal}"));
        }
        let is_lost = refusals.iter().any(|refusal| refusal.is_loss);
        let measured = report.cells.iter().any(|cell| cell.image.is_some());
        let (reason, choice) = match (&revisions.lookup, &revisions.chosen) {
            (Lookup::Found(found), Chosen::Base(choice))
                if found.base.commits_older > 0 && measured && self.wants_exact_base() =>
            {
                (format!("the newest report is {} commits older than the base", found.base.commits_older), choice)
            }
            (Lookup::Found(found), _) => {
                let report = lookup::restrict(&self.selection, found.report.clone());
                return BaseReport::found(report, found.base.clone());
            }
            (Lookup::Missing { reason, .. }, Chosen::Base(choice)) if measured && self.may_rebuild() => {
                (reason.clone(), choice)
            }
            (Lookup::Missing { reason, .. }, _) => return BaseReport::missing(reason.clone(), is_lost),
        };
        self.view.say(&format!("{reason}; building it"));
        match rebuild(self, revisions, choice).await {
            Ok(built) => {
                let chosen_by = format!("{}, built now from a clean checkout", choice.chosen_by);
                let base = Base { sha: Some(choice.sha.clone()), chosen_by, commits_older: 0, store: None };
                report.context.base = Some(base.clone());
                BaseReport::found(built, base)
            }
            Err(error) => BaseReport::missing(format!("{reason}, and building it failed: {error:#}"), true),
        }
    }

    /// An older report is as good as it gets unless the very commit was asked for.
    fn wants_exact_base(&self) -> bool {
        self.may_rebuild() && (self.args.rebuild_base || self.session.common.base.is_some())
    }

    /// In CI a second build of everything would double the bill, so there it is asked for.
    fn may_rebuild(&self) -> bool {
        let wanted = self.args.rebuild_base || (!self.args.no_rebuild_base && !self.session.env.is_ci());
        wanted && !self.session.cancel.is_cancelled()
    }
}
