//! The same bytes at several paths of the final file system.

use std::cmp::Reverse;

use super::super::paths::{PathId, Paths};
use super::file::{FileId, Files};

/// Smaller files are alike by chance, and cost less than the line that names them.
const FLOOR_BYTES: u64 = 4_096;
/// How many groups are listed.
const LISTED: usize = 100;
/// How many copies of a group are listed.
const COPIES: usize = 5;

/// Files that hold the same bytes. Names of one file are not copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Length of each.
    pub bytes: u64,
    /// How many there are.
    pub files: u64,
    /// The first of them, by path.
    pub copies: Vec<Copied>,
}

/// One of several files with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copied {
    /// Its path without a leading slash; any bytes. Of several names the first.
    pub path: Vec<u8>,
    /// The layer that wrote it, counted from 0.
    pub layer: u32,
}

impl Duplicate {
    /// What would be saved if there were one.
    #[must_use]
    pub fn spare_bytes(&self) -> u64 {
        self.bytes.saturating_mul(self.files.saturating_sub(1))
    }
}

/// The groups that cost most, the dearest first, and what all groups cost.
pub(super) fn find(
    paths: &Paths,
    files: &Files,
    live: impl Iterator<Item = (PathId, FileId)>,
) -> (Vec<Duplicate>, u64) {
    let key = |file: FileId| (files.content(file), file);
    let is_large = |file: FileId| files.content(file).is_some_and(|content| content.bytes >= FLOOR_BYTES);
    let mut live: Vec<(FileId, PathId)> =
        live.filter(|(_, file)| is_large(*file)).map(|(path, file)| (file, path)).collect();
    live.sort_unstable_by_key(|(file, path)| (key(*file), *path));
    let same_content = |a: &(FileId, PathId), b: &(FileId, PathId)| files.content(a.0) == files.content(b.0);
    let mut groups: Vec<(u64, &[(FileId, PathId)])> = live
        .chunk_by(same_content)
        .map(|group| (spare_bytes(files, group), group))
        .filter(|(spare_bytes, _)| *spare_bytes > 0)
        .collect();
    let total_bytes = groups.iter().fold(0u64, |sum, (bytes, _)| sum.saturating_add(*bytes));
    // The content decides between equals, so that the same image lists the same groups.
    groups.sort_by_key(|(bytes, _)| Reverse(*bytes));
    groups.truncate(LISTED);
    let mut duplicates: Vec<Duplicate> = groups.into_iter().map(|(_, group)| spelled(paths, files, group)).collect();
    duplicates.sort_by(|a, b| (Reverse(a.spare_bytes()), &a.copies).cmp(&(Reverse(b.spare_bytes()), &b.copies)));
    (duplicates, total_bytes)
}

fn same_file(a: &(FileId, PathId), b: &(FileId, PathId)) -> bool {
    a.0 == b.0
}

fn spare_bytes(files: &Files, group: &[(FileId, PathId)]) -> u64 {
    let bytes = group.first().and_then(|(file, _)| files.content(*file)).map_or(0, |content| content.bytes);
    bytes.saturating_mul((group.chunk_by(same_file).count() as u64).saturating_sub(1))
}

fn spelled(paths: &Paths, files: &Files, group: &[(FileId, PathId)]) -> Duplicate {
    let copy = |names: &[(FileId, PathId)]| {
        let (file, _) = names.first()?;
        let path = names.iter().map(|(_, path)| paths.spell(*path)).min()?;
        Some(Copied { path, layer: files.get(*file)?.layer })
    };
    let mut copies: Vec<Copied> = group.chunk_by(same_file).filter_map(copy).collect();
    copies.sort();
    let files_count = copies.len() as u64;
    copies.truncate(COPIES);
    let bytes = group.first().and_then(|(file, _)| files.content(*file)).map_or(0, |content| content.bytes);
    Duplicate { bytes, files: files_count, copies }
}
