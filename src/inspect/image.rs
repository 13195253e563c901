//! All layers of an image: read side by side, laid over each other in order.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use anyhow::{Context, Result};

use super::kept::Kept;
use super::layer::Layer;
use super::room::Room;
use super::tree::{Changes, Tree};
use crate::oci::LayerBlob;
use crate::report::Compression;

/// An image that was read.
#[derive(Debug)]
pub struct Contents {
    /// The layers, lowest first.
    pub layers: Vec<LayerContents>,
    /// The file system that they make.
    pub tree: Tree,
}

/// What was found in a layer's blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerContents {
    /// How it is compressed; `None` of a layer that was kept, whose blob was not looked at.
    pub compression: Option<Compression>,
    /// Length of its tar.
    pub uncompressed_bytes: u64,
    /// Bytes of all regular files in it.
    pub file_bytes: u64,
    /// What it changed.
    pub changes: Changes,
}

/// A layer that was read, and the room that it takes.
type Outcome<'a> = (&'a str, Result<(Layer, u64)>);

/// Reads the layers of an image, each blob once however often the image has it, and those that were kept not at all.
///
/// # Errors
/// When a blob cannot be opened or read, or when the layers cannot be laid over each other. The lowest such layer is
/// named.
pub fn read<R: Read + Send>(
    layers: &[LayerBlob],
    open: impl Fn(&LayerBlob) -> Result<R> + Sync,
    kept: Option<&Kept>,
) -> Result<Contents> {
    read_by(layers, |layer| read_layer(layer, &open, kept))
}

/// Lays the layers of an image over each other, each had once however often the image has it.
///
/// # Errors
/// When a layer cannot be had, or when the layers cannot be laid over each other. The lowest such layer is named.
pub fn read_by(layers: &[LayerBlob], read_layer: impl Fn(&LayerBlob) -> Result<Layer> + Sync) -> Result<Contents> {
    let mut seen = HashSet::new();
    let distinct: Vec<&LayerBlob> = layers.iter().filter(|layer| seen.insert(&layer.digest)).collect();
    let (distinct, read_layer, next, room) = (&distinct, &read_layer, &AtomicUsize::new(0), &Room::default());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for sender in vec![sender; cores.min(distinct.len())] {
            scope.spawn(move || {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let Some(layer) = distinct.get(turn) else { return };
                    let outcome = read_layer(layer).map(|layer| {
                        let bytes = layer.memory_bytes();
                        room.enter(turn, bytes);
                        (layer, bytes)
                    });
                    // Nobody waits any more when a lower layer has failed.
                    if sender.send((&*layer.digest, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        let contents = overlay(layers, receiver, room);
        // Whoever still waits when a layer has failed need not wait any more.
        room.call(usize::MAX);
        contents
    })
}

fn read_layer<R: Read + Send>(
    blob: &LayerBlob,
    open: impl Fn(&LayerBlob) -> Result<R>,
    kept: Option<&Kept>,
) -> Result<Layer> {
    let LayerBlob { diff_id, compressed_bytes, .. } = blob;
    let Some(kept) = kept else { return Layer::read(open(blob)?, *compressed_bytes) };
    if let Some(layer) = kept.load(diff_id) {
        return Ok(layer);
    }
    let layer = Layer::read_verified(open(blob)?, *compressed_bytes, diff_id)?;
    // What cannot be kept is read again the next time, and that is all.
    let _ = kept.save(diff_id, &layer);
    Ok(layer)
}

/// Lays layers over each other as they arrive, and forgets each after its last use.
fn overlay(layers: &[LayerBlob], arriving: Receiver<Outcome<'_>>, room: &Room) -> Result<Contents> {
    let mut contents = Contents { layers: Vec::new(), tree: Tree::new() };
    let last_use: HashMap<&str, usize> = layers.iter().enumerate().map(|(at, layer)| (&*layer.digest, at)).collect();
    let mut arrived: HashMap<&str, Result<(Layer, u64)>> = HashMap::new();
    let mut seen = HashSet::new();
    for (at, LayerBlob { digest, .. }) in layers.iter().enumerate() {
        if seen.insert(&**digest) {
            room.call(seen.len() - 1);
        }
        while !arrived.contains_key(&**digest) {
            arrived.extend([arriving.recv().context("the threads that read layers ended")?]);
        }
        let outcome = arrived.remove(&**digest).context("a layer that did not arrive")?;
        let (layer, bytes) = outcome.with_context(|| format!("read layer {digest}"))?;
        let changes = contents.tree.apply(&layer).with_context(|| format!("apply layer {digest}"))?;
        let &Layer { compression, uncompressed_bytes, file_bytes, .. } = &layer;
        contents.layers.push(LayerContents { compression, uncompressed_bytes, file_bytes, changes });
        if last_use.get(&**digest).is_some_and(|last| *last > at) {
            arrived.insert(digest, Ok((layer, bytes)));
        } else {
            room.leave(bytes);
        }
    }
    Ok(contents)
}
