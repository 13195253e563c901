//! A layer's blob: how it is compressed and how long its tar is. Read as a stream, never unpacked.

use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use anyhow::{Result, bail};
use flate2::bufread::MultiGzDecoder;

use crate::report::Compression;

/// One block of a tar; its header is the first.
const BLOCK_BYTES: usize = 512;
const BUFFER_BYTES: usize = 128 * 1024;
/// The window that `zstd` itself accepts by default: 128 MiB of memory.
const ZSTD_WINDOW_LOG: u32 = 27;

/// What a blob was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighed {
    /// How it is compressed, decided by its first bytes.
    pub compression: Compression,
    /// Length of the uncompressed tar.
    pub uncompressed_bytes: u64,
}

/// When to stop decompressing.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Never more than this.
    bytes: u64,
    /// From here on the ratio counts.
    ratio_from_bytes: u64,
    /// Uncompressed bytes per compressed byte.
    ratio: u64,
}

/// A blob is written by whoever wrote the Dockerfile, and a few kB of Zstandard can stand for petabytes. Honest
/// layers stay below: gzip cannot pass 1,032:1, and an empty disk image of 16 GiB is still weighed.
const LIMITS: Limits =
    Limits { bytes: 1024 * 1024 * 1024 * 1024, ratio_from_bytes: 16 * 1024 * 1024 * 1024, ratio: 2_000 };

impl Limits {
    /// What a blob of so many bytes may unpack to.
    fn of(self, compressed_bytes: u64) -> u64 {
        self.bytes.min(compressed_bytes.saturating_mul(self.ratio).max(self.ratio_from_bytes))
    }
}

/// Reads a blob to its end and counts what it unpacks to.
///
/// # Errors
/// When the blob is neither gzip, Zstandard nor tar, is damaged or cut short, or unpacks to more than anything honest.
pub fn weigh(blob: impl Read, compressed_bytes: u64) -> Result<Weighed> {
    weigh_within(blob, compressed_bytes, LIMITS)
}

fn weigh_within(blob: impl Read, compressed_bytes: u64, limits: Limits) -> Result<Weighed> {
    let mut tar = unpack_within(blob, compressed_bytes, limits)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match tar.read(&mut buffer) {
            Ok(0) => return Ok(Weighed { compression: tar.compression, uncompressed_bytes: tar.bytes }),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The tar inside a blob, as a stream. Reading it ends with an error where the blob is damaged or cut short, and where
/// it unpacks to more than anything honest.
pub struct Unpacked<R: Read> {
    decoder: Decoder<R>,
    compression: Compression,
    compressed_bytes: u64,
    bytes: u64,
    limits: Limits,
}

/// A blob whose first block was looked at.
type Blob<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

enum Decoder<R: Read> {
    Plain(Chain<Cursor<Vec<u8>>, R>),
    Gzip(Box<MultiGzDecoder<Blob<R>>>),
    Zstd(Box<zstd::Decoder<'static, Blob<R>>>),
}

/// Begins to unpack a blob.
///
/// # Errors
/// When the blob is neither gzip, Zstandard nor tar, or cannot be read.
pub fn unpack<R: Read>(blob: R, compressed_bytes: u64) -> Result<Unpacked<R>> {
    unpack_within(blob, compressed_bytes, LIMITS)
}

fn unpack_within<R: Read>(mut blob: R, compressed_bytes: u64, limits: Limits) -> Result<Unpacked<R>> {
    let mut head = Vec::with_capacity(BLOCK_BYTES);
    blob.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut head)?;
    let compression = compression_of(&head)?;
    let blob = Cursor::new(head).chain(blob);
    let buffered = |blob| BufReader::with_capacity(BUFFER_BYTES, blob);
    let decoder = match compression {
        Compression::None => Decoder::Plain(blob),
        Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(buffered(blob)))),
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(buffered(blob))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Decoder::Zstd(Box::new(decoder))
        }
    };
    Ok(Unpacked { decoder, compression, compressed_bytes, bytes: 0, limits })
}

impl<R: Read> Unpacked<R> {
    /// How the blob is compressed, decided by its first bytes.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    fn explain(&self, error: &io::Error) -> io::Error {
        let format = match self.compression {
            Compression::None => "tar",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        let text = match error.kind() {
            ErrorKind::UnexpectedEof => format!("{format}: cut short after {} unpacked bytes", self.bytes),
            // What the library says of a window is not clear, and has no code of its own.
            _ if error.to_string().contains("too much memory") => {
                format!("{format}: a window of more than {} MiB", (1u64 << ZSTD_WINDOW_LOG) >> 20)
            }
            _ => format!("{format}: damaged after {} unpacked bytes: {error}", self.bytes),
        };
        io::Error::new(error.kind(), text)
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Plain(blob) => blob.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
        };
        let read = match read {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(self.explain(&error)),
            other => other?,
        };
        self.bytes = self.bytes.saturating_add(read as u64);
        let limit = self.limits.of(self.compressed_bytes);
        if self.bytes > limit {
            let bytes = self.compressed_bytes;
            let text = format!("{bytes} bytes unpack to more than {limit} bytes; refused as a decompression bomb");
            return Err(io::Error::other(text));
        }
        Ok(read)
    }
}

/// Decides by the first block, as media types are often wrong.
fn compression_of(head: &[u8]) -> Result<Compression> {
    match head {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        // A frame, or a skippable frame before it, as zstd:chunked has.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Compression::Zstd),
        _ if is_tar_block(head) => Ok(Compression::None),
        _ => bail!("neither gzip, zstd nor tar"),
    }
}

