//! The file system of an image, the slow way: a map from paths to what is there, changed entry by entry.
//!
//! Nothing here is shared with the reader. Who lost a file is found by looking at the whole map before and after each
//! step; there are no counts of links, no lists of directories, no hashes.

use std::collections::{BTreeMap, BTreeSet};

use crate::tape::{Item, What};

/// A thing at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    Directory,
    File(usize),
    Symlink { target: String, layer: usize },
    Other,
}

/// A file that a layer wrote.
#[derive(Debug)]
struct Written {
    path: String,
    layer: usize,
    content: Vec<u8>,
    mode: u32,
    uid: u64,
}

/// Lost files of one kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) examples: Vec<(String, u64)>,
}

/// Length, number and the first copies (path and layer) of files that hold the same bytes.
pub(crate) type Alike = (u64, u64, Vec<(String, usize)>);

/// What the oracle says of an image.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) file_bytes: u64,
    pub(crate) live_bytes: u64,
    pub(crate) lost: BTreeMap<(usize, usize, &'static str), Lost>,
    /// The dearest first.
    pub(crate) duplicates: Vec<Alike>,
    pub(crate) duplicate_bytes: u64,
    pub(crate) dangling_links: u64,
    /// Path, layer, length, mode and owner of each name of a file.
    pub(crate) files: BTreeSet<(String, usize, u64, u32, u64)>,
    /// Layer, path and length of each file that was written, and whether it is still there.
    pub(crate) written: Vec<(usize, String, u64, bool)>,
    /// Bytes and number of the files that each layer wrote at or below a path, of all that weigh something.
    pub(crate) weights: BTreeMap<(usize, String), (u64, u64)>,
    /// Added, changed and removed files of each layer.
    pub(crate) changes: Vec<(u64, u64, u64)>,
}

#[derive(Default)]
struct Oracle {
    things: BTreeMap<String, Thing>,
    written: Vec<Written>,
    verdict: Verdict,
    layer: usize,
    /// Paths of files that the layer at hand wrote.
    own: BTreeSet<String>,
}

/// Applies layers; `None` where symbolic links lead in a circle.
pub(crate) fn judge(layers: &[Vec<Item>]) -> Option<Verdict> {
    let mut oracle = Oracle::default();
    for (number, layer) in layers.iter().enumerate() {
        oracle.layer = number;
        oracle.own.clear();
        let before = oracle.names();
        oracle.removals(layer);
        for item in layer {
            oracle.apply(item)?;
        }
        let after = oracle.names();
        let added = after.difference(&before).count() as u64;
        let removed = before.difference(&after).count() as u64;
        let changed = after.intersection(&before).filter(|path| oracle.own.contains(*path)).count() as u64;
        oracle.verdict.changes.push((added, changed, removed));
    }
    Some(oracle.finish())
}

fn clean(path: &str) -> Vec<&str> {
    let mut clean = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(clean.pop()),
            part => clean.push(part),
        }
    }
    clean
}

