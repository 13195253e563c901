//! What a reader should act on or may want to know: failures, missed budgets, findings, the baseline.

use std::collections::BTreeMap;

use super::line::Line;
use super::names::{cell_name, dockerfile_line, image_name, short_sha, version};
use super::rows;
use crate::compare::budget::{PULL_KEY, STARTS_KEY, WASTED_GROWTH_KEY};
use crate::compare::{Baseline, Change, Comparison};
use crate::report::{BudgetResult, CellReport, Finding, Outcome, Severity, Verdict};

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

/// Builds without numbers, with the reason; platforms of one image that failed alike stand together.
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
            let name = || image_name(image, cells.iter().map(|cell| &cell.id));
            Note {
                verdict: match outcome {
                    Outcome::Failed | Outcome::TimedOut => Verdict::Fail,
                    Outcome::Built | Outcome::Cancelled => Verdict::Unknown,
                },
                subject: name(),
                line: failure_line(outcome, name(), reason, cells.first().copied()),
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
        (Some(number), Some(source)) => {
            line.then(" at ").join(dockerfile_line(cell, number)).then(" ").code(source.trim())
        }
        (Some(number), None) => line.then(" at ").join(dockerfile_line(cell, number)),
        (None, Some(source)) => line.then(" at ").code(source.trim()),
        (None, None) => line,
    };
    match &failure.explanation {
        Some(explanation) => line.then(": ").text(explanation),
        None => line.then(": ").text(&failure.message),
    }
}

/// Budgets that are missed, cannot be checked or are nearly used up, worst first; one note per build and verdict.
#[must_use]
pub fn budgets(comparison: &Comparison<'_>) -> Vec<Note> {
    let measured = || comparison.head.cells.iter().filter(|cell| cell.image.is_some());
    let of = |verdict| {
        measured().filter_map(move |cell| {
            // That a container will not start is told for itself, and before.
            let is_told = |budget: &&BudgetResult| budget.key != STARTS_KEY || budget.verdict != Verdict::Fail;
            let budgets = cell.budgets.iter().filter(|budget| budget.verdict == verdict);
            let parts: Vec<Line> = budgets.filter(is_told).map(held_against_limit).collect();
            let line = Line::default().strong(cell_name(&cell.id)).then(" ").list(parts.clone(), "; ");
            (!parts.is_empty()).then(|| Note { verdict, subject: cell_name(&cell.id), line, log_tail: vec![] })
        })
    };
    of(Verdict::Fail).chain(of(Verdict::Unknown)).chain(of(Verdict::Warn)).collect()
}

/// What was measured and its limit: grew by 7.2 %, limit 5 %.
pub(super) fn held_against_limit(budget: &BudgetResult) -> Line {
    let key = Line::default().text(&budget.key.replace('_', " "));
    let Some(actual) = &budget.actual else {
        return key.then(" could not be checked: ").text(&budget.reason);
    };
    let line = match budget.key.as_str() {
        "compressed" | "uncompressed" => Line::ours("weighs ").text(actual).then(" ").join(key),
        "compressed_growth" => Line::ours("grew by ").text(actual.trim_start_matches('+')),
        "layers" => Line::ours("has ").text(actual).then(" layers"),
        "wasted" => Line::ours("wastes ").text(actual),
        WASTED_GROWTH_KEY => {
            Line::ours("wastes ").text(actual.trim_start_matches('+')).then(" more than the baseline's image")
        }
        "efficiency" => Line::ours("keeps ").text(actual).then(" of the bytes that its layers write"),
        PULL_KEY if actual.ends_with('%') => Line::ours("costs a node ").text(actual).then(" of the image to pull"),
        PULL_KEY => Line::ours("costs a node ").text(actual).then(" to pull"),
        STARTS_KEY => Line::default().text(actual),
        "wall" => Line::ours("took ").text(actual),
        _ => key.then(" ").text(actual),
    };
    let line = match budget.key.as_str() {
        STARTS_KEY => return line.then(": ").text(&budget.reason),
        "efficiency" => line.then(", at least ").text(&budget.limit),
        _ => line.then(", limit ").text(&budget.limit),
    };
    // Rounded alike, the two would not show which one is more.
    let limit = budget.limit.replace(" %", ".0 %");
    let alike = [&budget.limit, &limit].iter().any(|limit| actual.trim_start_matches('+') == limit.as_str());
    let with_reason = alike || budget.allowed_by.is_some();
    let line = if with_reason { line.then(" (").text(&budget.reason).then(")") } else { line };
    match &budget.allowed_by {
        Some(label) => line.then(", allowed by label ").code(label),
        None => line,
    }
}

