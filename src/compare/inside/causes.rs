//! What made an image grow or shrink: its changed layers, and in each the packages and paths that account for most of it.
//!
//! Compressed bytes have no paths, as a compressor knows no files. So what is told of paths and packages are bytes of
//! files as they lie on a disk, beside the compressed bytes of the layer that they are in.

use std::collections::BTreeSet;

use super::packages::Versions;
use super::parts::{Part, parts};
use super::side::{Side, tells_packaged};
use crate::compare::layers::LayerChange;
use crate::compare::weight::Delta;
use crate::report::{Contents, ImageMeasurement, Layer};
use crate::units::{ByteDelta, Bytes};

/// Why the bytes of an image changed, as far as one place in the Dockerfile is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause<'a> {
    /// Where.
    pub origin: Origin<'a>,
    /// Of the compressed bytes.
    pub compressed: ByteDelta,
    /// Of the bytes of regular files, unpacked.
    pub unpacked: ByteDelta,
    /// What accounts for `unpacked`, the most first.
    pub parts: Vec<Part<'a>>,
}

/// A place in the Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The instruction that writes a layer of our own.
    Layer(LayerChange<'a>),
    /// The layers of the base image, taken together.
    BaseImage,
}

impl Cause<'_> {
    /// The part of `unpacked` that is accounted for, in percent; `None` where nothing changed.
    #[must_use]
    pub fn explained_percent(&self) -> Option<u64> {
        let left = self.parts.iter().fold(self.unpacked.0, |left, part| left.saturating_sub(part.bytes.0));
        let (all, left) = (self.unpacked.0.unsigned_abs(), left.unsigned_abs());
        (all > 0).then(|| all.saturating_sub(left).saturating_mul(100) / all)
    }
}

/// The causes, the largest difference first.
pub(super) fn find<'a>(
    base: &'a ImageMeasurement,
    head: &'a ImageMeasurement,
    delta: &Delta<'a>,
) -> Option<Vec<Cause<'a>>> {
    let (before, after) = (base.contents.as_ref()?, head.contents.as_ref()?);
    let changed =
        delta.layers.iter().filter(|change| !matches!(change, LayerChange::Same(_) | LayerChange::Recompressed { .. }));
    // As long as the origin of all is known; else each stands for itself.
    let is_base =
        |change: &LayerChange<'_>| delta.split.is_some() && sides(change).any(|layer| layer.base == Some(true));
    let (of_base, own): (Vec<&LayerChange<'a>>, Vec<&LayerChange<'a>>) = changed.partition(|change| is_base(change));
    let versions = Versions::of(&before.packages, &after.packages);
    let number = |layers: &[Layer], layer: &Layer| layers.iter().position(|other| std::ptr::eq(other, layer));
    let cause = |origin, changes: &[&LayerChange<'a>]| {
        let (mut less, mut more) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            less.extend(change.base_layer().and_then(|layer| number(&base.layers, layer)));
            more.extend(change.head_layer().and_then(|layer| number(&head.layers, layer)));
        }
        let compressed = changes.iter().fold(0i64, |sum, change| sum.saturating_add(change.compressed().0));
        explained(origin, ByteDelta(compressed), (before, &less), (after, &more), &versions)
    };
    let mut causes: Vec<Cause<'a>> = own.iter().map(|change| cause(Origin::Layer(**change), &[change])).collect();
    if !of_base.is_empty() {
        causes.push(cause(Origin::BaseImage, &of_base));
    }
    causes.retain(|cause| (cause.compressed, cause.unpacked) != (ByteDelta(0), ByteDelta(0)));
    causes
        .sort_by_key(|cause| std::cmp::Reverse(cause.unpacked.0.unsigned_abs().max(cause.compressed.0.unsigned_abs())));
    Some(causes)
}

fn sides<'a>(change: &LayerChange<'a>) -> impl Iterator<Item = &'a Layer> {
    change.base_layer().into_iter().chain(change.head_layer())
}

