//! `--changed`: the cells whose inputs are what they were when the baseline was built are left out, and their numbers are
//! carried over from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::{StreamExt, stream};

use super::index::digest;
use super::session::Session;
use crate::baseline::Lookup;
use crate::buildx::Builder;
use crate::compare::miss::{Evidence, Wanted, movable, why_build};
use crate::config::{Config, Image};
use crate::measure::build_args;
use crate::plan::fan::definition;
use crate::plan::index::inspect;
use crate::process::Invocation;
use crate::report::{BaseImage, CellId, CellReport, Environment, Head, Report};

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
    lookup: Lookup,
    evidence: &BTreeMap<String, Evidence>,
    cells: Vec<CellId>,
) -> Split {
    let base = match lookup {
        Lookup::Found(found) if !found.report.context.head.dirty => Ok(found.report),
        Lookup::Found(_) => Err("the baseline was built with uncommitted changes".to_owned()),
        Lookup::Missing { reason, .. } => Err(reason),
    };
    let base = match base {
        Ok(base) => base,
        Err(reason) => {
            let reasons = config.images.iter().map(|image| (image.name.clone(), reason.clone())).collect();
            return Split { build: cells, carried: Vec::new(), reasons };
        }
    };
    let reasons = reasons(session, config, &base, evidence, &cells).await;
    let (build, kept): (Vec<CellId>, Vec<CellId>) =
        cells.into_iter().partition(|cell| reasons.contains_key(&cell.image));
    let kept: BTreeSet<CellId> = kept.into_iter().collect();
    let Report { cells, context, environment, .. } = base;
    let carried = cells.into_iter().filter(|cell| kept.contains(&cell.id));
    let carried = carried.map(|cell| carried_over(cell, &context.head, &environment)).collect();
    Split { build, carried, reasons }
}

/// Why each image must be built that must.
async fn reasons(
    session: &Session,
    config: &Config,
    base: &Report,
    evidence: &BTreeMap<String, Evidence>,
    cells: &[CellId],
) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    let known: BTreeMap<&CellId, &CellReport> = base.cells.iter().map(|cell| (&cell.id, cell)).collect();
    let mut of_image: BTreeMap<&str, Vec<Option<&CellReport>>> = BTreeMap::new();
    for cell in cells {
        of_image.entry(&cell.image).or_default().push(known.get(cell).copied());
    }
    let mut bases: BTreeMap<&str, BTreeSet<&BaseImage>> = BTreeMap::new();
    let none = Evidence::default();
    for image in &config.images {
        let own = of_image.remove(image.name.as_str()).unwrap_or_default();
        let evidence = evidence.get(&image.name).unwrap_or(&none);
        match movable_bases(image, &config.root, evidence, &own) {
            Ok(images) => _ = bases.insert(&image.name, images),
            Err(reason) => _ = reasons.insert(image.name.clone(), reason),
        }
    }
    // Only who needs no build otherwise is worth asking for.
    let newest = newest(session, bases.values().flatten().map(|image| &image.name).collect()).await;
    for (name, images) in bases {
        if let Some(reason) = images.into_iter().find_map(|image| moved(image, &newest)) {
            reasons.insert(name.to_owned(), reason);
        }
    }
    reasons
}

/// The base images that must be what they were so that no platform of an image needs a build.
///
/// # Errors
/// When one needs it in any case; the reason, as a phrase.
fn movable_bases<'b>(
    image: &Image,
    root: &Path,
    evidence: &Evidence,
    own: &[Option<&'b CellReport>],
) -> Result<BTreeSet<&'b BaseImage>, String> {
    let (definition, build_args) = (definition(image, root), build_args(image));
    let wanted = Wanted { definition: &definition, build_args: &build_args };
    let why = untold_context(image).or_else(|| own.iter().find_map(|cell| why_build(evidence, *cell, wanted)));
    if let Some(reason) = why {
        return Err(reason);
    }
    let movable: Result<Vec<_>, String> = own.iter().flatten().map(|cell| movable(evidence, cell)).collect();
    Ok(movable?.into_iter().flatten().collect())
}

/// Whether the name of a base image stands for something else now, as a phrase.
fn moved(image: &BaseImage, newest: &BTreeMap<String, String>) -> Option<String> {
    match newest.get(&image.name) {
        Some(digest) if *digest == image.digest => None,
        Some(_) => Some(format!("its base image {} moved", image.name)),
        None => Some(format!("what its base image {} is now cannot be told", image.name)),
    }
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

/// What the names of base images stand for now; one that could not be told is absent.
async fn newest(session: &Session, names: BTreeSet<&String>) -> BTreeMap<String, String> {
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
fn carried_over(cell: CellReport, head: &Head, environment: &Environment) -> CellReport {
    CellReport {
        carried_over: cell.carried_over.or_else(|| head.sha.clone()).or(Some(String::new())),
        runner_class: cell.runner_class.or_else(|| environment.runner_class.clone()),
        // Nothing was asked of caches now.
        cache: None,
        budgets: Vec::new(),
        ..cell
    }
}