/// Caches that did not do what was planned: one note per kind of trouble, with the first of its builds.
#[must_use]
pub fn cache_troubles(comparison: &Comparison<'_>) -> Vec<Note> {
    let mut alike: BTreeMap<_, Vec<(&CellReport, &str)>> = BTreeMap::new();
    for cell in &comparison.head.cells {
        for finding in cell.findings.iter().filter(|finding| is_cache_trouble(finding)) {
            let key = (std::cmp::Reverse(finding.severity), &finding.rule);
            alike.entry(key).or_default().push((cell, &finding.message));
        }
    }
    alike.into_iter().filter_map(|((severity, _), builds)| cache_trouble(severity.0, &builds)).collect()
}

fn is_cache_trouble(finding: &Finding) -> bool {
    finding.rule.starts_with("cache-") && finding.severity > Severity::Notice
}

fn cache_trouble(severity: Severity, builds: &[(&CellReport, &str)]) -> Option<Note> {
    let (cell, message) = builds.first()?;
    let more = match builds.len() {
        1 => Line::default(),
        count => Line::ours(format!(" and {}", rows::plural(count - 1, "more build"))),
    };
    let subject = cell_name(&cell.id);
    let line = Line::default().strong(subject.clone().join(more).then(" cache:")).then(" ").text(message);
    let verdict = if severity == Severity::Error { Verdict::Fail } else { Verdict::Warn };
    Some(Note { verdict, subject, line, log_tail: vec![] })
}

