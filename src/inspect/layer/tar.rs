//! A tar as a stream of members: nothing is unpacked, nothing is kept but the member at hand.
//!
//! The crate that writes tars for the tests also reads them, but hands every member out as an allocated entry of the
//! archive that it borrows; this walk is bound by the page cache instead.

use std::io::{BufRead, ErrorKind, Read};

use anyhow::{Context, Result, ensure};

use super::capture::Capture;
use super::header::{BLOCK_BYTES, Header};
use super::member::{Extensions, Extents, Member, long_name};
use super::pax;
use crate::inspect::content::{Content, Hashing};

/// Upper limit of a PAX header, a GNU long name or a sparse map, as in Go's `archive/tar`.
const EXTENSION_LIMIT_BYTES: u64 = 1024 * 1024;

/// The members of a tar.
pub(super) struct Tar<R> {
    source: R,
    /// What was read of the source.
    bytes: u64,
    /// What is left of the content of the member at hand, without its padding.
    content_bytes: u64,
    padding_bytes: u64,
}

impl<R: BufRead> Tar<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, bytes: 0, content_bytes: 0, padding_bytes: 0 }
    }

    /// The next member; what is left of the one before is skipped.
    ///
    /// # Errors
    /// When the tar is damaged, ends within a member, or has an extension larger than any honest one.
    pub(super) fn next(&mut self) -> Result<Option<Member>> {
        let mut extensions = Extensions::default();
        loop {
            self.end_member()?;
            let Some(block) = self.block()? else { return Ok(None) };
            if is_zero(&block) {
                let next = self.block()?;
                ensure!(next.is_none_or(|block| is_zero(&block)), "a block of zeros amid the tar");
                return Ok(None);
            }
            let header = Header::new(&block)?;
            match header.flag() {
                b'x' => extensions.pax = pax::parse(&self.extension(header)?)?,
                b'L' => extensions.path = Some(long_name(&self.extension(header)?)?),
                b'K' => extensions.link = Some(long_name(&self.extension(header)?)?),
                // containerd passes over global headers, whatever they say.
                b'g' => _ = self.extension(header)?,
                flag => {
                    let mut member = extensions.join(header)?;
                    if flag == b'S' {
                        member.sparse = Some(self.old_sparse_map(header)?);
                    }
                    self.begin(member.stored_bytes);
                    return Ok(Some(member));
                }
            }
        }
    }

    /// The content of the member at hand; what `capture` keeps of it is kept.
    ///
    /// # Errors
    /// When the tar ends before the content does.
    pub(super) fn content(&mut self, member: &Member, capture: &mut Capture) -> Result<Content> {
        let mut hashing = match &member.sparse {
            Some(Extents { map, .. }) => {
                let mut hashing = Hashing::sparse();
                hashing.update(map);
                hashing
            }
            None => {
                let part = self.part()?;
                if part.len() as u64 == member.stored_bytes {
                    let content = Content::of(part);
                    capture.part(part);
                    self.consume(member.stored_bytes);
                    return Ok(content);
                }
                Hashing::dense()
            }
        };
        while self.content_bytes > 0 {
            let part = self.part()?;
            let bytes = part.len() as u64;
            hashing.update(part);
            capture.part(part);
            self.consume(bytes);
        }
        Ok(hashing.finish(member.sparse.as_ref().map_or(member.stored_bytes, |extents| extents.bytes)))
    }

    /// Reads what follows the last member, so that the whole blob was seen, and says how long the tar is.
    ///
    /// # Errors
    /// When the blob is damaged there.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.skip(u64::MAX)?;
        Ok(self.bytes)
    }

    fn begin(&mut self, content_bytes: u64) {
        self.content_bytes = content_bytes;
        self.padding_bytes = content_bytes.wrapping_neg() % BLOCK_BYTES as u64;
    }

    /// Some of the content that is left; empty only when nothing is.
    fn part(&mut self) -> Result<&[u8]> {
        let wanted = self.content_bytes;
        let buffered = fill(&mut self.source)?;
        ensure!(!buffered.is_empty() || wanted == 0, "{}", cut_short(wanted));
        let end = usize::try_from(wanted).unwrap_or(usize::MAX).min(buffered.len());
        Ok(buffered.get(..end).unwrap_or_default())
    }

    /// Passes over a part that is buffered.
    fn consume(&mut self, bytes: u64) {
        self.source.consume(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.content_bytes = self.content_bytes.saturating_sub(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn end_member(&mut self) -> Result<()> {
        let missing = self.skip(self.content_bytes)?;
        ensure!(missing == 0, "{}", cut_short(missing));
        // The last member of some tars is not padded.
        self.skip(self.padding_bytes)?;
        self.begin(0);
        Ok(())
    }

    /// Passes over bytes, and says how many of them are not there.
    fn skip(&mut self, mut bytes: u64) -> Result<u64> {
        while bytes > 0 {
            let buffered = fill(&mut self.source)?.len();
            if buffered == 0 {
                break;
            }
            let part = usize::try_from(bytes).map_or(buffered, |bytes| bytes.min(buffered));
            self.source.consume(part);
            self.bytes = self.bytes.saturating_add(part as u64);
            bytes = bytes.saturating_sub(part as u64);
        }
        Ok(bytes)
    }

    /// The next block; `None` at the end of the tar.
    fn block(&mut self) -> Result<Option<[u8; BLOCK_BYTES]>> {
        let mut block = [0; BLOCK_BYTES];
        let mut missing = &mut block[..];
        while !missing.is_empty() {
            let buffered = fill(&mut self.source)?;
            if buffered.is_empty() {
                ensure!(missing.len() == BLOCK_BYTES, "cut short within a header");
                return Ok(None);
            }
            let (part, rest) = missing.split_at_mut(buffered.len().min(missing.len()));
            part.copy_from_slice(buffered.get(..part.len()).unwrap_or_default());
            self.source.consume(part.len());
            missing = rest;
        }
        self.bytes = self.bytes.saturating_add(BLOCK_BYTES as u64);
        Ok(Some(block))
    }

    /// The content of a member that describes the one after it.
    fn extension(&mut self, header: Header<'_>) -> Result<Vec<u8>> {
        let bytes = header.stored_bytes()?;
        ensure!(bytes <= EXTENSION_LIMIT_BYTES, "an extended header of {bytes} bytes; at most 1 MiB is read");
        self.begin(bytes);
        let mut content = Vec::new();
        self.source.by_ref().take(bytes).read_to_end(&mut content)?;
        ensure!(content.len() as u64 == bytes, "cut short within an extended header");
        self.content_bytes = 0;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(content)
    }

    /// The map of an old GNU sparse member; blocks of it may stand between header and content.
    fn old_sparse_map(&mut self, header: Header<'_>) -> Result<Extents> {
        let (bytes, extents, mut has_more) = header.old_sparse()?;
        let mut map = extents.to_vec();
        while has_more {
            ensure!((map.len() as u64) < EXTENSION_LIMIT_BYTES, "a sparse map of more than 1 MiB");
            let block = self.block()?.context("cut short within a sparse map")?;
            map.extend_from_slice(&block[..504]);
            has_more = block[504] != 0;
        }
        Ok(Extents { bytes, map })
    }
}

fn cut_short(missing_bytes: u64) -> String {
    format!("cut short: the tar ends {missing_bytes} bytes before this member does")
}

fn is_zero(block: &[u8; BLOCK_BYTES]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

fn fill(source: &mut impl BufRead) -> Result<&[u8]> {
    // The borrow of a buffer that is returned does not end with the loop, so the wait and the look are apart.
    loop {
        match source.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
            Ok(_) => break,
        }
    }
    Ok(source.fill_buf()?)
}
