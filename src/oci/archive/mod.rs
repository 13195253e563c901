//! Images in one tar: an OCI layout (`--output type=oci`, `docker save` since Docker 25), or what `docker save` and
//! `--output type=docker` write, with a `manifest.json` (moby's image/spec/spec.md, v1.2) or, long ago, without. The headers are read once and
//! blobs are read where they lie; nothing is unpacked.

mod docker;
mod members;
mod oldest;
#[cfg(test)]
mod tests;
pub mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail, ensure};
use oci_spec::image::Digest;

use super::blobs::{self, BlobReader, Blobs, DOCUMENT_LIMIT_BYTES};
use super::{index, layout};
use crate::fs;
use members::{Members, Place};

/// An archive of images.
#[derive(Debug)]
pub struct Archive {
    file: File,
    index: Vec<u8>,
    blobs: HashMap<String, Content>,
    states_digests: bool,
}

/// Where the content of a blob is.
#[derive(Debug)]
enum Content {
    Member(Place),
    Here(Vec<u8>),
}

impl Archive {
    /// Opens an archive.
    ///
    /// # Errors
    /// When the file is no tar, is damaged, or holds no images in a form that is known.
    pub fn open(file: File) -> Result<Self> {
        refuse_compressed(&file)?;
        let members = Members::read(&file)?;
        let has_docker = members.find(docker::MANIFEST).is_some();
        if members.find("index.json").is_none() {
            let layers = oldest::layers(&members);
            ensure!(
                has_docker || !layers.is_empty(),
                "no archive of an image: neither index.json with blobs/ (an OCI layout) nor manifest.json (docker save) is in it"
            );
            return if has_docker { docker::read(file, &members) } else { oldest::read(file, &members, &layers) };
        }
        let archive = Self::of_layout(file, &members)?;
        // Docker writes both. The layout says more, but older versions left blobs out of it.
        if has_docker && !archive.is_whole() { docker::read(archive.file, &members) } else { Ok(archive) }
    }

    fn of_layout(file: File, members: &Members) -> Result<Self> {
        let document = |name| members.find(name).map(|place| document(&file, place));
        if let Some(mark) = document("oci-layout") {
            layout::require_version(&mark?).context("read oci-layout")?;
        }
        let index = document("index.json").context("no index.json")?.context("read index.json")?;
        let blob = |name: &str| {
            let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
            Some((format!("{algorithm}:{hex}"), Content::Member(members.find(name)?)))
        };
        let blobs = members.names().filter_map(blob).collect();
        Ok(Self { file, index, blobs, states_digests: true })
    }

    /// Whether digests of manifests are those that a registry would know the images by.
    #[must_use]
    pub fn states_digests(&self) -> bool {
        self.states_digests
    }

    /// Whether all blobs of some image are there.
    fn is_whole(&self) -> bool {
        let is_there = |descriptor: &oci_spec::image::Descriptor| self.blobs.contains_key(descriptor.digest().as_ref());
        let Ok(found) = index::walk(self) else { return false };
        found.candidates().any(|candidate| {
            let manifest = blobs::manifest(self, &candidate.descriptor);
            manifest.is_ok_and(|manifest| is_there(manifest.config()) && manifest.layers().iter().all(is_there))
        })
    }
}

impl Blobs for Archive {
    fn index(&self) -> Result<Vec<u8>> {
        Ok(self.index.clone())
    }

    fn open(&self, digest: &Digest, expected_bytes: u64) -> Result<BlobReader<'_>> {
        let content =
            self.blobs.get(digest.as_ref()).with_context(|| format!("blob {digest} is not in the archive"))?;
        let (reader, actual_bytes): (BlobReader<'_>, u64) = match content {
            Content::Member(place) => (Box::new(Section::new(&self.file, *place)), place.bytes),
            Content::Here(bytes) => (Box::new(bytes.as_slice()), bytes.len() as u64),
        };
        ensure!(
            actual_bytes == expected_bytes,
            "blob {digest} has {actual_bytes} bytes, its descriptor says {expected_bytes}"
        );
        Ok(reader)
    }
}

/// A part of a file. It has a position of its own, so that several can be read side by side.
struct Section<'a> {
    file: &'a File,
    left: Place,
}

impl<'a> Section<'a> {
    fn new(file: &'a File, place: Place) -> Self {
        Self { file, left: place }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left.bytes).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.left.offset)?;
        self.left.offset += read as u64;
        self.left.bytes -= read as u64;
        Ok(read)
    }
}

/// Reads a member that is JSON.
fn document(file: &File, Place { offset, bytes }: Place) -> Result<Vec<u8>> {
    ensure!(bytes <= DOCUMENT_LIMIT_BYTES, "larger than the limit of {DOCUMENT_LIMIT_BYTES} bytes");
    fs::read_at(file, offset, bytes)
}

/// A compressed tar has no places to go to.
fn refuse_compressed(file: &File) -> Result<()> {
    let (format, program) = match fs::read_at(file, 0, 4).unwrap_or_default().as_slice() {
        [0x1f, 0x8b, ..] => ("gzip", "gunzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => ("zstd", "unzstd"),
        [0xfd, b'7', b'z', b'X'] => ("xz", "unxz"),
        [b'B', b'Z', b'h', _] => ("bzip2", "bunzip2"),
        _ => return Ok(()),
    };
    bail!("the archive is compressed as a whole with {format}; unpack it with `{program}` first")
}
