//! Packages of Red Hat, SUSE and what is made from them.

use super::Inventory;
use crate::inspect::database::{RPM, RPM_SQLITE};

/// Databases of older forms: of Berkeley DB, and of rpm's own.
const OTHERS: [&str; 2] = ["Packages", "Packages.db"];

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    for directory in RPM {
        for name in OTHERS.into_iter().chain([RPM_SQLITE]) {
            let path = format!("{directory}/{name}");
            if found.tree.find(path.as_bytes()).is_ok_and(|found| found.bytes > 0) {
                found.unread.push(path);
            }
        }
    }
}
