//! Packages that came, went or have another version.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::contents::Package;
use crate::units::{ByteDelta, Bytes};

/// A package on both sides. An image may hold several versions of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageChange<'a> {
    /// Who knows of it, such as `deb`; untrusted text.
    pub kind: &'a str,
    /// Its name, untrusted text.
    pub name: &'a str,
    /// Its versions in the baseline, sorted; empty of one that is new, and untrusted text.
    pub base: Vec<&'a str>,
    /// Its versions in this run; empty of one that is gone.
    pub head: Vec<&'a str>,
    /// Of the bytes of its files, unpacked; `None` where they cannot be told.
    pub bytes: Option<ByteDelta>,
}

type Name<'a> = (&'a str, &'a str);

/// All packages of either side by name, with what changed of them. Where nothing did, the change is none.
fn joined<'a>(
    base: impl IntoIterator<Item = &'a Package>,
    head: impl IntoIterator<Item = &'a Package>,
    bytes: impl Fn(&[&Package]) -> Option<Bytes>,
) -> impl Iterator<Item = PackageChange<'a>> {
    let mut sides: BTreeMap<Name<'a>, (Vec<&Package>, Vec<&Package>)> = BTreeMap::new();
    for package in base {
        sides.entry((&package.kind, &package.name)).or_default().0.push(package);
    }
    for package in head {
        sides.entry((&package.kind, &package.name)).or_default().1.push(package);
    }
    sides.into_iter().map(move |((kind, name), (base, head))| PackageChange {
        kind,
        name,
        bytes: bytes(&base).zip(bytes(&head)).map(|(base, head)| head.delta_from(base)),
        base: versions(&base),
        head: versions(&head),
    })
}

fn all_bytes(packages: &[&Package]) -> Option<Bytes> {
    packages.iter().try_fold(0u64, |sum, package| Some(sum.saturating_add(package.bytes?))).map(Bytes)
}

/// Of packages whose files cannot be told, no file counts as packaged either.
fn layer_bytes(packages: &[&Package]) -> Bytes {
    Bytes(packages.iter().fold(0, |sum, package| sum.saturating_add(package.layer_bytes.unwrap_or_default())))
}

fn versions<'a>(packages: &[&'a Package]) -> Vec<&'a str> {
    let versions: BTreeSet<&str> = packages.iter().map(|package| package.version.as_str()).collect();
    versions.into_iter().collect()
}

/// Packages of which another version is there, the most bytes first.
pub(super) fn changes<'a>(base: &'a [Package], head: &'a [Package]) -> Vec<PackageChange<'a>> {
    let mut changes: Vec<PackageChange<'a>> =
        joined(base, head, all_bytes).filter(|change| change.base != change.head).collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.bytes.map_or(0, |bytes| bytes.0.unsigned_abs())));
    changes
}

/// The versions of all packages of both images.
#[derive(Debug)]
pub(super) struct Versions<'a>(BTreeMap<Name<'a>, [Vec<&'a str>; 2]>);

impl<'a> Versions<'a> {
    pub(super) fn of(base: &'a [Package], head: &'a [Package]) -> Self {
        let versions = |PackageChange { kind, name, base, head, .. }| ((kind, name), [base, head]);
        Self(joined(base, head, all_bytes).map(versions).collect())
    }

    /// What is new in some layers may have been in others before, and is no new package.
    fn of_images(&self, change: PackageChange<'a>) -> PackageChange<'a> {
        let [base, head] = self.0.get(&(change.kind, change.name)).cloned().unwrap_or_default();
        PackageChange { base, head, ..change }
    }
}

/// Packages of which there are more or fewer bytes in some layers, the most bytes first, with their versions in the
/// images.
pub(super) fn resized<'a>(
    base: &[&'a Package],
    head: &[&'a Package],
    versions: &Versions<'a>,
) -> Vec<(PackageChange<'a>, i64)> {
    let bytes = |packages: &[&Package]| Some(layer_bytes(packages));
    let mut resized: Vec<(PackageChange<'a>, i64)> = joined(base.iter().copied(), head.iter().copied(), bytes)
        .filter_map(|change| {
            Some(change.bytes?.0).filter(|bytes| *bytes != 0).map(|bytes| (versions.of_images(change), bytes))
        })
        .collect();
    resized.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.unsigned_abs()));
    resized
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::contents::package;

    #[test]
    fn packages_come_go_and_change_the_most_bytes_first() {
        let base = [
            package(0, "deb", "libssl3", "3.0.11", 5_000, "usr/lib"),
            package(0, "npm", "ms", "2.0.0", 10, "a"),
            package(1, "python", "gone", "1", 300, "b"),
            package(1, "python", "same", "1", 300, "b"),
        ];
        let head = [
            package(0, "deb", "libssl3", "3.0.14", 5_200, "usr/lib"),
            package(0, "npm", "ms", "2.0.0", 10, "a"),
            package(0, "npm", "ms", "2.1.3", 10, "a/b"),
            Package { bytes: None, ..package(0, "go", "x.test/y", "v1.0.0", 0, "app") },
            package(1, "python", "rapidfuzz", "3.9.6", 9_100, "b"),
            package(0, "python", "same", "1", 300, "b"),
        ];
        let told = changes(&base, &head).into_iter().map(|change| {
            let bytes = change.bytes.map_or_else(|| "?".to_owned(), |bytes| bytes.0.to_string());
            format!("{} {}: {:?} {:?} {bytes}", change.kind, change.name, change.base, change.head)
        });
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#"
        python rapidfuzz: [] ["3.9.6"] 9100
        python gone: ["1"] [] -300
        deb libssl3: ["3.0.11"] ["3.0.14"] 200
        npm ms: ["2.0.0"] ["2.0.0", "2.1.3"] 10
        go x.test/y: [] ["v1.0.0"] ?
        "#);
    }
}
