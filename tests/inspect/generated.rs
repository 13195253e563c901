//! Generated images against the oracle, field by field.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use weighbridge::inspect::{Contents, Packaged};
use weighbridge::report::Compression;
use weighbridge::report::contents::WasteKind;

use crate::oracle::{self, Lost, Verdict};
use crate::tape::{self, Form, Item, What};

/// How a layer's tar becomes a blob.
#[derive(Debug, Clone, Copy)]
enum Packing {
    Plain,
    Gzip,
    GzipMembers,
    Zstd,
    ZstdFrames,
}

/// Few names, so that entries meet; the last ones stand for removals.
fn path() -> impl Strategy<Value = String> {
    let directory = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..4);
    let name = prop::sample::select(vec!["a", "b", "c", "d", ".wh.a", ".wh.b", ".wh.c", ".wh..wh..opq"]);
    let style = prop::sample::select(vec!["", "./", "/", "../", "z/../"]);
    (style, directory, name).prop_map(|(style, directory, name)| {
        let directory: String = directory.iter().map(|part| format!("{part}/")).collect();
        format!("{style}{directory}{name}")
    })
}

/// Few contents, so that files are alike; some are over the floor of duplicates.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let length = prop::sample::select(vec![0usize, 1, 600, 4_095, 4_096, 5_000]);
    (length, 0u8..3).prop_map(|(length, fill)| vec![fill; length])
}

fn target() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "/", "/a", "/b/c", "../b", "./a/b", "..", "a/../c", "../../../c"])
        .prop_map(str::to_owned)
}

fn item() -> impl Strategy<Value = Item> {
    let what = prop_oneof![
        6 => content().prop_map(What::File),
        3 => Just(What::Directory),
        2 => target().prop_map(What::Symlink),
        3 => path().prop_map(What::HardLink),
        1 => Just(What::Fifo),
    ];
    let form = prop::sample::select(vec![Form::Ustar, Form::Ustar, Form::Gnu, Form::Pax]);
    let (mode, uid) = (prop::sample::select(vec![0o644, 0o4755, 0]), prop::sample::select(vec![0, 65_532]));
    (path(), what, form, mode, uid).prop_map(|(path, what, form, mode, uid)| Item { path, what, form, mode, uid })
}

fn image() -> impl Strategy<Value = Vec<(Vec<Item>, Packing)>> {
    let packing = prop::sample::select(vec![
        Packing::Plain,
        Packing::Gzip,
        Packing::GzipMembers,
        Packing::Zstd,
        Packing::ZstdFrames,
    ]);
    let layer = (prop::collection::vec(item(), 0..14), packing);
    // Some images have their first layer twice.
    (prop::collection::vec(layer, 1..6), prop::bool::weighted(0.2)).prop_map(|(mut layers, is_doubled)| {
        layers.extend(layers.first().cloned().filter(|_| is_doubled));
        layers
    })
}

fn pack(tar: &[u8], packing: Packing) -> Vec<u8> {
    let (front, back) = tar.split_at(tar.len() / 3);
    match packing {
        Packing::Plain => tar.to_vec(),
        Packing::Gzip => tape::gzip(tar),
        Packing::GzipMembers => [tape::gzip(front), tape::gzip(back), tape::gzip(b"")].concat(),
        Packing::Zstd => tape::zstd(tar),
        Packing::ZstdFrames => {
            [tape::zstd(front), b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), tape::zstd(back)].concat()
        }
    }
}

fn compression(packing: Packing) -> Compression {
    match packing {
        Packing::Plain => Compression::None,
        Packing::Gzip | Packing::GzipMembers => Compression::Gzip,
        Packing::Zstd | Packing::ZstdFrames => Compression::Zstd,
    }
}

/// What the reader found, in the oracle's words.
fn verdict(contents: &Contents) -> Verdict {
    let account = contents.tree.account();
    let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
    let index = |layer: u32| usize::try_from(layer).unwrap();
    let kind = |kind| match kind {
        WasteKind::Deleted => "deleted",
        WasteKind::Opaque => "opaque",
        WasteKind::Overwritten => "overwritten",
        WasteKind::MetadataOnly => "metadata_only",
    };
    let mut lost = BTreeMap::new();
    for pair in &account.pairs {
        let examples = pair.examples.iter().map(|example| (text(&example.path), example.bytes)).collect();
        let sums = Lost { bytes: pair.bytes, files: pair.files, examples };
        lost.insert((index(pair.writer), index(pair.killer), kind(pair.kind)), sums);
    }
    let copies = account.duplicates.iter().map(|duplicate| {
        let copies = duplicate.copies.iter().map(|copy| (text(&copy.path), index(copy.layer))).collect();
        (duplicate.bytes, duplicate.files, copies)
    });
    let files = contents.tree.live_files().map(|(path, file)| {
        let attributes = contents.tree.find(&path).unwrap().attributes.unwrap();
        (text(&path), index(file.layer), file.bytes, attributes.mode, u64::from(attributes.uid))
    });
    let written =
        contents.tree.written_files().map(|file| (index(file.layer), text(&file.path), file.bytes, file.is_live));
    let weights = contents.tree.weights(&Packaged::default()).into_iter().map(|weight| {
        let place = (index(weight.layer), text(&weight.path));
        (place, (weight.bytes, weight.files))
    });
    let changes = contents.layers.iter().map(|layer| layer.changes);
    Verdict {
        file_bytes: account.file_bytes,
        live_bytes: account.live_bytes,
        lost,
        duplicates: copies.collect(),
        duplicate_bytes: account.duplicate_bytes,
        dangling_links: account.dangling_links,
        files: files.collect::<BTreeSet<_>>(),
        written: written.collect(),
        weights: weights.collect(),
        changes: changes.map(|changes| (changes.added_files, changes.changed_files, changes.removed_files)).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_field_is_what_the_oracle_says(image in image()) {
        let tars: Vec<Vec<u8>> = image.iter().map(|(items, _)| tape::tar(items)).collect();
        let blobs: Vec<Vec<u8>> = tars.iter().zip(&image).map(|(tar, (_, packing))| pack(tar, *packing)).collect();
        let packings = image.iter().map(|(_, packing)| *packing).collect::<Vec<_>>();
        let layers: Vec<Vec<Item>> = image.into_iter().map(|(items, _)| items).collect();
        match (crate::read(&blobs), oracle::judge(&layers)) {
            (Ok(contents), Some(expected)) => {
                prop_assert_eq!(verdict(&contents), expected);
                let account = contents.tree.account();
                prop_assert_eq!(account.file_bytes - account.wasted_bytes(), account.live_bytes);
                let once = contents.tree.live_files().filter(|(_, file)| !file.is_link).map(|(_, file)| file.bytes);
                prop_assert_eq!(once.sum::<u64>(), account.live_bytes);
                for ((number, layer), (tar, packing)) in contents.layers.iter().enumerate().zip(tars.iter().zip(packings)) {
                    prop_assert_eq!(layer.uncompressed_bytes, tar.len() as u64);
                    prop_assert_eq!(layer.compression, Some(compression(packing)));
                    let written = contents.tree.written_files().filter(|file| file.layer as usize == number);
                    prop_assert_eq!(layer.file_bytes, written.map(|file| file.bytes).sum::<u64>());
                }
            }
            (Err(error), None) => {
                let message = format!("{error:#}");
                prop_assert!(message.contains("lead in a circle"), "{}", message);
            }
            (found, expected) => prop_assert!(false, "{:?} but {:?}", found.map(|found| verdict(&found)), expected),
        }
    }
}
