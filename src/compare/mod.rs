//! What changed between two runs, cell by cell, and whether that is allowed.
//!
//! Only like is compared with like. Where the two sides differ in kind, the head's numbers stand without a delta and
//! with the reason. A missing baseline is missing, never zero.

pub mod budget;
pub mod duration;
pub mod inside;
pub mod layers;
pub mod ledger;
pub mod miss;
pub mod scan;
pub mod verdict;
pub mod weight;

use std::collections::BTreeMap;

use crate::config::Noise;
use crate::report::{Base, CellId, CellReport, Outcome, Report, Severity};
use duration::WallDelta;
use inside::Inside;
use scan::ScanChange;
use weight::Delta;

/// A run beside its baseline: a view of two reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<'a> {
    /// The run.
    pub head: &'a Report,
    /// The report that it is compared with.
    pub base: Option<&'a Report>,
    /// How that report was chosen, or why there is none.
    pub baseline: Baseline,
    /// One row per cell of either side, sorted by [`CellId`].
    pub rows: Vec<Row<'a>>,
    /// Which differences count as none.
    pub noise: Noise,
    /// The name of the report, where a change request has several; untrusted text.
    pub name: Option<String>,
}

/// Where the baseline comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Baseline {
    /// It was found.
    Found(Base),
    /// There is none, for this reason (a phrase; may hold untrusted text). The driver replaces it where it knows more.
    Missing(String),
}

/// One cell on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// Which cell.
    pub id: &'a CellId,
    /// The cell in this run.
    pub head: Option<&'a CellReport>,
    /// The cell in the baseline.
    pub base: Option<&'a CellReport>,
    /// What changed of its bytes.
    pub change: Change<'a>,
    /// What changed inside of it.
    pub inside: Inside<'a>,
    /// What a scanner says of it beside the baseline; `None` where it was not scanned.
    pub scan: Option<ScanChange<'a>>,
    /// What changed of its wall time.
    pub wall: WallDelta,
}

/// What changed of a cell's bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<'a> {
    /// Only this run has the cell.
    Added,
    /// Only the baseline has the cell.
    Removed,
    /// The bytes differ by more than noise.
    Changed(Box<Delta<'a>>),
    /// Equal content was compressed to other lengths; beyond that, nothing but noise.
    Recompressed(Box<Delta<'a>>),
    /// The bytes differ by no more than noise.
    Unchanged(Box<Delta<'a>>),
    /// This run has no numbers for the cell, for this reason (may hold untrusted text).
    NotMeasured(String),
    /// The numbers stand alone, because there is no baseline at all.
    NoBaseline,
    /// The numbers stand alone, because the baseline has the cell without numbers, for this reason (untrusted).
    BaseNotMeasured(String),
}

impl<'a> Row<'a> {
    /// The difference, where there is one to tell.
    #[must_use]
    pub fn delta(&self) -> Option<&Delta<'a>> {
        match &self.change {
            Change::Changed(delta) | Change::Recompressed(delta) | Change::Unchanged(delta) => Some(delta),
            _ => None,
        }
    }
}

/// Compares a run with its baseline, with the usual as noise.
#[must_use]
pub fn compare<'a>(base: Option<&'a Report>, head: &'a Report) -> Comparison<'a> {
    compare_with(Noise::default(), base, head)
}

/// Compares a run with its baseline.
#[must_use]
pub fn compare_with<'a>(noise: Noise, base: Option<&'a Report>, head: &'a Report) -> Comparison<'a> {
    let mut sides: BTreeMap<&CellId, (Option<&CellReport>, Option<&CellReport>)> = BTreeMap::new();
    for cell in &head.cells {
        sides.entry(&cell.id).or_default().0 = Some(cell);
    }
    for cell in base.iter().flat_map(|base| &base.cells) {
        sides.entry(&cell.id).or_default().1 = Some(cell);
    }
    let rows = sides
        .into_iter()
        .map(|(id, (head_cell, base_cell))| {
            let change = change(noise, base.is_some(), base_cell, head_cell);
            Row {
                id,
                head: head_cell,
                base: base_cell,
                inside: Inside::between(base_cell, head_cell, &change),
                scan: ScanChange::between(base_cell, head_cell),
                change,
                wall: match (base, base_cell, head_cell) {
                    (Some(base), Some(base_cell), Some(head_cell)) => {
                        duration::compare((&base.environment, base_cell), (&head.environment, head_cell))
                    }
                    _ => WallDelta::None,
                },
            }
        })
        .collect();
    Comparison { head, base, baseline: baseline(base, head), rows, noise, name: None }
}

fn change<'a>(
    noise: Noise,
    has_baseline: bool,
    base: Option<&'a CellReport>,
    head: Option<&'a CellReport>,
) -> Change<'a> {
    let Some(head) = head else { return Change::Removed };
    let Some(image) = &head.image else { return Change::NotMeasured(why_not_measured(head)) };
    let Some(base) = base else { return if has_baseline { Change::Added } else { Change::NoBaseline } };
    let Some(base_image) = &base.image else { return Change::BaseNotMeasured(why_not_measured(base)) };
    let delta = Box::new(Delta::between(base_image, image).with_noise(noise));
    match (delta.is_noise(), delta.is_recompressed()) {
        (false, _) => Change::Changed(delta),
        (true, true) => Change::Recompressed(delta),
        (true, false) => Change::Unchanged(delta),
    }
}

