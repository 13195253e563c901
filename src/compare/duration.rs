//! Wall times, compared only like with like.
//!
//! Identical code measured a factor 1.8 apart over seven hosted runs, so a difference is told only between builds on
//! the same class of machine, both emulated or both native, with the same number of steps from the cache.

use std::time::Duration;

use crate::report::{CellReport, Environment, Timing};
use crate::units::Percent;

/// Base images that are there already still take a moment to be looked up.
const PULL_TOLERANCE: Duration = Duration::from_secs(1);

/// How much of a build came from a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmth {
    /// Nothing.
    Cold,
    /// Some steps.
    Partial,
    /// Every step.
    Warm,
}

/// What can be said of two wall times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WallDelta {
    /// There are no two of them.
    None,
    /// They may be compared.
    Comparable {
        /// Of the baseline.
        base: Duration,
        /// Of this run.
        head: Duration,
    },
    /// They may not, for this reason, as a phrase.
    NotComparable(String),
}

impl WallDelta {
    /// The relative change, where the times may be compared and differ by a tenth and a second at least.
    #[must_use]
    pub fn notable(&self) -> Option<Percent> {
        let Self::Comparable { base, head } = self else { return None };
        let difference = head.as_secs_f64() - base.as_secs_f64();
        Percent::of(difference, base.as_secs_f64()).filter(|percent| percent.0.abs() >= 10.0 && difference.abs() >= 1.0)
    }
}

/// How much of a build came from a cache.
#[must_use]
pub fn warmth(timing: &Timing) -> Warmth {
    match timing.cached_steps {
        0 => Warmth::Cold,
        cached if cached >= timing.total_steps => Warmth::Warm,
        _ => Warmth::Partial,
    }
}

/// Compares the wall times of a cell.
#[must_use]
pub fn compare(base: (&Environment, &CellReport), head: (&Environment, &CellReport)) -> WallDelta {
    let (Some(base_timing), Some(head_timing)) = (&base.1.timing, &head.1.timing) else { return WallDelta::None };
    match unlike(base, base_timing, head, head_timing) {
        Some(reason) => WallDelta::NotComparable(reason),
        None => WallDelta::Comparable { base: base_timing.wall, head: head_timing.wall },
    }
}

/// Why two builds are not alike, baseline first.
fn unlike(
    (base_environment, base): (&Environment, &CellReport),
    base_timing: &Timing,
    (head_environment, head): (&Environment, &CellReport),
    head_timing: &Timing,
) -> Option<String> {
    // What is told of the cell itself is the more exact.
    let runner =
        |environment: &Environment, cell: &CellReport| cell.runner_class.clone().or(environment.runner_class.clone());
    let (base_runner, head_runner) = (runner(base_environment, base), runner(head_environment, head));
    if base.outcome != head.outcome {
        return Some("one of the builds did not finish".to_owned());
    }
    if base_runner.is_none() || head_runner.is_none() {
        return Some("unknown class of runner".to_owned());
    }
    if base_runner != head_runner {
        return Some("another class of runner".to_owned());
    }
    if base.emulated != head.emulated {
        return Some(
            if head.emulated { "native before, emulated now" } else { "emulated before, native now" }.to_owned(),
        );
    }
    if base_timing.phases.base_pull.abs_diff(head_timing.phases.base_pull) > PULL_TOLERANCE {
        return Some("base images were pulled for one of them".to_owned());
    }
    unlike_cache(base_timing, head_timing).map(str::to_owned)
}

/// How the cache helped one build more than the other. The numbers of steps are left out, so that builds of one reason
/// can be told together.
fn unlike_cache(base: &Timing, head: &Timing) -> Option<&'static str> {
    use Warmth::{Cold, Partial, Warm};
    match (warmth(base), warmth(head)) {
        (Cold, Warm) => Some("nothing was cached before, all steps now"),
        (Cold, Partial) => Some("nothing was cached before, some steps now"),
        (Partial, Cold) => Some("some steps were cached before, nothing now"),
        (Partial, Warm) => Some("some steps were cached before, all now"),
        (Warm, Cold) => Some("all steps were cached before, nothing now"),
        (Warm, Partial) => Some("all steps were cached before, some now"),
        _ if base.cached_steps != head.cached_steps => Some("another number of steps was cached"),
        (Cold, Cold) | (Partial, Partial) | (Warm, Warm) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Outcome, sample};

    fn with(cached_steps: u32, total_steps: u32, seconds: u64) -> (Environment, CellReport) {
        let mut report = sample::report();
        let mut cell = report.cells.remove(0);
        let wall = Duration::from_secs(seconds);
        cell.timing = Some(Timing { cached_steps, total_steps, wall, ..sample::timing() });
        (report.environment, cell)
    }

    fn between(base: &(Environment, CellReport), head: &(Environment, CellReport)) -> WallDelta {
        compare((&base.0, &base.1), (&head.0, &head.1))
    }

    #[test]
    fn only_builds_of_the_same_cache_state_are_compared() {
        for (base, head, reason) in [
            ((0, 5), (0, 6), None),
            ((3, 5), (3, 5), None),
            ((5, 5), (5, 5), None),
            ((0, 5), (5, 5), Some("nothing was cached before, all steps now")),
            ((0, 5), (2, 5), Some("nothing was cached before, some steps now")),
            ((2, 5), (0, 5), Some("some steps were cached before, nothing now")),
            ((2, 5), (5, 5), Some("some steps were cached before, all now")),
            ((5, 5), (0, 5), Some("all steps were cached before, nothing now")),
            ((5, 5), (4, 5), Some("all steps were cached before, some now")),
            ((3, 5), (2, 5), Some("another number of steps was cached")),
            ((5, 5), (6, 6), Some("another number of steps was cached")),
        ] {
            let expected = match reason {
                Some(reason) => WallDelta::NotComparable(reason.to_owned()),
                None => WallDelta::Comparable { base: Duration::from_secs(10), head: Duration::from_secs(20) },
            };
            assert_eq!(between(&with(base.0, base.1, 10), &with(head.0, head.1, 20)), expected);
        }
    }

    #[test]
    fn other_machines_emulation_and_unfinished_builds_are_not_compared() {
        let base = with(0, 5, 10);
        let mut emulated = base.clone();
        emulated.1.emulated = true;
        let mut other = base.clone();
        other.0.runner_class = Some("linux/arm64, 2 CPUs".to_owned());
        let mut unknown = base.clone();
        unknown.0.runner_class = None;
        let mut failed = base.clone();
        failed.1.outcome = Outcome::Failed;
        for (head, reason) in [
            (&emulated, "native before, emulated now"),
            (&other, "another class of runner"),
            (&unknown, "unknown class of runner"),
            (&failed, "one of the builds did not finish"),
        ] {
            assert_eq!(between(&base, head), WallDelta::NotComparable(reason.to_owned()));
        }
        let mut untimed = base.clone();
        untimed.1.timing = None;
        assert_eq!(between(&base, &untimed), WallDelta::None);
    }

    #[test]
    fn a_change_below_a_tenth_or_a_second_is_not_notable() {
        for (base, head, percent) in
            [(100, 109, None), (100, 112, Some("+12.0 %")), (100, 50, Some("−50.0 %")), (0, 5, None)]
        {
            let delta = between(&with(0, 5, base), &with(0, 5, head));
            assert_eq!(delta.notable().map(|percent| percent.to_string()).as_deref(), percent);
        }
    }
}
