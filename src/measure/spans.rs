//! Sets of time: vertices overlap, repeat and restart, and no second may be counted twice.

use std::time::Duration;

use crate::buildx::trace::Interval;

/// Disjoint intervals in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Spans(Vec<Interval>);

impl FromIterator<Interval> for Spans {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        let mut sorted: Vec<Interval> = intervals.into_iter().collect();
        sorted.sort();
        let mut disjoint: Vec<Interval> = Vec::with_capacity(sorted.len());
        for interval in sorted {
            match disjoint.last_mut() {
                Some(last) if interval.started <= last.completed => {
                    last.completed = last.completed.max(interval.completed);
                }
                _ => disjoint.push(interval),
            }
        }
        Self(disjoint)
    }
}

impl Spans {
    /// The intervals.
    pub(super) fn iter(&self) -> impl Iterator<Item = Interval> {
        self.0.iter().copied()
    }

    /// The time in the set.
    pub(super) fn total(&self) -> Duration {
        self.0.iter().map(Interval::duration).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// From the first start to the last end, gaps included.
    pub(super) fn extent(&self) -> Duration {
        let ends = self.0.first().zip(self.0.last());
        ends.map_or(Duration::ZERO, |(first, last)| {
            Interval { started: first.started, completed: last.completed }.duration()
        })
    }

    /// The set without the time that is also in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut kept = Vec::new();
        for interval in &self.0 {
            let mut started = interval.started;
            for cut in other.0.iter().filter(|cut| cut.completed > interval.started && cut.started < interval.completed)
            {
                if cut.started > started {
                    kept.push(Interval { started, completed: cut.started });
                }
                started = started.max(cut.completed);
            }
            if started < interval.completed {
                kept.push(Interval { started, completed: interval.completed });
            }
        }
        Self(kept)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    /// An interval in seconds.
    pub(in crate::measure) fn interval(started: i64, seconds: i64) -> Interval {
        let instant = |second| Timestamp::from_second(second).unwrap();
        Interval { started: instant(started), completed: instant(started + seconds) }
    }

    fn spans(intervals: &[(i64, i64)]) -> Spans {
        intervals.iter().map(|(started, seconds)| interval(*started, *seconds)).collect()
    }

    #[test]
    fn overlapping_time_is_counted_once() {
        for (intervals, total, extent) in [
            (&[][..], 0, 0),
            (&[(5, 2), (0, 3)][..], 5, 7),
            (&[(0, 3), (1, 1), (2, 4)][..], 6, 6),
            (&[(0, 3), (3, 2)][..], 5, 5),
        ] {
            let spans = spans(intervals);
            assert_eq!((spans.total().as_secs(), spans.extent().as_secs()), (total, extent), "{intervals:?}");
        }
    }

    proptest! {
        #[test]
        fn the_union_is_exact_and_cutting_splits_it(
            one in prop::collection::vec((0i64..50, 0i64..9), 0..20),
            two in prop::collection::vec((0i64..50, 0i64..9), 0..20),
        ) {
            let seconds = |intervals: &[(i64, i64)]| -> std::collections::BTreeSet<i64> {
                intervals.iter().flat_map(|(started, seconds)| *started..started + seconds).collect()
            };
            let (first, second) = (spans(&one), spans(&two));
            prop_assert_eq!(first.total().as_secs(), seconds(&one).len() as u64);
            prop_assert!(first.total() <= first.extent());
            let difference = seconds(&one).difference(&seconds(&two)).count();
            prop_assert_eq!(first.without(&second).total().as_secs(), difference as u64);
        }
    }
}
