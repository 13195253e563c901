//! The comment as a reader of GitHub-flavoured Markdown understands it: what we mean as a table is one, and nothing
//! that somebody else wrote is more than text.

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use proptest::prelude::*;

use super::{markdown, scene};
use crate::compare::{Comparison, compare};
use crate::report::sample;

/// All the elements that we write.
const TAGS: [&str; 10] =
    ["<details>", "</details>", "<summary>", "</summary>", "<sub>", "</sub>", "<code>", "</code>", "<b>", "</b>"];

/// What GitHub switches on.
fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options
}

/// Insists that a document is made of what we write and nothing else.
#[track_caller]
pub(super) fn check(document: &str) {
    let arena = Arena::new();
    let root = parse_document(&arena, document, &options());
    let lines: Vec<&str> = document.lines().collect();
    let (mut html, mut tables, mut code) = (String::new(), 0, Vec::new());
    for node in root.descendants() {
        let node = node.data();
        let at = node.sourcepos.start.line;
        match &node.value {
            NodeValue::HtmlBlock(block) => html += &block.literal,
            NodeValue::HtmlInline(tag) => html += tag,
            NodeValue::Text(text) => assert!(!calls(text), "line {at} calls somebody: {text:?}"),
            NodeValue::Table(_) => tables += 1,
            NodeValue::TableRow(_) => {
                let pipes = |line: &str| line.replace("\\|", "").matches('|').count();
                assert_eq!(pipes(lines[at - 1]), pipes(header(&lines, at)), "line {at} of {document}");
            }
            NodeValue::CodeBlock(_) => code.push(node.sourcepos.start.line..=node.sourcepos.end.line),
            NodeValue::Link(_) | NodeValue::Image(_) | NodeValue::FootnoteReference(_) | NodeValue::TaskItem(_) => {
                panic!("line {at} holds {:?}:\n{document}", node.value);
            }
            _ => {}
        }
    }
    let of_ours = |(index, line): &(usize, &&str)| {
        line.starts_with("| :--") && !code.iter().any(|block| block.contains(&(index + 1)))
    };
    assert_eq!(tables, lines.iter().enumerate().filter(of_ours).count(), "tables of {document}");
    check_html(&html);
}

/// The first line of a table, of which one line is this (counted from 1).
fn header<'l>(lines: &[&'l str], line: usize) -> &'l str {
    lines[..line].iter().rev().take_while(|line| line.starts_with('|')).last().unwrap()
}

/// Whether a forge would make a mention, a reference or a link of this text.
fn calls(text: &str) -> bool {
    let follows =
        |sign: char, is: fn(char) -> bool| text.split(sign).skip(1).any(|rest| rest.chars().next().is_some_and(is));
    follows('@', |c| c.is_ascii_alphanumeric()) || follows('#', |c| c.is_ascii_digit()) || text.contains("://")
}

/// The text with its character references read.
fn decoded(html: &str) -> String {
    let reference = regex::Regex::new("&#([0-9]+);").unwrap();
    let character = |number: &regex::Captures<'_>| char::from_u32(number[1].parse().unwrap()).unwrap().to_string();
    reference.replace_all(html, character).into_owned()
}

/// Only elements of ours, each of them closed and none before it is opened.
#[track_caller]
fn check_html(html: &str) {
    let rest = TAGS.iter().fold(html.to_owned(), |rest, tag| rest.replace(tag, ""));
    assert!(!rest.contains(['<', '>']), "{rest}");
    assert!(!calls(&decoded(&rest)), "{rest}");
    for pair in TAGS.chunks(2) {
        let mut open = 0_i32;
        for part in html.split_inclusive('>') {
            open += i32::from(part.ends_with(pair[0])) - i32::from(part.ends_with(pair[1]));
            assert!(open >= 0, "{pair:?} in {html}");
        }
        assert_eq!(open, 0, "{pair:?} in {html}");
    }
}

#[test]
fn the_comment_of_each_situation_is_what_it_means_to_be() {
    for (_, base, head) in scene::all() {
        let comparison = compare(base.as_ref(), &head);
        check(&markdown::render(&comparison));
        check(&markdown::back_to_normal(&comparison));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_report_makes_more_of_itself_than_text(
        base in proptest::option::of(sample::any_report(0..8)),
        head in sample::any_report(0..8),
        name in proptest::option::of(sample::any_text()),
    ) {
        let comparison = Comparison { name, ..compare(base.as_ref(), &head) };
        let document = markdown::render(&comparison);
        prop_assert!(document.len() <= markdown::LIMIT_BYTES);
        check(&document);
        check(&markdown::back_to_normal(&comparison));
    }
}
