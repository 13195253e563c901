//! `plan` and `run --dry-run`: everything that can be said without building and without an engine.

use anyhow::Result;
use serde::Serialize;

use super::cells::invocation;
use super::comment;
use super::lookup;
use super::nodes::{self, planned_builder};
use super::session::Session;
use super::situation::situation;
use crate::ci::About;
use crate::cli::{Format, RunArgs};
use crate::config::Config;
use crate::error;
use crate::escape;
use crate::git::Git;
use crate::plan::cache::{CachePlan, Entry, Remark, Situation};
use crate::plan::index::Index;
use crate::plan::redact::Redactor;
use crate::plan::{Cell, Delivery, Plan, Support, plan as plan_cells};
use crate::process::Invocation;
use crate::publish::terminal;

/// `weighbridge plan`.
pub(super) async fn plan(session: &Session) -> Result<u8> {
    let config = session.config().await?;
    let delivery = Delivery::default();
    let situation = assumed(session, &config).await;
    let machine = nodes::assumed(session, &config);
    let plan = plan_cells(&config, &machine, &delivery, &situation, &session.output_directory())?;
    let redactor = session.redactor(&config);
    terminal::out(&match session.common.format {
        Format::Json => json(session, &config, &plan, &delivery, &redactor, None),
        Format::Text | Format::Markdown | Format::Github | Format::Gitlab => {
            redactor.apply(&text(session, &config, &plan, &delivery)).into_owned()
        }
    });
    Ok(error::OK)
}

/// `weighbridge run --dry-run`.
pub(super) async fn dry_run(session: &Session, args: &RunArgs) -> Result<u8> {
    let config = session.config().await?;
    let delivery = args.delivery();
    let situation = assumed(session, &config).await;
    let machine = nodes::assumed(session, &config);
    let plan = plan_cells(&config, &machine, &delivery, &situation, &session.output_directory())?;
    let redactor = session.redactor(&config);
    let key = comment::run_key(session, args, &config, &situation.project);
    let baseline = lookup::describe(session, &config, &situation, &key).await?;
    let comment = comment::describe(session, args, &config);
    let allowed = budgets_allowed(&situation.context.about, &config);
    terminal::out(&match session.common.format {
        Format::Json => json(session, &config, &plan, &delivery, &redactor, Some((baseline, comment))),
        Format::Text | Format::Markdown | Format::Github | Format::Gitlab => {
            let baseline: String = baseline.iter().map(|line| format!("  {}\n", escape::block(line))).collect();
            let cells = text(session, &config, &plan, &delivery);
            let shown =
                format!("{cells}\nBaseline\n{baseline}{}", destinations(session, &delivery, &comment) + &allowed);
            redactor.apply(&shown).into_owned()
        }
    });
    Ok(error::OK)
}

/// The situation as far as it can be told without asking a builder.
pub(super) async fn assumed(session: &Session, config: &Config) -> Situation {
    let git = Git::open(&session.env.directory).await;
    situation(session, git.as_ref().ok(), None, config).await
}

fn text(session: &Session, config: &Config, plan: &Plan<'_>, delivery: &Delivery) -> String {
    let cells = if plan.cells.len() == 1 { "1 cell".to_owned() } else { format!("{} cells", plan.cells.len()) };
    let mut shown = format!("{cells} from {}, {} at a time\n", escape::block(&config.origin), session.jobs());
    for cell in &plan.cells {
        let emulated = match (cell.support, &cell.node) {
            (Support::Native, _) => "",
            (Support::Emulated, None) => "  (emulated, unless the builder has a native node)",
            (Support::Emulated, Some(_)) => "  (emulated, unless that is the node's own platform)",
        };
        let builder = planned_builder(session, config, cell);
        let command = invocation(cell, builder.as_deref(), delivery, &session.env);
        shown += &format!("\n{}{emulated}\n", cell.id);
        if let Some(node) = &cell.node {
            shown += &format!("  node {node}\n");
        }
        if cell.prepared_dockerfile().is_some() {
            shown += "  # a run first copies the Dockerfile to where this command reads it\n";
        }
        shown += &format!("  {}\n", escape::block(&command.to_string()));
        for command in &cell.image.tests.commands {
            shown += &format!("  test {}\n", escape::block(&shell_words::join(command)));
        }
        for line in cell.cache.lines() {
            shown += &format!("  cache {}\n", escape::block(&line));
        }
    }
    for index in &plan.indexes {
        shown += &format!("\n{}, when all of its platforms are there\n", index.image.name);
        for command in joins(session, index) {
            shown += &format!("  {}\n", escape::block(&command.to_string()));
        }
    }
    shown
}

