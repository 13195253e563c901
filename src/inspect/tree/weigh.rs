//! Where the bytes are that each layer wrote: its heaviest directories and files.

use std::collections::HashMap;

use super::super::paths::PathId;
use super::{Packaged, Tree};

/// How many paths are told of an image, more or less.
const TOLD: usize = 480;
/// How many are told of each layer, however many there are. Twenty levels of directories lead to few places.
const TOLD_OF_LAYER: (usize, usize) = (24, 160);
/// Paths that are lighter explain nothing.
const FLOOR_BYTES: u64 = 1_024;

/// What a layer wrote at or below a path, whether or not a later layer ended it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weighed {
    /// The layer, counted from 0.
    pub layer: u32,
    /// The path under which it was written, without a leading slash; empty for the root.
    pub path: Vec<u8>,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// How many files that are.
    pub files: u64,
    /// Whether it is a file.
    pub is_file: bool,
    /// The part of `bytes` that packages account for.
    pub packaged_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Load {
    bytes: u64,
    files: u64,
    is_file: bool,
    packaged_bytes: u64,
}

impl Tree {
    /// The heaviest paths of each layer, sorted by layer and path. The root of a layer that has files always is among
    /// them, and with a path all directories above it.
    #[must_use]
    pub fn weights(&self, packaged: &Packaged) -> Vec<Weighed> {
        let layers = self.layer as usize;
        let (fewest, most) = TOLD_OF_LAYER;
        let told = TOLD.checked_div(layers).unwrap_or(most).clamp(fewest, most);
        let files: Vec<_> = self.files.numbered().collect();
        let mut weights: Vec<Weighed> = files
            .chunk_by(|(_, a), (_, b)| a.layer == b.layer)
            .flat_map(|files| {
                let layer = files.first().map_or(0, |(_, file)| file.layer);
                let loads =
                    self.loads(files.iter().map(|(id, file)| (file.path, file.content.bytes, packaged.has(*id))));
                self.heaviest(layer, loads, told)
            })
            .collect();
        weights.sort();
        weights
    }

    /// What lies at and below each path. Every file is added to the directories above it: that is linear, as paths
    /// have few levels.
    fn loads(&self, files: impl Iterator<Item = (PathId, u64, bool)>) -> HashMap<PathId, Load> {
        let mut loads: HashMap<PathId, Load> = HashMap::new();
        for (path, bytes, is_packaged) in files {
            loads.entry(path).or_default().is_file = true;
            let mut at = path;
            loop {
                let load = loads.entry(at).or_default();
                load.bytes = load.bytes.saturating_add(bytes);
                load.files = load.files.saturating_add(1);
                if is_packaged {
                    load.packaged_bytes = load.packaged_bytes.saturating_add(bytes);
                }
                if at == PathId::ROOT {
                    break;
                }
                at = self.paths.parent(at);
            }
        }
        loads
    }

    /// A directory is as heavy as the heaviest path in it or heavier, and has a smaller number. So in this order it
    /// comes before what is in it, and no path is told without the directories above it.
    fn heaviest(&self, layer: u32, loads: HashMap<PathId, Load>, told: usize) -> Vec<Weighed> {
        let is_told = |path: PathId, load: &Load| path == PathId::ROOT || load.bytes >= FLOOR_BYTES;
        let mut loads: Vec<(PathId, Load)> = loads.into_iter().filter(|(path, load)| is_told(*path, load)).collect();
        loads.sort_unstable_by(|(a, a_load), (b, b_load)| b_load.bytes.cmp(&a_load.bytes).then_with(|| a.cmp(b)));
        loads.truncate(told);
        let weighed = |(path, load): (PathId, Load)| Weighed {
            layer,
            path: self.paths.spell(path),
            bytes: load.bytes,
            files: load.files,
            is_file: load.is_file && path != PathId::ROOT,
            packaged_bytes: load.packaged_bytes,
        };
        loads.into_iter().map(weighed).collect()
    }
}
