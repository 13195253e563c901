//! The difference between two measured images.

use crate::compare::layers::{self, LayerChange};
use crate::config::Noise;
use crate::report::{BaseImage, Compression, ImageMeasurement, Layer};
use crate::units::{ByteDelta, Bytes, Percent};

/// The difference between two measured images.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta<'a> {
    /// Of `compressed_bytes`.
    pub compressed: ByteDelta,
    /// The same, relative to the baseline.
    pub compressed_percent: Option<Percent>,
    /// Of `uncompressed_bytes`.
    pub uncompressed: ByteDelta,
    /// The same, relative to the baseline.
    pub uncompressed_percent: Option<Percent>,
    /// The part of `compressed` that comes from equal content compressed to other lengths.
    pub recompressed: ByteDelta,
    /// `compressed` without `recompressed`: what a change of content did.
    pub growth: ByteDelta,
    /// `growth` by origin; `None` when a layer's origin could not be told.
    pub split: Option<Split>,
    /// Every layer of either side.
    pub layers: Vec<LayerChange<'a>>,
    /// Base images of other digests.
    pub base_images: Vec<BaseImageChange<'a>>,
    /// Set when a rewritten layer is compressed in another way, so that its compressed delta says little.
    pub compression: Option<CompressionChange>,
    base_compressed: Bytes,
    base_uncompressed: Bytes,
    noise: Noise,
}

/// Growth by origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// In layers that the Dockerfile writes.
    pub own: ByteDelta,
    /// In layers of the base image.
    pub base: ByteDelta,
}

/// A base image of another digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseImageChange<'a> {
    /// The reference, untrusted text.
    pub name: &'a str,
    /// Its digest in the baseline; `None` when only this run uses it.
    pub base: Option<&'a str>,
    /// Its digest in this run; `None` when only the baseline uses it.
    pub head: Option<&'a str>,
}

/// A change of compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompressionChange {
    /// In the baseline.
    pub base: Compression,
    /// In this run.
    pub head: Compression,
}

impl<'a> Delta<'a> {
    /// The difference between two images, of which the usual counts as noise.
    #[must_use]
    pub fn between(base: &'a ImageMeasurement, head: &'a ImageMeasurement) -> Self {
        let (base_compressed, base_uncompressed) = (Bytes(base.compressed_bytes), Bytes(base.uncompressed_bytes));
        let (head_compressed, head_uncompressed) = (Bytes(head.compressed_bytes), Bytes(head.uncompressed_bytes));
        let layers = layers::compare(&base.layers, &head.layers);
        let compressed = head_compressed.delta_from(base_compressed);
        let recompressed = layers
            .iter()
            .filter(|change| matches!(change, LayerChange::Recompressed { .. }))
            .fold(ByteDelta(0), |sum, change| add(sum, change.compressed()));
        Self {
            compressed,
            compressed_percent: Percent::change(base_compressed, head_compressed),
            uncompressed: head_uncompressed.delta_from(base_uncompressed),
            uncompressed_percent: (base.knows_uncompressed() && head.knows_uncompressed())
                .then(|| Percent::change(base_uncompressed, head_uncompressed))
                .flatten(),
            recompressed,
            growth: ByteDelta(compressed.0.saturating_sub(recompressed.0)),
            split: split(&layers),
            base_images: base_images(&base.base_images, &head.base_images),
            compression: compression(&layers),
            layers,
            base_compressed,
            base_uncompressed,
            noise: Noise::default(),
        }
    }

    /// The same with other differences that count as noise.
    #[must_use]
    pub fn with_noise(self, noise: Noise) -> Self {
        Self { noise, ..self }
    }

    /// Whether what changed of the content is too little to speak of, compressed and uncompressed.
    #[must_use]
    pub fn is_noise(&self) -> bool {
        self.is_noise_part(self.growth) && self.is_within_noise(self.uncompressed, self.base_uncompressed)
    }

    /// `growth`, relative to the baseline.
    #[must_use]
    pub fn growth_percent(&self) -> Option<Percent> {
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let (growth, base) = (self.growth.0 as f64, self.base_compressed.0 as f64);
        Percent::of(growth, base)
    }

