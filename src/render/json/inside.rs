//! What changed inside of an image, as JSON.

use serde::Serialize;

use crate::compare::inside::{Cause, Inside, Origin, PackageChange, Part, What};
use crate::compare::layers::shown_instruction;
use crate::report::contents::{StartCheck, Starts};
use crate::report::{Finding, Severity};

/// What changed inside. Bytes of packages and paths are unpacked ones.
#[derive(Debug, Serialize)]
pub(super) struct InsideDocument {
    /// What made the image grow or shrink, the largest difference first.
    causes: Vec<CauseDocument>,
    packages: Vec<PackageDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waste: Option<WasteDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartDocument>,
    opened_ports: Vec<String>,
    closed_ports: Vec<String>,
    new_findings: Vec<FindingDocument>,
    /// Kinds of leftovers that were not there.
    new_leftovers: Vec<LeftoverDocument>,
    /// Compressed bytes that a node pulls which has the image of the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct CauseDocument {
    /// `layer` or `base_image`.
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dockerfile_line: Option<u32>,
    compressed_bytes_delta: i64,
    unpacked_bytes_delta: i64,
    /// The part of `unpacked_bytes_delta` that `parts` account for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained_percent: Option<u64>,
    parts: Vec<PartDocument>,
}

/// A package, packages that are too small to be named, or a path.
#[derive(Debug, Default, Serialize)]
struct PartDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<PackageDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    small_packages: Option<SmallPackagesDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    bytes_delta: i64,
}

#[derive(Debug, Serialize)]
struct SmallPackagesDocument {
    kind: String,
    count: usize,
}

#[derive(Debug, Serialize)]
struct PackageDocument {
    kind: String,
    name: String,
    /// Empty of one that is new.
    base_versions: Vec<String>,
    /// Empty of one that is gone.
    head_versions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_delta: Option<i64>,
}

#[derive(Debug, Serialize)]
struct WasteDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    base_bytes: Option<u64>,
    head_bytes: u64,
}

#[derive(Debug, Serialize)]
struct StartDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'static str>,
    /// `starts`, `cannot_tell` or `will_not_start`.
    head: &'static str,
    /// Whether it will not start and that is new.
    is_newly_broken: bool,
    findings: Vec<FindingDocument>,
}

#[derive(Debug, Serialize)]
struct FindingDocument {
    rule: String,
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dockerfile_line: Option<u32>,
}

#[derive(Debug, Serialize)]
struct LeftoverDocument {
    kind: String,
    bytes: u64,
    files: u64,
    fix: String,
}

/// `None` where nothing is known.
pub(super) fn document(inside: &Inside<'_>) -> Option<InsideDocument> {
    if *inside == Inside::default() {
        return None;
    }
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Some(InsideDocument {
        causes: inside.causes.iter().map(cause).collect(),
        packages: inside.packages.iter().map(package).collect(),
        waste: inside
            .waste
            .map(|waste| WasteDocument { base_bytes: waste.base.map(|bytes| bytes.0), head_bytes: waste.head.0 }),
        start: inside.start.map(|start| StartDocument {
            base: start.base.map(verdict),
            head: verdict(start.head),
            is_newly_broken: start.is_newly_broken(),
            findings: start.head.findings.iter().map(finding).collect(),
        }),
        opened_ports: texts(&inside.opened_ports),
        closed_ports: texts(&inside.closed_ports),
        new_findings: inside.findings.iter().map(|one| finding(one)).collect(),
        new_leftovers: inside
            .leftovers
            .iter()
            .map(|leftover| LeftoverDocument {
                kind: leftover.kind.clone(),
                bytes: leftover.bytes,
                files: leftover.files,
                fix: leftover.fix.clone(),
            })
            .collect(),
        pull_bytes: inside.pull.map(|bytes| bytes.0),
    })
}

fn cause(cause: &Cause<'_>) -> CauseDocument {
    let layer = match cause.origin {
        Origin::Layer(change) => Some(change.layer()),
        Origin::BaseImage => None,
    };
    CauseDocument {
        origin: if layer.is_some() { "layer" } else { "base_image" },
        instruction: layer.map(shown_instruction),
        dockerfile_line: layer.and_then(|layer| layer.dockerfile_line),
        compressed_bytes_delta: cause.compressed.0,
        unpacked_bytes_delta: cause.unpacked.0,
        explained_percent: cause.explained_percent(),
        parts: cause.parts.iter().map(part).collect(),
    }
}

fn part(part: &Part<'_>) -> PartDocument {
    let document = PartDocument { bytes_delta: part.bytes.0, ..PartDocument::default() };
    match &part.what {
        What::Package(change) => PartDocument { package: Some(package(change)), ..document },
        What::SmallPackages { kind, count } => {
            let small_packages = SmallPackagesDocument { kind: (*kind).to_owned(), count: *count };
            PartDocument { small_packages: Some(small_packages), ..document }
        }
        What::Path { path, .. } => PartDocument { path: Some((*path).to_owned()), ..document },
    }
}

fn package(change: &PackageChange<'_>) -> PackageDocument {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    PackageDocument {
        kind: change.kind.to_owned(),
        name: change.name.to_owned(),
        base_versions: texts(&change.base),
        head_versions: texts(&change.head),
        bytes_delta: change.bytes.map(|bytes| bytes.0),
    }
}

fn verdict(check: &StartCheck) -> &'static str {
    match check.verdict {
        Starts::Yes => "starts",
        Starts::CannotTell => "cannot_tell",
        Starts::No => "will_not_start",
    }
}

fn finding(finding: &Finding) -> FindingDocument {
    FindingDocument {
        rule: finding.rule.clone(),
        severity: match finding.severity {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        message: finding.message.clone(),
        dockerfile_line: finding.dockerfile_line,
    }
}
