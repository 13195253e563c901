//! The comparison for a terminal of 100 columns: the same content as the comment, condensed.

use comfy_table::{CellAlignment, ContentArrangement, presets};
use unicode_width::UnicodeWidthStr;

use super::carried::carried_over;
use super::line::Line;
use super::machines::machines;
use super::notes::{self, Note};
use super::rows::{self, ImageRows};
use super::table::table;
use super::why::why;
use super::{cache, headline, inside, scan, starts};
use crate::compare::{Comparison, verdict};
use crate::escape;
use crate::report::Verdict;

/// Width that text is broken at.
const COLUMNS: usize = 100;
/// Longest name in the table.
const NAME_CHARS: usize = 28;
/// Missed steps that are named.
const MISSES: usize = 3;
/// Lines of a failing step's log.
const LOG_LINES: usize = 10;

/// Whether verdicts are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// With ANSI sequences.
    Always,
    /// Plain.
    Never,
}

impl Color {
    pub(super) fn paint(self, verdict: Verdict, text: &str) -> String {
        let code = match (self, verdict) {
            (Self::Never, _) => return text.to_owned(),
            (Self::Always, Verdict::Pass) => "32",
            (Self::Always, Verdict::Warn) => "33",
            (Self::Always, Verdict::Fail | Verdict::Unknown) => "31",
        };
        format!("\u{1b}[1;{code}m{text}\u{1b}[0m")
    }
}

/// The comparison as text.
#[must_use]
pub fn render(comparison: &Comparison<'_>, color: Color) -> String {
    let verdict = verdict::overall(comparison.head);
    let notes: Vec<Note> = [
        starts::notes(comparison),
        notes::failures(comparison),
        notes::budgets(comparison),
        notes::cache_troubles(comparison),
    ]
    .concat();
    let changed = rows::changed(comparison);
    let pull = inside::pull(&changed);
    let sections = [
        color.paint(verdict, &wrap(&headline::headline(comparison).terminal())),
        all_rows(comparison),
        notes.iter().map(|one| note(one, color)).collect::<Vec<_>>().join("\n"),
        lines(&[why(comparison), inside::grown_waste(comparison), pull].concat()),
        lines(&inside::news(comparison)),
        lines(&scan::news(comparison)),
        lines(&[cache::balance(comparison).into_iter().collect(), cache::missed(comparison, MISSES, true)].concat()),
        lines(&notes::findings(comparison)),
        carried_over(comparison).map(|line| wrap(&line.then(".").terminal())).unwrap_or_default(),
        machines(comparison).map(|line| wrap(&line.then(".").terminal())).unwrap_or_default(),
        wrap(&notes::baseline(comparison).then(".").terminal()),
    ];
    let sections = sections.iter().map(|section| section.trim_end()).filter(|section| !section.is_empty());
    sections.collect::<Vec<_>>().join("\n\n") + "\n"
}

fn lines(lines: &[Line]) -> String {
    lines.iter().map(|line| wrap(&line.terminal())).collect::<Vec<_>>().join("\n")
}

fn note(note: &Note, color: Color) -> String {
    let word = match note.verdict {
        Verdict::Fail => "error: ",
        Verdict::Warn | Verdict::Unknown => "warning: ",
        Verdict::Pass => "",
    };
    let log = note.log_tail.split_at(note.log_tail.len().saturating_sub(LOG_LINES)).1;
    let log = log.iter().map(|line| format!("\n    {}", escape::terminal(line, 96)));
    // Painted after wrapping, as sequences have no width.
    let text = wrap(&format!("{word}{}", note.line.terminal()));
    let text = text.strip_prefix(word).unwrap_or(&text);
    format!("{}{text}{}", color.paint(note.verdict, word), log.collect::<String>())
}

/// Breaks a line between words, continued with an indent; a word longer than a line stays whole.
pub(super) fn wrap(line: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in line.split(' ') {
        let width = word.width();
        if column > 0 && column + 1 + width > COLUMNS {
            wrapped.push_str("\n  ");
            column = 2;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += width;
    }
    wrapped
}

/// Every cell: what needs attention, what changed, the rest.
fn all_rows(comparison: &Comparison<'_>) -> String {
    let images: Vec<ImageRows<'_, '_>> =
        [rows::not_measured(comparison), rows::changed(comparison), rows::unchanged(comparison)].concat();
    if images.is_empty() {
        return String::new();
    }
    let table = table(comparison, &images);
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| shown(row, table.name_columns)).collect();
    let header = shown(&table.header, table.name_columns);
    let wide = grid(header.clone(), &rows, table.name_columns);
    let fits = wide.lines().all(|line| line.width() <= COLUMNS);
    if fits { wide } else { grid(broken(header, &rows), &rows, table.name_columns) }
}

fn shown(cells: &[Line], name_columns: usize) -> Vec<String> {
    let cells = cells.iter().map(Line::terminal).enumerate();
    cells.map(|(column, text)| if column < name_columns { escape::terminal(&text, NAME_CHARS) } else { text }).collect()
}

/// The header with the names broken into two lines that are wider than what stands below them.
fn broken(header: Vec<String>, rows: &[Vec<String>]) -> Vec<String> {
    let is_widest = |column: usize, name: &str| {
        rows.iter().filter_map(|row| row.get(column)).all(|cell| cell.width() < name.width())
    };
    let columns = header.into_iter().enumerate();
    columns.map(|(column, name)| if is_widest(column, &name) { name.replacen(' ', "\n", 1) } else { name }).collect()
}

fn grid(header: Vec<String>, rows: &[Vec<String>], name_columns: usize) -> String {
    let mut grid = comfy_table::Table::new();
    grid.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    grid.set_header(header);
    grid.add_rows(rows);
    for (index, column) in grid.column_iter_mut().enumerate() {
        column.set_cell_alignment(if index < name_columns { CellAlignment::Left } else { CellAlignment::Right });
    }
    grid.trim_fmt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::compare;
    use crate::render::scene;
    use crate::report::sample;

    #[test]
    fn the_text_of_each_situation() {
        for (name, base, head) in scene::all() {
            let text = render(&compare(base.as_ref(), &head), Color::Never);
            scene::assert_snapshot(&format!("{name}.txt"), &text);
            assert!(text.lines().all(|line| line.width() <= COLUMNS), "{name}: {text}");
        }
    }

    #[test]
    fn colour_marks_the_verdict_and_nothing_else() {
        for (_, base, head) in scene::all() {
            let comparison = compare(base.as_ref(), &head);
            let coloured = render(&comparison, Color::Always);
            let plain = ["\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[1;33m", "\u{1b}[0m"];
            let plain = plain.iter().fold(coloured.clone(), |text, sequence| text.replace(sequence, ""));
            assert_ne!(coloured, plain);
            assert_eq!(plain, render(&comparison, Color::Never));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_report_controls_the_terminal(base in sample::any_report(0..6), head in sample::any_report(0..6)) {
            let text = render(&compare(Some(&base), &head), Color::Never);
            prop_assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{:?}", text);
        }
    }
}
