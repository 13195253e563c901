//! Where the blobs of images lie, whatever that is: a directory, an archive, a registry. What lies there was written by
//! whoever wrote the Dockerfile, or by anyone who may push, so nothing of it is trusted: lengths and digests are compared.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{Cursor, Read};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use oci_spec::image::{Descriptor, Digest, ImageConfiguration, ImageIndex, ImageManifest};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Image, LayerBlob, Platform, Settings, Verified, image, index};

/// Upper limit of an index, manifest or config: the 4 MiB that registries accept for a manifest.
pub(super) const DOCUMENT_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// The bytes of a blob, not verified.
pub type BlobReader<'a> = Box<dyn Read + Send + 'a>;

/// A place of images.
pub trait Blobs: Send + Sync {
    /// The index that everything else is found from, as JSON.
    ///
    /// # Errors
    /// When it cannot be read or is larger than any document may be.
    fn index(&self) -> Result<Vec<u8>>;

    /// Opens a blob of this length. Its content is for the caller to verify.
    ///
    /// # Errors
    /// When it is missing or known to be of another length.
    fn open(&self, digest: &Digest, bytes: u64) -> Result<BlobReader<'_>>;

    /// Opens an index or a manifest, which registries keep apart from blobs.
    ///
    /// # Errors
    /// As [`Self::open`].
    fn open_manifest(&self, digest: &Digest, bytes: u64) -> Result<BlobReader<'_>> {
        self.open(digest, bytes)
    }
}

/// The image for a platform, with everything that can be said without reading its layers. Attestations are not images;
/// only their bytes are counted.
///
/// # Errors
/// When there is no such image or several, or when a document is missing, damaged or too large.
pub fn image(blobs: &dyn Blobs, platform: &Platform) -> Result<Image> {
    let blobs = &Remembered::new(blobs);
    let found = index::walk(blobs)?;
    read(blobs, &found, found.choose(blobs, platform)?)
}

/// The only image; of several the one for the platform that is `preferred`.
///
/// # Errors
/// As [`image`].
pub fn only_image(blobs: &dyn Blobs, preferred: &Platform) -> Result<Image> {
    let blobs = &Remembered::new(blobs);
    let found = index::walk(blobs)?;
    read(blobs, &found, found.choose_only(blobs, preferred)?)
}

fn read(blobs: &dyn Blobs, found: &index::Found, chosen: &index::Candidate) -> Result<Image> {
    let digest = chosen.descriptor.digest();
    let mut image = image::read(blobs, &chosen.descriptor).with_context(|| format!("read image {digest}"))?;
    image.attestation_bytes = found.attestation_bytes(blobs, digest)?;
    Ok(image)
}

/// Documents that were read, so that a registry is asked once for each. They are few, and their length is limited.
struct Remembered<'a> {
    blobs: &'a dyn Blobs,
    documents: Mutex<HashMap<String, Vec<u8>>>,
}

impl<'a> Remembered<'a> {
    fn new(blobs: &'a dyn Blobs) -> Self {
        Self { blobs, documents: Mutex::default() }
    }

    fn remember(&self, digest: &Digest, open: impl FnOnce() -> Result<BlobReader<'a>>) -> Result<BlobReader<'_>> {
        let mut documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let document = match documents.entry(digest.to_string()) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let mut document = Vec::new();
                open()?.take(DOCUMENT_LIMIT_BYTES + 1).read_to_end(&mut document)?;
                place.insert(document).clone()
            }
        };
        Ok(Box::new(Cursor::new(document)))
    }
}

impl Blobs for Remembered<'_> {
    fn index(&self) -> Result<Vec<u8>> {
        self.blobs.index()
    }

    fn open(&self, digest: &Digest, bytes: u64) -> Result<BlobReader<'_>> {
        self.remember(digest, || self.blobs.open(digest, bytes))
    }

    fn open_manifest(&self, digest: &Digest, bytes: u64) -> Result<BlobReader<'_>> {
        self.remember(digest, || self.blobs.open_manifest(digest, bytes))
    }
}

