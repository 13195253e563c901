//! `weighbridge compare BASE HEAD` of two images: the comparison of two reports of which each has one cell, and no build.
//!
//! What both images have weighs nothing in a comparison. So of a registry no more is fetched than the layers that only one
//! of them has, and what the rest would tell stays unknown.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, bail};

use super::compare::show;
use super::images::{self, Images, blocking};
use super::inspect;
use super::scans::ScansOfTwo;
use super::session::Session;
use crate::cli::CompareArgs;
use crate::compare::{Baseline, Comparison, compare as compare_reports};
use crate::error::{self, Exit};
use crate::inspect::{describe, read};
use crate::measure::size::measured;
use crate::oci::layer::Weighed;
use crate::oci::{Image, LayerBlob, Platform};
use crate::publish::terminal;
use crate::render::notes::THE_IMAGE;
use crate::report::contents::LayerChanges;
use crate::report::{
    Base, CellId, CellReport, Contents, Environment, ImageMeasurement, Outcome, Report, RunContext, Verdict,
};

/// How much of the images is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Everything,
    /// The layers that only one of them has.
    Differing,
    /// No layer.
    Sizes,
}

/// An image with its place and the name that it was asked for by.
struct Side {
    name: String,
    images: Images,
    image: Image,
}

pub(super) async fn compare(session: &Session, args: &CompareArgs) -> Result<u8> {
    let platform = images::one_platform(&session.common.platform)?;
    let scans = ScansOfTwo::given(session, args)?;
    let (base, head) = (&args.base_side, &args.head_side);
    let (base_images, head_images) = (images::open(session, base).await?, images::open(session, head).await?);
    let depth = match (args.sizes_only, base_images.is_remote || head_images.is_remote) {
        (true, _) => Depth::Sizes,
        (false, true) => Depth::Differing,
        (false, false) => Depth::Everything,
    };
    let (base_name, head_name) = (base.clone(), head.clone());
    let layouts = [base_images.layout.clone(), head_images.layout.clone()];
    let (mut base, mut head) = blocking(move || {
        let head = side(head_name, head_images, platform.as_ref())?;
        let base = side(base_name, base_images, Some(&head.image.platform))?;
        Ok((report(&base, &head, depth, &head.name)?, report(&head, &base, depth, &head.name)?))
    })
    .await?;
    scans.add(session, [&mut base, &mut head], layouts).await?;
    let chosen_by = format!("{THE_IMAGE}{}", args.base_side);
    let given = Base { sha: None, chosen_by, commits_older: 0, store: None };
    let comparison = Comparison { baseline: Baseline::Found(given), ..compare_reports(Some(&base), &head) };
    terminal::out(&show(session, &comparison));
    Ok(error::OK)
}

fn side(name: String, images: Images, platform: Option<&Platform>) -> Result<Side> {
    let image = images.image(platform).with_context(|| Exit::not_measured(format!("read {name:?}")))?;
    if platform.is_some_and(|platform| *platform != image.platform) {
        bail!(Exit::not_measured(format!("{name:?} is an image for {}", image.platform)));
    }
    Ok(Side { name, images, image })
}

/// The report of one image, called as both are.
fn report(side: &Side, other: &Side, depth: Depth, called: &str) -> Result<Report> {
    let image = measure(side, other, depth).with_context(|| Exit::not_measured(format!("read {:?}", side.name)))?;
    let cell = CellReport {
        id: CellId { image: called.to_owned(), platform: side.image.platform.clone() },
        outcome: Outcome::Built,
        emulated: false,
        node: None,
        dockerfile: None,
        failure: None,
        build_ref: None,
        pushed_digest: None,
        image: Some(image),
        timing: None,
        cache: None,
        build_args: BTreeMap::new(),
        findings: Vec::new(),
        budgets: Vec::new(),
        definition: None,
        runner_class: None,
        carried_over: None,
    };
    Ok(Report {
        context: RunContext::default(),
        environment: Environment {
            weighbridge_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Environment::default()
        },
        cells: vec![cell],
        indexes: BTreeMap::new(),
        verdict: Verdict::Pass,
        leg: None,
    })
}

fn measure(side: &Side, other: &Side, depth: Depth) -> Result<ImageMeasurement> {
    let Side { images, image, .. } = side;
    if depth == Depth::Everything {
        return inspect::measure(images, image.clone(), None, None);
    }
    let common: HashSet<&str> = other.image.layers.iter().map(|layer| layer.diff_id.as_str()).collect();
    let is_read = |layer: &LayerBlob| depth == Depth::Differing && !common.contains(layer.diff_id.as_str());
    let (numbers, layers): (Vec<usize>, Vec<LayerBlob>) =
        image.layers.iter().cloned().enumerate().filter(|(_, layer)| is_read(layer)).unzip();
    let found = read(&layers, |layer| images.open_layer(layer), None)?;
    let mut weighed = image.layers.iter().map(|layer| images.unread(layer)).collect::<Result<Vec<Weighed>>>()?;
    for (number, layer) in numbers.iter().zip(&found.layers) {
        if let (Some(weighed), Some(compression)) = (weighed.get_mut(*number), layer.compression) {
            *weighed = Weighed { compression, uncompressed_bytes: layer.uncompressed_bytes };
        }
    }
    let part = describe(&found, &Image { layers, ..image.clone() }, &image.platform);
    let contents = (depth == Depth::Differing).then(|| part_of(part, &numbers, image.layers.len()));
    measured(image.clone(), &weighed, None, contents)
}

/// What some layers tell of an image whose others were not read: where their bytes are, and what its configuration says.
/// What is wasted, what packages there are and whether it starts, only all layers together tell.
fn part_of(part: Contents, numbers: &[usize], layers: usize) -> Contents {
    let number_of =
        |layer: u32| numbers.get(usize::try_from(layer).ok()?).and_then(|number| u32::try_from(*number).ok());
    let weights = part.weights.into_iter().filter_map(|mut weight| {
        weight.layer = number_of(weight.layer)?;
        // Packages are not told, so paths account for all.
        weight.packaged_bytes = 0;
        Some(weight)
    });
    Contents {
        weights: weights.collect(),
        layers: vec![LayerChanges::default(); layers],
        exposed_ports: part.exposed_ports,
        findings: part.findings,
        ..Contents::default()
    }
}
