//! Limits of what is inside of an image, and of what a node pulls of it.

use super::{
    PULL_KEY, STARTS_KEY, WASTED_GROWTH_KEY, as_number, both, gate, judge, judge_growth, limit_bytes, phrase, result,
    show, show_bytes_over,
};
use crate::compare::inside;
use crate::config::Growth;
use crate::report::contents::Starts;
use crate::report::{BudgetResult, CellReport, Contents, Report, Verdict};
use crate::units::{Bytes, Percent};

/// What is inside of a cell's image, or why that is not known.
fn contents(head: &CellReport) -> Result<&Contents, String> {
    let image = head.image.as_ref().ok_or_else(|| super::why_not_measured(head))?;
    image.contents.as_ref().ok_or_else(|| {
        let why = head.findings.iter().find(|finding| finding.rule == "contents-not-read");
        why.map_or_else(|| "what is inside of the image is not known".to_owned(), |finding| finding.message.clone())
    })
}

/// The limit of wasted bytes.
pub(super) fn wasted(limit: Bytes, head: &CellReport) -> BudgetResult {
    match contents(head) {
        Ok(contents) => {
            let actual = Bytes(contents.wasted_bytes());
            gate("wasted", head, limit, Some(actual), as_number, show_bytes_over)
        }
        Err(reason) => result("wasted", limit.to_string(), None, Verdict::Unknown, reason),
    }
}

/// The limit of efficiency, which is one from below: judged by what may be wasted.
pub(super) fn efficiency(limit: Percent, head: &CellReport) -> BudgetResult {
    let shown_limit = format!("{} %", limit.0);
    let contents = match contents(head) {
        Ok(contents) => contents,
        Err(reason) => return result("efficiency", shown_limit, None, Verdict::Unknown, reason),
    };
    let wasted = Bytes(contents.wasted_bytes());
    // An image without files wastes none.
    let wasted_percent =
        Percent::of(as_number(&wasted), as_number(&Bytes(contents.file_bytes))).map_or(0.0, |part| part.0);
    let may_waste = 100.0 - limit.0;
    let verdict = judge(wasted_percent, may_waste);
    let reason = match verdict {
        Verdict::Fail => format!("{wasted} of {} are wasted", Bytes(contents.file_bytes)),
        _ => phrase(wasted_percent, may_waste).replace("the limit", "what may be wasted"),
    };
    // Rounded down, so that a limit that is not reached never reads as reached.
    let actual = format!("{:.1} %", ((100.0 - wasted_percent) * 10.0).floor() / 10.0);
    result("efficiency", shown_limit, Some(actual), verdict, reason)
}

/// The limit of what is wasted more than in the baseline.
pub(super) fn wasted_growth(limit: Growth, head: &CellReport, base: Option<&Report>) -> BudgetResult {
    let unmeasured = |verdict, reason| result(WASTED_GROWTH_KEY, show(limit), None, verdict, reason);
    let before = match both(head, base) {
        Ok((base, _)) => base.contents.as_ref(),
        Err((verdict, reason)) => return unmeasured(verdict, reason),
    };
    match (contents(head), before) {
        (Ok(after), Some(before)) => {
            let (before, after) = (Bytes(before.wasted_bytes()), Bytes(after.wasted_bytes()));
            judge_growth(WASTED_GROWTH_KEY, limit, before, after.delta_from(before))
        }
        (Ok(_), None) => unmeasured(Verdict::Unknown, "it is not known what the baseline's image wastes".to_owned()),
        (Err(reason), _) => unmeasured(Verdict::Unknown, reason),
    }
}

/// The limit of what a node pulls that has the image of the baseline.
pub(super) fn pull(limit: Growth, head: &CellReport, base: Option<&Report>) -> BudgetResult {
    let (base, image) = match both(head, base) {
        Ok(both) => both,
        Err((verdict, reason)) => return result(PULL_KEY, show(limit), None, verdict, reason),
    };
    let (pulled, all) = (inside::pull(base, image), Bytes(image.compressed_bytes.saturating_add(image.config_bytes)));
    if let Growth::Absolute(limit) = limit {
        return gate(PULL_KEY, head, limit, Some(pulled), as_number, show_bytes_over);
    }
    let limit_bytes = limit_bytes(limit, all);
    let verdict = judge(as_number(&pulled), limit_bytes);
    let reason = match verdict {
        Verdict::Fail => format!("{pulled} of {all}"),
        _ => phrase(as_number(&pulled), limit_bytes),
    };
    // Rounded up, so that a limit that is exceeded never reads as kept.
    let part = Percent::of(as_number(&pulled), as_number(&all)).map_or(0.0, |part| part.0);
    let actual = format!("{:.1} %", (part * 10.0).ceil() / 10.0);
    result(PULL_KEY, show(limit), Some(actual), verdict, reason)
}

