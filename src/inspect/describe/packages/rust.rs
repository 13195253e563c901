//! Packages in programs that `cargo auditable` built. The program is the main one's; how much of it is of the others
//! cannot be told.

use super::Inventory;
use crate::inspect::Detail;

/// Adds what is linked.
pub(super) fn add(found: &mut Inventory<'_>) {
    for (path, layer, detail) in found.tree.details() {
        let Detail::Elf(elf) = detail else { continue };
        let owner = found.claims.owner(&path);
        if owner.and_then(|owner| found.packages.get(owner as usize)).is_some_and(|owner| owner.kind == "rust") {
            // Another name of a program that was told of.
            continue;
        }
        for (index, package) in elf.crates.iter().enumerate() {
            let is_own = index == 0 && owner.is_none();
            let number = found.add("rust", package.clone(), (&path, layer), is_own.then_some(0));
            if let Some(number) = number.filter(|_| is_own) {
                found.claims.file(&path, number);
            }
        }
    }
}
