//! Where files grew and shrank: the places that say most with the fewest words.
//!
//! A directory that grew is named by the directory in it that holds most of the growth, and so on downwards, until there
//! is none: `node_modules/.pnpm/@swc` rather than `app` or one of 300 files. What was named is taken out, and the search
//! begins anew; a directory is never named beside something in it.

use std::collections::BTreeMap;

use super::side::{Side, directories};

/// The part of a directory's growth that makes a directory in it a better name, in percent.
const MOST_PERCENT: u64 = 60;
/// The same of a file, which says nothing of what lies beside it.
const FILE_PERCENT: u64 = 80;
/// No real path has more levels of directories. A report that claims otherwise is cut here.
const DEPTH: usize = 64;

/// In which direction something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It grew.
    Up,
    /// It shrank.
    Down,
}

impl Way {
    /// How far a difference goes this way.
    pub(super) fn bytes(self, delta: i64) -> u64 {
        let forward = match self {
            Self::Up => delta,
            Self::Down => delta.saturating_neg(),
        };
        u64::try_from(forward).unwrap_or(0)
    }
}

/// A place and what changed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) path: &'a str,
    pub(super) delta: i64,
    pub(super) is_file: bool,
    /// Whether only one side has it.
    pub(super) is_whole: bool,
}

/// The difference of two sides, path by path, as far as no package accounts for it.
#[derive(Debug)]
pub(super) struct Growth<'a> {
    places: BTreeMap<&'a str, Node<'a>>,
}

#[derive(Debug)]
struct Node<'a> {
    delta: i64,
    is_file: bool,
    is_whole: bool,
    state: State,
    children: Vec<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may be named.
    Free,
    /// Something in it was named.
    Open,
    /// It was named.
    Named,
}

impl<'a> Growth<'a> {
    /// What changed from one side to the other. Where one side does not tell enough, nothing is said.
    pub(super) fn between(base: &Side<'a>, head: &Side<'a>) -> Self {
        let there = head.paths().map(|(path, load)| (path, load, base.at(path, load.loose_bytes), Way::Up));
        let gone = base.paths().filter(|(path, _)| !head.has(path));
        let gone = gone.map(|(path, load)| (path, load, head.at(path, load.loose_bytes), Way::Down));
        let mut places: BTreeMap<&'a str, Node<'a>> = BTreeMap::new();
        for (path, load, other, way) in there.chain(gone) {
            let Some(other) = other else { continue };
            let difference = signed(load.loose_bytes).saturating_sub(signed(other.loose_bytes));
            let delta = if way == Way::Up { difference } else { difference.saturating_neg() };
            let is_whole = other.bytes == 0 && load.bytes > 0;
            // The root is no name for anything.
            let state = if path.is_empty() { State::Open } else { State::Free };
            places.insert(path, Node { delta, is_file: load.is_file, is_whole, state, children: Vec::new() });
        }
        let paths: Vec<&'a str> = places.keys().copied().collect();
        for path in paths {
            if let Some(directory) = directories(path).next().and_then(|above| places.get_mut(above)) {
                directory.children.push(path);
            }
        }
        Self { places }
    }

    /// Takes a place out, as it was named.
    pub(super) fn take(&mut self, path: &str, delta: i64) {
        for above in std::iter::once(path).chain(directories(path)) {
            if let Some(node) = self.places.get_mut(above) {
                node.delta = node.delta.saturating_sub(delta);
                node.state = if above == path { State::Named } else { State::Open };
            }
        }
    }

