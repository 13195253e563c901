//! The file system that layers make, laid over each other in order, with the books of what was lost on the way.
//!
//! The rules are those of the OCI image-spec (layer.md, "Applying Changesets"). Where it is silent, what counts is
//! what containerd makes of a layer on overlayfs, as most nodes run it:
//!
//! - Removals concern lower layers alone, wherever in the tar they stand. One of nothing does nothing.
//! - Two directories at one path are one. Anything else takes the place of what was there, with all below it.
//! - A directory that is only implied, by a member or a whiteout in it, is there. A symbolic link of the same layer is
//!   followed on the way to it; one of a lower layer, and any file, is replaced by a directory, as overlayfs unpacks
//!   every layer into a directory of its own.
//! - A hard link is one more name of a file, also of a lower layer's. The file's bytes count once, and are lost with
//!   its last name: whoever takes that is the killer. A hard link to nothing is an entry without bytes.
//! - A layer that an image has twice is written twice.

mod account;
mod claims;
mod duplicate;
mod file;
mod find;
mod place;
mod resolve;
mod waste;
mod weigh;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};

pub use account::{Account, LiveFile, WrittenFile};
pub(super) use claims::Claims;
pub use claims::Packaged;
pub use duplicate::{Copied, Duplicate};
use file::{FileId, Files};
pub use find::{Absent, Found, FoundKind};
pub use place::Changes;
use place::{Node, Places};
pub use waste::Pair;
use waste::Waste;
pub use weigh::Weighed;

use super::attributes::{AttributesId, AttributesTable};
use super::detail::Detail;
use super::layer::{Change, Entry, Layer};
use super::paths::{PathId, Paths};
use super::texts::Texts;
use crate::report::contents::WasteKind;

/// More text is not kept of an image. Honest ones replace one database by the next, hostile ones add to it in each layer.
const TEXTS_LIMIT_BYTES: u64 = 128 * 1024 * 1024;

/// The file system after some layers.
#[derive(Debug)]
pub struct Tree {
    paths: Paths,
    places: Places,
    files: Files,
    targets: Texts,
    attributes: AttributesTable,
    /// Of the directories that a layer has an entry for.
    directories: HashMap<PathId, AttributesId>,
    details: HashMap<FileId, Arc<Detail>>,
    /// Bytes of the texts in `details`.
    text_bytes: u64,
    waste: Waste,
    /// The layer at hand, counted from 0.
    layer: u32,
    dangling_links: u64,
    steps: u64,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// The file system before the first layer.
    #[must_use]
    pub fn new() -> Self {
        Self {
            paths: Paths::new(),
            places: Places::new(),
            files: Files::default(),
            targets: Texts::default(),
            attributes: AttributesTable::default(),
            directories: HashMap::new(),
            details: HashMap::new(),
            text_bytes: 0,
            waste: Waste::default(),
            layer: 0,
            dangling_links: 0,
            steps: 0,
        }
    }

    /// Lays the next layer over the ones before.
    ///
    /// # Errors
    /// When symbolic links lead in a circle on the way to an entry, or the image is larger than anything honest.
    pub fn apply(&mut self, layer: &Layer) -> Result<Changes> {
        self.places.begin(self.layer);
        let own = self.adopt(&layer.paths)?;
        let own = |path: PathId| own.get(path.index()).copied().unwrap_or(PathId::ROOT);
        for Entry { path, change, .. } in &layer.entries {
            match change {
                Change::Whiteout => self.remove(own(*path), WasteKind::Deleted),
                Change::Opaque => self.empty(own(*path), WasteKind::Opaque),
                _ => {}
            }
        }
        let attributes = self.adopt_attributes(&layer.attributes)?;
        let mut details = layer.details.iter().peekable();
        for Entry { path, attributes: own_attributes, change } in &layer.entries {
            let attributes = attributes.get(own_attributes.0 as usize).copied().context("an entry without mode")?;
            let path = own(*path);
            match change {
                Change::Whiteout => _ = self.settle(path)?,
                Change::Opaque => _ = self.directory(path)?,
                Change::Directory => {
                    let place = self.write(path, |_, _| Ok(Node::Directory))?;
                    self.directories.insert(place, attributes);
                }
                Change::Other => _ = self.write(path, |_, _| Ok(Node::Other))?,
                Change::Symlink(target) => {
                    let target = self.targets.push(layer.targets.get(*target))?;
                    self.write(path, |_, _| Ok(Node::Symlink(target)))?;
                }
                Change::HardLink(target) => _ = self.write(path, |tree, _| tree.link(own(*target)))?,
                Change::File(index) => {
                    let content = layer.contents.get(*index as usize).context("a file without content")?;
                    let detail = details.next_if(|(content, _)| content == index).map(|(_, detail)| Arc::clone(detail));
                    self.write(path, |tree, place| {
                        let file = tree.files.add(*content, place, tree.layer, attributes)?;
                        if let Some(detail) = detail {
                            tree.keep(file, detail);
                        }
                        Ok(Node::File(file))
                    })?;
                }
            }
        }
        self.layer += 1;
        Ok(self.places.changes())
    }