fn explained<'a>(
    origin: Origin<'a>,
    compressed: ByteDelta,
    base: (&'a Contents, &BTreeSet<usize>),
    head: (&'a Contents, &BTreeSet<usize>),
    versions: &Versions<'a>,
) -> Cause<'a> {
    let with_packages = tells_packaged(base.0) && tells_packaged(head.0);
    let side = |(contents, layers)| Side::of(contents, layers, with_packages);
    let (before, after) = (side(base), side(head));
    let unpacked = Bytes(after.bytes()).delta_from(Bytes(before.bytes()));
    let parts = parts(&before, &after, unpacked.0, versions);
    Cause { origin, compressed, unpacked, parts }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packages::PackageChange;
    use super::super::parts::{PARTS, What};
    use super::*;
    use crate::compare::compare;
    use crate::report::Report;
    use crate::report::sample::contents::{self, package};
    use crate::report::sample::{base_layer, cell, layer, run};

    fn report(layers: Vec<Layer>, contents: Contents) -> Report {
        let mut cell = cell("web", "linux/amd64", layers);
        cell.image.as_mut().unwrap().contents = Some(contents);
        run(vec![cell])
    }

    fn told(base: &Report, head: &Report) -> String {
        let comparison = compare(Some(base), head);
        let mut lines = Vec::new();
        for cause in &comparison.rows[0].inside.causes {
            let origin = match cause.origin {
                Origin::Layer(change) => format!("line {}", change.layer().dockerfile_line.unwrap()),
                Origin::BaseImage => "base image".to_owned(),
            };
            let explained = cause.explained_percent().map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"));
            lines.push(format!("{origin} {} unpacked, explained {explained}", cause.unpacked));
            lines.extend(cause.parts.iter().map(|part| match &part.what {
                What::Package(PackageChange { kind, name, base, head, .. }) => {
                    format!("  {kind} {name} {base:?} {head:?} {}", part.bytes)
                }
                What::SmallPackages { kind, count } => format!("  {count} small {kind} packages {}", part.bytes),
                What::Path { path, is_directory, is_whole } => {
                    let (slash, whole) = (if *is_directory { "/" } else { "" }, if *is_whole { " whole" } else { "" });
                    format!("  {path}{slash} {}{whole}", part.bytes)
                }
            }));
        }
        lines.join("\n")
    }

    fn layers(os: &str, own: &str, bytes: u64) -> Vec<Layer> {
        vec![base_layer(os, 29_000_000), layer(own, bytes, "RUN install", 18), layer("app", 500_000, "COPY . .", 20)]
    }

    const APP: (u32, &str, u64) = (2, "app/main.py", 700_000);

    #[test]
    fn a_new_package_is_the_cause_rather_than_its_files() {
        let files = [(0, "bin/sh", 100_000), (1, "opt/packages/base.py", 400_000), APP];
        let base = report(layers("os", "a", 20_000_000), contents::of(3, &files));
        let inside = contents::of(
            3,
            &[
                files[0],
                files[1],
                (1, "opt/packages/rapidfuzz/f.so", 8_000_000),
                (1, "opt/packages/rapidfuzz/d.so", 1_100_000),
                APP,
            ],
        );
        let packages = vec![package(1, "python", "rapidfuzz", "3.9.6", 9_100_000, "opt/packages/rapidfuzz")];
        let head = report(layers("os", "b", 23_300_000), contents::with_packages(inside, packages));
        insta::assert_snapshot!(told(&base, &head), @r#"
        line 18 +9.1 MB unpacked, explained 100 %
          python rapidfuzz [] ["3.9.6"] +9.1 MB
        "#);
    }

    #[test]
    fn paths_are_named_where_no_package_accounts_for_the_bytes() {
        let base = report(layers("os", "a", 20_000_000), contents::of(3, &[(0, "bin/sh", 100_000), APP]));
        let files = [
            (0, "bin/sh", 100_000),
            (1, "m/.pnpm/@swc/a", 40_000_000),
            (1, "m/.pnpm/@swc/b", 21_200_000),
            (1, "m/.pnpm/next/c", 20_000_000),
            (1, "m/.pnpm/react/d", 4_000_000),
            (1, "usr/x", 50_000),
            APP,
        ];
        let packages = vec![package(1, "npm", "react", "19.0.0", 4_000_000, "m/.pnpm/react")];
        let inside = contents::with_packages(contents::of(3, &files), packages);
        let head = report(layers("os", "b", 50_000_000), inside);
        insta::assert_snapshot!(told(&base, &head), @r"
        line 18 +85.2 MB unpacked, explained 95 %
          m/.pnpm/@swc/ +61.2 MB whole
          m/.pnpm/next/c +20.0 MB whole
        ");
        insta::assert_snapshot!(told(&head, &base), @r"
        line 18 −85.2 MB unpacked, explained 95 %
          m/.pnpm/@swc/ −61.2 MB whole
          m/.pnpm/next/c −20.0 MB whole
        ");
    }

    #[test]
    fn one_version_in_the_place_of_another_is_both() {
        let of = |diff_id: &str, version: &str, bytes| {
            let path = format!("usr/lib/tool-{version}/bin");
            report(layers("os", diff_id, 20_000_000 + bytes / 3), contents::of(3, &[(1, &path, bytes), APP]))
        };
        insta::assert_snapshot!(told(&of("a", "1", 9_000_000), &of("b", "2", 10_000_000)), @r"
        line 18 +1.0 MB unpacked, explained 100 %
          usr/lib/tool-2/bin +10.0 MB whole
          usr/lib/tool-1/bin −9.0 MB whole
        ");
        let with = |version: &str, bytes| {
            let mut report = of(version, version, bytes);
            let inside = &mut report.cells[0].image.as_mut().unwrap().contents;
            let packages = vec![package(1, "deb", "tool", version, bytes, &format!("usr/lib/tool-{version}"))];
            *inside = inside.take().map(|inside| contents::with_packages(inside, packages));
            report
        };
        insta::assert_snapshot!(told(&with("1", 9_000_000), &with("2", 10_000_000)), @r#"
        line 18 +1.0 MB unpacked, explained 100 %
          deb tool ["1"] ["2"] +1.0 MB
        "#);
    }

    #[test]
    fn what_lies_beside_a_package_is_told_beside_it_and_no_byte_twice() {
        let site = |file: &str| format!("usr/lib/python3/{file}");
        let files = [(site("big/a.so"), 9_000_000), (site("model.bin"), 6_000_000), (site("small.py"), 2_000)];
        let files: Vec<(u32, &str, u64)> = files.iter().map(|(path, bytes)| (1, &**path, *bytes)).collect();
        let packages = vec![package(1, "python", "big", "1", 9_000_000, &site("big"))];
        let head = report(layers("os", "b", 9_000_000), contents::with_packages(contents::of(3, &files), packages));
        let base = report(layers("os", "a", 1_000_000), contents::of(3, &files[2..]));
        insta::assert_snapshot!(told(&base, &head), @r#"
        line 18 +15.0 MB unpacked, explained 100 %
          python big [] ["1"] +9.0 MB
          usr/lib/python3/model.bin +6.0 MB whole
        "#);
        // A baseline that does not tell where its packages are: then paths account for all.
        let mut older = head.clone();
        let inside = older.cells[0].image.as_mut().unwrap().contents.as_mut().unwrap();
        inside.weights.iter_mut().for_each(|weight| weight.packaged_bytes = 0);
        insta::assert_snapshot!(told(&older, &base), @r"
        line 18 −15.0 MB unpacked, explained 100 %
          usr/lib/python3/big/a.so −9.0 MB whole
          usr/lib/python3/model.bin −6.0 MB whole
        ");
    }

    #[test]
    fn packages_that_are_too_small_to_be_named_are_told_together() {
        let files: Vec<(u32, String, u64)> =
            (0..90).map(|number| (1, format!("node_modules/p{number}/index.js"), 100_000 + number)).collect();
        let files: Vec<(u32, &str, u64)> = files.iter().map(|(layer, path, bytes)| (*layer, &**path, *bytes)).collect();
        let big = [(1, "node_modules/big/x.node", 4_000_000), (1, "lib/data", 3_000_000)];
        let of_files = |files: &[(u32, &str, u64)]| {
            let packages = files.iter().filter_map(|(layer, path, bytes)| {
                let directory = path.rsplit_once('/').unwrap().0;
                let name = directory.strip_prefix("node_modules/")?;
                Some(package(*layer, "npm", name, "1", *bytes, directory))
            });
            contents::with_packages(contents::of(3, files), packages.collect())
        };
        let base = report(layers("os", "a", 1_000_000), of_files(&[]));
        let head = report(layers("os", "b", 9_000_000), of_files(&[&files[..], &big].concat()));
        insta::assert_snapshot!(told(&base, &head), @r#"
        line 18 +16.0 MB unpacked, explained 100 %
          90 small npm packages +9.0 MB
          npm big [] ["1"] +4.0 MB
          lib/data +3.0 MB whole
        "#);
        insta::assert_snapshot!(told(&head, &base), @r#"
        line 18 −16.0 MB unpacked, explained 100 %
          90 small npm packages −9.0 MB
          npm big ["1"] [] −4.0 MB
          lib/data −3.0 MB whole
        "#);
    }

    #[test]
    fn the_base_image_is_one_cause_apart_from_our_own_layers() {
        let of = |os: &str, own: &str, os_bytes, own_bytes| {
            let inside = contents::of(3, &[(0, "usr/lib/libssl.so", os_bytes), (1, "srv/data", own_bytes), APP]);
            let packages = vec![package(0, "deb", "libssl3", os, os_bytes, "usr/lib")];
            let inside = contents::with_packages(inside, packages);
            let mut layers = layers(os, own, own_bytes / 2);
            layers[0].compressed_bytes = os_bytes / 2;
            report(layers, inside)
        };
        insta::assert_snapshot!(told(&of("3.0.1", "a", 60_000_000, 1_000_000), &of("3.0.2", "b", 64_000_000, 2_000_000)), @r#"
        base image +4.0 MB unpacked, explained 100 %
          deb libssl3 ["3.0.1"] ["3.0.2"] +4.0 MB
        line 18 +1.0 MB unpacked, explained 100 %
          srv/data +1.0 MB
        "#);
    }

    #[test]
    fn nothing_is_explained_of_noise_or_without_what_was_inside_before() {
        let head = report(layers("os", "b", 50_000_000), contents::of(3, &[(1, "a", 9_000_000), APP]));
        let mut base = report(layers("os", "a", 20_000_000), contents::of(3, &[APP]));
        assert_eq!(told(&head, &head), "");
        base.cells[0].image.as_mut().unwrap().contents = None;
        assert_eq!(told(&base, &head), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// As long as all paths are told, and there are not more places than names.
        #[test]
        fn most_of_every_difference_is_explained(
            base in proptest::collection::btree_map("[ab](/[abc]){0,2}/[fgh]", 100_000_u64..9_000_000, 0..8),
            head in proptest::collection::btree_map("[ab](/[abc]){0,2}/[fgh]", 100_000_u64..9_000_000, 0..8),
        ) {
            let of = |files: &std::collections::BTreeMap<String, u64>, diff_id: &str| {
                let files: Vec<(u32, &str, u64)> = files.iter().map(|(path, bytes)| (0, &**path, *bytes)).collect();
                let bytes = files.iter().map(|file| file.2).sum();
                report(vec![layer(diff_id, bytes, "RUN make", 3)], contents::of(1, &files))
            };
            let (base, head) = (of(&base, "a"), of(&head, "b"));
            let comparison = compare(Some(&base), &head);
            for cause in &comparison.rows[0].inside.causes {
                let is_enough = cause.explained_percent().is_none_or(|percent| percent >= 80);
                prop_assert!(is_enough || cause.parts.len() == PARTS, "{cause:#?}");
                for part in &cause.parts {
                    let What::Path { path, .. } = part.what else { continue };
                    let is_inside = |other: &Part<'_>| matches!(other.what, What::Path { path: directory, .. } if path.starts_with(&format!("{directory}/")));
                    prop_assert!(!cause.parts.iter().any(is_inside), "{cause:#?}");
                }
            }
        }
    }
}
