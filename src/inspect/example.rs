//! The few files that stand for many.

use std::cmp::Reverse;

/// How many are kept.
const EXAMPLES: usize = 5;

/// A file that is shown for a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its path without a leading slash; any bytes.
    pub path: Vec<u8>,
    /// Its length.
    pub bytes: u64,
}

/// Puts a file into its place among the largest; its path is spelled out only if it has one.
pub(super) fn keep_largest(examples: &mut Vec<Example>, bytes: u64, spell: impl FnOnce() -> Vec<u8>) {
    if examples.len() >= EXAMPLES && examples.last().is_some_and(|smallest| bytes < smallest.bytes) {
        return;
    }
    let new = Example { path: spell(), bytes };
    let order = |example: &Example| (Reverse(example.bytes), example.path.clone());
    let at = examples.partition_point(|example| order(example) <= order(&new));
    examples.insert(at, new);
    examples.truncate(EXAMPLES);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_and_those_of_one_length_by_path() {
        let mut examples = Vec::new();
        for (path, bytes) in [("z", 1), ("b", 5), ("a", 5), ("d", 2), ("y", 1), ("x", 1), ("w", 0), ("e", 3)] {
            keep_largest(&mut examples, bytes, || path.into());
        }
        let paths: Vec<u8> = examples.iter().flat_map(|example| example.path.clone()).collect();
        assert_eq!(paths, b"abedx");
    }
}
