//! Tests of the reader of images from outside: generated images against an oracle that shares no line with it, the
//! cases that readers get wrong, and tars that are broken.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod broken;
mod cases;
mod describing;
#[path = "../support/elf.rs"]
mod elf;
mod explaining;
mod finding;
mod forms;
mod generated;
mod keeping;
mod layouts;
mod oracle;
mod packages;
mod six;
mod starting;
#[path = "../support/tape.rs"]
mod tape;

use std::collections::BTreeMap;

use anyhow::Result;
use weighbridge::inspect::{self, Account, Contents, Kept, Layer, Tree};
use weighbridge::oci::LayerBlob;

/// Reads blobs as the layers of an image.
fn read(blobs: &[Vec<u8>]) -> Result<Contents> {
    read_keeping(blobs, None)
}

fn read_keeping(blobs: &[Vec<u8>], kept: Option<&Kept>) -> Result<Contents> {
    let layers: Vec<LayerBlob> = blobs.iter().map(|blob| layer_blob(blobs, blob)).collect();
    let by_digest: BTreeMap<&str, &[u8]> =
        layers.iter().zip(blobs).map(|(layer, blob)| (&*layer.digest, &**blob)).collect();
    inspect::read(&layers, |layer| Ok(by_digest[&*layer.digest]), kept)
}

/// Equal blobs have equal digests. The `diff_id` is right where the blob is a plain tar.
fn layer_blob(blobs: &[Vec<u8>], blob: &Vec<u8>) -> LayerBlob {
    let number = blobs.iter().position(|other| other == blob).unwrap();
    LayerBlob {
        digest: format!("sha256:{number:064x}"),
        diff_id: tape::sha256(blob),
        compressed_bytes: blob.len() as u64,
        media_type: String::new(),
    }
}

/// The books of an image with these layers, in the order of the tars.
fn account(layers: &[Vec<tape::Item>]) -> Account {
    let mut tree = Tree::new();
    for items in layers {
        let tar = tape::tar(items);
        tree.apply(&Layer::read(&tar[..], tar.len() as u64).unwrap()).unwrap();
    }
    tree.account()
}

/// The message of what went wrong with a blob.
fn error_of(blob: &[u8]) -> String {
    format!("{:#}", read(&[blob.to_vec()]).unwrap_err())
}
