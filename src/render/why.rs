//! Why an image changed: the layers that moved it, with their Dockerfile lines.

use super::headline::up_to;
use super::line::Line;
use super::rows::{self, ImageRows};
use crate::compare::layers::{LayerChange, instruction};
use crate::compare::weight::{CompressionChange, Delta};
use crate::compare::{Change, Comparison};
use crate::report::{Compression, Layer};
use crate::units::{ByteDelta, Bytes};

/// Causes that are named per image.
const CAUSES: usize = 2;

/// One line per changed image, the largest difference first.
#[must_use]
pub fn why(comparison: &Comparison<'_>) -> Vec<Line> {
    rows::changed(comparison).iter().filter_map(image).collect()
}

fn image(image: &ImageRows<'_, '_>) -> Option<Line> {
    let row = image.leader()?;
    let name = Line::default().code(image.image);
    let (head, cause) = match &row.change {
        Change::Changed(delta) if delta.is_noise_part(delta.growth) => {
            (name.then(format!(" {} uncompressed", delta.uncompressed)), causes(delta))
        }
        Change::Changed(delta) => (name.then(format!(" {}{}", up_to(image), delta.growth)), causes(delta)),
        Change::Recompressed(delta) => (
            name.then(format!(" recompressed {}", delta.recompressed)),
            Line::ours("equal content, compressed to other lengths"),
        ),
        Change::BaseNotMeasured(reason) => {
            (name.then(" not compared"), Line::ours("the baseline has no numbers: ").text(reason))
        }
        _ => return None,
    };
    Some(Line::default().strong(head.then(":")).then(" ").join(cause))
}

/// What moved an image most: own layers one by one, the base image as a whole.
fn causes(delta: &Delta<'_>) -> Line {
    let mut causes: Vec<(ByteDelta, Line)> = delta
        .layers
        .iter()
        .filter(|change| !matches!(change, LayerChange::Recompressed { .. }))
        .filter(|change| delta.split.is_none() || change.layer().base == Some(false))
        .map(|change| (change.compressed(), layer(change)))
        .collect();
    if let Some(split) = delta.split {
        causes.push((split.base, base_image(delta).then(format!(" {}", split.base))));
    }
    causes.retain(|(bytes, _)| !delta.is_noise_part(*bytes));
    causes.sort_by_key(|(bytes, _)| std::cmp::Reverse(bytes.0.unsigned_abs()));
    let line = if causes.is_empty() {
        Line::ours("no single layer stands out")
    } else {
        let more = causes.len().saturating_sub(CAUSES);
        let named = Line::default().list(causes.into_iter().take(CAUSES).map(|(_, line)| line), ", ");
        if more > 0 { named.then(format!(" and {more} more")) } else { named }
    };
    match delta.compression {
        Some(CompressionChange { base, head }) => line.then(format!(
            "; {} became {}, so compressed bytes say little",
            compression_name(base),
            compression_name(head)
        )),
        None => line,
    }
}

fn base_image(delta: &Delta<'_>) -> Line {
    match delta.base_images.as_slice() {
        [] => Line::ours("layers of the base image"),
        [moved] => Line::ours("base image ").code(moved.name),
        // Most often a reference that was edited: the one that this run uses is the cause.
        several => match several.iter().filter(|image| image.head.is_some()).collect::<Vec<_>>().as_slice() {
            [new] => Line::ours("base image ").code(new.name),
            _ => Line::ours("base images"),
        },
    }
}

/// A layer's place, instruction and change.
#[must_use]
pub fn layer(change: &LayerChange<'_>) -> Line {
    let note = match change {
        LayerChange::Added(_) => "new ",
        LayerChange::Removed(_) => "removed ",
        LayerChange::Edited { .. } => "edited ",
        LayerChange::Recompressed { .. } => "recompressed ",
        LayerChange::Same(_) | LayerChange::Rewritten { .. } => "",
    };
    // The line of a removed layer is a line of the old Dockerfile, which nobody has open.
    let with_line = !matches!(change, LayerChange::Removed(_));
    Line::ours(note).join(place(change.layer(), with_line)).then(format!(" {}", change.compressed()))
}

/// A layer's change in full: `28.1 MB → 32.2 MB (+4.1 MB)`.
#[must_use]
pub fn layer_in_full(change: &LayerChange<'_>) -> Line {
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
    let with_line = !matches!(change, LayerChange::Removed(_));
    let origin = if change.layer().base == Some(true) { "base image: " } else { "" };
    Line::ours(origin).join(place(change.layer(), with_line)).then(format!(" {numbers}"))
}

fn place(layer: &Layer, with_line: bool) -> Line {
    let text = instruction(&layer.created_by);
    let text = if text.is_empty() { "a layer without history".to_owned() } else { text };
    match layer.dockerfile_line.filter(|_| with_line && layer.base != Some(true)) {
        Some(line) => dockerfile_line(line).then(" ").code(&text),
        None => Line::default().code(&text),
    }
}

/// `Dockerfile:7`.
#[must_use]
pub fn dockerfile_line(line: u32) -> Line {
    Line::default().code(&format!("Dockerfile:{line}"))
}

/// The name of a compression, as image media types have it.
#[must_use]
pub fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "plain tar",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample::{base_layer, cell, layer, run};

    fn told(base: Vec<Layer>, head: Vec<Layer>) -> String {
        let (base, head) =
            (run(vec![cell("orders", "linux/amd64", base)]), run(vec![cell("orders", "linux/amd64", head)]));
        let comparison = compare(Some(&base), &head);
        why(&comparison).iter().map(Line::terminal).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_layers_that_moved_the_image_are_named_with_their_lines() {
        let pip =
            |diff_id, kilobytes: u64| layer(diff_id, kilobytes * 1_000, "RUN /bin/sh -c pip install x # buildkit", 7);
        let copy = |diff_id, kilobytes: u64| layer(diff_id, kilobytes * 1_000, "COPY . /app # buildkit", 9);
        let os = |diff_id, kilobytes: u64| base_layer(diff_id, kilobytes * 1_000);
        let base = || vec![os("os", 29_000), pip("pip", 20_000), copy("app", 500)];
        let zstd = Layer { compression: Compression::Zstd, ..pip("b", 15_000) };
        for (head, expected) in [
            (base(), ""),
            (
                vec![os("os", 29_000), pip("pip2", 24_100), copy("app2", 600)],
                "orders +4.2 MB: Dockerfile:7 RUN pip install x +4.1 MB, Dockerfile:9 COPY . /app +100.0 kB",
            ),
            (
                vec![os("os2", 31_000), pip("pip2", 21_000), copy("app2", 600)],
                "orders +3.1 MB: layers of the base image +2.0 MB, Dockerfile:7 RUN pip install x +1.0 MB and 1 more",
            ),
            (vec![os("os", 29_000), pip("pip", 20_000)], "orders −500.0 kB: removed COPY . /app −500.0 kB"),
            (
                vec![os("os", 29_000), zstd, copy("app", 500)],
                "orders −5.0 MB: Dockerfile:7 RUN pip install x −5.0 MB; gzip became zstd, so compressed bytes say little",
            ),
        ] {
            assert_eq!(told(base(), head), expected);
        }
    }

    #[test]
    fn recompression_is_called_by_its_name() {
        let with = |compressed_bytes| Layer { uncompressed_bytes: 90, ..layer("a", compressed_bytes, "RUN make", 3) };
        assert_eq!(
            told(vec![with(20_000_000)], vec![with(16_000_000)]),
            "orders recompressed −4.0 MB: equal content, compressed to other lengths"
        );
    }
}
