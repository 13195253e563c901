//! What the caches did: the balance of their books, where each came from, and which steps missed them and why.

use std::collections::BTreeMap;
use std::time::Duration;

use super::line::Line;
use super::names::{cell_name, dockerfile_line, image_name};
use super::rows;
use crate::compare::Comparison;
use crate::compare::ledger::{Balance, Ledger};
use crate::compare::miss::{Miss, misses};
use crate::report::{CacheEnd, CacheUse, Cause, CellReport};
use crate::units::{Bytes, show_duration};

/// From here on a missed step is worth a line that stands visible.
pub(super) const COSTLY: Duration = Duration::from_secs(5);
/// Files that are named.
const FILES: usize = 3;

/// What the caches of the run come to, where that is worth a line.
#[must_use]
pub fn balance(comparison: &Comparison<'_>) -> Option<Line> {
    let ledger = Ledger::total(comparison.head)?;
    let at_least = if ledger.unknown_steps > 0 { "at least " } else { "" };
    let words = match ledger.balance() {
        Balance::Even => return None,
        Balance::Earned(gain) => format!("Cache earned {at_least}{}: {}", show_duration(gain), traffic(&ledger)),
        Balance::Cost(loss) if ledger.spared.is_zero() => {
            format!("Cache cost {} and saved nothing: {}", show_duration(loss), ledger.advice())
        }
        Balance::Cost(loss) => {
            format!("Cache cost {} more than it saved: {}", show_duration(loss), ledger.advice())
        }
        Balance::Seeded(export) => {
            format!("Cache written for the first time in {}; later runs tell what it earns", show_duration(export))
        }
        Balance::Unknown(cost) => format!(
            "Cache took {}; how long {} of it would have taken is not known yet",
            show_duration(cost),
            rows::plural(ledger.unknown_steps, "step")
        ),
    };
    Some(Line::ours(words))
}

/// What was moved, and how long that took.
fn traffic(ledger: &Ledger) -> String {
    let bytes = ledger.imported_bytes.map(|bytes| format!(", {}", Bytes(bytes))).unwrap_or_default();
    let written =
        if ledger.export.is_zero() { String::new() } else { format!(", written in {}", show_duration(ledger.export)) };
    let steps = rows::plural(ledger.served_steps, "step");
    format!("{steps} served{bytes}, read in {}{written}", show_duration(ledger.import))
}

/// Where the cache of each build came from and went to.
#[must_use]
pub fn uses(comparison: &Comparison<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for cell in &comparison.head.cells {
        let Some(cache) = &cell.cache else { continue };
        let read = cache.imports.iter().map(|used| used_line(used, "read"));
        let written = cache.exports.iter().map(|used| used_line(used, "written"));
        let left_out = cache.left_out.iter().map(|reason| Line::default().text(reason));
        let account =
            Ledger::of(cell).filter(|ledger| ledger.served_steps > 0).map(|ledger| Line::ours(account(&ledger)));
        let parts: Vec<Line> = read.chain(written).chain(left_out).chain(account).collect();
        if cache.imports.is_empty() && cache.exports.is_empty() {
            continue;
        }
        lines.push(cell_name(&cell.id).then(": ").list(parts, "; "));
    }
    lines
}

/// What a cell's remote caches served and spared.
fn account(ledger: &Ledger) -> String {
    let known = ledger.served_steps > ledger.unknown_steps;
    let spared = match (known, ledger.unknown_steps) {
        (true, 0) => format!(", which took {} when they last ran", show_duration(ledger.spared)),
        (true, _) => format!(", of which some took {} when they last ran", show_duration(ledger.spared)),
        (false, _) => ", which nobody has timed yet".to_owned(),
    };
    format!("{}{spared}", traffic(ledger))
}

/// `registry` of main (default branch) read in 0.3s.
fn used_line(used: &CacheUse, done: &str) -> Line {
    let kind =
        used.entry.split(',').find_map(|field| field.trim_matches('"').strip_prefix("type=")).unwrap_or("registry");
    let line = Line::default().code(kind);
    let line = match &used.branch {
        Some(branch) => line.then(" of ").code(branch),
        None => line,
    };
    let line = line.then(" (").text(&used.reason).then(") ");
    match used.end {
        CacheEnd::Done => line.then(format!("{done} in {}", show_duration(used.duration))),
        CacheEnd::NotFound => line.then("empty"),
        CacheEnd::Failed => line.then(format!("not {done}")),
        CacheEnd::Ignored => line.then("ignored by the builder"),
        CacheEnd::NotReached => line.then("not reached"),
    }
}

