//! The steps of the Dockerfile and the images they stand on, as the build named them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::lines::as_written;
use super::phases::{downloads, last_instant, ran};
use super::spans::Spans;
use crate::buildx::inherited::Inherited;
use crate::buildx::names::{StepName, VertexKind};
use crate::buildx::text::one_line;
use crate::buildx::trace::{Trace, Vertex};
use crate::dockerfile::Dockerfile;
use crate::report::{BaseImage, CacheState, Step};

/// Characters of an instruction.
const MAX_INSTRUCTION: usize = 500;

/// The images that the build resolved for `FROM` and `COPY --from`, sorted, each once.
#[must_use]
pub fn base_images(trace: &Trace) -> Vec<BaseImage> {
    let references = trace.vertices.iter().filter_map(|vertex| match VertexKind::of(&vertex.name) {
        VertexKind::BasePull { reference } => reference.split_whitespace().next()?.split_once('@'),
        _ => None,
    });
    let images: BTreeSet<BaseImage> = references
        .filter(|(_, digest)| digest.starts_with("sha256:"))
        .map(|(name, digest)| BaseImage { name: name.to_owned(), digest: digest.to_owned() })
        .collect();
    images.into_iter().collect()
}

/// The steps that the build needed, in Dockerfile order as far as their lines are known, and the time in which any of
/// them really ran. A step that never began is not one of them: a build that fails leaves such behind.
pub(super) fn steps(trace: &Trace, dockerfile: Option<&Dockerfile>) -> (Vec<Step>, Duration) {
    let end = last_instant(trace);
    let inherited = Inherited::of(trace);
    let remote = remote(trace);
    let mut found: Vec<(Key<'_>, Step)> = Vec::new();
    let mut executed: Vec<Spans> = Vec::new();
    for (key, vertices) in grouped(trace) {
        let Some((name, _)) = vertices.first() else { continue };
        let spans: Spans = vertices.iter().flat_map(|(_, vertex)| ran(vertex, end)).collect();
        let cache = cache_state(vertices.iter().map(|(_, vertex)| *vertex), &remote);
        let own = dockerfile.zip(inherited.own_index(name));
        let instruction = own.and_then(|(dockerfile, index)| dockerfile.step(name.stage, index));
        let as_written = instruction.and_then(|instruction| as_written(instruction, MAX_INSTRUCTION));
        let step = Step {
            stage: name.stage.to_owned(),
            instruction: as_written.unwrap_or_else(|| one_line(name.instruction, MAX_INSTRUCTION)),
            dockerfile_line: own.and_then(|(dockerfile, index)| dockerfile.step_line(name.stage, index)),
            duration: spans.total(),
            cache,
            last_ran: (cache == CacheState::Executed).then(|| spans.total()),
            needs: Vec::new(),
            causes: Vec::new(),
        };
        if cache == CacheState::Executed {
            executed.push(spans);
        }
        found.push((key, step));
    }
    found.sort_by_key(|(key, step)| (step.dockerfile_line.unwrap_or(u32::MAX), *key));
    link(trace, &mut found);
    let executed: Spans = executed.iter().flat_map(Spans::iter).collect();
    (found.into_iter().map(|(_, step)| step).collect(), executed.total())
}

/// Tells each step which others it builds upon directly: those that are reached from its vertices' inputs without
/// passing through a third step.
fn link(trace: &Trace, steps: &mut [(Key<'_>, Step)]) {
    let positions: BTreeMap<Key<'_>, usize> = steps.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
    let position = |vertex: &Vertex| match VertexKind::of(&vertex.name) {
        VertexKind::Step(step) => positions.get(&key(&step)).copied(),
        _ => None,
    };
    let vertices: HashMap<&str, &Vertex> =
        trace.vertices.iter().map(|vertex| (vertex.digest.as_str(), vertex)).collect();
    for vertex in &trace.vertices {
        let Some(own) = position(vertex) else { continue };
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = vertex.inputs.iter().map(String::as_str).collect();
        while let Some(digest) = open.pop() {
            let Some(input) = vertices.get(digest).filter(|_| seen.insert(digest)) else { continue };
            match (position(input), steps.get_mut(own)) {
                (Some(other), Some((_, step))) if other != own && !step.needs.contains(&other) => {
                    step.needs.push(other)
                }
                (Some(other), _) if other != own => {}
                _ => open.extend(input.inputs.iter().map(String::as_str)),
            }
        }
    }
    steps.iter_mut().for_each(|(_, step)| step.needs.sort_unstable());
}

/// What tells steps apart: target, platform, stage, number.
type Key<'a> = (Option<&'a str>, Option<&'a str>, &'a str, u32);

fn key<'a>(step: &StepName<'a>) -> Key<'a> {
    (step.target, step.platform, step.stage, step.index)
}

