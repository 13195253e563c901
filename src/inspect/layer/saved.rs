//! A layer's changes in a form to keep, so that a layer that did not change is never read twice.
//!
//! It starts with a version and ends with a hash. Where either is not as it should be, or anything in between does not
//! fit, there is nothing saved: a file that is damaged or older costs time and never changes a result.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::super::attributes::{Attributes, AttributesId, AttributesTable};
use super::super::content::Content;
use super::super::detail::Detail;
use super::super::paths::{PathId, Paths};
use super::super::texts::{TextId, Texts};
use super::{Change, Entry, Layer};

/// Changes with the form and with the meaning of what is in it: what a rule of the reader makes of a tar.
const MARK: &[u8] = b"weighbridge layer 4\n";
const HASH_BYTES: usize = 16;

/// What is written. Numbers are those of the lists beside them.
#[derive(Serialize, Deserialize)]
struct Saved {
    diff_id: String,
    uncompressed_bytes: u64,
    file_bytes: u64,
    parents: Vec<u32>,
    names: SavedTexts,
    targets: SavedTexts,
    contents: Vec<(u64, u64, u64)>,
    attributes: Vec<Attributes>,
    details: Vec<(u32, Detail)>,
    entries: Vec<(u32, u32, SavedChange)>,
}

#[derive(Serialize, Deserialize)]
struct SavedTexts(Vec<u8>, Vec<u32>);

#[derive(Clone, Copy, Serialize, Deserialize)]
enum SavedChange {
    Directory,
    File(u32),
    Symlink(u32),
    HardLink(u32),
    Other,
    Whiteout,
    Opaque,
}

/// A layer as bytes.
///
/// # Errors
/// When it does not fit into memory twice.
pub(super) fn to_bytes(layer: &Layer, diff_id: &str) -> Result<Vec<u8>> {
    let (parents, names) = layer.paths.parts();
    let texts = |texts: &Texts| SavedTexts(texts.parts().0.to_vec(), texts.parts().1.to_vec());
    let hashed = |Content { bytes, hash: [high, low] }: &Content| (*bytes, *high, *low);
    let saved = Saved {
        diff_id: diff_id.to_owned(),
        uncompressed_bytes: layer.uncompressed_bytes,
        file_bytes: layer.file_bytes,
        parents: parents.map(|parent| parent.0).collect(),
        names: texts(names),
        targets: texts(&layer.targets),
        contents: layer.contents.iter().map(hashed).collect(),
        attributes: layer.attributes.all().to_vec(),
        details: layer.details.iter().map(|(content, detail)| (*content, Detail::clone(detail))).collect(),
        entries: layer.entries.iter().map(|entry| (entry.path.0, entry.attributes.0, entry.change.into())).collect(),
    };
    let mut bytes = postcard::to_extend(&saved, MARK.to_vec()).context("save a layer")?;
    bytes.extend(checksum(&bytes));
    Ok(bytes)
}

/// A layer from bytes that were kept for this `diff_id`.
///
/// # Errors
/// When they are damaged, of another version, or of another layer.
pub(super) fn from_bytes(bytes: &[u8], diff_id: &str) -> Result<Layer> {
    let body = bytes.strip_prefix(MARK).context("of another version")?;
    let at = body.len().checked_sub(HASH_BYTES).context("cut short")?;
    let (body, _) = body.split_at(at);
    let (hashed, stated) = bytes.split_at(MARK.len() + at);
    ensure!(checksum(hashed) == stated, "damaged");
    let saved: Saved = postcard::from_bytes(body).context("damaged")?;
    ensure!(saved.diff_id == diff_id, "of another layer");
    saved.restore().context("damaged")
}

fn checksum(bytes: &[u8]) -> [u8; HASH_BYTES] {
    let [high, low] = Content::of(bytes).hash;
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}

