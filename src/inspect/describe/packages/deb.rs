//! Packages of Debian and what is made from it: `dpkg` tells of all in one file, and of the files of each in one more.
//! Distroless images have no `dpkg`, and a file for each package with its checksums beside it.

use super::Inventory;
use crate::inspect::Identity;
use crate::inspect::database::{DPKG, DPKG_INFO, DPKG_PARTS};
use crate::inspect::identity::Fields;

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    if let Some((status, layer)) = found.text(DPKG.as_bytes()) {
        for paragraph in paragraphs(status) {
            add_installed(found, &Fields::of(paragraph), layer);
        }
    }
    for name in found.tree.list(DPKG_PARTS.as_bytes()) {
        let path = format!("{DPKG_PARTS}/{}", String::from_utf8_lossy(&name));
        if !path.ends_with(".md5sums") {
            add_part(found, &path);
        }
    }
}

fn add_installed(found: &mut Inventory<'_>, fields: &Fields<'_>, layer: u32) {
    // A package that was removed and has settings left is told of as well (dpkg(1), "Package states").
    let is_installed = fields.get("Status").is_some_and(|status| status.ends_with(" installed"));
    let Some(identity) = identity(fields).filter(|_| is_installed) else { return };
    let name = identity.name.clone();
    let Some(package) = found.add("deb", identity, (DPKG.as_bytes(), layer), None) else { return };
    let of_machine = fields.get("Architecture").map(|machine| format!("{DPKG_INFO}/{name}:{machine}.list"));
    let lists = [Some(format!("{DPKG_INFO}/{name}.list")), of_machine];
    if let Some((list, _)) = lists.into_iter().flatten().find_map(|path| found.text(path.as_bytes())) {
        found.own(package, lines(list));
    }
}

fn add_part(found: &mut Inventory<'_>, path: &str) {
    let Some((text, layer)) = found.text(path.as_bytes()) else { return };
    let Some(identity) = identity(&Fields::of(text)) else { return };
    let Some(package) = found.add("deb", identity, (path.as_bytes(), layer), None) else { return };
    if let Some((sums, _)) = found.text(format!("{path}.md5sums").as_bytes()) {
        // A checksum, two spaces and a path.
        found.own(package, lines(sums).filter_map(|line| line.get(34..)));
    }
}

fn identity(fields: &Fields<'_>) -> Option<Identity> {
    let identity = Identity::new(&fields.get("Package")?, &fields.get("Version").unwrap_or_default())?;
    // It becomes part of a path.
    (!identity.name.contains('/')).then_some(identity)
}

/// The paragraphs of a control file (Debian Policy, "Syntax of control files").
fn paragraphs(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memmem::find(rest, b"\n\n").map_or(rest.len(), |at| at + 2);
        let (paragraph, after) = rest.split_at(end);
        rest = after;
        Some(paragraph)
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}
