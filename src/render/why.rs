//! Why an image changed: the layers that moved it, with their Dockerfile lines.

use super::line::Line;
use super::names::compression_name;
use super::rows::{self, ImageRows};
use super::{inside, layers, parts, stage};
use crate::compare::inside::Origin;
use crate::compare::layers::{LayerChange, shown_instruction};
use crate::compare::weight::{CompressionChange, Delta};
use crate::compare::{Change, Comparison, Row};
use crate::units::ByteDelta;

/// Causes that are named per image.
const CAUSES: usize = 2;
/// Packages and paths that are named per cause.
const PARTS: usize = 2;

/// One line per changed image, the largest difference first.
#[must_use]
pub fn why(comparison: &Comparison<'_>) -> Vec<Line> {
    rows::changed(comparison).iter().filter_map(|image| cause(comparison, image)).collect()
}

fn cause(comparison: &Comparison<'_>, image: &ImageRows<'_, '_>) -> Option<Line> {
    let row = image.leader()?;
    let cause = match &row.change {
        Change::Changed(delta) => causes(row, delta),
        Change::Recompressed(_) => Line::ours("equal content, compressed to other lengths"),
        Change::BaseNotMeasured(reason) => Line::ours("not compared, as the baseline has no numbers: ").text(reason),
        _ => return None,
    };
    let name = Line::default().code(image.image);
    let name = match rows::odd_platform(comparison, image) {
        Some(platform) => name.then(" ").text(&platform),
        None => name,
    };
    Some(Line::default().strong(name.then(":")).then(" ").join(cause))
}

/// What moved an image most: own layers one by one, the base image as a whole.
fn causes(row: &Row<'_>, delta: &Delta<'_>) -> Line {
    let mut causes: Vec<(ByteDelta, Line)> = delta
        .layers
        .iter()
        .filter(|change| !matches!(change, LayerChange::Recompressed { .. }))
        .filter(|change| delta.split.is_none() || change.layer().base == Some(false))
        .map(|change| (change.compressed(), layer(row, change)))
        .collect();
    if let Some(split) = delta.split {
        let inside = wrote(row, Origin::BaseImage);
        causes.push((split.base, base_image(delta).then(format!(" {}", split.base)).join(inside)));
    }
    causes.retain(|(bytes, _)| !delta.is_noise_part(*bytes));
    causes.sort_by_key(|(bytes, _)| std::cmp::Reverse(bytes.0.unsigned_abs()));
    let line = if causes.is_empty() {
        Line::ours("no single layer stands out")
    } else {
        let more = causes.len().saturating_sub(CAUSES);
        let named = Line::default().list(causes.into_iter().take(CAUSES).map(|(_, line)| line), "; ");
        if more > 0 { named.then(format!("; and {more} more")) } else { named }
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

/// A layer with what ran in the stage that it was copied from. A removed layer was copied by the old Dockerfile.
fn layer(row: &Row<'_>, change: &LayerChange<'_>) -> Line {
    let line = layers::brief(row.head, change).join(wrote(row, Origin::Layer(*change)));
    let head = row.head.filter(|_| !matches!(change, LayerChange::Removed(_)));
    match head.and_then(|head| stage::origin(&shown_instruction(change.layer()), head, row.base)) {
        Some(origin) => line.then(", ").join(origin),
        None => line,
    }
}

/// The packages and paths that account for most of what changed at a place.
fn wrote(row: &Row<'_>, origin: Origin<'_>) -> Line {
    let cause =
        row.inside.causes.iter().find(|cause| cause.origin == origin).filter(|cause| inside::is_notable(row, cause));
    cause.map_or_else(Line::default, |cause| parts::written(cause, PARTS))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample::{base_layer, cell, layer, run};
    use crate::report::{Compression, Layer};

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
                "orders: services/orders/Dockerfile:7 RUN pip install x +4.1 MB; \
                 services/orders/Dockerfile:9 COPY . /app +100.0 kB",
            ),
            (
                vec![os("os2", 31_000), pip("pip2", 21_000), copy("app2", 600)],
                "orders: layers of the base image +2.0 MB; \
                 services/orders/Dockerfile:7 RUN pip install x +1.0 MB; and 1 more",
            ),
            (vec![os("os", 29_000), pip("pip", 20_000)], "orders: removed COPY . /app −500.0 kB"),
            (
                vec![os("os", 29_000), zstd, copy("app", 500)],
                "orders: services/orders/Dockerfile:7 RUN pip install x −5.0 MB; \
                 gzip became zstd, so compressed bytes say little",
            ),
        ] {
            assert_eq!(told(base(), head), expected);
        }
    }

    #[test]
    fn a_copy_from_a_stage_is_followed_to_what_ran_there() {
        let copied = |diff_id, kilobytes: u64| Layer {
            instruction: Some("COPY --from=stage-0 /out /app".into()),
            ..layer(diff_id, kilobytes * 1_000, "COPY /out /app # buildkit", 19)
        };
        assert_eq!(
            told(vec![copied("a", 20_000)], vec![copied("b", 24_000)]),
            "orders: services/orders/Dockerfile:19 COPY --from=stage-0 /out /app +4.0 MB, from stage stage-0, \
             where :7 RUN pip install -r requirements.txt ran again"
        );
        let gone =
            told(vec![copied("a", 20_000), layer("x", 1_000, "RUN x", 20)], vec![layer("x", 1_000, "RUN x", 20)]);
        assert_eq!(gone, "orders: removed COPY --from=stage-0 /out /app −20.0 MB");
    }

    #[test]
    fn recompression_is_called_by_its_name() {
        let with = |compressed_bytes| Layer { uncompressed_bytes: 90, ..layer("a", compressed_bytes, "RUN make", 3) };
        assert_eq!(
            told(vec![with(20_000_000)], vec![with(16_000_000)]),
            "orders: equal content, compressed to other lengths"
        );
    }
}
