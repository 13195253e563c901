//! The outcome of a whole run, and the exit code that tells it.

use crate::error;
use crate::report::{CellReport, Finding, Outcome, Report, Severity, Verdict};

/// The worst of all budgets and builds: a failed build fails, an image without numbers is unknown.
#[must_use]
pub fn overall(report: &Report) -> Verdict {
    report.cells.iter().map(of_cell).max().unwrap_or(Verdict::Pass)
}

/// The worst of a cell's budgets, its build, and a cache that was required and did not work.
#[must_use]
pub fn of_cell(cell: &CellReport) -> Verdict {
    let build = match (cell.outcome, &cell.image) {
        (Outcome::Failed | Outcome::TimedOut, _) => Verdict::Fail,
        (Outcome::Built, _) if lacks_index(cell) => Verdict::Fail,
        (Outcome::Built, Some(_)) if lacks_required_cache(cell) => Verdict::Fail,
        (Outcome::Built, Some(_)) => Verdict::Pass,
        (Outcome::Built, None) | (Outcome::Cancelled, _) => Verdict::Unknown,
    };
    cell.budgets.iter().map(|budget| budget.verdict).fold(build, Verdict::max)
}

/// Whether a cache was required and did not do what was planned.
#[must_use]
pub fn lacks_required_cache(cell: &CellReport) -> bool {
    cell.findings.iter().any(|finding| finding.severity == Severity::Error && finding.rule.starts_with("cache-"))
}

/// Whether the index that was to have the tags of the image was not pushed.
#[must_use]
pub fn lacks_index(cell: &CellReport) -> bool {
    cell.findings.iter().any(|finding| finding.rule == Finding::INDEX_NOT_PUSHED)
}

/// The exit code of a finished run. A failed build beats everything, as its numbers are missing; a cancelled one
/// means that the run was interrupted; an image that is not where it should be is as one that was not built; what could not be measured beats a missed budget, because nobody knows how
/// much worse it is.
#[must_use]
pub fn exit_code(report: &Report) -> u8 {
    let any = |outcome| report.cells.iter().any(|cell| cell.outcome == outcome);
    if any(Outcome::Failed) || any(Outcome::TimedOut) {
        return error::BUILD_FAILED;
    }
    if any(Outcome::Cancelled) {
        return error::INTERRUPTED;
    }
    if report.cells.iter().any(lacks_index) {
        return error::BUILD_FAILED;
    }
    match report.verdict.max(overall(report)) {
        Verdict::Pass | Verdict::Warn => error::OK,
        Verdict::Fail => error::OVER_BUDGET,
        Verdict::Unknown => error::NOT_MEASURED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{BudgetResult, sample};

    fn run(cells: &[(Outcome, bool, Option<Verdict>)]) -> Report {
        let cells = cells.iter().enumerate().map(|(index, (outcome, measured, budget))| {
            let mut cell = sample::cell(&format!("image{index}"), "linux/amd64", vec![]);
            cell.outcome = *outcome;
            cell.image = cell.image.filter(|_| *measured);
            cell.budgets = budget
                .map(|verdict| BudgetResult {
                    key: "compressed".into(),
                    limit: "1".into(),
                    actual: None,
                    verdict,
                    reason: String::new(),
                    allowed_by: None,
                })
                .into_iter()
                .collect();
            cell
        });
        sample::run(cells.collect())
    }

    #[test]
    fn the_worst_cell_decides_verdict_and_exit_code() {
        use Outcome::{Built, Cancelled, Failed, TimedOut};
        let (unknown, fail, warn) = (Some(Verdict::Unknown), Some(Verdict::Fail), Some(Verdict::Warn));
        for (cells, verdict, code) in [
            (vec![], Verdict::Pass, 0),
            (vec![(Built, true, None)], Verdict::Pass, 0),
            (vec![(Built, true, warn)], Verdict::Warn, 0),
            (vec![(Built, true, warn), (Built, true, fail)], Verdict::Fail, 1),
            (vec![(Built, true, fail), (Built, true, unknown)], Verdict::Unknown, 4),
            (vec![(Built, false, None)], Verdict::Unknown, 4),
            (vec![(Failed, false, None), (Built, true, None)], Verdict::Fail, 3),
            (vec![(Failed, false, unknown), (Cancelled, false, None)], Verdict::Unknown, 3),
            (vec![(TimedOut, false, None)], Verdict::Fail, 3),
            (vec![(Built, true, fail), (Cancelled, false, None)], Verdict::Unknown, 130),
        ] {
            let report = run(&cells);
            assert_eq!((overall(&report), exit_code(&report)), (verdict, code), "{cells:?}");
        }
    }

    #[test]
    fn a_required_cache_that_did_not_work_fails_the_run() {
        let mut report = run(&[(Outcome::Built, true, None)]);
        for (rule, severity, expected) in [
            ("cache-ignored", Severity::Warning, error::OK),
            ("build-check/X", Severity::Error, error::OK),
            (Finding::INDEX_NOT_PUSHED, Severity::Error, error::BUILD_FAILED),
            ("cache-ignored", Severity::Error, error::OVER_BUDGET),
        ] {
            let finding =
                Finding { rule: rule.into(), severity, message: String::new(), dockerfile_line: None, url: None };
            report.cells[0].findings = vec![finding];
            assert_eq!(exit_code(&report), expected, "{rule} {severity:?}");
        }
    }
}
