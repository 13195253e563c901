//! Whether the caches did what was planned with them: each planned entry is held against the vertices of the build.
//!
//! buildx and BuildKit drop entries without a word, go on without a cache that they cannot read, and finish a build
//! whose cache they could not write. What is missing in the stream is therefore as telling as what stands in it.

mod alarm;
mod causes;

use std::time::Duration;

pub use causes::explain_cache_error;
pub(super) use causes::is_lost_layer;

use super::phases::{downloads, last_instant, ran};
use super::spans::Spans;
use crate::buildx::names::VertexKind;
use crate::buildx::text::one_line;
use crate::buildx::trace::{Trace, Vertex};
use crate::config::Backend;
use crate::plan::cache::{CachePlan, Direction, Entry, Remark};
use crate::report::{CacheEnd, CacheReport, CacheUse, Finding, Outcome};

/// Characters of an error.
const MAX_ERROR: usize = 300;
/// In front of what is imported (BuildKit: `frontend/gateway/forwarder`, `llbsolver/bridge.go`).
const IMPORT: &str = "importing cache manifest from ";

/// What became of the planned caches, and what the reader should know of it.
pub(super) fn measure_cache(plan: &CachePlan, trace: &Trace, outcome: Outcome) -> (CacheReport, Vec<Finding>) {
    let mut vertices = CacheVertices::of(trace);
    let built = outcome == Outcome::Built;
    let report = CacheReport {
        imports: plan.from.iter().map(|entry| import(entry, &mut vertices, trace, built)).collect(),
        exports: plan.to.iter().map(|entry| export(entry, &mut vertices, trace, built)).collect(),
        left_out: plan.remarks.iter().map(Remark::line).collect(),
        imported_bytes: imported_bytes(trace),
    };
    let findings = alarm::findings(plan, &report, trace, built);
    (report, findings)
}

/// The vertices of caches that no entry has claimed yet.
struct CacheVertices<'a> {
    imports: Vec<&'a Vertex>,
    exports: Vec<&'a Vertex>,
}

impl<'a> CacheVertices<'a> {
    fn of(trace: &'a Trace) -> Self {
        let of = |kind: fn(&VertexKind<'_>) -> bool| {
            trace.vertices.iter().filter(|vertex| kind(&VertexKind::of(&vertex.name))).collect()
        };
        Self {
            imports: of(|kind| *kind == VertexKind::CacheImport),
            exports: of(|kind| *kind == VertexKind::CacheExport),
        }
    }

