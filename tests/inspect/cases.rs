//! The cases that readers of images get wrong, with their exact books.

use weighbridge::inspect::Account;
use weighbridge::report::contents::WasteKind::{self, Deleted, MetadataOnly, Opaque, Overwritten};

use crate::account;
use crate::tape::{Item, directory, file, hard_link, mark, symlink};

const BIG: usize = 10 * 1024 * 1024;
const B: u64 = BIG as u64;

fn big(path: &str) -> Item {
    file(path, vec![7; BIG])
}

/// Writer, killer, kind, bytes and files of each pair.
type Row = (u32, u32, WasteKind, u64, u64);

fn rows(account: &Account) -> Vec<Row> {
    account.pairs.iter().map(|pair| (pair.writer, pair.killer, pair.kind, pair.bytes, pair.files)).collect()
}

/// A name, the layers, the pairs, and the bytes that live.
type Case = (&'static str, Vec<Vec<Item>>, Vec<Row>, u64);

fn check(cases: Vec<Case>) {
    for (name, layers, pairs, live_bytes) in cases {
        let account = account(&layers);
        assert_eq!((rows(&account), account.live_bytes), (pairs, live_bytes), "{name}");
        assert_eq!(account.file_bytes - account.wasted_bytes(), account.live_bytes, "{name}");
    }
}

#[test]
fn removals_concern_lower_layers_alone() {
    check(vec![
        ("rm -rf of a directory", vec![vec![big("d/f")], vec![mark(".wh.d")]], vec![(0, 1, Deleted, B, 1)], 0),
        (
            "rm -rf x && mkdir x",
            vec![vec![big("x/f")], vec![directory("x"), mark("x/.wh..wh..opq")]],
            vec![(0, 1, Opaque, B, 1)],
            0,
        ),
        ("rm", vec![vec![big("f")], vec![mark(".wh.f")]], vec![(0, 1, Deleted, B, 1)], 0),
        (
            "a dangling whiteout does not hide what comes after it",
            vec![vec![big("f")], vec![mark(".wh.nothing"), mark("no/such/.wh.file"), big("f")]],
            vec![(0, 1, MetadataOnly, B, 1)],
            B,
        ),
        ("a copy is no waste", vec![vec![big("f")], vec![big("g")]], vec![], 2 * B),
        (
            "an opaque marker after its siblings spares them",
            vec![vec![file("x/old", "12345")], vec![file("x/new", "123"), mark("x/.wh..wh..opq")]],
            vec![(0, 1, Opaque, 5, 1)],
            3,
        ),
        (
            "an opaque marker before its siblings too",
            vec![vec![file("x/old", "12345")], vec![mark("x/.wh..wh..opq"), file("x/new", "123")]],
            vec![(0, 1, Opaque, 5, 1)],
            3,
        ),
        (
            "an opaque root",
            vec![vec![file("a", "1"), file("b/c", "2")], vec![mark(".wh..wh..opq")]],
            vec![(0, 1, Opaque, 2, 2)],
            0,
        ),
        (
            "a whiteout of a path that is written in the same layer",
            vec![vec![file("f", "12345")], vec![file("f", "12345"), mark(".wh.f")]],
            vec![(0, 1, Deleted, 5, 1)],
            5,
        ),
        (
            "a path written again by a later layer is not lost twice",
            vec![vec![file("f", "12")], vec![mark(".wh.f")], vec![file("f", "12")], vec![mark(".wh.f")]],
            vec![(0, 1, Deleted, 2, 1), (2, 3, Deleted, 2, 1)],
            0,
        ),
        ("no layers at all", vec![], vec![], 0),
        ("an empty layer", vec![vec![]], vec![], 0),
    ]);
}

#[test]
fn removals_beside_other_changes_of_the_same_place_concern_lower_layers_alone() {
    check(vec![
        (
            "a directory that is removed and made again without an opaque marker",
            vec![vec![file("d/f", "12345")], vec![directory("d"), file("d/g", "1"), mark(".wh.d")]],
            vec![(0, 1, Deleted, 5, 1)],
            1,
        ),
        (
            "an opaque marker in the place of a file",
            vec![vec![file("f", "12345")], vec![mark("f/.wh..wh..opq")]],
            vec![(0, 1, Overwritten, 5, 1)],
            0,
        ),
        (
            "a removal in a directory in the place of a link",
            vec![vec![file("usr/lib/f", "1"), symlink("lib", "usr/lib")], vec![mark("lib/.wh.f")]],
            vec![],
            1,
        ),
        (
            "what AUFS keeps for itself: a name like any other",
            vec![vec![file("f", "1"), mark(".wh..wh.aufs"), directory(".wh..wh.plnk"), file(".wh..wh.plnk/7", "22")]],
            vec![],
            3,
        ),
    ]);
}

/// Its specification (stargz-snapshotter, docs/estargz.md) has them in the tar, where an unpacker that knows nothing of
/// it finds files like any other.
#[test]
fn what_e_stargz_adds_are_files_of_the_layer() {
    let table = |entries: &str| vec![file(".no.prefetch.landmark", "\x0f"), file("stargz.index.json", entries)];
    check(vec![(
        "tables",
        vec![table("{1}"), table("{22}")],
        vec![(0, 1, Overwritten, 3, 1), (0, 1, MetadataOnly, 1, 1)],
        5,
    )]);
}

#[test]
fn what_is_written_over_is_lost() {
    check(vec![
        ("chmod", vec![vec![big("f")], vec![big("f")]], vec![(0, 1, MetadataOnly, B, 1)], B),
        (
            "a file in the place of a directory",
            vec![vec![file("d/a", "1"), file("d/e/b", "22")], vec![file("d", "333")]],
            vec![(0, 1, Overwritten, 3, 2)],
            3,
        ),
        (
            "a directory in the place of a file",
            vec![vec![file("d", "333")], vec![directory("d"), file("d/a", "1")]],
            vec![(0, 1, Overwritten, 3, 1)],
            1,
        ),
        (
            "a link in the place of a directory",
            vec![vec![file("d/a", "1")], vec![symlink("d", "e"), file("d/a", "22")]],
            vec![(0, 1, Overwritten, 1, 1)],
            2,
        ),
        (
            "a directory that a tar has before and after a file",
            vec![vec![file("d/a", "1")], vec![directory("d"), file("d", "22"), directory("d"), file("d/b", "333")]],
            vec![(0, 1, Overwritten, 1, 1), (1, 1, Overwritten, 2, 1)],
            3,
        ),
        (
            "a path that a tar has twice",
            vec![vec![file("f", "1"), file("./f", "22"), file("/f", "22")]],
            vec![(0, 0, Overwritten, 1, 1), (0, 0, MetadataOnly, 2, 1)],
            2,
        ),
    ]);
}

#[test]
fn a_file_lives_as_long_as_one_of_its_names() {
    check(vec![
        (
            "a hard link holds what a lower layer wrote",
            vec![vec![file("f", "12345")], vec![hard_link("g", "f")], vec![mark(".wh.f")]],
            vec![],
            5,
        ),
        (
            "who takes the last name is the killer",
            vec![vec![file("f", "12345"), hard_link("g", "f")], vec![mark(".wh.f")], vec![file("g", "1")]],
            vec![(0, 2, Overwritten, 5, 1)],
            1,
        ),
        (
            "a name that is written again leaves the other",
            vec![vec![file("f", "12345"), hard_link("g", "f")], vec![file("f", "1")]],
            vec![],
            6,
        ),
        (
            "a link from layer to layer to layer, and through a directory that is a link",
            vec![
                vec![file("d/f", "12345")],
                vec![hard_link("g", "d/f")],
                vec![mark(".wh.d"), symlink("l", "/"), hard_link("h", "l/g")],
                vec![mark(".wh.g")],
            ],
            vec![],
            5,
        ),
        (
            "a link to what its layer removes is one to nothing",
            vec![vec![file("f", "12345")], vec![hard_link("g", "f"), mark(".wh.f")]],
            vec![(0, 1, Deleted, 5, 1)],
            0,
        ),
        (
            "chown of a file with two names",
            vec![vec![file("f", "12345"), hard_link("g", "/f")], vec![file("f", "12345"), hard_link("g", "f")]],
            vec![(0, 1, MetadataOnly, 5, 1)],
            5,
        ),
    ]);
}

#[test]
fn directories_and_symbolic_links_are_followed_as_an_unpacker_does() {
    check(vec![
        (
            "a path that climbs out of the root stays within it",
            vec![vec![file("etc/f", "1")], vec![file("../../etc/f", "22")]],
            vec![(0, 1, Overwritten, 1, 1)],
            2,
        ),
        (
            "a directory entry takes the place of a symbolic link",
            vec![vec![file("usr/lib/f", "1"), symlink("lib", "usr/lib")], vec![directory("lib"), file("lib/f", "22")]],
            vec![],
            3,
        ),
        (
            "an implied directory takes the place of a lower layer's link",
            vec![vec![file("usr/lib/f", "1"), symlink("lib", "usr/lib")], vec![file("lib/f", "22")]],
            vec![],
            3,
        ),
        (
            "a link of the same layer is followed",
            vec![vec![file("usr/lib/f", "1")], vec![symlink("lib", "/usr/lib"), file("lib/f", "22")]],
            vec![(0, 1, Overwritten, 1, 1)],
            2,
        ),
        (
            "the link itself is removed, not what it leads to",
            vec![vec![file("usr/lib/f", "1"), symlink("lib", "usr/lib")], vec![mark(".wh.lib")]],
            vec![],
            1,
        ),
    ]);
}

#[test]
fn copies_are_found_and_names_of_one_file_are_not_copies() {
    let account = account(&[vec![big("f"), hard_link("a", "f")], vec![big("z/copy")], vec![file("small", "7")]]);
    assert_eq!(account.duplicates.len(), 1);
    let duplicate = &account.duplicates[0];
    assert_eq!((duplicate.bytes, duplicate.files, account.duplicate_bytes), (BIG as u64, 2, BIG as u64));
    let copies: Vec<_> = duplicate.copies.iter().map(|copy| (&*copy.path, copy.layer)).collect();
    assert_eq!(copies, [(&b"a"[..], 0), (b"z/copy", 1)]);
}

#[test]
fn a_layer_that_an_image_has_twice_is_read_once_and_written_twice() {
    let tar = crate::tape::tar(&[file("f", "12345")]);
    let contents = crate::read(&[tar.clone(), tar]).unwrap();
    let account = contents.tree.account();
    assert_eq!(rows(&account), [(0, 1, WasteKind::MetadataOnly, 5, 1)]);
    assert_eq!((account.file_bytes, account.live_bytes), (10, 5));
}

#[test]
fn a_hard_link_to_nothing_is_counted_and_has_no_bytes() {
    let account = account(&[vec![hard_link("a", "b"), directory("d"), hard_link("e", "d"), hard_link("f", "/")]]);
    assert_eq!((account.dangling_links, account.file_bytes), (3, 0));
}