    /// Whether all layers have the content that they had: nothing changed, or only how it is compressed.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        let is_same =
            |change: &LayerChange<'_>| matches!(change, LayerChange::Same(_) | LayerChange::Recompressed { .. });
        self.layers.iter().all(is_same)
    }

    /// Whether `uncompressed` is known: layers that are the same on both sides make no difference.
    #[must_use]
    pub fn knows_uncompressed(&self) -> bool {
        self.layers.iter().all(|change| match change {
            LayerChange::Same(_) | LayerChange::Recompressed { .. } => true,
            LayerChange::Added(layer) | LayerChange::Removed(layer) => layer.knows_uncompressed(),
            LayerChange::Rewritten { base, head } | LayerChange::Edited { base, head } => {
                base.knows_uncompressed() && head.knows_uncompressed()
            }
        })
    }

    /// Whether what changed of a layer is too little to speak of, compressed and uncompressed.
    #[must_use]
    pub fn is_noise_layer(&self, change: &LayerChange<'_>) -> bool {
        self.is_noise_part(change.compressed()) && self.is_within_noise(change.uncompressed(), self.base_uncompressed)
    }

    /// Whether recompression moved the compressed bytes by more than noise.
    #[must_use]
    pub fn is_recompressed(&self) -> bool {
        !self.is_noise_part(self.recompressed)
    }

    /// Whether a part of this delta is too little to speak of.
    #[must_use]
    pub fn is_noise_part(&self, part: ByteDelta) -> bool {
        self.is_within_noise(part, self.base_compressed)
    }

    /// The same of a part of the unpacked bytes.
    #[must_use]
    pub fn is_noise_unpacked(&self, part: ByteDelta) -> bool {
        self.is_within_noise(part, self.base_uncompressed)
    }

    fn is_within_noise(&self, delta: ByteDelta, base: Bytes) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 9 PB")]
        let (delta, base, bytes) = (delta.0.unsigned_abs() as f64, base.0 as f64, self.noise.bytes.0 as f64);
        delta <= bytes.max((base * self.noise.percent.0 / 100.0).floor())
    }
}

fn add(a: ByteDelta, b: ByteDelta) -> ByteDelta {
    ByteDelta(a.0.saturating_add(b.0))
}

