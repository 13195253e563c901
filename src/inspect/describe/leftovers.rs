//! What images rarely need: told by where it lies, as package managers and tools have fixed places.

use std::collections::{BTreeMap, BTreeSet};

use crate::inspect::example::keep_largest;
use crate::inspect::{Detail, Example, Tree};
use crate::report::contents::Leftover;

/// A kind of leftover.
struct Kind {
    name: &'static str,
    /// Less is not told.
    floor_bytes: u64,
    fix: &'static str,
    is_it: fn(&Place<'_>) -> bool,
}

/// A file's path in its parts.
struct Place<'a> {
    path: &'a str,
    name: &'a str,
    /// Whether its content says so.
    holds_a_secret: bool,
}

const MEGABYTE: u64 = 1_000_000;

/// Each file belongs to the first kind that fits.
const KINDS: [Kind; 7] = [
    Kind {
        name: "secret-file",
        floor_bytes: 0,
        is_it: is_secret,
        fix: "files that look like secrets: use `RUN --mount=type=secret`, and list them in `.dockerignore`",
    },
    Kind { name: "git", floor_bytes: 0, is_it: is_git, fix: "add `.git` to `.dockerignore`" },
    Kind {
        name: "package-cache",
        floor_bytes: MEGABYTE / 10,
        is_it: is_package_cache,
        fix: "`RUN --mount=type=cache` for the package manager's downloads, or delete them in the same `RUN`",
    },
    Kind {
        name: "build-output",
        floor_bytes: MEGABYTE / 10,
        is_it: is_build_output,
        fix: "build in a stage of its own and `COPY --from` the result alone",
    },
    Kind {
        name: "toolchain",
        floor_bytes: MEGABYTE,
        is_it: is_toolchain,
        fix: "compilers, headers and static libraries belong into a builder stage",
    },
    Kind {
        name: "tests",
        floor_bytes: MEGABYTE,
        is_it: is_test,
        fix: "tests of dependencies are not needed: install without them, or delete them in the same `RUN`",
    },
    Kind {
        name: "documentation",
        floor_bytes: 4 * MEGABYTE,
        is_it: is_documentation,
        fix: "documentation and translations are not needed: `--no-install-recommends`, dpkg's `path-exclude`, or delete them in the same `RUN`",
    },
];
/// Symbols and debug sections are of use to nobody who runs a binary.
const NOT_STRIPPED: (&str, u64, &str) =
    ("not-stripped", MEGABYTE / 10, "strip binaries: `-ldflags=\"-s -w\"` (Go), `strip = true` (Rust), `-s` (C)");

#[derive(Default)]
struct Group {
    bytes: u64,
    files: u64,
    examples: Vec<Example>,
}

/// What is left over, the most first.
pub(super) fn find(tree: &Tree) -> Vec<Leftover> {
    let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
    let details = tree.details();
    let holding = details.iter().filter(|(_, _, detail)| matches!(detail, Detail::Secret));
    let holding: BTreeSet<&[u8]> = holding.map(|(path, ..)| &path[..]).collect();
    for (path, file) in tree.live_files().filter(|(_, file)| !file.is_link) {
        let Ok(text) = str::from_utf8(&path) else { continue };
        let name = text.rsplit('/').next().unwrap_or(text);
        let place = Place { path: text, name, holds_a_secret: holding.contains(&path[..]) };
        if let Some(kind) = KINDS.iter().position(|kind| (kind.is_it)(&place)) {
            groups.entry(kind).or_default().add(file.bytes, &path);
        }
    }
    let placed = groups.into_iter().filter_map(|(kind, group)| {
        let Kind { name, floor_bytes, fix, .. } = KINDS.get(kind)?;
        Some((*name, *floor_bytes, *fix, group))
    });
    let (name, floor_bytes, fix) = NOT_STRIPPED;
    let mut leftovers: Vec<Leftover> = placed
        .chain([(name, floor_bytes, fix, not_stripped(&details))])
        .filter(|(_, floor_bytes, _, group)| group.files > 0 && group.bytes >= *floor_bytes)
        .map(|(name, _, fix, Group { bytes, files, examples })| Leftover {
            kind: name.to_owned(),
            bytes,
            files,
            examples: super::examples(&examples),
            fix: fix.to_owned(),
        })
        .collect();
    leftovers.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.kind.cmp(&b.kind)));
    leftovers
}

