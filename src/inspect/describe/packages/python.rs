//! Packages of Python: a directory beside the modules tells name, version and files (PyPA, "Recording installed
//! projects"), and an older one at least the modules (setuptools, "egg-info").

use super::Inventory;
use crate::inspect::database::split;
use crate::inspect::{Detail, Identity};

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    let mut directories = Vec::new();
    for (path, layer, detail) in found.tree.details() {
        let Some(information) = information(&path).filter(|_| found.claims.owner(&path).is_none()) else { continue };
        let identity = match detail {
            Detail::Identity(identity) => Some(identity.clone()),
            Detail::Unseen => named(information),
            _ => None,
        };
        let Some(identity) = identity else { continue };
        let name = identity.name.clone();
        let Some(package) = found.add("python", identity, (information, layer), Some(0)) else { break };
        own(found, package, information, &name, &mut directories);
        found.own(package, [&path]);
        directories.push((information.to_vec(), package));
    }
    found.claims.innermost(&directories);
}

/// Gives a package its files or, where these are not listed, the directories of its modules.
fn own(found: &mut Inventory<'_>, package: u32, information: &[u8], name: &str, directories: &mut Vec<(Vec<u8>, u32)>) {
    let modules = split(information).0;
    let beside = |name: &[u8]| [information, b"/", name].concat();
    if let Some((record, _)) = found.text(&beside(b"RECORD")) {
        found.own(package, lines(record).map(|line| absolute(modules, &recorded(line))));
    } else if let Some((installed, _)) = found.text(&beside(b"installed-files.txt")) {
        found.own(package, lines(installed).map(|file| absolute(information, file)));
    } else {
        let top_level = found.text(&beside(b"top_level.txt")).map(|(text, _)| text.to_vec());
        let top_level = top_level.unwrap_or_else(|| name.replace('-', "_").into_bytes());
        for module in lines(&top_level).filter(|module| is_module(module)) {
            let module = absolute(modules, module);
            found.own(package, [[&module[..], b".py"].concat()]);
            directories.push((module, package));
        }
    }
}

/// The directory, or of the oldest form the file, that tells of a package, from the path of what tells its name.
fn information(path: &[u8]) -> Option<&[u8]> {
    match split(path) {
        (directory, b"METADATA") if directory.ends_with(b".dist-info") => Some(directory),
        (directory, b"PKG-INFO") if directory.ends_with(b".egg-info") => Some(directory),
        _ => path.ends_with(b".egg-info").then_some(path),
    }
}

/// Name and version by what the directory is called.
fn named(information: &[u8]) -> Option<Identity> {
    let name = String::from_utf8_lossy(split(information).1);
    let mut parts = name.rsplit_once('.')?.0.split('-');
    Identity::new(parts.next()?, parts.next().unwrap_or_default())
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
}

fn is_module(name: &[u8]) -> bool {
    !name.is_empty() && !name.starts_with(b".") && !name.contains(&b'/')
}

/// A path that is relative to a directory, unless it is not.
fn absolute(directory: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") { path.to_vec() } else { [directory, b"/", path].concat() }
}

/// The path in a line of a `RECORD`, which is CSV.
fn recorded(line: &[u8]) -> Vec<u8> {
    let Some(quoted) = line.strip_prefix(b"\"") else {
        return line.split(|byte| *byte == b',').next().unwrap_or_default().to_vec();
    };
    let mut path = Vec::new();
    let mut rest = quoted.iter().peekable();
    while let Some(byte) = rest.next() {
        if *byte == b'"' && rest.next_if_eq(&&b'"').is_none() {
            break;
        }
        path.push(*byte);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_out_of_a_line_of_a_record() {
        for (line, expected) in [
            ("bottle.py,sha256=x,12\r", "bottle.py"),
            ("\"a,\"\"b\"\".py\",,", "a,\"b\".py"),
            ("../../bin/x,,", "../../bin/x"),
            ("", ""),
        ] {
            assert_eq!(recorded(line.as_bytes()), expected.as_bytes(), "{line}");
        }
    }

    #[test]
    fn a_directory_tells_name_and_version_itself() {
        let identity = named(b"opt/big_one-1.2.dist-info").unwrap();
        assert_eq!((&*identity.name, &*identity.version), ("big_one", "1.2"));
    }
}
