//! The comment: verdict, changed rows, why, and everything else folded away. Also fit for a job summary.

use super::carried::carried_over;
use super::fit::{Block, Piece, fit};
use super::line::Line;
use super::machines::machines;
use super::names::short_sha;
use super::notes::{self, Note};
use super::rows::{self, Equality, ImageRows};
use super::table::{Table, table};
use super::why::why;
use super::{cache, headline, inside, layers, scan, starts, times};
use crate::compare::{Baseline, Comparison, Row};
use crate::escape;

/// Forges refuse comments of more than 65,536 characters; the rest is left for a marker in front.
pub const LIMIT_BYTES: usize = 65_000;
/// Images in the visible table; more are folded.
const VISIBLE_IMAGES: usize = 12;
/// Lines of each kind that stand visible; more are folded.
const VISIBLE_NOTES: usize = 3;
/// Images of which it stands visible that they waste more.
const VISIBLE_WASTE: usize = 2;
/// Missed steps that stand visible.
const VISIBLE_MISSES: usize = 2;
/// Missed steps that are listed.
const MISSES: usize = 20;
/// Steps that are listed.
const STEPS: usize = 10;
/// Lines of a failing step's log.
const LOG_LINES: usize = 20;
/// Longest line of a log.
const LOG_CHARS: usize = 200;

/// The comparison as Markdown, without a marker, in at most [`LIMIT_BYTES`].
#[must_use]
pub fn render(comparison: &Comparison<'_>) -> String {
    render_within(comparison, LIMIT_BYTES)
}

/// The same in at most so many bytes, given that there is room for its frame of some kilobytes.
#[must_use]
pub fn render_within(comparison: &Comparison<'_>, limit_bytes: usize) -> String {
    document(comparison, &headline::headline(comparison), "", limit_bytes)
}

/// The same for a run that has nothing to tell, in the place of an earlier comment that had.
#[must_use]
pub fn back_to_normal(comparison: &Comparison<'_>) -> String {
    let resolved = "What an earlier run of this change was reported for is resolved.\n\n";
    document(comparison, &headline::back_to_normal(comparison), resolved, LIMIT_BYTES)
}

fn document(comparison: &Comparison<'_>, title: &Line, opening: &str, limit_bytes: usize) -> String {
    let changed = rows::changed(comparison);
    let (visible, folded) = changed.split_at(changed.len().min(VISIBLE_IMAGES));
    let failures = notes::failures(comparison);
    let start_lines: Vec<String> = starts::notes(comparison).iter().map(note).collect();
    let failure_lines: Vec<String> = failures.iter().map(note).collect();
    let gates = [notes::budgets(comparison), notes::cache_troubles(comparison)].concat();
    let budget_lines: Vec<String> = gates.iter().map(note).collect();
    let why_lines: Vec<String> = why(comparison).iter().map(bullet).collect();
    let waste_lines: Vec<String> = inside::grown_waste(comparison).iter().map(bullet).collect();
    let scan_lines: Vec<String> = scan::news(comparison).iter().map(bullet).collect();
    let cache_lines: Vec<String> =
        cache::balance(comparison).iter().chain(&cache::missed(comparison, VISIBLE_MISSES, true)).map(bullet).collect();
    let is_listed =
        [&budget_lines, &why_lines, &scan_lines, &waste_lines, &cache_lines].iter().any(|lines| !lines.is_empty());
    let seen = |lines: &[String]| lines.iter().take(VISIBLE_NOTES).cloned().collect::<Vec<_>>();
    let rest = |lines: &[String]| lines.iter().skip(VISIBLE_NOTES).cloned().collect::<Vec<_>>();

    let mut pieces = vec![
        Piece::Fixed(format!("### {}\n\n{opening}", title.markdown())),
        block(0, "", seen(&start_lines), "\n", "container that will not start"),
        block(0, "", seen(&failure_lines), "\n", "failure"),
        block(4, "", failures.iter().filter_map(log).take(VISIBLE_NOTES).collect(), "", "log"),
        table_block(2, &table(comparison, visible)),
        block(1, "", seen(&budget_lines), "", "budget"),
        block(3, "", seen(&why_lines), "", "reason"),
        block(3, "", waste_lines.iter().take(VISIBLE_WASTE).cloned().collect(), "", "reason"),
        block(3, "", scan_lines.iter().take(VISIBLE_NOTES).cloned().collect(), "", "image"),
        block(3, "", cache_lines.clone(), "", "remark"),
        Piece::Fixed(if is_listed { "\n".to_owned() } else { String::new() }),
    ];
    let more: Vec<String> = [rest(&start_lines), rest(&failure_lines), rest(&budget_lines), rest(&why_lines)].concat();
    if !more.is_empty() {
        let summary = Line::ours(format!("{} more like these", more.len()));
        pieces.extend(fold(&summary, vec![block(6, "", more, "\n", "line")]));
    }
    if !folded.is_empty() {
        let summary = Line::ours(format!("{} more images changed", folded.len()));
        pieces.extend(fold(&summary, vec![table_block(5, &table(comparison, folded))]));
    }
    let findings: Vec<String> = notes::findings(comparison).iter().map(bullet).collect();
    if !findings.is_empty() {
        let summary = Line::ours(rows::plural(findings.len(), "finding"));
        pieces.extend(fold(&summary, vec![block(7, "", findings, "\n", "finding")]));
    }
    pieces.extend(details(comparison, &changed));
    let mut document = fit(pieces, limit_bytes);
    document.truncate(document.trim_end().len());
    document + "\n"
}

