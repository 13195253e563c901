//! `--baseline FILE`: the report that the user chose, whatever commit it is of.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Found, REPORT_LIMIT_BYTES};
use crate::error::Exit;
use crate::fs;
use crate::report::{Base, Report, v1};

/// Reads the report to compare with from a file.
///
/// # Errors
/// As [`read_report`].
pub fn from_file(path: &Path) -> Result<Found> {
    let doing = format!("--baseline {}", path.display());
    let report = read_report(path, &doing)?;
    let base = Base { sha: report.context.head.sha.clone(), chosen_by: doing, commits_older: 0, store: None };
    Ok(Found { report, base, refusals: Vec::new() })
}

/// Reads a report from a file, which is what errors say that was being done.
///
/// # Errors
/// When the file cannot be read (exit code 2), or is not a report or one of a newer weighbridge (exit code 4).
pub fn read_report(path: &Path, doing: &str) -> Result<Report> {
    let content = fs::read_limited(path, REPORT_LIMIT_BYTES).with_context(|| Exit::usage(doing))?;
    v1::from_json(&content).with_context(|| Exit::not_measured(doing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::fake::{report_of, sha};
    use crate::error::{NOT_MEASURED, USAGE, exit_code};

    #[test]
    fn a_report_is_read_with_the_commit_that_it_names() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("base.json");
        fs::write_atomic(&path, v1::to_json(&report_of("a")).as_bytes()).unwrap();
        let found = from_file(&path).unwrap();
        assert_eq!(found.report, report_of("a"));
        assert_eq!(found.base.sha, Some(sha("a")));
        assert_eq!(found.base.chosen_by, format!("--baseline {}", path.display()));
    }

    #[test]
    fn a_file_that_cannot_be_used_fixes_the_exit_code_and_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            fs::write_atomic(&directory.path().join(name), content.as_bytes()).unwrap();
            directory.path().join(name)
        };
        for (path, code, expected) in [
            (directory.path().join("missing"), USAGE, "No such file"),
            (directory.path().to_owned(), USAGE, "directory"),
            (file("corrupt", "{"), NOT_MEASURED, "not a weighbridge report"),
            (file("newer", r#"{"schema_version": 99}"#), NOT_MEASURED, "newer weighbridge"),
        ] {
            let error = from_file(&path).unwrap_err();
            let message = format!("{error:#}");
            assert_eq!(exit_code(&error), code, "{message}");
            assert!(message.contains(expected) && message.contains(&*path.to_string_lossy()), "{message}");
        }
    }
}
