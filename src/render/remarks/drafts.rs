//! The remarks about one build.

use std::time::Duration;

use super::{Draft, Kind};
use crate::compare::budget::{GROWTH_KEY, STARTS_KEY};
use crate::compare::layers::shown_instruction;
use crate::compare::miss::misses;
use crate::compare::{Change, Comparison, Row, why_not_measured};
use crate::render::cache::{COSTLY, why_it_ran};
use crate::render::line::Line;
use crate::render::notes::held_against_limit;
use crate::render::starts::{self, Loudness};
use crate::report::{CacheState, Cause, CellReport, Layer, Outcome, Severity, Verdict};
use crate::units::{Bytes, show_duration};

/// Everything that is to be said of a build.
pub(super) fn of_build<'a>(comparison: &Comparison<'_>, row: &Row<'_>, cell: &'a CellReport) -> Vec<Draft<'a>> {
    let mut drafts: Vec<Draft<'_>> = failure(cell).into_iter().chain(broken(row, cell)).collect();
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

/// A container that will not start, at the instruction that says what is started.
fn broken<'a>(row: &Row<'_>, cell: &'a CellReport) -> Option<Draft<'a>> {
    let loudness = starts::broken(row)?;
    let why = row.inside.start.and_then(|start| starts::reason(start.head));
    let message = why.map_or_else(|| "something is missing".to_owned(), |why| why.message.clone());
    Some(Draft {
        severity: if loudness == Loudness::Loud { Severity::Error } else { Severity::Warning },
        kind: Kind::Failure,
        rule: "will-not-start".to_owned(),
        cell,
        title: " will not start",
        message: Line::default().text(&message),
        line: why.and_then(|why| why.dockerfile_line),
        alike: message,
        cost: Duration::ZERO,
    })
}

fn budgets<'a>(row: &Row<'_>, cell: &'a CellReport) -> impl Iterator<Item = Draft<'a>> {
    cell.budgets.iter().filter_map(move |budget| {
        let (severity, title) = match budget.verdict {
            Verdict::Pass => return None,
            // Told for itself.
            Verdict::Fail if budget.key == STARTS_KEY => return None,
            Verdict::Warn if budget.allowed_by.is_some() => (Severity::Warning, " over budget as a label allows"),
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
