//! `weighbridge compare BASE HEAD`: two report files or two images, rendered.

use std::path::Path;

use anyhow::{Result, bail};

use super::session::Session;
use super::{compare_images, lookup};
use crate::baseline;
use crate::cli::{CompareArgs, Format};
use crate::compare::{Baseline, Comparison, budget, compare as compare_reports, verdict};
use crate::error::Exit;
use crate::publish::terminal;
use crate::render;
use crate::report::{Base, Report};

pub(super) async fn compare(session: &Session, args: &CompareArgs) -> Result<u8> {
    match (is_report(&args.base_side), is_report(&args.head_side)) {
        (true, true) if args.sizes_only => bail!(Exit::usage("--sizes-only is for images")),
        (true, true) if !args.scan.is_empty() => bail!(Exit::usage("--scan is for images; a report has its scans")),
        (true, true) => compare_reports_of(session, args),
        (false, false) => compare_images::compare(session, args).await,
        _ => bail!(Exit::usage(format!(
            "{:?} and {:?}: one is a report, as its name ends with .json; compare two reports or two images",
            args.base_side, args.head_side
        ))),
    }
}

fn is_report(side: &str) -> bool {
    Path::new(side).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn compare_reports_of(session: &Session, args: &CompareArgs) -> Result<u8> {
    let selection = session.selection();
    let read =
        |side: &str| baseline::read_report(&session.env.directory.join(side), &format!("read the report {side:?}"));
    let base = lookup::restrict(&selection, read(&args.base_side)?);
    let mut head = lookup::restrict(&selection, read(&args.head_side)?);
    forget_other_baseline(&base, &mut head);
    let chosen_by = "the given report".to_owned();
    let given = Base { sha: base.context.head.sha.clone(), chosen_by, commits_older: 0, store: None };
    let comparison = Comparison { baseline: Baseline::Found(given), ..compare_reports(Some(&base), &head) };
    terminal::out(&show(session, &comparison));
    Ok(verdict::exit_code(&head))
}

/// Growth and pull that were judged against another commit say nothing here, and the limits stand in no report.
pub(super) fn forget_other_baseline(base: &Report, head: &mut Report) {
    let judged_against = head.context.base.as_ref().and_then(|base| base.sha.as_ref());
    if judged_against.is_some() && judged_against != base.context.head.sha.as_ref() {
        for cell in &mut head.cells {
            cell.budgets.retain(|budget| !budget::needs_baseline(&budget.key));
        }
        head.verdict = verdict::overall(head);
    }
}

/// The comparison in the format that the user asked for.
pub(super) fn show(session: &Session, comparison: &Comparison<'_>) -> String {
    match session.common.format {
        Format::Text | Format::Github | Format::Gitlab => render::text::render(comparison, session.color()),
        Format::Markdown => render::markdown::render(comparison),
        Format::Json => render::json::render(comparison),
    }
}
