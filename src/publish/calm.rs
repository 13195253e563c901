//! Whether a comment is worth its readers' time. A comment on every change request is soon read on none, so it is made
//! when something in it would stand in sight, and otherwise only put right. Pure.

use crate::compare::{Baseline, Change, Comparison, Row};
use crate::config::CommentMode;
use crate::render::{cache, notes, starts};
use crate::report::Severity;

/// Whether to publish, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calm {
    /// Publish, for this reason.
    Speak(&'static str),
    /// Only say in an earlier comment that everything is as in the baseline again.
    BackToNormal,
    /// Only put an earlier comment right.
    Correct,
    /// Not even that: it is switched off.
    Silent,
}

impl Calm {
    /// Decides for a run.
    #[must_use]
    pub fn of(mode: CommentMode, comparison: &Comparison<'_>) -> Self {
        match mode {
            CommentMode::Never => Self::Silent,
            CommentMode::Always => Self::Speak("a comment is asked for in every run"),
            CommentMode::Auto => match news(comparison) {
                Some(reason) => Self::Speak(reason),
                None if is_normal(comparison) => Self::BackToNormal,
                None => Self::Correct,
            },
        }
    }

    /// The same where nobody waits for a comment.
    #[must_use]
    pub fn without_new_comment(self) -> Self {
        if let Self::Speak(_) = self { Self::Correct } else { self }
    }

    /// Whether the comment is published where there is an earlier one or none.
    #[must_use]
    pub fn publishes(self, has_earlier: bool) -> bool {
        match self {
            Self::Speak(_) => true,
            Self::BackToNormal | Self::Correct => has_earlier,
            Self::Silent => false,
        }
    }
}

/// The weightiest thing that a reader should know. A first measurement is none: nothing changed yet.
fn news(comparison: &Comparison<'_>) -> Option<&'static str> {
    let changed = |change: &Change<'_>| match change {
        Change::Added | Change::Removed | Change::Changed(_) | Change::Recompressed(_) => true,
        Change::Unchanged(_) | Change::NotMeasured(_) | Change::NoBaseline | Change::BaseNotMeasured(_) => false,
    };
    let will_not_start = |row: &Row<'_>| starts::broken(row) == Some(starts::Loudness::Loud);
    let reasons = [
        (comparison.rows.iter().any(will_not_start), "a container will not start"),
        (!notes::failures(comparison).is_empty(), "a build has no numbers"),
        (!notes::budgets(comparison).is_empty(), "a budget is missed, close or unknown"),
        (!notes::cache_troubles(comparison).is_empty(), "a cache did not do what was planned"),
        (comparison.rows.iter().any(|row| changed(&row.change)), "an image changed"),
        (comparison.rows.iter().any(brings_vulnerability), "a vulnerability is new"),
        (!cache::missed(comparison, 1, true).is_empty(), "steps lost their cache at a cost"),
        (comparison.rows.iter().any(has_new_finding), "a finding is new"),
    ];
    reasons.into_iter().find(|(is_so, _)| *is_so).map(|(_, reason)| reason)
}

/// Whether a warning stands there that the baseline did not have: those of old are no news to whoever changes something
/// else. Lines move, so they tell nothing.
fn has_new_finding(row: &Row<'_>) -> bool {
    if row.inside.findings.iter().any(|finding| finding.severity >= Severity::Warning) {
        return true;
    }
    let (Some(head), Some(base)) = (row.head, row.base) else { return false };
    let warnings = head.findings.iter().filter(|finding| finding.severity >= Severity::Warning);
    let is_new = |(rule, message)| !base.findings.iter().any(|old| old.rule == rule && old.message == message);
    warnings.map(|finding| (finding.rule.as_str(), finding.message.as_str())).any(is_new)
}

/// Whether the change brings a vulnerability. What the database brings, every change request would be told.
fn brings_vulnerability(row: &Row<'_>) -> bool {
    row.scan.as_ref().and_then(|scan| scan.since.as_ref()).is_some_and(|since| !since.new.is_empty())
}

