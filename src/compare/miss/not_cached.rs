//! Why a step ran although nothing that it depends on changed: what the caches could have known.

use super::evidence::Changes;
use super::explain::Case;
use super::files::{contexts_of, sources};
use crate::report::{CacheEnd, CacheReport, CacheState, Cause, Step};

/// The cause of a step without any other.
pub(super) fn not_cached(case: &Case<'_>, step: &Step) -> Cause {
    let cause = |reason: &str| Cause::NotCached { reason: reason.to_owned() };
    match case.base {
        None => return cause("nothing is known of an earlier build"),
        Some((None, _)) => return cause("the baseline has no build of this image for this platform"),
        Some((Some(_), _)) => {}
    }
    if let Some(reason) = untold(case, step) {
        return Cause::Unknown { reason };
    }
    match &case.cell.cache {
        Some(cache) if !cache.imports.is_empty() => cause(imported(cache, case)),
        _ => cause(own_cache(case)),
    }
}

/// What may have changed without anybody being able to tell.
fn untold(case: &Case<'_>, step: &Step) -> Option<String> {
    if let Some(name) = silent_argument(case, step) {
        return Some(format!("the value of build argument {name} is not recorded, so it may have changed"));
    }
    let instruction = case.instruction(step)?;
    if instruction.keyword == "ADD" && (instruction.arguments.contains("://") || instruction.arguments.contains("git@"))
    {
        return Some("what the address serves may have changed".to_owned());
    }
    if sources(case.evidence, instruction).is_none() {
        return Some("the text of the instruction alone does not say what it takes".to_owned());
    }
    contexts_of(case.evidence, instruction).into_iter().find_map(|changes| match changes {
        Changes::Unknown(reason) => Some(reason.clone()),
        Changes::Files { has_untold: true, .. } => {
            Some("no file that git knows changed; one that git ignores may have".to_owned())
        }
        Changes::Files { has_untold: false, .. } => None,
    })
}

/// A build argument that reaches the step and whose value is not recorded, because it is secret or the environment's.
fn silent_argument(case: &Case<'_>, step: &Step) -> Option<String> {
    case.build_args_of(step).into_iter().find(|name| matches!(case.cell.build_args.get(name), Some(None)))
}

/// Caches were to be read.
fn imported(cache: &CacheReport, case: &Case<'_>) -> &'static str {
    let all = |end: CacheEnd| cache.imports.iter().all(|used| used.end == end);
    let any = |end: CacheEnd| cache.imports.iter().any(|used| used.end == end);
    let steps = case.cell.timing.iter().flat_map(|timing| &timing.steps);
    let any_hit = steps.clone().any(|step| step.cache != CacheState::Executed);
    match () {
        () if all(CacheEnd::NotFound) => "nothing had been written to the cache yet",
        () if any(CacheEnd::Failed) || any(CacheEnd::Ignored) => "the cache could not be read",
        () if any_hit => {
            "the cache does not hold it: it was evicted, or written with mode=min, which leaves out stages that are not in the image"
        }
        () => {
            "the cache holds nothing of this build: never written for this branch, evicted, or written from something else"
        }
    }
}

/// No cache was to be read, so only the builder's own could have helped.
fn own_cache(case: &Case<'_>) -> &'static str {
    let Some((_, base)) = case.base else { return "nothing is known of an earlier build" };
    let head = case.environment;
    if base.builder != head.builder || base.driver != head.driver {
        "the baseline was built by another builder, and no cache is read"
    } else if base.runner_class != head.runner_class {
        "the baseline was built on another kind of machine, and no cache is read"
    } else {
        "no cache is read, and the builder's own does not have it: it was pruned, or this builder never built it"
    }
}
