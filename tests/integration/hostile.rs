//! Whoever opens a change request chooses step names, logs and image data: none of it reaches a terminal, a workflow
//! log or the comment as anything but text.

use base64::Engine as _;
use comrak::nodes::NodeValue;
use serde_json::json;
use weighbridge::publish::comment::{Comment, Marker};

use crate::action::log::Log;
use crate::case::Case;
use crate::fake::Build;
use crate::layout::TestImage;

const EVIL: &str = "::error::pwned | \u{1b}[31mred\u{1b}]0;title\u{7} <img src=x> ##[error]pwned \u{202e}desrever";

/// A stream whose names, logs and errors hold this text.
fn stream(text: &str, error: Option<&str>) -> Vec<u8> {
    let digest = format!("sha256:{}", "1".repeat(64));
    let name = format!("[1/1] RUN {text}");
    let log = |data: String| {
        json!({ "logs": [{ "vertex": digest, "stream": 1, "timestamp": "2026-11-20T15:00:02Z",
        "data": base64::engine::general_purpose::STANDARD.encode(data) }] })
    };
    let started = json!({ "vertexes": [{ "digest": digest, "name": name, "started": "2026-11-20T15:00:01Z" }] });
    let finished = json!({ "vertexes": [{ "digest": digest, "name": name, "started": "2026-11-20T15:00:01Z",
        "completed": "2026-11-20T15:00:03Z", "error": error.map(|error| format!("{error}{text}")) }] });
    let warning = json!({ "warnings": [{ "vertex": digest, "level": 1, "url": text,
        "short": base64::engine::general_purpose::STANDARD.encode(text) }] });
    let lines = [started, log(format!("{text}\n  {text}\n")), log(format!("\n{text}\n")), warning, finished];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let tail = error.map(|error| format!("Dockerfile:2\n>>> {text}\n{text}\nERROR: {error}\n{text}\n"));
    (lines + &tail.unwrap_or_default()).into_bytes()
}

/// Insists that a text does nothing but stand there.
#[track_caller]
fn harmless(what: &str, text: &str) {
    // JSON is for programs: its texts stay as they are, and it escapes control characters by itself.
    let is_json = text.starts_with('{');
    for bad in ["\u{1b}", "\u{7}", "\u{202e}", "##["].iter().take(if is_json { 2 } else { 4 }) {
        assert!(!text.contains(bad), "{what} contains {bad:?}:\n{text}");
    }
    // The runner of GitHub Actions looks for commands behind leading spaces.
    let command = text.lines().find(|line| line.trim_start().starts_with("::"));
    assert_eq!(command, None, "{what}:\n{text}");
}

fn hostile() -> Case {
    let case = Case::new();
    let image = TestImage { layers: vec![(format!("RUN {EVIL}"), vec![b'x'; 100])], ..TestImage::of(1) };
    case.docker.builds("orders", &Build { stream: stream(EVIL, None), ..Build::ok(image) });
    case.docker.builds("web", &Build { stream: stream(EVIL, Some("process failed ")), ..Build::failing() });
    case.run(&[]).expect(3);
    case.repository.commit("grow");
    let image = TestImage { layers: vec![(format!("RUN {EVIL}"), vec![b'y'; 900_000])], ..TestImage::of(1) };
    case.docker.builds("orders", &Build { stream: stream(EVIL, None), ..Build::ok(image) });
    case
}

#[test]
fn nothing_that_is_shown_commands_a_terminal_or_a_workflow() {
    for verbosity in [&[][..], &["--verbose"], &["--quiet"]] {
        for format in ["text", "markdown", "json"] {
            let mut case = hostile();
            case.set("GITHUB_ACTIONS", "true");
            let run = case.run(&[&["--format", format], verbosity].concat()).expect(3);
            harmless("stdout", &run.stdout);
            let log = Log::read(&run.stderr).ended();
            harmless("stderr", &log.text);
            harmless("commands", &log.said());
            let ours = ["group", "endgroup", "error", "warning"];
            assert!(log.names().iter().all(|name| ours.contains(name)), "{:?}", log.names());
            harmless("report.md", &case.comment());
            harmless("report.json", &case.repository.read(".weighbridge/report.json"));
            for image in ["orders", "web"] {
                let log = case.repository.read(&format!(".weighbridge/cells/{image}/linux-amd64/build.log"));
                harmless("build.log", &log);
                assert!(log.contains("pwned"), "the log lost its text: {log}");
            }
        }
    }
}

#[test]
fn the_table_of_the_comment_keeps_its_columns() {
    let case = hostile();
    case.run(&[]).expect(3);
    let comment = case.comment();
    let columns = |line: &&str| line.matches('|').count() - line.matches("\\|").count();
    let table: Vec<&str> = comment.lines().filter(|line| line.starts_with('|')).collect();
    assert!(table.len() >= 3 && table.iter().all(|line| columns(line) == columns(&table[0])), "{comment}");
}

#[test]
fn what_docker_complains_of_is_no_command_either() {
    let case = Case::new();
    case.docker.refuses("inspect", 1, &format!("ERROR: broken\n{EVIL}\n  {EVIL}\n"));
    harmless("stderr", &case.run(&[]).expect(3).stderr);
    harmless("doctor", &case.weighbridge(&["doctor"]).expect(3).stdout);
}

#[test]
fn the_marker_of_any_name_ends_on_its_line_and_hides_nothing_else() {
    let long = EVIL.repeat(10_000);
    for name in ["shop --> <b>x</b>", "a\n# b", "<!--", "@acme/team", "a;v=2;run=9", "--->", EVIL, &long] {
        let comment = Comment::new(Marker::new(name, Some("-->"), 5), "### title\n\n| a |\n|---|\n| b |\n");
        let arena = comrak::Arena::new();
        let mut options = comrak::Options::default();
        options.extension.table = true;
        let root = comrak::parse_document(&arena, comment.body(), &options);
        let kinds: Vec<bool> = root
            .children()
            .zip(0..)
            .map(|(node, index)| match (index, &node.data().value) {
                (0, NodeValue::HtmlBlock(block)) => block.literal.matches("-->").count() == 1,
                (1, NodeValue::Heading(_)) | (2, NodeValue::Table(_)) => true,
                _ => false,
            })
            .collect();
        assert_eq!(kinds, [true; 3], "{}", comment.body());
    }
}