    /// Keeps what is known of a file.
    fn keep(&mut self, file: FileId, detail: Arc<Detail>) {
        let text_bytes = self.text_bytes.saturating_add(detail.text_bytes());
        if text_bytes <= TEXTS_LIMIT_BYTES {
            self.text_bytes = text_bytes;
            self.details.insert(file, detail);
        } else {
            self.details.insert(file, Arc::new(Detail::Unseen));
        }
    }

    /// Puts what is made for a place there, and says which place that is.
    fn write(&mut self, path: PathId, make: impl FnOnce(&mut Self, PathId) -> Result<Node>) -> Result<PathId> {
        let place = self.settle(path)?;
        let node = make(self, place)?;
        self.replace(place, node);
        Ok(place)
    }

    /// The paths of a layer among our own.
    fn adopt(&mut self, layer: &Paths) -> Result<Vec<PathId>> {
        let mut own = vec![PathId::ROOT];
        own.reserve_exact(layer.len());
        for path in layer.below_root() {
            let parent = own.get(layer.parent(path).index()).copied().unwrap_or(PathId::ROOT);
            own.push(self.paths.child(parent, layer.name(path))?);
        }
        Ok(own)
    }

    /// The modes and owners of a layer among our own.
    fn adopt_attributes(&mut self, layer: &AttributesTable) -> Result<Vec<AttributesId>> {
        layer.all().iter().map(|attributes| self.attributes.intern(*attributes)).collect()
    }

    /// Ends what is at a path, if there is something.
    fn remove(&mut self, path: PathId, kind: WasteKind) {
        if self.places.node(path) == Node::Absent {
            return;
        }
        self.empty(path, kind);
        let node = self.places.take(path);
        self.lose(node, kind);
    }

    /// Ends what is below a path, if it is a directory.
    fn empty(&mut self, path: PathId, kind: WasteKind) {
        if self.places.node(path) == Node::Directory {
            for node in self.places.take_below(path) {
                self.lose(node, kind);
            }
        }
    }

    /// Puts something at a path in the place of what is there. Directories merge.
    fn replace(&mut self, path: PathId, node: Node) {
        let content = |node: Node| if let Node::File(file) = node { self.files.content(file) } else { None };
        let old = self.places.node(path);
        if (old, node) == (Node::Directory, Node::Directory) {
            return;
        }
        let is_same = content(old).is_some() && content(old) == content(node);
        self.remove(path, if is_same { WasteKind::MetadataOnly } else { WasteKind::Overwritten });
        self.directories.remove(&path);
        self.places.put(&self.paths, path, node);
    }

    /// Takes a name from a file, and notes it in the books when that was its last.
    fn lose(&mut self, node: Node, kind: WasteKind) {
        let Node::File(id) = node else { return };
        if let Some(file) = self.files.unlink(id) {
            let text_bytes = self.details.remove(&id).map_or(0, |detail| detail.text_bytes());
            self.text_bytes = self.text_bytes.saturating_sub(text_bytes);
            self.waste.note((file.layer, self.layer, kind), file.content.bytes, || self.paths.spell(file.path));
        }
    }
}
