//! What there is to say of an image that was read, in the words of the report.

mod leftovers;
mod packages;
mod settings;
mod waste;

use super::{Account, Contents, Duplicate, Example, LayerContents, Weighed, start};
use crate::oci::{Image, Platform};
use crate::report::contents::{self, FileBytes, LayerChanges};
use packages::Found;

/// How many groups of files with the same bytes are told.
const DUPLICATES: usize = 20;

/// What there is to say of an image on a platform.
#[must_use]
pub fn describe(read: &Contents, image: &Image, platform: &Platform) -> contents::Contents {
    let tree = &read.tree;
    let account = tree.account();
    let Found { packages, packaged, unread } = packages::find(tree);
    contents::Contents {
        file_bytes: account.file_bytes,
        live_bytes: account.live_bytes,
        waste: waste::pairs(&account, image),
        duplicate_bytes: account.duplicate_bytes,
        duplicates: duplicates(&account),
        layers: read.layers.iter().map(layer_changes).collect(),
        weights: tree.weights(&packaged).into_iter().map(weight).collect(),
        packages,
        leftovers: leftovers::find(tree),
        exposed_ports: image.settings.exposed_ports.iter().cloned().collect(),
        findings: settings::findings(image).into_iter().chain(unread).collect(),
        start: start::check(tree, &image.settings, platform),
    }
}

fn duplicates(account: &Account) -> Vec<contents::Duplicate> {
    let told = account.duplicates.iter().take(DUPLICATES);
    told.map(|Duplicate { bytes, files, copies }| contents::Duplicate {
        bytes: *bytes,
        files: *files,
        paths: copies.iter().map(|copy| text(&copy.path)).collect(),
    })
    .collect()
}

fn layer_changes(layer: &LayerContents) -> LayerChanges {
    let super::Changes { added_files, changed_files, removed_files } = layer.changes;
    LayerChanges { added_files, changed_files, removed_files, file_bytes: layer.file_bytes }
}

fn weight(weighed: Weighed) -> contents::Weight {
    let Weighed { layer, path, bytes, files, is_file, packaged_bytes } = weighed;
    contents::Weight { layer, path: text(&path), bytes, files, is_file, packaged_bytes }
}

fn examples(examples: &[Example]) -> Vec<FileBytes> {
    examples.iter().map(|example| FileBytes { path: text(&example.path), bytes: example.bytes }).collect()
}

/// A path of any bytes as text.
fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
