//! An image for a terminal of 100 columns.

use comfy_table::{CellAlignment, ContentArrangement, presets};

use super::sections::{Grid, Section, told};
use crate::render::line::Line;
use crate::render::text::{Color, wrap};
use crate::report::Inspection;

/// What the other columns of the table of layers leave of a line.
const INSTRUCTION_CHARS: usize = 38;

/// The image as text.
#[must_use]
pub fn text(inspection: &Inspection, color: Color) -> String {
    let told = told(inspection, INSTRUCTION_CHARS);
    let facts = told.facts.iter().map(|line| wrap(&line.terminal())).collect::<Vec<_>>().join("\n");
    let headline = color.paint(told.verdict, &wrap(&told.headline.terminal()));
    let sections = told.sections.iter().map(section);
    [headline, facts].into_iter().chain(sections).collect::<Vec<_>>().join("\n\n") + "\n"
}

fn section(section: &Section) -> String {
    let mut lines = vec![section.title.terminal()];
    lines.extend(section.grid.as_ref().map(grid));
    for item in &section.items {
        lines.push(indented(&item.line, "  "));
        lines.extend(item.notes.iter().map(|note| indented(note, "      ")));
    }
    lines.join("\n")
}

/// Numbers stand in columns, so what a line begins with stays as it is.
fn indented(line: &Line, indent: &str) -> String {
    let text = line.terminal();
    let own = text.chars().take_while(|c| *c == ' ').count();
    let (spaces, words) = text.split_at(own);
    wrap(words).lines().map(|line| format!("{indent}{spaces}{line}")).collect::<Vec<_>>().join("\n")
}

fn grid(grid: &Grid) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(grid.header.iter().map(|column| column.name));
    table.add_rows(grid.rows.iter().map(|row| row.iter().map(Line::terminal)));
    for (column, head) in table.column_iter_mut().zip(&grid.header) {
        column.set_cell_alignment(if head.is_number { CellAlignment::Right } else { CellAlignment::Left });
    }
    table.trim_fmt()
}
