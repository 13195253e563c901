use proptest::prelude::*;

use super::*;
use crate::compare::compare;
use crate::render::scene;
use crate::report::{Report, sample};

#[test]
fn the_comment_of_each_situation() {
    for (name, base, head) in scene::all() {
        scene::assert_snapshot(&format!("{name}.md"), &render(&compare(base.as_ref(), &head)));
    }
}

/// The document without fenced blocks and inline code, in which nothing is read as markup.
fn outside_code(document: &str) -> String {
    let mut prose = String::new();
    let mut fence: Option<String> = None;
    for line in document.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.strip_prefix(&ticks) == Some("text") && ticks.len() >= 3 => fence = Some(ticks),
            None => prose += &(without_spans(line) + "\n"),
        }
    }
    assert_eq!(fence, None, "a fence stays open in {document}");
    prose
}

fn without_spans(line: &str) -> String {
    let mut prose = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        prose += &rest[..at];
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        // A backslash behind another one is what is escaped, and escapes nothing.
        let backslashes = prose.len() - prose.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            prose.push('`');
            rest = &rest[at + 1..];
            continue;
        }
        let body = &rest[at + run..];
        let close = body
            .match_indices('`')
            .map(|(index, _)| index)
            .filter(|index| !body[..*index].ends_with('`'))
            .find(|index| body[*index..].len() - body[*index..].trim_start_matches('`').len() == run);
        rest = &body[close.unwrap_or_else(|| panic!("a code span stays open in {line}")) + run..];
    }
    prose + rest
}

#[test]
fn spans_of_code_open_behind_an_escaped_backslash_and_not_at_an_escaped_backtick() {
    for (line, prose) in
        [("a `b` c", "a  c"), ("a \\`\\`b", "a \\`\\`b"), ("a \\\\`<`b", "a \\\\b"), ("``a`b`` c", " c")]
    {
        assert_eq!(without_spans(line), prose, "{line}");
    }
}

fn check(document: &str) {
    assert!(document.len() <= LIMIT_BYTES, "{} bytes", document.len());
    let prose = outside_code(document);
    let tags = ["<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<sub>", "</sub>"];
    let without_tags = tags.iter().fold(prose.clone(), |prose, tag| prose.replace(tag, ""));
    assert!(!without_tags.contains(['<', '>', '@', '\u{202e}', '\u{200b}', '\u{1b}', '\r']), "{without_tags}");
    assert!(!without_tags.replace("\\]", "").contains("](") && !without_tags.contains("://"), "{without_tags}");
    for pair in tags.chunks(2) {
        assert_eq!(prose.matches(pair[0]).count(), prose.matches(pair[1]).count(), "{pair:?} in {prose}");
    }
    let mut columns = 0;
    for line in prose.lines() {
        let cells = line.matches('|').count();
        match (columns, line.starts_with('|')) {
            (_, false) => columns = 0,
            (0, true) => columns = cells,
            (columns, true) => assert_eq!(cells, columns, "{line}"),
        }
    }
}

fn many(count: usize) -> (Report, Report) {
    let of = |index: usize, diff_id: &str, kilobytes: u64| {
        let layers = vec![
            sample::base_layer("os", 29_000_000),
            sample::layer(diff_id, kilobytes * 1_000, "RUN make -j `nproc` | tee @log", 7),
        ];
        sample::cell(&format!("service-{index:04}"), "linux/amd64", layers)
    };
    let base = sample::run((0..count).map(|index| of(index, "a", 20_000)).collect());
    let head = sample::run((0..count).map(|index| of(index, "b", 20_000 + 100 * (index as u64 + 1))).collect());
    (base, head)
}

#[test]
fn three_thousand_changed_cells_fit_and_the_cut_is_stated() {
    let (base, head) = many(3_000);
    let document = render(&compare(Some(&base), &head));
    check(&document);
    assert!(document.len() > LIMIT_BYTES - 2_000, "room is left: {}", document.len());
    assert!(document.contains("`service-2999` +300.0 MB") && document.contains("| service-2999 |"));
    assert!(!document.contains("service-0000"));
    assert!(document.contains(" more rows: see report.json\n"));
    assert!(document.contains("Compared with `a1b2c3d`"));
}

#[test]
fn a_first_run_of_three_thousand_failures_fits() {
    let (_, mut head) = many(3_000);
    for cell in &mut head.cells {
        cell.outcome = crate::report::Outcome::Failed;
        cell.image = None;
        cell.failure = Some(crate::report::Failure {
            message: "<@".repeat(500_000 / 3_000),
            step: None,
            dockerfile_line: Some(3),
            source_line: Some("`".repeat(1_000)),
            log_tail: vec!["```</details>".repeat(100); 50],
            explanation: None,
            log_path: None,
        });
    }
    check(&render(&compare(None, &head)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_comparison_renders_whole_rows_without_foreign_markup(
        base in proptest::option::of(sample::any_report(0..12)),
        head in sample::any_report(0..12),
    ) {
        let comparison = compare(base.as_ref(), &head);
        let document = render(&comparison);
        check(&document);
        prop_assert_eq!(document, render(&compare(base.as_ref(), &head)));
    }
}
