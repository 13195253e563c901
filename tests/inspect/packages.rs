//! Packages of every kind in images that are made here, and the bytes of their files.

use proptest::prelude::*;
use weighbridge::inspect::describe;
use weighbridge::report::Contents;
use weighbridge::report::contents::Package;

use crate::describing::{image, platform};
use crate::elf::{TestElf, X86_64, program};
use crate::tape::{self, Item, directory, file, hard_link, mark, symlink};

fn described(layers: &[Vec<Item>]) -> Contents {
    let blobs: Vec<Vec<u8>> = layers.iter().map(|items| tape::tar(items)).collect();
    describe(&crate::read(&blobs).unwrap(), &image(&[]), &platform())
}

/// `kind name version bytes layer path` of each.
fn told(layers: &[Vec<Item>]) -> Vec<String> {
    let line = |package: &Package| {
        let Package { kind, name, version, bytes, layer, path, .. } = package;
        let bytes = bytes.map_or("?".to_owned(), |bytes| bytes.to_string());
        format!("{kind} {name} {version} {bytes} {layer} {path}")
    };
    described(layers).packages.iter().map(line).collect()
}

fn bytes(path: &str, bytes: usize) -> Item {
    file(path, vec![b'x'; bytes])
}

#[test]
fn packages_of_debian_have_the_files_of_their_lists_also_through_the_merged_usr() {
    let status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\nDescription: C\n long\n\n\
        Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n\
        Package: unlisted\nStatus: install ok installed\nVersion: 2\n";
    let base = vec![
        symlink("lib", "usr/lib"),
        bytes("usr/lib/libc.so.6", 1_000),
        symlink("usr/lib/libc.so", "libc.so.6"),
        bytes("usr/bin/bash", 300),
        hard_link("usr/bin/rbash", "usr/bin/bash"),
        file("var/lib/dpkg/status", status),
        file("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/libc.so.6\n/usr/lib/missing\n"),
        // The link leads to what belongs to another.
        file("var/lib/dpkg/info/bash.list", "/usr/bin\n/usr/lib/libc.so\n/usr/bin/bash\n/usr/bin/rbash\n"),
    ];
    let own = vec![bytes("usr/lib/libc.so.6", 2_000)];
    assert_eq!(
        told(&[base, own]),
        [
            "deb bash 5.2 300 0 var/lib/dpkg/status",
            "deb libc6 2.36-9 2000 1 var/lib/dpkg/status",
            "deb unlisted 2 ? 0 var/lib/dpkg/status",
        ]
    );
}

#[test]
fn images_without_a_package_manager_tell_of_packages_in_parts() {
    let sum = "d41d8cd98f00b204e9800998ecf8427e";
    let layer = vec![
        file("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nArchitecture: all\n"),
        file("var/lib/dpkg/status.d/tzdata.md5sums", format!("{sum}  usr/share/zoneinfo/UTC\n")),
        file("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\n"),
        bytes("usr/share/zoneinfo/UTC", 114),
    ];
    assert_eq!(
        told(&[layer]),
        ["deb base-files 12 ? 0 var/lib/dpkg/status.d/base", "deb tzdata 2024a 114 0 var/lib/dpkg/status.d/tzdata"]
    );
}

#[test]
fn packages_of_alpine_have_the_files_of_their_directories() {
    let installed = "C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nR:libc.musl.so\n\n\
        P:busybox\nV:1.36-r1\nF:bin\nR:busybox\nF:etc\nF:etc/securetty\n\nP:empty\nV:1\n\n";
    let merged = |database: &str| {
        vec![
            symlink("lib", "usr/lib"),
            file(database, installed),
            bytes("usr/lib/ld-musl-x86_64.so.1", 600),
            symlink("usr/lib/libc.musl.so", "ld-musl-x86_64.so.1"),
            bytes("bin/busybox", 800),
        ]
    };
    for database in ["usr/lib/apk/db/installed", "lib/apk/db/installed"] {
        let mut expected =
            ["apk busybox 1.36-r1 800 0 ", "apk empty 1 0 0 ", "apk musl 1.2.5-r0 600 0 "].map(String::from);
        let told = told(&[merged(database)]);
        for (line, package) in expected.iter_mut().zip(&told) {
            assert!(package.starts_with(&*line) && package.ends_with("lib/apk/db/installed"), "{package}");
        }
        assert_eq!(told.len(), 3);
    }
}

/// A database that rpm 4.18 made: eight packages `beta1` … of one file, and `alpha` of 401, whose header goes on in
/// pages of its own.
fn rpm_database() -> Vec<u8> {
    zstd::decode_all(&include_bytes!("../fixtures/rpm/rpmdb.sqlite.zst")[..]).unwrap()
}