/// Opens a layer's blob, whose digest is verified while it is read.
///
/// # Errors
/// When the layer is kept elsewhere or encrypted, or its blob is missing or not as long as the manifest says.
pub fn open_layer<'a>(blobs: &'a dyn Blobs, layer: &LayerBlob) -> Result<Verified<BlobReader<'a>>> {
    let digest = layer.digest.parse()?;
    let blob = blob_of(layer, || blobs.open(&digest, layer.compressed_bytes))?;
    Verified::new(blob, &digest, layer.compressed_bytes)
}

/// The blob of a layer, opened by whoever has it. One that is not distributed may be there all the same (layer.md,
/// "Non-Distributable Layers"), and where it is not, that is why.
///
/// # Errors
/// When it is encrypted, so that nobody but its owner can read it, or cannot be opened.
pub(super) fn blob_of<T>(layer: &LayerBlob, open: impl FnOnce() -> Result<T>) -> Result<T> {
    let LayerBlob { digest, media_type, .. } = layer;
    ensure!(
        !media_type.contains("+encrypted"),
        "layer {digest} is encrypted ({media_type}), so it could not be measured"
    );
    let is_foreign = media_type.contains("nondistributable") || media_type.contains(".foreign.");
    open().map_err(|error| match is_foreign {
        true => error.context(format!(
            "layer {digest} is kept outside of the image ({media_type}), so it could not be measured"
        )),
        false => error,
    })
}

pub(super) fn root_index(blobs: &dyn Blobs) -> Result<ImageIndex> {
    parse(&blobs.index()?, "/manifests").context("read index.json")
}

pub(super) fn nested_index(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<ImageIndex> {
    parse(&verified(descriptor, |digest, bytes| blobs.open_manifest(digest, bytes))?, "/manifests")
}

pub(super) fn manifest(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<ImageManifest> {
    parse(&verified(descriptor, |digest, bytes| blobs.open_manifest(digest, bytes))?, "/layers")
}

/// A config, also with what `oci-spec` does not know of it.
pub(super) struct Config {
    pub(super) config: ImageConfiguration,
    /// How containers are started, with Docker's additions.
    pub(super) settings: Settings,
}

pub(super) fn config(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<Config> {
    let read = || -> Result<Config> {
        let bytes = verified(descriptor, |digest, bytes| blobs.open(digest, bytes))?;
        let value: Value = parse(&bytes, "/rootfs/diff_ids")?;
        let settings = value.get("config").cloned().unwrap_or_default();
        let settings: Option<Settings> = serde_json::from_value(settings).context("`config`")?;
        Ok(Config { config: serde_json::from_value(value)?, settings: settings.unwrap_or_default() })
    };
    read().with_context(|| format!("read config {}", descriptor.digest()))
}

/// Reads a document whole, if it is what its descriptor says.
fn verified<'a>(descriptor: &Descriptor, open: impl FnOnce(&Digest, u64) -> Result<BlobReader<'a>>) -> Result<Vec<u8>> {
    let (digest, bytes) = (descriptor.digest(), descriptor.size());
    ensure!(
        bytes <= DOCUMENT_LIMIT_BYTES,
        "its descriptor says {bytes} bytes, larger than the limit of {DOCUMENT_LIMIT_BYTES} bytes"
    );
    let mut document = Vec::new();
    Verified::new(open(digest, bytes)?, digest, bytes)?.read_to_end(&mut document)?;
    Ok(document)
}

/// Parses JSON. BuildKit writes `null` for the empty `list` of an image without layers, which `oci-spec` does not take.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8], list: &str) -> Result<T> {
    let mut value: Value = serde_json::from_slice(json)?;
    if let Some(null @ Value::Null) = value.pointer_mut(list) {
        *null = Value::Array(Vec::new());
    }
    Ok(serde_json::from_value(value)?)
}
