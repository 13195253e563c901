//! What a scanner of vulnerabilities said of an image.

use std::fmt;

/// One scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Who scanned.
    pub scanner: Scanner,
    /// Its version, as it says it; untrusted text.
    pub version: Option<String>,
    /// When its database was built, as it says it; untrusted text.
    pub database: Option<String>,
    /// What it found, sorted, each once.
    pub vulnerabilities: Vec<Vulnerability>,
}

/// A scanner whose answers are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scanner {
    /// Aqua Security's.
    Trivy,
    /// Anchore's.
    Grype,
}

/// A known vulnerability of a package in the image. All texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vulnerability {
    /// Its identifier, such as `CVE-2026-1234`.
    pub id: String,
    /// The package.
    pub package: String,
    /// Where the package is; empty where the scanner says no path, as of packages of the distribution.
    pub path: String,
    /// The version that is there.
    pub version: String,
    /// How bad it is.
    pub severity: Danger,
    /// The versions that are mended; `None` while there is none.
    pub fixed_version: Option<String>,
}

/// How bad a vulnerability is, as the scanner says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Nobody has said yet.
    Unknown,
    /// Hardly one at all.
    Negligible,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Scan {
    /// Every text in it.
    pub fn texts(&mut self) -> Vec<&mut String> {
        let found = self.vulnerabilities.iter_mut().flat_map(|found| {
            let Vulnerability { id, package, path, version, severity: _, fixed_version } = found;
            [id, package, path, version].into_iter().chain(fixed_version)
        });
        self.version.iter_mut().chain(&mut self.database).chain(found).collect()
    }
}

impl Scanner {
    /// All of them; the first that is installed is used where none is named.
    pub const ALL: [Self; 2] = [Self::Trivy, Self::Grype];

    /// The name of the program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Trivy => "trivy",
            Self::Grype => "grype",
        }
    }
}

impl fmt::Display for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}
