//! One header block of a tar: `ustar` of POSIX.1-1988, its forerunner of Version 7, and GNU's own.
//!
//! What is read and what is ignored follows Go's `archive/tar`, which containerd and Docker unpack with.

use anyhow::{Context, Result, ensure};

use super::numeric;
use crate::inspect::attributes::Attributes;

/// One block.
pub(super) const BLOCK_BYTES: usize = 512;

/// A header whose checksum is right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a>(&'a [u8; BLOCK_BYTES]);

impl<'a> Header<'a> {
    /// Checks a block.
    ///
    /// # Errors
    /// When its checksum is wrong, so that it is no header.
    pub(super) fn new(block: &'a [u8; BLOCK_BYTES]) -> Result<Self> {
        let stated = numeric(&block[148..156]).context("checksum")?;
        let others = || block[..148].iter().chain(&block[156..]);
        let unsigned: u64 = 8 * 32 + others().map(|byte| u64::from(*byte)).sum::<u64>();
        // Some early writers added their bytes up as signed ones.
        let signed: i64 = 8 * 32 + others().map(|byte| i64::from(byte.cast_signed())).sum::<i64>();
        ensure!(stated == unsigned || i64::try_from(stated) == Ok(signed), "a block that is no tar header");
        Ok(Self(block))
    }

    /// What kind of member it starts.
    pub(super) fn flag(self) -> u8 {
        self.0[156]
    }

    /// Path of the member as it is written here.
    pub(super) fn name(self) -> Vec<u8> {
        let (name, prefix) = (until_nul(&self.0[..100]), until_nul(&self.0[345..500]));
        // GNU keeps other things where POSIX has the prefix.
        let is_posix = &self.0[257..263] == b"ustar\0";
        if is_posix && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
    }

    /// Where a link leads, as it is written here.
    pub(super) fn link(self) -> Vec<u8> {
        until_nul(&self.0[157..257]).to_vec()
    }

    /// Length of what follows.
    ///
    /// # Errors
    /// When the field is no number, or a negative one.
    pub(super) fn stored_bytes(self) -> Result<u64> {
        numeric(&self.0[124..136]).context("the length in a header")
    }

    /// Mode and owner as they are written here.
    ///
    /// # Errors
    /// When the mode is no number.
    pub(super) fn attributes(self) -> Result<Attributes> {
        let mode = numeric(&self.0[100..108]).context("the mode in a header")? & 0o7777;
        let owner = |field| numeric(field).ok().and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
        Ok(Attributes { mode: u32::try_from(mode)?, uid: owner(&self.0[108..116]), gid: owner(&self.0[116..124]) })
    }

    /// The parts of an old GNU sparse member that stand in its header: the length with all holes, the first four
    /// extents, and whether blocks with more extents follow.
    ///
    /// # Errors
    /// When the length is no number.
    pub(super) fn old_sparse(self) -> Result<(u64, &'a [u8], bool)> {
        let bytes = numeric(&self.0[483..495]).context("the length of a sparse file")?;
        Ok((bytes, &self.0[386..482], self.0[482] != 0))
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(change: impl FnOnce(&mut tar::Header)) -> [u8; BLOCK_BYTES] {
        let mut header = tar::Header::new_ustar();
        change(&mut header);
        header.set_cksum();
        *header.as_bytes()
    }

    #[test]
    fn a_prefix_belongs_to_the_name_in_posix_headers_alone() {
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(90));
        let posix = block(|header| header.set_path(&long).unwrap());
        assert_eq!(Header::new(&posix).unwrap().name(), long.as_bytes());
        let gnu = block(|header| {
            *header = tar::Header::new_gnu();
            header.set_path("f").unwrap();
            header.as_gnu_mut().unwrap().atime = *b"00000000001\0";
        });
        assert_eq!(Header::new(&gnu).unwrap().name(), b"f");
    }

    #[test]
    fn a_changed_byte_is_noticed_and_a_signed_sum_accepted() {
        let mut damaged = block(|header| header.set_path("file").unwrap());
        damaged[0] ^= 1;
        assert!(Header::new(&damaged).is_err());
        let mut signed = block(|header| header.set_path("\u{e9}").unwrap());
        let sum = signed[..148].iter().chain(&signed[156..]).map(|byte| i64::from(byte.cast_signed())).sum::<i64>();
        signed[148..156].copy_from_slice(format!("{:06o}\0 ", sum + 256).as_bytes());
        assert_eq!(Header::new(&signed).unwrap().name(), "\u{e9}".as_bytes());
    }
}
