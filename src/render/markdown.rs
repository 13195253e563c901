//! The comment: verdict, changed rows, why, and everything else folded away. Also fit for a job summary.

use super::fit::{Block, Piece, fit};
use super::line::Line;
use super::notes::{self, Note};
use super::rows::{self, ImageRows};
use super::table::{Table, table};
use super::why::{layer_in_full, why};
use super::{escape, headline};
use crate::compare::layers::LayerChange;
use crate::compare::{Baseline, Comparison, Row};
use crate::report::{Layer, Verdict};
use crate::units::Bytes;

/// Forges refuse comments of more than 65,536 characters; the rest is left for a marker in front.
pub const LIMIT_BYTES: usize = 65_000;
/// Images in the visible table; more are folded.
const VISIBLE_IMAGES: usize = 12;
/// Lines of each kind that stand visible; more are folded.
const VISIBLE_NOTES: usize = 3;
/// Layers that are listed per cell.
const LAYERS: usize = 12;
/// Layers that are listed of a cell without a baseline.
const LARGEST_LAYERS: usize = 5;
/// Steps that are listed.
const STEPS: usize = 10;
/// Lines of a failing step's log.
const LOG_LINES: usize = 20;
/// Longest line of a log.
const LOG_CHARS: usize = 200;

/// The comparison as Markdown, without a marker, in at most [`LIMIT_BYTES`].
#[must_use]
pub fn render(comparison: &Comparison<'_>) -> String {
    let changed = rows::changed(comparison);
    let (visible, folded) = changed.split_at(changed.len().min(VISIBLE_IMAGES));
    let failures = notes::failures(comparison);
    let failure_lines: Vec<String> = failures.iter().map(note).collect();
    let budget_lines: Vec<String> = notes::budgets(comparison).iter().map(note).collect();
    let why_lines: Vec<String> = why(comparison).iter().map(bullet).collect();
    let seen = |lines: &[String]| lines.iter().take(VISIBLE_NOTES).cloned().collect::<Vec<_>>();
    let rest = |lines: &[String]| lines.iter().skip(VISIBLE_NOTES).cloned().collect::<Vec<_>>();

    let mut pieces = vec![
        Piece::Fixed(format!("### {}\n\n", headline::headline(comparison).markdown())),
        block(0, "", seen(&failure_lines), "\n", "failures"),
        block(4, "", failures.iter().filter_map(log).take(VISIBLE_NOTES).collect(), "", "logs"),
        table_block(2, &table(comparison, visible)),
        block(1, "", seen(&budget_lines), "", "budgets"),
        block(3, "", seen(&why_lines), "", "reasons"),
        Piece::Fixed(if budget_lines.is_empty() && why_lines.is_empty() { String::new() } else { "\n".to_owned() }),
    ];
    let more: Vec<String> = [rest(&failure_lines), rest(&budget_lines), rest(&why_lines)].concat();
    if !more.is_empty() {
        let summary = Line::ours(format!("{} more like these", more.len()));
        pieces.extend(fold(&summary, vec![block(6, "", more, "\n", "lines")]));
    }
    if !folded.is_empty() {
        let summary = Line::ours(format!("{} more images changed", folded.len()));
        pieces.extend(fold(&summary, vec![table_block(5, &table(comparison, folded))]));
    }
    let findings: Vec<String> = notes::findings(comparison).iter().map(bullet).collect();
    if !findings.is_empty() {
        let summary = Line::ours(rows::plural(findings.len(), "finding"));
        pieces.extend(fold(&summary, vec![block(7, "", findings, "\n", "findings")]));
    }
    pieces.extend(details(comparison, &changed));
    let mut document = fit(pieces, LIMIT_BYTES);
    document.truncate(document.trim_end().len());
    document + "\n"
}

