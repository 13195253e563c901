//! What a file holds, as its length and a hash.

use twox_hash::xxhash3_128::Hasher;

/// The seed of sparse files, so that the stored form of one is never taken for the same bytes in a plain file.
const SPARSE_SEED: u64 = 1;

/// The content of a regular file. Two files with equal contents hold the same bytes.
///
/// The hash is XXH3 of 128 bits: it keeps pace with the page cache, which SHA-256 does not. Whoever makes two files
/// collide on purpose gets a hint about their own image that is wrong, and nothing else.
///
/// A sparse file is hashed as it is stored, as its holes may stand for terabytes. It equals another sparse file of the
/// same form, map and data, and never a file that is stored in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Content {
    /// The length that programs see: of a sparse file with its holes.
    pub(super) bytes: u64,
    pub(super) hash: [u64; 2],
}

impl Content {
    /// The content of bytes that are at hand.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::new(bytes.len() as u64, Hasher::oneshot(bytes))
    }

    fn new(bytes: u64, hash: u128) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = hash.to_be_bytes();
        Self { bytes, hash: [u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes(rest)] }
    }
}

/// Content that arrives in parts.
pub(super) struct Hashing(Hasher);

impl Hashing {
    /// The bytes of a file.
    pub(super) fn dense() -> Self {
        Self(Hasher::new())
    }

    /// The stored form of a sparse file.
    pub(super) fn sparse() -> Self {
        Self(Hasher::with_seed(SPARSE_SEED))
    }

    pub(super) fn update(&mut self, part: &[u8]) {
        self.0.write(part);
    }

    /// The content of a file whose length is this.
    pub(super) fn finish(self, bytes: u64) -> Content {
        Content::new(bytes, self.0.finish_128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hash_like_the_whole_and_sparse_ones_like_nothing_else() {
        let bytes: Vec<u8> = (0u8..=255).cycle().take(5_000).collect();
        let hashed = |mut hashing: Hashing| {
            bytes.chunks(700).for_each(|part| hashing.update(part));
            hashing.finish(5_000)
        };
        assert_eq!(hashed(Hashing::dense()), Content::of(&bytes));
        assert_ne!(hashed(Hashing::sparse()), Content::of(&bytes));
        assert_ne!(Content::of(b""), Content::of(b"\0"));
    }
}
