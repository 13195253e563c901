//! Packages of Red Hat, SUSE and what is made from them. Since 2020 their database is one of SQLite, with the header
//! of each package as a blob (rpm, "RPM v4 Package format", without the lead). The forms before are not read.

use super::{Inventory, sqlite};
use crate::inspect::Identity;
use crate::inspect::database::{RPM, RPM_SQLITE};

/// Databases of older forms, of Berkeley DB and of rpm's own, and what was not yet written into the one that is read.
const OTHERS: [&str; 3] = ["Packages", "Packages.db", "rpmdb.sqlite-wal"];

// Tags of a header (rpmtag.h).
const NAME: usize = 1000;
const VERSION: usize = 1001;
const RELEASE: usize = 1002;
const EPOCH: usize = 1003;
const DIRECTORY_INDEXES: usize = 1116;
const BASE_NAMES: usize = 1117;
const DIRECTORY_NAMES: usize = 1118;

/// The description of a package.
struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    let mut seen = Vec::new();
    for directory in RPM {
        let Some(real) = found.claims.find(directory.as_bytes()).map(|found| found.path) else { continue };
        // One is often a link to the other.
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        let path = |name: &str| format!("{directory}/{name}");
        let other = OTHERS.map(path).into_iter().find(|path| {
            let other = found.claims.find(path.as_bytes());
            other.is_some_and(|other| other.bytes > 0)
        });
        match other {
            Some(other) => found.unread.push(other),
            None => read(found, &path(RPM_SQLITE)),
        }
    }
}

fn read(found: &mut Inventory<'_>, path: &str) {
    let Some((text, layer)) = found.text(path.as_bytes()) else { return };
    let told_by = (path.as_bytes(), layer);
    if sqlite::each_last_column(text, "Packages", |blob| _ = add_installed(found, blob, told_by)).is_none() {
        found.unread.push(path.to_owned());
    }
}

fn add_installed(found: &mut Inventory<'_>, blob: &[u8], told_by: (&[u8], u32)) -> Option<()> {
    let header = Header::new(blob)?;
    let package = found.add("rpm", header.identity()?, told_by, Some(0))?;
    let directories = header.texts(DIRECTORY_NAMES);
    for (name, index) in header.texts(BASE_NAMES).into_iter().zip(header.numbers(DIRECTORY_INDEXES)) {
        found.own_in(package, directories.get(index).copied().unwrap_or_default(), name);
    }
    Some(())
}

impl<'a> Header<'a> {
    fn new(blob: &'a [u8]) -> Option<Self> {
        let (lengths, rest) = blob.split_at_checked(8)?;
        let (count, bytes) = lengths.split_at_checked(4)?;
        let (entries, data) = rest.split_at_checked(number(count)?.checked_mul(16)?)?;
        Some(Self { entries, data: data.get(..number(bytes)?)? })
    }

    /// Name and version; `None` of a key, which is kept as if it were a package.
    fn identity(&self) -> Option<Identity> {
        let text = |tag| self.texts(tag).first().map(|text| String::from_utf8_lossy(text).into_owned());
        let name = text(NAME).filter(|name| name != "gpg-pubkey")?;
        let epoch = self.numbers(EPOCH).first().map(|epoch| format!("{epoch}:")).unwrap_or_default();
        Identity::new(&name, &format!("{epoch}{}-{}", text(VERSION)?, text(RELEASE)?))
    }

    /// The data of a tag from its start on, and how many values there are.
    fn values(&self, tag: usize) -> Option<(&'a [u8], usize)> {
        let entry = self.entries.chunks_exact(16).find(|entry| entry.get(..4).and_then(number) == Some(tag))?;
        Some((self.data.get(number(entry.get(8..12)?)?..)?, number(entry.get(12..16)?)?))
    }

    fn texts(&self, tag: usize) -> Vec<&'a [u8]> {
        let (data, count) = self.values(tag).unwrap_or_default();
        data.split(|byte| *byte == 0).take(count).collect()
    }

    fn numbers(&self, tag: usize) -> Vec<usize> {
        let (data, count) = self.values(tag).unwrap_or_default();
        data.chunks_exact(4).take(count).filter_map(number).collect()
    }
}

/// A number that is stored big end first.
fn number(bytes: &[u8]) -> Option<usize> {
    u32::from_be_bytes(bytes.try_into().ok()?).try_into().ok()
}
