//! The texts in what is inside of an image.

use crate::report::{Contents, Finding};

/// Every text that comes from outside.
pub(super) fn of_contents(contents: &mut Contents) -> Vec<&mut String> {
    let Contents { waste, duplicates, weights, packages, leftovers, exposed_ports, findings, start, .. } = contents;
    let mut texts: Vec<&mut String> = Vec::new();
    texts.extend(waste.iter_mut().flat_map(|waste| &mut waste.examples).map(|file| &mut file.path));
    texts.extend(duplicates.iter_mut().flat_map(|duplicate| &mut duplicate.paths));
    texts.extend(weights.iter_mut().map(|weight| &mut weight.path));
    for package in packages {
        texts.extend([&mut package.name, &mut package.version, &mut package.path]);
    }
    texts.extend(leftovers.iter_mut().flat_map(|leftover| &mut leftover.examples).map(|file| &mut file.path));
    texts.extend(exposed_ports);
    let said = findings.iter_mut().chain(&mut start.findings);
    texts.extend(said.map(|Finding { message, .. }| message));
    texts
}