impl Oracle {
    fn names(&self) -> BTreeSet<String> {
        let files = self.things.iter().filter(|(_, thing)| matches!(thing, Thing::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }

    fn live(&self) -> BTreeSet<usize> {
        self.things
            .values()
            .filter_map(|thing| if let Thing::File(file) = thing { Some(*file) } else { None })
            .collect()
    }

    /// Does something to the map, and notes which files are gone after it.
    fn step(&mut self, kind: &'static str, change: impl FnOnce(&mut BTreeMap<String, Thing>)) {
        let before = self.live();
        change(&mut self.things);
        for file in before.difference(&self.live()) {
            let Written { path, layer, content, .. } = &self.written[*file];
            let lost = self.verdict.lost.entry((*layer, self.layer, kind)).or_default();
            lost.bytes += content.len() as u64;
            lost.files += 1;
            lost.examples.push((path.clone(), content.len() as u64));
        }
    }

    fn removals(&mut self, layer: &[Item]) {
        for item in layer {
            let parts = clean(&item.path);
            let Some((name, parents)) = parts.split_last() else { continue };
            let parent: String = parents.iter().map(|part| format!("{part}/")).collect();
            if *name == ".wh..wh..opq" {
                self.step("opaque", |things| things.retain(|path, _| !path.starts_with(&parent)));
            } else if let Some(hidden) = name.strip_prefix(".wh.") {
                let (path, below) = (format!("{parent}{hidden}"), format!("{parent}{hidden}/"));
                self.step("deleted", |things| {
                    things.retain(|other, _| *other != path && !other.starts_with(&below));
                });
            }
        }
    }

    fn apply(&mut self, item: &Item) -> Option<()> {
        let parts = clean(&item.path);
        let Some((name, parents)) = parts.split_last() else { return Some(()) };
        let directory = self.follow(parents)?;
        for end in 1..=directory.len() {
            self.replace(&directory[..end].join("/"), Thing::Directory);
        }
        if name.starts_with(".wh.") {
            return Some(());
        }
        let path = [&directory[..], &[(*name).to_owned()]].concat().join("/");
        let thing = match &item.what {
            What::File(content) => {
                let content = content.clone();
                self.verdict.file_bytes += content.len() as u64;
                let (mode, uid) = (item.mode, item.uid);
                self.written.push(Written { path: path.clone(), layer: self.layer, content, mode, uid });
                Thing::File(self.written.len() - 1)
            }
            What::Directory => Thing::Directory,
            What::Symlink(target) => Thing::Symlink { target: target.clone(), layer: self.layer },
            What::Fifo => Thing::Other,
            What::HardLink(target) => self.linked(target)?,
        };
        if matches!(thing, Thing::File(_)) {
            self.own.insert(path.clone());
        }
        self.replace(&path, thing);
        Some(())
    }

    fn linked(&mut self, target: &str) -> Option<Thing> {
        let parts = clean(target);
        let found = match parts.split_last() {
            Some((name, parents)) => {
                let path = [&self.follow(parents)?[..], &[(*name).to_owned()]].concat().join("/");
                self.things.get(&path).cloned()
            }
            None => None,
        };
        Some(match found {
            Some(Thing::File(file)) => Thing::File(file),
            Some(Thing::Symlink { target, .. }) => Thing::Symlink { target, layer: self.layer },
            Some(Thing::Other) => Thing::Other,
            Some(Thing::Directory) | None => {
                self.verdict.dangling_links += 1;
                Thing::Other
            }
        })
    }

    /// Directories stay as they are; anything else is gone with what is below it.
    fn replace(&mut self, path: &str, new: Thing) {
        let old = self.things.get(path);
        if old == Some(&Thing::Directory) && new == Thing::Directory {
            return;
        }
        let same = match (old, &new) {
            (Some(Thing::File(old)), Thing::File(new)) => self.written[*old].content == self.written[*new].content,
            _ => false,
        };
        let below = format!("{path}/");
        self.step(if same { "metadata_only" } else { "overwritten" }, |things| {
            things.retain(|other, _| !other.starts_with(&below));
            things.insert(path.to_owned(), new);
        });
    }

    fn follow(&self, parts: &[&str]) -> Option<Vec<String>> {
        let mut todo: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        let mut done: Vec<String> = Vec::new();
        let mut hops = 0;
        while !todo.is_empty() {
            let part = todo.remove(0);
            if part == ".." {
                done.pop();
            } else if !part.is_empty() && part != "." {
                done.push(part);
            }
            if let Some(Thing::Symlink { target, layer }) = self.things.get(&done.join("/"))
                && *layer == self.layer
            {
                hops += 1;
                if hops > 255 {
                    return None;
                }
                done.pop();
                if target.starts_with('/') {
                    done.clear();
                }
                todo.splice(0..0, target.split('/').map(str::to_owned));
            }
        }
        Some(done)
    }

    fn finish(mut self) -> Verdict {
        for lost in self.verdict.lost.values_mut() {
            lost.examples.sort_by_key(|(path, bytes)| (u64::MAX - bytes, path.clone()));
            lost.examples.truncate(5);
        }
        let live = self.live();
        for (number, Written { path, layer, content, .. }) in self.written.iter().enumerate() {
            let bytes = content.len() as u64;
            self.verdict.written.push((*layer, path.clone(), bytes, live.contains(&number)));
            let ends = path.match_indices('/').map(|(at, _)| at).chain([0, path.len()]);
            for above in ends.map(|end| &path[..end]) {
                let weight = self.verdict.weights.entry((*layer, above.to_owned())).or_default();
                *weight = (weight.0 + bytes, weight.1 + 1);
            }
        }
        self.verdict.weights.retain(|(_, path), (bytes, _)| path.is_empty() || *bytes >= 1_024);
        self.verdict.live_bytes = live.iter().map(|file| self.written[*file].content.len() as u64).sum();
        let mut groups: BTreeMap<&[u8], BTreeMap<usize, String>> = BTreeMap::new();
        for (path, thing) in &self.things {
            let Thing::File(file) = thing else { continue };
            let Written { layer, content, mode, uid, .. } = &self.written[*file];
            self.verdict.files.insert((path.clone(), *layer, content.len() as u64, *mode, *uid));
            if content.len() >= 4_096 {
                groups.entry(content).or_default().entry(*file).or_insert_with(|| path.clone());
            }
        }
        for (content, files) in groups.into_iter().filter(|(_, files)| files.len() > 1) {
            let mut copies: Vec<_> =
                files.iter().map(|(file, path)| (path.clone(), self.written[*file].layer)).collect();
            copies.sort();
            copies.truncate(5);
            self.verdict.duplicate_bytes += content.len() as u64 * (files.len() as u64 - 1);
            self.verdict.duplicates.push((content.len() as u64, files.len() as u64, copies));
        }
        self.verdict.duplicates.sort_by_key(|(bytes, files, copies)| (u64::MAX - bytes * (files - 1), copies.clone()));
        self.verdict
    }
}
