//! What a scanner of vulnerabilities said, as JSON.

use anyhow::{Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::scan;

/// Far more than is ever written. A report may come from a fork.
const VULNERABILITIES_LIMIT: usize = 100_000;

/// What a scanner said of the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scan {
    /// Who scanned.
    pub scanner: Scanner,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When its database was built, as it says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// What it found, sorted.
    pub vulnerabilities: Vec<Vulnerability>,
}

/// A scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scanner {
    /// Aqua Security's.
    Trivy,
    /// Anchore's.
    Grype,
}

/// A known vulnerability of a package in the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vulnerability {
    /// Its identifier.
    pub id: String,
    /// The package.
    pub package: String,
    /// Where the package is; absent of packages of the distribution.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The version that is there.
    pub version: String,
    /// How bad it is.
    pub severity: Danger,
    /// The versions that are mended; absent while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_version: Option<String>,
}

/// How bad a vulnerability is, as the scanner says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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

/// The enums of both sides have the same variants; a difference fails to compile here.
macro_rules! mirror {
    ($($name:ident { $($variant:ident),+ })+) => { $(
        impl From<scan::$name> for $name {
            fn from(value: scan::$name) -> Self { match value { $(scan::$name::$variant => Self::$variant),+ } }
        }
        impl From<$name> for scan::$name {
            fn from(value: $name) -> Self { match value { $($name::$variant => Self::$variant),+ } }
        }
    )+ };
}
mirror! { Scanner { Trivy, Grype } Danger { Unknown, Negligible, Low, Medium, High, Critical } }

impl From<&scan::Vulnerability> for Vulnerability {
    fn from(found: &scan::Vulnerability) -> Self {
        let scan::Vulnerability { id, package, path, version, severity, fixed_version } = found.clone();
        Self { id, package, path, version, severity: severity.into(), fixed_version }
    }
}

impl From<&scan::Scan> for Scan {
    fn from(value: &scan::Scan) -> Self {
        let scan::Scan { scanner, version, database, vulnerabilities } = value;
        Self {
            scanner: (*scanner).into(),
            version: version.clone(),
            database: database.clone(),
            vulnerabilities: vulnerabilities.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<Scan> for scan::Scan {
    type Error = anyhow::Error;

    fn try_from(json: Scan) -> Result<Self> {
        let Scan { scanner, version, database, vulnerabilities } = json;
        let count = vulnerabilities.len();
        ensure!(count <= VULNERABILITIES_LIMIT, "a scan with {count} vulnerabilities");
        let vulnerability = |found: Vulnerability| {
            let Vulnerability { id, package, path, version, severity, fixed_version } = found;
            scan::Vulnerability { id, package, path, version, severity: severity.into(), fixed_version }
        };
        let mut vulnerabilities: Vec<_> = vulnerabilities.into_iter().map(vulnerability).collect();
        vulnerabilities.sort();
        Ok(Self { scanner: scanner.into(), version, database, vulnerabilities })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(count: usize) -> scan::Scan {
        let vulnerability = |number| scan::Vulnerability {
            id: format!("CVE-{number:06}"),
            package: "p".to_owned(),
            path: String::new(),
            version: "1".to_owned(),
            severity: scan::Danger::High,
            fixed_version: None,
        };
        scan::Scan {
            scanner: scan::Scanner::Grype,
            version: Some("1.0".to_owned()),
            database: None,
            vulnerabilities: (0..count).map(vulnerability).collect(),
        }
    }

    #[test]
    fn a_scan_comes_back_as_it_was_written() {
        let json = serde_json::to_string(&Scan::from(&sample(1))).unwrap();
        let expected = r#"{"scanner":"grype","version":"1.0","vulnerabilities":[{"id":"CVE-000000","package":"p","version":"1","severity":"high"}]}"#;
        assert_eq!(json, expected);
        let back: Scan = serde_json::from_str(&json).unwrap();
        assert_eq!(scan::Scan::try_from(back).unwrap(), sample(1));
    }

    #[test]
    fn a_scan_of_endless_length_is_refused() {
        let scan = Scan::from(&sample(VULNERABILITIES_LIMIT + 1));
        assert!(scan::Scan::try_from(scan).unwrap_err().to_string().contains("100001 vulnerabilities"));
    }
}