impl Saved {
    fn restore(self) -> Option<Layer> {
        let names = Texts::from_parts(self.names.0, self.names.1)?;
        let paths = Paths::from_parts(self.parents.into_iter().map(PathId), names)?;
        let targets = Texts::from_parts(self.targets.0, self.targets.1)?;
        let contents: Vec<Content> =
            self.contents.into_iter().map(|(bytes, high, low)| Content { bytes, hash: [high, low] }).collect();
        let entries: Vec<Entry> = self
            .entries
            .into_iter()
            .map(|(path, attributes, change)| Entry {
                path: PathId(path),
                attributes: AttributesId(attributes),
                change: change.into(),
            })
            .collect();
        let fits = entries.iter().all(|entry| {
            let target_fits = match entry.change {
                Change::File(content) => (content as usize) < contents.len(),
                Change::Symlink(TextId(target)) => (target as usize) < targets.len(),
                Change::HardLink(target) => target.index() < paths.len(),
                Change::Directory | Change::Other | Change::Whiteout | Change::Opaque => true,
            };
            entry.path.index() < paths.len() && (entry.attributes.0 as usize) < self.attributes.len() && target_fits
        });
        let attributes = AttributesTable::from_all(self.attributes);
        let text_bytes = self.details.iter().map(|(_, detail)| detail.text_bytes()).sum();
        let details = self.details.into_iter().map(|(content, detail)| (content, Arc::new(detail))).collect();
        fits.then_some(Layer {
            compression: None,
            uncompressed_bytes: self.uncompressed_bytes,
            file_bytes: self.file_bytes,
            paths,
            entries,
            contents,
            attributes,
            details,
            targets,
            text_bytes,
        })
    }
}

impl From<Change> for SavedChange {
    fn from(change: Change) -> Self {
        match change {
            Change::Directory => Self::Directory,
            Change::File(content) => Self::File(content),
            Change::Symlink(target) => Self::Symlink(target.0),
            Change::HardLink(target) => Self::HardLink(target.0),
            Change::Other => Self::Other,
            Change::Whiteout => Self::Whiteout,
            Change::Opaque => Self::Opaque,
        }
    }
}

impl From<SavedChange> for Change {
    fn from(change: SavedChange) -> Self {
        match change {
            SavedChange::Directory => Self::Directory,
            SavedChange::File(content) => Self::File(content),
            SavedChange::Symlink(target) => Self::Symlink(TextId(target)),
            SavedChange::HardLink(target) => Self::HardLink(PathId(target)),
            SavedChange::Other => Self::Other,
            SavedChange::Whiteout => Self::Whiteout,
            SavedChange::Opaque => Self::Opaque,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;
    use crate::oci::testing::tar;

    fn layer() -> Layer {
        Layer::read(&tar(b"content")[..], 0).unwrap()
    }

    #[test]
    fn what_was_kept_is_what_was_read() {
        let (before, bytes) = (layer(), layer().to_bytes("sha256:1").unwrap());
        let after = Layer::from_bytes(&bytes, "sha256:1").unwrap();
        assert_eq!((after.uncompressed_bytes, after.file_bytes), (before.uncompressed_bytes, before.file_bytes));
        let account = |layer: &Layer| {
            let mut tree = Tree::new();
            tree.apply(layer).unwrap();
            (tree.live_files().map(|(path, _)| path).collect::<Vec<_>>(), tree.account())
        };
        assert_eq!(account(&after), account(&before));
        assert!(format!("{:#}", Layer::from_bytes(&bytes, "sha256:2").unwrap_err()).contains("of another layer"));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let bytes = layer().to_bytes("sha256:1").unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Layer::from_bytes(&damaged, "sha256:1").is_err(), "{at}");
            assert!(Layer::from_bytes(&bytes[..at], "sha256:1").is_err(), "{at}");
        }
    }

    #[test]
    fn numbers_that_lead_nowhere_are_refused_even_under_a_right_hash() {
        let texts = || SavedTexts(b"f".to_vec(), vec![0, 1]);
        let saved = |parents: Vec<u32>, entries| Saved {
            diff_id: String::new(),
            uncompressed_bytes: 0,
            file_bytes: 0,
            parents,
            names: texts(),
            targets: texts(),
            contents: vec![(0, 0, 0)],
            attributes: vec![Attributes::IMPLIED_DIRECTORY],
            details: Vec::new(),
            entries,
        };
        assert!(saved(vec![0], vec![(1, 0, SavedChange::File(0))]).restore().is_some());
        for (parents, path, change) in [
            (vec![1], 1, SavedChange::Other),
            (vec![], 1, SavedChange::Other),
            (vec![0], 2, SavedChange::Other),
            (vec![0], 1, SavedChange::File(1)),
            (vec![0], 1, SavedChange::Symlink(2)),
            (vec![0], 1, SavedChange::HardLink(2)),
        ] {
            assert!(saved(parents, vec![(path, 0, change)]).restore().is_none());
        }
        assert!(saved(vec![0], vec![(1, 1, SavedChange::Other)]).restore().is_none());
    }
}
