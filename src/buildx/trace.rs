//! What a build's progress stream said, folded: one [`Vertex`] per digest, nothing dropped that a later stage needs.
//!
//! BuildKit sends each vertex many times (declared, started, completed, again while a lazy blob downloads), sometimes
//! twice in one line, and statuses may follow long after completion. Folding is by digest; `cached` is sticky; a
//! vertex may have several intervals. All instants are the daemon's clock shifted by one constant, so only
//! differences mean anything.

use std::time::Duration;

use jiff::Timestamp;

/// A folded progress stream.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// In order of first appearance.
    pub vertices: Vec<Vertex>,
    /// Build checks and other warnings, in order.
    pub warnings: Vec<Warning>,
    /// Lines of the stream that are not JSON, in order, the newest 200 kept.
    pub plain_lines: Vec<String>,
    /// Whether something had to be dropped to bound memory, so that numbers may miss it.
    pub incomplete: bool,
}

/// One vertex of the build graph.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vertex {
    /// Its digest.
    pub digest: String,
    /// Digests of the vertices it needs.
    pub inputs: Vec<String>,
    /// The name as displayed, untrusted text.
    pub name: String,
    /// Closed intervals in which it ran, in order of arrival.
    pub intervals: Vec<Interval>,
    /// When it started without having completed yet.
    pub open_since: Option<Timestamp>,
    /// Whether any message called it cached.
    pub cached: bool,
    /// The error it ended with, untrusted text; also of ignored failures in a successful build.
    pub error: Option<String>,
    /// Byte counters and sub-steps, by id, in order of first appearance.
    pub statuses: Vec<Status>,
    /// The last lines of its log, untrusted, decoded, without the trailing newline.
    pub log_tail: Vec<String>,
}

/// A span of time on the stream's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// Start.
    pub started: Timestamp,
    /// End, not before the start.
    pub completed: Timestamp,
}

/// A counter or sub-step of a vertex.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status {
    /// Its id, such as `transferring context:` or `sha256:…`.
    pub id: String,
    /// Its name, such as `transferring` or `extracting`.
    pub name: String,
    /// Bytes so far, the highest seen.
    pub current: u64,
    /// Bytes expected, when known (0 when not).
    pub total: u64,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it completed.
    pub completed: Option<Timestamp>,
}

/// A warning of the Dockerfile frontend.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Warning {
    /// The text, untrusted.
    pub short: String,
    /// More lines, untrusted.
    pub detail: Vec<String>,
    /// The page of the rule, when it is a build check.
    pub url: Option<String>,
    /// First line of the range, counted from 1.
    pub line: Option<u32>,
}

impl Trace {
    /// The digest under which the image was pushed, from the status `pushing manifest for NAME@DIGEST`. Of a push by
    /// digest that has the name alone (`util/push/push.go` of BuildKit), so what the same vertex exported is told. The
    /// metadata file cannot tell: with several outputs, the last one's digest stands there.
    #[must_use]
    pub fn pushed_digest(&self) -> Option<&str> {
        let mut pushed = self.vertices.iter().filter_map(|vertex| {
            let pushed = vertex.last_after("pushing manifest for ")?;
            let exported =
                || vertex.last_after("exporting manifest list ").or_else(|| vertex.last_after("exporting manifest "));
            pushed.split_once('@').map(|(_, digest)| digest).or_else(exported)
        });
        pushed.rfind(|digest| digest.starts_with("sha256:"))
    }
}

impl Interval {
    /// How long it is.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.completed.duration_since(self.started).try_into().unwrap_or_default()
    }
}

impl Vertex {
    /// What follows in the id of the last status that starts so.
    fn last_after(&self, start: &str) -> Option<&str> {
        self.statuses.iter().rev().find_map(|status| status.id.strip_prefix(start))
    }

    /// Its error, unless it only says that something else stopped the build.
    #[must_use]
    pub fn real_error(&self) -> Option<&str> {
        // The suffix is how BuildKit's own display tells the two apart.
        self.error.as_deref().filter(|error| !error.ends_with("context canceled"))
    }
}

/// Folds a recorded stream.
#[cfg(test)]
pub(crate) fn recorded(name: &str) -> Trace {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/buildx/rawjson");
    let stream = crate::fs::read_limited(&folder.join(name).with_extension("jsonl"), 1 << 20).unwrap();
    let mut folder = super::progress::Folder::default();
    stream.split(|byte| *byte == b'\n').for_each(|line| folder.line(line, |_| {}));
    folder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pushed_digest_is_that_of_the_stream() {
        let index = "sha256:3eb66f5f208125dcdd4e888f664d78f26cfe2479709d7d76b6bfd13933b5f441";
        assert_eq!(recorded("warm-push-registry-cache").pushed_digest(), Some(index));
        let manifest = "sha256:df12d5da7d2d509218a5ef257969d6b72269d77151eba632d1ef481f69286d55";
        assert_eq!(recorded("two-outputs-oci-dir-and-push").pushed_digest(), Some(manifest));
        let index = "sha256:e6425d8d2f1c97f692e45369b8ef8ad14909a8327cbb2b900f00efdc74855822";
        assert_eq!(recorded("push-by-digest").pushed_digest(), Some(index));
        let manifest = "sha256:17a8dc22544c13b0ec0a15569e2662932777943998e2ccb6784ee7557cea8938";
        assert_eq!(recorded("push-by-digest-without-attestations").pushed_digest(), Some(manifest));
        assert_eq!(recorded("cold-build-oci-zstd").pushed_digest(), None);
    }
}
