//! What changed inside of images, for the details.

use super::layers;
use super::line::Line;
use super::names::{cell_name, dockerfile_line, image_name};
use super::parts::{self, prose};
use super::rows::{self, ImageRows};
use crate::compare::inside::{Cause, Inside, Origin, PackageChange, WasteChange};
use crate::compare::layers::shown_instruction;
use crate::compare::{Comparison, Row};
use crate::report::contents::{Waste, WasteKind};
use crate::report::{CellId, CellReport, Contents, Severity};
use crate::units::{ByteDelta, Bytes};

/// Packages and paths that are named of a layer.
const PARTS: usize = 8;
/// Layers of which they are named.
const CAUSES: usize = 5;
/// Packages that are listed of an image.
const PACKAGES: usize = 20;
/// Pairs of layers that waste most.
const PAIRS: usize = 3;

/// Findings and leftovers of a build that are told.
const NEWS: usize = 20;

/// A line and those that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What it is about.
    pub title: Line,
    /// What it says.
    pub lines: Vec<Line>,
}

/// What made each image grow or shrink, of the platform that changed most.
#[must_use]
pub fn causes(changed: &[ImageRows<'_, '_>]) -> Vec<Group> {
    let of = |image: &ImageRows<'_, '_>| {
        let row = image.leader()?;
        let told = row.inside.causes.iter().filter(|cause| is_notable(row, cause)).take(CAUSES);
        let lines: Vec<Line> = told.map(|cause| cause_line(row, cause)).collect();
        (!lines.is_empty()).then(|| Group { title: cell_name(row.id), lines })
    };
    changed.iter().filter_map(of).collect()
}

/// Whether there is something to say of what a cause did to the files.
#[must_use]
pub fn is_notable(row: &Row<'_>, cause: &Cause<'_>) -> bool {
    let is_noise = row.delta().is_none_or(|delta| delta.is_noise_unpacked(cause.unpacked));
    !is_noise && !cause.parts.is_empty()
}

fn cause_line(row: &Row<'_>, cause: &Cause<'_>) -> Line {
    let place = match &cause.origin {
        Origin::Layer(change) => layers::place(row.head, change),
        Origin::BaseImage => Line::ours("base image"),
    };
    place.then(format!(" {} unpacked: ", cause.unpacked)).join(parts::list(&cause.parts, PARTS, parts::Bytes::AsSaid))
}

/// Packages that came, went or have another version, of the platform that changed most.
#[must_use]
pub fn packages(changed: &[ImageRows<'_, '_>]) -> Vec<Group> {
    let of = |image: &ImageRows<'_, '_>| {
        let row = image.leader()?;
        let changes = &row.inside.packages;
        let lines = changes.iter().take(PACKAGES).map(package_line);
        let more = changes.len().saturating_sub(PACKAGES);
        let more = (more > 0).then(|| Line::ours(rows::plural(more, "more package")));
        (!changes.is_empty()).then(|| Group { title: cell_name(row.id), lines: lines.chain(more).collect() })
    };
    changed.iter().filter_map(of).collect()
}

fn package_line(change: &PackageChange<'_>) -> Line {
    let note = match (change.base.is_empty(), change.head.is_empty()) {
        (true, _) => ", new",
        (_, true) => ", gone",
        _ => "",
    };
    let bytes = change.bytes.map_or_else(String::new, |bytes| format!(", {bytes}"));
    parts::package(change).then(" (").text(change.kind).then(format!("{note}{bytes})"))
}

/// What images waste, with what would help, of the platform that changed most.
#[must_use]
pub fn waste(changed: &[ImageRows<'_, '_>]) -> Vec<Group> {
    let of = |image: &ImageRows<'_, '_>| {
        let row = image.leader()?;
        let is_noise = |bytes: Bytes| match row.delta() {
            Some(delta) => delta.is_noise_unpacked(bytes.delta_from(Bytes(0))),
            None => bytes.0 == 0,
        };
        let waste =
            row.inside.waste.filter(|waste| ![Some(waste.head), waste.base].into_iter().flatten().all(is_noise))?;
        let pairs = waste.pairs.iter().filter(|pair| pair.bytes > 0).take(PAIRS);
        let lines = pairs.map(|pair| pair_line(row.head, pair)).collect();
        Some(Group { title: cell_name(row.id).then(format!(" wastes {}", amount(row.head, waste))), lines })
    };
    changed.iter().filter_map(of).collect()
}

/// Bytes with what they were and what part of the files is left.
fn amount(cell: Option<&CellReport>, waste: WasteChange<'_>) -> String {
    let before = waste.base.map_or_else(String::new, |base| match waste.head.delta_from(base) {
        ByteDelta(0) => ", as before".to_owned(),
        delta => format!(" ({delta})"),
    });
    let kept = contents(cell).filter(|contents| contents.file_bytes > 0).map_or_else(String::new, |contents| {
        format!("; {} of {} are left in the end", Bytes(contents.live_bytes), Bytes(contents.file_bytes))
    });
    format!("{}{before}{kept}", waste.head)
}

fn contents(cell: Option<&CellReport>) -> Option<&Contents> {
    cell?.image.as_ref()?.contents.as_ref()
}

