//! The ways in which tars write one thing: long names, lengths, sparse files, and bytes that are no text.

use weighbridge::inspect::{FoundKind, Layer, Tree};
use weighbridge::report::contents::WasteKind;

use crate::tape::{self, Form, Item, member, pax};

/// Path and length of each file in a tar.
fn files(tar: &[u8]) -> Vec<(String, u64)> {
    let mut tree = Tree::new();
    tree.apply(&Layer::read(tar, tar.len() as u64).unwrap()).unwrap();
    tree.live_files().map(|(path, file)| (String::from_utf8_lossy(&path).into_owned(), file.bytes)).collect()
}

#[test]
fn long_names_are_the_same_in_every_form() {
    let path = format!("{}/{}", ["directory"; 12].join("/"), "n".repeat(90));
    for form in [Form::Ustar, Form::Gnu, Form::Pax] {
        let item = Item { form, ..tape::file(&path, "123") };
        assert_eq!(files(&tape::tar(&[item])), [(path.clone(), 3)], "{form:?}");
    }
    let path = ["directory"; 400].join("/");
    for form in [Form::Gnu, Form::Pax] {
        let item = Item { form, ..tape::file(&path, "123") };
        assert_eq!(files(&tape::tar(&[item])), [(path.clone(), 3)], "{form:?}");
    }
}

#[test]
fn names_of_any_bytes_stay_as_they_are() {
    let mut tar = Vec::new();
    member(&mut tar, b'0', b"a\x01\x1b[31m\n\xff", b"", b"1");
    let mut tree = Tree::new();
    tree.apply(&Layer::read(&tar[..], 0).unwrap()).unwrap();
    assert_eq!(tree.live_files().map(|(path, _)| path).collect::<Vec<_>>(), [b"a\x01\x1b[31m\n\xff"]);
}

#[test]
fn a_length_in_a_pax_record_counts_more_than_the_header() {
    let mut tar = Vec::new();
    member(&mut tar, b'x', b"p", b"", &[pax("size", b"600"), pax("mtime", b"1.5")].concat());
    tar.extend(tape::header(b'0', b"f", b"", 0).as_bytes());
    tar.resize(tar.len() + 1_024, 7);
    member(&mut tar, b'0', b"g", b"", b"1");
    assert_eq!(files(&tar), [("f".to_owned(), 600), ("g".to_owned(), 1)]);
}

#[test]
fn a_global_header_says_nothing_of_members() {
    let mut tar = Vec::new();
    member(&mut tar, b'g', b"p", b"", &pax("path", b"elsewhere"));
    member(&mut tar, b'0', b"f", b"", b"1");
    assert_eq!(files(&tar), [("f".to_owned(), 1)]);
}

#[test]
fn links_and_devices_have_no_content_whatever_length_they_state() {
    let mut tar = Vec::new();
    for flag in [b'1', b'2', b'3', b'4', b'5', b'6'] {
        tar.extend(tape::header(flag, b"n", b"f", 1_000).as_bytes());
    }
    member(&mut tar, b'0', b"f", b"", b"1");
    assert_eq!(files(&tar), [("f".to_owned(), 1)]);
}

#[test]
fn a_device_that_overlayfs_would_take_for_a_removal_is_a_device() {
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    member(&mut lower, b'0', b"f", b"", b"12345");
    member(&mut upper, b'3', b"f", b"", b"");
    let contents = crate::read(&[lower, upper]).unwrap();
    let pairs = contents.tree.account().pairs;
    assert_eq!((pairs.len(), pairs[0].kind, pairs[0].bytes), (1, WasteKind::Overwritten, 5));
    assert_eq!(contents.tree.find(b"f").unwrap().kind, FoundKind::Other);
}

#[test]
fn a_directory_of_version_7_ends_in_a_slash() {
    let mut tar = Vec::new();
    member(&mut tar, 0, b"d/", b"", b"");
    member(&mut tar, 0, b"d/f", b"", b"1");
    assert_eq!(files(&tar), [("d/f".to_owned(), 1)]);
}

#[test]
fn a_sparse_file_counts_with_its_holes_in_every_form() {
    let mut old = tape::header(b'S', b"f", b"", 5);
    let mut extended = [0; 512];
    extended[..11].copy_from_slice(b"00000000000");
    let bytes = old.as_mut_bytes();
    bytes[257..265].copy_from_slice(b"ustar  \0");
    bytes[386..397].copy_from_slice(b"00000000000");
    bytes[483..494].copy_from_slice(b"00000010000");
    bytes[482] = 1;
    old.set_cksum();
    let mut content = b"12345".to_vec();
    content.resize(512, 0);
    let old = [old.as_bytes(), &extended[..], &content].concat();

    let pax_form = |records: &[(&str, &str)], content: &[u8]| {
        let mut tar = Vec::new();
        let records: Vec<u8> = records.iter().flat_map(|(key, value)| pax(key, value.as_bytes())).collect();
        member(&mut tar, b'x', b"p", b"", &records);
        member(&mut tar, b'0', b"GNUSparseFile.1/f", b"", content);
        tar
    };
    let map = [b"1\n0\n5\n".to_vec(), vec![0; 506], b"12345".to_vec()].concat();
    for (name, mut tar) in [
        ("old", old),
        (
            "0.0",
            pax_form(
                &[
                    ("GNU.sparse.size", "4096"),
                    ("GNU.sparse.numblocks", "1"),
                    ("GNU.sparse.offset", "0"),
                    ("GNU.sparse.numbytes", "5"),
                    ("path", "f"),
                ],
                b"12345",
            ),
        ),
        (
            "0.1",
            pax_form(&[("GNU.sparse.size", "4096"), ("GNU.sparse.map", "0,5"), ("GNU.sparse.name", "f")], b"12345"),
        ),
        (
            "1.0",
            pax_form(
                &[
                    ("GNU.sparse.major", "1"),
                    ("GNU.sparse.minor", "0"),
                    ("GNU.sparse.name", "f"),
                    ("GNU.sparse.realsize", "4096"),
                ],
                &map,
            ),
        ),
    ] {
        member(&mut tar, b'0', b"after", b"", b"1");
        assert_eq!(files(&tar), [("f".to_owned(), 4_096), ("after".to_owned(), 1)], "{name}");
    }
}

#[test]
fn a_tar_may_end_without_zeros_or_padding_and_have_anything_after_them() {
    let mut tar = Vec::new();
    member(&mut tar, b'0', b"f", b"", b"1");
    for tar in
        [tar.clone(), tar[..513].to_vec(), [&tar[..], &[0; 512]].concat(), [&tar[..], &[0; 1_024], b"x"].concat()]
    {
        let layer = Layer::read(&tar[..], 0).unwrap();
        assert_eq!((layer.file_bytes, layer.uncompressed_bytes), (1, tar.len() as u64));
    }
}