    fn claim(list: &mut Vec<&'a Vertex>, is: impl Fn(&str) -> bool) -> Option<&'a Vertex> {
        let position = list.iter().position(|vertex| is(&vertex.name))?;
        Some(list.remove(position))
    }
}

fn import(entry: &Entry, vertices: &mut CacheVertices<'_>, trace: &Trace, built: bool) -> CacheUse {
    let is = |name: &str| {
        let source = name.rsplit_once(IMPORT).map_or(name, |(_, source)| source);
        match (entry.backend, reference(&entry.line)) {
            (Some(Backend::Registry | Backend::Inline), Some(reference)) => source.ends_with(reference),
            (Some(backend), _) => source.starts_with(&format!("{}:", backend.name())),
            (None, _) => true,
        }
    };
    let vertex = CacheVertices::claim(&mut vertices.imports, is);
    let mut used = cache_use(entry, vertex, trace, built);
    let is_missing = used.error.as_deref().is_some_and(causes::is_not_found);
    if used.end == CacheEnd::Failed && is_missing || used.end == CacheEnd::Ignored && is_absent_directory(entry, trace)
    {
        used.end = CacheEnd::NotFound;
    }
    used
}

fn export(entry: &Entry, vertices: &mut CacheVertices<'_>, trace: &Trace, built: bool) -> CacheUse {
    let is = |name: &str| {
        entry.backend.is_none_or(|backend| match backend {
            Backend::Gha => name.ends_with("exporting to GitHub Actions Cache"),
            Backend::Registry => name.ends_with("exporting cache to registry"),
            Backend::Local => name.ends_with("exporting cache to client directory"),
            Backend::S3 => name.ends_with("exporting cache to Amazon S3"),
            Backend::Azblob => name.ends_with("exporting cache to Azure Blob Storage"),
            Backend::Inline => false,
        })
    };
    let used = cache_use(entry, CacheVertices::claim(&mut vertices.exports, is), trace, built);
    match (entry.backend, used.end) {
        // An inline cache is a part of the image's config, written when the image is.
        (Some(Backend::Inline), CacheEnd::Ignored) => CacheUse { end: CacheEnd::Done, ..used },
        _ => used,
    }
}

fn cache_use(entry: &Entry, vertex: Option<&Vertex>, trace: &Trace, built: bool) -> CacheUse {
    let error = vertex.and_then(Vertex::real_error).map(|error| one_line(error, MAX_ERROR));
    let spans: Spans = vertex.iter().flat_map(|vertex| ran(vertex, last_instant(trace))).collect();
    CacheUse {
        entry: entry.line.clone(),
        branch: entry.branch.clone(),
        reason: entry.reason.clone(),
        end: match (vertex, &error) {
            (Some(_), Some(_)) => CacheEnd::Failed,
            (Some(vertex), None) if vertex.open_since.is_some() => CacheEnd::NotReached,
            (Some(_), None) => CacheEnd::Done,
            (None, _) if built => CacheEnd::Ignored,
            (None, _) => CacheEnd::NotReached,
        },
        duration: if vertex.is_some() { spans.total() } else { Duration::ZERO },
        error,
    }
}

/// The value of `ref=`, or a bare reference.
fn reference(line: &str) -> Option<&str> {
    let bare = (!line.contains('=')).then_some(line);
    line.split(',').find_map(|field| field.trim_matches('"').strip_prefix("ref=")).or(bare)
}

/// The client says in plain text that a local cache is not there, and asks the builder for nothing.
fn is_absent_directory(entry: &Entry, trace: &Trace) -> bool {
    let directory = entry.line.split(',').find_map(|field| field.trim_matches('"').strip_prefix("src="));
    entry.backend == Some(Backend::Local)
        && directory.is_some_and(|directory| {
            trace.plain_lines.iter().any(|line| line.contains("local cache import at ") && line.contains(directory))
        })
}

/// The bytes of layers that cached steps fetched.
fn imported_bytes(trace: &Trace) -> Option<u64> {
    let is_hit = |vertex: &&Vertex| {
        vertex.cached && downloads(vertex) && matches!(VertexKind::of(&vertex.name), VertexKind::Step(_))
    };
    let blobs = trace.vertices.iter().filter(is_hit).flat_map(|vertex| &vertex.statuses);
    blobs.filter(|status| status.id.starts_with("sha256:")).map(|status| status.current).reduce(u64::saturating_add)
}

/// Whether an import or an export is meant, for words.
fn verb(direction: Direction) -> &'static str {
    if direction == Direction::To { "written" } else { "read" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::recorded;
    use crate::plan::cache::CachePlan;

    fn entry(backend: Backend, line: &str, branch: Option<&str>) -> Entry {
        let (line, reason) = (line.to_owned(), "default branch".to_owned());
        Entry { backend: Some(backend), line, branch: branch.map(str::to_owned), reason }
    }

    /// The plan of a recording, by what its name says: a registry's reference, or the kind of store.
    fn plan(name: &str, reference: &str) -> CachePlan {
        let registry =
            |fields: &str| entry(Backend::Registry, &format!("type=registry,ref={reference}{fields}"), Some("main"));
        let gha = |fields: &str| entry(Backend::Gha, &format!("type=gha,scope=app{fields}"), None);
        let (from, to) = match name {
            "registry-cache-export" => (vec![], vec![registry(",mode=max")]),
            "registry-500-mid-export" => (vec![], vec![registry(",mode=max")]),
            "registry-down" | "registry-401" | "registry-403" | "registry-429" => {
                (vec![registry("")], vec![registry(",mode=max")])
            }
            name if name.starts_with("registry-") => (vec![registry("")], vec![]),
            "gha-export-denied" | "gha-429" | "gha-token-expires-midway" => (vec![], vec![gha(",mode=max")]),
            "gha-timeout" | "gha-dropped" | "gha-token-without-scopes" => (vec![gha("")], vec![gha(",mode=max")]),
            name if name.starts_with("gha-") => (vec![gha("")], vec![]),
            "local-cache-export" => (vec![], vec![entry(Backend::Local, "type=local,dest=/src/cache,mode=max", None)]),
            "local-cache-missing" => (vec![entry(Backend::Local, "type=local,src=/src/none", None)], vec![]),
            "local-cache-import" => (vec![entry(Backend::Local, "type=local,src=/src/cache", None)], vec![]),
            _ => (vec![], vec![entry(Backend::Inline, "type=inline", None)]),
        };
        CachePlan { from, to, ..CachePlan::default() }
    }

    /// What became of each entry, then the findings.
    fn told(name: &str, reference: &str) -> String {
        let (report, findings) = measure_cache(&plan(name, reference), &recorded(name), Outcome::Built);
        let ends = report.imports.iter().map(|used| format!("read {:?}", used.end));
        let ends = ends.chain(report.exports.iter().map(|used| format!("written {:?}", used.end)));
        let bytes = report.imported_bytes.map(|bytes| format!("{bytes} bytes"));
        let findings = findings.iter().map(|one| format!("\n  {:?} {} {}", one.severity, one.rule, one.message));
        ends.chain(bytes).collect::<Vec<_>>().join(", ") + &findings.collect::<String>()
    }

    #[test]
    fn every_recorded_cache_is_held_against_its_plan() {
        let mut all = String::new();
        for (name, reference) in [
            ("registry-cache-export", "127.0.0.1:5055/rec/cache:app"),
            ("registry-cache-import", "127.0.0.1:5055/rec/cache:app"),
            ("registry-cache-import-partial", "127.0.0.1:5055/rec/cache:app"),
            ("registry-cache-missing", "127.0.0.1:5055/rec/cache:none"),
            ("registry-cache-not-a-cache", "127.0.0.1:5055/rec/cache:image"),
            ("registry-cache-corrupt", "127.0.0.1:5055/rec/cache:garbage"),
            ("registry-down", "127.0.0.1:5999/rec/cache:app"),
            ("registry-401", "127.0.0.1:18181/rec/cache:copies"),
            ("registry-403", "127.0.0.1:18181/rec/cache:copies"),
            ("registry-429", "127.0.0.1:18181/rec/cache:copies"),
            ("registry-500-mid-export", "127.0.0.1:18181/rec/mid:a"),
            ("registry-slow", "127.0.0.1:18181/rec/cache:copies"),
            ("gha-export-denied", ""),
            ("gha-429", ""),
            ("gha-timeout", ""),
            ("gha-token-expired-import", ""),
            ("gha-token-expires-midway", ""),
            ("gha-token-without-scopes", ""),
            ("gha-missing-entry", ""),
            ("gha-import-base", ""),
            ("gha-import-empty", ""),
            ("gha-dropped", ""),
            ("local-cache-missing", ""),
            ("local-cache-export", ""),
            ("local-cache-import", ""),
            ("inline-cache-export", ""),
        ] {
            all += &format!("{name}: {}\n", told(name, reference));
        }
        insta::assert_snapshot!(all);
    }
}
