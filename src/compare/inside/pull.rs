//! What a node pulls of an image that has the one before.

use std::collections::BTreeSet;

use crate::report::ImageMeasurement;
use crate::units::Bytes;

/// Compressed bytes of the blobs that the image before does not have. Nodes know blobs by their digest: a layer of equal
/// content that was compressed anew is pulled again. One that an image has twice is pulled once.
#[must_use]
pub fn pull(base: &ImageMeasurement, head: &ImageMeasurement) -> Bytes {
    let mut there: BTreeSet<&str> = base.layers.iter().map(|layer| layer.digest.as_str()).collect();
    let missing = head.layers.iter().filter(|layer| there.insert(&layer.digest));
    let layers = missing.fold(0u64, |sum, layer| sum.saturating_add(layer.compressed_bytes));
    let has_config =
        base.digest == head.digest || base.config_digest.is_some() && base.config_digest == head.config_digest;
    Bytes(if has_config { layers } else { layers.saturating_add(head.config_bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Layer;
    use crate::report::sample::{base_layer, image, layer};

    #[test]
    fn a_node_pulls_what_it_does_not_have_by_digest() {
        let (os, app) = (base_layer("os", 29_000_000), layer("app", 5_000_000, "RUN make", 3));
        let of = |layers: Vec<Layer>| ImageMeasurement {
            digest: format!("{layers:?}"),
            config_digest: Some(format!("{}", layers.len())),
            ..image(layers)
        };
        let base = of(vec![os.clone(), app.clone()]);
        let changed = layer("app2", 6_000_000, "RUN make", 3);
        // The same content under another digest.
        let recompressed = base_layer("os", 28_000_000);
        for (head, expected) in [
            (base.clone(), 0),
            (of(vec![os.clone(), changed.clone()]), 6_000_000),
            (of(vec![os.clone()]), 7_000),
            (of(vec![recompressed, app.clone()]), 28_000_000),
            (of(vec![os.clone(), changed.clone(), changed]), 6_007_000),
            (ImageMeasurement { config_digest: None, ..of(vec![app, os]) }, 7_000),
        ] {
            assert_eq!(pull(&base, &head), Bytes(expected), "{:?}", head.digest);
        }
    }
}
