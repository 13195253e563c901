//! A tar that is hashed while it is read.

use std::io::{self, Read};

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

/// A stream and the hash of what was read of it.
pub(super) struct Verified<R> {
    tar: R,
    hash: Sha256,
}

impl<R> Verified<R> {
    pub(super) fn new(tar: R) -> Self {
        Self { tar, hash: Sha256::new() }
    }

    /// Checks that what was read is what a digest names.
    ///
    /// # Errors
    /// When it is not, or when the digest is of another algorithm than sha256.
    pub(super) fn verify(self, digest: &str) -> Result<()> {
        let hex: String = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let actual = format!("sha256:{hex}");
        ensure!(actual == digest, "the tar is {actual}, the config of the image says {digest}");
        Ok(())
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tar.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
