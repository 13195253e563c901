//! Keeps of a file's content what later questions need, while it streams by.

use crate::inspect::database::{self, Telling};
use crate::inspect::elf::Watch;
use crate::inspect::{Detail, Identity, secret};

/// How much of a script Linux looks at (`BINPRM_BUF_SIZE`, linux/binfmts.h).
const HEAD_BYTES: usize = 256;
/// More text is not kept of a layer. The package database of a full desktop is 10 MB.
pub(super) const TEXTS_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// Longer files do not say what a package is called.
const IDENTITY_LIMIT_BYTES: u64 = 1024 * 1024;

/// The content of one file, as far as it is kept.
pub(super) enum Capture {
    /// Nothing of it.
    Nothing,
    /// All of it.
    Text(Vec<u8>),
    /// What it says a package is called, told from all of it.
    Identity(Vec<u8>, fn(&[u8]) -> Option<Identity>),
    /// Whether it holds a secret, told from all of it.
    Secret(Vec<u8>, fn(&[u8]) -> bool),
    /// Its beginning, which tells what it is.
    Head(Head),
    /// What tells what an ELF file needs.
    Elf(Watch),
    /// It cannot be kept, and would be.
    Unseen,
}

/// The beginning of a file.
pub(super) struct Head {
    bytes: [u8; HEAD_BYTES],
    length: usize,
    file_bytes: u64,
}

impl Capture {
    /// Begins to keep a file of this path, whose text is kept if it fits.
    pub(super) fn of(path: &[u8], bytes: u64, room_bytes: u64) -> Self {
        let path = path.strip_prefix(b"./").unwrap_or(path);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let telling = if is_setting(path) { Some(Telling::Everything) } else { database::telling(path) };
        let is_short = bytes <= IDENTITY_LIMIT_BYTES;
        match telling {
            Some(Telling::Everything) if bytes <= room_bytes => Self::Text(Vec::new()),
            Some(Telling::Npm) if is_short => Self::Identity(Vec::new(), Identity::of_npm),
            Some(Telling::Python) if is_short => Self::Identity(Vec::new(), Identity::of_python),
            Some(_) => Self::Unseen,
            None if let Some(holds) = secret::asked(path).filter(|_| bytes <= secret::LIMIT_BYTES) => {
                Self::Secret(Vec::new(), holds)
            }
            None => Self::Head(Head { bytes: [0; HEAD_BYTES], length: 0, file_bytes: bytes }),
        }
    }

    /// Takes the next part of the content.
    pub(super) fn part(&mut self, part: &[u8]) {
        match self {
            Self::Nothing | Self::Unseen => {}
            Self::Text(text) | Self::Identity(text, _) | Self::Secret(text, _) => text.extend_from_slice(part),
            Self::Elf(watch) => watch.part(part),
            Self::Head(head) => {
                let rest = head.take(part);
                if head.is_elf() {
                    let mut watch = Watch::new(head.file_bytes);
                    watch.part(head.bytes());
                    watch.part(rest);
                    *self = Self::Elf(watch);
                } else if !rest.is_empty() && !head.is_script() && !secret::is_key(head.bytes()) {
                    *self = Self::Nothing;
                }
            }
        }
    }

    /// What is kept.
    pub(super) fn finish(self) -> Option<Detail> {
        match self {
            Self::Nothing => None,
            Self::Unseen => Some(Detail::Unseen),
            Self::Text(text) => Some(Detail::Text(text)),
            Self::Identity(text, told_by) => told_by(&text).map(Detail::Identity),
            Self::Secret(text, holds) => holds(&text).then_some(Detail::Secret),
            Self::Head(head) if secret::is_key(head.bytes()) => Some(Detail::Secret),
            Self::Elf(watch) => watch.finish().map(|elf| Detail::Elf(Box::new(elf))),
            Self::Head(head) => head.first_line().map(|line| Detail::Script(line.to_vec())),
        }
    }
}

impl Head {
    /// Takes what fits, and returns the rest.
    fn take<'a>(&mut self, part: &'a [u8]) -> &'a [u8] {
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        let (taken, rest) = part.split_at(part.len().min(room.len()));
        if let Some(room) = room.get_mut(..taken.len()) {
            room.copy_from_slice(taken);
        }
        self.length += taken.len();
        rest
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn is_script(&self) -> bool {
        self.bytes().starts_with(b"#!")
    }

    /// Whether the first bytes are those of ELF, as far as there are any beyond.
    fn is_elf(&self) -> bool {
        self.bytes().starts_with(b"\x7fELF")
    }

    fn first_line(&self) -> Option<&[u8]> {
        self.bytes().strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()
    }
}

/// Whether a file says who users are or where libraries lie.
fn is_setting(path: &[u8]) -> bool {
    match database::split(path) {
        (b"etc" | b"usr/etc", b"passwd" | b"group" | b"ld.so.conf" | b"ld.so.cache") => true,
        (b"etc", name) => name.starts_with(b"ld-musl-") && name.ends_with(b".path"),
        (b"etc/ld.so.conf.d", name) => name.ends_with(b".conf"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(path: &str, content: &[u8], parts: usize) -> Option<Detail> {
        let mut capture = Capture::of(path.as_bytes(), content.len() as u64, 1_000);
        content.chunks(parts).for_each(|part| capture.part(part));
        capture.finish()
    }

    #[test]
    fn texts_are_kept_whole_and_scripts_by_their_first_line_in_whatever_parts_they_come() {
        let script = |line: &[u8]| Some(Detail::Script(line.to_vec()));
        let long = [b"#!/bin/sh ".to_vec(), vec![b'x'; 600]].concat();
        for parts in [1, 2, 300, 10_000] {
            assert_eq!(captured("./etc/passwd", b"root:x", parts), Some(Detail::Text(b"root:x".to_vec())));
            assert_eq!(captured("a", b"#!/bin/sh -e\r\nexit\n", parts), script(b"/bin/sh -e\r"));
            assert_eq!(captured("a", &long, parts), script(&long[2..HEAD_BYTES]));
            for other in [&b""[..], b"#", b"echo", &[7; 600]] {
                assert_eq!(captured("etc/passwd-", other, parts), None);
            }
        }
        assert_eq!(Capture::of(b"etc/group", 2, 1).finish(), Some(Detail::Unseen));
    }

    #[test]
    fn of_a_manifest_what_it_is_called_is_kept_alone() {
        let identity = Identity { name: "x".to_owned(), version: "1".to_owned() };
        for parts in [1, 7, 10_000] {
            let json = br#"{"name":"x","version":"1","description":"long"}"#;
            assert_eq!(captured("node_modules/x/package.json", json, parts), Some(Detail::Identity(identity.clone())));
        }
        assert_eq!(captured("node_modules/x/package.json", b"{}", 1), None);
        assert_eq!(Capture::of(b"node_modules/x/package.json", 2_000_000, 0).finish(), Some(Detail::Unseen));
    }
}
