//! Layers of one image taken together: what they wrote, by path, and the packages in them.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Contents;
use crate::report::contents::Package;

/// A path is told where the other side has less than this part of it that is not told by path.
const CERTAIN: u64 = 4;

/// Linux opens no longer path (`PATH_MAX`), and a report that names one is of no use.
const PATH_LIMIT_BYTES: usize = 4_096;

/// Some layers of an image.
#[derive(Debug, Default)]
pub(super) struct Side<'a> {
    paths: BTreeMap<&'a str, Load>,
    /// By directory, what is told of the paths in it.
    told_bytes: BTreeMap<&'a str, u64>,
    /// Packages of these layers.
    pub(super) packages: Vec<&'a Package>,
    /// The lightest path that is told of each layer, summed up: whatever is not told is lighter.
    floor_bytes: u64,
}

/// What lies at and below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Load {
    pub(super) bytes: u64,
    /// Without what packages account for.
    pub(super) loose_bytes: u64,
    pub(super) is_file: bool,
}

/// Whether contents tell how much packages account for at each path: then packages and paths can be told side by side,
/// and nothing is told twice.
pub(super) fn tells_packaged(contents: &Contents) -> bool {
    let has_files = |package: &Package| package.layer_bytes.is_some_and(|bytes| bytes > 0);
    !contents.packages.iter().any(has_files) || contents.weights.iter().any(|weight| weight.packaged_bytes > 0)
}

impl<'a> Side<'a> {
    /// The layers of these numbers, with their packages or by their paths alone.
    pub(super) fn of(contents: &'a Contents, layers: &BTreeSet<usize>, with_packages: bool) -> Self {
        let is_in = |layer: u32| usize::try_from(layer).is_ok_and(|layer| layers.contains(&layer));
        let mut side = Self::default();
        let mut floors: BTreeMap<u32, u64> = BTreeMap::new();
        let told = contents.weights.iter().filter(|weight| is_in(weight.layer) && weight.path.len() < PATH_LIMIT_BYTES);
        for weight in told {
            let loose_bytes = weight.bytes.saturating_sub(if with_packages { weight.packaged_bytes } else { 0 });
            let load = side.paths.entry(&weight.path).or_insert(Load { bytes: 0, loose_bytes: 0, is_file: true });
            load.bytes = load.bytes.saturating_add(weight.bytes);
            load.loose_bytes = load.loose_bytes.saturating_add(loose_bytes);
            load.is_file &= weight.is_file;
            let floor = floors.entry(weight.layer).or_insert(weight.bytes);
            *floor = weight.bytes.min(*floor);
            if let Some(directory) = directories(&weight.path).next() {
                let told = side.told_bytes.entry(directory).or_default();
                *told = told.saturating_add(weight.bytes);
            }
        }
        side.floor_bytes = floors.values().fold(0, |sum, floor| sum.saturating_add(*floor));
        side.packages = contents.packages.iter().filter(|package| with_packages && is_in(package.layer)).collect();
        side
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.paths.get("").map_or(0, |root| root.bytes)
    }

    /// All paths that are told.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&'a str, Load)> {
        self.paths.iter().map(|(path, load)| (*path, *load))
    }

    /// Whether a path is told.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.contains_key(path)
    }

    /// What lies at a path, for a comparison with what the other side has there. What is not told is little enough to
    /// count as nothing, or else nobody knows: `None`.
    pub(super) fn at(&self, path: &str, other_bytes: u64) -> Option<Load> {
        if let Some(load) = self.paths.get(path) {
            return Some(*load);
        }
        let most = self.floor_bytes.min(self.not_told_near(path));
        (most <= other_bytes / CERTAIN).then_some(Load::default())
    }

    /// Bytes that the nearest directory above a path has beside what is told of it.
    fn not_told_near(&self, path: &str) -> u64 {
        let Some((directory, load)) = directories(path).find_map(|above| Some((above, self.paths.get(above)?))) else {
            return 0;
        };
        load.bytes.saturating_sub(self.told_bytes.get(directory).copied().unwrap_or_default())
    }
}

/// The directories above a path, the nearest first, the root last.
pub(super) fn directories(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(above(path), |path| above(path))
}

fn above(path: &str) -> Option<&str> {
    (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(above, _)| above))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::contents;

    #[test]
    fn what_is_not_told_counts_as_nothing_only_where_it_is_little() {
        let mut inside = contents::of(2, &[(0, "a/x", 9_000), (0, "a/y", 5_000), (1, "a/x", 1_000)]);
        inside.weights.retain(|weight| weight.path != "a/y");
        let at = |side: &Side<'_>, path, other_bytes| side.at(path, other_bytes).map(|load| load.bytes);
        let side = Side::of(&inside, &BTreeSet::from([0]), true);
        assert_eq!(side.bytes(), 14_000);
        assert_eq!(at(&side, "a/x", 1), Some(9_000));
        // 5,000 bytes in `a` are not told: they may be these or not.
        assert_eq!((at(&side, "a/y", 19_999), at(&side, "a/y", 20_000)), (None, Some(0)));
        assert_eq!(at(&side, "b/c", 1), Some(0));
        assert_eq!(at(&Side::default(), "a/y", 1), Some(0));
        let both = Side::of(&inside, &BTreeSet::from([0, 1]), true);
        assert_eq!(at(&both, "a/x", 1), Some(10_000));
    }

    #[test]
    fn what_packages_account_for_is_loose_where_they_are_left_out() {
        let inside = contents::of(1, &[(0, "a/x", 9_000), (0, "a/y", 5_000)]);
        let inside = contents::with_packages(inside, vec![contents::package(0, "npm", "x", "1", 9_000, "a/x")]);
        assert!(tells_packaged(&inside));
        for (with_packages, loose_bytes, packages) in [(true, 5_000, 1), (false, 14_000, 0)] {
            let side = Side::of(&inside, &BTreeSet::from([0]), with_packages);
            let load = Some(Load { bytes: 14_000, loose_bytes, is_file: false });
            assert_eq!((side.at("a", 1), side.packages.len()), (load, packages));
        }
        let mut older = inside.clone();
        older.weights.iter_mut().for_each(|weight| weight.packaged_bytes = 0);
        assert!(!tells_packaged(&older));
        older.packages.clear();
        assert!(tells_packaged(&older));
    }

    #[test]
    fn directories_stand_from_the_nearest_to_the_root() {
        assert_eq!(directories("a/b/c").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(directories("a").collect::<Vec<_>>(), [""]);
        assert_eq!(directories("").count(), 0);
    }
}
