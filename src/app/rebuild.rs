//! Builds the base commit when it has no report: from a work tree of its own, with its own configuration, on the same
//! builder, measured the same way.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::lookup::Revisions;
use super::run::Run;
use super::silence::leave_out_silent_servers;
use super::situation::situation;
use crate::baseline::{Choice, DEEPEN};
use crate::compare::verdict;
use crate::config::{self, Tests};
use crate::git::Git;
use crate::plan::{Delivery, plan};
use crate::report::{Head, Report, RunContext};

pub(super) async fn rebuild(run: &Run<'_>, revisions: &Revisions, choice: &Choice) -> Result<Report> {
    let git = revisions.git.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    if git.resolve(&choice.sha).await?.is_none() {
        bail!("this clone does not hold the commit; {DEEPEN}");
    }
    let place = tempfile::tempdir().context("make a directory for the base commit")?;
    let worktree = git.worktree_add(&choice.sha, &place.path().join("base")).await?;
    let report = build(run, choice, git, worktree.directory()).await;
    if let Err(error) = worktree.remove().await {
        run.view.say(&format!("warning: {error:#}"));
    }
    report
}

async fn build(run: &Run<'_>, choice: &Choice, git: &Git, base_root: &Path) -> Result<Report> {
    let mut config = run.session.config_of_base(git.root(), base_root).await?;
    for image in &mut config.images {
        // The base is weighed, never delivered: it must not take the place of anything that the head wrote or pushed.
        (image.outputs, image.tags) = (Vec::new(), Vec::new());
        image.tests = Tests::default();
    }
    config::check_secrets(&config, &run.session.env)?;
    let redactor = run.session.redactor(&config);
    let (delivery, output) = (Delivery::default(), run.output.path.join("base"));
    let situation = situation(run.session, Some(git), Some(&run.prepared), &config).await.for_base();
    let mut plan = plan(&config, &run.machine(), &delivery, &situation, &output)?;
    plan.cells.retain(|cell| run.selection.covers(&cell.id));
    let asking = leave_out_silent_servers(&mut plan, &run.prepared.facts.driver, &run.session.env);
    // A signal ends the wait; what is left to do then sees it.
    run.session.cancel.run_until_cancelled(asking).await;
    let cells = run.building(&config, &delivery, &redactor).build_all(&run.session.docker, &plan).await;
    let head = Head { sha: Some(choice.sha.clone()), reference: None, dirty: false };
    let mut report = run.report(RunContext { head, base: None }, cells);
    report.verdict = verdict::overall(&report);
    run.keep_here(&report).await;
    if !report.cells.is_empty() && report.cells.iter().all(|cell| cell.image.is_none()) {
        bail!("none of its images could be built; the logs are in {}", output.display());
    }
    Ok(report)
}
