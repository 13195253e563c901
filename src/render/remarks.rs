//! What a reader should see at the lines of the Dockerfiles: builds without numbers, missed budgets, findings, and steps
//! that lost their cache at a cost. One list, for the annotations of GitHub and the code quality report of GitLab alike.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::cache::{COSTLY, why_it_ran};
use super::line::Line;
use super::names::image_name;
use super::notes::held_against_limit;
use super::rows::plural;
use crate::compare::budget::GROWTH_KEY;
use crate::compare::layers::shown_instruction;
use crate::compare::miss::misses;
use crate::compare::{Change, Comparison, Row, why_not_measured};
use crate::report::{CacheState, Cause, CellId, CellReport, Layer, Outcome, Severity, Verdict};
use crate::units::{Bytes, show_duration};

/// Something to be shown at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How loud it is.
    pub severity: Severity,
    /// What kind of thing it is: a finding's rule, or `build-failed`, `budget/<key>`, `cache-miss` and the like; one plain
    /// line.
    pub rule: String,
    /// What it is about, one plain line.
    pub title: String,
    /// What it says, one plain line.
    pub message: String,
    /// The file, relative to the repository.
    pub file: Option<String>,
    /// The line of the file, counted from 1.
    pub line: Option<u32>,
    /// What makes it the same remark in another run, whatever the numbers and lines there.
    pub identity: Vec<String>,
}

/// A remark about one build, before those of several are taken together.
struct Draft<'a> {
    severity: Severity,
    kind: Kind,
    rule: String,
    cell: &'a CellReport,
    /// What is wrong, after the name of the build.
    title: &'static str,
    message: Line,
    line: Option<u32>,
    /// What the remark of another platform has in common with this one, beside the place.
    alike: String,
    /// What it cost.
    cost: Duration,
}

/// In the order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Failure,
    Budget,
    Finding,
    Miss,
}

