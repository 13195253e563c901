//! Whether anything that a cell is built from changed since its last build. Whoever skips a build on this answer must be
//! right, so whatever cannot be told counts as changed.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Changes, Evidence};
use super::files::{context_of, files, sources};
use crate::dockerfile::{Dockerfile, Origin};
use crate::report::{BaseImage, CellReport, Finding, Outcome};

/// What is to be built, beside the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted<'w> {
    /// Digest of what the configuration says of the image.
    pub definition: &'w str,
    /// The build arguments as a report has them.
    pub build_args: &'w BTreeMap<String, Option<String>>,
    /// What the names of base images stand for now; one that could not be told is absent.
    pub base_images: &'w BTreeMap<String, String>,
}

/// Why a cell must be built, as a phrase; `None` where what the baseline has of it is what a build would give.
#[must_use]
pub fn why_build(evidence: &Evidence, base: Option<&CellReport>, wanted: &Wanted<'_>) -> Option<String> {
    let Some(base) = base else { return Some("the baseline does not have it".to_owned()) };
    let of_base = || is_of_no_use(base).map(str::to_owned);
    of_base()
        .or_else(|| configured(evidence, base, wanted))
        .or_else(|| base_images(evidence.dockerfile.as_ref(), base, wanted.base_images))
        .or_else(|| context_files(evidence))
}

fn is_of_no_use(base: &CellReport) -> Option<&'static str> {
    match base.outcome {
        Outcome::Built if base.image.is_none() => Some("the baseline does not know what it weighs"),
        Outcome::Built if base.findings.iter().any(|finding| finding.rule == Finding::INDEX_NOT_PUSHED) => {
            Some("it was not pushed when it was built")
        }
        Outcome::Built => None,
        Outcome::Failed | Outcome::TimedOut | Outcome::Cancelled => Some("its last build did not succeed"),
    }
}

fn configured(evidence: &Evidence, base: &CellReport, wanted: &Wanted<'_>) -> Option<String> {
    if base.definition.as_deref() != Some(wanted.definition) {
        return Some("its configuration changed".to_owned());
    }
    if evidence.no_cache || !evidence.no_cache_stages.is_empty() {
        return Some("it is to be built without a cache".to_owned());
    }
    if base.build_args != *wanted.build_args {
        return Some("its build arguments changed".to_owned());
    }
    let secret = wanted.build_args.iter().find(|(_, digest)| digest.is_none());
    if let Some((name, _)) = secret {
        return Some(format!("whether the build argument {name} changed cannot be told"));
    }
    match evidence {
        Evidence { is_same_dockerfile: false, .. } => {
            Some("its Dockerfile changed, or whether it did cannot be told".to_owned())
        }
        Evidence { is_ignore_changed: true, .. } => Some("its .dockerignore changed".to_owned()),
        Evidence { has_links: true, .. } => Some("links or submodules may lead to what changed".to_owned()),
        Evidence { dockerfile: None, .. } => Some("its Dockerfile cannot be read".to_owned()),
        _ => None,
    }
}

/// The images that the build starts or copies from must all be known, and stand for what they stood for.
fn base_images(
    dockerfile: Option<&Dockerfile>,
    base: &CellReport,
    newest: &BTreeMap<String, String>,
) -> Option<String> {
    let named = dockerfile.map(external).unwrap_or_default();
    let known = base.image.as_ref().map(|image| image.base_images.as_slice()).unwrap_or_default();
    if known.len() < named.len() {
        return Some("which base images it had is not known".to_owned());
    }
    let is_pinned = |image: &BaseImage| named.iter().any(|name| name.ends_with(&format!("@{}", image.digest)));
    let moved =
        known.iter().filter(|image| !is_pinned(image)).find(|image| newest.get(&image.name) != Some(&image.digest))?;
    Some(match newest.contains_key(&moved.name) {
        true => format!("its base image {} moved", moved.name),
        false => format!("what its base image {} is now cannot be told", moved.name),
    })
}

/// The images from outside that the text names, arguments not expanded.
fn external(dockerfile: &Dockerfile) -> BTreeSet<&str> {
    let names = dockerfile.stages.iter().map(|stage| stage.from.as_str());
    let earlier = |index: usize, name: &str| {
        dockerfile.stages.iter().take(index).any(|stage| stage.name.as_deref() == Some(&name.to_lowercase()))
    };
    names
        .enumerate()
        .filter(|(index, name)| *name != "scratch" && !earlier(*index, name))
        .map(|(_, name)| name)
        .collect()
}

/// What the instructions take from build contexts.
fn context_files(evidence: &Evidence) -> Option<String> {
    let dockerfile = evidence.dockerfile.as_ref()?;
    let instructions = dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
    for instruction in instructions {
        let line = instruction.line;
        if instruction.keyword == "ONBUILD" {
            return Some(format!("what line {line} takes cannot be told"));
        }
        if instruction.keyword == "ADD" && ["://", "git@"].iter().any(|remote| instruction.arguments.contains(remote)) {
            return Some(format!("whether what line {line} downloads changed cannot be told"));
        }
        let Some(taken) = sources(evidence, instruction) else {
            return Some(format!("which files line {line} takes cannot be told"));
        };
        for sources in &taken {
            let Origin::Named(name) = &sources.from else { continue };
            if dockerfile.stage(name).is_none() && !evidence.contexts.contains_key(name) {
                return Some(format!("whether {name:?}, from which line {line} takes files, changed cannot be told"));
            }
        }
        match context_of(evidence, instruction) {
            Some(Changes::Unknown(reason)) => return Some(reason.clone()),
            Some(Changes::Files { has_untold: true, .. }) => {
                return Some("files that git does not know are part of its context".to_owned());
            }
            Some(Changes::Files { .. }) | None => {}
        }
        if files(evidence, instruction).is_some() {
            return Some(format!("files changed that line {line} takes"));
        }
    }
    None
}
