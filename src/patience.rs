//! How often and how long something is tried again, as a value. Which failures are worth it is told by those who know
//! them; the waits are those of `backon`.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// The limits of trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Attempts in all.
    pub attempts: u32,
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// After this time nothing is tried again.
    pub total: Duration,
    /// How waits differ from run to run.
    pub spread: Spread,
}

/// How waits differ from run to run. Those that failed at the same moment should not come back at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each is up to twice as long.
    Random,
    /// The same, from this seed.
    Seeded(u64),
    /// Not at all.
    None,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 6, first: Duration::from_secs(1), total: Duration::from_secs(120), spread: Spread::Random }
    }
}

/// What is left of the patience.
#[derive(Debug)]
pub(crate) struct Waits {
    delays: ExponentialBackoff,
    total: Duration,
    start: Instant,
}

impl From<Patience> for Waits {
    fn from(patience: Patience) -> Self {
        let retries = usize::try_from(patience.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let delays =
            ExponentialBuilder::new().with_min_delay(patience.first).without_max_delay().with_max_times(retries);
        let delays = match patience.spread {
            Spread::Random => delays.with_jitter(),
            Spread::Seeded(seed) => delays.with_jitter().with_jitter_seed(seed),
            Spread::None => delays,
        };
        Self { delays: delays.build(), total: patience.total, start: Instant::now() }
    }
}

impl Waits {
    /// How long to wait before the next try; `None` when there is none. `choose` gets the usual wait and may know better,
    /// as where a server says how long it wants to be left alone.
    pub(crate) fn next(&mut self, choose: impl FnOnce(Duration) -> Duration) -> Option<Duration> {
        let wait = choose(self.delays.next()?);
        (self.start.elapsed().checked_add(wait)? <= self.total).then_some(wait)
    }

    /// Takes time out of the account: it was spent on work that has limits of its own.
    pub(crate) fn worked(&mut self, time: Duration) {
        self.start = self.start.checked_add(time).unwrap_or(self.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(spread: Spread) -> Vec<Duration> {
        let mut waits = Waits::from(Patience { spread, ..Patience::default() });
        std::iter::from_fn(|| waits.next(|usual| usual)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_and_end() {
        assert_eq!(all(Spread::None), [1, 2, 4, 8, 16].map(Duration::from_secs));
    }

    #[tokio::test(start_paused = true)]
    async fn spread_waits_are_up_to_twice_as_long_and_follow_from_their_seed() {
        for spread in [Spread::Random, Spread::Seeded(7)] {
            for (wait, usual) in all(spread).into_iter().zip([1, 2, 4, 8, 16].map(Duration::from_secs)) {
                assert!((usual..=usual * 2).contains(&wait), "{wait:?}");
            }
        }
        assert_eq!(all(Spread::Seeded(7)), all(Spread::Seeded(7)));
        assert_ne!(all(Spread::Seeded(7)), all(Spread::Seeded(8)));
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_not_waiting() {
        let hour = Duration::from_secs(3_600);
        let mut waits = Waits::from(Patience::default());
        tokio::time::sleep(hour).await;
        assert_eq!(waits.next(|usual| usual), None);
        waits.worked(hour);
        assert!(waits.next(|usual| usual).is_some());
        assert_eq!(waits.next(|_| Duration::MAX), None);
    }
}
