//! Tars that are broken or meant to do harm: each is refused with a message that names layer and member, or read.

use proptest::prelude::*;

use weighbridge::inspect::{Detail, Layer, Tree};

use crate::tape::{self, directory, file, hard_link, header, member, pax, symlink};
use crate::{account, error_of, read};

const LAYER: &str = "read layer sha256:0000";

#[test]
fn what_is_broken_is_named() {
    let whole = tape::tar(&[file("first", "1"), file("second", vec![7; 5_000])]);
    let mut checksum = whole.clone();
    checksum[1_024] ^= 1;
    let raw = |flag, path: &[u8], content: &[u8]| {
        let mut tar = tape::tar(&[file("first", "1")]);
        tar.truncate(1_024);
        member(&mut tar, flag, path, b"", content);
        tar
    };
    let absurd = |bytes: u64| [&raw(b'0', b"a", b"")[..1_024], header(b'0', b"huge", b"", bytes).as_bytes()].concat();
    let mut negative = header(b'0', b"negative", b"", 0);
    negative.as_mut_bytes()[124..136].copy_from_slice(&[0xff; 12]);
    negative.set_cksum();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (whole[..3_000].to_vec(), "second: cut short: the tar ends 3536 bytes before this member does"),
        (whole[..1_100].to_vec(), "after first: cut short within a header"),
        (checksum, "after first: a block that is no tar header"),
        (absurd(u64::from(u32::MAX) * 4), "huge: cut short"),
        (absurd(i64::MAX.unsigned_abs()), "huge: cut short"),
        (absurd(u64::MAX), "after first: the length in a header: a number of more than 63 bits"),
        ([&whole[..1_024], negative.as_bytes()].concat(), "a negative number"),
        (raw(b'x', b"p", b"damaged"), "after first: a PAX header is damaged"),
        (raw(b'x', b"p", &pax("path", b"a\0b")), "path in a PAX header holds a NUL"),
        (raw(b'L', b"p", b""), "a GNU long name that is empty"),
        (raw(b'0', b".wh.", b""), ".wh.: a whiteout that names no file"),
        (raw(b'0', b"d/.wh...", b""), "d/.wh...: a whiteout that names no file"),
        ([raw(b'0', b"a", b""), vec![0; 512], whole.clone()].concat(), "after a: a block of zeros amid the tar"),
        ([&whole[..1_024], header(b'x', b"p", b"", 1 << 40).as_bytes()].concat(), "at most 1 MiB is read"),
        (b"<html>not an image</html>".to_vec(), "neither gzip, zstd nor tar"),
        (Vec::new(), "neither gzip, zstd nor tar"),
        (tape::gzip(&whole)[..60].to_vec(), "gzip: cut short"),
        (tape::gzip(b"text"), "before the first member: cut short within a header"),
        (tape::gzip(&[7; 512]), "before the first member: "),
    ];
    for (blob, expected) in cases {
        let message = error_of(&blob);
        assert!(message.contains(LAYER) && message.contains(expected), "{expected:?}: {message}");
    }
}

#[test]
fn a_path_longer_than_linux_takes_is_refused() {
    let mut tar = Vec::new();
    member(&mut tar, b'x', b"p", b"", &pax("path", &[b'a'; 5_000]));
    member(&mut tar, b'0', b"f", b"", b"");
    assert!(error_of(&tar).contains("a path of 5000 bytes; Linux takes 4096"));
    let mut tar = Vec::new();
    member(&mut tar, b'K', b"p", b"", &[b'a'; 5_000]);
    member(&mut tar, b'2', b"l", b"", b"");
    assert!(error_of(&tar).contains("l: a symbolic link: a path of 5000 bytes; Linux takes 4096"));
    let mut tar = Vec::new();
    member(&mut tar, b'L', b"p", b"", &[b'a'; 300]);
    member(&mut tar, b'0', b"f", b"", b"");
    assert!(error_of(&tar).contains("a name of 300 bytes; Linux takes 255"));
}

