//! Looking things up in the final file system.

use weighbridge::inspect::{Absent, Attributes, Detail, Found, FoundKind, Layer, Tree};

use crate::tape::{self, Form, Item, directory, file, hard_link, mark, symlink};

fn tree(layers: &[Vec<Item>]) -> Tree {
    let mut tree = Tree::new();
    for items in layers {
        let tar = tape::tar(items);
        let layer = Layer::read(&tar[..], tar.len() as u64).unwrap();
        // What is kept must tell the same as what was read.
        let layer = Layer::from_bytes(&layer.to_bytes("sha256:1").unwrap(), "sha256:1").unwrap();
        tree.apply(&layer).unwrap();
    }
    tree
}

#[test]
fn links_are_followed_as_in_a_container() {
    let tree = tree(&[
        vec![symlink("bin", "usr/bin"), file("usr/bin/dash", "123"), symlink("usr/bin/sh", "/bin/dash")],
        vec![symlink("up", "../../usr"), symlink("a", "b"), symlink("b", "a"), symlink("gone", "nowhere")],
    ]);
    for path in ["bin/sh", "/bin/sh", "/usr/bin/../bin//dash", "up/bin/./sh"] {
        let found = tree.find(path.as_bytes()).unwrap();
        assert_eq!(
            (&*found.path, found.kind, found.bytes, found.layer),
            (&b"usr/bin/dash"[..], FoundKind::File, 3, Some(0))
        );
    }
    for (path, expected) in [
        ("bin/bash", Absent::Missing),
        ("gone", Absent::Missing),
        ("nowhere/x", Absent::Missing),
        ("bin/dash/x", Absent::NotDirectory),
        ("bin/dash/", Absent::NotDirectory),
        ("a", Absent::Circle),
        ("a/x", Absent::Circle),
    ] {
        assert_eq!(tree.find(path.as_bytes()).unwrap_err(), expected, "{path}");
    }
    assert_eq!(tree.find(b"/").unwrap().kind, FoundKind::Directory);
    assert_eq!(tree.list(b"/bin"), [b"dash".to_vec(), b"sh".to_vec()]);
    assert!(tree.list(b"bin/dash").is_empty());
}

#[test]
fn modes_and_owners_are_those_of_the_last_entry_in_every_form() {
    for form in [Form::Ustar, Form::Gnu, Form::Pax] {
        let of = |item: Item| Item { form, ..item };
        let tree = tree(&[
            vec![of(directory("d").mode(0o700).owner(5)), of(file("d/f", "1").mode(0o4755).owner(3_000_000))],
            vec![of(directory("e").mode(0o711)), of(hard_link("l", "d/f")), of(file("new/f", "2").owner(9))],
            vec![mark(".wh.e"), file("e/f", "3")],
        ]);
        let attributes = |path: &str| tree.find(path.as_bytes()).unwrap().attributes.unwrap();
        // A header holds seven octal digits.
        let uid = if form == Form::Pax { 3_000_000 } else { attributes("d/f").uid };
        assert_eq!(attributes("d/f"), Attributes { mode: 0o4755, uid, gid: uid });
        assert_eq!(attributes("l"), attributes("d/f"));
        assert_eq!(attributes("d"), Attributes { mode: 0o700, uid: 5, gid: 5 });
        assert_eq!(attributes("new/f"), Attributes { mode: 0o644, uid: 9, gid: 9 });
        assert_eq!([attributes("new"), attributes("e")], [Attributes::IMPLIED_DIRECTORY; 2]);
    }
}

#[test]
fn details_belong_to_the_file_that_is_there() {
    let text = |text: &str| Detail::Text(text.into());
    let tree = tree(&[
        vec![file("etc/passwd", "old"), file("run", "#!/bin/sh\n"), hard_link("also", "run"), file("etc/group", "g")],
        vec![file("etc/passwd", "new"), mark("etc/.wh.group")],
    ]);
    assert_eq!(tree.find(b"etc/passwd").unwrap().detail, Some(&text("new")));
    let script = Detail::Script(b"/bin/sh".to_vec());
    let details: Vec<_> = tree.details();
    assert_eq!(
        details,
        [(b"also".to_vec(), 0, &script), (b"etc/passwd".to_vec(), 1, &text("new")), (b"run".to_vec(), 0, &script)]
    );
}

#[test]
fn written_files_are_those_of_all_layers() {
    let tree = tree(&[vec![file("a", "123"), file("b", "1")], vec![file("a", "12"), mark(".wh.b")]]);
    let written: Vec<_> = tree.written_files().map(|file| (file.layer, file.path, file.bytes, file.is_live)).collect();
    let of = |layer, path: &str, bytes, is_live| (layer, path.as_bytes().to_vec(), bytes, is_live);
    assert_eq!(written, [of(0, "a", 3, false), of(0, "b", 1, false), of(1, "a", 2, true)]);
    let Found { layer, .. } = tree.find(b"a").unwrap();
    assert_eq!(layer, Some(1));
}
