//! A blob that is compared with its digest and its length while it is read.

use std::io::{self, ErrorKind, Read, Write};

use anyhow::{Result, bail};
use oci_spec::image::{Digest, DigestAlgorithm};
use sha2::{Digest as _, Sha256, Sha512};

/// A blob. Reading it to its end ends with an error where it is not what its digest names.
pub struct Verified<R> {
    blob: R,
    digest: Digest,
    expected_bytes: u64,
    bytes: u64,
    hash: Hash,
}

/// A hash that is being made.
pub(crate) enum Hash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hash {
    pub(super) fn sha256() -> Self {
        Self::Sha256(Sha256::new())
    }

    /// The hash that a digest is of.
    ///
    /// # Errors
    /// When it is no digest, or of an algorithm that the specification does not register.
    pub(crate) fn of_digest(digest: &str) -> Result<Self> {
        Self::of(digest.parse::<Digest>()?.algorithm())
    }

    /// # Errors
    /// When the algorithm is none that the specification registers.
    fn of(algorithm: &DigestAlgorithm) -> Result<Self> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Self::Sha256(Sha256::new())),
            DigestAlgorithm::Sha512 => Ok(Self::Sha512(Sha512::new())),
            other => bail!("digest algorithm {other}; expected sha256 or sha512"),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of all that was given.
    pub(crate) fn digest(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Self::Sha256(hash) => format!("sha256:{}", hex(&hash.clone().finalize())),
            Self::Sha512(hash) => format!("sha512:{}", hex(&hash.clone().finalize())),
        }
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<R: Read> Verified<R> {
    /// A blob that should have this digest and length.
    ///
    /// # Errors
    /// When the digest is of an algorithm other than sha256 and sha512.
    pub fn new(blob: R, digest: &Digest, expected_bytes: u64) -> Result<Self> {
        let hash = Hash::of(digest.algorithm())?;
        Ok(Self { blob, digest: digest.clone(), expected_bytes, bytes: 0, hash })
    }

    fn check(&self, is_whole: bool) -> io::Result<()> {
        let Self { digest, expected_bytes, bytes, .. } = self;
        let wrong = |text: String| Err(io::Error::new(ErrorKind::InvalidData, text));
        if bytes > expected_bytes {
            return wrong(format!("blob {digest} is longer than the {expected_bytes} bytes that its descriptor says"));
        }
        if !is_whole {
            return Ok(());
        }
        if bytes < expected_bytes {
            return wrong(format!("blob {digest} ends after {bytes} of {expected_bytes} bytes"));
        }
        match self.hash.digest() {
            actual if actual == digest.as_ref() => Ok(()),
            actual => wrong(format!("blob {digest} is not what its digest says; its content is {actual}")),
        }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.blob.read(buffer)?;
        self.bytes = self.bytes.saturating_add(read as u64);
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.check(read == 0 && !buffer.is_empty())?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8], digest: &str, bytes: u64) -> String {
        let mut read = Vec::new();
        match Verified::new(content, &digest.parse().unwrap(), bytes).unwrap().read_to_end(&mut read) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_blob_is_compared_with_its_digest_and_its_length() {
        // `printf abc | sha256sum` and `sha512sum`.
        let sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sha512 = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                      2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        for digest in [sha256, sha512] {
            assert_eq!(read(b"abc", digest, 3), "fine");
            assert!(read(b"abd", digest, 3).starts_with(&format!("blob {digest} is not what its digest says; ")));
            assert_eq!(read(b"ab", digest, 3), format!("blob {digest} ends after 2 of 3 bytes"));
            let longer = format!("blob {digest} is longer than the 3 bytes that its descriptor says");
            assert_eq!(read(b"abcd", digest, 3), longer);
        }
    }
}
