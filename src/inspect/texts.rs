//! Many short byte strings in one allocation.

use anyhow::{Context, Result, ensure};

/// The names of eight million paths. It bounds the memory of a hostile layer, of which a few kilobytes may unpack to it.
const LIMIT_BYTES: usize = 256 * 1024 * 1024;

/// Names and link targets, of which an image has hundreds of thousands: each costs its bytes and four more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

/// Which of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextId(pub(super) u32);

impl Texts {
    /// Keeps a text.
    ///
    /// # Errors
    /// When there are more than any honest image has.
    pub(super) fn push(&mut self, text: &[u8]) -> Result<TextId> {
        let end = self.bytes.len().saturating_add(text.len());
        ensure!(end <= LIMIT_BYTES, "names or link targets of more than {LIMIT_BYTES} bytes in all");
        let end = u32::try_from(end)?;
        let id = u32::try_from(self.ends.len()).context("too many names")?;
        self.bytes.extend_from_slice(text);
        self.ends.push(end);
        Ok(TextId(id))
    }

    /// The texts in one piece, and where each ends in it.
    pub(super) fn parts(&self) -> (&[u8], &[u32]) {
        (&self.bytes, &self.ends)
    }

    /// The texts from their parts; `None` when they do not fit each other.
    pub(super) fn from_parts(bytes: Vec<u8>, ends: Vec<u32>) -> Option<Self> {
        let fits = ends.is_sorted() && ends.last().map_or(0, |end| *end as usize) == bytes.len();
        fits.then_some(Self { bytes, ends })
    }

    /// How much memory they take.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.ends)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A text; empty where there is none.
    pub(super) fn get(&self, id: TextId) -> &[u8] {
        self.at(id.0 as usize)
    }

    /// The text at a place; empty where there is none.
    pub(super) fn at(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        let end = self.ends.get(index).map_or(start, |end| *end as usize);
        self.bytes.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_kept() {
        let mut texts = Texts::default();
        let ids = [&b"one"[..], b"", b"\xff\n"].map(|text| (texts.push(text).unwrap(), text));
        assert_eq!(ids.map(|(id, _)| texts.get(id).to_vec()), ids.map(|(_, text)| text.to_vec()));
        assert_eq!(Texts::default().at(3), b"");
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        for (bytes, ends) in [(&b"abc"[..], vec![1, 2]), (b"abc", vec![2, 1, 3]), (b"abc", vec![4]), (b"a", vec![])] {
            assert_eq!(Texts::from_parts(bytes.to_vec(), ends), None);
        }
        let texts = Texts::from_parts(b"abc".to_vec(), vec![1, 1, 3]).unwrap();
        assert_eq!((texts.at(0), texts.at(1), texts.at(2), texts.len()), (&b"a"[..], &b""[..], &b"bc"[..], 3));
    }
}
