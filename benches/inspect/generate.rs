//! Images of the shapes that real ones have, the same on every machine.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// A tree of `node_modules`: 30,000 files of about 1 kB, and a layer that deletes 1,000 of them.
pub(crate) fn modules() -> Vec<PathBuf> {
    let path = |number: u64| format!("app/node_modules/package-{}/lib/module-{number}.js", number / 20);
    let files = layer("modules.tar", |tar, numbers| {
        let text = text(numbers, 1 << 16);
        for number in 0..30_000 {
            let bytes = usize::try_from(numbers.below(512)).unwrap();
            file(tar, &path(number), &text[..bytes]);
        }
    });
    vec![files, deletions("modules-deleted.tar", 1_000, |number| path(number * 30))]
}

/// A tree like `/usr` of 1.95 GB in 65,000 files, most of them small and most bytes in large ones, and a layer that
/// deletes 1,500.
pub(crate) fn system() -> Vec<PathBuf> {
    let path = |number: u64| format!("usr/lib/part-{}/package-{}/file-{number}", number / 2_000, number / 50);
    let files = layer("system.tar", |tar, numbers| {
        let text = text(numbers, 1 << 25);
        for number in 0..65_000 {
            // As many from 195 to 390 bytes as from 100 to 200 kB.
            let least = 195 << numbers.below(10);
            let bytes = usize::try_from(least + numbers.below(least)).unwrap();
            let start = usize::try_from(numbers.below(1 << 24)).unwrap();
            file(tar, &path(number), &text[start..start + bytes]);
        }
    });
    vec![files, deletions("system-deleted.tar", 1_500, |number| path(number * 40))]
}

/// 300,000 tiny files in one layer.
pub(crate) fn many() -> Vec<PathBuf> {
    vec![layer("many.tar", |tar, _| {
        for number in 0..300_000 {
            let path = format!("app/node_modules/package-{}/dist/file-{number}.js", number / 100);
            file(tar, &path, number.to_string().as_bytes());
        }
    })]
}

/// The same layers, compressed.
pub(crate) fn packed(layers: &[PathBuf], suffix: &str) -> Vec<PathBuf> {
    let pack = |layer: &PathBuf| {
        let packed = PathBuf::from(format!("{}.{suffix}", layer.display()));
        once(packed, |file| {
            let mut tar = BufReader::new(File::open(layer).unwrap());
            if suffix == "gz" {
                let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::new(6));
                io::copy(&mut tar, &mut encoder).unwrap();
                encoder.finish().unwrap();
            } else {
                zstd::stream::copy_encode(tar, file, 3).unwrap();
            }
        })
    };
    layers.iter().map(pack).collect()
}

/// Writes the `diff_id` of each layer beside it.
pub(crate) fn name_tars(layers: &[PathBuf]) {
    for layer in layers {
        once(PathBuf::from(format!("{}.diff_id", layer.display())), |mut file| {
            let mut hash = Sha256::new();
            let mut tar = File::open(layer).unwrap();
            let mut part = vec![0; 1 << 20];
            while let read @ 1.. = tar.read(&mut part).unwrap() {
                hash.update(&part[..read]);
            }
            let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            write!(file, "sha256:{hex}").unwrap();
        });
    }
}

fn layer(name: &str, write: impl FnOnce(&mut BufWriter<File>, &mut Numbers)) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    once(path, |tar| {
        let mut tar = BufWriter::new(tar);
        write(&mut tar, &mut Numbers(0x9e37_79b9_7f4a_7c15));
        tar.write_all(&[0; 1_024]).unwrap();
        tar.flush().unwrap();
    })
}

fn deletions(name: &str, count: u64, path: impl Fn(u64) -> String) -> PathBuf {
    layer(name, |tar, _| {
        for number in 0..count {
            let path = path(number);
            let (directory, name) = path.rsplit_once('/').unwrap();
            file(tar, &format!("{directory}/.wh.{name}"), b"");
        }
    })
}

/// Makes a file unless an earlier run did; one that was not finished has another name.
fn once(path: PathBuf, write: impl FnOnce(File)) -> PathBuf {
    if !path.exists() {
        let part = path.with_extension("part");
        write(File::create(&part).unwrap());
        std::fs::rename(part, &path).unwrap();
    }
    path
}

fn file(tar: &mut impl Write, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_path(path).unwrap();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.write_all(header.as_bytes()).unwrap();
    tar.write_all(content).unwrap();
    tar.write_all(&[0; 512][..content.len().wrapping_neg() % 512]).unwrap();
}

/// Bytes that compress to about a third, as programs and texts do: words of which few are common, and some noise.
fn text(numbers: &mut Numbers, bytes: usize) -> Vec<u8> {
    let mut word = || [(); 3].map(|()| numbers.next().to_le_bytes()).concat();
    let words: Vec<Vec<u8>> = (0..2_048).map(|_| word()).collect();
    let mut text = Vec::with_capacity(bytes + 8);
    while text.len() < bytes {
        let rank = (numbers.below(2_048) * numbers.below(2_048) * numbers.below(2_048)) >> 22;
        let word = &words[usize::try_from(rank).unwrap()];
        let length = usize::try_from(3 + numbers.below(22)).unwrap();
        text.extend(&word[..length]);
    }
    text
}
