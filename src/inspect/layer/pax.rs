//! The records of a PAX extended header (POSIX.1-2001, `pax`): `length key=value`, one per line.

use anyhow::{Context, Result, ensure};

/// What the records say of the member after them. Keys that say nothing about its place or its bytes are left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    /// The whole path.
    pub(super) path: Option<Vec<u8>>,
    /// Where the link leads.
    pub(super) link: Option<Vec<u8>>,
    /// Length of what is stored.
    pub(super) stored_bytes: Option<u64>,
    /// Number of the owner.
    pub(super) uid: Option<u64>,
    /// Number of the group.
    pub(super) gid: Option<u64>,
    /// Present when the member is sparse.
    pub(super) sparse: Option<Sparse>,
}

/// GNU's keys for sparse members, formats 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files").
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sparse {
    /// Path of the file; the member itself has a made-up one.
    pub(super) name: Option<Vec<u8>>,
    /// Length with all holes.
    pub(super) bytes: Option<u64>,
    /// The map as the formats before 1.0 write it. Later ones store it before the data.
    pub(super) map: Vec<u8>,
}

/// Reads the records.
///
/// # Errors
/// When a record's length is wrong, a length in it is no number, or a path holds a NUL.
pub(super) fn parse(mut text: &[u8]) -> Result<Pax> {
    let mut pax = Pax::default();
    while !text.is_empty() {
        let (record, rest) = record(text).context("a PAX header is damaged")?;
        text = rest;
        let at = record.iter().position(|byte| *byte == b'=').context("a PAX record without a value")?;
        let (key, value) = record.split_at(at);
        let value = value.get(1..).unwrap_or_default();
        // An empty value takes an earlier one back, and the header's own field counts again.
        pax.take(key, value)?;
    }
    Ok(pax)
}

/// The first record without its length and line feed, and what follows it.
fn record(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = text.iter().take(20).position(|byte| *byte == b' ')?;
    let length = decimal(text.get(..space)?)?;
    let record = text.get(space + 1..usize::try_from(length).ok()?)?;
    let rest = text.get(usize::try_from(length).ok()?..)?;
    Some((record.strip_suffix(b"\n")?, rest))
}

fn decimal(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().filter(|number| i64::try_from(*number).is_ok())
}

impl Pax {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let number = || match value {
            [] => Ok(None),
            _ => decimal(value).map(Some).with_context(|| format!("{} in a PAX header", String::from_utf8_lossy(key))),
        };
        let text = || {
            ensure!(!value.contains(&0), "{} in a PAX header holds a NUL", String::from_utf8_lossy(key));
            Ok(Some(value.to_vec()).filter(|value| !value.is_empty()))
        };
        match key {
            b"path" => self.path = text()?,
            b"linkpath" => self.link = text()?,
            b"size" => self.stored_bytes = number()?,
            b"uid" => self.uid = number()?,
            b"gid" => self.gid = number()?,
            b"GNU.sparse.name" => self.sparse().name = text()?,
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse().bytes = number()?,
            b"GNU.sparse.map" | b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                let map = &mut self.sparse().map;
                map.extend_from_slice(value);
                map.push(b',');
            }
            b"GNU.sparse.major" | b"GNU.sparse.minor" | b"GNU.sparse.numblocks" => _ = self.sparse(),
            _ => {}
        }
        Ok(())
    }

    fn sparse(&mut self) -> &mut Sparse {
        self.sparse.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_say_path_link_and_length() {
        let pax = parse(b"10 path=a\n14 linkpath=b\n13 size=1234\n13 mtime=1.5\n".as_slice());
        let pax = pax.unwrap();
        assert_eq!((pax.path.unwrap(), pax.link.unwrap()), (b"a".to_vec(), b"b".to_vec()));
        assert_eq!((pax.stored_bytes, pax.sparse), (Some(1234), None));
        assert_eq!(parse(b"10 path=a\n8 path=\n").unwrap(), Pax::default());
        assert_eq!(parse(b"12 path=a\nb\n").unwrap().path.unwrap(), b"a\nb");
    }

    #[test]
    fn damaged_records_are_refused() {
        for text in [
            &b"x"[..],
            b"10 path=a",
            b"8 path=a\n",
            b"11 path=a\n",
            b"0 path=a\n",
            b"99999999999999999999 path=a\n",
            b"7 path\n",
            b"10 size=x\n",
            b"11 size=-1\n",
            b"28 size=9223372036854775808\n",
            b"10 path=\0\n",
        ] {
            assert!(parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(0u8.., 0..200)) {
            let _ = parse(&text);
        }
    }
}