/// The last fold: whatever explains the numbers.
fn details(comparison: &Comparison<'_>, changed: &[ImageRows<'_, '_>]) -> Vec<Piece> {
    let bullets = |lines: Vec<Line>| lines.iter().map(bullet).collect::<Vec<_>>();
    let layers: Vec<String> = changed.iter().flat_map(|image| &image.rows).filter_map(|row| layers_of(row)).collect();
    let steps = bullets(times::slowest_steps(comparison, STEPS));
    let missed = bullets(cache::missed(comparison, MISSES, false));
    let caches = bullets(cache::uses(comparison));
    let equal = |equality| bullets(rows::unchanged_with(comparison, equality).iter().map(unchanged).collect());
    let moved = bullets(notes::moved_base_images(comparison));
    let not_compared = times::not_compared(comparison).map(|line| line.markdown() + "\n");
    let groups = |groups: Vec<inside::Group>| groups.iter().map(group).collect::<Vec<_>>();
    let grown = groups(inside::causes(changed));
    let packages = groups(inside::packages(changed));
    let waste = groups(inside::waste(changed));
    let pull = bullets(inside::pull(changed));
    let news = bullets(inside::news(comparison));
    let scans = groups(scan::details(comparison));
    let has = [
        ("layers", &layers),
        ("packages and paths", &grown),
        ("waste", &waste),
        ("pull", &pull),
        ("what else is new", &news),
        ("vulnerabilities", &scans),
        ("slowest steps", &steps),
        ("missed steps", &missed),
        ("caches", &caches),
    ];
    let has = has.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(topic, _)| Line::ours(topic));
    let summary = Line::ours("Details: ").list(has.chain(topics(comparison)), ", ");
    let pieces = vec![
        block(9, "**Layers**\n\n", layers, "\n", "build"),
        block(9, "**What changed in the layers, unpacked**\n\n", grown, "\n", "build"),
        block(9, "**Packages**\n\n", packages, "\n", "build"),
        block(
            9,
            "**Waste**: files that a layer writes and a later one deletes or writes again\n\n",
            waste,
            "\n",
            "build",
        ),
        block(9, "**Pull**\n\n", pull, "\n", "image"),
        block(8, "**What else is new**\n\n", news, "\n", "line"),
        block(9, "**Vulnerabilities**\n\n", scans, "\n", "image"),
        block(10, "**Slowest steps that ran**\n\n", steps, "\n", "step"),
        block(10, "**Steps that no cache served, and why**\n\n", missed, "\n", "step"),
        block(11, "**Caches**\n\n", caches, "\n", "build"),
        block(8, "**Identical layers**\n\n", equal(Equality::Identical), "\n", "image"),
        block(8, "**No notable change**\n\n", equal(Equality::WithinNoise), "\n", "image"),
        block(8, "**Base images that moved**\n\n", moved, "\n", "base image"),
        block(11, "", not_compared.into_iter().collect(), "\n", "remark"),
        block(7, "", carried_over(comparison).iter().map(|line| line.markdown() + ".\n").collect(), "\n", "remark"),
        block(7, "", machines(comparison).iter().map(|line| line.markdown() + ".\n").collect(), "\n", "remark"),
        Piece::Fixed(format!("{}.\n\n", notes::baseline(comparison).markdown())),
        Piece::Fixed(format!("<sub>{}</sub>\n\n", notes::definitions(comparison).html())),
    ];
    fold(&summary, pieces)
}

