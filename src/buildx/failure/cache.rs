//! Whether a build failed for the sake of its cache. BuildKit takes a step from a cache on the word of the cache's index,
//! and fails the build when the layers turn out to be gone; it also fails one whose cache export it cannot set up, told
//! to ignore errors or not.

use crate::buildx::names::VertexKind;
use crate::buildx::trace::{Trace, Vertex};

/// Which part of the caches failed a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheBlame {
    /// Layers of a cache that was read are gone.
    Import,
    /// A cache could not be set up at all.
    Setup,
}

/// What an exporter says when it cannot fetch a layer (containerd: `remotes/docker/fetcher.go`), the last two of a local
/// cache (`content/proxy`, `content/helpers.go`).
const FETCH_ERRORS: [&str; 5] = [
    "failed to copy: ",
    "could not fetch content descriptor",
    "httpReadSeeker",
    "code = NotFound desc = content sha256:",
    "short read: expected ",
];

/// Whether the caches are to blame for a failed build, and the error that says so. A base image whose layers are gone
/// looks the same.
#[must_use]
pub fn cache_blame(trace: &Trace) -> Option<(CacheBlame, &str)> {
    let set_up = |line: &str| {
        let is_configured = line.contains("failed to configure ") && line.contains(" cache exporter");
        line.starts_with("ERROR: ") && (is_configured || line.contains("unknown cache exporter"))
    };
    if let Some(line) = trace.plain_lines.iter().find(|line| set_up(line)) {
        return Some((CacheBlame::Setup, line.strip_prefix("ERROR: ").unwrap_or(line)));
    }
    let hit = trace
        .vertices
        .iter()
        .any(|vertex| vertex.cached && matches!(VertexKind::of(&vertex.name), VertexKind::Step(_)));
    let lost = |vertex: &Vertex| {
        let is_place =
            matches!(VertexKind::of(&vertex.name), VertexKind::Export | VertexKind::Push | VertexKind::Step(_));
        is_place && vertex.real_error().is_some_and(|error| FETCH_ERRORS.iter().any(|part| error.contains(part)))
    };
    let error = trace.vertices.iter().filter(|_| hit).find(|vertex| lost(vertex))?.real_error()?;
    Some((CacheBlame::Import, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::recorded;

    fn vertex(name: &str, cached: bool, error: Option<&str>) -> Vertex {
        Vertex { name: name.into(), cached, error: error.map(str::to_owned), ..Vertex::default() }
    }

    #[test]
    fn lost_layers_and_exports_that_cannot_be_set_up_are_told_from_other_failures() {
        let gone = "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:0 from remote: not found";
        let of = |vertices| cache_blame(&Trace { vertices, ..Trace::default() }).map(|(blame, _)| blame);
        assert_eq!(
            of(vec![vertex("[1/1] COPY a b", true, None), vertex("exporting to oci image format", false, Some(gone))]),
            Some(CacheBlame::Import)
        );
        assert_eq!(
            of(vec![vertex("[1/1] COPY a b", false, None), vertex("exporting to image", false, Some(gone))]),
            None
        );
        assert_eq!(
            of(vec![vertex("[1/2] COPY a b", true, None), vertex("[2/2] RUN x", false, Some("exit code: 1"))]),
            None
        );
        for said in [
            "failed to build: failed to solve: failed to configure gha cache exporter: cache token expired",
            "failed to build: failed to solve: unknown cache exporter: \"s3\"",
        ] {
            let trace = Trace { plain_lines: vec![format!("ERROR: {said}")], ..Trace::default() };
            assert_eq!(cache_blame(&trace), Some((CacheBlame::Setup, said)));
        }
        assert_eq!(cache_blame(&recorded("run-failure-exit3")), None);
    }
}
