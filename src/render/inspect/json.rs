//! An image for machines: `inspect --format json`. Fields may be added; none is renamed or removed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::compare::layers::shown_instruction;
use crate::report::v1::contents::{
    Contents, Duplicate, LayerChanges, Leftover, Package, StartCheck, WasteAccount, Weight,
};
use crate::report::v1::types::{Compression, Finding};
use crate::report::{self, Inspection};

/// What is inside of an image, schema 1. Layers are named by their position in `layers`, counted from 0, the lowest
/// first; paths have no leading slash.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Image")]
struct Document {
    /// The version of this schema.
    schema_version: u64,
    /// The image as it was asked for.
    image: String,
    /// The platform, such as `linux/amd64`.
    platform: String,
    /// Digest of the image manifest; absent of an archive that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Digest of the config, which engines call the image's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_digest: Option<String>,
    /// Sum of the layers' blobs.
    compressed_bytes: u64,
    /// Sum of the layers' tars.
    uncompressed_bytes: u64,
    /// Bytes of the config.
    config_bytes: u64,
    /// Bytes of attestations, which are no part of the image.
    attestation_bytes: u64,
    /// Bytes of all regular files that layers wrote.
    file_bytes: u64,
    /// Bytes of the regular files of the final file system, hard links once.
    live_bytes: u64,
    /// Whether a container will start.
    start: StartCheck,
    /// The layers.
    layers: Vec<Layer>,
    /// What layers wrote and the final file system no longer holds.
    waste: WasteAccount,
    /// Files of the final file system with the same bytes.
    duplicates: Duplicates,
    /// The largest files and directories that each layer wrote, by layer and path.
    weights: Vec<Weight>,
    /// What package managers and compilers left word of.
    packages: Vec<Package>,
    /// What images rarely need.
    leftovers: Vec<Leftover>,
    /// Ports that the configuration exposes.
    exposed_ports: BTreeSet<String>,
    /// What is to say of the configuration.
    findings: Vec<Finding>,
}

/// A layer.
#[derive(Debug, Serialize, JsonSchema)]
struct Layer {
    /// Digest of the blob.
    digest: String,
    /// Digest of the tar.
    diff_id: String,
    /// How the blob is compressed.
    compression: Compression,
    /// Length of the blob.
    compressed_bytes: u64,
    /// Length of the tar.
    uncompressed_bytes: u64,
    /// What wrote it; empty where neither the history nor a Dockerfile tells.
    instruction: String,
    /// The line of the Dockerfile, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    dockerfile_line: Option<u32>,
    /// Whether it belongs to the base image; absent where that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<bool>,
    /// What it changed.
    #[serde(flatten)]
    changes: LayerChanges,
}

/// Files with the same bytes.
#[derive(Debug, Serialize, JsonSchema)]
struct Duplicates {
    /// What would be saved if every content were there once.
    total_bytes: u64,
    /// The dearest groups, the dearest first.
    groups: Vec<Duplicate>,
}

/// The image as JSON, ending with a newline.
#[must_use]
pub fn json(inspection: &Inspection) -> String {
    // A document of texts and numbers always has a form.
    serde_json::to_string_pretty(&document(inspection)).unwrap_or_default() + "\n"
}

/// The JSON Schema of [`json`], committed as `schema/inspect.schema.json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

fn document(inspection: &Inspection) -> Document {
    let Inspection { name, platform, digest, image } = inspection;
    let contents = Contents::from(&image.contents.clone().unwrap_or_default());
    let changes = contents.layers.into_iter();
    Document {
        schema_version: 1,
        image: name.clone(),
        platform: platform.to_string(),
        digest: digest.clone(),
        config_digest: image.config_digest.clone(),
        compressed_bytes: image.compressed_bytes,
        uncompressed_bytes: image.uncompressed_bytes,
        config_bytes: image.config_bytes,
        attestation_bytes: image.attestation_bytes,
        file_bytes: contents.file_bytes,
        live_bytes: contents.live_bytes,
        start: contents.start,
        layers: image.layers.iter().zip(changes).map(|(layer, changes)| self::layer(layer, changes)).collect(),
        waste: contents.waste,
        duplicates: Duplicates { total_bytes: contents.duplicate_bytes, groups: contents.duplicates },
        weights: contents.weights,
        packages: contents.packages,
        leftovers: contents.leftovers,
        exposed_ports: contents.exposed_ports,
        findings: contents.findings,
    }
}

fn layer(layer: &report::Layer, changes: LayerChanges) -> Layer {
    Layer {
        digest: layer.digest.clone(),
        diff_id: layer.diff_id.clone(),
        compression: layer.compression.into(),
        compressed_bytes: layer.compressed_bytes,
        uncompressed_bytes: layer.uncompressed_bytes,
        instruction: shown_instruction(layer),
        dockerfile_line: layer.dockerfile_line,
        base: layer.base,
        changes,
    }
}
