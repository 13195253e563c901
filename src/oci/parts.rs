//! Everything that the one image of a layout consists of, in the order in which a registry takes it: blobs before the
//! manifests that name them, these before their index.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use oci_spec::image::{Descriptor, MediaType};

use super::index::is;
use super::{Layout, blobs};
use crate::fs;

/// An index of an image holds a manifest per platform and one of attestations each.
const MANIFESTS_LIMIT: usize = 100;

/// The parts of an image.
#[derive(Debug, Default)]
pub struct Parts {
    /// Configs and layers, each once.
    pub blobs: Vec<Blob>,
    /// Manifests, each once; the last one is the image itself, or the index around it.
    pub manifests: Vec<Manifest>,
    seen: BTreeSet<String>,
}

/// A config or a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its digest.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
    /// Where it lies.
    pub path: PathBuf,
}

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its type.
    pub media_type: String,
    /// Its digest.
    pub digest: String,
    /// It itself, byte for byte.
    pub content: Vec<u8>,
}

impl Parts {
    /// The parts of the only image of a layout.
    ///
    /// # Errors
    /// When there are none or several, or when something is missing or not as long as it should be.
    pub fn of(layout: &Layout) -> Result<Self> {
        let index = blobs::root_index(layout)?;
        // buildx names the image once per tag.
        let digests: BTreeSet<String> = index.manifests().iter().map(|one| one.digest().to_string()).collect();
        let (Some(top), 1) = (index.manifests().first(), digests.len()) else {
            anyhow::bail!("the layout holds {} images; expected one", digests.len());
        };
        let mut parts = Self::default();
        parts.add(layout, top, true)?;
        Ok(parts)
    }

    /// The digest of the whole.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.manifests.last().map_or("", |top| &top.digest)
    }

    fn add(&mut self, layout: &Layout, descriptor: &Descriptor, is_top: bool) -> Result<()> {
        let digest = descriptor.digest().to_string();
        if !self.seen.insert(digest.clone()) {
            return Ok(());
        }
        ensure!(self.seen.len() <= MANIFESTS_LIMIT, "more than {MANIFESTS_LIMIT} manifests");
        if is(descriptor.media_type(), &MediaType::ImageIndex) {
            ensure!(is_top, "index {digest} stands in another one");
            for child in blobs::nested_index(layout, descriptor)?.manifests() {
                self.add(layout, child, false)?;
            }
        } else {
            let manifest = blobs::manifest(layout, descriptor).with_context(|| format!("read manifest {digest}"))?;
            for blob in std::iter::once(manifest.config()).chain(manifest.layers()) {
                self.add_blob(layout, blob)?;
            }
        }
        let (path, bytes) = layout.blob(descriptor)?;
        let media_type = descriptor.media_type().to_string();
        self.manifests.push(Manifest { media_type, digest, content: fs::read_limited(&path, bytes)? });
        Ok(())
    }

    fn add_blob(&mut self, layout: &Layout, descriptor: &Descriptor) -> Result<()> {
        let digest = descriptor.digest().to_string();
        if self.blobs.iter().all(|blob| blob.digest != digest) {
            let (path, bytes) = layout.blob(descriptor)?;
            self.blobs.push(Blob { digest, bytes, path });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::TestLayout;
    use super::*;

    fn parts(layout: &TestLayout) -> Result<Parts> {
        Parts::of(&Layout::open(layout.directory()).unwrap())
    }

    #[test]
    fn blobs_come_once_and_manifests_before_their_index() {
        let mut layout = TestLayout::new();
        let (base, own) = (layout.plain(b"base"), layout.plain(b"own"));
        let image = layout.image(&[base.clone(), own, base.clone()]);
        let attestation = layout.manifest(&layout.blob(b"{}"), &[layout.blob(b"provenance")], None);
        let index = layout.nested(&json!([image, attestation, image]));
        layout.write_index(&json!([index, index]));
        let parts = parts(&layout).unwrap();
        assert_eq!((parts.blobs.len(), parts.manifests.len()), (5, 3));
        assert_eq!(parts.digest(), index["digest"].as_str().unwrap());
        assert_eq!(parts.manifests[0].digest, image["digest"].as_str().unwrap());
        assert!(parts.blobs.iter().all(|blob| fs::length(&blob.path) == Some(blob.bytes)));
    }

    #[test]
    fn what_is_not_one_whole_image_is_refused() {
        let mut layout = TestLayout::new();
        let (one, other) = (layout.image(&[layout.plain(b"a")]), layout.image(&[layout.plain(b"b")]));
        layout.write_index(&json!([one, other]));
        assert!(parts(&layout).unwrap_err().to_string().contains("holds 2 images"));
        layout.write_index(&json!([]));
        assert!(parts(&layout).is_err());
        let nested = layout.nested(&json!([layout.nested(&json!([one]))]));
        layout.write_index(&json!([nested]));
        assert!(parts(&layout).unwrap_err().to_string().contains("stands in another one"));
        let gone = layout.plain(b"gone");
        layout.write_index(&json!([layout.image(std::slice::from_ref(&gone))]));
        fs::remove_file(&layout.blob_path(gone.descriptor["digest"].as_str().unwrap())).unwrap();
        assert!(parts(&layout).is_err());
    }
}
