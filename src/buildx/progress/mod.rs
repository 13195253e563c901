//! The standard error of `docker buildx build --progress=rawjson`, folded line by line into a [`Trace`].
//!
//! The stream is JSON lines mixed with plain text: the builder's final error, and harmless `ERROR:` lines of builds
//! that succeed. Nothing here decides whether a build succeeded; the exit status does. Whatever the stream holds,
//! what is kept stays below [`MAX_TRACE_BYTES`] plus the log tails.

mod merge;
mod tail;
mod wire;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use self::merge::{Allowance, Change, merge_status, merge_vertex};
use self::tail::Tails;
use super::text::{plain, prefix};
use super::trace::{Trace, Vertex, Warning};

/// The longest line that is read: a whole build replayed from the history is one line. Longer ones may be handed over
/// cut anywhere behind this length; they are dropped and the trace says that it is incomplete.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// What may be kept of vertices, statuses and warnings.
const MAX_TRACE_BYTES: usize = 64 * 1024 * 1024;
/// Plain lines kept, the newest ones.
const PLAIN_LINES: usize = 200;
/// Bytes kept of a plain line.
const PLAIN_LINE_BYTES: usize = 4 * 1024;
/// A digest is 71 bytes; a longer key is not one.
const MAX_DIGEST_BYTES: usize = 256;
/// What a vertex costs beside its texts: itself, and its place in the index.
const VERTEX_BYTES: usize = size_of::<Vertex>() + 2 * MAX_DIGEST_BYTES;

/// What a watcher of a running build may want to show. Names and lines are untrusted text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A vertex began to run.
    Started {
        /// The vertex's name; [`super::names::VertexKind`] says what it stands for.
        name: &'a str,
    },
    /// A vertex ended; one that runs in several intervals ends several times.
    Finished {
        /// The vertex's name.
        name: &'a str,
        /// Whether it was served from a cache.
        cached: bool,
        /// How long this interval was.
        duration: Duration,
        /// Its error, when it failed.
        error: Option<&'a str>,
    },
    /// A vertex got on with its work.
    Progress {
        /// The vertex's name.
        name: &'a str,
        /// What it does: a layer's digest while it is fetched, `extracting sha256:…`, `writing layer sha256:…`.
        id: &'a str,
    },
    /// A vertex wrote a line.
    Log {
        /// The vertex's name.
        name: &'a str,
        /// The line, without terminal sequences.
        line: &'a str,
    },
}

/// Folds the lines of one stream.
#[derive(Debug)]
pub struct Folder {
    trace: Trace,
    positions: HashMap<String, usize>,
    tails: Tails,
    plain_lines: VecDeque<String>,
    allowance: Allowance,
}

impl Default for Folder {
    fn default() -> Self {
        Self {
            trace: Trace::default(),
            positions: HashMap::new(),
            tails: Tails::default(),
            plain_lines: VecDeque::new(),
            allowance: Allowance::new(MAX_TRACE_BYTES),
        }
    }
}

