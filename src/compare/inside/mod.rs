//! What changed inside of an image: what made it grow, what it wastes, whether it starts, and what a node pulls of it.
//!
//! Only what both sides tell is compared. A baseline that is older than the reader of images tells nothing of it, and
//! then nothing is new.

mod causes;
mod growth;
mod packages;
mod parts;
mod pull;
mod side;
mod start;

pub use causes::{Cause, Origin};
pub use packages::PackageChange;
pub use parts::{Part, What};
pub use pull::pull;
pub use start::Start;

use super::Change;
use crate::report::contents::{Leftover, Waste};
use crate::report::{CellReport, Contents, Finding, ImageMeasurement};
use crate::units::Bytes;

/// What changed inside of an image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inside<'a> {
    /// What made it grow or shrink, the largest difference first; empty where nothing changed by more than noise, and
    /// where it is not known.
    pub causes: Vec<Cause<'a>>,
    /// Packages of which another version is there, the most bytes first.
    pub packages: Vec<PackageChange<'a>>,
    /// What it wastes; `None` where it is not known what is inside.
    pub waste: Option<WasteChange<'a>>,
    /// Whether it starts; `None` where it is not known what is inside.
    pub start: Option<Start<'a>>,
    /// Ports that it exposes and did not expose.
    pub opened_ports: Vec<&'a str>,
    /// Ports that it exposed and no longer does.
    pub closed_ports: Vec<&'a str>,
    /// What there is to say of its configuration and was not.
    pub findings: Vec<&'a Finding>,
    /// What images rarely need, of kinds that were not there.
    pub leftovers: Vec<&'a Leftover>,
    /// Bytes that a node pulls which has the image of the baseline; `None` where there is none.
    pub pull: Option<Bytes>,
}

/// What an image wastes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WasteChange<'a> {
    /// Bytes in the baseline; `None` where they are not known.
    pub base: Option<Bytes>,
    /// Bytes in this run.
    pub head: Bytes,
    /// Where they are, the most first.
    pub pairs: &'a [Waste],
}

impl<'a> Inside<'a> {
    /// Compares what is inside of a cell on both sides, of which the change of its bytes is known.
    pub(super) fn between(base: Option<&'a CellReport>, head: Option<&'a CellReport>, change: &Change<'a>) -> Self {
        let image = |cell: Option<&'a CellReport>| cell.and_then(|cell| cell.image.as_ref());
        let Some(head) = image(head) else { return Self::default() };
        let base = image(base);
        let is_new = matches!(change, Change::Added);
        let pull = base.map(|base| pull(base, head));
        let before = base.and_then(|base| base.contents.as_ref());
        let Some(after) = &head.contents else { return Self { pull, ..Self::default() } };
        let waste = WasteChange {
            base: before.map(|contents| Bytes(contents.wasted_bytes())),
            head: Bytes(after.wasted_bytes()),
            pairs: &after.waste,
        };
        let start = Start { base: before.map(|contents| &contents.start), head: &after.start, is_new };
        let news = Self { pull, waste: Some(waste), start: Some(start), ..Self::default() };
        match before {
            Some(before) => Self { causes: causes(base, head, change), ..news.compared(before, after) },
            None if is_new => Self {
                opened_ports: after.exposed_ports.iter().map(String::as_str).collect(),
                findings: after.findings.iter().collect(),
                leftovers: after.leftovers.iter().collect(),
                ..news
            },
            None => news,
        }
    }

    fn compared(self, before: &'a Contents, after: &'a Contents) -> Self {
        let ports_of_one = |one: &'a Contents, other: &'a Contents| {
            let ports = one.exposed_ports.iter().filter(|port| !other.exposed_ports.contains(port));
            ports.map(String::as_str).collect()
        };
        let was_said = |finding: &&Finding| {
            before.findings.iter().any(|old| (&old.rule, &old.message) == (&finding.rule, &finding.message))
        };
        let was_there = |leftover: &&Leftover| before.leftovers.iter().any(|old| old.kind == leftover.kind);
        Self {
            packages: packages::changes(&before.packages, &after.packages),
            opened_ports: ports_of_one(after, before),
            closed_ports: ports_of_one(before, after),
            findings: after.findings.iter().filter(|finding| !was_said(finding)).collect(),
            leftovers: after.leftovers.iter().filter(|leftover| !was_there(leftover)).collect(),
            ..self
        }
    }
}

fn causes<'a>(base: Option<&'a ImageMeasurement>, head: &'a ImageMeasurement, change: &Change<'a>) -> Vec<Cause<'a>> {
    match (base, change) {
        (Some(base), Change::Changed(delta)) => causes::find(base, head, delta).unwrap_or_default(),
        _ => Vec::new(),
    }
}
