//! Archives of Java, each of which is a package by the name that build tools give it. What is in one is not looked at.

use super::{Inventory, named};
use crate::inspect::Identity;
use crate::inspect::database::split;

/// Adds what is there.
pub(super) fn add(found: &mut Inventory<'_>) {
    let archives: Vec<Vec<u8>> = found.claims.ending(b".jar").collect();
    for path in archives {
        if found.claims.owner(&path).is_some() {
            continue;
        }
        let name = split(&path).1;
        let name = name.strip_suffix(b".jar").unwrap_or(name);
        let layer = found.claims.find(&path).and_then(|file| file.layer).unwrap_or_default();
        let identity = named(name).or_else(|| Identity::new(&super::super::text(name), ""));
        let Some(identity) = identity else { continue };
        let Some(package) = found.add("java", identity, (&path, layer), Some(0)) else { break };
        found.own(package, [&path]);
    }
}
