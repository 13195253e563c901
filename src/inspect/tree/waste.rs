//! The files that a layer wrote and a container never sees, summed by who wrote them and who ended them.

use std::collections::BTreeMap;

use super::super::example::{self, Example};
use crate::report::contents::WasteKind;

/// The files that one layer wrote and another ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The layer that wrote them, counted from 0.
    pub writer: u32,
    /// The layer that ended them; the writer itself where its tar names a path twice.
    pub killer: u32,
    /// How.
    pub kind: WasteKind,
    /// Their bytes.
    pub bytes: u64,
    /// How many they are, empty ones included.
    pub files: u64,
    /// The largest of them, then by path, each under the one it was written at.
    pub examples: Vec<Example>,
}

/// Everything that was lost.
#[derive(Debug, Default)]
pub(super) struct Waste(BTreeMap<(u32, u32, WasteKind), Pair>);

impl Waste {
    /// Notes a file that lost its last name.
    pub(super) fn note(&mut self, key: (u32, u32, WasteKind), bytes: u64, spell: impl FnOnce() -> Vec<u8>) {
        let (writer, killer, kind) = key;
        let pair = self.0.entry(key).or_insert_with(|| Pair {
            writer,
            killer,
            kind,
            bytes: 0,
            files: 0,
            examples: Vec::new(),
        });
        pair.bytes = pair.bytes.saturating_add(bytes);
        pair.files = pair.files.saturating_add(1);
        example::keep_largest(&mut pair.examples, bytes, spell);
    }

    /// The pairs, by writer, killer and kind.
    pub(super) fn pairs(&self) -> Vec<Pair> {
        self.0.values().cloned().collect()
    }
}