/// The last fold: whatever explains the numbers.
fn details(comparison: &Comparison<'_>, changed: &[ImageRows<'_, '_>]) -> Vec<Piece> {
    let bullets = |lines: Vec<Line>| lines.iter().map(bullet).collect::<Vec<_>>();
    let layers: Vec<String> = changed.iter().flat_map(|image| &image.rows).filter_map(|row| layers_of(row)).collect();
    let steps = bullets(notes::slowest_steps(comparison, STEPS));
    let unchanged = rows::unchanged(comparison);
    let unchanged_cells: usize = unchanged.iter().map(|image| image.rows.len()).sum();
    let unchanged: Vec<String> = unchanged.iter().map(|image| bullet(&unchanged_image(image))).collect();
    let moved = bullets(notes::moved_base_images(comparison));

    let mut topics = Vec::new();
    if !layers.is_empty() {
        topics.push(Line::ours("layers"));
    }
    if !steps.is_empty() {
        topics.push(Line::ours("slowest steps"));
    }
    if unchanged_cells > 0 {
        topics.push(Line::ours(format!("{unchanged_cells} unchanged")));
    }
    topics.push(match &comparison.baseline {
        Baseline::Found(base) => {
            let sha =
                base.sha.as_deref().map_or_else(Line::default, |sha| Line::ours(" ").code(&notes::short_sha(sha)));
            let older = match base.commits_older {
                0 => String::new(),
                older => format!(", {} older", rows::plural(older, "commit")),
            };
            Line::ours("baseline").join(sha).then(older)
        }
        Baseline::Missing(_) => Line::ours("definitions"),
    });
    let pieces = vec![
        block(9, "**Layers**\n\n", layers, "\n", "cells"),
        block(10, "**Slowest steps that ran**\n\n", steps, "\n", "steps"),
        block(8, "**Unchanged**\n\n", unchanged, "\n", "images"),
        block(8, "**Base images that moved**\n\n", moved, "\n", "base images"),
        block(
            11,
            "**Wall times not compared**\n\n",
            bullets(notes::wall_times_not_compared(comparison)),
            "\n",
            "reasons",
        ),
        Piece::Fixed(format!("{}.\n\n", notes::baseline(comparison).markdown())),
        Piece::Fixed(format!("<sub>{}</sub>\n\n", notes::definitions(comparison).html())),
    ];
    fold(&Line::ours("Details: ").list(topics, ", "), pieces)
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
    block(rank, &open, table.rows.iter().map(|cells| row(cells)).collect(), "\n", "rows")
}

fn bullet(line: &Line) -> String {
    format!("- {}\n", line.markdown())
}

fn note(note: &Note) -> String {
    let icon = match note.verdict {
        Verdict::Fail => "❌ ",
        Verdict::Warn | Verdict::Unknown => "⚠️ ",
        Verdict::Pass => "",
    };
    format!("- {icon}{}\n", note.line.markdown())
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

/// The changed layers of a cell; of one without a baseline, its largest.
fn layers_of(row: &Row<'_>) -> Option<String> {
    let image = row.head?.image.as_ref()?;
    let (changes, more): (Vec<LayerChange<'_>>, usize) = match row.delta() {
        Some(delta) => {
            let changed = delta.layers.iter().filter(|change| !matches!(change, LayerChange::Same(_)));
            let mut changed: Vec<_> = changed.copied().collect();
            let more = changed.len().saturating_sub(LAYERS);
            changed.sort_by_key(|change| std::cmp::Reverse(change.compressed().0.unsigned_abs()));
            changed.truncate(LAYERS);
            (changed, more)
        }
        None => (largest(&image.layers), image.layers.len().saturating_sub(LARGEST_LAYERS)),
    };
    let name = Line::default().code(&row.id.image).then(" ").text(&row.id.platform.to_string());
    let uncompressed = row.delta().map_or_else(String::new, |delta| {
        format!(", {}", rows::with_percent(delta.uncompressed, delta.uncompressed_percent))
    });
    let title = name.then(format!(", {} uncompressed{uncompressed}", Bytes(image.uncompressed_bytes)));
    let lines = changes.iter().map(|change| format!("  {}", bullet(&layer_in_full(change))));
    let more = if more > 0 { format!("  - {} more\n", rows::plural(more, "layer")) } else { String::new() };
    Some(bullet(&title) + &lines.collect::<String>() + &more)
}

fn largest(layers: &[Layer]) -> Vec<LayerChange<'_>> {
    let mut layers: Vec<&Layer> = layers.iter().collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.compressed_bytes));
    layers.into_iter().take(LARGEST_LAYERS).map(LayerChange::Same).collect()
}

fn unchanged_image(image: &ImageRows<'_, '_>) -> Line {
    let platforms = image.rows.iter().map(|row| {
        let bytes = rows::compressed(row).map_or_else(String::new, |bytes| format!(" {bytes}"));
        Line::default().text(&row.id.platform.to_string()).then(bytes)
    });
    Line::default().code(image.image).then(" ").list(platforms, ", ")
}

#[cfg(test)]
mod tests;
