//! The first line: the verdict with its numbers. Never a duration, which would differ between equal runs.

use super::line::Line;
use super::rows::{self, ImageRows};
use super::starts;
use crate::compare::budget::STARTS_KEY;
use crate::compare::{Baseline, Change, Comparison, Row, verdict};
use crate::report::{CellReport, Outcome, Verdict};

/// Changed images that are named before the rest is counted.
const NAMED: usize = 2;

/// The verdict of a run.
#[must_use]
pub fn headline(comparison: &Comparison<'_>) -> Line {
    let troubles = troubles(comparison);
    let changes = changes(comparison);
    let line = match (troubles.is_empty(), changes.is_empty()) {
        (true, true) => quiet(comparison),
        (true, false) => changes,
        (false, true) => troubles,
        (false, false) => troubles.then(", ").join(changes),
    };
    titled(comparison).join(line)
}

/// The verdict of a run that leaves nothing of what an earlier comment was about.
#[must_use]
pub fn back_to_normal(comparison: &Comparison<'_>) -> Line {
    titled(comparison).then("back to normal, ").join(quiet(comparison))
}

/// Whose report it is, where there are several.
fn titled(comparison: &Comparison<'_>) -> Line {
    match &comparison.name {
        Some(name) => Line::ours("weighbridge (").text(name).then("): "),
        None => Line::ours("weighbridge: "),
    }
}

