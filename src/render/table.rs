//! The table of cells, the same for every format that has one. Columns in which nothing stands are left out.

use super::line::Line;
use super::names::{compression_name, short_sha};
use super::rows::{self, ImageRows};
use crate::compare::{Baseline, Change, Comparison, Row};
use crate::report::{Outcome, Timing, Verdict};
use crate::units::{Bytes, show_duration};

/// A table; every row has as many cells as the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<Line>,
    /// The rows.
    pub rows: Vec<Vec<Line>>,
    /// How many columns at the left hold names; the others hold numbers.
    pub name_columns: usize,
}

/// The table of these images. The name of an image stands in its first row only.
#[must_use]
pub fn table(comparison: &Comparison<'_>, images: &[ImageRows<'_, '_>]) -> Table {
    let has_deltas = images.iter().flat_map(|image| &image.rows).any(|row| row.delta().is_some());
    let base_moved = images.iter().flat_map(|image| &image.rows).any(|row| base_moved(row));
    let mut body: Vec<Vec<Line>> = Vec::new();
    for image in images {
        for (index, row) in image.rows.iter().enumerate() {
            let name = if index == 0 { Line::default().text(image.image) } else { Line::default() };
            let (compressed, delta) = marked(row);
            body.push(vec![
                name,
                platform(row),
                compressed,
                if has_deltas { Line::default() } else { uncompressed(row) },
                delta,
                if base_moved { split(row) } else { Line::default() },
                wall(row),
                cached(row),
            ]);
        }
    }
    let header = vec![
        Line::ours("image"),
        Line::ours("platform"),
        Line::ours("compressed"),
        Line::ours("uncompressed"),
        against(comparison),
        Line::ours("own / base"),
        Line::ours("build time"),
        Line::ours("cached steps"),
    ];
    without_empty_columns(header, body)
}

fn without_empty_columns(header: Vec<Line>, body: Vec<Vec<Line>>) -> Table {
    let keep: Vec<bool> = (0..header.len())
        .map(|column| body.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty())))
        .collect();
    let filter = |row: Vec<Line>| row.into_iter().zip(&keep).filter(|(_, keep)| **keep).map(|(cell, _)| cell).collect();
    Table { header: filter(header), rows: body.into_iter().map(filter).collect(), name_columns: 2 }
}

fn against(comparison: &Comparison<'_>) -> Line {
    match &comparison.baseline {
        Baseline::Found(base) => match &base.sha {
            Some(sha) => Line::ours("Δ vs ").text(&short_sha(sha)),
            None => Line::ours("Δ vs baseline"),
        },
        Baseline::Missing(_) => Line::ours("Δ"),
    }
}

/// Compressed bytes and their difference. The mark of a missed budget stands at the difference, if there is one.
fn marked(row: &Row<'_>) -> (Line, Line) {
    let mark = Line::default().mark(budgets(row));
    match delta(row) {
        delta if delta.is_empty() => (mark.join(compressed(row)), delta),
        delta => (compressed(row), mark.join(delta)),
    }
}

/// The verdict of a measured build's budgets, as the notes sort them; the build's own is told in words.
fn budgets(row: &Row<'_>) -> Verdict {
    let cell = row.head.filter(|cell| cell.image.is_some());
    let any = |verdict| cell.is_some_and(|cell| cell.budgets.iter().any(|budget| budget.verdict == verdict));
    let worst_first = [Verdict::Fail, Verdict::Unknown, Verdict::Warn];
    worst_first.into_iter().find(|verdict| any(*verdict)).unwrap_or(Verdict::Pass)
}

fn platform(row: &Row<'_>) -> Line {
    let line = Line::default().text(&row.id.platform.to_string());
    if row.head.is_some_and(|cell| cell.emulated) { line.then(" (emulated)") } else { line }
}

fn compressed(row: &Row<'_>) -> Line {
    match (&row.change, rows::compressed(row)) {
        (Change::NotMeasured(_), _) | (_, None) => Line::default(),
        (Change::Removed, Some(bytes)) => Line::ours(format!("was {bytes}")),
        (_, Some(bytes)) => Line::ours(bytes.to_string()),
    }
}

fn uncompressed(row: &Row<'_>) -> Line {
    let image = row.head.and_then(|cell| cell.image.as_ref());
    image.map_or_else(Line::default, |image| Line::ours(Bytes(image.uncompressed_bytes).to_string()))
}

fn delta(row: &Row<'_>) -> Line {
    let delta = match &row.change {
        Change::Changed(delta) | Change::Recompressed(delta) => delta,
        Change::Unchanged(delta) if delta.is_identical() => return Line::ours("no change"),
        Change::Unchanged(_) => return Line::ours("no notable change"),
        Change::Added => return Line::ours("new"),
        Change::Removed => return Line::ours("removed"),
        Change::NotMeasured(reason) => {
            return Line::ours(if failed(row) { reason.as_str() } else { "not measured" });
        }
        Change::BaseNotMeasured(_) => return Line::ours("not compared"),
        Change::NoBaseline => return Line::default(),
    };
    let bytes = rows::with_percent(delta.compressed, delta.compressed_percent);
    let note = match (&row.change, delta.compression) {
        (_, Some(change)) => format!(", now {}", compression_name(change.head)),
        (Change::Recompressed(_), None) => ", recompressed".to_owned(),
        _ if delta.is_recompressed() => format!(", of it {} recompressed", delta.recompressed),
        _ if delta.is_noise_part(delta.growth) => format!(", {} uncompressed", delta.uncompressed),
        _ => String::new(),
    };
    Line::ours(bytes + &note)
}

/// Whether the build itself went wrong, in which case the reason is a short phrase of ours.
fn failed(row: &Row<'_>) -> bool {
    row.head.is_some_and(|cell| cell.outcome != Outcome::Built)
}

fn base_moved(row: &Row<'_>) -> bool {
    row.delta().is_some_and(|delta| delta.split.is_some_and(|split| !delta.is_noise_part(split.base)))
}

fn split(row: &Row<'_>) -> Line {
    let split = row.delta().and_then(|delta| delta.split);
    split.map_or_else(Line::default, |split| Line::ours(format!("{} / {}", split.own, split.base)))
}

fn timing<'a>(row: &Row<'a>) -> Option<&'a Timing> {
    row.head.and_then(|cell| cell.timing.as_ref())
}

fn wall(row: &Row<'_>) -> Line {
    let Some(timing) = timing(row) else { return Line::default() };
    let wall = show_duration(timing.wall);
    Line::ours(row.wall.notable().map_or(wall.clone(), |percent| format!("{wall} ({percent})")))
}

fn cached(row: &Row<'_>) -> Line {
    let timing = timing(row).filter(|timing| timing.total_steps > 0);
    timing.map_or_else(Line::default, |timing| Line::ours(format!("{}/{}", timing.cached_steps, timing.total_steps)))
}