/// That a container can start.
pub(super) fn starts(head: &CellReport) -> BudgetResult {
    let of = |actual: Option<&str>, verdict, reason: String| {
        result(STARTS_KEY, "required".to_owned(), actual.map(str::to_owned), verdict, reason)
    };
    let check = match contents(head) {
        Ok(contents) => &contents.start,
        Err(reason) => return of(None, Verdict::Unknown, reason),
    };
    let worst = check.findings.iter().max_by_key(|finding| finding.severity);
    let why = |otherwise: &str| worst.map_or_else(|| otherwise.to_owned(), |finding| finding.message.clone());
    match check.verdict {
        Starts::Yes => of(Some("starts"), Verdict::Pass, "starts".to_owned()),
        Starts::CannotTell => of(None, Verdict::Unknown, why("the image does not allow to tell")),
        Starts::No => of(Some("will not start"), Verdict::Fail, why("something is missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::budget::{evaluate, needs_baseline};
    use crate::config::Budget;
    use crate::report::contents::StartCheck;
    use crate::report::sample::{self, contents as sampled};
    use crate::report::{Finding, Outcome, Severity};

    fn cell(diff_id: &str, edit: impl FnOnce(&mut Contents)) -> CellReport {
        let layers = vec![sample::base_layer("os", 29_000_000), sample::layer(diff_id, 9_000_000, "RUN make", 3)];
        let mut cell = sample::cell("orders", "linux/amd64", layers);
        let mut contents = sampled::of(2, &[(0, "bin/sh", 60_000_000), (1, "app", 40_000_000)]);
        edit(&mut contents);
        let image = cell.image.as_mut().unwrap();
        (image.digest, image.contents) = (diff_id.to_owned(), Some(contents));
        cell
    }

    fn told(budget: Budget, head: &CellReport, base: Option<&Report>) -> String {
        let results = evaluate(&budget, head, base).into_iter().map(|result| {
            let actual = result.actual.as_deref().unwrap_or("-").to_owned();
            format!("{} {:?} {} of {}: {}", result.key, result.verdict, actual, result.limit, result.reason)
        });
        results.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn waste_is_held_against_bytes_and_parts() {
        let budget = Budget { wasted: Some(Bytes(5_000_000)), efficiency: Some(Percent(95.0)), ..Budget::default() };
        let lines = [0, 4_600_000, 5_000_001]
            .map(|wasted| told(budget, &cell("a", |contents| contents.live_bytes -= wasted), None));
        let empty = told(budget, &cell("a", |contents| (contents.file_bytes, contents.live_bytes) = (0, 0)), None);
        let unread = CellReport {
            findings: vec![Finding {
                rule: "contents-not-read".into(),
                severity: Severity::Warning,
                message: "what is inside could not be read: x".into(),
                dockerfile_line: None,
                url: None,
            }],
            ..sample::cell("orders", "linux/amd64", vec![])
        };
        insta::assert_snapshot!([lines.join("\n"), empty, told(budget, &unread, None)].join("\n"), @r"
        wasted Pass 0 B of 5.0 MB: 0 % of the limit
        efficiency Pass 100.0 % of 95 %: 0 % of what may be wasted
        wasted Warn 4.6 MB of 5.0 MB: 92 % of the limit
        efficiency Warn 95.4 % of 95 %: 92 % of what may be wasted
        wasted Fail 5.0 MB of 5.0 MB: 1 B over
        efficiency Fail 94.9 % of 95 %: 5.0 MB of 100.0 MB are wasted
        wasted Pass 0 B of 5.0 MB: 0 % of the limit
        efficiency Pass 100.0 % of 95 %: 0 % of what may be wasted
        wasted Unknown - of 5.0 MB: what is inside could not be read: x
        efficiency Unknown - of 95 %: what is inside could not be read: x
        ");
    }

    #[test]
    fn pull_is_held_against_the_baseline_alone() {
        let budget = Budget { pull: Some(Growth::Absolute(Bytes(5_000_000))), ..Budget::default() };
        let part = |percent| Budget { pull: Some(Growth::Relative(Percent(percent))), ..Budget::default() };
        let base = sample::run(vec![cell("a", |_| ())]);
        let broken = sample::run(vec![CellReport { image: None, outcome: Outcome::Failed, ..cell("a", |_| ()) }]);
        let lines = [
            told(budget, &cell("b", |_| ()), Some(&base)),
            told(budget, &cell("a", |_| ()), Some(&base)),
            told(budget, &cell("b", |_| ()), None),
            told(budget, &cell("b", |_| ()), Some(&sample::run(vec![]))),
            told(budget, &cell("b", |_| ()), Some(&broken)),
            told(part(20.0), &cell("b", |_| ()), Some(&base)),
            told(part(25.0), &cell("b", |_| ()), Some(&base)),
            told(part(0.0), &cell("a", |_| ()), Some(&base)),
            told(part(20.0), &cell("b", |_| ()), None),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        pull Fail 9.0 MB of 5.0 MB: 4.0 MB over
        pull Pass 0 B of 5.0 MB: 0 % of the limit
        pull Pass - of 5.0 MB: no baseline
        pull Pass - of 5.0 MB: new image, nothing to grow from
        pull Unknown - of 5.0 MB: baseline without numbers: build failed
        pull Fail 23.7 % of 20 %: 9.0 MB of 38.0 MB
        pull Warn 23.7 % of 25 %: 94 % of the limit
        pull Pass 0.0 % of 0 %: at the limit
        pull Pass - of 20 %: no baseline
        ");
        assert!(needs_baseline(PULL_KEY) && !needs_baseline("wasted"));
    }

    #[test]
    fn waste_that_is_new_is_held_against_the_baseline_and_is_unknown_where_that_was_not_read() {
        let budget = |limit| Budget { wasted_growth: Some(limit), ..Budget::default() };
        let (bytes, part) = (budget(Growth::Absolute(Bytes(1_000_000))), budget(Growth::Relative(Percent(10.0))));
        let wasting = |bytes| cell("a", |contents| contents.live_bytes -= bytes);
        let base = sample::run(vec![wasting(5_000_000)]);
        let thrifty = sample::run(vec![wasting(0)]);
        let mut unread = sample::run(vec![wasting(0)]);
        unread.cells[0].image.as_mut().unwrap().contents = None;
        let lines = [
            told(bytes, &wasting(5_900_000), Some(&base)),
            told(bytes, &wasting(6_000_001), Some(&base)),
            told(bytes, &wasting(4_000_000), Some(&base)),
            told(part, &wasting(5_600_000), Some(&base)),
            told(part, &wasting(1), Some(&thrifty)),
            told(part, &wasting(0), Some(&thrifty)),
            told(bytes, &wasting(1), Some(&unread)),
            told(bytes, &unread.cells[0], Some(&base)),
            told(bytes, &wasting(1), None),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        wasted_growth Warn +900.0 kB of 1.0 MB: 90 % of the limit
        wasted_growth Fail +1.0 MB of 1.0 MB: grew by 1.0 MB
        wasted_growth Pass −1.0 MB of 1.0 MB: did not grow
        wasted_growth Fail +12.0 % of 10 %: grew by 600.0 kB
        wasted_growth Fail +1 B of 10 %: grew by 1 B
        wasted_growth Pass ±0 B of 10 %: did not grow
        wasted_growth Unknown - of 1.0 MB: it is not known what the baseline's image wastes
        wasted_growth Unknown - of 1.0 MB: what is inside of the image is not known
        wasted_growth Pass - of 1.0 MB: no baseline
        ");
        assert!(needs_baseline(WASTED_GROWTH_KEY));
    }

    #[test]
    fn what_has_to_start_fails_where_it_will_not_and_is_unknown_where_nobody_can_tell() {
        let budget = Budget { starts_required: true, ..Budget::default() };
        let unknown = StartCheck { verdict: Starts::CannotTell, findings: vec![] };
        let lines = [
            told(budget, &cell("a", |_| ()), None),
            told(
                budget,
                &cell("a", |contents| contents.start = sampled::broken("interpreter /lib/ld is missing")),
                None,
            ),
            told(budget, &cell("a", |contents| contents.start = unknown), None),
            told(budget, &sample::cell("orders", "linux/amd64", vec![]), None),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        starts Pass starts of required: starts
        starts Fail will not start of required: interpreter /lib/ld is missing
        starts Unknown - of required: the image does not allow to tell
        starts Unknown - of required: what is inside of the image is not known
        ");
    }
}