/// Why a cell has no image numbers, as a phrase; may hold untrusted text.
#[must_use]
pub fn why_not_measured(cell: &CellReport) -> String {
    match cell.outcome {
        Outcome::Failed => "build failed".to_owned(),
        Outcome::TimedOut => "build timed out".to_owned(),
        Outcome::Cancelled => "build cancelled".to_owned(),
        Outcome::Built => {
            let error = cell.findings.iter().find(|finding| finding.severity == Severity::Error);
            error.map_or_else(|| "image not measured".to_owned(), |finding| finding.message.clone())
        }
    }
}

fn baseline(base: Option<&Report>, head: &Report) -> Baseline {
    match (base, &head.context.base) {
        (Some(_), Some(chosen)) => Baseline::Found(chosen.clone()),
        (Some(base), None) => Baseline::Found(Base {
            sha: base.context.head.sha.clone(),
            chosen_by: "the given report".to_owned(),
            commits_older: 0,
            store: None,
        }),
        (None, Some(Base { sha: Some(sha), chosen_by, .. })) => {
            let short: String = sha.chars().take(7).collect();
            Baseline::Missing(format!("no report of {short} ({chosen_by})"))
        }
        (None, Some(chosen)) => Baseline::Missing(format!("no report of the base commit ({})", chosen.chosen_by)),
        (None, None) => Baseline::Missing("no base commit to compare with".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::{Layer, sample};

    fn names(comparison: &Comparison<'_>) -> Vec<(String, &'static str)> {
        let name = |change: &Change<'_>| match change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed(_) => "changed",
            Change::Recompressed(_) => "recompressed",
            Change::Unchanged(_) => "unchanged",
            Change::NotMeasured(_) => "not measured",
            Change::NoBaseline => "no baseline",
            Change::BaseNotMeasured(_) => "base not measured",
        };
        comparison.rows.iter().map(|row| (row.id.image.clone(), name(&row.change))).collect()
    }

    fn cell(name: &str, diff_id: &str, compressed_bytes: u64) -> CellReport {
        let layer = Layer { uncompressed_bytes: 90_000_000, ..sample::layer(diff_id, compressed_bytes, "RUN make", 3) };
        sample::cell(name, "linux/amd64", vec![layer])
    }

    fn unmeasured(name: &str) -> CellReport {
        CellReport { image: None, outcome: Outcome::Failed, ..cell(name, "x", 1) }
    }

    #[test]
    fn every_cell_of_either_side_gets_one_row_that_says_what_became_of_it() {
        let base = sample::run(vec![
            cell("changed", "a", 50_000_000),
            unmeasured("failed-before"),
            cell("noise", "a", 50_000_000),
            cell("recompressed", "a", 50_000_000),
            cell("removed", "a", 1),
            cell("same", "a", 50_000_000),
            cell("failed-now", "a", 1),
        ]);
        let head = sample::run(vec![
            cell("added", "a", 1),
            cell("changed", "b", 54_000_000),
            cell("failed-before", "a", 1),
            unmeasured("failed-now"),
            cell("noise", "b", 50_040_000),
            cell("recompressed", "a", 54_000_000),
            cell("same", "a", 50_000_000),
        ]);
        let comparison = compare(Some(&base), &head);
        let expected = [
            ("added", "added"),
            ("changed", "changed"),
            ("failed-before", "base not measured"),
            ("failed-now", "not measured"),
            ("noise", "unchanged"),
            ("recompressed", "recompressed"),
            ("removed", "removed"),
            ("same", "unchanged"),
        ];
        assert_eq!(names(&comparison), expected.map(|(image, change)| (image.to_owned(), change)));
    }

    #[test]
    fn without_a_baseline_numbers_stand_alone_with_the_reason() {
        let head = sample::report();
        let comparison = compare(None, &head);
        assert_eq!(names(&comparison), [("orders".to_owned(), "no baseline")]);
        assert_eq!(comparison.baseline, Baseline::Missing("no report of a1b2c3d (merge base with main)".into()));
        assert_eq!(comparison.rows[0].delta(), None);
    }

    #[test]
    fn a_built_image_without_numbers_tells_the_error_that_was_found() {
        let mut cell = CellReport { image: None, ..cell("orders", "a", 1) };
        assert_eq!(why_not_measured(&cell), "image not measured");
        cell.findings.push(crate::report::Finding {
            rule: "layout-unreadable".into(),
            severity: Severity::Error,
            message: "blob sha256:1 is truncated".into(),
            dockerfile_line: None,
            url: None,
        });
        assert_eq!(why_not_measured(&cell), "blob sha256:1 is truncated");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_report_never_differs_from_itself(report in sample::any_report(0..6)) {
            let comparison = compare(Some(&report), &report);
            prop_assert_eq!(comparison.rows.len(), report.cells.len());
            for row in &comparison.rows {
                let measured = row.head.is_some_and(|cell| cell.image.is_some());
                prop_assert_eq!(matches!(row.change, Change::Unchanged(_)), measured);
            }
        }

        #[test]
        fn any_two_reports_compare(base in sample::any_report(0..4), head in sample::any_report(0..4)) {
            let comparison = compare(Some(&base), &head);
            for delta in comparison.rows.iter().filter_map(Row::delta) {
                prop_assert!(delta.compressed_percent.is_none_or(|percent| percent.0.is_finite()));
            }
        }
    }
}
