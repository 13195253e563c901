//! What is left out of a build that its cache failed or kept waiting.

use std::time::Duration;

use super::stall::Stalled;
use crate::buildx::BuildRecord;
use crate::buildx::failure::{CacheBlame, cache_blame};
use crate::plan::cache::CachePlan;
use crate::process::Ending;
use crate::units::show_duration;

/// Why a build is tried again without caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Layers of a cache that was read are gone.
    LostLayers,
    /// A cache could not be set up.
    Setup,
    /// A store did not answer.
    Stalled(Stalled),
}

/// The trouble that a build had with its caches, if that is what ended it.
pub(super) fn trouble(record: &BuildRecord, stalled: Option<Stalled>) -> Option<Trouble> {
    if let Some(stalled) = stalled {
        return Some(Trouble::Stalled(stalled));
    }
    let has_failed = record.ending == Ending::Exited && record.exit_status != Some(0);
    match cache_blame(&record.trace).filter(|_| has_failed)? {
        CacheBlame::Import => Some(Trouble::LostLayers),
        CacheBlame::Setup => Some(Trouble::Setup),
    }
}

impl Trouble {
    /// What went wrong, as a phrase; `timeout` is how long a store may be silent.
    pub(super) fn reason(self, timeout: Duration) -> String {
        match self {
            Self::LostLayers => "layers of the cache that was read are gone".to_owned(),
            Self::Setup => "the builder could not set the cache up".to_owned(),
            Self::Stalled(Stalled::Import) => {
                format!("the store of the cache did not answer within {}", show_duration(timeout))
            }
            Self::Stalled(Stalled::Export) => {
                format!("writing the cache came to a halt for {}", show_duration(timeout))
            }
        }
    }

    /// The caches without those that are to blame. Whose layers are gone is still written, which mends it.
    pub(super) fn leave_out(self, plan: &CachePlan) -> CachePlan {
        let (from, to, fix) = match self {
            Self::LostLayers => (true, false, "the next write mends it"),
            Self::Setup => (true, true, "see the log of the build for the reason"),
            Self::Stalled(Stalled::Import) => (true, true, "check the store, or use another one"),
            Self::Stalled(Stalled::Export) => {
                (false, true, "raise cache.timeout, keep less (cache.mode: min), or use a store that is nearer")
            }
        };
        plan.without(from, to, &self.reason(plan.timeout), fix)
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
            ("registry-cache-blob-missing", 1, Some(Trouble::LostLayers)),
            ("gha-missing-blob", 1, Some(Trouble::LostLayers)),
            ("gha-missing-blob-parent", 1, Some(Trouble::LostLayers)),
            ("gha-token-expired", 1, Some(Trouble::Setup)),
            ("gha-token-garbage", 1, Some(Trouble::Setup)),
            ("gha-missing-entry", 0, None),
            ("run-failure-exit3", 1, None),
            ("registry-500-mid-export", 0, None),
        ] {
            assert_eq!(trouble(&record(name, exit_status), None), expected, "{name}");
        }
    }

    #[test]
    fn what_is_left_out_is_said_and_a_cache_whose_layers_are_gone_is_still_written() {
        let entry = |line: &str| Entry { backend: None, line: line.into(), branch: None, reason: "x".into() };
        let timeout = Duration::from_secs(180);
        let plan = CachePlan { from: vec![entry("a")], to: vec![entry("b")], timeout, ..CachePlan::default() };
        for (trouble, from, to, said) in [
            (Trouble::LostLayers, 0, 1, "layers of the cache that was read are gone"),
            (Trouble::Setup, 0, 0, "could not set the cache up"),
            (Trouble::Stalled(Stalled::Import), 0, 0, "did not answer within 3m00s"),
            (Trouble::Stalled(Stalled::Export), 1, 0, "came to a halt for 3m00s"),
        ] {
            let left = trouble.leave_out(&plan);
            assert_eq!((left.from.len(), left.to.len()), (from, to), "{trouble:?}");
            assert!(left.remarks[0].line().contains(said), "{}", left.remarks[0].line());
        }
    }
}
