//! Budgets end in exit codes: 1 over, 4 when nobody knows.

use crate::case::Case;
use crate::fake::Build;
use crate::layout::{Damage, TestImage};

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