/// Steps that ran for a reason of their own, the costliest first; the same of several platforms are told once.
/// `visible` leaves those that are costly enough to stand in sight.
#[must_use]
pub fn missed(comparison: &Comparison<'_>, count: usize, visible: bool) -> Vec<Line> {
    let mut alike: BTreeMap<_, Vec<(&CellReport, Miss<'_>)>> = BTreeMap::new();
    for cell in &comparison.head.cells {
        for miss in misses(cell) {
            let text = if miss.step.dockerfile_line.is_some() { "" } else { miss.step.instruction.as_str() };
            let key = (&cell.id.image, &miss.step.stage, miss.step.dockerfile_line, text, &miss.step.causes);
            alike.entry(key).or_default().push((cell, miss));
        }
    }
    let cost = |group: &[(&CellReport, Miss<'_>)]| group.iter().map(|(_, miss)| miss.cost).max().unwrap_or_default();
    let mut groups: Vec<_> = alike.into_values().filter(|group| !visible || cost(group) >= COSTLY).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(cost(group)));
    groups.iter().take(count).filter_map(|group| missed_line(group)).collect()
}

fn missed_line(group: &[(&CellReport, Miss<'_>)]) -> Option<Line> {
    let (cell, miss) = group.iter().max_by_key(|(_, miss)| miss.cost)?;
    let name = image_name(&cell.id.image, group.iter().map(|(cell, _)| &cell.id));
    let line = Line::default().strong(name.then(":")).then(" ");
    let place = miss.step.dockerfile_line.map(|number| dockerfile_line(Some(cell), number).then(" "));
    Some(line.join(place.unwrap_or_default()).join(why_it_ran(cell, miss)))
}

/// A missed step with what it cost and why it ran.
pub(super) fn why_it_ran(cell: &CellReport, miss: &Miss<'_>) -> Line {
    let line = Line::default().code(&miss.step.instruction);
    let followers = match miss.followers {
        0 => String::new(),
        count => format!(" and {} after it", rows::plural(count, "step")),
    };
    let line = line.then(format!("{followers} ran, {}", show_duration(miss.cost))).then(": ");
    let causes = miss.step.causes.iter().filter(|cause| !matches!(cause, Cause::Earlier { .. }));
    line.list(causes.map(|cause| cause_line(cause, cell)), "; ")
}

fn cause_line(cause: &Cause, cell: &CellReport) -> Line {
    let short = |digest: &str| digest.trim_start_matches("sha256:").chars().take(12).collect::<String>();
    match cause {
        Cause::NoCache => Line::ours("the configuration asks for no cache"),
        Cause::Edited { was: Some(was) } => Line::ours("the instruction was ").code(was),
        Cause::Edited { was: None } => Line::ours("the instruction is new"),
        Cause::Setting { instruction, dockerfile_line: number } => Line::ours("it depends on ")
            .join(dockerfile_line(Some(cell), *number))
            .then(" ")
            .code(instruction)
            .then(", which changed"),
        Cause::BuildArgument { name } => Line::ours("build argument ").code(name).then(" changed"),
        Cause::BaseImage { name, base, head } => {
            Line::ours("base image ").code(name).then(" moved from ").code(&short(base)).then(" to ").code(&short(head))
        }
        Cause::Files { count, examples, ignorable } => files_line(*count, examples, ignorable),
        Cause::Earlier { .. } => Line::ours("an earlier step ran"),
        Cause::NotCached { reason } | Cause::Unknown { reason } => Line::default().text(reason),
    }
}

fn files_line(count: usize, examples: &[String], ignorable: &[String]) -> Line {
    let named = examples.iter().take(FILES).map(|file| Line::default().code(file));
    let more = count.saturating_sub(examples.len().min(FILES));
    let line = Line::default().list(named, ", ");
    let line = if more > 0 { line.then(format!(" and {more} more")) } else { line };
    let line = line.then(" changed");
    if ignorable.is_empty() {
        return line;
    }
    let patterns = ignorable.iter().map(|pattern| Line::default().code(pattern));
    line.then(", which images rarely need; spare the step with these lines in .dockerignore: ").list(patterns, " ")
}
