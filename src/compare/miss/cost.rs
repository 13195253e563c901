//! What a missed step cost: its own time, and that of the steps that ran for no other reason.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::report::{CacheState, Cause, CellReport, Step};

/// A step that ran for a reason of its own, and what that cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss<'a> {
    /// The step.
    pub step: &'a Step,
    /// The time of this step and of those that ran because of it alone. Steps may overlap, so it is work, not waiting.
    pub cost: Duration,
    /// How many steps ran because of it.
    pub followers: usize,
}

/// The steps of a cell that ran for a reason of their own, the costliest first.
#[must_use]
pub fn misses(cell: &CellReport) -> Vec<Miss<'_>> {
    let steps = cell.timing.as_ref().map(|timing| timing.steps.as_slice()).unwrap_or_default();
    let roots: Vec<BTreeSet<usize>> = (0..steps.len()).map(|position| roots_of(steps, position)).collect();
    let miss = |(position, step)| {
        let because_of_it = steps.iter().zip(&roots).filter(|(_, roots)| roots.contains(&position));
        let times: Vec<Duration> = because_of_it.map(|(step, _)| step.duration).collect();
        let is_root = roots.get(position).is_some_and(|roots| roots.contains(&position));
        is_root.then(|| Miss { step, cost: times.iter().sum(), followers: times.len().saturating_sub(1) })
    };
    let mut misses: Vec<Miss<'_>> = steps.iter().enumerate().filter_map(miss).collect();
    misses.sort_by_key(|miss| std::cmp::Reverse(miss.cost));
    misses
}

/// The steps for whose sake a step ran: itself when it has a reason of its own, else those of the steps it needs.
fn roots_of(steps: &[Step], position: usize) -> BTreeSet<usize> {
    let mut roots = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![position];
    while let Some(position) = open.pop() {
        let Some(step) = steps.get(position).filter(|step| step.cache == CacheState::Executed && seen.insert(position))
        else {
            continue;
        };
        let earlier =
            step.causes.iter().filter_map(|cause| if let Cause::Earlier { step } = cause { Some(*step) } else { None });
        if step.causes.iter().any(|cause| !matches!(cause, Cause::Earlier { .. })) {
            roots.insert(position);
        } else {
            open.extend(earlier);
        }
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Timing, sample};

    fn step(millis: u64, needs: &[usize], causes: Vec<Cause>) -> Step {
        let cache = if causes.is_empty() { CacheState::Local } else { CacheState::Executed };
        let step = sample::step("build", Some(3), millis, cache, &format!("RUN {millis}"));
        Step { needs: needs.to_vec(), causes, ..step }
    }

    fn told(steps: Vec<Step>) -> Vec<(String, u128, usize)> {
        let cell = CellReport {
            timing: Some(Timing { steps, ..sample::timing() }),
            ..sample::cell("orders", "linux/amd64", vec![])
        };
        let misses = misses(&cell);
        misses.iter().map(|miss| (miss.step.instruction.clone(), miss.cost.as_millis(), miss.followers)).collect()
    }

    #[test]
    fn a_miss_costs_what_ran_because_of_it() {
        let files = || Cause::Files { count: 1, examples: vec!["a".into()], ignorable: vec![] };
        let earlier = |step| Cause::Earlier { step };
        let steps = vec![
            step(7, &[], vec![]),
            step(10, &[0], vec![files()]),
            step(900, &[1], vec![earlier(1)]),
            step(50, &[2], vec![earlier(2), files()]),
            step(1, &[3], vec![earlier(3)]),
        ];
        assert_eq!(told(steps), [("RUN 10".to_owned(), 910, 1), ("RUN 50".to_owned(), 51, 1)]);
    }

    #[test]
    fn steps_that_point_at_each_other_or_nowhere_end() {
        let earlier = |step| vec![Cause::Earlier { step }];
        assert_eq!(told(vec![step(1, &[1], earlier(1)), step(2, &[0], earlier(0)), step(3, &[], earlier(99))]), []);
    }
}
