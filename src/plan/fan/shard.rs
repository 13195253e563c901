//! Work spread evenly: the longest first, each to whoever has least (Graham, "Bounds on Multiprocessing Timing
//! Anomalies", 1969), and then whatever can be given or exchanged to ease the one who has most.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How often the heaviest share may be eased; each time it costs a look at everything.
const MAX_EXCHANGES: usize = 500;

/// A share: the positions of its items, and their sum.
#[derive(Default, Clone)]
struct Share {
    items: Vec<usize>,
    sum: u64,
}

/// Spreads items of these weights over `count` shares, each a sorted list of positions; as many shares as items at most,
/// none of them empty. Items that weigh the same are taken in the order in which they stand.
#[must_use]
pub fn spread(weights: &[u64], count: usize) -> Vec<Vec<usize>> {
    let mut shares = vec![Share::default(); count.min(weights.len())];
    let mut order: Vec<(usize, u64)> = weights.iter().copied().enumerate().collect();
    order.sort_by_key(|&(_, weight)| Reverse(weight));
    let mut lightest: BinaryHeap<Reverse<(u64, usize, usize)>> =
        (0..shares.len()).map(|share| Reverse((0, 0, share))).collect();
    for (item, weight) in order {
        // Of equal sums the one with fewer items, so that no share is empty where items weigh nothing.
        let Some(Reverse((_, _, share))) = lightest.pop() else { break };
        if let Some(taker) = shares.get_mut(share) {
            taker.items.push(item);
            taker.sum = taker.sum.saturating_add(weight);
            lightest.push(Reverse((taker.sum, taker.items.len(), share)));
        }
    }
    for _ in 0..MAX_EXCHANGES {
        if !ease(&mut shares, weights) {
            break;
        }
    }
    shares.into_iter().map(|share| sorted(share.items)).collect()
}

fn sorted(mut items: Vec<usize>) -> Vec<usize> {
    items.sort_unstable();
    items
}

/// What is best given away by the heaviest share, to whom, and against what.
struct Exchange {
    worst: u64,
    taker: usize,
    given: usize,
    against: Option<usize>,
}

/// Eases the heaviest share, if any exchange with another one does.
fn ease(shares: &mut [Share], weights: &[u64]) -> bool {
    let Some((giver, heavy)) = shares.iter().enumerate().max_by_key(|&(index, share)| (share.sum, Reverse(index)))
    else {
        return false;
    };
    let weight = |item: usize| weights.get(item).copied().unwrap_or_default();
    let mut best: Option<Exchange> = None;
    for (taker, light) in shares.iter().enumerate().filter(|&(taker, _)| taker != giver) {
        // The only item of a share is not given away for nothing.
        let nothing = (heavy.items.len() > 1).then_some(None);
        for against in light.items.iter().copied().map(Some).chain(nothing) {
            let back = against.map_or(0, weight);
            for &given in &heavy.items {
                let Some(less) = weight(given).checked_sub(back) else { continue };
                let worst = heavy.sum.saturating_sub(less).max(light.sum.saturating_add(less));
                if worst < best.as_ref().map_or(heavy.sum, |best| best.worst) {
                    best = Some(Exchange { worst, taker, given, against });
                }
            }
        }
    }
    let Some(Exchange { taker, given, against, .. }) = best else { return false };
    hand_over(shares, (giver, taker), given, weight(given));
    if let Some(back) = against {
        hand_over(shares, (taker, giver), back, weight(back));
    }
    true
}

fn hand_over(shares: &mut [Share], (from, to): (usize, usize), item: usize, weight: u64) {
    if let Some(share) = shares.get_mut(from) {
        share.items.retain(|&other| other != item);
        share.sum = share.sum.saturating_sub(weight);
    }
    if let Some(share) = shares.get_mut(to) {
        share.items.push(item);
        share.sum = share.sum.saturating_add(weight);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    fn longest(weights: &[u64], shares: &[Vec<usize>]) -> u64 {
        shares.iter().map(|share| share.iter().map(|&item| weights[item]).sum()).max().unwrap_or(0)
    }

    /// The best there is, by trying everything.
    fn best(weights: &[u64], sums: &mut Vec<u64>) -> u64 {
        let Some((first, rest)) = weights.split_first() else { return sums.iter().copied().max().unwrap_or(0) };
        let mut found = u64::MAX;
        for share in 0..sums.len() {
            sums[share] += first;
            found = found.min(best(rest, sums));
            sums[share] -= first;
            // Empty shares are alike.
            if sums[share] == 0 {
                break;
            }
        }
        found
    }

    #[test]
    fn items_that_weigh_the_same_are_dealt_out_in_order() {
        assert_eq!(spread(&[5, 5, 5, 5], 2), [[0, 2], [1, 3]]);
        assert_eq!(spread(&[0, 0, 0], 2), [vec![0, 2], vec![1]]);
        assert_eq!(spread(&[3, 3, 2, 2, 2], 2), [vec![2, 3, 4], vec![0, 1]]);
        assert_eq!(spread(&[7], 4), [[0]]);
        assert!(spread(&[], 3).is_empty() && spread(&[1], 0).is_empty());
    }

    #[test]
    fn shares_are_within_a_tenth_of_the_best_on_random_durations() {
        let few = (proptest::collection::vec(1_000_u64..900_000, 1..9), 1_usize..5);
        let mut runner = TestRunner::deterministic();
        runner
            .run(&few, |(weights, count)| {
                let best = best(&weights, &mut vec![0; count]);
                prop_assert!(
                    longest(&weights, &spread(&weights, count)) * 10 <= best * 11,
                    "{best} {weights:?} {count}"
                );
                Ok(())
            })
            .unwrap();
        let many = (proptest::collection::vec(1_000_u64..900_000, 60..400), 2_usize..20);
        runner
            .run(&many, |(weights, count)| {
                let shares = spread(&weights, count);
                let count = u64::try_from(count).unwrap();
                let bound = weights.iter().sum::<u64>().div_ceil(count).max(*weights.iter().max().unwrap());
                prop_assert!(longest(&weights, &shares) * 10 <= bound * 11);
                let mut all: Vec<usize> = shares.concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..weights.len()).collect::<Vec<_>>());
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn sums_that_overflow_do_not_panic() {
        assert_eq!(spread(&[u64::MAX, u64::MAX, u64::MAX], 2).concat().len(), 3);
    }
}
