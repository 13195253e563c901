//! What a stream of BuildKit comes to.

use proptest::prelude::*;

use super::super::trace::recorded;
use super::*;

fn fold(lines: &[&str]) -> (Trace, Vec<String>) {
    let (mut folder, mut events) = (Folder::default(), Vec::new());
    for line in lines {
        folder.line(line.as_bytes(), |event| events.push(format!("{event:?}")));
    }
    (folder.finish(), events)
}

#[test]
fn recorded_streams_fold_to_their_vertices() {
    for (name, vertices, statuses, warnings, plain_lines) in [
        ("cold-build-oci-zstd", 10, 7, 0, 0),
        ("cold-build-replayed-from-history", 9, 6, 0, 0),
        ("warm-push-registry-cache", 12, 20, 0, 0),
        ("multiplatform-lint-warnings", 7, 11, 4, 0),
        ("gha-export-max", 11, 13, 0, 0),
        ("gha-import-lazy-download", 10, 13, 0, 0),
        ("run-failure-exit3", 5, 3, 0, 8),
        ("two-outputs-oci-dir-and-push", 11, 13, 0, 0),
        ("gha-export-denied-ignored", 9, 5, 0, 0),
        ("multiplatform-oci-dir-lock-noise", 6, 10, 4, 6),
    ] {
        let trace = recorded(name);
        let counted = trace.vertices.iter().map(|vertex| vertex.statuses.len()).sum::<usize>();
        let folded = (trace.vertices.len(), counted, trace.warnings.len(), trace.plain_lines.len());
        assert_eq!(folded, (vertices, statuses, warnings, plain_lines), "{name}");
        assert!(!trace.incomplete && trace.vertices.iter().all(|vertex| vertex.open_since.is_none()), "{name}");
    }
}

#[test]
fn a_live_stream_and_its_replay_have_the_same_durations() {
    let durations = |name: &str| -> std::collections::BTreeMap<String, Vec<Duration>> {
        let vertices = recorded(name).vertices.into_iter().filter(|vertex| !vertex.name.starts_with("resolving"));
        vertices
            .map(|vertex| (vertex.name, vertex.intervals.iter().map(super::super::trace::Interval::duration).collect()))
            .collect()
    };
    assert_eq!(durations("cold-build-oci-zstd"), durations("cold-build-replayed-from-history"));
}

#[test]
fn a_lazily_downloaded_step_stays_cached_and_keeps_its_late_statuses() {
    let trace = recorded("gha-import-lazy-download");
    let last = trace.vertices.iter().find(|vertex| vertex.name.starts_with("[final 3/3]")).unwrap();
    let downloaded: u64 = last.statuses.iter().map(|status| status.current).sum();
    assert_eq!((last.cached, last.intervals.len(), last.inputs.len(), downloaded), (true, 2, 1, 161 + 102 + 3_146_570));
}

#[test]
fn logs_are_decoded_and_warnings_have_their_line() {
    let failed = recorded("run-failure-exit3");
    assert_eq!(
        failed.vertices.iter().flat_map(|vertex| &vertex.log_tail).collect::<Vec<_>>(),
        ["::error::inject", "oops"]
    );
    let warnings = recorded("multiplatform-lint-warnings").warnings;
    assert_eq!(warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [Some(1), Some(3), Some(1), Some(5)]);
    assert_eq!(warnings[0].short, "StageNameCasing: Stage name 'Base' should be lowercase (line 1)");
    assert_eq!(warnings[0].detail, ["Stage names should be lowercase"]);
}

#[test]
fn a_watcher_sees_start_log_and_end() {
    let (_, events) = fold(&[
        r#"{"vertexes":[{"digest":"d","name":"n"}]}"#,
        r#"{"vertexes":[{"digest":"d","started":"2026-01-01T00:00:00Z"}]}"#,
        r#"{"logs":[{"vertex":"d","stream":1,"data":"aGkKdGhlcmU=","timestamp":"2026-01-01T00:00:01Z"}]}"#,
        r#"{"vertexes":[{"digest":"d","started":"2026-01-01T00:00:00Z","completed":"2026-01-01T00:00:02Z","error":"e"}]}"#,
    ]);
    assert_eq!(
        events,
        [
            r#"Started { name: "n" }"#,
            r#"Log { name: "n", line: "hi" }"#,
            r#"Finished { name: "n", cached: false, duration: 2s, error: Some("e") }"#,
        ]
    );
}

#[test]
fn a_counter_that_does_not_move_is_no_progress() {
    let status =
        |current: u64| format!(r#"{{"statuses":[{{"id":"sha256:00","vertex":"d","current":{current},"total":9}}]}}"#);
    let vertex = r#"{"vertexes":[{"digest":"d","name":"n"}]}"#.to_owned();
    let lines = [vertex, status(0), status(0), status(4), status(4), status(9)];
    let (_, events) = fold(&lines.each_ref().map(String::as_str));
    assert_eq!(events, [r#"Progress { name: "n", id: "sha256:00" }"#; 3]);
}

#[test]
fn what_is_no_solve_status_is_kept_as_text() {
    let (trace, _) = fold(&["", "\u{1b}[31mERROR: x\u{1b}[0m\n", "{", r#"{"vertexes":7}"#, "null"]);
    assert_eq!(trace.plain_lines, ["ERROR: x", "{", r#"{"vertexes":7}"#, "null"]);
    let many: Vec<String> = (0..300).map(|number| format!("line {number}")).collect();
    let (trace, _) = fold(&many.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!((trace.plain_lines.len(), trace.plain_lines[0].as_str()), (PLAIN_LINES, "line 100"));
}

#[test]
fn memory_stays_bounded_and_the_trace_says_what_that_cost() {
    let (trace, _) = fold(&[&"x".repeat(MAX_LINE_BYTES + 1)]);
    assert!(trace.incomplete && trace.plain_lines.is_empty());
    let (trace, _) = fold(&[&"x".repeat(1_000_000)]);
    assert_eq!(trace.plain_lines[0].len(), PLAIN_LINE_BYTES);

    let mut folder = Folder::default();
    let name = "n".repeat(10_000);
    for number in 0..10_000 {
        folder.line(format!(r#"{{"vertexes":[{{"digest":"{number}","name":"{name}"}}]}}"#).as_bytes(), |_| {});
    }
    let trace = folder.finish();
    let kept: usize = trace.vertices.iter().map(|vertex| VERTEX_BYTES + vertex.name.len()).sum();
    assert!(trace.incomplete && kept <= MAX_TRACE_BYTES, "{kept}");
}

proptest! {
    #[test]
    fn no_stream_is_too_strange(lines in prop::collection::vec(prop_oneof![
        ".{0,40}",
        r#"\{"(vertexes|statuses|logs|warnings)":\[\{"(digest|vertex|id)":"[ab]","(name|data|vertex|started)":"[a-z=]{0,4}"\}\]\}"#,
    ], 0..20)) {
        let (trace, _) = fold(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(trace.vertices.len() <= 20 && trace.plain_lines.len() <= 20);
    }
}
