//! One layer: its blob read once as a stream, and the changes in it.

mod ahead;
mod capture;
mod entry;
mod header;
mod member;
mod name;
mod number;
mod pax;
mod saved;
mod tar;
mod verified;

use std::io::{BufRead, Read};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use capture::{Capture, TEXTS_LIMIT_BYTES};
pub(super) use entry::{Change, Entry};
use member::{Member, MemberKind};
use name::Name;
use number::numeric;
use tar::Tar;
use verified::Verified;

use super::attributes::AttributesTable;
use super::content::Content;
use super::detail::Detail;
use super::paths::{PathId, Paths};
use super::texts::Texts;
use crate::escape;
use crate::oci::layer::unpack;
use crate::report::Compression;

/// Many times what the largest layers hold. It bounds the memory of a hostile one, which may name one path for ever.
const ENTRY_LIMIT: usize = 8_000_000;
/// Holes cost nothing to claim. With this, no sum of an image's files can overflow.
const FILE_LIMIT_BYTES: u64 = 1 << 48;
/// How much of a path an error shows.
const SHOWN_CHARS: usize = 200;

/// The changes that a layer makes, in the order of its tar.
#[derive(Debug, Clone, Default)]
pub struct Layer {
    /// How the blob is compressed; `None` of a layer that was kept, whose blob was not looked at.
    pub compression: Option<Compression>,
    /// Length of the uncompressed tar.
    pub uncompressed_bytes: u64,
    /// Bytes of all its regular files; sparse ones count with their holes.
    pub file_bytes: u64,
    pub(super) paths: Paths,
    pub(super) entries: Vec<Entry>,
    pub(super) contents: Vec<Content>,
    pub(super) attributes: AttributesTable,
    /// By the number of the content that they are of, in order.
    pub(super) details: Vec<(u32, Arc<Detail>)>,
    pub(super) targets: Texts,
    /// Bytes of the texts in `details`.
    text_bytes: u64,
}

impl Layer {
    /// Reads a blob to its end.
    ///
    /// # Errors
    /// When the blob is no layer, is damaged or cut short, or is larger than anything honest; the member is named.
    pub fn read(blob: impl Read + Send, compressed_bytes: u64) -> Result<Self> {
        let tar = unpack(blob, compressed_bytes)?;
        let compression = Some(tar.compression());
        Ok(Self { compression, ..Self::walk(tar)? })
    }

    /// Reads a blob to its end, and checks that its tar is the one that the config of the image names. That takes
    /// three times as long where the tar is not compressed.
    ///
    /// # Errors
    /// As [`Self::read`], and when the tar is another one or the digest of an algorithm that nobody uses.
    pub fn read_verified(blob: impl Read + Send, compressed_bytes: u64, diff_id: &str) -> Result<Self> {
        let tar = unpack(blob, compressed_bytes)?;
        let compression = Some(tar.compression());
        let mut tar = Verified::new(tar, diff_id)?;
        let layer = Self { compression, ..Self::walk(&mut tar)? };
        tar.verify()?;
        Ok(layer)
    }

    /// The layer in a form to keep for its `diff_id`.
    ///
    /// # Errors
    /// When the memory does not suffice.
    pub fn to_bytes(&self, diff_id: &str) -> Result<Vec<u8>> {
        saved::to_bytes(self, diff_id)
    }

    /// A layer from what was kept for its `diff_id`.
    ///
    /// # Errors
    /// When that is damaged, of another version or of another layer.
    pub fn from_bytes(bytes: &[u8], diff_id: &str) -> Result<Self> {
        saved::from_bytes(bytes, diff_id)
    }

    /// About how much memory it takes.
    pub(super) fn memory_bytes(&self) -> u64 {
        let lists = size_of_val(&*self.entries) + size_of_val(&*self.contents) + size_of_val(&*self.details);
        let texts = self.paths.memory_bytes() + self.targets.memory_bytes();
        (lists + texts) as u64 + self.text_bytes
    }

    fn walk(tar: impl Read + Send) -> Result<Self> {
        ahead::with(tar, |tar| {
            let mut layer = Self::default();
            let mut tar = Tar::new(tar);
            while let Some(member) = tar.next().with_context(|| layer.position())? {
                let shown = || escape::middle(&String::from_utf8_lossy(&member.path), SHOWN_CHARS);
                layer.add(&mut tar, &member).with_context(shown)?;
            }
            layer.uncompressed_bytes = tar.finish()?;
            layer.paths.seal();
            Ok(layer)
        })
    }

    /// Says of an error between two members where it is.
    fn position(&self) -> String {
        let last = self.entries.last().map(|entry| self.paths.spell(entry.path)).unwrap_or_default();
        match String::from_utf8_lossy(&last) {
            path if path.is_empty() => "before the first member".to_owned(),
            path => format!("after {}", escape::middle(&path, SHOWN_CHARS)),
        }
    }

    fn add(&mut self, tar: &mut Tar<impl BufRead>, member: &Member) -> Result<()> {
        ensure!(self.entries.len() < ENTRY_LIMIT, "more than {ENTRY_LIMIT} members");
        let components = name::components(&member.path)?;
        let Some((last, directories)) = components.split_last() else {
            // The root is there already, and nothing can take its place.
            return Ok(());
        };
        let directory = self.intern(directories)?;
        let (path, change) = match name::kind(last)? {
            Name::Opaque => (directory, Change::Opaque),
            Name::Whiteout(hidden) => (self.paths.child(directory, hidden)?, Change::Whiteout),
            Name::Plain => (self.paths.child(directory, last)?, self.change(tar, member)?),
        };
        let attributes = self.attributes.intern(member.attributes)?;
        self.entries.push(Entry { path, attributes, change });
        Ok(())
    }

    fn change(&mut self, tar: &mut Tar<impl BufRead>, member: &Member) -> Result<Change> {
        Ok(match member.kind {
            MemberKind::File => {
                let mut capture = match member.sparse {
                    Some(_) => Capture::Unseen,
                    None => Capture::of(
                        &member.path,
                        member.stored_bytes,
                        TEXTS_LIMIT_BYTES.saturating_sub(self.text_bytes),
                    ),
                };
                let content = tar.content(member, &mut capture)?;
                self.file_bytes = self.file_bytes.saturating_add(content.bytes);
                ensure!(self.file_bytes <= FILE_LIMIT_BYTES, "files of more than {FILE_LIMIT_BYTES} bytes in all");
                let index = u32::try_from(self.contents.len())?;
                self.contents.push(content);
                if let Some(detail) = capture.finish() {
                    self.keep(index, detail);
                }
                Change::File(index)
            }
            MemberKind::Directory => Change::Directory,
            MemberKind::Symlink => {
                name::require_length(&member.link).context("a symbolic link")?;
                Change::Symlink(self.targets.push(&member.link)?)
            }
            MemberKind::HardLink => Change::HardLink(self.intern(&name::components(&member.link)?)?),
            MemberKind::Other => Change::Other,
        })
    }

    fn keep(&mut self, content: u32, detail: Detail) {
        self.text_bytes = self.text_bytes.saturating_add(detail.text_bytes());
        self.details.push((content, Arc::new(detail)));
    }

    fn intern(&mut self, components: &[&[u8]]) -> Result<PathId> {
        components.iter().try_fold(PathId::ROOT, |directory, name| self.paths.child(directory, name))
    }
}
