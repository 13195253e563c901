//! What is tried again because its failure may pass by itself: waited for, told, and kept for the report.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::view::View;
use crate::buildx::failure::transient::{Cause, Request, Transient, transient};
use crate::buildx::text::one_line;
use crate::patience::{Patience, Spread, Waits};
use crate::report::{Finding, Severity};
use crate::units::show_duration;

/// Characters of an error.
pub(super) const MAX_ERROR: usize = 300;
/// How long a registry is asked.
const ASKING: Patience =
    Patience { attempts: 4, first: Duration::from_secs(1), total: Duration::from_secs(120), spread: Spread::Random };

/// How long a cell is built, `retries` times again at most; the builds themselves have limits of their own.
pub(super) fn building(retries: u32) -> Patience {
    let (first, total) = (Duration::from_secs(2), Duration::from_secs(300));
    Patience { attempts: retries.saturating_add(1), first, total, spread: Spread::Random }
}

/// What was tried again: how often for which cause, and the last error of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Retries {
    causes: BTreeMap<Cause, usize>,
    error: String,
}

impl Retries {
    pub(super) fn add(&mut self, cause: Cause, error: &str) {
        *self.causes.entry(cause).or_default() += 1;
        self.error = one_line(error, MAX_ERROR);
    }

    /// Adds what was tried again beside it.
    pub(super) fn join(&mut self, other: Self) {
        other.causes.into_iter().for_each(|(cause, count)| *self.causes.entry(cause).or_default() += count);
        if !other.error.is_empty() {
            self.error = other.error;
        }
    }

    /// What the report says of it; nothing where nothing was tried again. `what` begins the sentence.
    pub(super) fn finding(&self, what: &str) -> Option<Finding> {
        let causes: Vec<String> =
            self.causes.iter().map(|(cause, count)| format!("{} ({count}×)", cause.phrase())).collect();
        (!causes.is_empty()).then(|| Finding {
            rule: Finding::RETRIED.to_owned(),
            severity: Severity::Notice,
            message: format!("{what} again: {}; last error: {}", causes.join(", "), self.error),
            dockerfile_line: None,
            url: None,
        })
    }
}

/// Waits for the next try, as long as the patience and nobody's signal ends that.
pub(super) async fn wait(
    waits: &mut Waits,
    passing: Transient,
    cancel: &CancellationToken,
    say: impl Fn(&str),
) -> Option<Duration> {
    let wait = waits.next(|usual| passing.after.unwrap_or_default().max(usual))?;
    say(&show_duration(wait));
    cancel.run_until_cancelled(tokio::time::sleep(wait)).await.map(|()| wait)
}

/// Asks again, a bounded number of times, what fails for a passing reason. Errors are kept, not shown: they may hold what
/// has to be scrubbed first.
pub(super) struct Asking<'r> {
    pub(super) view: &'r View,
    pub(super) cancel: &'r CancellationToken,
}

impl Asking<'_> {
    pub(super) async fn ask<T>(
        &self,
        retries: &mut Retries,
        passing: impl Fn(&str) -> Option<Transient>,
        ask: impl AsyncFn() -> Result<T>,
    ) -> Result<T> {
        let mut waits = Waits::from(ASKING);
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let text = format!("{error:#}");
            let Some(passing) = passing(&text) else { return Err(error) };
            let say = |wait: &str| self.view.say(&format!("{}; asking again in {wait}", passing.cause.phrase()));
            if wait(&mut waits, passing, self.cancel, say).await.is_none() {
                return Err(error);
            }
            retries.add(passing.cause, &text);
        }
    }
}

/// Whether an error about what was pushed a moment ago may pass.
pub(super) fn just_pushed(error: &str) -> Option<Transient> {
    transient(error, Request::JustPushed)
}

/// What was pushed a moment ago is read until it is what was pushed.
pub(super) fn read_back(error: &str) -> Option<Transient> {
    Some(just_pushed(error).unwrap_or(Transient { cause: Cause::NotYetKnown, after: None }))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FAILED: &str = "ERROR: unexpected status from PUT request: 503 Service Unavailable";

    /// How an answer is asked for that comes after so many failures, with how many questions and what is told of it.
    async fn asked(failures: u32, error: &str) -> (Option<()>, u32, Option<String>) {
        let (view, cancel) = (View::Quiet, CancellationToken::new());
        let (asking, count, mut retries) = (Asking { view: &view, cancel: &cancel }, Cell::new(0), Retries::default());
        let ask = async || {
            count.set(count.get() + 1);
            anyhow::ensure!(count.get() > failures, "{error}");
            Ok(())
        };
        let answer = asking.ask(&mut retries, just_pushed, ask).await;
        (answer.ok(), count.get(), retries.finding("asked").map(|finding| finding.message))
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_asked_again_and_told() {
        assert_eq!(asked(0, FAILED).await, (Some(()), 1, None));
        let told = |count| Some(format!("asked again: a server failed ({count}×); last error: {FAILED}"));
        assert_eq!(asked(2, FAILED).await, (Some(()), 3, told(2)));
        assert_eq!(asked(9, FAILED).await, (None, 4, told(3)));
        assert_eq!(asked(9, "403 Forbidden").await, (None, 1, None));
        assert_eq!(asked(9, "toomanyrequests: retry-after: 1h").await, (None, 1, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_the_wait() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let passing = just_pushed(FAILED).unwrap();
        assert_eq!(wait(&mut Waits::from(ASKING), passing, &cancel, |_| ()).await, None);
    }
}
