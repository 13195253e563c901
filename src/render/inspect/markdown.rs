//! An image in Markdown, as for the summary of a job.

use super::sections::{Grid, Section, told};
use crate::render::line::Line;
use crate::report::{Inspection, Verdict};

const INSTRUCTION_CHARS: usize = 100;

/// The image as Markdown.
#[must_use]
pub fn markdown(inspection: &Inspection) -> String {
    let told = told(inspection, INSTRUCTION_CHARS);
    let mark = if told.verdict == Verdict::Pass { Line::ours("✅ ") } else { Line::default().mark(told.verdict) };
    let headline = format!("### {}\n", mark.join(told.headline).markdown());
    let facts = told.facts.iter().map(|line| format!("{}\n", line.markdown()));
    let sections = told.sections.iter().map(section);
    std::iter::once(headline).chain(facts).chain(sections).collect::<Vec<_>>().join("\n")
}

fn section(section: &Section) -> String {
    let mut text = format!("**{}**\n\n", section.title.markdown());
    text += &section.grid.as_ref().map(grid).unwrap_or_default();
    for item in &section.items {
        text += &format!("- {}\n", one_spaced(&item.line.markdown()));
        text.extend(item.notes.iter().map(|note| format!("  - {}\n", note.markdown())));
    }
    text
}

fn grid(grid: &Grid) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let header = row(grid.header.iter().map(|column| column.name.to_owned()).collect());
    let rule = |is_number| if is_number { "--:" } else { ":--" };
    let rules = row(grid.header.iter().map(|column| rule(column.is_number).to_owned()).collect());
    let rows = grid.rows.iter().map(|cells| row(cells.iter().map(Line::markdown).collect()));
    [header, rules].into_iter().chain(rows).collect()
}

/// Numbers that stand below each other in a terminal need no spaces here.
fn one_spaced(text: &str) -> String {
    text.trim_start().replacen("  ", " ", 1)
}
