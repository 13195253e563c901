//! Builds the base commit when it has no report: from a work tree of its own, with its own configuration, on the same
//! builder, measured the same way.

use anyhow::{Context, Result, bail};

use super::lookup::{self, Revisions};
use super::run::Run;
use crate::baseline::Choice;
use crate::compare::verdict;
use crate::config;
use crate::plan::redact::Redactor;
use crate::plan::{Delivery, plan};
use crate::report::{Head, Report, RunContext};

pub(super) async fn rebuild(run: &Run<'_>, revisions: &Revisions, choice: &Choice) -> Result<Report> {
    let git = revisions.git.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let place = tempfile::tempdir().context("make a directory for the base commit")?;
    let worktree = git.worktree_add(&choice.sha, &place.path().join("base")).await?;
    // The working directory may be below the root of the repository; the base is read from the same place.
    let below_root = run.session.env.directory.canonicalize().ok();
    let below_root = below_root.as_deref().and_then(|directory| directory.strip_prefix(git.root()).ok());
    let directory = worktree.directory().join(below_root.unwrap_or_else(|| "".as_ref()));
    let report = build(run, choice, &directory).await;
    if let Err(error) = worktree.remove().await {
        run.view.say(&format!("warning: {error:#}"));
    }
    report
}

async fn build(run: &Run<'_>, choice: &Choice, directory: &std::path::Path) -> Result<Report> {
    let config = run.session.config(directory).await?;
    config::check_secrets(&config, &run.session.env)?;
    let redactor = Redactor::new(&config, &run.session.env);
    let (delivery, output) = (Delivery::default(), run.output.path.join("base"));
    let plan = plan(&config, &run.prepared.facts.machine(), &delivery, &output)?;
    let cells = run.building(&config, &delivery, &redactor).build_all(&run.session.docker, &plan).await;
    let head = Head { sha: Some(choice.sha.clone()), reference: None, dirty: false };
    let mut report = run.report(RunContext { head, base: None }, cells);
    report.verdict = verdict::overall(&report);
    run.keep(&report).await?;
    if report.cells.iter().all(|cell| cell.image.is_none()) {
        bail!("none of its cells could be built; the logs are in {}", output.display());
    }
    Ok(lookup::restrict(run.session, report))
}
