//! The limits of the configuration, held against one cell.
//!
//! A gate that could not measure fails closed: [`Verdict::Unknown`]. Only growth and pull have an exception, since a
//! first run and a new image have nothing to grow from and would otherwise never pass.

mod inside;

use crate::compare::weight::Delta;
use crate::compare::{verdict, why_not_measured};
use crate::config::{self, Budget, Growth};
use crate::report::{BudgetResult, CellReport, ImageMeasurement, Report, Verdict};
use crate::units::{ByteDelta, Bytes, Percent, show_duration};

/// The key of the limit of growth.
pub const GROWTH_KEY: &str = "compressed_growth";
/// The key of the limit of waste that is new.
pub const WASTED_GROWTH_KEY: &str = "wasted_growth";
/// The key of the limit of what a node pulls.
pub const PULL_KEY: &str = "pull";
/// The key of what has to start.
pub const STARTS_KEY: &str = "starts";

/// The keys that a label can override. A build that takes too long is no matter of size, nor is one that does not start.
const SIZE_KEYS: [&str; 8] =
    ["compressed", "uncompressed", GROWTH_KEY, "layers", "wasted", WASTED_GROWTH_KEY, "efficiency", PULL_KEY];

/// From this part of a limit on, the reader is warned.
pub const WARN_FROM: f64 = 0.9;

/// Evaluates every cell's budget and sets the verdict of the run.
pub fn apply(head: &mut Report, images: &[config::Image], base: Option<&Report>) {
    for cell in &mut head.cells {
        let image = images.iter().find(|image| image.name == cell.id.image);
        cell.budgets = image.map(|image| evaluate(&image.budget, cell, base)).unwrap_or_default();
    }
    head.verdict = verdict::overall(head);
}

/// Holds a budget against a cell; one result per limit that is set. `base` is the whole baseline, so that a missing
/// baseline and a new image can be told apart.
#[must_use]
pub fn evaluate(budget: &Budget, head: &CellReport, base: Option<&Report>) -> Vec<BudgetResult> {
    let image = head.image.as_ref();
    let wall = head.timing.as_ref().map(|timing| timing.wall);
    let bytes = |key, limit: Option<Bytes>, measure: fn(&ImageMeasurement) -> u64| {
        limit.map(|limit| gate(key, head, limit, image.map(|image| Bytes(measure(image))), as_number, show_bytes_over))
    };
    let layers = budget.layers.map(|limit| {
        let actual = image.map(|image| u32::try_from(image.layers.len()).unwrap_or(u32::MAX));
        gate(
            "layers",
            head,
            limit,
            actual,
            |layers| f64::from(*layers),
            |limit, actual| format!("{} over", actual.saturating_sub(*limit)),
        )
    });
    let wall = budget.wall.map(|limit| {
        gate(
            "wall",
            head,
            WallTime(limit),
            wall.map(WallTime),
            |wall| wall.0.as_secs_f64(),
            |limit, actual| format!("{} over", WallTime(actual.0.saturating_sub(limit.0))),
        )
    });
    [
        bytes("compressed", budget.compressed, |image| image.compressed_bytes),
        bytes("uncompressed", budget.uncompressed, |image| image.uncompressed_bytes),
        budget.compressed_growth.map(|limit| growth(limit, head, base)),
        layers,
        budget.wasted.map(|limit| inside::wasted(limit, head)),
        budget.wasted_growth.map(|limit| inside::wasted_growth(limit, head, base)),
        budget.efficiency.map(|limit| inside::efficiency(limit, head)),
        budget.pull.map(|limit| inside::pull(limit, head, base)),
        budget.starts_required.then(|| inside::starts(head)),
        wall,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A wall time, printed for people.
struct WallTime(std::time::Duration);

impl std::fmt::Display for WallTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&show_duration(self.0))
    }
}

/// Exact up to 9 PB, which is enough to tell over from under.
fn as_number(bytes: &Bytes) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "only compared with a limit")]
    let number = bytes.0 as f64;
    number
}

fn show_bytes_over(limit: &Bytes, actual: &Bytes) -> String {
    format!("{} over", Bytes(actual.0.saturating_sub(limit.0)))
}

/// One absolute limit.
fn gate<T: std::fmt::Display>(
    key: &str,
    head: &CellReport,
    limit: T,
    actual: Option<T>,
    number: impl Fn(&T) -> f64,
    over: impl Fn(&T, &T) -> String,
) -> BudgetResult {
    let Some(actual) = actual else {
        return result(key, limit.to_string(), None, Verdict::Unknown, why_not_measured(head));
    };
    let verdict = judge(number(&actual), number(&limit));
    let reason = if verdict == Verdict::Fail { over(&limit, &actual) } else { phrase(number(&actual), number(&limit)) };
    result(key, limit.to_string(), Some(actual.to_string()), verdict, reason)
}