fn split(changes: &[LayerChange<'_>]) -> Option<Split> {
    let mut split = Split { own: ByteDelta(0), base: ByteDelta(0) };
    let mut count = |layer: &Layer, delta: ByteDelta| {
        let side = if layer.base? { &mut split.base } else { &mut split.own };
        *side = add(*side, delta);
        Some(())
    };
    for change in changes {
        match change {
            LayerChange::Same(layer) | LayerChange::Recompressed { head: layer, .. } => count(layer, ByteDelta(0))?,
            LayerChange::Added(layer) | LayerChange::Removed(layer) => count(layer, change.compressed())?,
            LayerChange::Rewritten { base, head } | LayerChange::Edited { base, head } => {
                count(base, Bytes(0).delta_from(Bytes(base.compressed_bytes)))?;
                count(head, Bytes(head.compressed_bytes).delta_from(Bytes(0)))?;
            }
        }
    }
    Some(split)
}

fn base_images<'a>(base: &'a [BaseImage], head: &'a [BaseImage]) -> Vec<BaseImageChange<'a>> {
    let mut digests: std::collections::BTreeMap<&str, (Option<&str>, Option<&str>)> = std::collections::BTreeMap::new();
    for image in base {
        digests.entry(&image.name).or_default().0 = Some(&image.digest);
    }
    for image in head {
        digests.entry(&image.name).or_default().1 = Some(&image.digest);
    }
    let changes = digests.into_iter().filter(|(_, (base, head))| base != head);
    changes.map(|(name, (base, head))| BaseImageChange { name, base, head }).collect()
}

fn compression(changes: &[LayerChange<'_>]) -> Option<CompressionChange> {
    changes.iter().find_map(|change| match change {
        LayerChange::Rewritten { base, head } | LayerChange::Edited { base, head } => (base.compression
            != head.compression)
            .then_some(CompressionChange { base: base.compression, head: head.compression }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{base_layer, image, layer};

    #[test]
    fn own_growth_stands_apart_from_that_of_the_base_image() {
        let base = image(vec![base_layer("os1", 29_000_000), layer("a", 20_000_000, "RUN make", 3)]);
        let head = image(vec![base_layer("os2", 30_000_000), layer("b", 24_000_000, "RUN make", 3)]);
        let delta = Delta::between(&base, &head);
        assert_eq!(delta.compressed, ByteDelta(5_000_000));
        assert_eq!(delta.split, Some(Split { own: ByteDelta(4_000_000), base: ByteDelta(1_000_000) }));
        assert_eq!(delta.uncompressed, ByteDelta(15_000_000));
    }

    #[test]
    fn an_unknown_origin_leaves_the_growth_whole() {
        let base = image(vec![layer("a", 1, "RUN make", 3)]);
        let head = image(vec![Layer { base: None, ..layer("b", 2, "RUN make", 3) }]);
        assert_eq!(Delta::between(&base, &head).split, None);
    }

    #[test]
    fn recompression_is_shown_but_does_not_count_as_growth() {
        let base = image(vec![base_layer("os", 29_000_000), layer("a", 20_000_000, "RUN make", 3)]);
        let head = image(vec![base_layer("os", 25_000_000), layer("b", 22_000_000, "RUN make", 3)]);
        let delta = Delta::between(&base, &head);
        assert_eq!(delta.compressed, ByteDelta(-2_000_000));
        assert_eq!(delta.recompressed, ByteDelta(-4_000_000));
        assert_eq!(delta.growth, ByteDelta(2_000_000));
        assert!(delta.is_recompressed() && !delta.is_noise());
    }

    #[test]
    fn noise_is_ten_kilobytes_or_a_thousandth_whichever_is_more() {
        for (base_bytes, head_bytes, noise) in [
            (1_000_000, 1_010_000, true),
            (1_000_000, 1_010_001, false),
            (50_000_000, 49_950_000, true),
            (50_000_000, 49_949_999, false),
            (0, 10_001, false),
        ] {
            let mut base = image(vec![layer("a", base_bytes, "RUN make", 3)]);
            let mut head = image(vec![layer("b", head_bytes, "RUN make", 3)]);
            (base.uncompressed_bytes, head.uncompressed_bytes) = (0, 0);
            assert_eq!(Delta::between(&base, &head).is_noise(), noise, "{base_bytes} {head_bytes}");
        }
    }

    #[test]
    fn what_is_noise_can_be_chosen() {
        let of = |diff_id, bytes| {
            let image = image(vec![layer(diff_id, bytes, "RUN make", 3)]);
            ImageMeasurement { uncompressed_bytes: 0, ..image }
        };
        let base = of("a", 1_000_000);
        for (bytes, percent, head_bytes, expected) in [
            (0, 0.0, 1_000_000, true),
            (0, 0.0, 1_000_001, false),
            (0, 5.0, 1_050_000, true),
            (0, 5.0, 950_000, true),
            (0, 5.0, 1_050_001, false),
            (60_000, 5.0, 1_060_000, true),
        ] {
            let (noise, head) = (Noise { bytes: Bytes(bytes), percent: Percent(percent) }, of("b", head_bytes));
            let delta = Delta::between(&base, &head).with_noise(noise);
            assert_eq!(delta.is_noise(), expected, "{noise:?} {head_bytes}");
        }
    }

    #[test]
    fn equal_content_is_identical_and_too_little_to_speak_of_is_not() {
        let of = |diff_id, bytes| image(vec![base_layer("os", 29_000_000), layer(diff_id, bytes, "RUN make", 3)]);
        let base = of("a", 1_000_000);
        for (head, identical) in [
            (base.clone(), true),
            (of("a", 1_000_001), true),
            (of("b", 1_000_000), false),
            (image(vec![base_layer("os", 29_000_000)]), false),
        ] {
            assert_eq!(Delta::between(&base, &head).is_identical(), identical);
        }
        let head = of("b", 1_000_001);
        let delta = Delta::between(&base, &head);
        assert!(delta.layers.iter().all(|change| delta.is_noise_layer(change)));
        let mut sparse = of("b", 1_000_001);
        sparse.layers[1].uncompressed_bytes += 5_000_000;
        let delta = Delta::between(&base, &sparse);
        assert_eq!(delta.layers.iter().filter(|change| !delta.is_noise_layer(change)).count(), 1);
    }

    #[test]
    fn growth_that_compresses_well_is_still_a_change() {
        let base = image(vec![layer("a", 1_000_000, "RUN make", 3)]);
        let mut head = image(vec![layer("b", 1_000_100, "RUN make", 3)]);
        head.uncompressed_bytes += 5_000_000;
        assert!(!Delta::between(&base, &head).is_noise());
    }

    #[test]
    fn another_compression_of_a_rewritten_layer_is_flagged() {
        let base = image(vec![layer("a", 2_000_000, "RUN make", 3)]);
        let head = image(vec![Layer { compression: Compression::Zstd, ..layer("b", 1_000_000, "RUN make", 3) }]);
        let expected = CompressionChange { base: Compression::Gzip, head: Compression::Zstd };
        assert_eq!(Delta::between(&base, &head).compression, Some(expected));
    }

    #[test]
    fn base_images_of_other_digests_are_named() {
        let with = |images: &[(&str, &str)]| {
            let base_images = images
                .iter()
                .map(|(name, digest)| BaseImage { name: (*name).to_owned(), digest: (*digest).to_owned() });
            ImageMeasurement { base_images: base_images.collect(), ..image(vec![]) }
        };
        let base = with(&[("debian:12", "1"), ("golang:1.24", "1"), ("scratch", "1")]);
        let head = with(&[("debian:12", "2"), ("golang:1.25", "1"), ("scratch", "1")]);
        let changes = Delta::between(&base, &head).base_images;
        assert_eq!(
            changes,
            [
                BaseImageChange { name: "debian:12", base: Some("1"), head: Some("2") },
                BaseImageChange { name: "golang:1.24", base: Some("1"), head: None },
                BaseImageChange { name: "golang:1.25", base: None, head: Some("1") },
            ]
        );
    }
}