/// Who wrote what, who ended it, and what would help.
fn pair_line(cell: Option<&CellReport>, pair: &Waste) -> Line {
    let verb = match pair.kind {
        WasteKind::Deleted => " deletes ",
        WasteKind::Opaque => " empties a directory with ",
        WasteKind::Overwritten => " replaces ",
        WasteKind::MetadataOnly => " writes once more ",
    };
    let files = rows::plural(usize::try_from(pair.files).unwrap_or(usize::MAX), "file");
    let line = layer(cell, pair.killer)
        .then(format!("{verb}{} in {files} of ", Bytes(pair.bytes)))
        .join(layer(cell, pair.writer));
    let line = match pair.examples.first() {
        Some(example) => line.then(", such as ").code(&example.path),
        None => line,
    };
    match &pair.fix {
        Some(fix) => line.then("; ").join(prose(fix)),
        None => line,
    }
}

/// A layer by its number: its line and instruction.
fn layer(cell: Option<&CellReport>, number: u32) -> Line {
    let layers = cell.and_then(|cell| cell.image.as_ref()).map(|image| &image.layers);
    let Some(layer) = layers.and_then(|layers| layers.get(usize::try_from(number).ok()?)) else {
        return Line::ours(format!("layer {number}"));
    };
    let text = shown_instruction(layer);
    let line = match layer.dockerfile_line.filter(|_| layer.base != Some(true)) {
        Some(line) => dockerfile_line(cell, line).then(" "),
        None if layer.base == Some(true) => Line::ours("the base image's "),
        None => Line::default(),
    };
    if text.is_empty() { line.then(format!("layer {number}")) } else { line.code(&text) }
}

/// Images that waste notably more than before, with the pair of layers that does most and what would help.
#[must_use]
pub fn grown_waste(comparison: &Comparison<'_>) -> Vec<Line> {
    rows::changed(comparison).iter().filter_map(|image| more_waste(image.leader()?)).collect()
}

fn more_waste(row: &Row<'_>) -> Option<Line> {
    let (waste, delta) = (row.inside.waste?, row.delta()?);
    let more = waste.head.delta_from(waste.base?);
    if more.0 <= 0 || delta.is_noise_unpacked(more) {
        return None;
    }
    let name = Line::default()
        .strong(Line::default().code(&row.id.image).then(format!(" wastes {} more:", Bytes(more.0.unsigned_abs()))));
    let line = name.then(format!(" {} in all", waste.head));
    Some(match waste.pairs.first() {
        Some(pair) => line.then("; ").join(pair_line(row.head, pair)),
        None => line,
    })
}

/// What a node pulls that has the image of the baseline, of images that changed.
#[must_use]
pub fn pull(changed: &[ImageRows<'_, '_>]) -> Vec<Line> {
    let of = |image: &ImageRows<'_, '_>| {
        let platforms = image.rows.iter().filter_map(|row| {
            let all = Bytes(row.head?.image.as_ref()?.compressed_bytes);
            Some(Line::ours(format!("{} of {all} on ", row.inside.pull?)).text(&row.id.platform.to_string()))
        });
        let platforms: Vec<Line> = platforms.collect();
        let name = || Line::default().code(image.image).then(": a node that has the baseline's image pulls ");
        (!platforms.is_empty()).then(|| name().list(platforms, ", "))
    };
    changed.iter().filter_map(of).collect()
}

/// What is new of the configuration and of what lies around, and other news that are no bytes. Platforms of one image
/// of which the same is to be said stand together.
#[must_use]
pub fn news(comparison: &Comparison<'_>) -> Vec<Line> {
    let mut alike: Vec<(&str, Line, Vec<&CellId>)> = Vec::new();
    for row in &comparison.rows {
        for line in super::starts::change(row).into_iter().chain(news_of(&row.inside)) {
            let image = row.id.image.as_str();
            match alike.iter_mut().find(|(other, said, _)| (*other, said) == (image, &line)) {
                Some((_, _, ids)) => ids.push(row.id),
                None => alike.push((image, line, vec![row.id])),
            }
        }
    }
    alike.into_iter().map(|(image, line, ids)| image_name(image, ids).join(line)).collect()
}

fn news_of(inside: &Inside<'_>) -> Vec<Line> {
    let ports = |ports: &[&str]| Line::default().list(ports.iter().map(|port| Line::default().code(port)), ", ");
    let mut lines = Vec::new();
    if !inside.opened_ports.is_empty() {
        lines.push(Line::ours(" exposes ").join(ports(&inside.opened_ports)).then(", new"));
    }
    if !inside.closed_ports.is_empty() {
        lines.push(Line::ours(" no longer exposes ").join(ports(&inside.closed_ports)));
    }
    lines.extend(inside.findings.iter().take(NEWS).map(|finding| {
        let word = if finding.severity >= Severity::Warning { ", warning: " } else { ": " };
        Line::ours(word).join(prose(&finding.message))
    }));
    lines.extend(inside.leftovers.iter().take(NEWS).map(|leftover| {
        let line = Line::ours(" holds ").text(&leftover.kind.replace('-', " "));
        let line = line.then(format!(", {}", Bytes(leftover.bytes)));
        let line = match leftover.examples.first() {
            Some(example) => line.then(", such as ").code(&example.path),
            None => line,
        };
        line.then(": ").join(prose(&leftover.fix))
    }));
    lines
}