/// The limit of growth against the baseline.
fn growth(limit: Growth, head: &CellReport, base: Option<&Report>) -> BudgetResult {
    let shown_limit = show(limit);
    let unmeasured = |verdict, reason: String| result(GROWTH_KEY, shown_limit.clone(), None, verdict, reason);
    let (base_image, image) = match both(head, base) {
        Ok(both) => both,
        Err((verdict, reason)) => return unmeasured(verdict, reason),
    };
    let delta = Delta::between(base_image, image);
    if delta.compression.is_some() {
        return unmeasured(Verdict::Unknown, "layers are compressed in another way than the baseline's".to_owned());
    }
    judge_growth(GROWTH_KEY, limit, Bytes(base_image.compressed_bytes), delta.growth)
}

/// The images of both sides, or what it means that one is missing.
fn both<'a>(
    head: &'a CellReport,
    base: Option<&'a Report>,
) -> Result<(&'a ImageMeasurement, &'a ImageMeasurement), (Verdict, String)> {
    let image = head.image.as_ref().ok_or_else(|| (Verdict::Unknown, why_not_measured(head)))?;
    let base = base.ok_or_else(|| (Verdict::Pass, "no baseline".to_owned()))?;
    let base = base.cell(&head.id).ok_or_else(|| (Verdict::Pass, "new image, nothing to grow from".to_owned()))?;
    let unknown = || (Verdict::Unknown, format!("baseline without numbers: {}", why_not_measured(base)));
    Ok((base.image.as_ref().ok_or_else(unknown)?, image))
}

fn show(limit: Growth) -> String {
    match limit {
        Growth::Relative(Percent(percent)) => format!("{percent} %"),
        Growth::Absolute(bytes) => bytes.to_string(),
    }
}

/// So many bytes, or this part of all.
fn limit_bytes(limit: Growth, all: Bytes) -> f64 {
    match limit {
        Growth::Relative(percent) => as_number(&all) * percent.0 / 100.0,
        Growth::Absolute(bytes) => as_number(&bytes),
    }
}

fn judge_growth(key: &str, limit: Growth, base: Bytes, growth: ByteDelta) -> BudgetResult {
    #[expect(clippy::cast_precision_loss, reason = "only compared with a limit")]
    let grown = growth.0.max(0) as f64;
    let limit_bytes = limit_bytes(limit, base);
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let percent = Percent::of(growth.0 as f64, as_number(&base));
    let actual = match (limit, percent) {
        (Growth::Relative(_), Some(percent)) => percent.to_string(),
        _ => growth.to_string(),
    };
    let verdict = judge(grown, limit_bytes);
    let reason = match verdict {
        Verdict::Fail => format!("grew by {}", Bytes(growth.0.unsigned_abs())),
        _ if growth.0 <= 0 => "did not grow".to_owned(),
        _ => phrase(grown, limit_bytes),
    };
    result(key, show(limit), Some(actual), verdict, reason)
}

fn judge(actual: f64, limit: f64) -> Verdict {
    match actual {
        _ if actual > limit => Verdict::Fail,
        _ if actual > 0.0 && actual >= limit * WARN_FROM => Verdict::Warn,
        _ => Verdict::Pass,
    }
}

fn phrase(actual: f64, limit: f64) -> String {
    // Rounded down, so that a limit that is not reached never reads as reached.
    Percent::of(actual, limit)
        .map_or_else(|| "at the limit".to_owned(), |part| format!("{:.0} % of the limit", part.0.floor()))
}

fn result(key: &str, limit: String, actual: Option<String>, verdict: Verdict, reason: String) -> BudgetResult {
    BudgetResult { key: key.to_owned(), limit, actual, verdict, reason, allowed_by: None }
}

/// Whether a limit is held against the baseline.
#[must_use]
pub fn needs_baseline(key: &str) -> bool {
    [GROWTH_KEY, WASTED_GROWTH_KEY, PULL_KEY].contains(&key)
}

/// Makes limits of growth and pull fail closed where a base was chosen but could not be had: to pass for want of a
/// baseline is for first runs only.
pub fn baseline_lost(head: &mut Report, reason: &str) {
    for budget in head.cells.iter_mut().flat_map(|cell| &mut cell.budgets) {
        if needs_baseline(&budget.key) && budget.actual.is_none() {
            budget.verdict = Verdict::Unknown;
            budget.reason = format!("the baseline could not be had: {reason}");
        }
    }
    head.verdict = verdict::overall(head);
}

/// Lets images be over the limits of their size, as a label of the change request says. What could not be measured
/// stays so.
pub fn allow(head: &mut Report, label: &str) {
    let budgets = head.cells.iter_mut().flat_map(|cell| &mut cell.budgets);
    for budget in budgets.filter(|budget| SIZE_KEYS.contains(&budget.key.as_str()) && budget.verdict == Verdict::Fail) {
        budget.verdict = Verdict::Warn;
        budget.allowed_by = Some(label.to_owned());
    }
    head.verdict = verdict::overall(head);
}

/// Takes back what a stranger's report says that a label allows, where the change request has no such label.
pub fn disallow(head: &mut Report, has_label: impl Fn(&str) -> bool) {
    for budget in head.cells.iter_mut().flat_map(|cell| &mut cell.budgets) {
        if budget.allowed_by.take_if(|label| !has_label(label)).is_some() {
            budget.verdict = Verdict::Fail;
        }
    }
}

#[cfg(test)]
mod tests;