/// What the details always hold.
fn topics(comparison: &Comparison<'_>) -> Vec<Line> {
    let unchanged: usize = rows::unchanged(comparison).iter().map(|image| image.rows.len()).sum();
    let baseline = match &comparison.baseline {
        Baseline::Found(base) => {
            let sha = base.sha.as_deref().map_or_else(Line::default, |sha| Line::ours(" ").code(&short_sha(sha)));
            let older = match base.commits_older {
                0 => String::new(),
                older => format!(", {} older", rows::plural(older, "commit")),
            };
            Line::ours("baseline").join(sha).then(older)
        }
        Baseline::Missing(_) => Line::ours("definitions"),
    };
    let topics = [
        (unchanged > 0).then(|| Line::ours(rows::count(comparison, unchanged) + " without notable change")),
        Some(baseline),
    ];
    topics.into_iter().flatten().collect()
}

fn fold(summary: &Line, pieces: Vec<Piece>) -> Vec<Piece> {
    let open = Piece::Fixed(format!("<details><summary>{}</summary>\n\n", summary.html()));
    let close = Piece::Fixed("</details>\n".to_owned());
    std::iter::once(open).chain(pieces).chain(std::iter::once(close)).collect()
}

fn block(rank: u8, open: &str, items: Vec<String>, close: &str, noun: &'static str) -> Piece {
    Piece::Block(Block { rank, open: open.to_owned(), items, close: close.to_owned(), noun })
}

fn table_block(rank: u8, table: &Table) -> Piece {
    let row = |cells: &[Line]| {
        let cells: Vec<String> = cells.iter().map(Line::markdown).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = |column| if column < table.name_columns { ":--" } else { "--:" };
    let rules: Vec<&str> = (0..table.header.len()).map(rule).collect();
    let open = format!("{}| {} |\n", row(&table.header), rules.join(" | "));
    block(rank, &open, table.rows.iter().map(|cells| row(cells)).collect(), "\n", "row")
}

fn bullet(line: &Line) -> String {
    format!("- {}\n", line.markdown())
}

fn note(note: &Note) -> String {
    bullet(&Line::default().mark(note.verdict).join(note.line.clone()))
}

fn log(note: &Note) -> Option<String> {
    let lines: Vec<&str> = note.log_tail.iter().flat_map(|line| line.lines()).collect();
    let lines = lines.split_at(lines.len().saturating_sub(LOG_LINES)).1;
    let title = match lines.len() {
        0 => return None,
        1 => "last line of the log".to_owned(),
        count => format!("last {count} lines of the log"),
    };
    let fence = escape::fence(lines.iter().copied(), LOG_CHARS);
    Some(format!("<details><summary>{}: {title}</summary>\n\n{fence}\n\n</details>\n\n", note.subject.html()))
}

/// The layers of a build as one item.
fn layers_of(row: &Row<'_>) -> Option<String> {
    let stack = layers::stack(row)?;
    Some(indented(&stack.title, &stack.layers))
}

/// A line and those that belong to it as one item.
fn group(group: &inside::Group) -> String {
    indented(&group.title, &group.lines)
}

fn indented(title: &Line, lines: &[Line]) -> String {
    let lines = lines.iter().map(|line| format!("  {}", bullet(line)));
    bullet(title) + &lines.collect::<String>()
}

/// An unchanged image; what differs by noise with the difference, so that nobody has to believe it.
fn unchanged(image: &ImageRows<'_, '_>) -> Line {
    let platforms = image.rows.iter().map(|row| {
        let bytes = rows::compressed(row).map_or_else(String::new, |bytes| format!(" {bytes}"));
        let noise = row.delta().filter(|delta| !delta.is_identical());
        let noise = noise.map_or_else(String::new, |delta| format!(" ({})", delta.compressed));
        let carried = row.head.is_some_and(|cell| cell.carried_over.is_some());
        let carried = if carried { " (carried over)" } else { "" };
        Line::default().text(&row.id.platform.to_string()).then(bytes + &noise + carried)
    });
    Line::default().code(image.image).then(" ").list(platforms, ", ")
}

#[cfg(test)]
mod tests;
