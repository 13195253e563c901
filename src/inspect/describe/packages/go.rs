//! Modules in programs that Go built. The program is the main one's; how much of it is of the others cannot be told.

use super::Inventory;
use crate::inspect::{Detail, GoModule, Identity};

/// Adds what is linked.
pub(super) fn add(found: &mut Inventory<'_>) {
    for (path, layer, detail) in found.tree.details() {
        let Detail::Elf(elf) = detail else { continue };
        let Some(build) = &elf.go else { continue };
        let owner = found.claims.owner(&path).and_then(|owner| found.packages.get(owner as usize));
        if owner.is_some_and(|owner| owner.kind == "go") {
            // Another name of a program that was told of.
            continue;
        }
        let is_free = owner.is_none();
        let mut add = |GoModule { path: name, version }: &GoModule, bytes| {
            let identity = Identity::new(name, version)?;
            found.add("go", identity, (&path, layer), bytes)
        };
        let mut modules = build.modules.iter();
        let main = modules.next().and_then(|main| add(main, is_free.then_some(0)));
        modules.for_each(|module| _ = add(module, None));
        add(&GoModule { path: "stdlib".to_owned(), version: build.version.clone() }, None);
        if let Some(main) = main.filter(|_| is_free) {
            found.claims.file(&path, main);
        }
    }
}
