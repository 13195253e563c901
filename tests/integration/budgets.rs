//! Budgets end in exit codes: 1 over, 4 when nobody knows.

use crate::case::Case;
use crate::fake::Build;
use crate::layout::{Damage, TestImage, noise};

fn budget(limits: &str) -> Case {
    let yaml = format!("images: {{ orders: {{ context: orders, budget: {{ {limits} }} }}, web: {{ context: web }} }}");
    let case = Case::configured(&yaml);
    case.repository.commit("configure");
    case
}

#[test]
fn each_limit_is_kept_warned_of_or_exceeded() {
    for (limits, code, verdict) in [
        ("compressed: 1MB", 0, "pass"),
        ("compressed: 500", 1, "fail"),
        ("uncompressed: 2700", 0, "warn"),
        ("uncompressed: 2559", 1, "fail"),
        ("layers: 2", 0, "pass"),
        ("wall: 10m", 0, "pass"),
        ("wall: 1ms", 1, "fail"),
    ] {
        let case = budget(limits);
        let run = case.run(&[]).expect(code);
        assert_eq!(case.cell(0, "budgets")[0]["verdict"], verdict, "{limits}");
        assert_eq!(code == 1, case.comment().contains("over"), "{limits}\n{}\n{}", case.comment(), run.stdout);
    }
}

#[test]
fn growth_is_held_against_the_baseline() {
    let case = budget("compressed_growth: 5%");
    case.run(&[]).expect(0);
    case.repository.commit("grow");
    case.docker.builds("orders", &Build::ok(TestImage::of(5000)));
    case.run(&[]).expect(1);
    assert_eq!(case.cell(0, "budgets")[0]["verdict"], "fail");
}

#[test]
fn a_budget_that_cannot_be_measured_is_neither_kept_nor_exceeded() {
    let case = budget("compressed: 1MB, layers: 3");
    case.docker.builds("orders", &Build::ok(TestImage::damaged(Damage::TruncatedBlob)));
    case.run(&[]).expect(4);
    for index in 0..2 {
        let result = case.cell(0, "budgets")[index].clone();
        assert_eq!(result["verdict"], "unknown", "{result}");
        assert!(result["actual"].is_null(), "{result}");
    }
}

#[test]
fn a_failed_build_outweighs_every_budget() {
    let case = budget("compressed: 1");
    case.docker.builds("web", &Build::failing());
    case.run(&[]).expect(3);
}

/// An image with a layer whose file the next one writes again.
fn wasteful(first: usize, second: usize) -> Build {
    let layers = [("COPY app /file # buildkit", noise(first)), ("RUN strip /file # buildkit", noise(second))];
    let layers = layers.map(|(created_by, content)| (created_by.to_owned(), content)).into();
    Build::ok(TestImage { layers, ..TestImage::of(1) })
}

#[test]
fn what_is_inside_is_held_against_limits_and_against_the_baseline() {
    for (limits, code, verdict, said) in [
        ("wasted: 90kB", 0, "pass", ""),
        ("wasted: 60kB", 1, "fail", "wastes 70.0 kB, limit 60.0 kB"),
        ("wasted_growth: 30kB", 0, "pass", ""),
        ("wasted_growth: 10kB", 1, "fail", "wastes 20.0 kB more than the baseline's image, limit 10.0 kB"),
        ("wasted_growth: 10%", 1, "fail", "wastes 40.0 % more than the baseline's image, limit 10 %"),
        ("efficiency: 30%", 0, "pass", ""),
        ("efficiency: 50%", 1, "fail", "keeps 41.6 % of the bytes that its layers write, at least 50 %"),
        ("pull: 1MB", 0, "pass", ""),
        ("pull: 50kB", 1, "fail", "to pull, limit 50.0 kB"),
        ("pull: 30%", 1, "fail", "of the image to pull, limit 30 %"),
        ("starts: optional", 0, "", ""),
        ("starts: required", 1, "fail", "will not start"),
    ] {
        let case = budget(limits);
        case.docker.builds("orders", &wasteful(50_000, 50_000));
        let first = case.run(&[]);
        let needs_baseline = limits.starts_with("pull") || limits.starts_with("wasted_growth");
        assert!(!needs_baseline || first.code == Some(0), "a first run has nothing to grow from: {limits}");
        case.repository.commit("grow");
        case.docker.builds("orders", &wasteful(70_000, 50_000));
        let run = case.run(&[]).expect(code);
        let budgets = case.cell(0, "budgets");
        assert_eq!(budgets[0]["verdict"].as_str().unwrap_or_default(), verdict, "{limits}: {budgets}");
        assert!(case.comment().contains(said) && run.stdout.contains(said), "{limits}\n{}", case.comment());
    }
}

#[test]
fn what_is_inside_and_could_not_be_read_is_not_passed() {
    let case = budget("wasted: 1GB, wasted_growth: 1GB, efficiency: 1%, pull: 1GB, starts: required");
    case.run(&[]);
    case.repository.commit("break");
    // The blob is sound, and its tar makes no sense.
    case.docker.builds("orders", &Build::ok(TestImage { damage: Damage::NoTar, ..TestImage::of(4000) }));
    let run = case.run(&[]).expect(4);
    let budgets = case.cell(0, "budgets");
    let verdicts: Vec<_> = budgets.as_array().unwrap().iter().map(|one| (&one["key"], &one["verdict"])).collect();
    let expected = ["wasted", "wasted_growth", "efficiency", "pull", "starts"];
    assert_eq!(verdicts.iter().map(|one| one.0).collect::<Vec<_>>(), expected, "{budgets}");
    let unknown = verdicts.iter().filter(|one| one.1 == "unknown").count();
    assert_eq!((unknown, verdicts[3].1), (4, &"pass".into()), "the numbers are there: {budgets}");
    assert!(case.comment().contains("what is inside of the image could not be read"), "{}", run.stdout);
}