/// Findings, worst first, equal ones of several builds once. Troubles with caches stand apart: [`cache_troubles`].
#[must_use]
pub fn findings(comparison: &Comparison<'_>) -> Vec<Line> {
    let mut alike: BTreeMap<_, Vec<&CellReport>> = BTreeMap::new();
    for cell in &comparison.head.cells {
        for finding in cell.findings.iter().filter(|finding| !is_cache_trouble(finding)) {
            // A line means nothing without its file.
            let place = finding.dockerfile_line.map(|line| (&cell.dockerfile, line));
            let key = (std::cmp::Reverse(finding.severity), &finding.rule, place, &finding.message);
            alike.entry(key).or_default().push(cell);
        }
    }
    alike
        .into_iter()
        .map(|((severity, rule, place, message), cells)| {
            let line = Line::ours(format!("{} ", severity_name(severity.0))).code(rule);
            let at = |(_, number)| dockerfile_line(cells.first().copied(), number);
            let line = place.map_or(line.clone(), |place| line.then(" at ").join(at(place)));
            let line = line.then(": ").text(message);
            match cells.as_slice() {
                [cell] => line.then(" (").join(cell_name(&cell.id)).then(")"),
                cells => line.then(format!(" ({})", rows::plural(cells.len(), "build"))),
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

/// How the choice of a baseline is told that is an image instead of a report; its name follows.
pub const THE_IMAGE: &str = "the image ";

/// How the baseline was chosen, or why there is none.
#[must_use]
pub fn baseline(comparison: &Comparison<'_>) -> Line {
    let base = match &comparison.baseline {
        Baseline::Missing(reason) => return Line::ours("No baseline: ").text(reason),
        Baseline::Found(base) => base,
    };
    let line = match &base.sha {
        // An image is of no commit at all.
        None if base.chosen_by.starts_with(THE_IMAGE) => return Line::ours("Compared with ").text(&base.chosen_by),
        Some(sha) => Line::ours("Compared with ").code(&short_sha(sha)),
        None => Line::ours("Compared with a report of an unknown commit"),
    };
    let line = match base.commits_older {
        0 => line,
        older => line.then(format!(", {} before the chosen one", rows::plural(older, "commit"))),
    };
    let line = line.then(" (").text(&base.chosen_by);
    let line = match &base.store {
        Some(store) => line.then("; its report is from ").text(store),
        None => line,
    };
    line.then(")")
}

/// What the numbers mean and what measured them.
#[must_use]
pub fn definitions(comparison: &Comparison<'_>) -> Line {
    let environment = &comparison.head.environment;
    let tools = [
        ("weighbridge ", Some(&environment.weighbridge_version)),
        ("buildx ", environment.buildx_version.as_ref()),
        ("BuildKit ", environment.buildkit_version.as_ref()),
        ("Docker ", environment.docker_version.as_ref()),
    ];
    let tools = tools.into_iter().filter_map(|(name, printed)| Some(Line::ours(name).text(version(printed?))));
    let runner = environment.runner_class.as_deref().map(|class| Line::default().text(class));
    let (noise, bytes) = (comparison.noise, comparison.noise.bytes.to_string());
    Line::ours(
        "Compressed bytes are the layer blobs that a node pulls, without config and attestations. \
         Differences up to ",
    )
    .then(format!("{} or {} %, whichever is larger, count as none. ", bytes.replace(".0 ", " "), noise.percent.0))
    .list(tools.chain(runner), ", ")
    .then(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_told_with_its_limit_and_no_number_twice() {
        for (key, actual, limit, reason, expected) in [
            ("compressed", Some("61.2 MB"), "60.0 MB", "1.2 MB over", "weighs 61.2 MB compressed, limit 60.0 MB"),
            ("uncompressed", Some("9.0 MB"), "8.0 MB", "1.0 MB over", "weighs 9.0 MB uncompressed, limit 8.0 MB"),
            ("compressed_growth", Some("+7.2 %"), "5 %", "grew by 3.3 MB", "grew by 7.2 %, limit 5 %"),
            ("compressed_growth", Some("+5.0 %"), "5 %", "grew by 3.3 MB", "grew by 5.0 %, limit 5 % (grew by 3.3 MB)"),
            (
                "compressed",
                Some("60.0 MB"),
                "60.0 MB",
                "9.0 kB over",
                "weighs 60.0 MB compressed, limit 60.0 MB (9.0 kB over)",
            ),
            ("layers", Some("11"), "10", "1 over", "has 11 layers, limit 10"),
            ("wall", Some("2m41s"), "2m00s", "41.0s over", "took 2m41s, limit 2m00s"),
            ("wasted", Some("9.0 MB"), "5.0 MB", "4.0 MB over", "wastes 9.0 MB, limit 5.0 MB"),
            (
                "efficiency",
                Some("94.9 %"),
                "95 %",
                "5.0 MB of 100.0 MB are wasted",
                "keeps 94.9 % of the bytes that its layers write, at least 95 %",
            ),
            (
                "wasted_growth",
                Some("+9.0 MB"),
                "5.0 MB",
                "grew by 9.0 MB",
                "wastes 9.0 MB more than the baseline's image, limit 5.0 MB",
            ),
            (
                "pull",
                Some("31.0 %"),
                "30 %",
                "9.0 MB of 29.0 MB",
                "costs a node 31.0 % of the image to pull, limit 30 %",
            ),
            ("pull", Some("9.0 MB"), "5.0 MB", "4.0 MB over", "costs a node 9.0 MB to pull, limit 5.0 MB"),
            ("starts", Some("will not start"), "required", "no interpreter", "will not start: no interpreter"),
            (
                "starts",
                None,
                "required",
                "the image is encrypted",
                "starts could not be checked: the image is encrypted",
            ),
            ("later_key", Some("3"), "2", "1 over", "later key 3, limit 2"),
            ("compressed_growth", None, "5 %", "build failed", "compressed growth could not be checked: build failed"),
        ] {
            let budget = BudgetResult {
                key: key.into(),
                limit: limit.into(),
                actual: actual.map(Into::into),
                verdict: Verdict::Fail,
                reason: reason.into(),
                allowed_by: None,
            };
            assert_eq!(held_against_limit(&budget).terminal(), expected);
        }
    }

    #[test]
    fn what_a_label_allows_is_told_with_the_label() {
        let budget = BudgetResult {
            key: "compressed".into(),
            limit: "60.0 MB".into(),
            actual: Some("61.2 MB".into()),
            verdict: Verdict::Warn,
            reason: "1.2 MB over".into(),
            allowed_by: Some("a`b".into()),
        };
        assert_eq!(
            held_against_limit(&budget).markdown(),
            "weighs 61.2 MB compressed, limit 60.0 MB (1.2 MB over), allowed by label ``a`b``"
        );
    }
}
