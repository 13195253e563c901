//! The directories in which the loaders of glibc and musl look for libraries of all programs.

use std::collections::BTreeSet;

use super::files::Files;
use super::machine;
use crate::inspect::{Detail, Elf};

/// Where a loader looks without being told.
pub(super) fn usual(files: &Files<'_>, elf: &Elf, interpreter: &[u8], is_musl: bool) -> Vec<Vec<u8>> {
    let bytes = |paths: &[&str]| paths.iter().map(|path| path.as_bytes().to_vec()).collect::<Vec<_>>();
    // A loader that is not where it usually is brings its libraries along.
    let directory = |path: &[u8]| path.get(..path.iter().rposition(|byte| *byte == b'/')?).map(<[u8]>::to_vec);
    let loader = files.file(&files.absolute(interpreter)).map(|found| [b"/", &found.path[..]].concat());
    let beside: Vec<_> =
        [directory(interpreter), loader.ok().and_then(|path| directory(&path))].into_iter().flatten().collect();
    if is_musl {
        let name = interpreter.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = name.strip_suffix(b".so.1").unwrap_or(name);
        let told = text(files, &[b"/etc/", name, b".path"].concat());
        let told: Vec<Vec<u8>> = told
            .split([':', '\n'])
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(|path| path.as_bytes().to_vec())
            .collect();
        return if told.is_empty() { bytes(&["/lib", "/usr/local/lib", "/usr/lib"]) } else { told };
    }
    let triplets = machine::triplets(elf.machine).iter();
    let multiarch = triplets.flat_map(|triplet| [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")]);
    let multiarch = multiarch.map(String::into_bytes).collect();
    let defaults = bytes(&["/lib64", "/usr/lib64", "/lib", "/usr/lib"]);
    [multiarch, defaults, beside].concat()
}

/// The directories that `ldconfig` is told of.
pub(super) fn configured(files: &Files<'_>) -> Vec<Vec<u8>> {
    let mut directories = Vec::new();
    conf(files, b"/etc/ld.so.conf", 0, &mut BTreeSet::new(), &mut directories);
    directories
}

/// Adds the directories that a file names, with what it includes. Each file is read once: files that include each other
/// would else be read as often as there are ways through them.
fn conf(files: &Files<'_>, path: &[u8], depth: usize, read: &mut BTreeSet<Vec<u8>>, directories: &mut Vec<Vec<u8>>) {
    if depth > 4 || directories.len() > 1_000 || read.len() > 1_000 || !read.insert(path.to_vec()) {
        return;
    }
    for line in text(files, path).lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_once(char::is_whitespace) {
            Some(("include", pattern)) => {
                let (directory, name) = pattern.trim().rsplit_once('/').unwrap_or(("", pattern));
                let directory =
                    if directory.starts_with('/') { directory.to_owned() } else { format!("/etc/{directory}") };
                let suffix = name.trim_start_matches('*');
                for entry in files.tree.list(directory.as_bytes()) {
                    if entry.ends_with(suffix.as_bytes()) {
                        let path = [directory.as_bytes(), b"/", &entry].concat();
                        conf(files, &path, depth + 1, read, directories);
                    }
                }
            }
            _ if line.starts_with('/') => directories.push(line.trim_end_matches('/').as_bytes().to_vec()),
            _ => {}
        }
    }
}

fn text(files: &Files<'_>, path: &[u8]) -> String {
    match files.file(path).ok().and_then(|found| found.detail) {
        Some(Detail::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}
