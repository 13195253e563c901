//! How often and how long a forge is asked again, as a value.

use std::time::Duration;

use tokio::time::Instant;

use super::ForgeError;

/// What GitHub asks for after a refusal that does not say how long.
const THROTTLED: Duration = Duration::from_secs(60);

/// The limits of asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Attempts in all.
    pub attempts: u32,
    /// The first wait; each further one is twice as long.
    pub first: Duration,
    /// After this time nothing is asked again, answers that were waited for included.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 6, first: Duration::from_secs(1), total: Duration::from_secs(120) }
    }
}

/// What is left of the patience.
#[derive(Debug)]
pub(crate) struct Waits {
    patience: Patience,
    failures: u32,
    start: Instant,
}

impl From<Patience> for Waits {
    fn from(patience: Patience) -> Self {
        Self { patience, failures: 0, start: Instant::now() }
    }
}

impl Waits {
    /// How long to wait before everything is looked at anew; `None` when that would help nobody or take too long.
    pub(crate) fn after(&mut self, error: &ForgeError) -> Option<Duration> {
        let doubled = self.patience.first.saturating_mul(2_u32.saturating_pow(self.failures));
        let wait = match error {
            ForgeError::Denied { .. } | ForgeError::Refused(_) => return None,
            // It was there a moment ago.
            ForgeError::NotFound(_) => Duration::ZERO,
            ForgeError::Throttled { after, .. } => after.unwrap_or(THROTTLED),
            ForgeError::Unavailable { after, .. } => after.unwrap_or(doubled),
        };
        self.failures += 1;
        let is_in_time = self.start.elapsed().checked_add(wait)? <= self.patience.total;
        (is_in_time && self.failures < self.patience.attempts).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds that are waited after each of these errors, each of which comes after a number of seconds.
    async fn waits(answer_seconds: u64, errors: &[ForgeError]) -> Vec<Option<u64>> {
        let mut waits = Waits::from(Patience::default());
        let mut seconds = Vec::new();
        for error in errors {
            tokio::time::sleep(Duration::from_secs(answer_seconds)).await;
            let wait = waits.after(error);
            tokio::time::sleep(wait.unwrap_or_default()).await;
            seconds.push(wait.map(|wait| wait.as_secs()));
        }
        seconds
    }

    fn throttled(after: Option<u64>) -> ForgeError {
        ForgeError::Throttled { after: after.map(Duration::from_secs), message: String::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_and_end() {
        let unavailable = vec![ForgeError::unreachable(String::new()); 6];
        assert_eq!(waits(0, &unavailable).await, [Some(1), Some(2), Some(4), Some(8), Some(16), None]);
        assert_eq!(waits(30, &unavailable[..4]).await, [Some(1), Some(2), Some(4), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_forge_that_says_how_long_is_believed_as_long_as_there_is_time() {
        for (seconds, expected) in [
            (vec![Some(7), Some(113), Some(1)], vec![Some(7), Some(113), None]),
            (vec![None, None, None], vec![Some(60), Some(60), None]),
            (vec![Some(3_600)], vec![None]),
            (vec![Some(u64::MAX)], vec![None]),
        ] {
            let errors: Vec<ForgeError> = seconds.into_iter().map(throttled).collect();
            assert_eq!(waits(0, &errors).await, expected, "{errors:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_change_is_not_asked_again() {
        let denied = ForgeError::Denied { advice: "", message: String::new() };
        assert_eq!(waits(0, &[denied, ForgeError::Refused(String::new())]).await, [None, None]);
    }
}