/// Bytes of symbol tables and debug sections, not of the binaries that have them.
fn not_stripped(details: &[(Vec<u8>, u32, &Detail)]) -> Group {
    let mut group = Group::default();
    for (path, _, detail) in details {
        let bytes = strippable_bytes(detail);
        if bytes > 0 {
            group.add(bytes, path);
        }
    }
    group
}

fn strippable_bytes(detail: &Detail) -> u64 {
    match detail {
        // Every file has names of sections and a line about its compiler.
        Detail::Elf(elf) if elf.symbol_bytes > 0 || elf.debug_bytes > 16_384 => {
            elf.symbol_bytes.saturating_add(elf.debug_bytes)
        }
        _ => 0,
    }
}

impl Group {
    fn add(&mut self, bytes: u64, path: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.files = self.files.saturating_add(1);
        keep_largest(&mut self.examples, bytes, || path.to_vec());
    }
}

impl Place<'_> {
    /// Whether a directory of this name is on the way.
    fn is_in(&self, directory: &str) -> bool {
        self.directories().any(|name| name == directory)
    }

    fn directories(&self) -> impl Iterator<Item = &str> {
        self.path.rsplit('/').skip(1)
    }

    fn starts(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    fn contains(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.contains(place))
    }
}

fn is_secret(place: &Place<'_>) -> bool {
    // Packages bring keys and settings for their own tests and examples.
    let is_foreign = place.is_in("node_modules") || place.is_in("site-packages") || place.is_in("dist-packages");
    // Debian makes this one for tests, in every image anew.
    let is_snakeoil = place.name == "ssl-cert-snakeoil.key";
    if is_foreign || is_snakeoil || place.starts(&["usr/share/", "usr/lib/", "usr/local/lib/", "etc/ssl/certs/"]) {
        return false;
    }
    let is_named = matches!(
        place.name,
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" | ".netrc" | ".env" | ".git-credentials" | ".dockercfg"
    );
    let ends = [".aws/credentials", ".kube/config", ".cargo/credentials.toml", "application_default_credentials.json"];
    let lower = place.name.to_ascii_lowercase();
    let is_key =
        lower.ends_with(".key") || lower.ends_with(".pem") && (lower.contains("key") || lower.contains("priv"));
    place.holds_a_secret
        || is_named
        || ends.iter().any(|end| place.path.ends_with(end))
        || is_key && !lower.contains("pub")
}

fn is_git(place: &Place<'_>) -> bool {
    place.is_in(".git")
}

fn is_package_cache(place: &Place<'_>) -> bool {
    place.starts(&[
        "var/lib/apt/lists/",
        "var/cache/apt/",
        "var/cache/apk/",
        "etc/apk/cache/",
        "var/cache/dnf/",
        "var/cache/yum/",
        "var/cache/zypp/",
        "usr/local/share/.cache/",
    ]) || place.name.ends_with(".gem") && place.is_in("cache")
        || place.contains(&["cache", "registry", "/mod/", "store/", "cargo/git/"]) && is_download(place)
}

/// Below a home, wherever that is.
fn is_download(place: &Place<'_>) -> bool {
    place.contains(&[
        "/.cache/pip/",
        "/.cache/uv/",
        "/.cache/go-build/",
        "/.cache/yarn/",
        "/.cache/pypoetry/",
        ".npm/_cacache/",
        "/.cache/composer/",
        "/.bun/install/cache/",
        "cargo/registry/",
        "cargo/git/db/",
        "go/pkg/mod/",
        "pnpm/store/",
        ".pnpm-store/",
        "conda/pkgs/cache/",
    ])
}

fn is_build_output(place: &Place<'_>) -> bool {
    place.contains(&[
        "target/release/deps/",
        "target/release/build/",
        "target/debug/",
        "target/release/.fingerprint/",
        "/.gradle/caches/",
        "/.m2/repository/",
    ])
}

