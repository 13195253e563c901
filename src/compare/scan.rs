//! Which vulnerabilities an image has and its baseline had not, and which of them the change did not bring: those of
//! packages that were there before, which only a newer database knows of.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::contents::Package;
use crate::report::scan::{Scan, Vulnerability};
use crate::report::{CellReport, ImageMeasurement};

/// Vulnerabilities of an image beside those of its baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanChange<'a> {
    /// What the scanner said of this run.
    pub head: &'a Scan,
    /// The differences; `None` where the baseline was not scanned, or by another scanner.
    pub since: Option<Since<'a>>,
}

/// What differs from the baseline, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Since<'a> {
    /// Brought by the change: the baseline had no such package in that version at that place.
    pub new: Vec<&'a Vulnerability>,
    /// Brought by a newer database or scanner: the package was there before.
    pub by_database: Vec<&'a Vulnerability>,
    /// No longer there.
    pub gone: Vec<&'a Vulnerability>,
}

impl<'a> ScanChange<'a> {
    /// Compares what a scanner said of both sides; `None` where this run was not scanned.
    #[must_use]
    pub fn between(base: Option<&'a CellReport>, head: Option<&'a CellReport>) -> Option<Self> {
        let scan = head?.image.as_ref()?.scan.as_ref()?;
        let base = base.and_then(|base| base.image.as_ref());
        let before = base.and_then(|base| Some(Before::of(base, base.scan.as_ref()?)));
        let before = before.filter(|before| before.scan.scanner == scan.scanner);
        Some(Self { head: scan, since: before.map(|before| before.since(scan)) })
    }
}

/// What is known of the baseline.
struct Before<'a> {
    scan: &'a Scan,
    /// Vulnerabilities by identifier, package and version, wherever the package is.
    known: BTreeSet<(&'a str, &'a str, &'a str)>,
    /// Where the scanner saw packages, by package and version.
    seen: BTreeSet<(&'a str, &'a str, &'a str)>,
    /// What the reader of images found, by package and version: a scanner only names what is vulnerable.
    packages: BTreeMap<(&'a str, &'a str), Vec<&'a Package>>,
}

impl<'a> Before<'a> {
    fn of(image: &'a ImageMeasurement, scan: &'a Scan) -> Self {
        let found = || scan.vulnerabilities.iter();
        let mut packages: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for package in image.contents.iter().flat_map(|contents| &contents.packages) {
            packages.entry((&*package.name, plain(&package.version))).or_default().push(package);
        }
        Self {
            scan,
            known: found().map(|found| (&*found.id, &*found.package, plain(&found.version))).collect(),
            seen: found().map(|found| (&*found.package, plain(&found.version), &*found.path)).collect(),
            packages,
        }
    }

    fn since<'h>(&self, head: &'h Scan) -> Since<'h>
    where
        'a: 'h,
    {
        let is_same_database = self.scan.database.is_some()
            && (&self.scan.database, &self.scan.version) == (&head.database, &head.version);
        // The same database knows nothing new of what was there.
        let is_by_database = |found: &&Vulnerability| !is_same_database && self.is_by_database(found);
        let (by_database, new) = beyond(self.scan, head).into_iter().partition(is_by_database);
        Since { new, by_database, gone: beyond(head, self.scan) }
    }

    /// Whether the package was there before, and nobody knew this of it. What was known of it elsewhere in the image,
    /// the database would have said of this place too.
    fn is_by_database(&self, found: &Vulnerability) -> bool {
        let (package, version) = (&*found.package, plain(&found.version));
        let was_there = self.seen.contains(&(package, version, &*found.path))
            || self.packages.get(&(package, version)).is_some_and(|all| all.iter().any(|one| is_at(one, &found.path)));
        was_there && !self.known.contains(&(&*found.id, package, version))
    }
}

/// Whether a package is where a scanner says: it names the package's file, its database, the binary or no place at all.
fn is_at(package: &Package, path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let below = path.strip_prefix(&*package.path);
    path.is_empty() || below.is_some_and(|rest| rest.is_empty() || package.path.is_empty() || rest.starts_with('/'))
}

/// What one scan says and the other does not, the worst first.
fn beyond<'a>(other: &Scan, scan: &'a Scan) -> Vec<&'a Vulnerability> {
    let known: BTreeSet<_> = other.vulnerabilities.iter().map(key).collect();
    let mut beyond: Vec<_> = scan.vulnerabilities.iter().filter(|found| !known.contains(&key(found))).collect();
    beyond.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
    beyond
}

fn key(found: &Vulnerability) -> (&str, &str, &str) {
    (&found.id, &found.package, &found.path)
}

