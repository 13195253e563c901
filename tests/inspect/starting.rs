//! Whether a container starts: images that do and images that do not, each with what is said of it.

use weighbridge::inspect::start::check;
use weighbridge::inspect::{Layer, Tree};
use weighbridge::oci::{Healthcheck, Platform, Settings};
use weighbridge::report::contents::{StartCheck, Starts};

use crate::elf::{AARCH64, ARM, TestElf, X86_64, dynamic, library, program};
use crate::tape::{self, Item, directory, file, symlink};

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

/// An executable file.
fn run(path: &str, content: impl Into<Vec<u8>>) -> Item {
    file(path, content).mode(0o755)
}

fn elf(path: &str, elf: &TestElf) -> Item {
    run(path, elf.bytes())
}

/// Debian's loader and C library behind its links.
fn debian() -> Vec<Item> {
    let libc = TestElf {
        provided: vec!["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.36"],
        ..library(X86_64, &["ld-linux-x86-64.so.2"])
    };
    vec![
        symlink("lib", "usr/lib"),
        symlink("lib64", "usr/lib64"),
        symlink("bin", "usr/bin"),
        symlink("usr/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
        elf("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", &library(X86_64, &[])),
        elf("usr/lib/x86_64-linux-gnu/libc.so.6", &libc),
        elf("usr/bin/dash", &dynamic(X86_64, LOADER, &["libc.so.6"])),
        symlink("usr/bin/sh", "dash"),
        elf("usr/bin/env", &dynamic(X86_64, LOADER, &["libc.so.6"])),
        file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n"),
        file("etc/group", "root:x:0:\ntools:x:50:app\n"),
    ]
}

fn alpine() -> Vec<Item> {
    vec![
        elf("lib/ld-musl-x86_64.so.1", &library(X86_64, &[])),
        elf("bin/busybox", &dynamic(X86_64, MUSL, &["libc.musl-x86_64.so.1"])),
        symlink("bin/sh", "/bin/busybox"),
        symlink("usr/bin/env", "/bin/busybox"),
        elf("usr/lib/libz.so.1", &library(X86_64, &["libc.musl-x86_64.so.1"])),
    ]
}

fn with(base: Vec<Item>, own: impl IntoIterator<Item = Item>) -> Vec<Item> {
    base.into_iter().chain(own).collect()
}

fn settings(entrypoint: &[&str]) -> Settings {
    Settings { entrypoint: entrypoint.iter().map(|word| (*word).to_owned()).collect(), ..Settings::default() }
}

fn judge(items: &[Item], settings: &Settings, platform: &str) -> StartCheck {
    let tar = tape::tar(items);
    let layer = Layer::read(&tar[..], tar.len() as u64).unwrap();
    let layer = Layer::from_bytes(&layer.to_bytes("sha256:1").unwrap(), "sha256:1").unwrap();
    let mut tree = Tree::new();
    tree.apply(&layer).unwrap();
    check(&tree, settings, &platform.parse::<Platform>().unwrap())
}

const AMD64: &str = "linux/amd64";

/// The list that `ldconfig` writes, of one library.
fn listed(name: &str, path: &str) -> Vec<u8> {
    let name_at = 72u32;
    let path_at = name_at + u32::try_from(name.len()).unwrap() + 1;
    let mut list = [&b"glibc-ld.so.cache1.1"[..], &1u32.to_le_bytes(), &[0; 24]].concat();
    list.extend([0x303, name_at, path_at, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes));
    [&list, name.as_bytes(), b"\0", path.as_bytes(), b"\0"].concat()
}

/// Asserts of each image that it starts, and that there is nothing to say of it.
fn assert_good(good: Vec<(&str, Vec<Item>, Settings, &str)>) {
    for (what, items, settings, platform) in good {
        let StartCheck { verdict, findings } = judge(&items, &settings, platform);
        assert_eq!((verdict, findings), (Starts::Yes, vec![]), "{what}");
    }
}

#[test]
fn good_images_start_without_a_word() {
    let hello = |needed: &[&'static str]| dynamic(X86_64, LOADER, needed);
    let wanting = TestElf { wanted: vec![("libc.so.6", vec!["GLIBC_2.34"])], ..hello(&["libc.so.6"]) };
    let far = TestElf { padding: vec![7; 6_000_000], ..hello(&["libc.so.6"]) };
    let user = |user: &str, words: &[&str]| Settings { user: user.to_owned(), ..settings(words) };
    assert_good(vec![
        ("static on scratch", vec![elf("app", &program(X86_64))], settings(&["/app"]), AMD64),
        ("static of arm64", vec![elf("app", &program(AARCH64))], settings(&["/app"]), "linux/arm64"),
        ("static of arm", vec![elf("app", &program(ARM))], settings(&["/app"]), "linux/arm/v7"),
        ("dynamic on Debian", with(debian(), [elf("app", &wanting)]), user("1000", &["/app"]), AMD64),
        (
            "found by PATH",
            with(debian(), [elf("usr/local/bin/app", &hello(&["libc.so.6"]))]),
            settings(&["app"]),
            AMD64,
        ),
        (
            "a name in the working directory",
            with(debian(), [elf("srv/app", &hello(&[]))]),
            Settings { working_dir: "/srv".into(), ..settings(&["./app"]) },
            AMD64,
        ),
        ("large program", with(debian(), [elf("app", &far)]), settings(&["/app"]), AMD64),
        ("script", with(debian(), [run("go.sh", "#!/bin/sh -e\nexec \"$@\"\n")]), settings(&["/go.sh"]), AMD64),
        ("script by env", with(debian(), [run("go", "#! /usr/bin/env sh\n")]), settings(&["/go"]), AMD64),
        (
            "shell form",
            with(debian(), [elf("app", &hello(&[]))]),
            settings(&["/bin/sh", "-c", "exec /app --port 80"]),
            AMD64,
        ),
        ("busybox", alpine(), settings(&["sh", "-c", "sleep 1 && true"]), AMD64),
        (
            "tini",
            with(debian(), [elf("usr/bin/tini", &program(X86_64)), elf("app", &hello(&[]))]),
            settings(&["tini", "--", "/app"]),
            AMD64,
        ),
        (
            "a named user with a group",
            with(debian(), [elf("app", &hello(&[])).mode(0o750).owner(50)]),
            user("app", &["/app"]),
            AMD64,
        ),
        (
            "a health check",
            with(debian(), [elf("app", &hello(&[]))]),
            Settings {
                healthcheck: Some(Healthcheck { test: vec!["CMD".into(), "/app".into(), "health".into()] }),
                ..settings(&["/app"])
            },
            AMD64,
        ),
    ]);
}

#[test]
fn libraries_are_found_as_glibc_and_musl_find_them() {
    let hello = |needed: &[&'static str]| dynamic(X86_64, LOADER, needed);
    let origin = TestElf { runpath: Some("$ORIGIN/../lib"), ..hello(&["libown.so", "libc.so.6"]) };
    let nix = TestElf {
        runpath: Some("/nix/store/glibc/lib"),
        ..dynamic(X86_64, "/nix/store/glibc/lib/ld-linux-x86-64.so.2", &["libc.so.6"])
    };
    let parent = TestElf { rpath: Some("/opt/a"), ..hello(&["liba.so"]) };
    assert_good(vec![
        (
            "own libraries by $ORIGIN",
            with(debian(), [elf("opt/bin/app", &origin), elf("opt/lib/libown.so", &library(X86_64, &["libc.so.6"]))]),
            settings(&["/opt/bin/app"]),
            AMD64,
        ),
        (
            "RPATH is inherited",
            with(
                debian(),
                [
                    elf("app", &parent),
                    elf("opt/a/liba.so", &library(X86_64, &["libb.so"])),
                    elf("opt/a/libb.so", &library(X86_64, &[])),
                ],
            ),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "LD_LIBRARY_PATH",
            with(debian(), [elf("app", &hello(&["liba.so"])), elf("opt/a/liba.so", &library(X86_64, &[]))]),
            Settings { env: vec!["LD_LIBRARY_PATH=/x:/opt/a".into()], ..settings(&["/app"]) },
            AMD64,
        ),
        (
            "variants for newer machines",
            with(
                debian(),
                [
                    elf("app", &hello(&["liba.so"])),
                    elf("usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/liba.so", &library(X86_64, &[])),
                ],
            ),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "nix",
            vec![
                elf("nix/store/glibc/lib/ld-linux-x86-64.so.2", &library(X86_64, &[])),
                elf("nix/store/glibc/lib/libc.so.6", &library(X86_64, &[])),
                elf("app", &nix),
            ],
            settings(&["/app"]),
            AMD64,
        ),
    ]);
}

#[test]
fn scripts_and_lines_of_a_shell_start_by_whatever_rule_makes_them() {
    let user = |user: &str, words: &[&str]| Settings { user: user.to_owned(), ..settings(words) };
    let hello = |needed: &[&'static str]| dynamic(X86_64, LOADER, needed);
    assert_good(vec![
        ("script by env -S", with(debian(), [run("go", "#!/usr/bin/env -S A=1 sh -e\n")]), settings(&["/go"]), AMD64),
        ("script by a shell", with(debian(), [file("go", "exec x\n")]), settings(&["sh", "go"]), AMD64),
        (
            "script without `#!`, which shells and inits run by the shell",
            with(debian(), [elf("tini", &program(X86_64)), run("go", "exec x\n")]),
            settings(&["/tini", "--", "/go"]),
            AMD64,
        ),
        (
            "a command of busybox's own shell",
            vec![elf("bin/busybox", &program(X86_64)), symlink("bin/sh", "busybox")],
            settings(&["/bin/sh", "-c", "httpd -f"]),
            AMD64,
        ),
        ("a word of the shell", debian(), settings(&["/bin/sh", "-c", "ulimit -n 9"]), AMD64),
        ("a line that goes on", debian(), settings(&["/bin/sh", "-c", "nodex || true"]), AMD64),
        (
            "a number with the groups of its user",
            with(debian(), [elf("tini", &program(X86_64)), elf("app", &hello(&[])).mode(0o750).owner(50)]),
            user("1000", &["/tini", "/app"]),
            AMD64,
        ),
    ]);
}

#[test]
fn libraries_are_found_in_every_place_that_a_loader_looks_in() {
    let hello = |needed: &[&'static str]| dynamic(X86_64, LOADER, needed);
    let exporting = TestElf { symbol_names: 9_000_000, ..library(X86_64, &["libc.so.6"]) };
    let named = TestElf { soname: Some("liba.so.1"), ..library(X86_64, &[]) };
    assert_good(vec![
        (
            "large library that exports all it has",
            with(debian(), [elf("app", &hello(&["libnode.so"])), elf("usr/lib/libnode.so", &exporting)]),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "a library that was loaded by another name",
            with(
                debian(),
                [
                    elf("opt/app", &hello(&["$ORIGIN/own/a.so", "libb.so"])),
                    elf("opt/own/a.so", &named),
                    elf("usr/lib/libb.so", &library(X86_64, &["liba.so.1"])),
                ],
            ),
            settings(&["/opt/app"]),
            AMD64,
        ),
        (
            "glibc beside musl",
            with(
                alpine(),
                [
                    symlink("lib64/ld-linux-x86-64.so.2", "/usr/glibc-compat/lib/ld-linux-x86-64.so.2"),
                    elf("usr/glibc-compat/lib/ld-linux-x86-64.so.2", &library(X86_64, &[])),
                    elf("usr/glibc-compat/lib/libc.so.6", &library(X86_64, &[])),
                    elf("app", &hello(&["libc.so.6"])),
                ],
            ),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "ld.so.cache",
            with(
                debian(),
                [
                    elf("app", &hello(&["liba.so"])),
                    elf("opt/a/liba.so", &library(X86_64, &[])),
                    file("etc/ld.so.cache", listed("liba.so", "/opt/a/liba.so")),
                ],
            ),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "ld.so.conf, where the list made of it is not to be read",
            with(
                debian(),
                [
                    elf("app", &hello(&["liba.so"])),
                    elf("opt/a/liba.so", &library(X86_64, &[])),
                    file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n"),
                    file("etc/ld.so.conf.d/a.conf", "/opt/a\n"),
                    file("etc/ld.so.cache", "of another form"),
                ],
            ),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "ld.so.conf whose files include each other",
            with(
                debian(),
                (0..1_000)
                    .map(|number| {
                        let path = format!("etc/ld.so.conf.d/{number:04}.conf");
                        file(&path, "include /etc/ld.so.conf.d/*.conf\n")
                    })
                    .chain([
                        elf("app", &hello(&["liba.so"])),
                        elf("opt/a/liba.so", &library(X86_64, &[])),
                        file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n/opt/a\n"),
                        file("etc/ld.so.cache", "of another form"),
                    ]),
            ),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "musl with a library",
            with(alpine(), [elf("app", &dynamic(X86_64, MUSL, &["libz.so.1", "libc.so.6"]))]),
            settings(&["/app"]),
            AMD64,
        ),
        (
            "glibc's loader by gcompat",
            with(
                alpine(),
                [
                    elf("lib64/ld-linux-x86-64.so.2", &library(X86_64, &["libc.musl-x86_64.so.1"])),
                    elf("app", &hello(&["libc.so.6"])),
                ],
            ),
            settings(&["/app"]),
            AMD64,
        ),
    ]);
}

/// Asserts of each image that it does not start, and why.
fn assert_broken(broken: Vec<(Vec<Item>, Settings, &str, &str)>) {
    for (items, settings, platform, expected) in broken {
        let StartCheck { verdict, findings } = judge(&items, &settings, platform);
        assert_eq!(verdict, Starts::No, "{expected}: {findings:?}");
        assert!(findings[0].message.contains(expected), "{expected}: {findings:?}");
    }
}

#[test]
fn programs_that_cannot_be_loaded_do_not_start_and_what_is_missing_is_named() {
    let hello = |needed: &[&'static str]| dynamic(X86_64, LOADER, needed);
    let newer = TestElf { wanted: vec![("libc.so.6", vec!["GLIBC_2.34", "GLIBC_2.38"])], ..hello(&["libc.so.6"]) };
    assert_broken(vec![
        (
            vec![elf("app", &hello(&["libc.so.6"]))],
            settings(&["/app"]),
            AMD64,
            "interpreter /lib64/ld-linux-x86-64.so.2 is missing: /app is linked dynamically, so link it statically or take a base image with glibc, such as debian or distroless/base",
        ),
        (
            with(alpine(), [elf("app", &hello(&["libc.so.6"]))]),
            settings(&["/app"]),
            AMD64,
            "interpreter /lib64/ld-linux-x86-64.so.2 is missing",
        ),
        (
            with(debian(), [elf("app", &dynamic(X86_64, MUSL, &[]))]),
            settings(&["/app"]),
            AMD64,
            "a base image with musl",
        ),
        (
            with(debian(), [elf("app", &hello(&["libsqlite3.so.0", "libc.so.6"]))]),
            settings(&["/app"]),
            AMD64,
            "library libsqlite3.so.0 is missing, which /app needs",
        ),
        (
            with(debian(), [elf("app", &hello(&["liba.so"])), elf("usr/lib/liba.so", &library(X86_64, &["libb.so"]))]),
            settings(&["/app"]),
            AMD64,
            "library libb.so is missing, which /usr/lib/liba.so needs",
        ),
        (
            with(alpine(), [elf("app", &dynamic(X86_64, MUSL, &["libstdc++.so.6"]))]),
            settings(&["/app"]),
            AMD64,
            "library libstdc++.so.6 is missing",
        ),
        (
            with(debian(), [elf("app", &newer)]),
            settings(&["/app"]),
            AMD64,
            "/app needs GLIBC_2.38 of libc.so.6, which the image's does not have, its newest is GLIBC_2.36",
        ),
        (
            vec![elf("app", &program(X86_64))],
            settings(&["/app"]),
            "linux/arm64",
            "/app is built for amd64, and the image is for arm64",
        ),
        (
            vec![elf("app", &program(AARCH64))],
            settings(&["/app"]),
            AMD64,
            "/app is built for arm64, and the image is for amd64",
        ),
    ]);
}

#[test]
fn commands_that_cannot_be_run_do_not_start_and_the_reason_is_named() {
    let object = TestElf { kind: 1, ..program(X86_64) };
    let user = |user: &str| Settings { user: user.to_owned(), ..settings(&["/app"]) };
    assert_broken(vec![
        (vec![file("app", program(X86_64).bytes())], settings(&["/app"]), AMD64, "/app is not executable (mode 0644)"),
        (
            vec![elf("tini", &program(X86_64)), elf("app", &program(X86_64)).mode(0o700)],
            Settings { user: "1000".into(), ..settings(&["/tini", "--", "/app"]) },
            AMD64,
            "user 1000 may not execute /app (mode 0700, owner 0:0)",
        ),
        (
            with(debian(), [run("go.sh", "#!/bin/sh\n").mode(0o711)]),
            Settings { user: "7".into(), ..settings(&["/go.sh"]) },
            AMD64,
            "user 7 may not read /go.sh (mode 0711, owner 0:0)",
        ),
        (with(debian(), [elf("app", &program(X86_64))]), user("nobody"), AMD64, "user nobody is not in /etc/passwd"),
        (vec![elf("app", &program(X86_64))], user("app"), AMD64, "user app is not in /etc/passwd"),
        (with(debian(), [elf("app", &program(X86_64))]), user("app:staff"), AMD64, "group staff is not in /etc/group"),
        (vec![], settings(&["/app"]), AMD64, "/app is missing"),
        (vec![], settings(&[]), AMD64, "there is neither an ENTRYPOINT nor a CMD"),
        (debian(), settings(&["node", "x"]), AMD64, "node is in no directory of PATH"),
        (
            with(debian(), [elf("usr/bin/ls", &program(X86_64))]),
            settings(&["/bin/sh", "-c", "node server.js"]),
            AMD64,
            "node is in no directory of PATH",
        ),
        (vec![directory("app")], settings(&["/app"]), AMD64, "/app is a directory"),
        (
            with(debian(), [run("go.sh", "#!/bin/sh\r\nexec x\r\n")]),
            settings(&["/go.sh"]),
            AMD64,
            "interpreter /bin/sh\\r of script /go.sh is missing: the script has Windows line ends",
        ),
        (
            with(debian(), [run("go.sh", "#!/bin/bash\n")]),
            settings(&["/go.sh"]),
            AMD64,
            "interpreter /bin/bash of script /go.sh is missing",
        ),
        (
            with(debian(), [run("go", "#!/usr/bin/env node\n")]),
            settings(&["/go"]),
            AMD64,
            "node is in no directory of PATH",
        ),
        (
            with(debian(), [run("go", "echo hello\n")]),
            settings(&["/go"]),
            AMD64,
            "/go is neither a program nor a script that starts with `#!` (exec format error)",
        ),
        (vec![run("app", "")], settings(&["/app"]), AMD64, "/app is empty"),
        (vec![elf("app", &object)], settings(&["/app"]), AMD64, "no program"),
        (vec![symlink("app", "b"), symlink("b", "app")], settings(&["/app"]), AMD64, "circle"),
        (with(debian(), [run("a", "#!/a\n")]), settings(&["/a"]), AMD64, "without end"),
        (vec![elf("tini", &program(X86_64))], settings(&["/tini", "--", "/app"]), AMD64, "/app is missing"),
    ]);
}

#[test]
fn libraries_that_are_there_and_out_of_reach_are_missing() {
    let hello = |needed: &[&'static str]| dynamic(X86_64, LOADER, needed);
    assert_broken(vec![
        (
            with(
                debian(),
                [
                    elf("app", &hello(&["liba.so"])),
                    elf("usr/local/lib/liba.so", &library(X86_64, &[])),
                    file("etc/ld.so.conf", "/usr/local/lib\n"),
                    file("etc/ld.so.cache", listed("libb.so", "/usr/local/lib/libb.so")),
                ],
            ),
            settings(&["/app"]),
            AMD64,
            "/app needs liba.so, which is in /usr/local/lib, where the loader does not look for it: `RUN ldconfig` after it was copied",
        ),
        (
            with(
                debian(),
                [
                    elf("app", &hello(&["liba.so"])),
                    elf("opt/liba.so", &library(X86_64, &[])),
                    file("etc/ld.so.cache", listed("liba.so", "/opt/moved/liba.so")),
                ],
            ),
            settings(&["/app"]),
            AMD64,
            "/app needs liba.so, which is in /opt, where the loader does not look for it: name the directory",
        ),
        (
            with(
                debian(),
                [elf("app", &hello(&["liba.so"])), elf("usr/lib/liba.so", &library(X86_64, &[])).mode(0o600)],
            ),
            Settings { user: "7".into(), ..settings(&["/app"]) },
            AMD64,
            "user 7 may not read /usr/lib/liba.so (mode 0600, owner 0:0), which /app needs",
        ),
    ]);
}

#[test]
fn scripts_that_cannot_be_run_do_not_start_and_the_reason_is_named() {
    assert_broken(vec![
        (
            with(debian(), [run("go", "#!/usr/bin/env sh\r\n")]),
            settings(&["/go"]),
            AMD64,
            "interpreter sh\\r of script /go is missing: the script has Windows line ends",
        ),
        (
            with(debian(), [run("go", "#!/bin/sh -e\r\n")]),
            settings(&["/go"]),
            AMD64,
            "/bin/sh does not know the option -e\\r of script /go: the script has Windows line ends",
        ),
        (
            with(debian(), [run("go", "#!/usr/bin/env sh -e\n")]),
            settings(&["/go"]),
            AMD64,
            "`env` takes sh -e in the first line of /go for the name of one program: write `env -S`",
        ),
        (
            with(debian(), [run("go", "#!/usr/bin/env -S node --x\n")]),
            settings(&["/go"]),
            AMD64,
            "node is in no directory of PATH",
        ),
        (
            with(debian(), [run("go", "\u{feff}#!/bin/sh\n")]),
            settings(&["/go"]),
            AMD64,
            "/go is neither a program nor a script that starts with `#!` (exec format error)",
        ),
        (debian(), settings(&["/bin/sh", "/go.sh"]), AMD64, "/go.sh is missing, which /bin/sh is told to run"),
        (
            with(debian(), [elf("usr/bin/python3", &program(X86_64))]),
            Settings { working_dir: "/srv".into(), ..settings(&["python3", "./app.py"]) },
            AMD64,
            "/srv/app.py is missing, which python3 is told to run",
        ),
        (
            with(debian(), [elf("usr/bin/ls", &program(X86_64))]),
            settings(&["/bin/sh", "-c", "cd /app && node server.js || exit 1"]),
            AMD64,
            "node is in no directory of PATH",
        ),
        (vec![elf("tini", &program(X86_64))], settings(&["/tini", "-g", "/app"]), AMD64, "/app is missing"),
    ]);
}

#[test]
fn what_the_image_does_not_tell_is_not_claimed() {
    let elsewhere =
        with(debian(), [elf("app", &dynamic(X86_64, LOADER, &["liba.so"])), elf("srv/liba.so", &library(X86_64, &[]))]);
    let unseen = with(debian(), [Item { form: tape::Form::Ustar, ..elf("app", &program(X86_64)) }]);
    for (items, platform, expected) in [
        (elsewhere, AMD64, "/app needs liba.so, which is in /srv, and the loader is not known to look there"),
        (unseen.clone(), "windows/amd64", "images of windows/amd64 are not looked into"),
        (unseen, "linux/sparc64", "the machine of linux/sparc64 is not known"),
    ] {
        let StartCheck { verdict, findings } = judge(&items, &settings(&["/app"]), platform);
        assert_eq!(verdict, Starts::CannotTell, "{findings:?}");
        assert!(findings[0].message.contains(expected), "{findings:?}");
    }
}

#[test]
fn a_search_that_multiplies_is_given_up() {
    let variants = (0..300).map(|number| file(&format!("a/glibc-hwcaps/v{number}/x"), ""));
    let app = elf("app", &dynamic(X86_64, LOADER, &["liba.so"]));
    let items = with(debian(), variants.chain([app]));
    let env = vec![format!("LD_LIBRARY_PATH={}", "/a:/b:".repeat(2_000))];
    let StartCheck { verdict, findings } = judge(&items, &Settings { env, ..settings(&["/app"]) }, AMD64);
    assert_eq!(verdict, Starts::CannotTell, "{findings:?}");
    assert!(findings[0].message.contains("libraries may be in 500000 places"), "{findings:?}");
}

#[test]
fn what_fails_late_is_worth_knowing() {
    let tls = TestElf { padding: b"xx/etc/ssl/certs/ca-certificates.crtxx".to_vec(), ..program(X86_64) };
    let start = settings(&["/app"]);
    let health = |test: &[&str]| Settings {
        healthcheck: Some(Healthcheck { test: test.iter().map(|word| (*word).to_owned()).collect() }),
        ..start.clone()
    };
    let user = Settings { user: "1000".into(), ..start.clone() };
    let zone = Settings { env: vec!["TZ=Europe/Berlin".into()], ..start.clone() };
    for (items, settings, expected) in [
        (vec![elf("app", &tls)], &start, Some("there are no CA certificates, and /app looks for them")),
        (vec![elf("app", &tls), file("etc/ssl/certs/ca-certificates.crt", "x")], &start, None),
        (
            vec![elf("app", &program(X86_64))],
            &health(&["CMD", "curl", "-f", "x"]),
            Some("the HEALTHCHECK cannot run: curl is in no directory of PATH"),
        ),
        (
            vec![elf("app", &program(X86_64))],
            &health(&["CMD-SHELL", "wget x"]),
            Some("the HEALTHCHECK cannot run: /bin/sh is missing"),
        ),
        (
            with(debian(), [elf("usr/bin/ls", &program(X86_64)), elf("app", &program(X86_64))]),
            &health(&["CMD-SHELL", "curl -f \"http://localhost/?a\" || exit 1"]),
            Some("the HEALTHCHECK cannot run: curl is in no directory of PATH"),
        ),
        (
            with(debian(), [elf("usr/bin/ls", &program(X86_64)), elf("app", &program(X86_64))]),
            &health(&["CMD-SHELL", "curl x || wget x"]),
            None,
        ),
        (vec![elf("app", &program(X86_64))], &health(&["NONE"]), None),
        (
            vec![elf("app", &program(X86_64))],
            &zone,
            Some("TZ is Europe/Berlin, and /usr/share/zoneinfo/Europe/Berlin is missing"),
        ),
        (
            vec![elf("app", &program(X86_64)).mode(0o700)],
            &user,
            Some(
                "user 1000 may not execute /app (mode 0700, owner 0:0): it starts only by the capability DAC_OVERRIDE",
            ),
        ),
        (
            vec![directory("d").mode(0o700), symlink("app", "d/app"), elf("d/app", &program(X86_64))],
            &user,
            Some("user 1000 may not enter /d (mode 0700, owner 0:0), which /d/app is in: it starts only by"),
        ),
        (vec![elf("app", &program(X86_64)), file("usr/share/zoneinfo/Europe/Berlin", "x")], &zone, None),
    ] {
        let StartCheck { verdict, findings } = judge(&items, settings, AMD64);
        assert_eq!(verdict, Starts::Yes, "{findings:?}");
        let message = findings.first().map(|finding| &*finding.message);
        assert_eq!(message.is_some(), expected.is_some(), "{findings:?}");
        assert!(message.unwrap_or_default().contains(expected.unwrap_or_default()), "{findings:?}");
    }
}
