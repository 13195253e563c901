//! `--changed`: the cells whose inputs are what they were when the baseline was built are left out, and their numbers are
//! carried over from it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::index::digest;
use super::lookup::Revisions;
use super::session::Session;
use crate::baseline::Lookup;
use crate::buildx::Builder;
use crate::compare::miss::{Evidence, Wanted, why_build};
use crate::config::{Config, Image};
use crate::measure::build_args;
use crate::plan::fan::definition;
use crate::plan::index::inspect;
use crate::process::Invocation;
use crate::report::{CellId, CellReport, Report};

/// How many base images are looked up at the same time.
const LOOKUPS_AT_ONCE: usize = 8;

/// What is to be built, and what is not.
pub(super) struct Split {
    /// The cells to build.
    pub(super) build: Vec<CellId>,
    /// The others, with the numbers of then.
    pub(super) carried: Vec<CellReport>,
    /// Why each image is built that is, as a phrase.
    pub(super) reasons: BTreeMap<String, String>,
}

/// Decides image by image: its platforms share their inputs, and its tags can only move with all of them.
pub(super) async fn split(
    session: &Session,
    config: &Config,
    revisions: &Revisions,
    evidence: &BTreeMap<String, Evidence>,
    cells: Vec<CellId>,
) -> Split {
    let base = match &revisions.lookup {
        Lookup::Found(found) if !found.report.context.head.dirty => Ok(&found.report),
        Lookup::Found(_) => Err("the baseline was built with uncommitted changes".to_owned()),
        Lookup::Missing { reason, .. } => Err(reason.clone()),
    };
    let base = match base {
        Ok(base) => base,
        Err(reason) => {
            let reasons = config.images.iter().map(|image| (image.name.clone(), reason.clone())).collect();
            return Split { build: cells, carried: Vec::new(), reasons };
        }
    };
    let newest = newest(session, base, &cells).await;
    let mut reasons = BTreeMap::new();
    let known: BTreeMap<&CellId, &CellReport> = base.cells.iter().map(|cell| (&cell.id, cell)).collect();
    let mut of_image: BTreeMap<&str, Vec<Option<&CellReport>>> = BTreeMap::new();
    for cell in &cells {
        of_image.entry(&cell.image).or_default().push(known.get(cell).copied());
    }
    for image in &config.images {
        let own = of_image.remove(image.name.as_str()).unwrap_or_default();
        if let Some(reason) = why(image, config, evidence, &newest, &own) {
            reasons.insert(image.name.clone(), reason);
        }
    }
    let (build, kept): (Vec<CellId>, Vec<CellId>) =
        cells.into_iter().partition(|cell| reasons.contains_key(&cell.image));
    let kept: BTreeSet<CellId> = kept.into_iter().collect();
    let carried =
        base.cells.iter().filter(|cell| kept.contains(&cell.id)).map(|cell| carried_over(cell, base)).collect();
    Split { build, carried, reasons }
}

/// Why any platform of an image must be built.
fn why(
    image: &Image,
    config: &Config,
    evidence: &BTreeMap<String, Evidence>,
    newest: &BTreeMap<String, String>,
    own: &[Option<&CellReport>],
) -> Option<String> {
    let none = Evidence::default();
    let (definition, build_args) = (definition(image, &config.root), build_args(image));
    let wanted = Wanted { definition: &definition, build_args: &build_args, base_images: newest };
    let evidence = evidence.get(&image.name).unwrap_or(&none);
    untold_context(image).or_else(|| own.iter().find_map(|cell| why_build(evidence, *cell, &wanted)))
}

/// A context of an image that nobody can tell the state of; digests do not move.
fn untold_context(image: &Image) -> Option<String> {
    let is_untold = |value: &&String| {
        let is_pinned = value.starts_with("docker-image://") && value.contains("@sha256:");
        value.starts_with("target:") || (value.contains("://") && !is_pinned)
    };
    let value = image.build_contexts.values().find(is_untold)?;
    Some(format!("whether its context {value} changed cannot be told"))
}

/// What the names of the base images stand for now.
async fn newest(session: &Session, base: &Report, cells: &[CellId]) -> BTreeMap<String, String> {
    let cells: BTreeSet<&CellId> = cells.iter().collect();
    let images = base.cells.iter().filter(|cell| cells.contains(&cell.id)).filter_map(|cell| cell.image.as_ref());
    let names: BTreeSet<&String> = images.flat_map(|image| &image.base_images).map(|image| &image.name).collect();
    let look = |name: &String| {
        let (name, question) = (name.clone(), Invocation::new("docker").args(inspect(session.builder(), name)));
        async move {
            // The name comes from a report, so it must not pass for an option.
            let is_plain = name.starts_with(|c: char| c.is_ascii_alphanumeric());
            let answer = if is_plain { session.docker.imagetools(&question).await.ok() } else { None };
            answer.map(|raw| (name, digest(&raw)))
        }
    };
    let found = stream::iter(names).map(look).buffer_unordered(LOOKUPS_AT_ONCE);
    found.filter_map(async |found| found).collect().await
}

/// A cell of the baseline as one of this run.
fn carried_over(cell: &CellReport, base: &Report) -> CellReport {
    CellReport {
        carried_over: cell.carried_over.clone().or_else(|| base.context.head.sha.clone()).or(Some(String::new())),
        runner_class: cell.runner_class.clone().or_else(|| base.environment.runner_class.clone()),
        // Nothing was asked of caches now.
        cache: None,
        budgets: Vec::new(),
        ..cell.clone()
    }
}
