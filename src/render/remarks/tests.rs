use proptest::prelude::*;

use super::*;
use crate::compare::compare;
use crate::render::scene;
use crate::report::{Failure, Finding, Outcome, Report, sample};

/// The Dockerfiles as they stand in the reports, a folder below the repository.
pub(crate) fn files(report: &Report) -> BTreeMap<String, String> {
    let cells = report.cells.iter();
    cells.filter_map(|cell| Some((cell.id.image.clone(), format!("shop/{}", cell.dockerfile.as_ref()?)))).collect()
}

#[test]
fn the_remarks_of_each_situation() {
    let mut shown = String::new();
    for (name, base, head) in scene::all() {
        shown += &format!("{name}\n");
        for remark in remarks(&compare(base.as_ref(), &head), &files(&head)) {
            let Remark { severity, rule, title, message, file, line, identity: _ } = remark;
            let place = format!("{}:{}", file.unwrap_or_default(), line.unwrap_or_default());
            shown += &format!("  {severity:?} {rule} at {place}\n    {title}\n    {message}\n");
        }
    }
    scene::assert_snapshot("remarks", &shown);
}

#[test]
fn text_of_any_length_becomes_a_short_line() {
    let mut report = sample::report();
    let long = "::error::x ##[error]\u{1b}[31m\n".repeat(40_000);
    report.cells[0].findings.push(Finding {
        rule: long.clone(),
        severity: Severity::Notice,
        message: long.clone(),
        dockerfile_line: None,
        url: None,
    });
    report.cells[0].outcome = Outcome::Failed;
    let failure = Failure {
        message: long.clone(),
        step: Some(long),
        dockerfile_line: None,
        source_line: None,
        log_tail: vec![],
        explanation: None,
        log_path: None,
    };
    report.cells[0].failure = Some(failure);
    let found = remarks(&compare(None, &report), &BTreeMap::new());
    assert_eq!(found.len(), 2);
    for text in found.iter().flat_map(|remark| [&remark.rule, &remark.title, &remark.message]) {
        assert!(text.chars().count() < 500 && !text.contains("##["), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_remark_is_a_plain_line_and_the_worst_come_first(
        base in sample::any_report(0..4), head in sample::any_report(0..6),
    ) {
        let found = remarks(&compare(Some(&base), &head), &files(&head));
        prop_assert!(found.is_sorted_by_key(|remark| Reverse(remark.severity)));
        for text in found.iter().flat_map(|remark| [&remark.rule, &remark.title, &remark.message]) {
            let is_bad = |c: char| c.is_control() || c == '\u{202e}';
            prop_assert!(!text.contains(is_bad) && !text.contains("##["), "{:?}", text);
        }
    }
}
