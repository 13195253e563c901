//! What a reader should act on or may want to know: failures, missed budgets, findings, slow steps, the baseline.

use std::collections::BTreeMap;
use std::time::Duration;

use super::line::Line;
use super::rows;
use super::why::dockerfile_line;
use crate::compare::duration::WallDelta;
use crate::compare::{Baseline, Change, Comparison};
use crate::report::{CacheState, CellId, CellReport, Outcome, Severity, Verdict};
use crate::units::show_duration;

/// A line with how bad it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How bad.
    pub verdict: Verdict,
    /// What it is about.
    pub subject: Line,
    /// What it says, the subject included.
    pub line: Line,
    /// The end of the log that belongs to it, untrusted text.
    pub log_tail: Vec<String>,
}

/// `orders` linux/amd64.
fn cell_name(id: &CellId) -> Line {
    Line::default().code(&id.image).then(" ").text(&id.platform.to_string())
}

/// `orders` linux/amd64, linux/arm64.
fn image_name(image: &str, platforms: &[&CellReport]) -> Line {
    let platforms = platforms.iter().map(|cell| Line::default().text(&cell.id.platform.to_string()));
    Line::default().code(image).then(" ").list(platforms, ", ")
}

/// Cells without numbers, with the reason; platforms of one image that failed alike stand together.
#[must_use]
pub fn failures(comparison: &Comparison<'_>) -> Vec<Note> {
    let mut alike: BTreeMap<_, Vec<&CellReport>> = BTreeMap::new();
    for row in &comparison.rows {
        let (Some(cell), Change::NotMeasured(reason)) = (row.head, &row.change) else { continue };
        let failure = cell.failure.as_ref();
        let place = failure.map(|failure| (&failure.step, failure.dockerfile_line, &failure.message));
        alike.entry((cell.outcome, &cell.id.image, place, reason)).or_default().push(cell);
    }
    alike
        .into_iter()
        .map(|((outcome, image, _, reason), cells)| {
            let failure = cells.iter().find_map(|cell| cell.failure.as_ref());
            Note {
                verdict: match outcome {
                    Outcome::Failed | Outcome::TimedOut => Verdict::Fail,
                    Outcome::Built | Outcome::Cancelled => Verdict::Unknown,
                },
                subject: image_name(image, &cells),
                line: failure_line(outcome, image_name(image, &cells), reason, cells.first().copied()),
                log_tail: failure.map(|failure| failure.log_tail.clone()).unwrap_or_default(),
            }
        })
        .collect()
}

fn failure_line(outcome: Outcome, name: Line, reason: &str, cell: Option<&CellReport>) -> Line {
    let verb = match outcome {
        Outcome::Failed => " failed",
        Outcome::TimedOut => " timed out",
        Outcome::Cancelled => " was cancelled",
        Outcome::Built => return Line::default().strong(name.then(" was not measured:")).then(" ").text(reason),
    };
    let line = Line::default().strong(name.then(verb));
    let Some(failure) = cell.and_then(|cell| cell.failure.as_ref()) else { return line };
    let source = failure.source_line.as_ref().or(failure.step.as_ref());
    let line = match (failure.dockerfile_line, source) {
        (Some(number), Some(source)) => line.then(" at ").join(dockerfile_line(number)).then(" ").code(source.trim()),
        (Some(number), None) => line.then(" at ").join(dockerfile_line(number)),
        (None, Some(source)) => line.then(" at ").code(source.trim()),
        (None, None) => line,
    };
    match &failure.explanation {
        Some(explanation) => line.then(": ").text(explanation),
        None => line.then(": ").text(&failure.message),
    }
}

/// Budgets that are missed, cannot be checked or are nearly used up, worst first; one note per cell and verdict.
#[must_use]
pub fn budgets(comparison: &Comparison<'_>) -> Vec<Note> {
    let measured = || comparison.head.cells.iter().filter(|cell| cell.image.is_some());
    let of = |verdict, phrase: &'static str| {
        measured().filter_map(move |cell| {
            let budgets = cell.budgets.iter().filter(|budget| budget.verdict == verdict);
            let parts: Vec<Line> = budgets
                .map(|budget| {
                    let line = Line::default().text(&budget.key.replace('_', " ")).then(" ");
                    let line = budget.actual.iter().fold(line, |line, actual| line.text(actual).then(", "));
                    line.then("limit ").text(&budget.limit).then(" (").text(&budget.reason).then(")")
                })
                .collect();
            let line = Line::default().strong(cell_name(&cell.id).then(phrase)).then(" ").list(parts.clone(), "; ");
            (!parts.is_empty()).then(|| Note { verdict, subject: cell_name(&cell.id), line, log_tail: vec![] })
        })
    };
    of(Verdict::Fail, " is over budget:")
        .chain(of(Verdict::Unknown, " has a budget that could not be checked:"))
        .chain(of(Verdict::Warn, " is close to a limit:"))
        .collect()
}

