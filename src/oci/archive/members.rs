//! Where the members of a tar lie, told from its headers alone: their contents are passed over.
//!
//! Formats: POSIX.1-2001 (ustar and pax), and the long names of GNU tar.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail, ensure};

use crate::fs;

const BLOCK_BYTES: u64 = 512;
/// An image has a few members per layer; one of a million is none.
const MEMBER_LIMIT: usize = 100_000;
/// Upper limit of an extended header or a long name.
const EXTENSION_LIMIT_BYTES: u64 = 64 * 1024;
/// How many links lead to a member.
const LINK_LIMIT: usize = 8;

const NO_TAR: &str = "no archive of an image, as it is no tar";

/// The members of a tar by name, without `./` in front; of a name that stands twice the last.
#[derive(Debug, Default)]
pub(super) struct Members(HashMap<String, Member>);

#[derive(Debug, Clone)]
enum Member {
    File(Place),
    /// Where a link leads, as a name of a member.
    Link(String),
}

/// Where content lies in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// What extended headers say of the member that follows.
#[derive(Debug, Default)]
struct Extended {
    name: Option<String>,
    link: Option<String>,
    bytes: Option<u64>,
}

impl Members {
    /// Reads all headers.
    ///
    /// # Errors
    /// When the file is no tar, or is cut short or damaged.
    pub(super) fn read(file: &File) -> Result<Self> {
        let end = file.metadata().context("look at the file")?.len();
        let (mut members, mut extended, mut at) = (Self::default(), Extended::default(), 0);
        while let Some(header) = header(file, at, end)? {
            let kind = header.entry_type();
            let stated = header.entry_size().with_context(|| format!("at byte {at}"))?;
            let is_extension =
                kind.is_pax_local_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink() || is_global(kind);
            let bytes = extended.bytes.filter(|_| !is_extension).unwrap_or(stated);
            // Links and directories have no content, whatever is stated.
            let stored = if kind.is_file() || is_extension { bytes } else { 0 };
            let place = Place { offset: at + BLOCK_BYTES, bytes: stored };
            let next = place.offset.checked_add(stored).and_then(|end| end.checked_next_multiple_of(BLOCK_BYTES));
            let next = next.filter(|_| stored <= end.saturating_sub(place.offset));
            at =
                next.with_context(|| format!("at byte {at}: a member of {stored} bytes, cut short after {end} bytes"))?;
            if is_extension {
                extended.take(kind, &extension(file, place)?)?;
            } else {
                members.add(&header, std::mem::take(&mut extended), place)?;
            }
            ensure!(members.0.len() <= MEMBER_LIMIT, "more than {MEMBER_LIMIT} members; an image has far less");
        }
        Ok(members)
    }

    fn add(&mut self, header: &tar::Header, extended: Extended, place: Place) -> Result<()> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = extended.name.unwrap_or_else(|| text(&header.path_bytes()));
        let kind = header.entry_type();
        let member = if kind.is_file() {
            Member::File(place)
        } else if kind.is_symlink() || kind.is_hard_link() {
            let target = extended.link.or_else(|| header.link_name_bytes().map(|bytes| text(&bytes)));
            let target = target.context("a link that leads nowhere")?;
            let directory =
                if kind.is_symlink() { name.rsplit_once('/').map_or("", |(directory, _)| directory) } else { "" };
            Member::Link(normal(&format!("{directory}/{target}")))
        } else {
            return Ok(());
        };
        self.0.insert(normal(&name), member);
        Ok(())
    }

    /// Where the content of a member lies; links are followed, as docker writes them for a layer that stands twice.
    pub(super) fn find(&self, name: &str) -> Option<Place> {
        let mut name = normal(name);
        for _ in 0..LINK_LIMIT {
            match self.0.get(&name)? {
                Member::File(place) => return Some(*place),
                Member::Link(target) => name.clone_from(target),
            }
        }
        None
    }

    /// The names of all members.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Extended {
    fn take(&mut self, kind: tar::EntryType, content: &[u8]) -> Result<()> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
        if kind.is_gnu_longname() {
            self.name = Some(text(content));
        } else if kind.is_gnu_longlink() {
            self.link = Some(text(content));
        } else if kind.is_pax_local_extensions() {
            for record in tar::PaxExtensions::new(content) {
                let record = record.context("an extended header")?;
                match record.key_bytes() {
                    b"path" => self.name = Some(text(record.value_bytes())),
                    b"linkpath" => self.link = Some(text(record.value_bytes())),
                    b"size" => self.bytes = Some(text(record.value_bytes()).parse().context("an extended header")?),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn is_global(kind: tar::EntryType) -> bool {
    kind == tar::EntryType::XGlobalHeader
}

/// The header at a place; `None` at the end of the tar.
fn header(file: &File, at: u64, end: u64) -> Result<Option<tar::Header>> {
    // Some writers leave out the blocks of zeros that end a tar.
    if at > 0 && at >= end {
        return Ok(None);
    }
    // Nothing shorter than a header is a tar.
    ensure!(at > 0 || end >= BLOCK_BYTES, NO_TAR);
    ensure!(end - at >= BLOCK_BYTES, "at byte {at}: cut short in a header");
    let mut block = [0; 512];
    file.read_exact_at(&mut block, at).with_context(|| format!("read a header at byte {at}"))?;
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let (before, rest) = block.split_at(148);
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let actual = sum(before) + sum(rest.get(8..).unwrap_or_default()) + 8 * u32::from(b' ');
    let header = tar::Header::from_byte_slice(&block).clone();
    match header.cksum() {
        Ok(stated) if stated == actual => Ok(Some(header)),
        _ if at == 0 => bail!(NO_TAR),
        _ => bail!("at byte {at}: no header of a tar"),
    }
}

fn extension(file: &File, place: Place) -> Result<Vec<u8>> {
    let Place { offset, bytes } = place;
    ensure!(bytes <= EXTENSION_LIMIT_BYTES, "at byte {offset}: a name or extended header of {bytes} bytes");
    fs::read_at(file, offset, bytes)
}

/// A name without `.`, `..`, empty parts and a leading slash, by its text alone.
fn normal(name: &str) -> String {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            other => parts.push(other),
        }
    }
    parts.join("/")
}
