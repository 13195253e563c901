//! A tar that is hashed while it is read.

use std::io::{self, Read};

use anyhow::{Result, ensure};

use crate::oci::Hash;

/// A stream and the hash of what was read of it.
pub(super) struct Verified<'a, R> {
    tar: R,
    diff_id: &'a str,
    hash: Hash,
}

impl<'a, R> Verified<'a, R> {
    /// A tar that should have this digest.
    ///
    /// # Errors
    /// When the digest is of an algorithm other than sha256 and sha512.
    pub(super) fn new(tar: R, diff_id: &'a str) -> Result<Self> {
        Ok(Self { tar, diff_id, hash: Hash::of_digest(diff_id)? })
    }

    /// Checks that what was read is what the digest names.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn verify(self) -> Result<()> {
        let (diff_id, actual) = (self.diff_id, self.hash.digest());
        ensure!(actual == diff_id, "the tar is {actual}, the config of the image says {diff_id}");
        Ok(())
    }
}

impl<R: Read> Read for Verified<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tar.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
