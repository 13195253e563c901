//! Keeps of a file's content what later questions need, while it streams by.

use crate::inspect::Detail;
use crate::inspect::elf::Watch;

/// How much of a script Linux looks at (`BINPRM_BUF_SIZE`, linux/binfmts.h).
const HEAD_BYTES: usize = 256;
/// More text is not kept of a layer. The package database of a full desktop is 10 MB.
pub(super) const TEXTS_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// The content of one file, as far as it is kept.
pub(super) enum Capture {
    /// Nothing of it.
    Nothing,
    /// All of it.
    Text(Vec<u8>),
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
        match (is_text(path), bytes <= room_bytes) {
            (true, true) => Self::Text(Vec::new()),
            (true, false) => Self::Unseen,
            (false, _) => Self::Head(Head { bytes: [0; HEAD_BYTES], length: 0, file_bytes: bytes }),
        }
    }

    /// Takes the next part of the content.
    pub(super) fn part(&mut self, part: &[u8]) {
        match self {
            Self::Nothing | Self::Unseen => {}
            Self::Text(text) => text.extend_from_slice(part),
            Self::Elf(watch) => watch.part(part),
            Self::Head(head) => {
                let rest = head.take(part);
                if head.is_elf() {
                    let mut watch = Watch::new(head.file_bytes);
                    watch.part(head.bytes());
                    watch.part(rest);
                    *self = Self::Elf(watch);
                } else if !rest.is_empty() && !head.is_script() {
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

/// Whether all of a file is kept.
fn is_text(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let (directory, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (&b""[..], path),
    };
    match (directory, name) {
        (b"etc" | b"usr/etc", b"passwd" | b"group" | b"ld.so.conf")
        | (b"var/lib/dpkg", b"status")
        | (b"var/lib/dpkg/status.d", _)
        | (b"lib/apk/db" | b"usr/lib/apk/db", b"installed") => true,
        (b"etc", _) => name.starts_with(b"ld-musl-") && name.ends_with(b".path"),
        (b"etc/ld.so.conf.d", _) => name.ends_with(b".conf"),
        (b"var/lib/dpkg/info", _) => name.ends_with(b".list"),
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
}
