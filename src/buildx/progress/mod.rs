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
mod tests;
