//! Layers that were read before. Shared by the cells of a run, so that a base image is unpacked once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::inspect::Layer;
use crate::oci::layer::{self, Weighed};
use crate::oci::{LayerBlob, Layout};

/// What all layers that are remembered may take: a hundred layers of a thousand files each are a tenth of it. Of those
/// beyond it only the numbers are remembered.
const MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// Layers by digest.
#[derive(Debug, Default)]
pub struct KnownLayers {
    slots: Mutex<BTreeMap<String, Arc<Mutex<Known>>>>,
    used_bytes: Mutex<usize>,
}

/// What is known of a layer.
#[derive(Debug, Default)]
struct Known {
    weighed: Option<Weighed>,
    /// The layer in the form in which it is kept.
    bytes: Option<Vec<u8>>,
}

impl KnownLayers {
    /// A layer, read unless it is remembered. It must be there all the same. Whoever wants a layer that is being read
    /// waits for it.
    ///
    /// # Errors
    /// When its blob is missing or damaged, or cannot be read as a layer.
    pub(super) fn read(&self, layout: &Layout, blob: &LayerBlob) -> Result<Layer> {
        let file = layout.open_layer(blob)?;
        let slot = self.slot(&blob.digest);
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = known.bytes.as_ref().and_then(|bytes| Layer::from_bytes(bytes, &blob.digest).ok());
        if let Some(layer) = remembered {
            return Ok(layer);
        }
        let layer = Layer::read(file, blob.compressed_bytes)?;
        let uncompressed_bytes = layer.uncompressed_bytes;
        known.weighed = layer.compression.map(|compression| Weighed { compression, uncompressed_bytes });
        known.bytes = layer.to_bytes(&blob.digest).ok().filter(|bytes| self.has_room(bytes.len()));
        Ok(layer)
    }

    /// The numbers of a layer, which is read only if nobody has.
    ///
    /// # Errors
    /// When its blob is missing or damaged.
    pub(super) fn weigh(&self, layout: &Layout, blob: &LayerBlob) -> Result<Weighed> {
        let file = layout.open_layer(blob)?;
        let slot = self.slot(&blob.digest);
        let mut known = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weighed) = known.weighed {
            return Ok(weighed);
        }
        let weighed =
            layer::weigh(file, blob.compressed_bytes).with_context(|| format!("read layer {}", blob.digest))?;
        known.weighed = Some(weighed);
        Ok(weighed)
    }

    fn slot(&self, digest: &str) -> Arc<Mutex<Known>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(digest.to_owned()).or_default())
    }

    /// Takes room for so many bytes, if there is any.
    fn has_room(&self, bytes: usize) -> bool {
        let mut used = self.used_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let all = used.saturating_add(bytes);
        let fits = all <= MEMORY_BYTES;
        if fits {
            *used = all;
        }
        fits
    }
}
