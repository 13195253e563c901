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

pub(crate) fn file(path: &str, content: impl Into<Vec<u8>>) -> Item {
    Item { path: path.to_owned(), what: What::File(content.into()), form: Form::Ustar }
}

pub(crate) fn directory(path: &str) -> Item {
    Item { path: path.to_owned(), what: What::Directory, form: Form::Ustar }
}

pub(crate) fn symlink(path: &str, target: &str) -> Item {
    Item { path: path.to_owned(), what: What::Symlink(target.to_owned()), form: Form::Ustar }
}

pub(crate) fn hard_link(path: &str, target: &str) -> Item {
    Item { path: path.to_owned(), what: What::HardLink(target.to_owned()), form: Form::Ustar }
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
    match item.form {
        Form::Ustar => member(tar, flag, path, link, content),
        Form::Gnu => {
            member(tar, b'L', b"././@LongLink", b"", &[path, b"\0"].concat());
            if !link.is_empty() {
                member(tar, b'K', b"././@LongLink", b"", &[link, b"\0"].concat());
            }
            member(tar, flag, b"cut", b"cut", content);
        }
        Form::Pax => {
            let mut records = pax("path", path);
            if !link.is_empty() {
                records.extend(pax("linkpath", link));
            }
            member(tar, b'x', b"PaxHeaders.0/cut", b"", &records);
            member(tar, flag, b"cut", b"cut", content);
        }
    }
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
