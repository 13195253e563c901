//! The keys that decide what a review gets to see: `noise`, `scan`, `bots`, `override_label` and
//! `report_name`.

use super::format::{Format, Words};
use super::node::Node;
use super::scan::{self, ScanWith};
use crate::units::{Bytes, Percent};

/// The values of `bots`.
pub(super) const BOTS: Words = Words { list: &["summary", "comment"], expected: "summary or comment" };

/// What a review gets to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Which differences count as none.
    pub noise: Noise,
    /// Which scanner of vulnerabilities is asked.
    pub scan: ScanWith,
    /// What the change requests of bots get.
    pub bots: Bots,
    /// The label that lets an image be over its budget.
    pub override_label: String,
    /// The name of the report, where a change request has several.
    pub report_name: Option<String>,
}

impl Default for Review {
    fn default() -> Self {
        Self {
            noise: Noise::default(),
            scan: ScanWith::default(),
            bots: Bots::default(),
            override_label: "allow-size-increase".to_owned(),
            report_name: None,
        }
    }
}

/// Differences up to these count as none, whichever of the two is larger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Whatever the image weighs.
    pub bytes: Bytes,
    /// Of the baseline.
    pub percent: Percent,
}

impl Default for Noise {
    /// Timestamps and their compression stay below this many bytes, and compressors of different versions of BuildKit
    /// below this part.
    fn default() -> Self {
        Self { bytes: Bytes(10_000), percent: Percent(0.1) }
    }
}

/// What the change requests of bots get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bots {
    /// No comment of their own.
    #[default]
    Summary,
    /// The same as everybody's.
    Comment,
}

/// Checks the name of a report, which becomes a part of a line that is found again.
///
/// # Errors
/// When it is no name, with what is.
pub fn parse_report_name(text: &str) -> Result<String, String> {
    Format::ImageName.fault(text).map_or_else(|| Ok(text.to_owned()), Err)
}

/// Reads the keys from the top of the file. A value that is none has been found fault with.
pub(super) fn resolve(tree: &Node) -> Review {
    let default = Review::default();
    let text = |key: &str| tree.get(key).and_then(Node::text);
    let noise = |key: &str| tree.get("noise").and_then(|noise| noise.get(key)).and_then(Node::text);
    Review {
        noise: Noise {
            bytes: noise("bytes").and_then(|text| text.parse().ok()).unwrap_or(default.noise.bytes),
            percent: noise("percent").and_then(|text| text.parse().ok()).unwrap_or(default.noise.percent),
        },
        scan: scan::parse(text("scan")),
        bots: if text("bots") == Some("comment") { Bots::Comment } else { Bots::Summary },
        override_label: text("override_label").map_or(default.override_label, str::to_owned),
        report_name: text("report_name").map(str::to_owned),
    }
}