/// Whether all is as in the baseline. Where there is nothing to compare with, nobody knows.
fn is_normal(comparison: &Comparison<'_>) -> bool {
    let is_compared = matches!(comparison.baseline, Baseline::Found(_)) && !comparison.rows.is_empty();
    is_compared && comparison.rows.iter().all(|row| matches!(row.change, Change::Unchanged(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::Contents;
    use crate::report::contents::{StartCheck, Starts};
    use crate::report::scan::Danger;
    use crate::report::{
        BudgetResult, CacheState, Cause, CellReport, Finding, Outcome, Report, Severity, Step, Timing, Verdict, sample,
    };

    fn cell(diff_id: &str, kilobytes: u64) -> CellReport {
        sample::cell("orders", "linux/amd64", vec![sample::layer(diff_id, kilobytes * 1_000, "RUN make", 3)])
    }

    fn with(edit: impl FnOnce(&mut CellReport)) -> Report {
        let mut cell = cell("a", 50_000);
        edit(&mut cell);
        sample::run(vec![cell])
    }

    fn budget(verdict: Verdict) -> Report {
        let (key, limit, reason) = ("compressed".to_owned(), "60.0 MB".to_owned(), String::new());
        with(|cell| cell.budgets.push(BudgetResult { key, limit, actual: None, verdict, reason, allowed_by: None }))
    }

    fn finding(rule: &str, severity: Severity) -> Report {
        let (rule, message) = (rule.to_owned(), String::new());
        with(|cell| cell.findings = vec![Finding { rule, severity, message, dockerfile_line: None, url: None }])
    }

    fn started(verdict: Starts, findings: Vec<Finding>) -> Report {
        with(|cell| {
            let start = StartCheck { verdict, findings: vec![] };
            let contents = sample::contents::of(1, &[(0, "a", 9)]);
            cell.image.as_mut().unwrap().contents = Some(Contents { start, findings, ..contents });
        })
    }

    fn scanned(ids: &[&str], database: &str) -> Report {
        let found = ids.iter().map(|id| sample::scan::found(id, "qs", "1", "", Danger::High)).collect();
        with(|cell| cell.image.as_mut().unwrap().scan = Some(sample::scan::of(found, database)))
    }

    fn missed(millis: u64) -> Report {
        let causes = vec![Cause::Edited { was: None }];
        let step = Step { causes, ..sample::step("build", Some(3), millis, CacheState::Executed, "RUN make") };
        with(|cell| cell.timing = Some(Timing { steps: vec![step], ..sample::timing() }))
    }

    fn failed() -> Report {
        with(|cell| (cell.outcome, cell.image) = (Outcome::Failed, None))
    }

    #[test]
    fn a_run_speaks_when_there_is_something_to_say() {
        let base = sample::run(vec![cell("a", 50_000)]);
        for (situation, base, head, expected) in [
            ("nothing changed", Some(&base), base.clone(), Calm::BackToNormal),
            ("noise", Some(&base), sample::run(vec![cell("b", 50_001)]), Calm::BackToNormal),
            ("an image grew", Some(&base), sample::run(vec![cell("b", 54_000)]), Calm::Speak("an image changed")),
            ("an image shrank", Some(&base), sample::run(vec![cell("b", 46_000)]), Calm::Speak("an image changed")),
            ("an image is gone", Some(&base), sample::run(vec![]), Calm::Speak("an image changed")),
            ("an image is new", Some(&sample::run(vec![])), base.clone(), Calm::Speak("an image changed")),
            ("nothing to compare with", None, base.clone(), Calm::Correct),
            ("the base has no numbers", Some(&failed()), base.clone(), Calm::Correct),
            ("a build failed", Some(&base), failed(), Calm::Speak("a build has no numbers")),
            ("a build failed, no baseline", None, failed(), Calm::Speak("a build has no numbers")),
            ("a budget is met", Some(&base), budget(Verdict::Pass), Calm::BackToNormal),
            ("it is close", Some(&base), budget(Verdict::Warn), Calm::Speak("a budget is missed, close or unknown")),
            ("it is missed", None, budget(Verdict::Fail), Calm::Speak("a budget is missed, close or unknown")),
            ("a hint", Some(&base), finding("build-check/X", Severity::Notice), Calm::BackToNormal),
            (
                "a hint of old",
                Some(&finding("build-check/X", Severity::Warning)),
                finding("build-check/X", Severity::Warning),
                Calm::BackToNormal,
            ),
            (
                "a new finding",
                Some(&base),
                finding("build-check/X", Severity::Warning),
                Calm::Speak("a finding is new"),
            ),
            ("a finding, no baseline", None, finding("build-check/X", Severity::Warning), Calm::Correct),
            ("a note on the cache", Some(&base), finding("cache-ignored", Severity::Notice), Calm::BackToNormal),
            (
                "a cache failed",
                Some(&base),
                finding("cache-ignored", Severity::Warning),
                Calm::Speak("a cache did not do what was planned"),
            ),
            (
                "it no longer starts",
                Some(&started(Starts::Yes, vec![])),
                started(Starts::No, vec![]),
                Calm::Speak("a container will not start"),
            ),
            ("it never did", Some(&started(Starts::No, vec![])), started(Starts::No, vec![]), Calm::BackToNormal),
            ("nobody knew", Some(&base), started(Starts::No, vec![]), Calm::BackToNormal),
            (
                "a secret in the image",
                Some(&started(Starts::Yes, vec![])),
                started(Starts::Yes, finding("secret-in-environment", Severity::Warning).cells[0].findings.clone()),
                Calm::Speak("a finding is new"),
            ),
            (
                "a hint at the image",
                Some(&started(Starts::Yes, vec![])),
                started(Starts::Yes, finding("runs-as-root", Severity::Notice).cells[0].findings.clone()),
                Calm::BackToNormal,
            ),
            ("a cheap miss", Some(&base), missed(4_999), Calm::BackToNormal),
            ("a dear miss", Some(&base), missed(5_000), Calm::Speak("steps lost their cache at a cost")),
        ] {
            let calm = Calm::of(CommentMode::Auto, &compare(base, &head));
            assert_eq!(calm, expected, "{situation}");
        }
    }

    #[test]
    fn a_vulnerability_is_news_when_the_change_brings_it() {
        let never = sample::run(vec![cell("a", 50_000)]);
        let base = scanned(&["CVE-1"], "monday");
        for (situation, base, head, expected) in [
            ("new", &base, scanned(&["CVE-1", "CVE-2"], "monday"), Calm::Speak("a vulnerability is new")),
            ("of old", &base, base.clone(), Calm::BackToNormal),
            ("by the database", &base, scanned(&["CVE-1", "CVE-2"], "tuesday"), Calm::BackToNormal),
            ("gone", &base, scanned(&[], "monday"), Calm::BackToNormal),
            ("never scanned before", &never, base.clone(), Calm::BackToNormal),
        ] {
            assert_eq!(Calm::of(CommentMode::Auto, &compare(Some(base), &head)), expected, "{situation}");
        }
    }

    #[test]
    fn what_the_user_says_goes_before_that() {
        let (quiet, loud) = (with(|_| ()), failed());
        for (mode, head, publishes) in [
            (CommentMode::Auto, &quiet, [false, true]),
            (CommentMode::Auto, &loud, [true, true]),
            (CommentMode::Always, &quiet, [true, true]),
            (CommentMode::Never, &loud, [false, false]),
        ] {
            let calm = Calm::of(mode, &compare(Some(&quiet), head));
            assert_eq!([false, true].map(|has_earlier| calm.publishes(has_earlier)), publishes, "{mode:?}");
        }
    }
}
