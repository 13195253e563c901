//! Containers that will not start: the first thing that a reader should see.

use std::collections::BTreeMap;

use super::line::Line;
use super::names::{dockerfile_line, image_name};
use super::notes::Note;
use crate::compare::budget::STARTS_KEY;
use crate::compare::inside::Start;
use crate::compare::{Comparison, Row};
use crate::report::contents::{StartCheck, Starts};
use crate::report::{CellReport, Finding, Verdict};

/// How much a reader has to know of it that a container will not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// It is this run's doing, or has to start.
    Loud,
    /// Nobody knows whether it was so before.
    Plain,
}

/// Whether a build's container will not start and a reader has to know; `None` where it starts, and where it did not
/// start before and does not have to.
#[must_use]
pub fn broken(row: &Row<'_>) -> Option<Loudness> {
    let start = row.inside.start.filter(Start::is_broken)?;
    match start.is_newly_broken() || row.head.is_some_and(has_to_start) {
        true => Some(Loudness::Loud),
        false => start.base.is_none().then_some(Loudness::Plain),
    }
}

fn has_to_start(cell: &CellReport) -> bool {
    cell.budgets.iter().any(|budget| budget.key == STARTS_KEY && budget.verdict == Verdict::Fail)
}

/// Containers that will not start, with the reason; platforms of one image with the same reason stand together.
#[must_use]
pub fn notes(comparison: &Comparison<'_>) -> Vec<Note> {
    let mut alike: BTreeMap<_, Vec<&CellReport>> = BTreeMap::new();
    for row in &comparison.rows {
        let (Some(loudness), Some(start), Some(cell)) = (broken(row), row.inside.start, row.head) else { continue };
        let why = reason(start.head);
        let key = (loudness == Loudness::Plain, &cell.id.image, why.map(|why| (&why.message, why.dockerfile_line)));
        alike.entry(key).or_default().push(cell);
    }
    alike.into_iter().map(|((is_plain, image, why), cells)| note(is_plain, image, why, &cells)).collect()
}

fn note(is_plain: bool, image: &str, why: Option<(&String, Option<u32>)>, cells: &[&CellReport]) -> Note {
    let name = image_name(image, cells.iter().map(|cell| &cell.id));
    let line = Line::default().strong(name.clone().then(" will not start:")).then(" ");
    let line = match why {
        Some((message, number)) => {
            let line = line.text(message);
            let place = number.map(|number| dockerfile_line(cells.first().copied(), number));
            place.map_or(line.clone(), |place| line.then(" (").join(place).then(")"))
        }
        None => line.then("something is missing"),
    };
    let verdict = if is_plain { Verdict::Warn } else { Verdict::Fail };
    Note { verdict, subject: name, line, log_tail: vec![] }
}

/// The finding that says most.
pub(super) fn reason(check: &StartCheck) -> Option<&Finding> {
    // The first of equals is the one that was found first.
    check.findings.iter().rev().max_by_key(|finding| finding.severity)
}

/// Another change of whether a container starts, after the name of the build: it is repaired, or nobody can tell any
/// more.
pub(super) fn change(row: &Row<'_>) -> Option<Line> {
    let start = row.inside.start.filter(|start| start.is_changed() && broken(row).is_none())?;
    Some(match (start.base.map(|base| base.verdict), start.head.verdict) {
        (Some(Starts::No), Starts::Yes) => Line::ours(" starts again"),
        (_, Starts::Yes) => Line::ours(" starts; before, the image did not allow to tell"),
        (_, Starts::No) => Line::ours(" will not start"),
        (_, Starts::CannotTell) => {
            let line = Line::ours(": the image does not allow to tell any more whether it starts");
            reason(start.head).map_or(line.clone(), |why| line.then(": ").text(&why.message))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample::contents::{broken, of};
    use crate::report::sample::{cell, layer, run};
    use crate::report::{BudgetResult, Contents, Report};

    fn report(checks: &[(&str, Option<StartCheck>)]) -> Report {
        let cells = checks.iter().map(|(platform, check)| {
            let mut cell = cell("orders", platform, vec![layer("a", 1_000, "COPY a /", 3)]);
            let contents = check.clone().map(|start| Contents { start, ..of(1, &[(0, "a", 9)]) });
            cell.image.as_mut().unwrap().contents = contents;
            cell
        });
        run(cells.collect())
    }

    fn told(base: Option<&Report>, head: &Report) -> String {
        let comparison = compare(base, head);
        let notes = notes(&comparison).into_iter().map(|note| format!("{:?} {}", note.verdict, note.line.terminal()));
        let changes = comparison.rows.iter().filter_map(change).map(|line| line.terminal());
        notes.chain(changes).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_will_not_start_is_told_once_for_all_platforms_and_only_where_it_is_no_old_story() {
        let check = |verdict| Some(StartCheck { verdict, findings: vec![] });
        let (amd64, arm64) = ("linux/amd64", "linux/arm64");
        let good = report(&[(amd64, check(Starts::Yes)), (arm64, check(Starts::Yes))]);
        let lost = || Some(broken("/lib/ld is missing"));
        let bad = report(&[(amd64, lost()), (arm64, lost())]);
        let unknown = report(&[(amd64, check(Starts::CannotTell)), (arm64, None)]);
        let old = report(&[(amd64, None), (arm64, None)]);
        let bare = report(&[(amd64, check(Starts::No)), (arm64, check(Starts::Yes))]);
        for (base, head, expected) in [
            (Some(&good), &good, ""),
            (Some(&good), &bad, "Fail orders linux/amd64, linux/arm64 will not start: /lib/ld is missing"),
            (Some(&good), &bare, "Fail orders linux/amd64 will not start: something is missing"),
            (Some(&bad), &bad, ""),
            (Some(&old), &bad, "Warn orders linux/amd64, linux/arm64 will not start: /lib/ld is missing"),
            (None, &bad, "Warn orders linux/amd64, linux/arm64 will not start: /lib/ld is missing"),
            (Some(&bad), &good, " starts again\n starts again"),
            (Some(&good), &unknown, ": the image does not allow to tell any more whether it starts"),
            (Some(&good), &old, ""),
        ] {
            assert_eq!(told(base, head), expected);
        }
        let mut required = bad.clone();
        required.cells[0].budgets = vec![BudgetResult {
            key: STARTS_KEY.into(),
            limit: "required".into(),
            actual: Some("will not start".into()),
            verdict: Verdict::Fail,
            reason: "/lib/ld is missing".into(),
            allowed_by: None,
        }];
        assert_eq!(told(Some(&bad), &required), "Fail orders linux/amd64 will not start: /lib/ld is missing");
        let headline = crate::render::headline(&compare(Some(&bad), &required));
        assert_eq!(headline, "weighbridge: 1 of 2 builds will not start");
    }
}
