//! Six ordinary images of which the best-known reader says the wrong waste in five: with files of 10 MiB, and with what
//! `RUN` really writes, so that the whole of each account can be said.

use weighbridge::inspect::Account;
use weighbridge::report::contents::WasteKind;

use crate::account;
use crate::tape::{Item, directory, file, mark};

const MIB_10: u64 = 10 * 1024 * 1024;

fn base() -> Vec<Item> {
    vec![directory("app"), file("app/keep", "k"), directory("app/data"), file("app/data/big", vec![7; 10 << 20])]
}

/// Bytes that are wasted, and of them writer, killer and kind.
fn waste(account: &Account) -> (u64, Vec<(u32, u32, WasteKind)>) {
    assert_eq!(account.file_bytes - account.wasted_bytes(), account.live_bytes);
    let pairs = account.pairs.iter().map(|pair| (pair.writer, pair.killer, pair.kind)).collect();
    (account.wasted_bytes(), pairs)
}

#[test]
fn a_directory_that_a_later_layer_removes_wastes_what_was_in_it() {
    let account = account(&[base(), vec![directory("app"), mark("app/.wh.data")]]);
    assert_eq!(waste(&account), (MIB_10, vec![(0, 1, WasteKind::Deleted)]));
    assert_eq!((account.file_bytes, account.live_bytes), (MIB_10 + 1, 1));
}

#[test]
fn a_directory_that_is_removed_and_made_again_wastes_what_was_in_it() {
    let account = account(&[base(), vec![directory("app"), directory("app/data"), mark("app/data/.wh..wh..opq")]]);
    assert_eq!(waste(&account), (MIB_10, vec![(0, 1, WasteKind::Opaque)]));
    assert_eq!((account.file_bytes, account.live_bytes), (MIB_10 + 1, 1));
}

#[test]
fn a_mode_that_is_changed_wastes_one_copy_and_not_two() {
    let account = account(&[base(), vec![file("app/data/big", vec![7; 10 << 20]).mode(0o755)]]);
    assert_eq!(waste(&account), (MIB_10, vec![(0, 1, WasteKind::MetadataOnly)]));
    assert_eq!((account.file_bytes, account.live_bytes), (2 * MIB_10 + 1, MIB_10 + 1));
}

#[test]
fn a_file_that_a_later_layer_removes_is_wasted() {
    let account = account(&[base(), vec![mark("app/data/.wh.big")]]);
    assert_eq!(waste(&account), (MIB_10, vec![(0, 1, WasteKind::Deleted)]));
    assert_eq!((account.file_bytes, account.live_bytes), (MIB_10 + 1, 1));
}

#[test]
fn a_whiteout_that_finds_nothing_hides_nothing_that_comes_after_it() {
    let account = account(&[base(), vec![mark("app/.wh.never-was"), file("app/data/big", vec![7; 10 << 20])]]);
    assert_eq!(waste(&account), (MIB_10, vec![(0, 1, WasteKind::MetadataOnly)]));
    assert_eq!((account.file_bytes, account.live_bytes), (2 * MIB_10 + 1, MIB_10 + 1));
}

#[test]
fn the_same_content_at_another_path_is_no_waste_and_a_duplicate() {
    let account = account(&[base(), vec![file("app/copy", vec![7; 10 << 20])]]);
    assert_eq!(waste(&account), (0, vec![]));
    assert_eq!((account.live_bytes, account.duplicate_bytes), (2 * MIB_10 + 1, MIB_10));
    let copies: Vec<_> = account.duplicates[0].copies.iter().map(|copy| (&*copy.path, copy.layer)).collect();
    assert_eq!(copies, [(&b"app/copy"[..], 1), (b"app/data/big", 0)]);
}
