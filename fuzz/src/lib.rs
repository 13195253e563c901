//! What is done with hostile bytes. Each function is the body of a fuzz target and of a bounded test in `tests/fuzz`;
//! it panics where the reader breaks a promise, beside what sanitizers find.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};
use weighbridge::buildx::failure::{explain_failure, is_cancelled};
use weighbridge::buildx::progress::{Event, Folder};
use weighbridge::buildx::trace::Trace;
use weighbridge::dockerfile::{DockerIgnore, Dockerfile};
use weighbridge::inspect::{self, Account, Contents, Layer, Tree, describe};
use weighbridge::measure::{lines, steps, timing};
use weighbridge::oci::{HistoryEntry, Image, LayerBlob, Layout, Platform, Settings};

/// What stands between the layers of an image and between the documents of a layout.
pub const SEPARATOR: &[u8] = b"\n=next=\n";

/// More parts than this find nothing that fewer do not.
const PARTS_LIMIT: usize = 8;

/// Layers are read, kept, laid over each other and described. They are taken as they are, and with the checksums of
/// their headers put right, as few changes of a tar get past those otherwise.
pub fn layers(input: &[u8]) {
    let blobs: Vec<&[u8]> = parts(input).collect();
    image_of(&blobs);
    let mended: Vec<Vec<u8>> = blobs.iter().map(|blob| mended(blob)).collect();
    if mended != blobs {
        image_of(&mended.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}

fn image_of(blobs: &[&[u8]]) {
    let layer_blob = |(at, blob): (usize, &&[u8])| LayerBlob {
        digest: format!("sha256:{at:064x}"),
        diff_id: sha256(blob),
        compressed_bytes: blob.len() as u64,
        media_type: String::new(),
    };
    let layers: Vec<LayerBlob> = blobs.iter().enumerate().map(layer_blob).collect();
    let opened: BTreeMap<&str, &[u8]> = layers.iter().map(|layer| &*layer.digest).zip(blobs.iter().copied()).collect();
    let read = || inspect::read(&layers, |layer| Ok(opened[&*layer.digest]), None);
    let Ok(contents) = read() else {
        assert!(read().is_err(), "a second reading succeeds");
        return;
    };
    let account = contents.tree.account();
    let wasted_bytes = account.wasted_bytes();
    assert_eq!(account.file_bytes, account.live_bytes.saturating_add(wasted_bytes), "bytes are lost");
    assert_same(&account, &contents, &read().unwrap(), "a second reading");
    let kept = inspect::read_by(&layers, |layer| {
        let read = Layer::read(opened[&*layer.digest], layer.compressed_bytes)?;
        Layer::from_bytes(&read.to_bytes(&layer.diff_id)?, &layer.diff_id)
    });
    assert_same(&account, &contents, &kept.unwrap(), "what was kept");
    look_up(&contents.tree);
    let _ = describe(&contents, &image(layers), &Platform::new("linux", "amd64", None));
}

fn assert_same(account: &Account, contents: &Contents, other: &Contents, what: &str) {
    assert_eq!(account, &other.tree.account(), "{what} says something else");
    assert!(contents.tree.live_files().eq(other.tree.live_files()), "{what} has other files");
    assert!(contents.tree.written_files().eq(other.tree.written_files()), "{what} has written other files");
    assert_eq!(contents.tree.details(), other.tree.details(), "{what} knows something else of them");
}

/// A file that lives is found at its path.
fn look_up(tree: &Tree) {
    for (path, file) in tree.live_files() {
        assert!(path.len() <= 4_096, "a path that is too long");
        let found = tree.find(&path).unwrap();
        assert_eq!((found.path, found.bytes, found.layer), (path, file.bytes, Some(file.layer)));
    }
    for directory in tree.list(b"/") {
        let _ = tree.find(&[&directory[..], b"/../", &directory, b"/."].concat());
    }
}

/// An image that starts what layers may have.
fn image(layers: Vec<LayerBlob>) -> Image {
    let history = layers.iter().map(|layer| HistoryEntry { created_by: layer.digest.clone(), ..Default::default() });
    Image {
        digest: String::new(),
        config_digest: String::new(),
        config_bytes: 0,
        attestation_bytes: 0,
        history: history.collect(),
        layers,
        platform: Platform::new("linux", "amd64", None),
        settings: Settings {
            entrypoint: vec!["start".to_owned()],
            user: "app".to_owned(),
            env: vec!["PATH=/bin:/app".to_owned()],
            ..Settings::default()
        },
    }
}

/// The tar with right checksums in what looks like its headers.
fn mended(blob: &[u8]) -> Vec<u8> {
    let mut tar = blob.to_vec();
    for block in tar.chunks_exact_mut(512).filter(|block| &block[257..262] == b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    tar
}

fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// A layout is opened, its images are found and their layers read. The first part is `index.json`, each other one a
/// blob; a `$` and a digit stand for digest and size of the blob of that number.
pub fn layout(input: &[u8]) {
    let blobs: Vec<Vec<u8>> = parts(input).map(referring).collect();
    let sizes: Vec<usize> = blobs.iter().map(Vec::len).collect();
    // In memory where there is such a folder, as a disk is slower than everything else here.
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let write = |path: &str, bytes: &[u8]| std::fs::write(directory.path().join(path), bytes).unwrap();
    std::fs::create_dir_all(directory.path().join("blobs/sha256")).unwrap();
    write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    for (number, mut blob) in blobs.into_iter().enumerate() {
        for (of, bytes) in sizes.iter().enumerate() {
            replace(&mut blob, format!("{of:>SIZE_DIGITS$}").as_bytes(), format!("{bytes:>SIZE_DIGITS$}").as_bytes());
        }
        match number {
            0 => write("index.json", &blob),
            _ => write(&format!("blobs/sha256/{number:064x}"), &blob),
        }
    }
    for platform in [Platform::new("linux", "amd64", None), Platform::new("linux", "arm", Some("v7"))] {
        image_in(directory.path(), &platform);
    }
}

fn image_in(directory: &Path, platform: &Platform) {
    let layout = Layout::open(directory).unwrap();
    let (first, second) = (layout.image(platform), layout.image(platform));
    match (&first, &second) {
        (Ok(first), Ok(second)) => assert_eq!(first, second),
        (Err(first), Err(second)) => assert_eq!(format!("{first:#}"), format!("{second:#}")),
        _ => panic!("{first:?} and then {second:?}"),
    }
    if let Ok(image) = first
        && let Ok(contents) = inspect::read(&image.layers, |layer| layout.open_layer(layer), None)
    {
        let _ = describe(&contents, &image, platform);
    }
}

/// As wide as a size in a document of a fuzzer's, so that a document's length does not depend on it.
const SIZE_DIGITS: usize = 9;

/// The document with references to blobs, the sizes still the numbers of those.
fn referring(part: &[u8]) -> Vec<u8> {
    let mut document = Vec::new();
    let mut rest = part.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.next_if(u8::is_ascii_digit)) {
            (b'$', Some(digit)) => {
                let number = usize::from(digit - b'0');
                let text = format!(r#""digest":"sha256:{number:064x}","size":{number:>SIZE_DIGITS$}"#);
                document.extend(text.as_bytes());
            }
            (byte, digit) => document.extend([byte].into_iter().chain(digit)),
        }
    }
    document
}

fn replace(document: &mut [u8], from: &[u8], to: &[u8]) {
    let mut at = 0;
    let key = [b"\"size\":", from].concat();
    while let Some(found) = document.get(at..).and_then(|rest| rest.windows(key.len()).position(|text| text == key)) {
        at += found + key.len();
        document[at - to.len()..at].copy_from_slice(to);
    }
}

/// A Dockerfile is read, and everything is asked that there is to ask of one.
pub fn dockerfile(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(ignore) = DockerIgnore::parse(&text) {
        let _ = ignore.ignores("src/main.rs");
    }
    let Ok(parsed) = Dockerfile::parse(&text) else { return };
    assert_eq!(Ok(&parsed), Dockerfile::parse(&text).as_ref().map_err(drop), "a second reading");
    let last_line = u32::try_from(text.split('\n').count()).unwrap();
    let build_args = BTreeMap::from([("V".to_owned(), "${V}$A".to_owned())]);
    for (number, stage) in parsed.stages.iter().enumerate().take(20) {
        assert!((1..=last_line).contains(&stage.line), "a stage at line {}", stage.line);
        let target = stage.name.clone().unwrap_or_else(|| number.to_string());
        if let Some(lineage) = parsed.lineage(Some(&target)) {
            let history = lineage.instructions.iter().map(|each| HistoryEntry {
                created_by: format!("{each} # buildkit"),
                comment: "buildkit.dockerfile.v0".to_owned(),
                empty_layer: each.line % 2 == 0,
            });
            let _ = lines::origins(&history.collect::<Vec<_>>(), &lineage);
        }
        for instruction in stage.instructions.iter().take(50) {
            assert!((1..=last_line).contains(&instruction.line), "an instruction at line {}", instruction.line);
            let _ = parsed.bearings(instruction);
            let values = parsed.values_at(instruction, &build_args);
            let sources = parsed.sources(instruction, &values);
            sources.iter().flatten().for_each(|sources| _ = sources.takes("src/main.rs"));
        }
        for index in 0..5 {
            let _ = parsed.step_line(&target, index);
        }
    }
}

/// A stream of a build's progress is folded, weighed, and searched for the cause of a failure.
pub fn progress(input: &[u8]) {
    let trace = folded(input);
    assert_eq!(trace, folded(input), "a second reading");
    let dockerfile = Dockerfile::parse("FROM a AS base\nRUN x\nFROM base\nCOPY . .\n").ok();
    let _ = explain_failure(&trace, Some(1), dockerfile.as_ref());
    let _ = is_cancelled(&trace);
    let _ = trace.pushed_digest();
    let _ = steps::base_images(&trace);
    let _ = timing::measure_timing(&trace, std::time::Duration::from_secs(1), dockerfile.as_ref());
}

fn folded(input: &[u8]) -> Trace {
    let mut folder = Folder::default();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        folder.line(line, |event| {
            if let Event::Log { line, .. } = event {
                assert!(!line.contains('\u{1b}'), "a terminal sequence");
            }
        });
    }
    folder.finish()
}

fn parts(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(input);
    let part = move || {
        let whole = rest?;
        let at = whole.windows(SEPARATOR.len()).position(|text| text == SEPARATOR);
        rest = at.map(|at| &whole[at + SEPARATOR.len()..]);
        Some(at.map_or(whole, |at| &whole[..at]))
    };
    std::iter::from_fn(part).take(PARTS_LIMIT)
}
