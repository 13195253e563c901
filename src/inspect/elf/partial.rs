//! A file of which some ranges are at hand.

use std::ops::Range;

use object::read::ReadRef;

/// The ranges that were kept, in order. The first is the file's beginning.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// Length of the whole file.
    pub(super) bytes: u64,
    /// Where each range begins, and what is there.
    pub(super) ranges: Vec<(u64, Vec<u8>)>,
}

impl Partial {
    /// What is at hand from an offset on.
    fn from(&self, offset: u64) -> Option<&[u8]> {
        self.ranges.iter().find_map(|(start, bytes)| {
            let at = usize::try_from(offset.checked_sub(*start)?).ok()?;
            bytes.get(at..).filter(|rest| !rest.is_empty())
        })
    }
}

impl<'a> ReadRef<'a> for &'a Partial {
    fn len(self) -> Result<u64, ()> {
        Ok(self.bytes)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size == 0 {
            return Ok(&[]);
        }
        self.from(offset).and_then(|rest| rest.get(..usize::try_from(size).ok()?)).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let wanted = usize::try_from(range.end.checked_sub(range.start).ok_or(())?).map_err(|_| ())?;
        let rest = self.from(range.start).ok_or(())?;
        let rest = rest.get(..wanted.min(rest.len())).ok_or(())?;
        let end = memchr::memchr(delimiter, rest).ok_or(())?;
        rest.get(..end).ok_or(())
    }
}
