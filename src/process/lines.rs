//! Splits a byte stream into lines with bounded memory.

/// Follows the content of a line that was longer than the limit.
pub const CUT_MARK: &[u8] = b" [line cut by weighbridge]";

/// Cuts chunks of any length into lines. A line longer than the limit is cut there and ends with [`CUT_MARK`].
#[derive(Debug)]
pub(super) struct LineSplitter {
    pending: Vec<u8>,
    overflowed: bool,
    limit_bytes: usize,
}

impl LineSplitter {
    /// A splitter for lines of at most `limit_bytes`, the newline not counted.
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { pending: Vec::new(), overflowed: false, limit_bytes }
    }

    /// Takes the next bytes and hands out every line that they complete, without its newline.
    pub(super) fn push(&mut self, chunk: &[u8], on_line: &mut impl FnMut(&[u8])) {
        for piece in chunk.split_inclusive(|&byte| byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    self.append(end);
                    self.emit(on_line);
                }
                None => self.append(piece),
            }
        }
    }

    /// Hands out what follows the last newline, if anything does.
    pub(super) fn finish(&mut self, on_line: &mut impl FnMut(&[u8])) {
        if !self.pending.is_empty() || self.overflowed {
            self.emit(on_line);
        }
    }

    fn append(&mut self, piece: &[u8]) {
        let room = self.limit_bytes.saturating_sub(self.pending.len());
        self.overflowed |= piece.len() > room;
        self.pending.extend(piece.iter().take(room));
    }

    fn emit(&mut self, on_line: &mut impl FnMut(&[u8])) {
        if self.overflowed {
            self.pending.extend_from_slice(CUT_MARK);
        }
        on_line(&self.pending);
        self.pending.clear();
        self.overflowed = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit_bytes: usize) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        let mut splitter = LineSplitter::new(limit_bytes);
        let mut on_line = |line: &[u8]| lines.push(line.to_vec());
        for chunk in chunks {
            splitter.push(chunk, &mut on_line);
        }
        splitter.finish(&mut on_line);
        lines
    }

    #[test]
    fn a_long_line_is_cut_and_marked_and_the_next_one_is_whole() {
        let lines = split([b"abcdef\nabc".as_slice(), b"\n\nlast"], 3);
        let cut = |text: &str| [text.as_bytes(), CUT_MARK].concat();
        assert_eq!(lines, [cut("abc"), b"abc".to_vec(), b"".to_vec(), cut("las")]);
    }

    #[test]
    fn an_empty_stream_has_no_line() {
        assert!(split([b"".as_slice()], 3).is_empty());
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_stream_is_chunked(
            content in prop::collection::vec(prop::sample::select(b"ab\n\xff\r".as_slice()), 0..64),
            chunk_bytes in 1_usize..9,
            limit_bytes in 0_usize..9,
        ) {
            prop_assert_eq!(split(content.chunks(chunk_bytes), limit_bytes), split([content.as_slice()], limit_bytes));
        }

        #[test]
        fn joined_lines_are_the_stream(content in prop::collection::vec(any::<u8>(), 0..64)) {
            let joined = split([content.as_slice()], 64).join(&b'\n');
            prop_assert_eq!(joined.as_slice(), content.strip_suffix(b"\n").unwrap_or(&content));
        }
    }
}
