//! The images from outside that a build starts or copies from, and whether they are what they were.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use super::files::sources;
use super::needed::needed;
use crate::dockerfile::{Dockerfile, Origin};
use crate::report::{BaseImage, CellReport};

/// The base images of a cell whose names may stand for something else by now; those that are pinned by digest do not.
///
/// # Errors
/// When nobody knows which base images it had or what came of them; the reason, as a phrase.
pub fn movable<'b>(evidence: &Evidence, base: &'b CellReport) -> Result<Vec<&'b BaseImage>, String> {
    let named = evidence.dockerfile.as_ref().map(|dockerfile| external(evidence, dockerfile)).unwrap_or_default();
    if !named.is_empty() {
        inherited(base)?;
    }
    let (pinned, movable): (Vec<String>, Vec<String>) = named.into_iter().partition(|name| name.contains("@sha256:"));
    let is_pinned = |image: &&BaseImage| pinned.iter().any(|name| name.ends_with(&format!("@{}", image.digest)));
    let known = base.image.as_ref().map(|image| image.base_images.as_slice()).unwrap_or_default();
    let known: Vec<&BaseImage> = known.iter().filter(|image| !is_pinned(image)).collect();
    match known.len() < movable.len() {
        true => Err("which base images it had is not known".to_owned()),
        false => Ok(known),
    }
}

/// Whether a build has no step that its base images bring along by `ONBUILD`: such a step has no line in the Dockerfile,
/// and may take any file.
fn inherited(base: &CellReport) -> Result<(), String> {
    let steps = base.timing.as_ref().map(|timing| timing.steps.as_slice()).unwrap_or_default();
    match steps.iter().find(|step| step.dockerfile_line.is_none()) {
        Some(step) => Err(format!("what {:?}, a step of its base image, takes cannot be told", step.instruction)),
        None => Ok(()),
    }
}

/// The images from outside that the stages name which are needed, arguments not expanded.
fn external(evidence: &Evidence, dockerfile: &Dockerfile) -> BTreeSet<String> {
    let is_stage_before = |index: usize, name: &str| {
        dockerfile.stages.iter().take(index).any(|stage| stage.name.as_deref() == Some(&name.to_lowercase()))
    };
    let stages = needed(evidence, dockerfile);
    let names = stages.iter().map(|(index, stage)| (*index, stage.from.as_str()));
    let started = names.filter(|(index, name)| *name != "scratch" && !is_stage_before(*index, name));
    let instructions = stages.iter().flat_map(|(_, stage)| &stage.instructions);
    let sources = instructions.flat_map(|instruction| sources(evidence, instruction).unwrap_or_default());
    let copied = sources.filter_map(|sources| match sources.from {
        Origin::Named(name) if dockerfile.stage(&name).is_none() && !evidence.contexts.contains_key(&name) => {
            Some(name)
        }
        Origin::Named(_) | Origin::Context => None,
    });
    started.map(|(_, name)| name.to_owned()).chain(copied).collect()
}