/// Findings, worst first, equal ones of several cells once.
#[must_use]
pub fn findings(comparison: &Comparison<'_>) -> Vec<Line> {
    let mut alike: BTreeMap<_, Vec<&CellReport>> = BTreeMap::new();
    for cell in &comparison.head.cells {
        for finding in &cell.findings {
            let key = (std::cmp::Reverse(finding.severity), &finding.rule, finding.dockerfile_line, &finding.message);
            alike.entry(key).or_default().push(cell);
        }
    }
    alike
        .into_iter()
        .map(|((severity, rule, number, message), cells)| {
            let line = Line::ours(format!("{} ", severity_name(severity.0))).code(rule);
            let line = number.map_or(line.clone(), |number| line.then(" at ").join(dockerfile_line(number)));
            let line = line.then(": ").text(message);
            match cells.as_slice() {
                [cell] => line.then(" (").join(cell_name(&cell.id)).then(")"),
                cells => line.then(format!(" ({})", rows::plural(cells.len(), "cell"))),
            }
        })
        .collect()
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// The steps that ran longest, slowest first.
#[must_use]
pub fn slowest_steps(comparison: &Comparison<'_>, count: usize) -> Vec<Line> {
    let cells = comparison.head.cells.iter();
    let mut steps: Vec<_> = cells
        .flat_map(|cell| cell.timing.iter().flat_map(|timing| &timing.steps).map(move |step| (cell, step)))
        .filter(|(_, step)| step.cache == CacheState::Executed && step.duration >= Duration::from_millis(100))
        .collect();
    steps.sort_by_key(|(_, step)| std::cmp::Reverse(step.duration));
    let line = |(cell, step): (&CellReport, &crate::report::Step)| {
        let line = Line::ours(format!("{} ", show_duration(step.duration)));
        let line = step.dockerfile_line.map_or(line.clone(), |number| line.join(dockerfile_line(number)).then(" "));
        line.code(&step.instruction).then(" (").join(cell_name(&cell.id)).then(")")
    };
    steps.into_iter().take(count).map(line).collect()
}

/// Why wall times stand without a difference, by reason.
#[must_use]
pub fn wall_times_not_compared(comparison: &Comparison<'_>) -> Vec<Line> {
    let mut alike: BTreeMap<&str, Vec<&CellId>> = BTreeMap::new();
    for row in &comparison.rows {
        if let WallDelta::NotComparable(reason) = &row.wall {
            alike.entry(reason).or_default().push(row.id);
        }
    }
    let line = |(reason, ids): (&str, Vec<&CellId>)| match ids.as_slice() {
        [id] => cell_name(id).then(": ").text(reason),
        ids => Line::ours(rows::plural(ids.len(), "cell")).then(": ").text(reason),
    };
    alike.into_iter().map(line).collect()
}

/// Base images that resolved to another digest, by name.
#[must_use]
pub fn moved_base_images(comparison: &Comparison<'_>) -> Vec<Line> {
    let changes = comparison.rows.iter().filter_map(|row| row.delta()).flat_map(|delta| &delta.base_images);
    let changes: std::collections::BTreeSet<_> =
        changes.map(|change| (change.name, change.base, change.head)).collect();
    let short = |digest: &str| digest.trim_start_matches("sha256:").chars().take(12).collect::<String>();
    let line = |(name, base, head): (&str, Option<&str>, Option<&str>)| {
        let line = Line::default().code(name);
        match (base, head) {
            (Some(base), Some(head)) => line.then(" ").code(&short(base)).then(" → ").code(&short(head)),
            (None, Some(head)) => line.then(" new, ").code(&short(head)),
            (_, None) => line.then(" no longer used"),
        }
    };
    changes.into_iter().map(line).collect()
}

/// How the baseline was chosen, or why there is none.
#[must_use]
pub fn baseline(comparison: &Comparison<'_>) -> Line {
    let base = match &comparison.baseline {
        Baseline::Missing(reason) => return Line::ours("No baseline: ").text(reason),
        Baseline::Found(base) => base,
    };
    let line = match &base.sha {
        Some(sha) => Line::ours("Compared with ").code(&short_sha(sha)),
        None => Line::ours("Compared with a report of an unknown commit"),
    };
    let line = match base.commits_older {
        0 => line,
        older => line.then(format!(", {} before the chosen one", rows::plural(older, "commit"))),
    };
    line.then(" (").text(&base.chosen_by).then(")")
}

/// The first seven characters of a commit.
#[must_use]
pub fn short_sha(sha: &str) -> String {
    sha.chars().take(7).collect()
}

/// What the numbers mean and what measured them.
#[must_use]
pub fn definitions(comparison: &Comparison<'_>) -> Line {
    let environment = &comparison.head.environment;
    let versions = [
        ("weighbridge ", Some(&environment.weighbridge_version)),
        ("buildx ", environment.buildx_version.as_ref()),
        ("BuildKit ", environment.buildkit_version.as_ref()),
        ("Docker ", environment.docker_version.as_ref()),
        ("", environment.runner_class.as_ref()),
    ];
    let versions = versions.into_iter().filter_map(|(name, version)| Some(Line::ours(name).text(version?)));
    Line::ours(
        "Compressed bytes are the layer blobs that a node pulls, without config and attestations. \
         Differences up to 10 kB or 0.1 % count as none. ",
    )
    .list(versions, ", ")
    .then(".")
}
