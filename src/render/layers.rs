//! Layers and what became of them.

use super::line::Line;
use super::names::{cell_name, dockerfile_line};
use super::rows;
use crate::compare::Row;
use crate::compare::layers::{LayerChange, shown_instruction};
use crate::compare::weight::Delta;
use crate::report::{CellReport, Layer};
use crate::units::Bytes;

/// Layers that are listed per build.
const LISTED: usize = 12;
/// Layers that are listed of a build without a baseline.
const LARGEST: usize = 5;

/// The layers of a build: a line about all of them, and one for each that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The build and its uncompressed bytes.
    pub title: Line,
    /// The layers that are told, and how many others there are.
    pub layers: Vec<Line>,
}

/// The changed layers of a build, the largest difference first; of one without a baseline, its largest layers. `None`
/// of a build without numbers.
#[must_use]
pub fn stack(row: &Row<'_>) -> Option<Stack> {
    let image = row.head?.image.as_ref()?;
    let delta = row.delta();
    let bytes = image.knows_uncompressed().then(|| format!("{} uncompressed", Bytes(image.uncompressed_bytes)));
    let changed_by = delta.filter(|delta| delta.knows_uncompressed()).map(|delta| {
        let change = rows::with_percent(delta.uncompressed, delta.uncompressed_percent);
        if bytes.is_some() { change } else { format!("{change} uncompressed") }
    });
    let title =
        bytes.into_iter().chain(changed_by).fold(cell_name(row.id), |title, part| title.then(format!(", {part}")));
    Some(Stack {
        title,
        layers: delta.map_or_else(|| largest(row.head, &image.layers), |delta| changed(row.head, delta)),
    })
}

fn changed(cell: Option<&CellReport>, delta: &Delta<'_>) -> Vec<Line> {
    let changed = delta.layers.iter().filter(|change| !matches!(change, LayerChange::Same(_)));
    let (noise, mut notable): (Vec<&LayerChange<'_>>, Vec<&LayerChange<'_>>) =
        changed.partition(|change| delta.is_noise_layer(change));
    notable.sort_by_key(|change| std::cmp::Reverse(change.compressed().0.unsigned_abs()));
    let listed = notable.iter().take(LISTED).map(|change| in_full(cell, change));
    let more = notable.len().saturating_sub(LISTED);
    let quiet = (!noise.is_empty()).then(|| Line::ours(rows::plural(noise.len(), "layer") + " without notable change"));
    listed.chain(not_listed(more)).chain(quiet).collect()
}

fn largest(cell: Option<&CellReport>, layers: &[Layer]) -> Vec<Line> {
    let mut sorted: Vec<&Layer> = layers.iter().collect();
    sorted.sort_by_key(|layer| std::cmp::Reverse(layer.compressed_bytes));
    let listed = sorted.iter().take(LARGEST).map(|layer| in_full(cell, &LayerChange::Same(layer)));
    let more = layers.len().saturating_sub(LARGEST);
    listed.chain(not_listed(more)).collect()
}

fn not_listed(more: usize) -> Option<Line> {
    (more > 0).then(|| Line::ours(rows::plural(more, "more layer")))
}

/// A layer's place, instruction and change.
#[must_use]
pub fn brief(cell: Option<&CellReport>, change: &LayerChange<'_>) -> Line {
    let note = match change {
        LayerChange::Added(_) => "new ",
        LayerChange::Removed(_) => "removed ",
        LayerChange::Edited { .. } => "edited ",
        LayerChange::Recompressed { .. } => "recompressed ",
        LayerChange::Same(_) | LayerChange::Rewritten { .. } => "",
    };
    Line::ours(note).join(place(cell, change)).then(format!(" {}", change.compressed()))
}

/// A layer's change in full: `28.1 MB → 32.2 MB (+4.1 MB)`.
fn in_full(cell: Option<&CellReport>, change: &LayerChange<'_>) -> Line {
    let bytes = |layer: &Layer| Bytes(layer.compressed_bytes);
    let between = |word: &str, base: &Layer, head: &Layer| {
        format!("{word}{} → {} ({})", bytes(base), bytes(head), change.compressed())
    };
    let numbers = match change {
        LayerChange::Same(layer) => format!("{}", bytes(layer)),
        LayerChange::Added(layer) => format!("new, {}", bytes(layer)),
        LayerChange::Removed(layer) => format!("removed, was {}", bytes(layer)),
        LayerChange::Recompressed { base, head } => between("recompressed, ", base, head),
        LayerChange::Edited { base, head } => between("edited, ", base, head),
        LayerChange::Rewritten { base, head } => between("", base, head),
    };
    let origin = if change.layer().base == Some(true) { "base image: " } else { "" };
    Line::ours(origin).join(place(cell, change)).then(format!(" {numbers}"))
}

/// A layer's line and instruction.
pub(super) fn place(cell: Option<&CellReport>, change: &LayerChange<'_>) -> Line {
    let layer = change.layer();
    let text = shown_instruction(layer);
    let text = if text.is_empty() { "a layer without history".to_owned() } else { text };
    // The line of a removed layer is a line of the old Dockerfile, which nobody has open.
    let has_line = !matches!(change, LayerChange::Removed(_)) && layer.base != Some(true);
    match layer.dockerfile_line.filter(|_| has_line) {
        Some(line) => dockerfile_line(cell, line).then(" ").code(&text),
        None => Line::default().code(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample::{base_layer, cell, layer, run};

    #[test]
    fn small_layers_and_long_lists_are_counted() {
        let of = |diff_id: &str, growth: u64| {
            let own = (1..=14)
                .map(|line| layer(&format!("{diff_id}{line}"), 100_000 + growth * u64::from(line), "RUN x", line));
            let small = [layer(&format!("small-{diff_id}"), 92 + growth / 1_000, "WORKDIR /app", 21)];
            let written = Layer {
                instruction: Some("COPY --from=a b c".into()),
                ..layer(diff_id, 200_000 + growth * 90, "COPY b c", 30)
            };
            let layers = [base_layer("os", 1_000_000)].into_iter().chain(own).chain(small).chain([written]);
            run(vec![cell("a", "linux/amd64", layers.collect())])
        };
        let (base, head) = (of("x", 0), of("y", 11_000));
        let comparison = compare(Some(&base), &head);
        let shown = |row| stack(row).unwrap().layers.iter().map(Line::terminal).collect::<Vec<_>>();
        let layers = shown(&comparison.rows[0]);
        assert_eq!(layers[0], "services/a/Dockerfile:30 COPY --from=a b c 200.0 kB → 1.2 MB (+990.0 kB)");
        assert_eq!(layers[12..], ["3 more layers".to_owned(), "1 layer without notable change".to_owned()]);
        let alone = compare(None, &head);
        assert_eq!(shown(&alone.rows[0])[5], "12 more layers");
    }
}