/// A file of zeros compresses to a thousandth, and a layer may have one that each later layer leaves alone.
#[test]
fn texts_that_each_layer_adds_to_are_not_all_kept() {
    let mut tree = Tree::new();
    for number in 0..3 {
        let tar = tape::tar(&[file(&format!("etc/ld.so.conf.d/{number}.conf"), vec![0; 50 << 20])]);
        tree.apply(&Layer::read(&tar[..], 0).unwrap()).unwrap();
    }
    let is_kept = |number| {
        let path = format!("etc/ld.so.conf.d/{number}.conf");
        matches!(tree.find(path.as_bytes()).unwrap().detail, Some(Detail::Text(_)))
    };
    assert_eq!([0, 1, 2].map(is_kept), [true, true, false]);
}

#[test]
fn damage_behind_the_last_member_is_noticed() {
    let mut blob = tape::gzip(&tape::tar(&[file("f", "1")]));
    let crc = blob.len() - 6;
    blob[crc] ^= 1;
    assert!(error_of(&blob).contains("gzip: damaged after"));
}

#[test]
fn the_lowest_broken_layer_is_the_one_that_is_named() {
    let good = tape::tar(&[file("f", vec![7; 3_000_000])]);
    let message = read(&[good, b"broken".to_vec(), b"too".to_vec()]).unwrap_err();
    assert!(format!("{message:#}").contains(&format!("sha256:{:064x}", 1)), "{message:#}");
}

#[test]
fn symbolic_links_in_a_circle_are_an_error_where_an_entry_needs_them() {
    let circle = [symlink("a", "b"), symlink("b", "a")];
    account(&[circle.to_vec()]);
    let tar = tape::tar(&[&circle[..], &[file("a/f", "1")]].concat());
    let message = error_of(&tar);
    assert!(message.contains("apply layer sha256:0000") && message.contains("lead in a circle"), "{message}");
}

#[test]
fn hard_links_in_a_circle_are_links_to_nothing() {
    let account = account(&[vec![hard_link("a", "b"), hard_link("b", "a"), hard_link("c", "c")]]);
    assert_eq!((account.dangling_links, account.live_bytes), (2, 0));
}

#[test]
fn two_hundred_thousand_empty_files_are_read() {
    let mut tar = Vec::new();
    for number in 0..200_000 {
        tar.extend(header(b'0', format!("d{}/{number}", number % 300).as_bytes(), b"", 0).as_bytes());
    }
    let contents = read(&[tape::gzip(&tar)]).unwrap();
    assert_eq!(contents.layers[0].changes.added_files, 200_000);
}

#[test]
fn directories_that_nest_as_deep_as_a_path_may_are_read_and_removed() {
    let deep = ["d"; 2_000].join("/");
    let item = tape::Item { form: tape::Form::Gnu, ..tape::file(&deep, "1") };
    let account = account(&[vec![item], vec![directory("x"), file(".wh.d", "")]]);
    assert_eq!((account.file_bytes, account.live_bytes), (1, 0));
}

proptest! {
    #[test]
    fn no_change_of_a_tar_makes_it_panic(
        at in prop::collection::vec((0usize..5_000, 0u8..), 1..6),
        cut in 0usize..6_000,
        is_checked in prop::bool::ANY,
    ) {
        let mut tar = tape::tar(&[directory("d"), symlink("l", "d"), file("l/f", vec![7; 700]), hard_link("h", "d/f")]);
        let end = tar.len();
        for (place, byte) in at {
            tar[place % end] = byte;
        }
        // Half of the time the checksums are put right, so that the damage gets further.
        if is_checked {
            for at in [0, 512, 1_024, 2_560] {
                let block: &mut [u8; 512] = tar[at..].first_chunk_mut().unwrap();
                block[148..156].fill(b' ');
                let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
                block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        tar.truncate(cut);
        let _ = read(&[tar]);
    }
}
