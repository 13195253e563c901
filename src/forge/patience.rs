//! How often and how long a forge is asked again.

use std::time::Duration;

use super::ForgeError;
use crate::patience::{self, Patience};

/// What GitHub asks for after a refusal that does not say how long.
const THROTTLED: Duration = Duration::from_secs(60);

/// What is left of the patience with a forge.
#[derive(Debug)]
pub(crate) struct Waits(patience::Waits);

impl From<Patience> for Waits {
    fn from(patience: Patience) -> Self {
        Self(patience.into())
    }
}

impl Waits {
    /// How long to wait before everything is looked at anew; `None` when that would help nobody or take too long.
    pub(crate) fn after(&mut self, error: &ForgeError) -> Option<Duration> {
        match error {
            ForgeError::Denied { .. } | ForgeError::Refused(_) => None,
            // It was there a moment ago.
            ForgeError::NotFound(_) => self.0.next(|_| Duration::ZERO),
            ForgeError::Throttled { after, .. } => self.0.next(|_| after.unwrap_or(THROTTLED)),
            ForgeError::Unavailable { after, .. } => self.0.next(|usual| after.unwrap_or(usual)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patience::Spread;

    /// The seconds that are waited after each of these errors, each of which comes after a number of seconds.
    async fn waits(answer_seconds: u64, errors: &[ForgeError]) -> Vec<Option<u64>> {
        let mut waits = Waits::from(Patience { spread: Spread::None, ..Patience::default() });
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