/// The commands that put the tags of an image on the index of its platforms. Digests are not known before the builds.
fn joins<'a>(session: &'a Session, index: &'a Index<'_>) -> impl Iterator<Item = Invocation> + 'a {
    let digests: Vec<String> = index.platforms.iter().map(|platform| format!("DIGEST-{}", platform.slug())).collect();
    let words = move |repository: &String| index.create(session.builder(), repository, &digests, false);
    index.repositories.keys().map(words).map(|words| Invocation::new("docker").args(words))
}

/// That a label overrides budgets, as a line; nothing where none does.
fn budgets_allowed(about: &About, config: &Config) -> String {
    let label = &config.review.override_label;
    let line = || format!("  images may be over the limits of their size: label {}\n", escape::block(label));
    if about.has_label(label) { line() } else { String::new() }
}

fn destinations(session: &Session, delivery: &Delivery, comment: &str) -> String {
    let output = session.output_directory();
    let mut shown = String::from("\nResults\n");
    for (what, file) in
        [("report", "report.json"), ("comment", "report.md"), ("history", "history/"), ("logs", "cells/")]
    {
        shown += &format!("  {what:8} {}\n", output.join(file).display());
    }
    if delivery.push {
        shown += "  images are pushed to their tags\n";
    }
    if delivery.load {
        shown += "  images are loaded into the local engine\n";
    }
    shown + &format!("  {}\n", escape::block(comment))
}

#[derive(Serialize)]
struct PlanDto {
    cells: Vec<CellDto>,
    /// What follows the builds of images that are pushed for several platforms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    indexes: Vec<IndexDto>,
    /// Which baseline would be used and why; of a dry run only.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Vec<String>>,
    /// Where a comment would go and when; of a dry run only.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct IndexDto {
    image: String,
    command: Vec<String>,
}

#[derive(Serialize)]
struct CellDto {
    image: String,
    platform: String,
    emulated: bool,
    /// The node that builds it, where the configuration has nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    command: Vec<String>,
    /// What has to succeed before it is pushed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tests: Vec<Vec<String>>,
    cache: CacheDto,
}

#[derive(Serialize)]
struct CacheDto {
    from: Vec<EntryDto>,
    to: Vec<EntryDto>,
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct EntryDto {
    entry: String,
    reason: String,
}

fn cache(plan: &CachePlan) -> CacheDto {
    let entries = |entries: &[Entry]| {
        entries.iter().map(|one| EntryDto { entry: one.line.clone(), reason: one.reason.clone() }).collect()
    };
    let left_out = plan.remarks.iter().map(Remark::line).collect();
    CacheDto { from: entries(&plan.from), to: entries(&plan.to), left_out }
}

fn json(
    session: &Session,
    config: &Config,
    plan: &Plan<'_>,
    delivery: &Delivery,
    redactor: &Redactor,
    dry: Option<(Vec<String>, String)>,
) -> String {
    let scrub = |word: &String| redactor.apply(word).into_owned();
    let words = |command: Invocation| {
        let words = std::iter::once(command.program.into_os_string()).chain(command.args);
        words.map(|word| redactor.apply(&word.to_string_lossy()).into_owned()).collect()
    };
    let index = |index: &Index<'_>| -> Vec<IndexDto> {
        let image = &index.image.name;
        joins(session, index).map(|command| IndexDto { image: image.clone(), command: words(command) }).collect()
    };
    let cell = |cell: &Cell<'_>| CellDto {
        image: cell.id.image.clone(),
        platform: cell.id.platform.to_string(),
        emulated: cell.support == Support::Emulated,
        node: cell.node.clone(),
        cache: cache(&cell.cache),
        tests: cell.image.tests.commands.iter().map(|words| words.iter().map(scrub).collect()).collect(),
        command: words(invocation(cell, planned_builder(session, config, cell).as_deref(), delivery, &session.env)),
    };
    let (baseline, comment) = dry.unzip();
    let (cells, indexes) = (plan.cells.iter().map(cell).collect(), plan.indexes.iter().flat_map(index).collect());
    let plan = PlanDto { cells, indexes, baseline, comment };
    serde_json::to_string_pretty(&plan).unwrap_or_default() + "\n"
}
