//! What there is to say of a file system.

use std::collections::HashSet;

use super::duplicate::{self, Duplicate};
use super::place::Node;
use super::{Pair, Tree};

/// What there is to say of a file system and of how it came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Bytes of all regular files that layers wrote.
    pub file_bytes: u64,
    /// Bytes of the regular files of the final file system, hard links once.
    pub live_bytes: u64,
    /// What was lost. `file_bytes` are `live_bytes` and the bytes of these.
    pub pairs: Vec<Pair>,
    /// The dearest groups of files with the same bytes, the dearest first.
    pub duplicates: Vec<Duplicate>,
    /// What would be saved if every content above a floor were there once.
    pub duplicate_bytes: u64,
    /// Hard links whose file no layer has. Most runtimes refuse such an image.
    pub dangling_links: u64,
}

/// A regular file of the final file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveFile {
    /// The layer that wrote it, counted from 0.
    pub layer: u32,
    /// Its length.
    pub bytes: u64,
    /// Whether the file was handed out before under another name.
    pub is_link: bool,
}

/// A regular file that a layer wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenFile {
    /// The layer that wrote it, counted from 0.
    pub layer: u32,
    /// The path under which it was written, without a leading slash; any bytes.
    pub path: Vec<u8>,
    /// Its length.
    pub bytes: u64,
    /// Whether it is in the final file system, under this or another name.
    pub is_live: bool,
}

impl Account {
    /// Bytes of all that was lost.
    #[must_use]
    pub fn wasted_bytes(&self) -> u64 {
        self.pairs.iter().fold(0, |sum, pair| sum.saturating_add(pair.bytes))
    }
}

impl Tree {
    /// What there is to say.
    #[must_use]
    pub fn account(&self) -> Account {
        let (file_bytes, live_bytes) = self.files.bytes();
        let names = self.places.live(&self.paths);
        let names =
            names.filter_map(|(path, node)| if let Node::File(file) = node { Some((path, file)) } else { None });
        let (duplicates, duplicate_bytes) = duplicate::find(&self.paths, &self.files, names);
        let (pairs, dangling_links) = (self.waste.pairs(), self.dangling_links);
        Account { file_bytes, live_bytes, pairs, duplicates, duplicate_bytes, dangling_links }
    }

    /// All regular files of all layers, also those that are lost, in the order in which they were written.
    pub fn written_files(&self) -> impl Iterator<Item = WrittenFile> {
        self.files.all().map(|file| WrittenFile {
            layer: file.layer,
            path: self.paths.spell(file.path),
            bytes: file.content.bytes,
            is_live: file.names > 0,
        })
    }

    /// The names of the regular files of the file system, in no order that means anything but always the same one.
    pub fn live_files(&self) -> impl Iterator<Item = (Vec<u8>, LiveFile)> {
        let mut seen = HashSet::new();
        self.places.live(&self.paths).filter_map(move |(path, node)| {
            let Node::File(id) = node else { return None };
            let file = self.files.get(id)?;
            let is_link = file.names > 1 && !seen.insert(id);
            Some((self.paths.spell(path), LiveFile { layer: file.layer, bytes: file.content.bytes, is_link }))
        })
    }
}
