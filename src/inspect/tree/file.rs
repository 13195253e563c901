//! The regular files that layers wrote, alive or not. A file may have several names.

use anyhow::{Context, Result};

use super::super::attributes::AttributesId;
use super::super::content::Content;
use super::super::paths::PathId;

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId(u32);

/// A file as one layer wrote it.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    /// What it holds.
    pub(super) content: Content,
    /// The path under which it was written.
    pub(super) path: PathId,
    /// The layer that wrote it.
    pub(super) layer: u32,
    /// Its mode and owner.
    pub(super) attributes: AttributesId,
    /// How many names it has; none when no container will see it.
    pub(super) names: u32,
}

/// All files of an image, those of all layers.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<File>);

impl Files {
    /// A file that is about to get its first name.
    ///
    /// # Errors
    /// When there are more than any image has.
    pub(super) fn add(
        &mut self,
        content: Content,
        path: PathId,
        layer: u32,
        attributes: AttributesId,
    ) -> Result<FileId> {
        let id = FileId(u32::try_from(self.0.len()).context("more files than any image has")?);
        self.0.push(File { content, path, layer, attributes, names: 1 });
        Ok(id)
    }

    /// All of them, in the order in which they were written.
    pub(super) fn all(&self) -> impl Iterator<Item = &File> {
        self.0.iter()
    }

    /// The same with which they are.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (FileId, &File)> {
        (0..).map(FileId).zip(&self.0)
    }

    pub(super) fn get(&self, id: FileId) -> Option<&File> {
        self.0.get(id.0 as usize)
    }

    pub(super) fn content(&self, id: FileId) -> Option<Content> {
        self.get(id).map(|file| file.content)
    }

    /// Gives a file one more name.
    pub(super) fn link(&mut self, id: FileId) {
        if let Some(file) = self.0.get_mut(id.0 as usize) {
            file.names = file.names.saturating_add(1);
        }
    }

    /// Takes a name from a file; returns the file when that was the last.
    pub(super) fn unlink(&mut self, id: FileId) -> Option<File> {
        let file = self.0.get_mut(id.0 as usize)?;
        file.names = file.names.saturating_sub(1);
        (file.names == 0).then_some(*file)
    }

    /// Bytes of all files, and of those that still have a name.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let sum = |files: &mut dyn Iterator<Item = &File>| {
            files.fold(0u64, |sum, file| sum.saturating_add(file.content.bytes))
        };
        (sum(&mut self.0.iter()), sum(&mut self.0.iter().filter(|file| file.names > 0)))
    }
}
