//! What scanners say, for tests.

use proptest::collection::btree_set;
use proptest::option;
use proptest::prelude::*;

use super::any_text;
use crate::report::scan::{Danger, Scan, Scanner, Vulnerability};

/// A vulnerability of which nothing is mended.
pub(crate) fn found(id: &str, package: &str, version: &str, path: &str, severity: Danger) -> Vulnerability {
    Vulnerability {
        id: id.to_owned(),
        package: package.to_owned(),
        path: path.to_owned(),
        version: version.to_owned(),
        severity,
        fixed_version: None,
    }
}

/// What trivy said with a database of that day.
pub(crate) fn of(mut vulnerabilities: Vec<Vulnerability>, database: &str) -> Scan {
    vulnerabilities.sort();
    Scan {
        scanner: Scanner::Trivy,
        version: Some("0.68.2".to_owned()),
        database: Some(database.to_owned()),
        vulnerabilities,
    }
}

/// Anything that may stand in a report.
pub(crate) fn any_scan() -> impl Strategy<Value = Scan> {
    use Danger::{Critical, High, Low, Medium, Negligible, Unknown};
    let severity = prop::sample::select(vec![Unknown, Negligible, Low, Medium, High, Critical]);
    let texts = (any_text(), any_text(), any_text(), any_text(), option::of(any_text()));
    let vulnerability = (texts, severity).prop_map(|((id, package, path, version, fixed_version), severity)| {
        Vulnerability { id, package, path, version, severity, fixed_version }
    });
    let scanner = prop::sample::select(Scanner::ALL.to_vec());
    (scanner, option::of(any_text()), option::of(any_text()), btree_set(vulnerability, 0..9)).prop_map(
        |(scanner, version, database, vulnerabilities)| Scan {
            scanner,
            version,
            database,
            vulnerabilities: vulnerabilities.into_iter().collect(),
        },
    )
}
