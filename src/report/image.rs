//! What an image weighs.

use super::Contents;
use super::scan::Scan;

/// What the image weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMeasurement {
    /// Digest of the platform's image manifest (not of an index).
    pub digest: String,
    /// Sum of the manifest's layer descriptors: what a node pulls, config and attestations not counted.
    pub compressed_bytes: u64,
    /// Sum of the unpacked layers' tar streams: what lands on disk.
    pub uncompressed_bytes: u64,
    /// Digest of the image config blob, which engines call the image's ID; `None` in reports that are older than it.
    pub config_digest: Option<String>,
    /// Bytes of the image config blob.
    pub config_bytes: u64,
    /// Bytes of attestation manifests and their layers, each digest once; never part of the image.
    pub attestation_bytes: u64,
    /// The layers, lowest first.
    pub layers: Vec<Layer>,
    /// The images named in `FROM`, with the digest that the builder resolved.
    pub base_images: Vec<BaseImage>,
    /// What is inside; `None` in reports that are older than it, and where it could not be read (a finding says why).
    pub contents: Option<Contents>,
    /// What a scanner of vulnerabilities says; `None` where none was asked or could answer (a finding says why).
    pub scan: Option<Scan>,
}

impl ImageMeasurement {
    /// Whether the length of every tar is known. A tar has a block at least, so one without bytes was not read.
    #[must_use]
    pub fn knows_uncompressed(&self) -> bool {
        self.layers.iter().all(Layer::knows_uncompressed)
    }
}

impl Layer {
    /// Whether the length of its tar is known.
    #[must_use]
    pub fn knows_uncompressed(&self) -> bool {
        self.uncompressed_bytes > 0
    }
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the compressed blob.
    pub digest: String,
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Length of the compressed blob.
    pub compressed_bytes: u64,
    /// Length of the uncompressed tar.
    pub uncompressed_bytes: u64,
    /// How the blob is compressed, decided by its first bytes.
    pub compression: Compression,
    /// The `created_by` of its history entry, untrusted text; empty when the config has no history for it.
    pub created_by: String,
    /// The same as it stands in the Dockerfile, with flags and arguments not expanded, untrusted text on one line.
    pub instruction: Option<String>,
    /// The line of the Dockerfile that wrote it, counted from 1.
    pub dockerfile_line: Option<u32>,
    /// Whether it belongs to the base image; `None` when that could not be told.
    pub base: Option<bool>,
}

/// How a layer blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// A plain tar.
    None,
    /// One or more gzip members.
    Gzip,
    /// One or more Zstandard frames.
    Zstd,
}

/// An image that the build started from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseImage {
    /// The reference as the builder printed it, untrusted text.
    pub name: String,
    /// The digest that it resolved to.
    pub digest: String,
}