/// What is wrong, worst first.
fn troubles(comparison: &Comparison<'_>) -> Line {
    let cells = &comparison.head.cells;
    let number = |is: fn(&CellReport) -> bool| cells.iter().filter(|cell| is(cell)).count();
    // That a container has to start is told for itself.
    let is_over = |cell: &CellReport| {
        cell.budgets.iter().any(|budget| budget.verdict == Verdict::Fail && budget.key != STARTS_KEY)
    };
    let over = cells.iter().filter(|cell| cell.image.is_some() && is_over(cell)).count();
    let broken = comparison.rows.iter().filter(|row| starts::broken(row) == Some(starts::Loudness::Loud)).count();
    let unknown =
        cells.iter().filter(|cell| cell.image.is_some() && verdict::of_cell(cell) == Verdict::Unknown).count();
    let is_allowed = |cell: &&CellReport| cell.budgets.iter().any(|budget| budget.allowed_by.is_some());
    let warned = || cells.iter().filter(|cell| verdict::of_cell(cell) == Verdict::Warn);
    let allowed = warned().filter(is_allowed).count();
    let near = warned().filter(|cell| !is_allowed(cell)).count();
    let all = rows::count(comparison, cells.len());
    let lacks_cache = |cell: &CellReport| cell.image.is_some() && verdict::lacks_required_cache(cell);
    let counts = [
        (broken, "will not start"),
        (number(|cell| cell.outcome == Outcome::Failed), "failed to build"),
        (number(|cell| cell.outcome == Outcome::TimedOut), "timed out"),
        (number(|cell| cell.outcome == Outcome::Cancelled), "cancelled"),
        (number(|cell| cell.outcome == Outcome::Built && cell.image.is_none()), "not measured"),
        (over, "over budget"),
        (number(lacks_cache), "without the cache that is required"),
        (number(verdict::lacks_index), "not pushed"),
        (unknown, "with a budget that could not be checked"),
        (allowed, "over budget as a label allows"),
        (near, "close to a limit"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).enumerate();
    let phrases = counts.map(|(index, (count, phrase))| {
        // Once told, what is counted goes without saying.
        let of = if index == 0 { format!(" of {all}") } else { String::new() };
        Line::ours(format!("{count}{of} {phrase}"))
    });
    Line::default().list(phrases, ", ")
}

/// The images that changed, the largest difference first.
fn changes(comparison: &Comparison<'_>) -> Line {
    let told = |row: &Row<'_>| !matches!(row.change, Change::NoBaseline | Change::BaseNotMeasured(_));
    let mut changed = rows::changed(comparison);
    changed.retain(|image| image.leader().is_some_and(told));
    let named = changed.iter().take(NAMED).map(|image| label(comparison, image));
    let line = Line::default().list(named, ", ");
    match changed.len().saturating_sub(NAMED) {
        0 => line,
        more => line.then(format!(" and {more} more")),
    }
}

/// An image with its change: `recommend` +4.2 MB (+8.1 %); with the platform where the others changed by less.
fn label(comparison: &Comparison<'_>, image: &ImageRows<'_, '_>) -> Line {
    let name = Line::default().code(image.image).then(" ");
    let Some(row) = image.leader() else { return name };
    let bytes = || rows::compressed(row).map_or_else(|| "without numbers".to_owned(), |bytes| bytes.to_string());
    let what = match &row.change {
        Change::Changed(delta) if delta.is_noise_part(delta.growth) => {
            format!("{} uncompressed", rows::with_percent(delta.uncompressed, delta.uncompressed_percent))
        }
        Change::Changed(delta) | Change::Unchanged(delta) => rows::with_percent(delta.growth, delta.growth_percent()),
        Change::Recompressed(delta) => format!("recompressed {}", delta.recompressed),
        Change::Added => format!("new, {}", bytes()),
        Change::Removed => format!("removed, was {}", bytes()),
        Change::NoBaseline | Change::BaseNotMeasured(_) => bytes(),
        Change::NotMeasured(_) => "not measured".to_owned(),
    };
    match rows::odd_platform(comparison, image) {
        Some(platform) => name.then(what).then(" on ").text(&platform),
        None => name.then(what),
    }
}

/// Nothing wrong and nothing changed.
fn quiet(comparison: &Comparison<'_>) -> Line {
    let all = rows::count(comparison, comparison.rows.len());
    match &comparison.baseline {
        _ if comparison.rows.is_empty() => Line::ours("nothing to measure"),
        Baseline::Missing(reason) => Line::ours(format!("first measurement of {all}, no baseline: ")).text(reason),
        Baseline::Found(_) => {
            let uncompared =
                comparison.rows.iter().filter(|row| matches!(row.change, Change::BaseNotMeasured(_))).count();
            let identical = comparison.rows.iter().filter_map(|row| row.delta()).all(|delta| delta.is_identical());
            let nothing = if identical { "no change" } else { "no notable change" };
            match uncompared {
                0 => Line::ours(format!("{nothing} in {all}")),
                uncompared if uncompared == comparison.rows.len() => {
                    Line::ours(format!("{all} measured, none of them in the baseline"))
                }
                uncompared => {
                    let compared = rows::count(comparison, comparison.rows.len().saturating_sub(uncompared));
                    Line::ours(format!("{nothing} in {compared}, {uncompared} not comparable"))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::compare::{Comparison, compare};
    use crate::render::headline;
    use crate::report::sample::{cell, layer, run};
    use crate::report::{BudgetResult, CellReport, Outcome, Report, Verdict};

    fn of(name: &str, diff_id: &str, kilobytes: u64) -> CellReport {
        cell(name, "linux/amd64", vec![layer(diff_id, kilobytes * 1_000, "RUN make", 3)])
    }

    fn budget(cell: CellReport, verdict: Verdict) -> CellReport {
        let (key, limit, reason) = ("compressed".to_owned(), "60.0 MB".to_owned(), String::new());
        CellReport {
            budgets: vec![BudgetResult { key, limit, actual: None, verdict, reason, allowed_by: None }],
            ..cell
        }
    }

    fn failed(name: &str, outcome: Outcome) -> CellReport {
        CellReport { outcome, image: None, ..of(name, "1", 1) }
    }

    #[test]
    fn the_headline_tells_the_verdict_with_numbers() {
        let base = || run(vec![of("a", "1", 52_000), of("b", "1", 52_000), of("c", "1", 52_000)]);
        let cases: Vec<(Option<Report>, Vec<CellReport>, &str)> = vec![
            (None, vec![], "nothing to measure"),
            (
                None,
                vec![of("a", "1", 52_000)],
                "first measurement of 1 image, no baseline: no report of a1b2c3d (merge base with main)",
            ),
            (Some(base()), base().cells, "no change in 3 images"),
            (
                Some(base()),
                vec![of("a", "2", 52_001), of("b", "1", 52_000), of("c", "1", 52_000)],
                "no notable change in 3 images",
            ),
            (
                Some(base()),
                vec![of("a", "2", 56_200), of("b", "1", 52_000), of("c", "1", 52_000)],
                "a +4.2 MB (+8.1 %)",
            ),
            (
                Some(base()),
                vec![of("a", "2", 53_000), of("b", "2", 40_000), of("d", "1", 9_000)],
                "c removed, was 52.0 MB, b −12.0 MB (−23.1 %) and 2 more",
            ),
            (
                Some(base()),
                vec![of("a", "1", 52_000), of("b", "1", 52_000), of("c", "1", 53_000)],
                "c +3.0 MB (+1.9 %) uncompressed",
            ),
            (
                Some(base()),
                vec![
                    failed("a", Outcome::Failed),
                    budget(of("b", "1", 52_000), Verdict::Fail),
                    budget(of("c", "1", 52_000), Verdict::Warn),
                ],
                "1 of 3 images failed to build, 1 over budget, 1 close to a limit",
            ),
            (
                Some(base()),
                vec![
                    failed("a", Outcome::Cancelled),
                    failed("b", Outcome::Built),
                    budget(of("c", "1", 52_000), Verdict::Unknown),
                ],
                "1 of 3 images cancelled, 1 not measured, 1 with a budget that could not be checked",
            ),
        ];
        for (base, head, expected) in cases {
            let head = run(head);
            assert_eq!(headline(&compare(base.as_ref(), &head)), format!("weighbridge: {expected}"));
        }
    }

    #[test]
    fn a_report_with_a_name_says_so_and_one_that_is_normal_again_too() {
        let base = run(vec![of("a", "1", 52_000)]);
        let comparison = Comparison { name: Some("back`end".into()), ..compare(Some(&base), &base) };
        assert_eq!(super::headline(&comparison).markdown(), "weighbridge (back\\`end): no change in 1 image");
        assert_eq!(
            super::back_to_normal(&comparison).terminal(),
            "weighbridge (back`end): back to normal, no change in 1 image"
        );
    }

    #[test]
    fn a_platform_is_named_where_the_others_changed_by_less() {
        let of = |platform, diff_id: &str, kilobytes: u64| {
            cell("a", platform, vec![layer(diff_id, kilobytes * 1_000, "RUN make", 3)])
        };
        let base = run(vec![of("linux/amd64", "1", 45_600), of("linux/arm64", "1", 45_100)]);
        for (arm64, expected) in
            [(46_500, "weighbridge: a +3.3 MB (+7.2 %) on linux/amd64"), (48_400, "weighbridge: a +3.3 MB (+7.2 %)")]
        {
            let head = run(vec![of("linux/amd64", "2", 48_900), of("linux/arm64", "2", arm64)]);
            assert_eq!(headline(&compare(Some(&base), &head)), expected);
        }
        let head = run(vec![budget(of("linux/amd64", "1", 45_600), Verdict::Fail), of("linux/arm64", "1", 45_100)]);
        assert_eq!(headline(&compare(Some(&base), &head)), "weighbridge: 1 of 2 builds over budget");
        assert_eq!(headline(&compare(Some(&base), &base)), "weighbridge: no change in 2 builds");
    }
}
