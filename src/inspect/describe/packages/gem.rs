//! Packages of Ruby: a specification is called as the directory of its files is, in the directory beside
//! (`Gem::Specification`, "full_name").

use std::collections::BTreeMap;

use super::{Inventory, named};
use crate::inspect::Tree;
use crate::inspect::database::split;

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    let mut homes: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, u32>> = BTreeMap::new();
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
        homes.entry(home.to_vec()).or_default().insert(name.to_vec(), package);
    }
    let directories: Vec<_> = homes.iter().flat_map(|(home, gems)| directories(found.tree, home, gems)).collect();
    found.claims.innermost(&directories);
}

/// Where the files of gems are. What was compiled lies by platform and version of Ruby, and is looked for once for all
/// gems: for each, it would be as many looks as there are gems times platforms.
fn directories(tree: &Tree, home: &[u8], gems: &BTreeMap<Vec<u8>, u32>) -> Vec<(Vec<u8>, u32)> {
    let below = |directory: &[u8]| {
        let names = tree.list(directory).into_iter();
        names.map(|name| [directory, b"/", &name].concat()).collect::<Vec<_>>()
    };
    let platforms = below(&[home, b"/extensions"].concat()).into_iter();
    let versions = platforms.flat_map(|platform| below(&platform));
    let compiled = versions.flat_map(|version| below(&version));
    let compiled = compiled.filter_map(|path| gems.get(split(&path).1).map(|package| (path.clone(), *package)));
    let own = gems.iter().map(|(name, package)| ([home, b"/gems/", name].concat(), *package));
    own.chain(compiled).collect()
}
