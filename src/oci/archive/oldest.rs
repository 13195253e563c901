//! What `docker save` wrote before Docker 1.10: a directory for each layer, whose `json` names its parent, and no
//! `manifest.json` (moby's image/spec/v1.md). A config is made of the documents, and the layers, whose contents nobody
//! states, are read for their digests.

use std::collections::BTreeSet;
use std::fs::File;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::docker::{Made, digest};
use super::members::Members;
use super::{Archive, Section, document};
use crate::oci::blobs::parse;
use crate::oci::layer;

/// Docker had room for 127; whoever names more goes in circles.
const DEPTH_LIMIT: usize = 1_000;

/// The `json` of a layer, which is an image as well.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    created: Value,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    container_config: Option<Container>,
}

/// The container that a layer was made by.
#[derive(Deserialize)]
struct Container {
    #[serde(rename = "Cmd", default)]
    command: Option<Vec<String>>,
}

/// The layers of an archive, by the names of their directories.
pub(super) fn layers(members: &Members) -> BTreeSet<&str> {
    let has_tar = |id: &&str| members.find(&format!("{id}/layer.tar")).is_some();
    members
        .names()
        .filter_map(|name| name.strip_suffix("/json"))
        .filter(|id| !id.contains('/'))
        .filter(has_tar)
        .collect()
}

/// Reads an archive of these layers: each that is no other's parent is an image.
pub(super) fn read(file: File, members: &Members, ids: &BTreeSet<&str>) -> Result<Archive> {
    let document = |id: &str| -> Result<Document> {
        let name = format!("{id}/json");
        let place = members.find(&name).with_context(|| format!("layer {id:?} is not in the archive"))?;
        document(&file, place).and_then(|json| parse(&json, "")).with_context(|| format!("read {name:?}"))
    };
    let mut heads = ids.clone();
    for id in ids {
        document(id)?.parent.iter().for_each(|parent| _ = heads.remove(parent.as_str()));
    }
    ensure!(!heads.is_empty(), "every layer of the archive is the parent of another");
    let mut made = Made::new(&file, members);
    let mut manifests = Vec::new();
    for head in heads {
        let mut chain = vec![document(head)?];
        let mut names = vec![head.to_owned()];
        while let Some(parent) = chain.last().and_then(|document| document.parent.clone()).filter(|id| !id.is_empty()) {
            if chain.len() == DEPTH_LIMIT {
                bail!("image {head:?} has more than {DEPTH_LIMIT} layers");
            }
            chain.push(document(&parent)?);
            names.push(parent);
        }
        manifests.push(image(&mut made, &file, members, &chain, &names)?);
    }
    let index = json!({ "schemaVersion": 2, "manifests": manifests }).to_string().into_bytes();
    let blobs = made.blobs;
    Ok(Archive { file, index, blobs, states_digests: false })
}

/// The descriptor of the manifest of an image, whose layers come with the newest first.
fn image(made: &mut Made<'_>, file: &File, members: &Members, chain: &[Document], ids: &[String]) -> Result<Value> {
    let Some(newest) = chain.first() else { bail!("an image without layers") };
    let mut diff_ids = Vec::new();
    let mut layers = Vec::new();
    for id in ids.iter().rev() {
        let name = format!("{id}/layer.tar");
        let place = members.find(&name).with_context(|| format!("{name:?} is not in the archive"))?;
        let diff_id = layer::unpack(Section::new(file, place), place.bytes).and_then(digest);
        let diff_id = diff_id.with_context(|| format!("read layer {name:?}"))?;
        layers.push(made.layer(&name, &diff_id).with_context(|| format!("read layer {name:?}"))?);
        diff_ids.push(diff_id);
    }
    let history: Vec<Value> = chain.iter().rev().map(history).collect();
    let config = json!({
        "created": newest.created,
        "os": newest.os.as_deref().unwrap_or("linux"),
        "architecture": newest.architecture.as_deref().unwrap_or("amd64"),
        "config": if newest.config.is_object() { newest.config.clone() } else { json!({}) },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    });
    Ok(made.image_of(config.to_string().into_bytes(), &layers))
}

fn history(document: &Document) -> Value {
    let command = document.container_config.as_ref().and_then(|container| container.command.clone());
    json!({
        "created": document.created,
        "created_by": command.unwrap_or_default().join(" "),
        "author": document.author,
    })
}
