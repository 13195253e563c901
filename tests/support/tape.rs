//! Layers for tests, written member by member, so that any part of one can be unusual or wrong.

use std::io::Write;

use sha2::{Digest, Sha256};

/// How the path of a member is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the header, split into prefix and name where it is long.
    Ustar,
    /// In a member of GNU's before it.
    Gnu,
    /// In a PAX record before it.
    Pax,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) path: String,
    pub(crate) what: What,
    pub(crate) form: Form,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
}

impl Item {
    /// The same with another mode.
    pub(crate) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// The same with another owner, who has a group of the same number.
    pub(crate) fn owner(self, uid: u64) -> Self {
        Self { uid, ..self }
    }
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    File(Vec<u8>),
    Directory,
    Symlink(String),
    HardLink(String),
    Fifo,
}

/// A member that anybody may read, of root.
pub(crate) fn item(path: &str, what: What) -> Item {
    let mode = if what == What::Directory { 0o755 } else { 0o644 };
    Item { path: path.to_owned(), what, form: Form::Ustar, mode, uid: 0 }
}

pub(crate) fn file(path: &str, content: impl Into<Vec<u8>>) -> Item {
    item(path, What::File(content.into()))
}

pub(crate) fn directory(path: &str) -> Item {
    item(path, What::Directory)
}

pub(crate) fn symlink(path: &str, target: &str) -> Item {
    item(path, What::Symlink(target.to_owned()))
}

pub(crate) fn hard_link(path: &str, target: &str) -> Item {
    item(path, What::HardLink(target.to_owned()))
}

/// A file that stands for a removal: of the name after `.wh.`.
pub(crate) fn mark(path: &str) -> Item {
    file(path, "")
}

/// The tar of these members.
pub(crate) fn tar(items: &[Item]) -> Vec<u8> {
    let mut tar = Vec::new();
    for item in items {
        push(&mut tar, item);
    }
    tar.resize(tar.len() + 1_024, 0);
    tar
}

fn push(tar: &mut Vec<u8>, item: &Item) {
    let (flag, link, content): (u8, &str, &[u8]) = match &item.what {
        What::File(content) => (b'0', "", content),
        What::Directory => (b'5', "", &[]),
        What::Symlink(target) => (b'2', target, &[]),
        What::HardLink(target) => (b'1', target, &[]),
        What::Fifo => (b'6', "", &[]),
    };
    let (path, link) = (item.path.as_bytes(), link.as_bytes());
    let owned = |path: &[u8], link: &[u8], uid: u64| {
        let mut header = header(flag, path, link, content.len() as u64);
        header.set_mode(item.mode);
        header.set_uid(uid);
        header.set_gid(uid);
        header.set_cksum();
        [header.as_bytes(), content].concat()
    };
    let (before, last) = match item.form {
        Form::Ustar => (Vec::new(), owned(path, link, item.uid)),
        Form::Gnu => {
            let mut before = Vec::new();
            member(&mut before, b'L', b"././@LongLink", b"", &[path, b"\0"].concat());
            if !link.is_empty() {
                member(&mut before, b'K', b"././@LongLink", b"", &[link, b"\0"].concat());
            }
            (before, owned(b"cut", b"cut", item.uid))
        }
        Form::Pax => {
            let uid = item.uid.to_string();
            let mut records = [pax("path", path), pax("uid", uid.as_bytes()), pax("gid", uid.as_bytes())].concat();
            if !link.is_empty() {
                records.extend(pax("linkpath", link));
            }
            let mut before = Vec::new();
            member(&mut before, b'x', b"PaxHeaders.0/cut", b"", &records);
            (before, owned(b"cut", b"cut", 7))
        }
    };
    tar.extend(before);
    tar.extend(last);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// One PAX record.
pub(crate) fn pax(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    [length.to_string().as_bytes(), &rest].concat()
}

/// A member of any kind with its padding.
pub(crate) fn member(tar: &mut Vec<u8>, flag: u8, path: &[u8], link: &[u8], content: &[u8]) {
    tar.extend(header(flag, path, link, content.len() as u64).as_bytes());
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// A header of any kind. A path that is too long is split at a slash.
pub(crate) fn header(flag: u8, path: &[u8], link: &[u8], bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    let ustar = header.as_ustar_mut().unwrap();
    let name = if path.len() <= 100 {
        path
    } else {
        let at = path.len() - 101 + path[path.len() - 101..].iter().position(|byte| *byte == b'/').unwrap();
        ustar.prefix[..at].copy_from_slice(&path[..at]);
        &path[at + 1..]
    };
    ustar.name[..name.len()].copy_from_slice(name);
    ustar.linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(tar::EntryType::new(flag));
    header.set_size(bytes);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
