//! Layers that were read before, in a directory: unchanged ones are never read twice.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::layer::Layer;
use crate::fs;

/// Far above what the largest layer that is read takes.
const LIMIT_BYTES: u64 = 1024 * 1024 * 1024;

/// A directory with a file per `diff_id`. A tar that does not match its `diff_id` is refused before anything is kept,
/// so that no image can say what another one's layer holds.
#[derive(Debug, Clone)]
pub struct Kept {
    directory: PathBuf,
}

impl Kept {
    /// A directory that is made when the first layer is kept.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The layer with this `diff_id`, if it was kept and is still whole.
    #[must_use]
    pub fn load(&self, diff_id: &str) -> Option<Layer> {
        let bytes = fs::read_limited(&self.path(diff_id).ok()?, LIMIT_BYTES).ok()?;
        Layer::from_bytes(&bytes, diff_id).ok()
    }

    /// Keeps a layer whose tar was verified.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn save(&self, diff_id: &str, layer: &Layer) -> Result<()> {
        fs::write_atomic(&self.path(diff_id)?, &layer.to_bytes(diff_id)?)
    }

    fn path(&self, diff_id: &str) -> Result<PathBuf> {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let digest = diff_id.split_once(':').filter(|(algorithm, hex)| is_plain(algorithm) && is_plain(hex));
        ensure!(digest.is_some(), "diff_id {diff_id:?} is no digest");
        Ok(self.directory.join(diff_id.replace(':', "-")))
    }
}
