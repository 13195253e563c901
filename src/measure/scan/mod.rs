//! What scanners of vulnerabilities say of an image. They know packages and advisories; weighbridge compares what they
//! say with what they said of the baseline.
//!
//! The answer of a scanner is written after packages that anybody may have put into the image, so it is read with
//! doubt. A scanner that fails is a finding: never an image without vulnerabilities.

mod answer;
mod bounded;
mod run;

pub use run::{Asked, choose, read_given, scan_cell, scan_image};