/// The vertices of each step that began: `COPY --link` and `ADD` of a URL take more than one.
fn grouped(trace: &Trace) -> BTreeMap<Key<'_>, Vec<(StepName<'_>, &Vertex)>> {
    let mut grouped: BTreeMap<Key<'_>, Vec<(StepName<'_>, &Vertex)>> = BTreeMap::new();
    for vertex in &trace.vertices {
        let VertexKind::Step(step) = VertexKind::of(&vertex.name) else { continue };
        if vertex.cached || vertex.open_since.is_some() || !vertex.intervals.is_empty() {
            grouped.entry(key(&step)).or_default().push((step, vertex));
        }
    }
    grouped
}

fn cache_state<'a>(mut vertices: impl Iterator<Item = &'a Vertex> + Clone, remote: &BTreeSet<&str>) -> CacheState {
    // A step whose cached result turned out to be gone gets an error, is started again, and runs.
    if vertices.clone().any(|vertex| !vertex.cached || vertex.error.is_some()) {
        return CacheState::Executed;
    }
    if vertices.any(|vertex| remote.contains(vertex.digest.as_str())) { CacheState::Remote } else { CacheState::Local }
}

/// Digests of the cached vertices whose result came from a remote cache: those that fetched blobs, and the cached ones
/// they build upon, as their own results were not used. A remote hit whose blobs were never needed looks like a local
/// one.
fn remote(trace: &Trace) -> BTreeSet<&str> {
    let cached: BTreeMap<&str, &Vertex> =
        trace.vertices.iter().filter(|vertex| vertex.cached).map(|vertex| (vertex.digest.as_str(), vertex)).collect();
    let is_step = |vertex: &&&Vertex| matches!(VertexKind::of(&vertex.name), VertexKind::Step(_));
    let mut open: Vec<&Vertex> = cached.values().filter(is_step).filter(|vertex| downloads(vertex)).copied().collect();
    let mut remote = BTreeSet::new();
    while let Some(vertex) = open.pop() {
        if remote.insert(vertex.digest.as_str()) {
            open.extend(vertex.inputs.iter().filter_map(|input| cached.get(input.as_str())));
        }
    }
    remote
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::{Status, recorded};
    use crate::measure::spans::tests::interval;

    fn vertex(name: &str, cached: bool) -> Vertex {
        Vertex { digest: name.into(), name: name.into(), cached, intervals: vec![interval(0, 1)], ..Vertex::default() }
    }

    fn trace(vertices: Vec<Vertex>) -> Trace {
        Trace { vertices, ..Trace::default() }
    }

    fn states(name: &str) -> Vec<CacheState> {
        steps(&recorded(name), None).0.iter().map(|step| step.cache).collect()
    }

    #[test]
    fn remote_hits_are_told_from_local_ones_by_their_downloads() {
        use CacheState::*;
        assert_eq!(states("gha-import-lazy-download"), [Remote; 5]);
        assert_eq!(states("warm-push-registry-cache"), [Local; 5]);
        assert_eq!(states("gha-export-max"), [Local, Executed, Executed, Executed, Executed]);
        let base = vertex("[a 1/1] RUN x", true);
        let statuses = vec![Status { id: "sha256:aa".into(), ..Status::default() }];
        let top = Vertex { inputs: vec![base.digest.clone()], statuses, ..vertex("[b 1/1] RUN y", true) };
        let (steps, _) = steps(&trace(vec![base, top, vertex("[c 1/1] RUN z", true)]), None);
        assert_eq!(steps.iter().map(|step| step.cache).collect::<Vec<_>>(), [Remote, Remote, Local]);
    }

    #[test]
    fn the_vertices_of_one_step_are_one_step_and_what_never_began_is_none() {
        let waiting = Vertex { intervals: Vec::new(), ..vertex("[a 3/3] RUN x", false) };
        let linked =
            vec![vertex("[a 2/3] COPY --link x y", true), vertex("[a 2/3] LINK COPY --link x y", false), waiting];
        let (steps, executed) = steps(&trace(linked), None);
        assert_eq!(steps.len(), 1);
        assert_eq!((steps[0].instruction.as_str(), steps[0].cache), ("COPY --link x y", CacheState::Executed));
        assert_eq!((steps[0].duration.as_secs(), executed.as_secs()), (1, 1));
    }

    #[test]
    fn base_images_are_sorted_and_named_once() {
        let names = [
            "[linux/amd64 b 1/2] FROM docker.io/library/node:22@sha256:bb",
            "[a 1/2] FROM docker.io/library/alpine:3@sha256:aa",
            "[linux/arm64 b 1/2] FROM docker.io/library/node:22@sha256:bb",
            "FROM ghcr.io/x/y@sha256:cc",
            "[c 1/2] FROM docker.io/library/unresolved:1",
        ];
        let images = base_images(&trace(names.iter().map(|name| vertex(name, false)).collect()));
        let shown: Vec<String> = images.iter().map(|image| format!("{} {}", image.name, image.digest)).collect();
        assert_eq!(
            shown,
            ["docker.io/library/alpine:3 sha256:aa", "docker.io/library/node:22 sha256:bb", "ghcr.io/x/y sha256:cc"]
        );
    }
}