#[test]
fn packages_of_rpm_have_the_files_of_their_headers() {
    for directory in ["var/lib/rpm", "usr/lib/sysimage/rpm"] {
        let path = format!("{directory}/rpmdb.sqlite");
        let mut layer = vec![file(&path, rpm_database()), bytes("usr/bin/alpha", 2_000), bytes("etc/beta3.conf", 30)];
        layer.extend((1..=400).map(|number| bytes(&format!("usr/lib/alpha/file-{number}"), 5)));
        if directory.starts_with("usr") {
            layer.push(symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm"));
        }
        let told = told(&[layer]);
        let is_told = |line: &str| told.iter().any(|told| told.starts_with(line) && told.ends_with("/rpmdb.sqlite"));
        assert_eq!(told.len(), 9, "{told:#?}");
        for line in ["rpm alpha 2:1.2.3-4 4000 0 ", "rpm beta1 2-1 0 0 ", "rpm beta3 2-1 30 0 ", "rpm beta8 2-1 0 0 "] {
            assert!(is_told(line), "{line}: {told:#?}");
        }
    }
}

#[test]
fn a_database_of_rpm_that_is_damaged_or_not_written_in_full_is_named() {
    let unread = |items: Vec<Item>| {
        let findings = described(&[items]).findings;
        findings.iter().any(|finding| finding.rule == "package-database-not-read")
    };
    let database = rpm_database();
    let of = |database: &[u8]| vec![file("var/lib/rpm/rpmdb.sqlite", database)];
    assert!(!unread(of(&database)));
    assert!(unread([of(&database), vec![bytes("var/lib/rpm/rpmdb.sqlite-wal", 1)]].concat()));
    assert!(!unread([of(&database), vec![bytes("var/lib/rpm/rpmdb.sqlite-wal", 0)]].concat()));
    for end in [50, 4_096, 20_000] {
        assert!(unread(of(&database[..end])), "{end}");
    }
}

#[test]
fn packages_of_python_have_the_files_of_their_records_and_what_was_compiled_of_them() {
    let site = "usr/local/lib/python3.12/site-packages";
    let at = |path: &str| format!("{site}/{path}");
    let layer = vec![
        file(&at("bottle-0.13.4.dist-info/METADATA"), "Metadata-Version: 2.1\nName: bottle\nVersion: 0.13.4\n\nlong"),
        file(
            &at("bottle-0.13.4.dist-info/RECORD"),
            "bottle.py,sha256=x,7\r\n../../../bin/bottle,,\r\n\"odd,name.py\",,\r\nbottle-0.13.4.dist-info/RECORD,,\r\n",
        ),
        bytes(&at("bottle.py"), 1_000),
        bytes(&at("__pycache__/bottle.cpython-312.pyc"), 500),
        bytes(&at("odd,name.py"), 7),
        bytes("usr/local/bin/bottle", 200),
        file(&at("old.egg-info/PKG-INFO"), "Name: old\nVersion: 1\n"),
        file(&at("old.egg-info/top_level.txt"), "old_module\nsingle\n"),
        bytes(&at("old_module/deep/a.py"), 90),
        bytes(&at("single.py"), 10),
        bytes(&at("nobody.py"), 5_000),
    ];
    let metadata = "Metadata-Version: 2.1\nName: bottle\nVersion: 0.13.4\n\nlong".len();
    let record =
        "bottle.py,sha256=x,7\r\n../../../bin/bottle,,\r\n\"odd,name.py\",,\r\nbottle-0.13.4.dist-info/RECORD,,\r\n"
            .len();
    let old = "Name: old\nVersion: 1\n".len() + "old_module\nsingle\n".len();
    assert_eq!(
        told(&[layer]),
        [
            format!("python bottle 0.13.4 {} 0 {site}/bottle-0.13.4.dist-info", 1_707 + metadata + record),
            format!("python old 1 {} 0 {site}/old.egg-info", 100 + old),
        ]
    );
}

#[test]
fn packages_of_npm_are_directories_without_those_nested_in_them() {
    let manifest = |name: &str, version: &str| format!(r#"{{"name":"{name}","version":"{version}"}}"#);
    let layer = vec![
        file("app/package.json", manifest("app", "1.0.0")),
        file("app/node_modules/a/package.json", manifest("a", "1.0.0")),
        bytes("app/node_modules/a/lib/index.js", 1_000),
        file("app/node_modules/a/dist/package.json", r#"{"type":"module"}"#),
        file("app/node_modules/a/node_modules/@s/b/package.json", manifest("@s/b", "2.0.0")),
        bytes("app/node_modules/a/node_modules/@s/b/index.js", 100),
        bytes("app/node_modules/.cache/big", 9_000),
        // The layout of pnpm, whose manifests are hard links into its store.
        bytes("store/1", 40),
        directory("app/node_modules/.pnpm/c@3.0.0/node_modules/c"),
        hard_link("app/node_modules/.pnpm/c@3.0.0/node_modules/c/package.json", "store/1"),
        symlink("app/node_modules/c", ".pnpm/c@3.0.0/node_modules/c"),
    ];
    let a = 1_000 + manifest("a", "1.0.0").len() + r#"{"type":"module"}"#.len();
    assert_eq!(
        told(&[layer]),
        [
            format!("npm @s/b 2.0.0 {} 0 app/node_modules/a/node_modules/@s/b", 100 + manifest("@s/b", "2.0.0").len()),
            format!("npm a 1.0.0 {a} 0 app/node_modules/a"),
            "npm c 3.0.0 40 0 app/node_modules/.pnpm/c@3.0.0/node_modules/c".to_owned(),
        ]
    );
}

#[test]
fn modules_of_go_are_told_from_the_program_which_is_the_main_ones() {
    let modules = "path\texample.com/a\nmod\texample.com/a\tv0.1.0\t\ndep\texample.com/b\tv1.0.0\th1:x\n";
    let sentinel = [7; 16];
    let length = u8::try_from(modules.len() + 32).unwrap();
    assert!(length < 128, "the length takes one byte");
    let header = [&b"\xff Go buildinf:\x08\x02"[..], &[0; 16], &[8], b"go1.24.1", &[length]].concat();
    let program =
        TestElf { padding: [&header[..], &sentinel, modules.as_bytes(), &sentinel].concat(), ..program(X86_64) };
    let program = program.bytes();
    let length = program.len();
    let layer = vec![file("app", program), hard_link("same", "app")];
    assert_eq!(
        told(&[layer]),
        [
            format!("go example.com/a v0.1.0 {length} 0 app"),
            "go example.com/b v1.0.0 ? 0 app".to_owned(),
            "go stdlib go1.24.1 ? 0 app".to_owned()
        ]
    );
}

#[test]
fn packages_of_rust_are_told_from_the_program_that_was_built_to_tell() {
    let json = r#"{"packages":[{"name":"serde","version":"1.0.2","source":"crates.io"},
        {"name":"web","version":"0.1.0","source":"local","root":true}]}"#;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, json.as_bytes()).unwrap();
    let program = TestElf { padding: encoder.finish().unwrap(), ..program(X86_64) }.bytes();
    let length = program.len();
    let layer = vec![file("app", program), hard_link("same", "app")];
    assert_eq!(told(&[layer]), ["rust serde 1.0.2 ? 0 app".to_owned(), format!("rust web 0.1.0 {length} 0 app")]);
}

#[test]
fn packages_of_ruby_have_the_directory_that_is_called_as_their_specification() {
    let home = "usr/local/bundle";
    let layer = vec![
        bytes(&format!("{home}/specifications/rack-3.0.8.gemspec"), 100),
        bytes(&format!("{home}/gems/rack-3.0.8/lib/rack.rb"), 1_000),
        bytes(&format!("{home}/specifications/default/json-2.7.1.gemspec"), 10),
        bytes(&format!("{home}/specifications/puma-6.4.0.gemspec"), 1),
        bytes(&format!("{home}/gems/puma-6.4.0/puma.gemspec"), 20),
        bytes(&format!("{home}/extensions/x86_64-linux/3.3.0/puma-6.4.0/puma_http11.so"), 300),
        bytes(&format!("{home}/gems/nobody/lib/a.rb"), 5_000),
    ];
    assert_eq!(
        told(&[layer]),
        [
            "gem json 2.7.1 10 0 usr/local/bundle/specifications/default/json-2.7.1.gemspec",
            "gem puma 6.4.0 321 0 usr/local/bundle/specifications/puma-6.4.0.gemspec",
            "gem rack 3.0.8 1100 0 usr/local/bundle/specifications/rack-3.0.8.gemspec",
        ]
    );
}

#[test]
fn archives_of_java_are_packages_by_their_name() {
    let layer = vec![
        bytes("app/app.jar", 70),
        bytes("app/lib/guava-31.1-jre.jar", 300),
        bytes("usr/share/java/owned-1.0.jar", 5),
        file("var/lib/dpkg/status", "Package: libowned-java\nStatus: install ok installed\nVersion: 1\n"),
        file("var/lib/dpkg/info/libowned-java.list", "/usr/share/java/owned-1.0.jar\n"),
    ];
    assert_eq!(
        told(&[layer]),
        [
            "deb libowned-java 1 5 0 var/lib/dpkg/status",
            "java app  70 0 app/app.jar",
            "java guava 31.1-jre 300 0 app/lib/guava-31.1-jre.jar",
        ]
    );
}

#[test]
fn what_debian_brings_of_a_language_is_told_once() {
    let list = "/usr/lib/python3/dist-packages/six.py\n/usr/lib/python3/dist-packages/six-1.egg-info\n\
        /usr/share/node_modules/ini/package.json\n/usr/share/node_modules/ini/ini.js\n";
    let layer = vec![
        file("var/lib/dpkg/status", "Package: six\nStatus: install ok installed\nVersion: 1\n"),
        file("var/lib/dpkg/info/six.list", list),
        bytes("usr/lib/python3/dist-packages/six.py", 10),
        file("usr/lib/python3/dist-packages/six-1.egg-info", "Name: six\nVersion: 1\n"),
        file("usr/share/node_modules/ini/package.json", r#"{"name":"ini"}"#),
        bytes("usr/share/node_modules/ini/ini.js", 10),
    ];
    let all = 20 + "Name: six\nVersion: 1\n".len() + r#"{"name":"ini"}"#.len();
    assert_eq!(told(&[layer]), [format!("deb six 1 {all} 0 var/lib/dpkg/status")]);
}

#[test]
fn what_is_deleted_is_no_longer_installed() {
    let base = vec![
        file("node_modules/a/package.json", r#"{"name":"a"}"#),
        file("opt/b-1.dist-info/METADATA", "Name: b\nVersion: 1\n"),
    ];
    assert_eq!(told(std::slice::from_ref(&base)).len(), 2);
    assert_eq!(told(&[base, vec![mark(".wh.node_modules"), mark("opt/.wh..wh..opq")]]), [""; 0]);
}

#[test]
fn a_database_that_is_not_read_is_named() {
    let contents = described(&[vec![bytes("var/lib/rpm/Packages", 10)]]);
    let told: Vec<_> = contents.findings.iter().filter(|finding| finding.rule == "package-database-not-read").collect();
    assert!(told.len() == 1 && told[0].message.contains("var/lib/rpm/Packages"), "{told:?}");
}

proptest! {
    #[test]
    fn a_file_belongs_to_one_package_at_most(
        lists in prop::collection::vec(prop::collection::vec(0usize..12, 0..12), 1..5),
        records in prop::collection::vec(prop::collection::vec(0usize..12, 0..12), 0..3),
        lengths in prop::collection::vec(0usize..500, 12),
    ) {
        let mut layer: Vec<Item> =
            lengths.iter().enumerate().map(|(number, length)| bytes(&format!("opt/{number}"), *length)).collect();
        let mut status = String::new();
        for (number, list) in lists.iter().enumerate() {
            status.push_str(&format!("Package: p{number}\nStatus: install ok installed\nVersion: 1\n\n"));
            let list: String = list.iter().map(|file| format!("/opt/{file}\n")).collect();
            layer.push(file(&format!("var/lib/dpkg/info/p{number}.list"), list));
        }
        layer.push(file("var/lib/dpkg/status", status));
        let mut told_bytes = 0u64;
        for (number, record) in records.iter().enumerate() {
            let record: String = record.iter().map(|file| format!("{file},,\n")).collect();
            let metadata = format!("Name: q{number}\nVersion: 1\n");
            told_bytes += (record.len() + metadata.len()) as u64;
            layer.push(file(&format!("opt/q{number}-1.dist-info/METADATA"), metadata));
            layer.push(file(&format!("opt/q{number}-1.dist-info/RECORD"), record));
        }
        let listed: std::collections::BTreeSet<usize> = lists.iter().chain(&records).flatten().copied().collect();
        let expected: u64 = listed.iter().map(|file| lengths[*file] as u64).sum();
        let contents = described(&[layer]);
        prop_assert_eq!(contents.packages.len(), lists.len() + records.len());
        prop_assert_eq!(contents.packages.iter().filter_map(|package| package.bytes).sum::<u64>(), expected + told_bytes);
    }

    #[test]
    fn no_database_makes_it_panic(text in "[PVFRNSv:,/ \"a\n-]{0,200}", raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let at = ["var/lib/dpkg/status", "lib/apk/db/installed", "opt/a-1.dist-info/RECORD", "var/lib/dpkg/status.d/x",
            "node_modules/a/package.json", "opt/a-1.dist-info/METADATA", "var/lib/rpm/rpmdb.sqlite"];
        let texts = at.iter().map(|path| file(path, text.clone())).collect();
        let mut database = rpm_database();
        for (at, byte) in (0..).step_by(1_009).zip(&raw) {
            database[at] = *byte;
        }
        described(&[vec![file("var/lib/rpm/rpmdb.sqlite", database)]]);
        described(&[texts, at.iter().map(|path| file(path, raw.clone())).collect()]);
    }
}