/// The remarks of a run, the worst first. `files` names the file of an image's Dockerfile from the root of the repository.
#[must_use]
pub fn remarks(comparison: &Comparison<'_>, files: &BTreeMap<String, String>) -> Vec<Remark> {
    let mut groups: BTreeMap<_, Vec<Draft<'_>>> = BTreeMap::new();
    for row in &comparison.rows {
        let Some(cell) = row.head else { continue };
        for draft in drafts(comparison, row, cell) {
            let image = cell.id.image.as_str();
            // Images may share a Dockerfile, and then a finding in it is one; without a line it is of no file.
            let place = match (draft.kind, draft.line) {
                (Kind::Finding, None) => "",
                (Kind::Finding, Some(_)) => files.get(image).map_or(image, String::as_str),
                _ => image,
            };
            let key = (
                Reverse(draft.severity),
                draft.kind,
                draft.rule.clone(),
                place.to_owned(),
                draft.line,
                draft.alike.clone(),
            );
            groups.entry(key).or_default().push(draft);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    let cost = |group: &[Draft<'_>]| group.iter().map(|draft| draft.cost).max().unwrap_or_default();
    // The sort is stable: what costs nothing stays in the order of kinds, rules and names.
    groups
        .sort_by_key(|group| (group.first().map(|draft| (Reverse(draft.severity), draft.kind)), Reverse(cost(group))));
    groups.iter().filter_map(|group| merged(group, files)).collect()
}

fn merged(group: &[Draft<'_>], files: &BTreeMap<String, String>) -> Option<Remark> {
    let draft = group.iter().max_by_key(|draft| draft.cost)?;
    let file = |draft: &Draft<'_>| files.get(&draft.cell.id.image);
    let file = file(draft).filter(|_| group.iter().all(|other| file(other) == file(draft)));
    let place = file.cloned().unwrap_or_else(|| draft.cell.id.image.clone());
    Some(Remark {
        severity: draft.severity,
        rule: Line::default().text(&draft.rule).terminal(),
        title: subject(group).then(draft.title).terminal(),
        message: draft.message.terminal(),
        file: file.cloned(),
        line: draft.line,
        identity: vec![draft.rule.clone(), place, draft.alike.clone()],
    })
}

/// The builds of a group by name, as long as they are of one image.
fn subject(group: &[Draft<'_>]) -> Line {
    let ids: Vec<&CellId> = group.iter().map(|draft| &draft.cell.id).collect();
    match ids.first() {
        Some(first) if ids.iter().all(|id| id.image == first.image) => image_name(&first.image, ids),
        _ => Line::ours(plural(ids.len(), "build")),
    }
}

fn drafts<'a>(comparison: &Comparison<'_>, row: &Row<'_>, cell: &'a CellReport) -> Vec<Draft<'a>> {
    let mut drafts: Vec<Draft<'_>> = failure(cell).into_iter().collect();
    if cell.image.is_some() {
        drafts.extend(budgets(row, cell));
    }
    drafts.extend(findings(cell));
    // Where nothing is known of an earlier build everything runs, and that is no news.
    if comparison.base.is_some() {
        drafts.extend(costly_misses(cell));
    }
    drafts
}

fn failure(cell: &CellReport) -> Option<Draft<'_>> {
    let (severity, rule, title) = match cell.outcome {
        Outcome::Failed => (Severity::Error, "build-failed", " failed"),
        Outcome::TimedOut => (Severity::Error, "build-timed-out", " timed out"),
        Outcome::Cancelled => (Severity::Warning, "build-cancelled", " was cancelled"),
        // A finding says why.
        Outcome::Built => return None,
    };
    let failure = cell.failure.as_ref();
    let source = failure.and_then(|failure| failure.source_line.as_ref().or(failure.step.as_ref()));
    let reason = match failure {
        Some(failure) => failure.explanation.clone().unwrap_or_else(|| failure.message.clone()),
        None => why_not_measured(cell),
    };
    let message = match source {
        Some(source) => Line::default().code(source.trim()).then(": ").text(&reason),
        None => Line::default().text(&reason),
    };
    Some(Draft {
        severity,
        kind: Kind::Failure,
        rule: rule.to_owned(),
        cell,
        title,
        message,
        line: failure.and_then(|failure| failure.dockerfile_line),
        alike: source.cloned().unwrap_or_default(),
        cost: Duration::ZERO,
    })
}

fn budgets<'a>(row: &Row<'_>, cell: &'a CellReport) -> impl Iterator<Item = Draft<'a>> {
    cell.budgets.iter().filter_map(move |budget| {
        let (severity, title) = match budget.verdict {
            Verdict::Pass => return None,
            Verdict::Warn => (Severity::Warning, " close to a limit"),
            Verdict::Fail => (Severity::Error, " over budget"),
            Verdict::Unknown => (Severity::Error, " with a budget that could not be checked"),
        };
        let message = held_against_limit(budget);
        let (message, line) = match budget.actual.as_ref().and_then(|_| cause(row, cell, &budget.key)) {
            Some((what, line)) => (message.then(", mostly by ").join(what), line),
            None => (message, None),
        };
        Some(Draft {
            severity,
            kind: Kind::Budget,
            rule: format!("budget/{}", budget.key),
            cell,
            title,
            message,
            line,
            // Platforms have limits and numbers of their own.
            alike: cell.id.platform.to_string(),
            cost: Duration::ZERO,
        })
    })
}

/// The instruction that a budget is spent on most, with its line.
fn cause(row: &Row<'_>, cell: &CellReport, key: &str) -> Option<(Line, Option<u32>)> {
    match key {
        "wall" => slowest(cell),
        GROWTH_KEY => grown(row),
        "compressed" | "uncompressed" => grown(row).or_else(|| heaviest(cell)),
        _ => None,
    }
}

fn slowest(cell: &CellReport) -> Option<(Line, Option<u32>)> {
    let steps = cell.timing.iter().flat_map(|timing| &timing.steps);
    let step = steps.filter(|step| step.cache == CacheState::Executed).max_by_key(|step| step.duration)?;
    let line = Line::default().code(&step.instruction).then(format!(" {}", show_duration(step.duration)));
    Some((line, step.dockerfile_line))
}

fn grown(row: &Row<'_>) -> Option<(Line, Option<u32>)> {
    let Change::Changed(delta) = &row.change else { return None };
    let change =
        delta.layers.iter().max_by_key(|change| change.compressed()).filter(|change| change.compressed().0 > 0)?;
    Some(layer(change.layer(), &change.compressed().to_string()))
}

fn heaviest(cell: &CellReport) -> Option<(Line, Option<u32>)> {
    let layers = cell.image.iter().flat_map(|image| &image.layers).filter(|layer| layer.base == Some(false));
    let heaviest = layers.max_by_key(|layer| layer.compressed_bytes)?;
    Some(layer(heaviest, &Bytes(heaviest.compressed_bytes).to_string()))
}

fn layer(layer: &Layer, bytes: &str) -> (Line, Option<u32>) {
    (Line::default().code(&shown_instruction(layer)).then(format!(" {bytes}")), layer.dockerfile_line)
}

fn findings(cell: &CellReport) -> impl Iterator<Item = Draft<'_>> {
    cell.findings.iter().map(move |finding| Draft {
        severity: finding.severity,
        kind: Kind::Finding,
        rule: finding.rule.clone(),
        cell,
        title: "",
        message: Line::default().text(&finding.message),
        line: finding.dockerfile_line,
        alike: finding.message.clone(),
        cost: Duration::ZERO,
    })
}

/// Steps that ran at a cost. Loud only where a line in `.dockerignore` would have spared them.
fn costly_misses(cell: &CellReport) -> impl Iterator<Item = Draft<'_>> {
    misses(cell).into_iter().filter(|miss| miss.cost >= COSTLY).map(move |miss| {
        let is_mendable = |cause: &Cause| matches!(cause, Cause::Files { ignorable, .. } if !ignorable.is_empty());
        Draft {
            severity: if miss.step.causes.iter().any(is_mendable) { Severity::Warning } else { Severity::Notice },
            kind: Kind::Miss,
            rule: "cache-miss".to_owned(),
            cell,
            title: " lost its cache",
            line: miss.step.dockerfile_line,
            alike: format!("{} {}", miss.step.stage, miss.step.instruction),
            cost: miss.cost,
            message: why_it_ran(cell, &miss),
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::compare;
    use crate::render::scene;
    use crate::report::sample;

    /// The Dockerfiles as they stand in the reports, a folder below the repository.
    pub(crate) fn files(report: &crate::report::Report) -> BTreeMap<String, String> {
        let cells = report.cells.iter();
        cells.filter_map(|cell| Some((cell.id.image.clone(), format!("shop/{}", cell.dockerfile.as_ref()?)))).collect()
    }

    #[test]
    fn the_remarks_of_each_situation() {
        let mut shown = String::new();
        for (name, base, head) in scene::all() {
            shown += &format!("{name}\n");
            for remark in remarks(&compare(base.as_ref(), &head), &files(&head)) {
                let Remark { severity, rule, title, message, file, line, identity: _ } = remark;
                let place = format!("{}:{}", file.unwrap_or_default(), line.unwrap_or_default());
                shown += &format!("  {severity:?} {rule} at {place}\n    {title}\n    {message}\n");
            }
        }
        scene::assert_snapshot("remarks", &shown);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_remark_is_a_plain_line_and_the_worst_come_first(
            base in sample::any_report(0..4), head in sample::any_report(0..6),
        ) {
            let found = remarks(&compare(Some(&base), &head), &files(&head));
            prop_assert!(found.is_sorted_by_key(|remark| Reverse(remark.severity)));
            for text in found.iter().flat_map(|remark| [&remark.rule, &remark.title, &remark.message]) {
                let is_bad = |c: char| c.is_control() || c == '\u{202e}';
                prop_assert!(!text.contains(is_bad) && !text.contains("##["), "{:?}", text);
            }
        }
    }
}
