//! Whether anything that a cell is built from changed since its last build. Whoever skips a build on this answer must be
//! right, so whatever cannot be told counts as changed.

use std::collections::BTreeMap;

use super::evidence::{Changes, Evidence};
use super::files::{contexts_of, files, sources};
use super::needed::needed;
use crate::dockerfile::Dockerfile;
use crate::report::{CellReport, Finding, Outcome};

/// What is to be built, beside the files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted<'w> {
    /// Digest of what the configuration says of the image.
    pub definition: &'w str,
    /// The build arguments as a report has them.
    pub build_args: &'w BTreeMap<String, Option<String>>,
}

/// Why a cell must be built, as a phrase; `None` where what the baseline has of it is what a build would give, as long as
/// its base images are what they were.
#[must_use]
pub fn why_build(evidence: &Evidence, base: Option<&CellReport>, wanted: Wanted<'_>) -> Option<String> {
    let Some(base) = base else { return Some("the baseline does not have it".to_owned()) };
    let of_base = || is_of_no_use(base).map(str::to_owned);
    of_base()
        .or_else(|| configured(evidence, base, wanted))
        .or_else(|| evidence.dockerfile.as_ref().and_then(|dockerfile| context_files(evidence, dockerfile)))
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

fn configured(evidence: &Evidence, base: &CellReport, wanted: Wanted<'_>) -> Option<String> {
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

/// What the instructions take from build contexts.
fn context_files(evidence: &Evidence, dockerfile: &Dockerfile) -> Option<String> {
    // BuildKit takes a context of that name in the place of a stage or of an image, whatever it is.
    let is_stage = |name: &&String| {
        !name.is_empty() && (dockerfile.stage(name).is_some() || dockerfile.stages.iter().any(|one| one.from == **name))
    };
    if let Some(name) = evidence.contexts.keys().find(is_stage) {
        return Some(format!("what its stages take from the context {name} cannot be told"));
    }
    let stages = needed(evidence, dockerfile);
    for instruction in stages.iter().flat_map(|(_, stage)| &stage.instructions) {
        let line = instruction.line;
        if instruction.keyword == "ONBUILD" {
            return Some(format!("what line {line} takes cannot be told"));
        }
        if instruction.keyword == "ADD" && ["://", "git@"].iter().any(|remote| instruction.arguments.contains(remote)) {
            return Some(format!("whether what line {line} downloads changed cannot be told"));
        }
        if sources(evidence, instruction).is_none() {
            return Some(format!("which files line {line} takes cannot be told"));
        }
        for changes in contexts_of(evidence, instruction) {
            match changes {
                Changes::Unknown(reason) => return Some(reason.clone()),
                Changes::Files { has_untold: true, .. } => {
                    return Some("files that git does not know are part of its context".to_owned());
                }
                Changes::Files { .. } => {}
            }
        }
        if files(evidence, instruction).is_some() {
            return Some(format!("files changed that line {line} takes"));
        }
    }
    None
}
