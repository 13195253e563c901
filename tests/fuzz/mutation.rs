//! Changes of bytes, the same in every run: what a fuzzer does, without looking at the code that reads them.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sha2::{Digest, Sha256};

use crate::targets::SEPARATOR;

/// Where formats break: ends of ranges, and what has a meaning in one of them.
const WORDS: [&[u8]; 18] = [
    b"",
    b"\0",
    b"\xff\xff\xff\xff",
    b"77777777777",
    b"-1",
    b"18446744073709551615",
    b"9223372036854775808",
    b"1e400",
    b"null",
    b"[[[[[[[[[[",
    b"{\"",
    b"../",
    b".wh.",
    b".wh..wh..opq",
    b"\x1b[31m",
    b"\xc3\x28",
    b"\n",
    SEPARATOR,
];

/// A source of changes.
pub(crate) struct Mutator(TestRng);

impl Mutator {
    /// Each name stands for other changes.
    pub(crate) fn new(name: &str) -> Self {
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &Sha256::digest(name.as_bytes())))
    }

    /// One of the seeds with one to eight changes.
    pub(crate) fn change(&mut self, seeds: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = self.pick(seeds).1.clone();
        for _ in 0..=self.below(8) {
            let (start, end) = self.range(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(end),
                1 => drop(bytes.drain(start..end)),
                2 => bytes.extend_from_within(start..end),
                3 => drop(bytes.splice(start..start, self.word())),
                4 => {
                    let word = self.word();
                    let end = bytes.len().min(start + word.len());
                    bytes[start..end].copy_from_slice(&word[..end - start]);
                }
                5 => {
                    let other = &self.pick(seeds).1;
                    let (from, to) = self.range(other.len());
                    drop(bytes.splice(start..end, other[from..to].iter().copied()));
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(start) {
                        *byte ^= 1 << self.below(8);
                    }
                }
            }
        }
        bytes
    }

    fn word(&mut self) -> Vec<u8> {
        self.pick(&WORDS).to_vec()
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A range of at most 600 bytes, so that most of an input stays as it is.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let start = self.below(length + 1);
        (start, length.min(start + self.below(600)))
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64()).unwrap() % limit
    }
}
