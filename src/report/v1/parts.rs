//! The parts of a measured image and of a timed build.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cache::Cause;

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// Digest of the compressed blob.
    pub digest: String,
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Length of the compressed blob.
    pub compressed_bytes: u64,
    /// Length of the uncompressed tar.
    pub uncompressed_bytes: u64,
    /// How the blob is compressed.
    pub compression: Compression,
    /// The instruction that wrote it, from the image's history.
    pub created_by: String,
    /// The same as it stands in the Dockerfile; present when its line is known and no here-document is opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// Its line in the Dockerfile, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_line: Option<u32>,
    /// Whether it belongs to the base image; absent when that could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<bool>,
}

/// How a layer blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// A plain tar.
    None,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// An image that the build started from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaseImage {
    /// The reference.
    pub name: String,
    /// The digest that it resolved to.
    pub digest: String,
}

/// Seconds per kind of work; phases may overlap each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// Sending the build context and the Dockerfile.
    pub context_seconds: f64,
    /// Resolving and pulling base images.
    pub base_pull_seconds: f64,
    /// `RUN` steps.
    pub execution_seconds: f64,
    /// `COPY`, `ADD` and `WORKDIR` steps.
    pub copy_seconds: f64,
    /// Writing the image.
    pub export_seconds: f64,
    /// Pushing it to a registry.
    pub push_seconds: f64,
    /// Reading a remote cache.
    pub cache_import_seconds: f64,
    /// Writing a remote cache.
    pub cache_export_seconds: f64,
    /// Time in which nothing ran.
    pub idle_seconds: f64,
}

/// One step of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The stage.
    pub stage: String,
    /// The instruction, as it stands in the Dockerfile when its line is known.
    pub instruction: String,
    /// Its line in the Dockerfile, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_line: Option<u32>,
    /// How long it took.
    pub seconds: f64,
    /// Whether its result came from a cache.
    pub cached: bool,
    /// Which cache; present when `cached` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<CachedFrom>,
    /// How long it took when it last really ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ran_seconds: Option<f64>,
    /// The positions in this list of the steps that it builds upon directly, counted from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    /// Why it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// The cache that served a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CachedFrom {
    /// The builder's own.
    Local,
    /// A remote one.
    Remote,
}