/// Versions of Go are written with and without a `v`.
fn plain(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Contents;
    use crate::report::sample::{self, contents::package, scan};
    use crate::report::scan::{Danger, Scanner};

    fn cell(scan: Option<Scan>, packages: Vec<Package>) -> CellReport {
        let mut cell = sample::cell("orders", "linux/amd64", vec![sample::layer("a", 1, "RUN make", 1)]);
        let contents = Contents { packages, ..sample::contents::of(1, &[(0, "a", 1)]) };
        let image = cell.image.as_mut().unwrap();
        (image.scan, image.contents) = (scan, Some(contents));
        cell
    }

    /// Identifiers of what the change brings, what the database brings and what is gone.
    fn told(base: &CellReport, head: &CellReport) -> [String; 3] {
        let since = ScanChange::between(Some(base), Some(head)).unwrap().since.unwrap();
        [since.new, since.by_database, since.gone]
            .map(|all| all.iter().map(|found| format!("{}@{}", found.id, found.path)).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn only_what_was_there_and_nobody_knew_of_is_brought_by_the_database() {
        // Name, version and place of the package, what was known of it, and whether the database brought CVE-2.
        let packages = || vec![package(0, "npm", "qs", "6.5.1", 9, "app/node_modules/qs")];
        for (version, path, known, is_by_database) in [
            ("6.5.1", "app/node_modules/qs/package.json", vec![], true),
            ("6.5.1", "/app/node_modules/qs/package.json", vec![], true),
            ("v6.5.1", "", vec![], true),
            ("6.5.2", "app/node_modules/qs/package.json", vec![], false),
            ("6.5.1", "app/node_modules/qs-too/package.json", vec![], false),
            ("6.5.1", "web/node_modules/qs/package.json", vec![], false),
            // The scanner itself named the package at that place.
            ("6.5.1", "web/qs", vec![scan::found("CVE-1", "qs", "6.5.1", "web/qs", Danger::Low)], true),
            ("6.5.1", "web/qs", vec![scan::found("CVE-1", "qs", "6.5.0", "web/qs", Danger::Low)], false),
            // Known of the same package elsewhere: the change copied it.
            ("6.5.1", "app/node_modules/qs/x", vec![scan::found("CVE-2", "qs", "6.5.1", "a", Danger::Low)], false),
        ] {
            let found = scan::found("CVE-2", "qs", version, path, Danger::High);
            let head = cell(Some(scan::of([vec![found], known.clone()].concat(), "tuesday")), vec![]);
            let base = cell(Some(scan::of(known, "monday")), packages());
            let expected = format!("CVE-2@{path}");
            let expected = if is_by_database { ["", &expected, ""] } else { [&*expected, "", ""] };
            assert_eq!(told(&base, &head), expected, "{version} {path}");
        }
    }

    #[test]
    fn a_database_and_a_scanner_that_are_the_same_know_nothing_new() {
        let packages = || vec![package(0, "deb", "tar", "1", 9, "var/lib/dpkg/status")];
        let base = cell(Some(scan::of(vec![], "monday")), packages());
        let mut head = cell(Some(scan::of(vec![scan::found("CVE-1", "tar", "1", "", Danger::Low)], "monday")), vec![]);
        assert_eq!(told(&base, &head), ["CVE-1@", "", ""]);
        head.image.as_mut().unwrap().scan.as_mut().unwrap().version = Some("another".to_owned());
        assert_eq!(told(&base, &head), ["", "CVE-1@", ""]);
    }

    #[test]
    fn the_worst_stands_first_and_then_the_order_is_that_of_names() {
        let all = vec![
            scan::found("CVE-2", "a", "1", "y", Danger::High),
            scan::found("CVE-2", "a", "1", "x", Danger::High),
            scan::found("CVE-1", "b", "1", "", Danger::Low),
            scan::found("CVE-1", "a", "1", "", Danger::High),
            scan::found("CVE-9", "a", "1", "", Danger::Critical),
        ];
        let (none, some) = (cell(Some(scan::of(vec![], "d")), vec![]), cell(Some(scan::of(all, "d")), vec![]));
        assert_eq!(told(&none, &some), ["CVE-9@ CVE-1@ CVE-2@x CVE-2@y CVE-1@", "", ""]);
        assert_eq!(told(&some, &none), ["", "", "CVE-9@ CVE-1@ CVE-2@x CVE-2@y CVE-1@"]);
        assert_eq!(told(&some, &some), ["", "", ""]);
    }

    #[test]
    fn without_a_scan_of_the_same_scanner_there_is_nothing_to_compare_with() {
        let found = scan::of(vec![scan::found("CVE-1", "a", "1", "", Danger::Low)], "d");
        let head = cell(Some(found.clone()), vec![]);
        for base in [None, Some(Scan { scanner: Scanner::Grype, ..found })] {
            assert_eq!(ScanChange::between(Some(&cell(base, vec![])), Some(&head)).unwrap().since, None);
        }
        assert_eq!(ScanChange::between(None, Some(&head)).unwrap().since, None);
        assert_eq!(ScanChange::between(Some(&head), Some(&cell(None, vec![]))), None);
        assert_eq!(ScanChange::between(Some(&head), None), None);
    }
}
