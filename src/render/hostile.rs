//! Names and logs that are meant to do harm, in every place of a report where somebody else's text can stand, through
//! every renderer.

use super::text::Color;
use super::{gfm, json, markdown, text};
use crate::compare::{Baseline, Comparison, compare};
use crate::report::scan::{Danger, Scan, Vulnerability};
use crate::report::{
    BaseImage, BudgetResult, CacheEnd, CacheReport, CacheState, CacheUse, Cause, CellReport, Contents, Failure,
    Finding, Outcome, Report, Severity, Step, Timing, Verdict, contents, sample,
};

const TEXTS: [&str; 22] = [
    "a | b || c",
    "\\| a \\",
    "`",
    "``` x",
    "````",
    "@acme/team @ann",
    "#1 GH-1 acme/shop#1",
    "https://e.test www.e.test mailto:a@e.test",
    "-->",
    "<!-- x",
    "</details></details>",
    "<script>alert(1)</script><img src=x onerror=x>",
    "::error file=a::b",
    "  ::stop-commands::x",
    "##[error]x",
    "##[group]",
    "\u{202e}gnp\u{2066}.exe\u{200b}",
    "\u{1b}[31mred\u{1b}]8;;http://e.test\u{7}x\u{1b}]8;;\u{7}",
    "a\r\n\n# b\n- c\n| d |\n|--|\n\0\u{8}",
    "[a](b) ![c](d) [^1] - [ ] x",
    "**a** _b_ ~~c~~ $x$ :tada:",
    "\u{feff}\u{e000}\u{fffd}\u{10ffff}",
];

/// A run in which every text is this one, and its baseline.
fn everywhere(evil: &str) -> (Report, Report) {
    let text = || evil.to_owned();
    let layers = |diff_id, bytes| {
        vec![sample::base_layer("os", 29_000_000), sample::layer(diff_id, bytes, &format!("RUN {evil}"), 3)]
    };
    let (mut base, mut head) = (
        sample::run(vec![sample::cell(evil, "linux/amd64", layers("a", 20_000_000))]),
        sample::run(vec![
            sample::cell(evil, "linux/amd64", layers("b", 30_000_000)),
            CellReport { image: None, outcome: Outcome::Failed, ..sample::cell("web", "linux/amd64", vec![]) },
        ]),
    );
    let image = base.cells[0].image.as_mut().unwrap();
    image.contents = Some(sample::contents::of(2, &[(0, "a", 1)]));
    let gone = sample::scan::found("gone", evil, evil, evil, Danger::High);
    image.scan = Some(sample::scan::of(vec![gone, sample::scan::found("old", "p", "1", evil, Danger::Low)], evil));
    for cell in &mut head.cells {
        dress(cell, evil);
    }
    head.context.base.as_mut().unwrap().chosen_by = text();
    head.environment.runner_class = Some(text());
    head.environment.weighbridge_version = text();
    (base, head)
}

fn dress(cell: &mut CellReport, evil: &str) {
    let text = || evil.to_owned();
    cell.dockerfile = Some(text());
    for (severity, rule) in [(Severity::Warning, "build-check/X"), (Severity::Error, "cache-export-failed")] {
        let (rule, message) = (format!("{rule}{evil}"), text());
        cell.findings.push(Finding { rule, severity, message, dockerfile_line: Some(3), url: Some(text()) });
    }
    for (verdict, allowed_by) in [(Verdict::Fail, None), (Verdict::Warn, Some(text())), (Verdict::Unknown, None)] {
        let (key, limit, actual, reason) = (text(), text(), Some(text()), text());
        cell.budgets.push(BudgetResult { key, limit, actual, verdict, reason, allowed_by });
    }
    if let Some(image) = &mut cell.image {
        image.contents = Some(contents(evil));
        image.scan = Some(scan(evil));
        image.base_images = vec![BaseImage { name: text(), digest: text() }];
    } else {
        cell.failure = Some(Failure {
            message: text(),
            step: Some(text()),
            dockerfile_line: Some(3),
            source_line: Some(text()),
            log_tail: vec![text(), text()],
            explanation: Some(text()),
            log_path: Some(text()),
        });
    }
    let step = Step {
        causes: vec![Cause::NotCached { reason: text() }],
        last_ran: Some(std::time::Duration::from_mins(2)),
        ..sample::step(evil, Some(4), 60_000, CacheState::Executed, evil)
    };
    cell.timing = Some(Timing { steps: vec![step], ..sample::timing() });
    let used = CacheUse {
        entry: text(),
        branch: Some(text()),
        reason: text(),
        end: CacheEnd::Failed,
        duration: std::time::Duration::ZERO,
        error: Some(text()),
    };
    cell.cache =
        Some(CacheReport { imports: vec![used], exports: vec![], left_out: vec![text()], imported_bytes: None });
}

