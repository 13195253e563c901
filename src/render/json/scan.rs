//! What a scanner of vulnerabilities says beside the baseline, as JSON.

use serde::Serialize;

use crate::compare::scan::ScanChange;
use crate::report::v1::types::{Scanner, Vulnerability};

/// What it says. All vulnerabilities of this run are in its report.
#[derive(Debug, Serialize)]
pub(super) struct ScanDocument {
    scanner: Scanner,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    /// How many there are.
    vulnerabilities: usize,
    /// The differences, the worst first; absent where the baseline was not scanned alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<SinceDocument>,
}

#[derive(Debug, Serialize)]
struct SinceDocument {
    /// Brought by the change.
    new: Vec<Vulnerability>,
    /// Of packages that were there before, which only the database now knows.
    by_database: Vec<Vulnerability>,
    gone: Vec<Vulnerability>,
}

pub(super) fn document(scan: &ScanChange<'_>) -> ScanDocument {
    let all = |found: &[&crate::report::scan::Vulnerability]| found.iter().map(|found| (*found).into()).collect();
    ScanDocument {
        scanner: scan.head.scanner.into(),
        database: scan.head.database.clone(),
        vulnerabilities: scan.head.vulnerabilities.len(),
        since: scan.since.as_ref().map(|since| SinceDocument {
            new: all(&since.new),
            by_database: all(&since.by_database),
            gone: all(&since.gone),
        }),
    }
}
