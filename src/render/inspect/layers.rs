//! The layers of an image as a table.

use super::sections::{Column, Grid, Item, Section, plural};
use crate::compare::layers::shown_instruction;
use crate::escape;
use crate::render::line::Line;
use crate::report::contents::{Contents, LayerChanges};
use crate::report::{ImageMeasurement, Layer};
use crate::units::Bytes;

/// Rows of the table. Engines take no image of more than 127 layers.
const ROWS: usize = 130;

const COLUMNS: [(&str, bool); 9] = [
    ("#", false),
    ("compressed", true),
    ("tar", true),
    ("+", true),
    ("~", true),
    ("−", true),
    ("from", false),
    ("line", true),
    ("instruction", false),
];

/// The layers; `None` when there are none. Columns in which nothing stands are left out.
pub(super) fn section(image: &ImageMeasurement, contents: &Contents, instruction_chars: usize) -> Option<Section> {
    let nothing = LayerChanges::default();
    let changes = contents.layers.iter().chain(std::iter::repeat(&nothing));
    let layers = image.layers.iter().zip(changes).enumerate().take(ROWS);
    let rows = layers.map(|(number, (layer, changes))| row(number, layer, changes, instruction_chars));
    let rows: Vec<Vec<Line>> = rows.collect();
    if rows.is_empty() {
        return None;
    }
    let more = image.layers.len().saturating_sub(ROWS);
    let items = (more > 0).then(|| Item::from(Line::ours(format!("and {}", plural(more as u64, "more layer")))));
    let title = Line::ours("Layers (+ ~ − files added, changed, removed)");
    Some(Section { title, grid: Some(without_empty_columns(rows)), items: items.into_iter().collect() })
}

fn row(number: usize, layer: &Layer, changes: &LayerChanges, instruction_chars: usize) -> Vec<Line> {
    let count = |files: u64| if files == 0 { Line::default() } else { Line::ours(files.to_string()) };
    let from = match layer.base {
        Some(true) => Line::ours("base"),
        Some(false) => Line::ours("own"),
        None => Line::default(),
    };
    let line = layer.dockerfile_line.map_or_else(Line::default, |line| Line::ours(line.to_string()));
    let instruction = match shown_instruction(layer) {
        text if text.is_empty() => Line::default(),
        text => Line::default().text(&escape::middle(&text, instruction_chars)),
    };
    vec![
        Line::ours(number.to_string()),
        Line::ours(Bytes(layer.compressed_bytes).to_string()),
        Line::ours(Bytes(layer.uncompressed_bytes).to_string()),
        count(changes.added_files),
        count(changes.changed_files),
        count(changes.removed_files),
        from,
        line,
        instruction,
    ]
}

fn without_empty_columns(rows: Vec<Vec<Line>>) -> Grid {
    let is_kept = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()));
    let kept: Vec<bool> = (0..COLUMNS.len()).map(is_kept).collect();
    let header = COLUMNS.into_iter().zip(&kept).filter(|(_, kept)| **kept);
    let header = header.map(|((name, is_number), _)| Column { name, is_number }).collect();
    let row = |row: Vec<Line>| row.into_iter().zip(&kept).filter(|(_, kept)| **kept).map(|(cell, _)| cell).collect();
    Grid { header, rows: rows.into_iter().map(row).collect() }
}