/// A scan with something new and something that only the database brought.
fn scan(evil: &str) -> Scan {
    let new = sample::scan::found(evil, evil, evil, evil, Danger::High);
    let new = Vulnerability { fixed_version: Some(evil.to_owned()), ..new };
    let known = Vulnerability { package: "p".to_owned(), version: "1".to_owned(), ..new.clone() };
    Scan { version: Some(evil.to_owned()), ..sample::scan::of(vec![new, known], "tuesday") }
}

/// Everything that can be inside of an image of two layers, under this name.
fn contents(evil: &str) -> Contents {
    let text = || evil.to_owned();
    let finding = || Finding {
        rule: text(),
        severity: Severity::Warning,
        message: text(),
        dockerfile_line: Some(3),
        url: Some(text()),
    };
    let examples = || vec![contents::FileBytes { path: text(), bytes: 9_000_000 }];
    let nested = format!("{evil}/{evil}");
    let mut files = vec![(1, evil, 30_000_000), (1, &*nested, 20_000_000), (0, "a", 1), (1, "p/x", 9_000_000)];
    // So many are told together.
    let small: Vec<String> = (0..40).map(|number| format!("small/{number}")).collect();
    files.extend(small.iter().map(|path| (1, &**path, 1_000_000)));
    let mut packages = vec![sample::contents::package(1, evil, evil, evil, 9_000_000, "p")];
    packages.extend(small.iter().map(|path| sample::contents::package(1, evil, path, evil, 1_000_000, path)));
    let inside = sample::contents::with_packages(sample::contents::of(2, &files), packages);
    Contents {
        live_bytes: 1_000,
        waste: vec![contents::Waste {
            writer: 1,
            killer: 7,
            kind: contents::WasteKind::Deleted,
            bytes: 9_000_000,
            files: u64::MAX,
            examples: examples(),
            fix: Some(text()),
        }],
        leftovers: vec![contents::Leftover { kind: text(), bytes: 1, files: 1, examples: examples(), fix: text() }],
        exposed_ports: vec![text()],
        findings: vec![finding()],
        start: contents::StartCheck { verdict: contents::Starts::No, findings: vec![finding()] },
        ..inside
    }
}

/// Insists that a text does nothing in a terminal and in the log of a runner, which looks for commands behind spaces.
#[track_caller]
fn is_inert(shown: &str) {
    for c in shown.chars().filter(|c| *c != '\n') {
        assert!(!c.is_control() && !"\u{202e}\u{2066}\u{200b}\u{feff}".contains(c), "{c:?} in {shown}");
    }
    assert!(!shown.contains("##[") && !shown.lines().any(|line| line.trim_start().starts_with("::")), "{shown}");
}

fn render_all(evil: &str) -> [String; 3] {
    let (base, head) = everywhere(evil);
    let (baseline, name) = (Baseline::Missing(evil.to_owned()), Some(evil.to_owned()));
    let comparison = Comparison { name, ..compare(Some(&base), &head) };
    let without = Comparison { baseline, ..compare(None, &head) };
    for comparison in [&comparison, &without] {
        let document = markdown::render(comparison);
        assert!(document.len() <= markdown::LIMIT_BYTES);
        gfm::check(&document);
        is_inert(&document);
        is_inert(&super::headline(comparison));
        is_inert(&text::render(comparison, Color::Never));
        let json = json::render(comparison);
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        assert!(!json.contains(|c: char| c.is_control() && c != '\n'), "{json}");
    }
    [markdown::render(&comparison), text::render(&comparison, Color::Never), json::render(&comparison)]
}

#[test]
fn nothing_that_others_write_is_more_than_text_in_any_format() {
    for evil in TEXTS {
        render_all(evil);
        let [markdown, ..] = render_all(&format!("x {evil} y"));
        assert!(markdown.contains("40 small "), "{markdown}");
    }
    render_all(&TEXTS.join(" "));
}

#[test]
fn a_line_of_a_megabyte_is_cut_in_every_format_for_people() {
    for evil in ["| `@a --> <b> é\u{301}", "\u{1b}[1m\u{202e}"] {
        let (base, head) = everywhere(&evil.repeat((1 << 20) / evil.len()));
        let comparison = compare(Some(&base), &head);
        let document = markdown::render(&comparison);
        assert!(document.len() <= markdown::LIMIT_BYTES);
        gfm::check(&document);
        is_inert(&document);
        assert!(text::render(&comparison, Color::Never).len() < 40_000);
    }
}
