//! One member of a tar: its header block joined with the extensions that stand before it.

use anyhow::{Result, bail};

use super::header::Header;
use super::pax::{Pax, Sparse};
use crate::inspect::attributes::Attributes;

/// What a member makes when it is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name for a file.
    HardLink,
    /// A device, a pipe, or what no unpacker knows.
    Other,
}

/// A member without its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Path as it is written, from the extension that has the last word.
    pub(super) path: Vec<u8>,
    /// What it makes.
    pub(super) kind: MemberKind,
    /// Where a link leads, as it is written; empty otherwise.
    pub(super) link: Vec<u8>,
    /// Mode and owner, from the extension where it has them.
    pub(super) attributes: Attributes,
    /// Length of what follows in the tar.
    pub(super) stored_bytes: u64,
    /// What a sparse file has beside its stored bytes.
    pub(super) sparse: Option<Extents>,
}

/// What is known of a sparse file before its stored bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extents {
    /// Length with all holes.
    pub(super) bytes: u64,
    /// The map, in the spelling of its format; empty where it is stored with the data.
    pub(super) map: Vec<u8>,
}

/// What the members before said of the next one.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    /// The latest PAX header.
    pub(super) pax: Pax,
    /// GNU's long path.
    pub(super) path: Option<Vec<u8>>,
    /// GNU's long link target.
    pub(super) link: Option<Vec<u8>>,
}

impl Extensions {
    /// Joins a header with what was said before it. GNU's long names have the last word, as in Go's `archive/tar`.
    ///
    /// # Errors
    /// When a field of the header is no number.
    pub(super) fn join(self, header: Header<'_>) -> Result<Member> {
        let Pax { path, link, stored_bytes, uid, gid, sparse } = self.pax;
        let sparse_name = sparse.as_ref().and_then(|sparse| sparse.name.clone());
        let path = self.path.or(sparse_name).or(path).unwrap_or_else(|| header.name());
        let kind = kind_of(header.flag(), &path);
        let link = match kind {
            MemberKind::Symlink | MemberKind::HardLink => self.link.or(link).unwrap_or_else(|| header.link()),
            _ => Vec::new(),
        };
        let has_content = !matches!(header.flag(), b'1'..=b'6') && kind != MemberKind::Directory;
        // Go reads no content after links, directories and devices, whatever length they state.
        let stored_bytes = if has_content { stored_bytes.map_or_else(|| header.stored_bytes(), Ok)? } else { 0 };
        let stated = header.attributes()?;
        let owner = |stated, pax: Option<u64>| pax.map_or(stated, |number| u32::try_from(number).unwrap_or(u32::MAX));
        let attributes = Attributes { uid: owner(stated.uid, uid), gid: owner(stated.gid, gid), ..stated };
        let sparse = sparse.map(|Sparse { bytes, map, .. }| Extents { bytes: bytes.unwrap_or(stored_bytes), map });
        let sparse = sparse.filter(|_| kind == MemberKind::File);
        Ok(Member { path, kind, link, attributes, stored_bytes, sparse })
    }
}

fn kind_of(flag: u8, path: &[u8]) -> MemberKind {
    match flag {
        // Version 7 has no directories but by name.
        0 if path.ends_with(b"/") => MemberKind::Directory,
        0 | b'0' | b'7' | b'S' => MemberKind::File,
        b'1' => MemberKind::HardLink,
        b'2' => MemberKind::Symlink,
        b'5' => MemberKind::Directory,
        _ => MemberKind::Other,
    }
}

/// GNU's long path or link target.
///
/// # Errors
/// When it is empty.
pub(super) fn long_name(content: &[u8]) -> Result<Vec<u8>> {
    match content.split(|byte| *byte == 0).next() {
        Some(name) if !name.is_empty() => Ok(name.to_vec()),
        _ => bail!("a GNU long name that is empty"),
    }
}