fn is_toolchain(place: &Place<'_>) -> bool {
    let is_static_library = place.name.ends_with(".a") && !place.is_in("rustlib");
    is_static_library
        || place.starts(&[
            "usr/lib/gcc/",
            "usr/libexec/gcc/",
            "usr/include/",
            "usr/local/include/",
            "usr/local/go/",
            "usr/local/rustup/",
            "usr/lib/go/",
            "usr/lib/llvm",
        ])
        || place.contains(&["/.rustup/toolchains/", "lib/rustlib/"])
}

fn is_test(place: &Place<'_>) -> bool {
    let is_dependency = place.is_in("node_modules") || place.is_in("site-packages") || place.is_in("dist-packages");
    is_dependency && ["tests", "test", "__tests__"].iter().any(|name| place.is_in(name))
}

fn is_documentation(place: &Place<'_>) -> bool {
    place.starts(&[
        "usr/share/doc/",
        "usr/share/man/",
        "usr/share/info/",
        "usr/share/locale/",
        "usr/local/share/doc/",
        "usr/local/share/man/",
        "usr/share/gtk-doc/",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str) -> &'static str {
        let place = Place { path, name: path.rsplit('/').next().unwrap(), holds_a_secret: false };
        KINDS.iter().find(|kind| (kind.is_it)(&place)).map_or("", |kind| kind.name)
    }

    #[test]
    fn a_file_is_known_by_its_place() {
        for (path, expected) in [
            ("root/.ssh/id_rsa", "secret-file"),
            ("app/.env", "secret-file"),
            ("app/config/server.key", "secret-file"),
            ("app/tls/privkey.pem", "secret-file"),
            ("root/.git-credentials", "secret-file"),
            ("root/.netrc", "secret-file"),
            ("root/.aws/credentials", "secret-file"),
            ("root/.kube/config", "secret-file"),
            ("root/.npmrc", ""),
            ("etc/ssl/private/ssl-cert-snakeoil.key", ""),
            ("usr/lib/python3.11/test/keycert.pem", ""),
            ("app/tls/pubkey.pem", ""),
            ("etc/ssl/certs/ca-certificates.crt", ""),
            ("etc/ssl/certs/key.pem", ""),
            ("app/node_modules/x/test/server.key", "tests"),
            ("app/.env.example", ""),
            ("app/.git/objects/1", "git"),
            ("app/.gitignore", ""),
            ("var/lib/apt/lists/deb_main", "package-cache"),
            ("var/cache/apt/archives/a.deb", "package-cache"),
            ("etc/apk/cache/a.apk", "package-cache"),
            ("var/cache/dnf/a.solv", "package-cache"),
            ("var/cache/yum/a.solv", "package-cache"),
            ("var/cache/debconf/templates.dat", ""),
            ("root/.cache/pip/http/1", "package-cache"),
            ("root/.npm/_cacache/index-v5/1", "package-cache"),
            ("usr/local/share/.cache/yarn/v6/1", "package-cache"),
            ("root/.local/share/pnpm/store/v3/1", "package-cache"),
            (".pnpm-store/v3/1", "package-cache"),
            ("root/.cache/go-build/00/1-d", "package-cache"),
            ("root/go/pkg/mod/example.com/a@v1/a.go", "package-cache"),
            ("usr/local/cargo/registry/cache/a.crate", "package-cache"),
            ("root/.cargo/registry/src/a/lib.rs", "package-cache"),
            ("usr/local/bundle/cache/rack-3.0.8.gem", "package-cache"),
            ("app/src/cache/registry.js", ""),
            ("app/target/debug/app", "build-output"),
            ("app/target/release/app", ""),
            ("usr/lib/gcc/x86_64-linux-gnu/12/cc1", "toolchain"),
            ("usr/include/stdio.h", "toolchain"),
            ("usr/lib/libz.a", "toolchain"),
            ("usr/local/go/bin/go", "toolchain"),
            ("root/.rustup/toolchains/stable/bin/rustc", "toolchain"),
            ("usr/lib/x86_64-linux-gnu/libz.so.1", ""),
            ("usr/lib/python3/dist-packages/numpy/tests/a.py", "tests"),
            ("app/tests/a.py", ""),
            ("usr/share/man/man1/ls.1.gz", "documentation"),
            ("usr/share/locale/de/LC_MESSAGES/a.mo", "documentation"),
            ("usr/share/doc/a/README", "documentation"),
            ("usr/bin/ls", ""),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
