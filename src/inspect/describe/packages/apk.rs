//! Packages of Alpine: one file with a line for each package, directory and file (apk-tools, "apk v2 installed db").

use super::Inventory;
use crate::inspect::Identity;
use crate::inspect::database::APK;

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    let databases = APK.map(|path| found.tree.find(path.as_bytes()).map(|found| found.path).ok());
    // Where `/lib` is a link into `/usr`, both are one.
    let count = if databases.first() == databases.last() { 1 } else { APK.len() };
    for path in APK.iter().take(count) {
        if let Some((text, layer)) = found.text(path.as_bytes()) {
            read(found, text, (path.as_bytes(), layer));
        }
    }
}

fn read(found: &mut Inventory<'_>, text: &[u8], told_by: (&[u8], u32)) {
    let (mut name, mut version, mut package, mut directory) = (String::new(), String::new(), None, &b""[..]);
    for line in text.split(|byte| *byte == b'\n') {
        let value = line.get(2..).unwrap_or_default();
        match line.get(..2) {
            Some(b"P:") => name = String::from_utf8_lossy(value).into_owned(),
            Some(b"V:") => version = String::from_utf8_lossy(value).into_owned(),
            Some(b"F:") => directory = value,
            Some(b"R:") => {
                if let Some(package) = package {
                    found.own_in(package, directory, value);
                }
            }
            _ => {}
        }
        let is_complete = !name.is_empty() && !version.is_empty();
        if package.is_none() && is_complete {
            let identity = Identity::new(&name, &version);
            package = identity.and_then(|identity| found.add("apk", identity, told_by, Some(0)));
        }
        if line.is_empty() {
            (name, version, package, directory) = (String::new(), String::new(), None, &b""[..]);
        }
    }
}
