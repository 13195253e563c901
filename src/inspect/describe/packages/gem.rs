//! Packages of Ruby: a specification is called as the directory of its files is, in the directory beside
//! (`Gem::Specification`, "full_name").

use super::{Inventory, named};
use crate::inspect::database::split;

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    let mut directories = Vec::new();
    let specifications: Vec<Vec<u8>> = found.claims.ending(b".gemspec").collect();
    for path in specifications {
        let (directory, name) = split(&path);
        // Those that Ruby itself brings are one level below.
        let directory = directory.strip_suffix(b"/default").unwrap_or(directory);
        let (home, name) = (split(directory).0, name.strip_suffix(b".gemspec").unwrap_or(name));
        if split(directory).1 != b"specifications" || found.claims.owner(&path).is_some() {
            continue;
        }
        let layer = found.claims.find(&path).and_then(|file| file.layer).unwrap_or_default();
        let Some(identity) = named(name) else { continue };
        let Some(package) = found.add("gem", identity, (&path, layer), Some(0)) else { break };
        found.own(package, [&path]);
        directories.push(([home, b"/gems/", name].concat(), package));
        // What was compiled lies by platform and version of Ruby.
        let extensions = [home, b"/extensions"].concat();
        for platform in found.tree.list(&extensions) {
            let platform = [&extensions[..], b"/", &platform].concat();
            for ruby in found.tree.list(&platform) {
                directories.push(([&platform[..], b"/", &ruby, b"/", name].concat(), package));
            }
        }
    }
    found.claims.innermost(&directories);
}
