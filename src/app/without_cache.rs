//! What is left out of a build that its cache failed or kept waiting.

use std::path::Path;
use std::time::Duration;

use super::stall::Stalled;
use crate::buildx::BuildRecord;
use crate::buildx::failure::{CacheBlame, cache_blame};
use crate::buildx::text::one_line;
use crate::buildx::trace::Trace;
use crate::config::Backend;
use crate::measure::explain_cache_error;
use crate::plan::cache::CachePlan;
use crate::process::Ending;
use crate::units::show_duration;

/// Characters of an error.
const MAX_ERROR: usize = 300;

/// Why a build is tried again without caches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Layers of a cache that was read did not come, with the builder's error.
    LostLayers(String),
    /// A cache could not be set up, with the builder's error.
    Setup(String),
    /// A store did not answer.
    Stalled(Stalled),
}

/// The trouble that a build had with the caches of a plan, if that is what ended it.
pub(super) fn trouble(record: &BuildRecord, stalled: Option<Stalled>, plan: &CachePlan) -> Option<Trouble> {
    if let Some(stalled) = stalled {
        return Some(Trouble::Stalled(stalled));
    }
    let has_failed = record.ending == Ending::Exited && record.exit_status != Some(0);
    let refused = || refused_directory(&record.trace, plan).map(|error| (CacheBlame::Setup, error));
    let (blame, error) = cache_blame(&record.trace).or_else(refused).filter(|_| has_failed)?;
    let error = one_line(error, MAX_ERROR);
    Some(match blame {
        CacheBlame::Import => Trouble::LostLayers(error),
        CacheBlame::Setup => Trouble::Setup(error),
    })
}

/// What buildx says of the directory of a local cache, which it makes and keeps by itself: that it cannot be made, or
/// that its index cannot be read.
fn refused_directory<'t>(trace: &'t Trace, plan: &CachePlan) -> Option<&'t str> {
    let local = plan.to.iter().filter(|entry| entry.backend == Some(Backend::Local));
    let fields = local.flat_map(|entry| entry.line.split(','));
    let directories: Vec<&str> = fields.filter_map(|field| field.trim_matches('"').strip_prefix("dest=")).collect();
    let is_made = |line: &str, place: &Path| line.contains(&format!("mkdir {}: ", place.display()));
    let names = |line: &str, directory: &str| {
        line.contains(directory) || Path::new(directory).ancestors().any(|place| is_made(line, place))
    };
    let mut errors = trace.plain_lines.iter().filter_map(|line| line.strip_prefix("ERROR: "));
    errors.find(|line| directories.iter().any(|directory| names(line, directory)))
}

impl Trouble {
    /// What went wrong, as a phrase; `timeout` is how long a store may be silent.
    pub(super) fn reason(&self, timeout: Duration) -> String {
        match self {
            Self::LostLayers(error) => {
                let meaning = explain_cache_error(error).map(|(meaning, _)| format!(": {meaning}"));
                format!("layers of the cache that was read could not be fetched{}", meaning.unwrap_or_default())
            }
            Self::Setup(_) => "the builder could not set the cache up".to_owned(),
            Self::Stalled(Stalled::Import) => {
                format!("the store of the cache did not answer within {}", show_duration(timeout))
            }
            Self::Stalled(Stalled::Export) => {
                format!("writing the cache came to a halt for {}", show_duration(timeout))
            }
        }
    }

