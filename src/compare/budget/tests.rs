use std::time::Duration;

use super::*;
use crate::report::{Compression, Layer, Outcome, sample};

fn cell(diff_id: &str, compressed_bytes: u64) -> CellReport {
    sample::cell("orders", "linux/amd64", vec![sample::layer(diff_id, compressed_bytes, "RUN make", 3)])
}

fn told(budget: Budget, head: &CellReport, base: Option<&Report>) -> String {
    let lines = evaluate(&budget, head, base).into_iter().map(|result| {
        let actual = result.actual.as_deref().unwrap_or("-").to_owned();
        format!("{} {:?} {} of {}: {}", result.key, result.verdict, actual, result.limit, result.reason)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_limit_is_held_against_its_number() {
    let budget = Budget {
        compressed: Some(Bytes(60_000_000)),
        uncompressed: Some(Bytes(200_000_000)),
        compressed_growth: None,
        layers: Some(10),
        wall: Some(Duration::from_secs(120)),
        ..Budget::default()
    };
    insta::assert_snapshot!(told(budget, &cell("a", 61_200_000), None), @"
    compressed Fail 61.2 MB of 60.0 MB: 1.2 MB over
    uncompressed Warn 183.6 MB of 200.0 MB: 91 % of the limit
    layers Pass 1 of 10: 10 % of the limit
    wall Fail 2m41s of 2m00s: 41.0s over
    ");
    assert!(evaluate(&Budget::default(), &cell("a", 1), None).is_empty());
}

#[test]
fn the_edges_are_warn_from_ninety_percent_and_fail_only_above() {
    for (actual, limit, verdict) in [
        (0.0, 0.0, Verdict::Pass),
        (1.0, 0.0, Verdict::Fail),
        (89.9, 100.0, Verdict::Pass),
        (90.0, 100.0, Verdict::Warn),
        (100.0, 100.0, Verdict::Warn),
        (100.1, 100.0, Verdict::Fail),
    ] {
        assert_eq!(judge(actual, limit), verdict, "{actual} of {limit}");
    }
}

#[test]
fn growth_is_judged_without_recompression_and_only_against_like() {
    let budget = Budget { compressed_growth: Some(Growth::Relative(Percent(5.0))), ..Budget::default() };
    let base = sample::run(vec![cell("a", 50_000_000)]);
    let zstd = Layer { compression: Compression::Zstd, ..sample::layer("b", 40_000_000, "RUN make", 3) };
    let broken = sample::run(vec![CellReport { image: None, outcome: Outcome::Failed, ..cell("a", 1) }]);
    let other = sample::run(vec![]);
    let failed = CellReport { image: None, outcome: Outcome::TimedOut, ..cell("a", 1) };
    let lines = [
        told(budget, &cell("b", 54_000_000), Some(&base)),
        told(budget, &cell("b", 52_400_000), Some(&base)),
        told(budget, &cell("b", 40_000_000), Some(&base)),
        told(budget, &cell("a", 90_000_000), Some(&base)),
        told(budget, &sample::cell("orders", "linux/amd64", vec![zstd]), Some(&base)),
        told(budget, &cell("b", 54_000_000), None),
        told(budget, &cell("b", 54_000_000), Some(&other)),
        told(budget, &cell("b", 54_000_000), Some(&broken)),
        told(budget, &failed, Some(&base)),
    ];
    insta::assert_snapshot!(lines.join("\n"), @"
    compressed_growth Fail +8.0 % of 5 %: grew by 4.0 MB
    compressed_growth Warn +4.8 % of 5 %: 96 % of the limit
    compressed_growth Pass −20.0 % of 5 %: did not grow
    compressed_growth Pass ±0.0 % of 5 %: did not grow
    compressed_growth Unknown - of 5 %: layers are compressed in another way than the baseline's
    compressed_growth Pass - of 5 %: no baseline
    compressed_growth Pass - of 5 %: new image, nothing to grow from
    compressed_growth Unknown - of 5 %: baseline without numbers: build failed
    compressed_growth Unknown - of 5 %: build timed out
    ");
}

#[test]
fn absolute_growth_is_judged_in_bytes() {
    let budget = Budget { compressed_growth: Some(Growth::Absolute(Bytes(1_000_000))), ..Budget::default() };
    let base = sample::run(vec![cell("a", 50_000_000)]);
    insta::assert_snapshot!(
        told(budget, &cell("b", 51_500_000), Some(&base)),
        @"compressed_growth Fail +1.5 MB of 1.0 MB: grew by 1.5 MB"
    );
}

#[test]
fn a_label_allows_sizes_and_nothing_else() {
    let budget = Budget {
        compressed: Some(Bytes(1)),
        uncompressed: Some(Bytes(1)),
        compressed_growth: Some(Growth::Absolute(Bytes(1))),
        layers: Some(10),
        wall: Some(Duration::from_secs(1)),
        ..Budget::default()
    };
    let base = sample::run(vec![cell("a", 50_000_000)]);
    let mut head = sample::run(vec![cell("b", 60_000_000)]);
    head.cells[0].budgets = evaluate(&budget, &head.cells[0], Some(&base));
    head.cells[0].budgets.push(result("layers", "1".into(), None, Verdict::Unknown, String::new()));
    allow(&mut head, "on-purpose");
    let told = head.cells[0]
        .budgets
        .iter()
        .map(|budget| format!("{} {:?} {}", budget.key, budget.verdict, budget.allowed_by.as_deref().unwrap_or("-")));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "compressed Warn on-purpose",
            "uncompressed Warn on-purpose",
            "compressed_growth Warn on-purpose",
            "layers Pass -",
            "wall Fail -",
            "layers Unknown -",
        ]
    );
    assert_eq!(head.verdict, Verdict::Unknown);
    head.cells[0].budgets.retain(|budget| budget.allowed_by.is_some());
    allow(&mut head, "on-purpose");
    assert_eq!(head.verdict, Verdict::Warn);
    let before = head.clone();
    disallow(&mut head, |label| label == "on-purpose");
    assert_eq!(head, before);
    disallow(&mut head, |_| false);
    let budgets = &head.cells[0].budgets;
    assert!(budgets.iter().all(|budget| budget.verdict == Verdict::Fail && budget.allowed_by.is_none()));
}

#[test]
fn what_was_not_measured_is_unknown_never_a_pass() {
    let budget = Budget {
        compressed: Some(Bytes(60_000_000)),
        uncompressed: Some(Bytes(60_000_000)),
        compressed_growth: Some(Growth::Relative(Percent(5.0))),
        layers: Some(10),
        wasted: Some(Bytes(1)),
        wasted_growth: Some(Growth::Absolute(Bytes(1))),
        efficiency: Some(Percent(90.0)),
        pull: Some(Growth::Absolute(Bytes(1))),
        starts_required: true,
        wall: Some(Duration::from_secs(120)),
    };
    let unmeasured = CellReport { image: None, timing: None, outcome: Outcome::Cancelled, ..cell("a", 1) };
    let results = evaluate(&budget, &unmeasured, None);
    assert_eq!(results.len(), 10);
    assert!(results.iter().all(|result| result.verdict == Verdict::Unknown && result.actual.is_none()));
}