impl Folder {
    /// Folds one line, with or without its line end, and tells `observe` what happened.
    pub fn line(&mut self, line: &[u8], mut observe: impl FnMut(Event<'_>)) {
        if line.len() > MAX_LINE_BYTES {
            self.allowance.exceeded = true;
            return;
        }
        match serde_json::from_slice::<wire::SolveStatus>(line) {
            Ok(status) if !status.is_empty() => self.status(status, &mut observe),
            _ => self.plain(line),
        }
    }

    /// The trace, once the stream has ended.
    #[must_use]
    pub fn finish(mut self) -> Trace {
        for (position, lines) in self.tails.finish() {
            if let Some(vertex) = self.trace.vertices.get_mut(position) {
                vertex.log_tail = lines;
            }
        }
        self.trace.plain_lines = self.plain_lines.into();
        self.trace.incomplete = self.allowance.exceeded;
        self.trace
    }

    fn plain(&mut self, line: &[u8]) {
        // A little more than what is kept, as a cut character at the end is replaced by three bytes.
        let start = line.get(..PLAIN_LINE_BYTES).unwrap_or(line);
        let text = plain(&String::from_utf8_lossy(start));
        if text.trim().is_empty() {
            return;
        }
        if self.plain_lines.len() >= PLAIN_LINES {
            self.plain_lines.pop_front();
        }
        self.plain_lines.push_back(prefix(&text, PLAIN_LINE_BYTES).to_owned());
    }

    fn status(&mut self, status: wire::SolveStatus, observe: &mut impl FnMut(Event<'_>)) {
        self.allowance.exceeded |= status.is_cut();
        for update in &status.vertexes.0 {
            self.vertex(update, observe);
        }
        for update in &status.statuses.0 {
            let Some(position) = self.position(&update.vertex) else { continue };
            let Some(vertex) = self.trace.vertices.get_mut(position) else { continue };
            if merge_status(vertex, update, &mut self.allowance) {
                observe(Event::Progress { name: &vertex.name, id: &update.id });
            }
        }
        for log in status.logs.0 {
            self.log(&log, observe);
        }
        for warning in &status.warnings.0 {
            self.warning(warning);
        }
    }

    fn vertex(&mut self, update: &wire::Vertex, observe: &mut impl FnMut(Event<'_>)) {
        let Some(position) = self.position(&update.digest) else { return };
        let Some(vertex) = self.trace.vertices.get_mut(position) else { return };
        let change = merge_vertex(vertex, update, &mut self.allowance);
        let name = vertex.name.as_str();
        match change {
            Change::Nothing => {}
            Change::Started => observe(Event::Started { name }),
            Change::Finished(interval) => observe(Event::Finished {
                name,
                cached: vertex.cached,
                duration: interval.map(|interval| interval.duration()).unwrap_or_default(),
                error: vertex.error.as_deref(),
            }),
        }
    }

    fn log(&mut self, log: &wire::Log, observe: &mut impl FnMut(Event<'_>)) {
        let Some(position) = self.position(&log.vertex) else { return };
        let name = self.trace.vertices.get(position).map_or("", |vertex| vertex.name.as_str());
        let data = STANDARD.decode(log.data.as_deref().unwrap_or_default()).unwrap_or_default();
        self.tails.push(position, log.stream, &data, |line| observe(Event::Log { name, line }));
    }

    fn warning(&mut self, warning: &wire::Warning) {
        if !self.allowance.take(size_of::<Warning>()) {
            return;
        }
        let start = warning.range.0.first().and_then(|range| range.start.as_ref());
        let warning = Warning {
            short: self.base64_text(warning.short.as_deref().unwrap_or_default()),
            detail: warning.detail.0.iter().map(|detail| self.base64_text(detail)).collect(),
            url: warning.url.as_ref().map(|url| self.allowance.text(url)),
            line: start.and_then(|start| u32::try_from(start.line).ok()).filter(|line| *line > 0),
        };
        self.trace.warnings.push(warning);
    }

    fn base64_text(&mut self, text: &str) -> String {
        let bytes = STANDARD.decode(text).unwrap_or_default();
        self.allowance.take(size_of::<String>());
        self.allowance.text(&String::from_utf8_lossy(&bytes))
    }

    /// Where a vertex stands, entered when it is new: statuses and logs may arrive before it.
    fn position(&mut self, digest: &str) -> Option<usize> {
        if let Some(position) = self.positions.get(digest) {
            return Some(*position);
        }
        if digest.len() > MAX_DIGEST_BYTES || !self.allowance.take(VERTEX_BYTES) {
            self.allowance.exceeded = true;
            return None;
        }
        let position = self.trace.vertices.len();
        self.trace.vertices.push(Vertex { digest: digest.to_owned(), ..Vertex::default() });
        self.positions.insert(digest.to_owned(), position);
        Some(position)
    }
}

#[cfg(test)]
mod tests {
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
                .map(|vertex| {
                    (vertex.name, vertex.intervals.iter().map(super::super::trace::Interval::duration).collect())
                })
                .collect()
        };
        assert_eq!(durations("cold-build-oci-zstd"), durations("cold-build-replayed-from-history"));
    }

    #[test]
    fn a_lazily_downloaded_step_stays_cached_and_keeps_its_late_statuses() {
        let trace = recorded("gha-import-lazy-download");
        let last = trace.vertices.iter().find(|vertex| vertex.name.starts_with("[final 3/3]")).unwrap();
        let downloaded: u64 = last.statuses.iter().map(|status| status.current).sum();
        assert_eq!(
            (last.cached, last.intervals.len(), last.inputs.len(), downloaded),
            (true, 2, 1, 161 + 102 + 3_146_570)
        );
    }

    #[test]
    fn logs_are_decoded_and_warnings_have_their_line() {
        let failed = recorded("run-failure-exit3");
        assert_eq!(
            failed.vertices.iter().flat_map(|vertex| &vertex.log_tail).collect::<Vec<_>>(),
            ["::error::inject", "oops"]
        );
        let warnings = recorded("multiplatform-lint-warnings").warnings;
        assert_eq!(
            warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(),
            [Some(1), Some(3), Some(1), Some(5)]
        );
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
        let status = |current: u64| {
            format!(r#"{{"statuses":[{{"id":"sha256:00","vertex":"d","current":{current},"total":9}}]}}"#)
        };
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
}
