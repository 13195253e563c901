//! How often and how long a forge is asked again, as a value.

use std::time::Duration;

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
    /// All waits together: a run is not held up for longer.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 6, first: Duration::from_secs(1), total: Duration::from_secs(120) }
    }
}

/// What is left of the patience.
#[derive(Debug)]
pub(super) struct Waits {
    patience: Patience,
    failures: u32,
    left: Duration,
}

impl From<Patience> for Waits {
    fn from(patience: Patience) -> Self {
        Self { patience, failures: 0, left: patience.total }
    }
}

impl Waits {
    /// How long to wait before everything is looked at anew; `None` when that would help nobody or take too long.
    pub(super) fn after(&mut self, error: &ForgeError) -> Option<Duration> {
        let doubled = self.patience.first.saturating_mul(2_u32.saturating_pow(self.failures));
        let wait = match error {
            ForgeError::Denied { .. } | ForgeError::Refused(_) => return None,
            // It was there a moment ago.
            ForgeError::NotFound(_) => Duration::ZERO,
            ForgeError::Throttled { after, .. } => after.unwrap_or(THROTTLED),
            ForgeError::Unavailable { after, .. } => after.unwrap_or(doubled),
        };
        self.failures += 1;
        self.left = self.left.checked_sub(wait)?;
        (self.failures < self.patience.attempts).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(errors: &[ForgeError]) -> Vec<Option<u64>> {
        let mut waits = Waits::from(Patience::default());
        errors.iter().map(|error| waits.after(error).map(|wait| wait.as_secs())).collect()
    }

    fn throttled(after: Option<u64>) -> ForgeError {
        ForgeError::Throttled { after: after.map(Duration::from_secs), message: String::new() }
    }

    #[test]
    fn waits_grow_and_end() {
        let unavailable = vec![ForgeError::unreachable(String::new()); 6];
        assert_eq!(waits(&unavailable), [Some(1), Some(2), Some(4), Some(8), Some(16), None]);
    }

    #[test]
    fn a_forge_that_says_how_long_is_believed_as_long_as_there_is_time() {
        assert_eq!(waits(&[throttled(Some(7)), throttled(Some(113)), throttled(Some(1))]), [Some(7), Some(113), None]);
        assert_eq!(waits(&[throttled(None), throttled(None), throttled(None)]), [Some(60), Some(60), None]);
        assert_eq!(waits(&[throttled(Some(3_600))]), [None]);
        assert_eq!(waits(&[throttled(Some(u64::MAX))]), [None]);
    }

    #[test]
    fn what_will_not_change_is_not_asked_again() {
        let denied = ForgeError::Denied { advice: "", message: String::new() };
        assert_eq!(waits(&[denied, ForgeError::Refused(String::new())]), [None, None]);
    }
}