    /// The place to name next, of at least so many bytes.
    pub(super) fn next(&self, way: Way, at_least: u64) -> Option<Place<'a>> {
        let path = self.search("", way, at_least.max(1), 0)?;
        let Node { delta, is_file, is_whole, .. } = self.places.get(path)?;
        Some(Place { path, delta: *delta, is_file: *is_file, is_whole: *is_whole })
    }

    fn search(&self, at: &str, way: Way, at_least: u64, depth: usize) -> Option<&'a str> {
        let (path, node) = self.places.get_key_value(at)?;
        let bytes = way.bytes(node.delta);
        let (is_free, is_large) = (node.state == State::Free, bytes >= at_least);
        if node.state == State::Named || (is_free && !is_large) || depth == DEPTH {
            return None;
        }
        let of = |child: &str| self.places.get(child).map_or(0, |node| way.bytes(node.delta));
        let mut children = node.children.clone();
        children.sort_by_key(|child| std::cmp::Reverse(of(child)));
        let has_better_name = children.first().and_then(|child| self.places.get(child)).is_some_and(|node| {
            let most_percent = if node.is_file { FILE_PERCENT } else { MOST_PERCENT };
            way.bytes(node.delta).saturating_mul(100) >= bytes.saturating_mul(most_percent)
        });
        let found = if is_free && !has_better_name {
            None
        } else {
            children.iter().find_map(|child| self.search(child, way, at_least, depth + 1))
        };
        found.or(is_free.then_some(*path))
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::sample::contents;

    fn named(before: &[(u32, &str, u64)], after: &[(u32, &str, u64)]) -> Vec<String> {
        let (before, after) = (contents::of(1, before), contents::of(1, after));
        let layers = BTreeSet::from([0]);
        let mut growth = Growth::between(&Side::of(&before, &layers, true), &Side::of(&after, &layers, true));
        let mut named = Vec::new();
        for way in [Way::Up, Way::Down] {
            while let Some(place) = growth.next(way, 50) {
                growth.take(place.path, place.delta);
                let whole = if place.is_whole { " whole" } else { "" };
                named.push(format!("{} {}{whole}", place.path, place.delta));
            }
        }
        named
    }

    #[test]
    fn the_most_specific_place_that_holds_most_of_the_growth_is_named() {
        let many: Vec<(u32, String, u64)> =
            (0..300).map(|file| (0, format!("app/node_modules/.pnpm/@swc/f{file}"), 2_000)).collect();
        let mut after: Vec<(u32, &str, u64)> =
            many.iter().map(|(layer, path, bytes)| (*layer, &**path, *bytes)).collect();
        after.extend([(0, "app/node_modules/.pnpm/next/n", 150_000), (0, "app/node_modules/.pnpm/react/r", 90_000)]);
        after.extend([(0, "app/main.js", 40_000), (0, "etc/os-release", 10)]);
        let before = [(0, "app/main.js", 30_000), (0, "etc/os-release", 10)];
        assert_eq!(
            named(&before, &after),
            [
                "app/node_modules/.pnpm/@swc 600000 whole",
                "app/node_modules/.pnpm/next/n 150000 whole",
                "app/node_modules/.pnpm/react/r 90000 whole",
                "app/main.js 10000",
            ]
        );
    }

    #[test]
    fn several_places_of_a_directory_are_named_by_it_and_never_with_it() {
        let after = [(0, "usr/a/x", 500), (0, "usr/a/y", 500), (0, "usr/b/z", 300), (0, "opt/big", 900)];
        assert_eq!(named(&[], &after), ["usr/a 1000 whole", "opt/big 900 whole", "usr/b/z 300 whole"]);
        // Names that sort between a directory and what is in it do not come between them.
        let after = [(0, "a/x", 900), (0, "a-b/y", 100), (0, "a.c", 80)];
        assert_eq!(named(&[(0, "a/x", 100)], &after), ["a/x 800", "a-b/y 100 whole", "a.c 80 whole"]);
        assert!(named(&after, &after).is_empty());
        assert_eq!(named(&after, &[]), ["a/x -900 whole", "a-b/y -100 whole", "a.c -80 whole"]);
    }

    #[test]
    fn what_moved_is_told_on_both_ends_though_the_directory_hardly_changed() {
        let (before, after) =
            ([(0, "lib/x-1/a", 900), (0, "lib/x-1/b", 800)], [(0, "lib/x-2/a", 950), (0, "lib/x-2/b", 850)]);
        assert_eq!(named(&before, &after), ["lib/x-2 1800 whole", "lib/x-1 -1700 whole"]);
    }

    #[test]
    fn what_packages_account_for_is_passed_over() {
        let inside = contents::of(1, &[(0, "opt/a/x", 900), (0, "opt/b/y", 300), (0, "opt/c/z", 200)]);
        let inside = contents::with_packages(inside, vec![contents::package(0, "npm", "a", "1", 900, "opt/a")]);
        let layers = BTreeSet::from([0]);
        let mut growth = Growth::between(&Side::default(), &Side::of(&inside, &layers, true));
        assert_eq!(growth.next(Way::Up, 50).map(|place| (place.path, place.delta)), Some(("opt/b/y", 300)));
        growth.take("opt/b/y", 300);
        assert_eq!(growth.next(Way::Up, 50).map(|place| (place.path, place.delta)), Some(("opt/c/z", 200)));
        assert_eq!(growth.next(Way::Up, 500), None);
        assert_eq!(growth.next(Way::Down, 1), None);
    }
}
