//! Where the time of a build went: the classification is that of buildx's own metrics (`metricwriter.go`), refined by
//! what the vertices' statuses tell apart.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::spans::Spans;
use crate::buildx::names::VertexKind;
use crate::buildx::trace::{Interval, Status, Trace, Vertex};
use crate::report::Phases;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Context,
    BasePull,
    Execution,
    Copy,
    Export,
    Push,
    CacheImport,
    CacheExport,
    Other,
}

/// The solve span, and the time per phase inside it.
pub(super) fn phases(trace: &Trace) -> (Duration, Phases) {
    let end = last_instant(trace);
    let mut intervals: BTreeMap<Phase, Vec<Interval>> = BTreeMap::new();
    for vertex in &trace.vertices {
        let Some(phase) = phase(vertex) else { continue };
        let ran: Spans = ran(vertex, end).collect();
        if phase == Phase::Export {
            let pushed = pushed(vertex, &ran);
            intervals.entry(Phase::Push).or_default().extend(pushed.iter());
            intervals.entry(phase).or_default().extend(ran.without(&pushed).iter());
        } else {
            intervals.entry(phase).or_default().extend(ran.iter());
        }
    }
    let busy: Spans = intervals.values().flatten().copied().collect();
    let solve = busy.extent();
    let total = |phase| {
        let spans: Spans = intervals.get(&phase).into_iter().flatten().copied().collect();
        spans.total()
    };
    let phases = Phases {
        context: total(Phase::Context),
        base_pull: total(Phase::BasePull),
        execution: total(Phase::Execution),
        copy: total(Phase::Copy),
        export: total(Phase::Export),
        push: total(Phase::Push),
        cache_import: total(Phase::CacheImport),
        cache_export: total(Phase::CacheExport),
        idle: solve.saturating_sub(busy.total()),
    };
    (solve, phases)
}

/// The phase of a vertex; `None` when it is not part of the build.
fn phase(vertex: &Vertex) -> Option<Phase> {
    Some(match VertexKind::of(&vertex.name) {
        VertexKind::Provenance => return None,
        // What takes time in a cached step is fetching its result.
        VertexKind::Step(_) if vertex.cached && downloads(vertex) => Phase::CacheImport,
        VertexKind::Step(step) if step.is_run() => Phase::Execution,
        VertexKind::Step(_) => Phase::Copy,
        VertexKind::BasePull { .. } | VertexKind::ImageSource => Phase::BasePull,
        VertexKind::Context | VertexKind::Definition => Phase::Context,
        VertexKind::Export => Phase::Export,
        VertexKind::Push => Phase::Push,
        VertexKind::CacheImport => Phase::CacheImport,
        VertexKind::CacheExport => Phase::CacheExport,
        VertexKind::Auth | VertexKind::Other => Phase::Other,
    })
}

/// Whether a vertex fetched blobs; of a cached step that means that its result lay in a remote cache.
pub(super) fn downloads(vertex: &Vertex) -> bool {
    vertex.statuses.iter().any(|status| status.id.starts_with("sha256:"))
}

/// When a vertex ran; one that was still running when the stream ended ran at least until then.
pub(super) fn ran(vertex: &Vertex, end: Option<Timestamp>) -> impl Iterator<Item = Interval> {
    let open = vertex.open_since.zip(end).map(|(started, end)| Interval { started, completed: end.max(started) });
    vertex.intervals.iter().copied().chain(open)
}

/// The last instant that the stream knows.
pub(super) fn last_instant(trace: &Trace) -> Option<Timestamp> {
    let instants = trace.vertices.iter().flat_map(|vertex| {
        let intervals = vertex.intervals.iter().map(|interval| interval.completed);
        let statuses = vertex.statuses.iter().flat_map(|status| [status.started, status.completed]);
        intervals.chain(statuses.flatten()).chain(vertex.open_since)
    });
    instants.max()
}

