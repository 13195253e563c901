//! The corpus of layers. It is written by this and committed, as a fuzzer wants files.

use crate::elf::{X86_64, dynamic, library};
use crate::tape::{Form, Item, directory, file, gzip, hard_link, header, mark, member, pax, symlink, tar, zstd};
use crate::targets::SEPARATOR;

fn images() -> Vec<(&'static str, Vec<Vec<Item>>)> {
    let long = ["directory"; 25].join("/");
    vec![
        ("deleted", vec![vec![file("d/f", vec![7; 600])], vec![mark(".wh.d")]]),
        ("opaque", vec![vec![file("d/f", "1")], vec![directory("d"), mark("d/.wh..wh..opq"), file("d/g", "22")]]),
        ("dangling", vec![vec![file("f", "1")], vec![mark(".wh.g"), mark("no/such/.wh.f"), file("f", "1")]]),
        ("overwritten", vec![vec![file("f", "1"), file("f", "22")], vec![file("f", "22").mode(0o755).owner(1_000)]]),
        ("replaced", vec![vec![file("d/f", "1"), file("g", "1")], vec![file("d", "2"), file("g/h", "3")]]),
        ("hard-links", vec![vec![file("f", "1"), hard_link("g", "f")], vec![mark(".wh.f"), hard_link("h", "g")]]),
        ("links-to-nothing", vec![vec![hard_link("a", "b"), hard_link("b", "a"), hard_link("c", "..")]]),
        ("symlinks", vec![vec![symlink("a", "b"), symlink("b", "/c/../d"), directory("d"), file("a/f", "1")]]),
        ("circle", vec![vec![symlink("a", "b"), symlink("b", "a"), file("a/f", "1")]]),
        ("outside", vec![vec![file("../../f", "1"), file("/./d//g", "2"), symlink("l", "../../..")]]),
        ("long-gnu", vec![vec![Item { form: Form::Gnu, ..file(&long, "1") }]]),
        ("long-pax", vec![vec![Item { form: Form::Pax, ..symlink(&long, "x") }]]),
        (
            "program",
            vec![
                vec![
                    file("bin/start", dynamic(X86_64, "/lib/ld.so.1", &["libx.so"]).bytes()).mode(0o755),
                    file("lib/libx.so", library(X86_64, &["liby.so"]).bytes()),
                    symlink("lib/ld.so.1", "ld-2.so"),
                    file("etc/ld.so.conf", "include ld.so.conf.d/*.conf\n/lib\n"),
                    file("etc/ld.so.conf.d/x.conf", "include /etc/ld.so.conf\n"),
                ],
                vec![
                    file("etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:\n"),
                    file("etc/group", "app:x:7:app\n"),
                ],
            ],
        ),
        (
            "script",
            vec![vec![file("app/start", "#!/usr/bin/env -S sh -e\nexit\n").mode(0o755), symlink("usr/bin/env", "env")]],
        ),
        (
            "packages",
            vec![vec![
                file("lib/apk/db/installed", "P:musl\nV:1.2\nI:600\nF:lib\nR:ld-musl.so\n\nP:x\n"),
                file(
                    "var/lib/dpkg/status",
                    "Package: a\nStatus: install ok installed\nVersion: 1\nInstalled-Size: 9\n\n",
                ),
                file("var/lib/dpkg/info/a.list", "/.\n/usr\n/usr/bin/a\n"),
                file("usr/bin/a", vec![7; 500]),
                file("usr/lib/python3/site-packages/b-1.dist-info/METADATA", "Name: b\nVersion: 1\n"),
                file("app/node_modules/@s/c/package.json", r#"{"name":"@s/c","version":"1.0.0"}"#),
            ]],
        ),
        ("empty", vec![vec![], vec![]]),
    ]
}

/// Members that only a header of one's own can have.
fn unusual() -> Vec<(&'static str, Vec<u8>)> {
    let mut records = Vec::new();
    member(&mut records, b'g', b"p", b"", &pax("path", b"everywhere"));
    member(&mut records, b'x', b"p", b"", &[pax("size", b"3"), pax("uid", b"70000"), pax("mtime", b"1.5")].concat());
    member(&mut records, b'0', b"f", b"", b"123");
    let mut sparse = Vec::new();
    let map = [pax("GNU.sparse.size", b"4096"), pax("GNU.sparse.map", b"0,5"), pax("GNU.sparse.name", b"f")].concat();
    member(&mut sparse, b'x', b"p", b"", &map);
    member(&mut sparse, b'0', b"GNUSparseFile.1/f", b"", b"12345");
    let mut mapped = Vec::new();
    let names = [("major", "1"), ("minor", "0"), ("name", "f"), ("realsize", "4096")];
    let map: Vec<u8> =
        names.iter().flat_map(|(key, value)| pax(&format!("GNU.sparse.{key}"), value.as_bytes())).collect();
    member(&mut mapped, b'x', b"p", b"", &map);
    member(&mut mapped, b'0', b"f", b"", &[b"1\n0\n5\n".to_vec(), vec![0; 506], b"12345".to_vec()].concat());
    let mut old = header(b'S', b"f", b"", 5);
    let bytes = old.as_mut_bytes();
    bytes[257..265].copy_from_slice(b"ustar  \0");
    bytes[386..397].copy_from_slice(b"00000000000");
    bytes[398..409].copy_from_slice(b"00000000005");
    bytes[483..494].copy_from_slice(b"00000010000");
    old.set_cksum();
    let old = [old.as_bytes(), &b"12345"[..], &[0; 507]].concat();
    let mut devices = Vec::new();
    for flag in *b"346" {
        member(&mut devices, flag, &[b'd', flag], b"", b"");
    }
    let huge = header(b'0', b"huge", b"", 1 << 40).as_bytes().to_vec();
    vec![
        ("pax-records", records),
        ("sparse-in-records", sparse),
        ("sparse-in-content", mapped),
        ("sparse-of-gnu", old),
        ("devices", devices),
        ("huge", huge),
    ]
}

fn compressed() -> Vec<(&'static str, Vec<u8>)> {
    let tar = tar(&[file("f", "12345"), directory("d")]);
    let (front, back) = tar.split_at(700);
    let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0xyz".to_vec();
    vec![
        ("gzip", gzip(&tar)),
        ("gzip-members", [gzip(front), gzip(b""), gzip(back)].concat()),
        ("zstd", zstd(&tar)),
        ("zstd-frames", [skippable, zstd(front), zstd(back)].concat()),
        ("gzip-over-zstd", [gzip(&tar), SEPARATOR.to_vec(), zstd(&tar)].concat()),
    ]
}

/// Name and bytes of each, by name.
pub(crate) fn layers() -> Vec<(String, Vec<u8>)> {
    let images = images().into_iter().map(|(name, layers)| {
        let tars: Vec<Vec<u8>> = layers.iter().map(|items| tar(items)).collect();
        (name, tars.join(SEPARATOR))
    });
    let all = images.chain(unusual()).chain(compressed());
    let mut seeds: Vec<_> = all.map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    seeds.sort();
    seeds
}