/// Whether a block is a tar header with a right checksum, or the zeros that end an empty tar.
fn is_tar_block(block: &[u8]) -> bool {
    let (before, rest) = block.split_at(block.len().min(148));
    let (checksum, after) = rest.split_at(rest.len().min(8));
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let actual = sum(before) + sum(after) + 8 * u32::from(b' ');
    let digits = String::from_utf8_lossy(checksum);
    let stated = u32::from_str_radix(digits.trim_matches(['\0', ' ']), 8);
    block.len() == BLOCK_BYTES && (stated == Ok(actual) || block.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gzip, tar, zstd_frame};
    use super::*;

    fn outcome(blob: &[u8]) -> Result<Weighed> {
        weigh(blob, blob.len() as u64)
    }

    fn skippable(content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        [&[0x5a, 0x2a, 0x4d, 0x18][..], &length, content].concat()
    }

    #[test]
    fn every_compression_is_told_by_its_first_bytes_and_counted_to_its_end() {
        let tar = tar(b"some content");
        let (front, back) = tar.split_at(700);
        for (name, blob, compression) in [
            ("plain", tar.clone(), Compression::None),
            ("empty tar", vec![0; 1_024], Compression::None),
            ("gzip", gzip(&tar), Compression::Gzip),
            ("gzip members", [gzip(front), gzip(b""), gzip(back)].concat(), Compression::Gzip),
            ("zstd", zstd_frame(&tar), Compression::Zstd),
            ("zstd frames", [zstd_frame(front), skippable(b"table"), zstd_frame(back)].concat(), Compression::Zstd),
            ("skippable first", [skippable(b""), zstd_frame(&tar)].concat(), Compression::Zstd),
        ] {
            let expected = if name == "empty tar" { 1_024 } else { tar.len() as u64 };
            assert_eq!(outcome(&blob).unwrap(), Weighed { compression, uncompressed_bytes: expected }, "{name}");
        }
    }

    #[test]
    fn blobs_that_are_cut_short_or_damaged_are_refused() {
        let tar = tar(&[7; 100_000]);
        for (name, blob) in [("gzip", gzip(&tar)), ("zstd", zstd_frame(&tar))] {
            for cut in [6, blob.len() / 2, blob.len() - 1] {
                assert!(outcome(&blob[..cut]).is_err(), "{name} {cut}");
            }
            let second_cut = [blob.clone(), blob[..blob.len() - 1].to_vec()].concat();
            assert!(outcome(&second_cut).is_err(), "{name} second");
            let trailing = [blob.clone(), b"garbage".to_vec()].concat();
            assert!(outcome(&trailing).is_err(), "{name} trailing");
            let mut damaged = blob.clone();
            let middle = damaged.len() - 5;
            damaged[middle] ^= 0xff;
            assert!(outcome(&damaged).is_err(), "{name} damaged");
        }
        for blob in [&b""[..], b"\x1f", b"not a tar", &[1; 512], &tar[..511]] {
            assert!(format!("{:#}", outcome(blob).unwrap_err()).contains("neither gzip, zstd nor tar"));
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_either_limit() {
        let limits = Limits { bytes: 1_000_000, ratio_from_bytes: 100_000, ratio: 10 };
        let weigh = |content: &[u8], compressed_bytes| {
            weigh_within(&zstd_frame(content)[..], compressed_bytes, limits).map(|weighed| weighed.uncompressed_bytes)
        };
        assert_eq!(weigh(&[0; 100_000], 1).unwrap(), 100_000);
        assert_eq!(weigh(&[0; 900_000], 90_000).unwrap(), 900_000);
        let message = format!("{:#}", weigh(&[0; 100_001], 1).unwrap_err());
        assert!(message.contains("1 bytes unpack to more than 100000 bytes"), "{message}");
        let message = format!("{:#}", weigh(&[0; 1_000_001], 1_000_000).unwrap_err());
        assert!(message.contains("more than 1000000 bytes"), "{message}");
    }

    #[test]
    fn a_zstd_window_that_needs_too_much_memory_is_refused() {
        // Magic, no flags, a window of 2^28 bytes, one last empty raw block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x90, 0x01, 0x00, 0x00];
        assert!(format!("{:#}", outcome(&frame).unwrap_err()).contains("zstd: a window of more than 128 MiB"));
        let fits = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00];
        assert_eq!(outcome(&fits).unwrap().uncompressed_bytes, 0);
    }

    proptest::proptest! {
        #[test]
        fn the_count_is_the_length_however_it_is_cut_into_members(
            parts in proptest::collection::vec(proptest::collection::vec(0u8.., 0..3_000), 1..5),
            use_zstd in proptest::bool::ANY,
        ) {
            let compress = if use_zstd { zstd_frame } else { gzip };
            let blob: Vec<u8> = parts.iter().flat_map(|part| compress(part)).collect();
            let expected: usize = parts.iter().map(Vec::len).sum();
            proptest::prop_assert_eq!(outcome(&blob).unwrap().uncompressed_bytes, expected as u64);
        }

        #[test]
        fn no_bytes_make_it_panic(magic in 0usize..4, bytes in proptest::collection::vec(0u8.., 0..2_000)) {
            let magics: [&[u8]; 4] = [&[], &[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd], &[0x50, 0x2a, 0x4d, 0x18]];
            let _ = outcome(&[magics[magic], &bytes].concat());
        }
    }
}
