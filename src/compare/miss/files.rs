//! Which changed files an instruction takes, and whether an image needs them.

use std::collections::BTreeSet;

use super::evidence::{Changes, Evidence};
use super::ignorable;
use crate::dockerfile::{Instruction, Origin, Sources};
use crate::report::Cause;

/// Files that are named.
const EXAMPLES: usize = 3;
/// Lines for `.dockerignore`.
const MAX_LINES: usize = 6;

/// The files that an instruction takes and that changed.
pub(super) fn files(evidence: &Evidence, instruction: &Instruction) -> Option<Cause> {
    let mut taken: BTreeSet<(&str, bool)> = BTreeSet::new();
    for sources in sources(evidence, instruction).unwrap_or_default() {
        let Some(Changes::Files { files, .. }) = context(evidence, &sources) else { continue };
        let here = files.iter().filter(|file| sources.takes(file));
        taken.extend(here.map(|file| (file.as_str(), sources.is_sweeping(file))));
    }
    let line = |(file, is_sweeping): &(&str, bool)| ignorable::pattern(file).filter(|_| *is_sweeping);
    let lines: Vec<Option<String>> = taken.iter().map(line).collect();
    // What an image may need is the more telling, then what lies near the top.
    let mut ranked: Vec<(bool, usize, &str)> =
        taken.iter().zip(&lines).map(|((file, _), line)| (line.is_some(), file.matches('/').count(), *file)).collect();
    ranked.sort_unstable();
    let all_ignorable: Option<BTreeSet<String>> = lines.into_iter().collect();
    (!taken.is_empty()).then(|| Cause::Files {
        count: taken.len(),
        examples: ranked.iter().take(EXAMPLES).map(|(_, _, file)| (*file).to_owned()).collect(),
        ignorable: all_ignorable.unwrap_or_default().into_iter().take(MAX_LINES).collect(),
    })
}

/// What is known of the build contexts that an instruction takes files from.
pub(super) fn contexts_of<'e>(evidence: &'e Evidence, instruction: &Instruction) -> Vec<&'e Changes> {
    let sources = sources(evidence, instruction).unwrap_or_default();
    sources.iter().filter_map(|sources| context(evidence, sources)).collect()
}

/// What an instruction takes; `None` where its text alone does not say.
pub(super) fn sources(evidence: &Evidence, instruction: &Instruction) -> Option<Vec<Sources>> {
    let dockerfile = evidence.dockerfile.as_ref()?;
    dockerfile.sources(instruction, &dockerfile.values_at(instruction, &evidence.build_args))
}

fn context<'e>(evidence: &'e Evidence, sources: &Sources) -> Option<&'e Changes> {
    // A stage of a name would be meant before a context.
    let is_stage = |name: &str| evidence.dockerfile.as_ref().is_some_and(|dockerfile| dockerfile.stage(name).is_some());
    match &sources.from {
        Origin::Context => evidence.contexts.get(""),
        Origin::Named(name) => evidence.contexts.get(name).filter(|_| !is_stage(name)),
    }
}
