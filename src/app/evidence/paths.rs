//! Paths from the root of the repository, with slashes, as git lists them: a directory of which it knows no more ends in
//! one.

use std::collections::BTreeSet;

/// A set of paths, in which those of a place are found without a look at all the others: there may be thousands of
/// places.
#[derive(Debug, Default)]
pub(super) struct Paths(BTreeSet<String>);

impl FromIterator<String> for Paths {
    fn from_iter<I: IntoIterator<Item = String>>(paths: I) -> Self {
        Self(paths.into_iter().collect())
    }
}

impl Paths {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    /// Those below a place, as paths from there; a directory that is the place itself is the empty path.
    pub(super) fn below(&self, place: &str) -> impl Iterator<Item = &str> {
        let start = if place.is_empty() { String::new() } else { format!("{place}/") };
        let length = start.len();
        self.0
            .range(start.clone()..)
            .take_while(move |path| path.starts_with(&start))
            .filter_map(move |path| path.get(length..))
    }

    /// Whether one of them is this path, or a directory above it.
    pub(super) fn cover(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        let mut above = ends.filter_map(|end| path.get(..end)).filter(|above| !above.is_empty());
        above.any(|above| self.0.contains(above) || self.0.contains(&format!("{above}/")))
    }
}

/// The path from a place, when it lies below it.
pub(super) fn below<'p>(path: &'p str, place: &str) -> Option<&'p str> {
    if place.is_empty() { Some(path) } else { path.strip_prefix(place)?.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Paths {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn what_lies_below_a_place_is_told_from_there() {
        let all = paths(&["a", "a-b/c", "a.b", "a/b", "a/b/c", "ab/c", "b/"]);
        for (place, expected) in [
            ("a", &["b", "b/c"][..]),
            ("a/b", &["c"]),
            ("b", &[""]),
            ("c", &[]),
            ("", &["a", "a-b/c", "a.b", "a/b", "a/b/c", "ab/c", "b/"]),
        ] {
            assert_eq!(all.below(place).collect::<Vec<_>>(), expected, "{place}");
        }
    }

    #[test]
    fn a_path_is_covered_by_itself_and_by_directories_above_it() {
        let all = paths(&["link", "a/b/"]);
        for (path, expected) in [
            ("link", true),
            ("link/x/y", true),
            ("links", false),
            ("a", false),
            ("a/b", true),
            ("a/b/c", true),
            ("a/bc", false),
            ("", false),
        ] {
            assert_eq!(all.cover(path), expected, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_range_finds_what_a_look_at_all_does(
            all in proptest::collection::btree_set("[ab/.-]{0,5}", 0..20), place in "[ab/.-]{0,3}",
        ) {
            let each: Vec<&str> = all.iter().filter_map(|path| below(path, &place)).collect();
            let paths: Paths = all.iter().cloned().collect();
            proptest::prop_assert_eq!(paths.below(&place).collect::<Vec<_>>(), each);
        }
    }
}
