//! `report.json`, schema 1: the only form in which a [`Report`] leaves the process or comes back as a baseline.
//!
//! What was not measured is absent, never 0. Fields may be added to schema 1; none is renamed, removed or given
//! another meaning. A report may come from a fork, so reading one trusts nothing in it.

pub mod cache;
pub mod contents;
mod layout;
mod parts;
mod read;
mod scan;
pub mod types;
mod write;

use std::io;

use write::Cells;
pub(crate) use write::seconds;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;

use crate::report::Report;

/// The schema that this version writes and reads.
pub const SCHEMA_VERSION: u64 = 1;

/// The report as JSON: indented, fields in a fixed order, ending with a newline.
#[must_use]
pub fn to_json(report: &Report) -> String {
    layout::to_string(&types::Report::<Cells<'_>>::from(report)) + "\n"
}

/// The same on one line, for files of thousands of cells that only programs read: it is a third shorter.
///
/// # Errors
/// When it cannot be written.
pub fn write_line(report: &Report, mut to: impl io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &types::Report::<Cells<'_>>::from(report))?;
    to.write_all(b"\n")
}

/// Reads a report. The caller limits the number of bytes.
///
/// # Errors
/// When the bytes are not JSON (line and column are named), when a newer weighbridge wrote them, when a required
/// field is missing, or when a value makes no sense.
pub fn from_json(bytes: &[u8]) -> Result<Report> {
    /// The part of every schema that tells how to read the rest.
    #[derive(Deserialize)]
    struct Versioned {
        schema_version: u64,
    }
    let not_a_report = |error: serde_json::Error| anyhow!("not a weighbridge report: {error}");
    let read = serde_json::from_slice::<types::Report>(bytes).map_err(not_a_report);
    let version = match &read {
        Ok(report) => report.schema_version,
        // Of another schema not even the fields need be there.
        Err(_) => serde_json::from_slice::<Versioned>(bytes).map_err(not_a_report)?.schema_version,
    };
    match version {
        SCHEMA_VERSION => read?.try_into(),
        newer @ 2.. => bail!(
            "written by a newer weighbridge (schema {newer}; this one reads {SCHEMA_VERSION}): \
             update weighbridge or delete the file"
        ),
        0 => bail!("schema_version is 0; expected {SCHEMA_VERSION}"),
    }
}

/// The JSON Schema of `report.json`, committed as `schema/report.schema.json`.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(types::Report).to_value()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    #[test]
    fn the_committed_schema_is_the_generated_one() {
        let generated = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let committed = crate::fs::read_text(&root.join("schema/report.schema.json"), 1 << 20).unwrap_or_default();
        if generated != committed {
            crate::fs::write_atomic(&root.join("target/report.schema.json"), generated.as_bytes()).unwrap();
        }
        assert!(generated == committed, "copy target/report.schema.json to schema/report.schema.json");
    }

    #[test]
    fn a_report_of_a_newer_schema_says_what_to_do() {
        let message = from_json(br#"{"schema_version": 2, "cells": "something else"}"#).unwrap_err().to_string();
        assert_eq!(
            message,
            "written by a newer weighbridge (schema 2; this one reads 1): update weighbridge or delete the file"
        );
    }

    #[test]
    fn what_is_not_a_report_is_refused_with_its_place_or_field() {
        let nested = format!(r#"{{"schema_version": 1, "x": {}"#, "[".repeat(10_000));
        for (bytes, expected) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{\n \"schema_version\": 1,\n nonsense", "line 3 column 2"),
            ("[]", "expected"),
            ("{}", "missing field `schema_version`"),
            (r#"{"schema_version": 1}"#, "missing field `tool`"),
            (r#"{"schema_version": "1"}"#, "expected u64"),
            (r#"{"schema_version": 0}"#, "expected 1"),
            (r#"{"schema_version": -1}"#, "expected u64"),
            (&nested, "EOF while parsing"),
        ] {
            let message = format!("{:#}", from_json(bytes.as_bytes()).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
        assert!(from_json(b"\xff\xfe").is_err());
    }

    #[test]
    fn values_that_make_no_sense_are_refused_with_the_cell() {
        for (from, to, expected) in [
            (r#""wall_seconds": 161.0"#, r#""wall_seconds": -1"#, "cell orders linux/amd64: wall_seconds is -1"),
            (r#""wall_seconds": 161.0"#, r#""wall_seconds": 1e300"#, "wall_seconds is 1e300"),
            (r#""wall_seconds": 161.0"#, r#""wall_seconds": 1e999"#, "number out of range"),
            (r#""wall_seconds": 161.0"#, r#""wall_seconds": NaN"#, "expected value"),
            (r#""wall_seconds": 161.0,"#, "", "cell orders linux/amd64: wall_seconds is missing"),
            (r#""digest": "sha256:manifest","#, "", "digest is missing"),
            (r#""compressed_bytes": 61200000"#, r#""compressed_bytes": -5"#, "expected u64"),
            (r#""compressed_bytes": 61200000,"#, "", "compressed_bytes is missing"),
            (r#""platform": "linux/amd64""#, r#""platform": "linux""#, "expected os/architecture"),
            (r#""cached_from": "remote""#, r#""cached_from": null"#, "cached_from"),
            (r#""verdict": "pass""#, r#""verdict": "great""#, "unknown variant `great`"),
        ] {
            let json = to_json(&sample::report());
            assert!(json.contains(from), "{from} in {json}");
            let message = format!("{:#}", from_json(json.replace(from, to).as_bytes()).unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_cell_that_stands_twice_is_refused() {
        let mut report = sample::report();
        report.cells = vec![report.cells[0].clone(), report.cells[0].clone()];
        let message = format!("{:#}", from_json(to_json(&report).as_bytes()).unwrap_err());
        assert_eq!(message, "cell orders linux/amd64 stands twice in the report");
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let json = to_json(&sample::report()).replacen('{', r#"{"later": {"a": [1]},"#, 1);
        assert_eq!(from_json(json.as_bytes()).unwrap(), sample::report());
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        let mut report = sample::report();
        report.cells[0].image = None;
        report.cells[0].timing = None;
        let json: serde_json::Value = serde_json::from_str(&to_json(&report)).unwrap();
        let cell = json["cells"][0].as_object().unwrap();
        let names: Vec<_> = cell.keys().map(String::as_str).collect();
        assert_eq!(names, ["budgets", "dockerfile", "emulated", "findings", "image", "outcome", "platform"]);
    }

    #[test]
    fn seconds_are_rounded_to_milliseconds() {
        let mut report = sample::report();
        report.cells[0].timing.as_mut().unwrap().wall = std::time::Duration::from_nanos(1_234_567_890);
        assert!(to_json(&report).contains(r#""wall_seconds": 1.235,"#));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_report_survives_the_way_through_json_and_fits_the_schema(report in sample::any_report(0..4)) {
            let json = to_json(&report);
            prop_assert_eq!(&from_json(json.as_bytes()).unwrap(), &report);
            let validator = jsonschema::validator_for(&schema()).unwrap();
            prop_assert!(validator.is_valid(&serde_json::from_str(&json).unwrap()));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = from_json(&bytes);
        }
    }
}