    /// The caches without those that are to blame. Whose layers are gone is still written, which mends it. The error is
    /// told here, as the log of the build is that of the last try.
    pub(super) fn leave_out(&self, plan: &CachePlan) -> CachePlan {
        let (from, to, fix) = match self {
            Self::LostLayers(error) => {
                let fix = explain_cache_error(error).map_or("the next write mends it", |(_, fix)| fix);
                (true, false, format!("{fix} ({error})"))
            }
            Self::Setup(error) => (true, true, format!("check its entry, and whether this builder knows it ({error})")),
            Self::Stalled(Stalled::Import) => (true, true, "check the store, or use another one".to_owned()),
            Self::Stalled(Stalled::Export) => {
                let fix = "raise cache.timeout, keep less (cache.mode: min), or use a store that is nearer";
                (false, true, fix.to_owned())
            }
        };
        plan.without(from, to, &self.reason(plan.timeout), &fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::recorded;
    use crate::plan::cache::Entry;

    fn record(name: &str, exit_status: i32) -> BuildRecord {
        BuildRecord {
            exit_status: Some(exit_status),
            ending: Ending::Exited,
            wall: Duration::ZERO,
            trace: recorded(name),
            log_error: None,
        }
    }

    #[test]
    fn recorded_builds_that_a_cache_failed_are_told_from_others() {
        for (name, exit_status, expected) in [
            ("registry-cache-blob-missing", 1, "could not be fetched: a part of it is gone, most likely evicted"),
            ("gha-missing-blob", 1, "could not be fetched: a part of it is gone, most likely evicted"),
            ("gha-missing-blob-parent", 1, "could not be fetched: a part of it is gone, most likely evicted"),
            ("gha-token-expired", 1, "could not set the cache up"),
            ("gha-token-garbage", 1, "could not set the cache up"),
            ("gha-missing-entry", 0, ""),
            ("run-failure-exit3", 1, ""),
            ("registry-500-mid-export", 0, ""),
        ] {
            let trouble = trouble(&record(name, exit_status), None, &CachePlan::default());
            let told = trouble.map(|trouble| trouble.reason(Duration::ZERO)).unwrap_or_default();
            assert!(told.ends_with(expected) && told.is_empty() == expected.is_empty(), "{name}: {told}");
        }
    }

    #[test]
    fn errors_about_the_directory_of_a_cache_are_told_from_others() {
        let line = "type=local,\"dest=/mnt/cache/app\",mode=max".to_owned();
        let entry = Entry { backend: Some(Backend::Local), line, branch: None, reason: "x".into() };
        let plan = CachePlan { to: vec![entry], ..CachePlan::default() };
        for (line, is_refused) in [
            ("ERROR: failed to build: mkdir /mnt/cache/app: read-only file system", true),
            ("ERROR: failed to build: mkdir /mnt/cache: permission denied", true),
            ("ERROR: could not unmarshal /mnt/cache/app/index.json (\"x\"): invalid character 'x'", true),
            ("WARNING: local cache import at /mnt/cache/app not found", false),
            ("ERROR: failed to build: mkdir /mnt/out: permission denied", false),
            ("ERROR: failed to build: failed to solve: process \"x\" did not complete successfully", false),
        ] {
            let trace = Trace { plain_lines: vec![line.to_owned()], ..Trace::default() };
            assert_eq!(refused_directory(&trace, &plan).is_some(), is_refused, "{line}");
            assert_eq!(refused_directory(&trace, &CachePlan::default()), None);
        }
    }

    #[test]
    fn what_is_left_out_is_said_and_a_cache_whose_layers_are_gone_is_still_written() {
        let entry = |line: &str| Entry { backend: None, line: line.into(), branch: None, reason: "x".into() };
        let timeout = Duration::from_secs(180);
        let plan = CachePlan { from: vec![entry("a")], to: vec![entry("b")], timeout, ..CachePlan::default() };
        for (trouble, from, to, said) in [
            (
                Trouble::LostLayers("failed to copy: x: 429 Too Many Requests".into()),
                0,
                1,
                "fetched: the store throttled us, so it was built again without; keep less",
            ),
            (Trouble::LostLayers("failed to copy".into()), 0, 1, "the next write mends it (failed to copy)"),
            (Trouble::Setup("no bucket".into()), 0, 0, "whether this builder knows it (no bucket)"),
            (Trouble::Stalled(Stalled::Import), 0, 0, "did not answer within 3m00s"),
            (Trouble::Stalled(Stalled::Export), 1, 0, "came to a halt for 3m00s"),
        ] {
            let left = trouble.leave_out(&plan);
            assert_eq!((left.from.len(), left.to.len()), (from, to), "{trouble:?}");
            assert!(left.remarks[0].line().contains(said), "{}", left.remarks[0].line());
        }
    }
}
