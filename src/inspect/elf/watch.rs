//! Keeps of an ELF file that streams by what tells what it needs.

use std::ops::Range;

use memchr::memmem;

use super::partial::Partial;
use super::{Elf, read};

/// All of the beginning is kept, where headers, interpreter and names of libraries nearly always are.
const HEAD_BYTES: usize = 4 * 1024 * 1024;
/// Where the first segment is longer, as in programs that export all their symbols to plugins (Node.js), the names of
/// libraries may lie behind those of all symbols.
const LONG_HEAD_BYTES: usize = 16 * 1024 * 1024;
/// The program headers are in here.
const HEADERS_BYTES: usize = 16 * 1024;
/// Where Go, the openssl probes of Rust and many others look for certificates first.
const CERTIFICATES: &[u8] = b"/etc/ssl/certs/ca-certificates.crt";

/// A file that streams by.
pub(in crate::inspect) struct Watch {
    file: Partial,
    /// What was seen.
    at: u64,
    /// How much of the beginning is kept.
    head_bytes: usize,
    /// What is kept beyond the head, once the headers were seen; sorted.
    wanted: Option<Vec<Range<u64>>>,
    finder: memmem::Finder<'static>,
    looks_for_certificates: bool,
    /// The end of what was seen, as what is looked for may lie across two parts.
    tail: Vec<u8>,
}

impl Watch {
    /// Begins with a file of this length.
    pub(in crate::inspect) fn new(bytes: u64) -> Self {
        Self {
            file: Partial { bytes, ranges: vec![(0, Vec::new())] },
            at: 0,
            head_bytes: HEAD_BYTES,
            wanted: None,
            finder: memmem::Finder::new(CERTIFICATES),
            looks_for_certificates: false,
            tail: Vec::new(),
        }
    }

    /// Takes the next part.
    pub(in crate::inspect) fn part(&mut self, part: &[u8]) {
        self.look(part);
        let rest = self.head(part);
        if self.wanted.is_none() && self.at >= HEADERS_BYTES as u64 {
            if read::has_long_head(&self.file, HEAD_BYTES as u64) {
                self.head_bytes = LONG_HEAD_BYTES;
            }
            self.wanted = Some(read::wanted(&self.file, self.head_bytes as u64));
        }
        let rest = self.head(rest);
        for range in self.wanted.iter().flatten() {
            keep(&mut self.file.ranges, range, self.at, rest);
        }
        self.at = self.at.saturating_add(rest.len() as u64);
    }

    /// What the file is; `None` of one that only looks like ELF.
    pub(in crate::inspect) fn finish(self) -> Option<Elf> {
        let Self { file, looks_for_certificates, .. } = self;
        Some(Elf { looks_for_certificates, ..read::read(&file)? })
    }

    /// Keeps what of a part belongs to the beginning, at first no more than tells how long that is; returns the rest.
    fn head<'a>(&mut self, part: &'a [u8]) -> &'a [u8] {
        let limit = if self.wanted.is_none() { HEADERS_BYTES } else { self.head_bytes };
        let Some((_, kept)) = self.file.ranges.first_mut() else { return part };
        let (head, rest) = part.split_at(part.len().min(limit.saturating_sub(kept.len())));
        kept.extend_from_slice(head);
        self.at = self.at.saturating_add(head.len() as u64);
        rest
    }

    fn look(&mut self, part: &[u8]) {
        if self.looks_for_certificates {
            return;
        }
        let edge = CERTIFICATES.len() - 1;
        self.tail.extend_from_slice(part.get(..edge.min(part.len())).unwrap_or_default());
        self.looks_for_certificates = self.finder.find(&self.tail).is_some() || self.finder.find(part).is_some();
        let from = part.len().saturating_sub(edge);
        if part.len() >= edge {
            self.tail.clear();
            self.tail.extend_from_slice(part.get(from..).unwrap_or_default());
        } else {
            let spare = self.tail.len().saturating_sub(edge);
            self.tail.drain(..spare);
        }
    }
}

/// Keeps what of a part, which begins at an offset, lies in a range.
fn keep(ranges: &mut Vec<(u64, Vec<u8>)>, range: &Range<u64>, at: u64, part: &[u8]) {
    let from = usize::try_from(range.start.saturating_sub(at)).unwrap_or(usize::MAX);
    let to = usize::try_from(range.end.saturating_sub(at)).unwrap_or(usize::MAX).min(part.len());
    let Some(kept) = part.get(from..to).filter(|kept| !kept.is_empty()) else { return };
    let start = range.start.max(at);
    match ranges
        .iter_mut()
        .find(|(begin, bytes)| begin.checked_add(bytes.len() as u64) == Some(start) && *begin >= range.start)
    {
        Some((_, bytes)) => bytes.extend_from_slice(kept),
        None => ranges.push((start, kept.to_vec())),
    }
}