/// The part of an export in which it pushed.
fn pushed(vertex: &Vertex, ran: &Spans) -> Spans {
    let interval = |status: &Status| {
        let (started, completed) = status.started.zip(status.completed)?;
        Some(Interval { started, completed: completed.max(started) })
    };
    let pushes = vertex.statuses.iter().filter(|status| status.id.starts_with("pushing "));
    let outside = ran.without(&pushes.filter_map(interval).collect());
    ran.without(&outside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::buildx::trace::recorded;
    use crate::measure::spans::tests::interval;

    fn micros(name: &str) -> (u128, [u128; 9]) {
        let (solve, phases) = phases(&recorded(name));
        let Phases { context, base_pull, execution, copy, export, push, cache_import, cache_export, idle } = phases;
        let all = [context, base_pull, execution, copy, export, push, cache_import, cache_export, idle];
        (solve.as_micros(), all.map(|phase| phase.as_micros()))
    }

    #[test]
    fn recorded_builds_split_into_their_phases() {
        // In microseconds: context, base pull, execution, copy, export, push, cache import, cache export, idle.
        for (name, solve, phases) in [
            ("cold-build-oci-zstd", 2_598_381, [127_021, 0, 1_864_612, 125_316, 444_335, 0, 0, 0, 37_095]),
            ("cold-build-replayed-from-history", 2_598_381, [127_021, 0, 1_864_612, 125_316, 444_335, 0, 0, 0, 37_095]),
            ("warm-push-registry-cache", 581_695, [16_430, 0, 84, 0, 239_500, 150_211, 4_344, 157_314, 13_830]),
            ("multiplatform-lint-warnings", 879_850, [74_720, 0, 0, 527_784, 246_344, 0, 0, 0, 31_001]),
            ("gha-export-max", 2_460_507, [11_994, 0, 1_387_234, 20_934, 166_418, 0, 3_783, 854_617, 16_009]),
            ("gha-import-lazy-download", 176_296, [8_881, 0, 0, 0, 88_252, 0, 102_175, 0, 7_009]),
            ("run-failure-exit3", 154_670, [35_576, 0, 110_666, 673, 0, 0, 0, 0, 7_753]),
            ("two-outputs-oci-dir-and-push", 2_045_024, [17_347, 0, 1_427_935, 47_738, 452_614, 69_086, 0, 0, 30_302]),
            ("gha-export-denied-ignored", 109_863, [15_856, 0, 617, 0, 0, 0, 0, 79_630, 13_759]),
            ("multiplatform-oci-dir-lock-noise", 151_537, [20_041, 0, 0, 186, 112_473, 0, 0, 0, 18_834]),
        ] {
            assert_eq!(micros(name), (solve, phases), "{name}");
        }
    }

    #[test]
    fn a_vertex_still_running_at_the_end_counts_until_then() {
        let run = |name: &str| Vertex { name: name.into(), ..Vertex::default() };
        let finished = Vertex { intervals: vec![interval(0, 9)], ..run("[a 1/1] COPY x y") };
        let running = Vertex { open_since: Some(interval(4, 0).started), ..run("[b 1/1] RUN x") };
        let (solve, phases) = phases(&Trace { vertices: vec![finished, running], ..Trace::default() });
        assert_eq!((solve.as_secs(), phases.copy.as_secs(), phases.execution.as_secs()), (9, 9, 5));
    }

    proptest! {
        #[test]
        fn no_phase_is_longer_than_the_solve_and_order_does_not_matter(
            (vertices, shuffled) in prop::collection::vec(
                (0usize..8, prop::collection::vec((0i64..60, 0i64..20), 0..4)), 0..12
            ).prop_flat_map(|vertices| (Just(vertices.clone()), Just(vertices).prop_shuffle()))
        ) {
            const NAMES: [&str; 8] = [
                "[internal] load build context", "[1/3] FROM x", "[2/3] RUN x", "[3/3] COPY x y", "exporting to image",
                "importing cache manifest from x", "exporting cache to registry", "[internal] booting buildkit",
            ];
            let trace = |vertices: &[(usize, Vec<(i64, i64)>)]| Trace {
                vertices: vertices.iter().map(|(name, intervals)| Vertex {
                    name: NAMES[*name].into(),
                    intervals: intervals.iter().map(|(started, seconds)| interval(*started, *seconds)).collect(),
                    ..Vertex::default()
                }).collect(),
                ..Trace::default()
            };
            let (solve, all) = phases(&trace(&vertices));
            let Phases { context, base_pull, execution, copy, export, push, cache_import, cache_export, idle } = all;
            for phase in [context, base_pull, execution, copy, export, push, cache_import, cache_export, idle] {
                prop_assert!(phase <= solve);
            }
            prop_assert_eq!((solve, all), phases(&trace(&shuffled)));
        }
    }
}
