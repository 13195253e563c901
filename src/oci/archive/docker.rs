//! What `docker save` writes: `manifest.json` names the config and the layers of each image, whose blobs have no digests
//! of their own. Manifests are made for them, so that they are read as all other images.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::members::{Members, Place};
use super::{Archive, Content, Section, document};
use crate::oci::blobs::parse;
use crate::oci::layer;
use crate::oci::verified::Hash;
use crate::report::Compression;

pub(super) const MANIFEST: &str = "manifest.json";

/// An entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Reads an archive by its `manifest.json`.
pub(super) fn read(file: File, members: &Members) -> Result<Archive> {
    let place = members.find(MANIFEST).context("no manifest.json")?;
    let entries: Vec<Entry> = document(&file, place).and_then(|json| parse(&json, "")).context("read manifest.json")?;
    let mut made = Made::new(&file, members);
    let manifests: Vec<Value> = entries.iter().map(|entry| made.image(entry)).collect::<Result<_>>()?;
    let blobs = made.blobs;
    let index = json!({ "schemaVersion": 2, "manifests": manifests }).to_string().into_bytes();
    Ok(Archive { file, index, blobs, states_digests: false })
}

/// The documents that are made of an archive.
pub(super) struct Made<'a> {
    file: &'a File,
    members: &'a Members,
    pub(super) blobs: HashMap<String, Content>,
}

impl<'a> Made<'a> {
    pub(super) fn new(file: &'a File, members: &'a Members) -> Self {
        Self { file, members, blobs: HashMap::new() }
    }

    /// The descriptor of the manifest of an entry.
    fn image(&mut self, entry: &Entry) -> Result<Value> {
        let config = document(self.file, self.find(&entry.config)?)?;
        let parsed: Value = parse(&config, "/rootfs/diff_ids").with_context(|| format!("read {:?}", entry.config))?;
        let diff_ids = parsed.pointer("/rootfs/diff_ids").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let layers = entry.layers.as_deref().unwrap_or_default();
        ensure!(
            layers.len() == diff_ids.len(),
            "manifest.json names {} layers, the config {} diff_ids",
            layers.len(),
            diff_ids.len()
        );
        let layers = layers.iter().zip(diff_ids).map(|(name, diff_id)| {
            let diff_id = diff_id.as_str().with_context(|| format!("{:?}: a diff_id that is no text", entry.config))?;
            self.layer(name, diff_id).with_context(|| format!("read layer {name:?}"))
        });
        let layers: Vec<Value> = layers.collect::<Result<_>>()?;
        require_name(&entry.config, &digest_of(&config))?;
        Ok(self.image_of(config, &layers))
    }

    /// The descriptor of the manifest of a config and its layers.
    pub(super) fn image_of(&mut self, config: Vec<u8>, layers: &[Value]) -> Value {
        let config = self.here("application/vnd.oci.image.config.v1+json", config);
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
        self.here("application/vnd.oci.image.manifest.v1+json", manifest.to_string().into_bytes())
    }

    /// The descriptor of a layer. A plain tar goes by its `diff_id`, and is compared with it when it is read; what is
    /// compressed is read twice, as nobody says its digest.
    pub(super) fn layer(&mut self, name: &str, diff_id: &str) -> Result<Value> {
        let place = self.find(name)?;
        let tar = layer::unpack(Section::new(self.file, place), place.bytes)?;
        let (media_type, digest) = match tar.compression() {
            Compression::None => ("application/vnd.oci.image.layer.v1.tar", diff_id.to_owned()),
            compression => {
                let unpacked = digest(tar)?;
                ensure!(unpacked == diff_id, "the tar is {unpacked}, the config of the image says {diff_id}");
                let media_type = match compression {
                    Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
                    _ => "application/vnd.oci.image.layer.v1.tar+gzip",
                };
                (media_type, digest(Section::new(self.file, place))?)
            }
        };
        self.blobs.insert(digest.clone(), Content::Member(place));
        Ok(json!({ "mediaType": media_type, "digest": digest, "size": place.bytes }))
    }

    fn here(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let digest = digest_of(&content);
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": content.len() });
        self.blobs.insert(digest, Content::Here(content));
        descriptor
    }

    fn find(&self, name: &str) -> Result<Place> {
        self.members.find(name).with_context(|| format!("manifest.json names {name:?}, which is not in the archive"))
    }
}

/// A config whose name is a digest must have it.
fn require_name(name: &str, digest: &str) -> Result<()> {
    let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".json");
    let is_digest = stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(
        !is_digest || digest.strip_prefix("sha256:") == Some(stem),
        "config {name:?} is not what its name says; its content is {digest}"
    );
    Ok(())
}

fn digest_of(content: &[u8]) -> String {
    let mut hash = Hash::sha256();
    hash.update(content);
    hash.digest()
}

/// Reads a stream to its end.
pub(super) fn digest(mut stream: impl Read) -> Result<String> {
    let mut hash = Hash::sha256();
    io::copy(&mut stream, &mut hash)?;
    Ok(hash.digest())
}
