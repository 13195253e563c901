//! What package managers installed and compilers linked, with the bytes of its files.
//!
//! A file belongs to one package: to that of the system where it has it, as Debian and Alpine bring packages of Python
//! and npm too, and else to that of the language. Such a package, whose own description belongs to another, is not
//! told of twice.

mod apk;
mod deb;
mod gem;
mod go;
mod java;
mod npm;
mod python;
mod rpm;
mod rust;
mod sqlite;

use crate::inspect::tree::Claims;
use crate::inspect::{Detail, FoundKind, Identity, Packaged, Tree};
use crate::report::contents::Package;
use crate::report::{Finding, Severity};

/// Ten times what the largest images have. It bounds what a hostile database can make of a few bytes a package.
const LIMIT: u32 = 100_000;
const PATH_LIMIT_BYTES: usize = 4_096;

/// What was found so far.
struct Inventory<'a> {
    tree: &'a Tree,
    claims: Claims<'a>,
    /// By number; with bytes where files can be told.
    packages: Vec<Package>,
    /// Databases that are there and were not read.
    unread: Vec<String>,
}

/// What is installed.
pub(super) struct Found {
    /// The packages, sorted.
    pub(super) packages: Vec<Package>,
    /// Their files.
    pub(super) packaged: Packaged,
    /// What is to say about databases that could not be read.
    pub(super) unread: Vec<Finding>,
}

/// Finds what is installed.
pub(super) fn find(tree: &Tree) -> Found {
    let mut found = Inventory { tree, claims: Claims::new(tree), packages: Vec::new(), unread: Vec::new() };
    deb::add(&mut found);
    apk::add(&mut found);
    rpm::add(&mut found);
    python::add(&mut found);
    npm::add(&mut found);
    gem::add(&mut found);
    java::add(&mut found);
    go::add(&mut found);
    rust::add(&mut found);
    found.claims.compiled();
    let unread = found.unread.iter().map(|path| unread(path)).collect();
    let (packages, packaged) = found.weighed();
    Found { packages, packaged, unread }
}

impl<'a> Inventory<'a> {
    /// Adds a package that was told of by a file; returns its number.
    fn add(&mut self, kind: &str, identity: Identity, told_by: (&[u8], u32), bytes: Option<u64>) -> Option<u32> {
        let number = u32::try_from(self.packages.len()).ok().filter(|number| *number < LIMIT)?;
        let (path, layer) = (super::text(told_by.0), told_by.1);
        let Identity { name, version } = identity;
        self.packages.push(Package { kind: kind.to_owned(), name, version, bytes, layer, layer_bytes: bytes, path });
        Some(number)
    }

    /// The text at a path, with the layer that wrote it. One that is there and was not kept is noted.
    fn text(&mut self, path: &[u8]) -> Option<(&'a [u8], u32)> {
        let found = self.claims.find(path).filter(|found| found.kind == FoundKind::File)?;
        match (found.detail, found.layer) {
            (Some(Detail::Text(text)), Some(layer)) => Some((text, layer)),
            _ if found.bytes == 0 => None,
            _ => {
                self.unread.push(super::text(path));
                None
            }
        }
    }

    /// Gives the files at paths to a package, whose files are thereby known.
    fn own(&mut self, package: u32, paths: impl IntoIterator<Item = impl AsRef<[u8]>>) {
        if let Some(package) = self.packages.get_mut(package as usize) {
            package.bytes = Some(0);
        }
        paths.into_iter().for_each(|path| self.claims.file(path.as_ref(), package));
    }

    /// Gives the file of a name in a directory to a package. Linux takes no longer path, and a database that names a long
    /// directory many times costs no more than its own length.
    fn own_in(&mut self, package: u32, directory: &[u8], name: &[u8]) {
        if directory.len() + name.len() < PATH_LIMIT_BYTES {
            self.claims.file(&[directory, b"/", name].concat(), package);
        }
    }

    /// All packages with the bytes of their files, and which files these are.
    fn weighed(self) -> (Vec<Package>, Packaged) {
        let loads = self.claims.loads();
        let packaged = self.claims.packaged(&loads);
        let mut packages: Vec<Package> = (0..)
            .zip(self.packages)
            .map(|(number, package)| match (package.bytes, loads.get(&number)) {
                (Some(_), Some(load)) => Package {
                    bytes: Some(load.bytes),
                    layer: load.layer,
                    layer_bytes: Some(load.layer_bytes),
                    ..package
                },
                (bytes, _) => Package { bytes, layer_bytes: bytes, ..package },
            })
            .collect();
        packages.sort();
        (packages, packaged)
    }
}

/// Name and version of what is called `name-1.2.3`, or `name-1.2.3-platform`: the last part with numbers and dots begins
/// the version.
fn named(text: &[u8]) -> Option<Identity> {
    let text = str::from_utf8(text).ok()?;
    let at = |is_it: fn(&str) -> bool| {
        let ends = text.match_indices('-').filter(|(at, _)| text.get(at + 1..).is_some_and(|rest| begins(rest, is_it)));
        ends.map(|(at, _)| at).next_back()
    };
    let at = at(|part| part.contains('.')).or_else(|| at(|_| true))?;
    Identity::new(text.get(..at)?, text.get(at + 1..)?)
}

fn begins(rest: &str, is_it: fn(&str) -> bool) -> bool {
    let part = rest.split('-').next().unwrap_or_default();
    part.starts_with(|c: char| c.is_ascii_digit()) && is_it(part)
}

fn unread(path: &str) -> Finding {
    Finding {
        rule: "package-database-not-read".to_owned(),
        severity: Severity::Notice,
        message: format!("the package database {path} was not read: its packages are not told"),
        dockerfile_line: None,
        url: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_behind_a_name() {
        for (text, expected) in [
            ("rack-3.0.8", Some(("rack", "3.0.8"))),
            ("net-http-0.4.1", Some(("net-http", "0.4.1"))),
            ("nokogiri-1.16.0-x86_64-linux", Some(("nokogiri", "1.16.0-x86_64-linux"))),
            ("log4j-1.2-api-2.17.1", Some(("log4j-1.2-api", "2.17.1"))),
            ("guava-31.1-jre", Some(("guava", "31.1-jre"))),
            ("junit-4", Some(("junit", "4"))),
            ("app", None),
            ("my-app", None),
            ("-1.0", None),
        ] {
            let told = named(text.as_bytes());
            let told = told.as_ref().map(|identity| (&*identity.name, &*identity.version));
            assert_eq!(told, expected, "{text}");
        }
    }
}
