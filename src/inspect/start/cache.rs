//! What `ldconfig` wrote down: glibc's loader finds libraries outside of its own directories by this list alone, and
//! never reads `ld.so.conf` itself (glibc, `sysdeps/generic/dl-cache.h`).

use std::collections::BTreeMap;

use super::files::Files;
use crate::inspect::Detail;

const PATH: &[u8] = b"/etc/ld.so.cache";
/// The form of the last twenty years, which may lie behind an older one.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER_BYTES: usize = 48;
const ENTRY_BYTES: usize = 24;
/// Linux takes no longer path.
const TEXT_LIMIT_BYTES: usize = 4_096;

/// The list of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cache<'a> {
    /// There is none, so that no library is found by it.
    Absent,
    /// It is there, and cannot be read.
    Unseen,
    /// Paths by the name of a library.
    Listed(BTreeMap<&'a [u8], Vec<&'a [u8]>>),
}

impl<'a> Cache<'a> {
    /// That of these files.
    pub(super) fn of(files: &Files<'a>) -> Self {
        match files.file(PATH) {
            Err(_) => Self::Absent,
            Ok(found) => match found.detail {
                Some(Detail::Text(bytes)) => read(bytes).map_or(Self::Unseen, Self::Listed),
                _ => Self::Unseen,
            },
        }
    }

    /// Where the library of a name is said to be.
    pub(super) fn paths(&self, name: &[u8]) -> &[&'a [u8]] {
        match self {
            Self::Listed(paths) => paths.get(name).map_or(&[], Vec::as_slice),
            Self::Absent | Self::Unseen => &[],
        }
    }
}

fn read(bytes: &[u8]) -> Option<BTreeMap<&[u8], Vec<&[u8]>>> {
    let list = bytes.get(memchr::memmem::find(bytes, MAGIC)?..)?;
    let count = number(list.get(MAGIC.len()..)?)?;
    let entries = list.get(HEADER_BYTES..)?.get(..count.checked_mul(ENTRY_BYTES)?)?;
    let text = |at: &[u8]| {
        let rest = list.get(number(at)?..)?;
        rest.get(..rest.len().min(TEXT_LIMIT_BYTES))?.split(|byte| *byte == 0).next()
    };
    let mut paths: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    // Flags, and where name and path are.
    for entry in entries.chunks_exact(ENTRY_BYTES) {
        paths.entry(text(entry.get(4..)?)?).or_default().push(text(entry.get(8..)?)?);
    }
    Some(paths)
}

/// A number that is stored little end first. Of a machine that has it the other way round nothing is listed.
fn number(bytes: &[u8]) -> Option<usize> {
    u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of one library in one place.
    fn written(name: &[u8], path: &[u8]) -> Vec<u8> {
        let at = u32::try_from(HEADER_BYTES + ENTRY_BYTES).unwrap();
        let mut list = [MAGIC, &1u32.to_le_bytes()[..]].concat();
        list.resize(HEADER_BYTES, 0);
        for number in [0x303, at, at + u32::try_from(name.len()).unwrap() + 1, 0, 0, 0] {
            list.extend(number.to_le_bytes());
        }
        [&list, name, b"\0", path, b"\0"].concat()
    }

    #[test]
    fn a_list_tells_where_libraries_are_also_behind_an_older_one() {
        let list = written(b"liba.so", b"/opt/liba.so");
        let older = [b"ld.so-1.7.0\0\0\0\0\0", &list[..]].concat();
        for bytes in [&list, &older] {
            assert_eq!(read(bytes).unwrap()[&b"liba.so"[..]], [b"/opt/liba.so"]);
        }
    }

    #[test]
    fn a_list_that_is_cut_or_of_another_form_is_not_read() {
        let list = written(b"liba.so", b"/opt/liba.so");
        for end in [0, 20, 47, 60, HEADER_BYTES + ENTRY_BYTES - 1] {
            assert_eq!(read(&list[..end]), None, "{end}");
        }
        assert_eq!(read(b"ld.so-1.7.0\0"), None);
    }
}
