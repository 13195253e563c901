//! `weighbridge compare BASE HEAD`: two report files, rendered.

use std::path::Path;

use anyhow::{Context, Result};

use super::session::Session;
use crate::cli::{CompareArgs, Format};
use crate::compare::{Comparison, compare as compare_reports, verdict};
use crate::error::Exit;
use crate::publish::terminal;
use crate::report::{Report, v1};
use crate::{fs, render};

/// More than the report of ten thousand cells.
const REPORT_LIMIT_BYTES: u64 = 256 << 20;

pub(super) fn compare(session: &Session, args: &CompareArgs) -> Result<u8> {
    let base = read(&session.env.directory.join(&args.base_report))?;
    let head = read(&session.env.directory.join(&args.head_report))?;
    let comparison = compare_reports(Some(&base), &head);
    terminal::out(&show(session, &comparison));
    Ok(verdict::exit_code(&head))
}

/// The comparison in the format that the user asked for.
pub(super) fn show(session: &Session, comparison: &Comparison<'_>) -> String {
    match session.common.format {
        Format::Text => render::text::render(comparison, session.color()),
        Format::Markdown => render::markdown::render(comparison),
        Format::Json => render::json::render(comparison),
    }
}

fn read(path: &Path) -> Result<Report> {
    let bytes = fs::read_limited(path, REPORT_LIMIT_BYTES).context(Exit::usage("read a report"))?;
    v1::from_json(&bytes).with_context(|| Exit::not_measured(format!("read the report {}", path.display())))
}
