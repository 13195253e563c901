//! What accounts for a change: the packages and paths that say most of it with few names.

use std::collections::BTreeMap;

use super::growth::{Growth, Place, Way};
use super::packages::{self, PackageChange, Versions};
use super::side::Side;
use crate::units::ByteDelta;

/// From this part on a change counts as explained, in percent.
const ENOUGH_PERCENT: u64 = 80;
/// What accounts for less than this part is not named by itself, in percent.
const LEAST_PERCENT: u64 = 5;
/// Enough where nothing shrinks while other things grow; where so many do not suffice, more do not either.
pub(super) const PARTS: usize = 24;

/// What accounts for a part of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// What.
    pub what: What<'a>,
    /// Its bytes, unpacked, with the sign of the change.
    pub bytes: ByteDelta,
}

/// Packages or a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What<'a> {
    /// A package.
    Package(PackageChange<'a>),
    /// Packages each of which is too small to be named.
    SmallPackages {
        /// Who knows of them, such as `npm`; untrusted text.
        kind: &'a str,
        /// How many they are.
        count: usize,
    },
    /// A file or directory.
    Path {
        /// Without a leading slash, untrusted text.
        path: &'a str,
        /// Whether it is a directory.
        is_directory: bool,
        /// Whether only one of the sides has it.
        is_whole: bool,
    },
}

/// What accounts for a difference. What was named is held against the whole, and the next is sought in the direction of
/// what is left: so where one version takes the place of another, both are named. Bytes that a package accounts for are
/// of no path, so nothing is told twice.
pub(super) fn parts<'a>(base: &Side<'a>, head: &Side<'a>, unpacked: i64, versions: &Versions<'a>) -> Vec<Part<'a>> {
    let percent = |bytes: i64, part: u64| bytes.unsigned_abs().saturating_mul(part) / 100;
    let enough = percent(unpacked, 100 - ENOUGH_PERCENT);
    let packages = packages::resized(&base.packages, &head.packages, versions);
    let mut named = Names { packages, places: Growth::between(base, head) };
    let (mut parts, mut left) = (Vec::new(), unpacked);
    while left.unsigned_abs() > enough && parts.len() < PARTS {
        let way = if left < 0 { Way::Down } else { Way::Up };
        // Where things grow and shrink, what is left may be more than the whole.
        let least = percent(unpacked, LEAST_PERCENT).max(percent(left, LEAST_PERCENT)).max(1);
        let found = named.next(way, least).or_else(|| named.small_packages(way, least));
        let Some(part) = found.or_else(|| named.next(way, 1)) else { break };
        left = left.saturating_sub(part.bytes.0);
        parts.push(part);
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.bytes.0.unsigned_abs()));
    parts
}

/// What may still be named.
struct Names<'a> {
    packages: Vec<(PackageChange<'a>, i64)>,
    places: Growth<'a>,
}

impl<'a> Names<'a> {
    /// The package or place that goes furthest this way, but at least so far.
    fn next(&mut self, way: Way, at_least: u64) -> Option<Part<'a>> {
        let at = self.packages.iter().position(|(_, delta)| way.bytes(*delta) >= at_least);
        let package_bytes = at.and_then(|at| self.packages.get(at)).map_or(0, |(_, delta)| way.bytes(*delta));
        match (at, self.places.next(way, at_least)) {
            (_, Some(Place { path, delta, is_file, is_whole })) if way.bytes(delta) > package_bytes => {
                self.places.take(path, delta);
                let what = What::Path { path, is_directory: !is_file, is_whole };
                Some(Part { what, bytes: ByteDelta(delta) })
            }
            (Some(at), _) => {
                let (change, delta) = self.packages.remove(at);
                Some(Part { what: What::Package(change), bytes: ByteDelta(delta) })
            }
            (None, _) => None,
        }
    }

    /// Packages of one kind that together go at least so far this way, and each of which does not.
    fn small_packages(&mut self, way: Way, at_least: u64) -> Option<Part<'a>> {
        let mut kinds: BTreeMap<&'a str, (usize, u64)> = BTreeMap::new();
        for (change, delta) in self.packages.iter().filter(|(_, delta)| way.bytes(*delta) > 0) {
            let (count, bytes) = kinds.entry(change.kind).or_default();
            (*count, *bytes) = (*count + 1, bytes.saturating_add(way.bytes(*delta)));
        }
        let (kind, (count, bytes)) =
            kinds.into_iter().filter(|(_, (_, bytes))| *bytes >= at_least).max_by_key(|(_, (_, bytes))| *bytes)?;
        self.packages.retain(|(change, delta)| change.kind != kind || way.bytes(*delta) == 0);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let bytes = ByteDelta(if way == Way::Up { bytes } else { bytes.saturating_neg() });
        Some(Part { what: What::SmallPackages { kind, count }, bytes })
    }
}
