//! `weighbridge compare BASE HEAD`: two report files, rendered.

use anyhow::Result;

use super::lookup;
use super::session::Session;
use crate::baseline;
use crate::cli::{CompareArgs, Format};
use crate::compare::{Baseline, Comparison, budget, compare as compare_reports, verdict};
use crate::publish::terminal;
use crate::render;
use crate::report::{Base, Report};

pub(super) fn compare(session: &Session, args: &CompareArgs) -> Result<u8> {
    let selection = session.selection();
    let base =
        lookup::restrict(&selection, baseline::from_file(&session.env.directory.join(&args.base_report))?.report);
    let head = baseline::from_file(&session.env.directory.join(&args.head_report))?.report;
    let mut head = lookup::restrict(&selection, head);
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
        Format::Text => render::text::render(comparison, session.color()),
        Format::Markdown => render::markdown::render(comparison),
        Format::Json => render::json::render(comparison),
    }
}
