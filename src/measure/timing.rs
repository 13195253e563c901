//! How long a build took, from its folded progress stream. Only differences are used: the stream's clock is the
//! builder's, shifted by a constant.

use std::time::Duration;

use super::phases::phases;
use super::steps::steps;
use crate::buildx::names::VertexKind;
use crate::buildx::trace::{Trace, Vertex};
use crate::dockerfile::Dockerfile;
use crate::report::{CacheState, Timing};

/// Times a build. `wall` is what was measured outside of it, as the stream hides the time before its first vertex.
#[must_use]
pub fn measure_timing(trace: &Trace, wall: Duration, dockerfile: Option<&Dockerfile>) -> Timing {
    let (solve, phases) = phases(trace);
    let (steps, executed) = steps(trace, dockerfile);
    let cached = steps.iter().filter(|step| step.cache != CacheState::Executed).count();
    let count = |steps: usize| u32::try_from(steps).unwrap_or(u32::MAX);
    Timing {
        wall,
        solve,
        phases,
        context_bytes: context_bytes(trace),
        cached_steps: count(cached),
        total_steps: count(steps.len()),
        executed,
        steps,
    }
}

/// The bytes that all contexts sent together. `.dockerignore` is sent under the same status and not counted.
fn context_bytes(trace: &Trace) -> Option<u64> {
    let contexts = trace.vertices.iter().filter(|vertex| VertexKind::of(&vertex.name) == VertexKind::Context);
    contexts.filter_map(transferred).reduce(u64::saturating_add)
}

fn transferred(vertex: &Vertex) -> Option<u64> {
    let counters = vertex.statuses.iter().filter(|status| status.id.starts_with("transferring "));
    counters.map(|status| status.current).reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::{Status, recorded};

    const WALL: Duration = Duration::from_secs(9);

    /// The Dockerfile of most recordings.
    const LAYERS: &str = include_str!("../../tests/fixtures/dockerfile/layers.Dockerfile");

    #[test]
    fn recorded_builds_are_counted() {
        for (name, total, cached, context_bytes, executed_micros) in [
            ("cold-build-oci-zstd", 5, 0, 1_032_063, 1_989_929),
            ("cold-build-replayed-from-history", 5, 0, 1_032_063, 1_989_929),
            ("warm-push-registry-cache", 5, 5, 64, 0),
            ("multiplatform-lint-warnings", 2, 0, 42, 527_784),
            ("gha-export-max", 5, 1, 64, 1_408_120),
            ("gha-import-lazy-download", 5, 5, 64, 0),
            ("run-failure-exit3", 2, 1, 1_031_957, 110_666),
            ("two-outputs-oci-dir-and-push", 5, 1, 64, 1_474_671),
            ("gha-export-denied-ignored", 5, 5, 64, 0),
            ("multiplatform-oci-dir-lock-noise", 2, 2, 30, 0),
        ] {
            let timing = measure_timing(&recorded(name), WALL, None);
            let counted = (timing.total_steps, timing.cached_steps, timing.context_bytes, timing.executed.as_micros());
            assert_eq!(counted, (total, cached, Some(context_bytes), executed_micros), "{name}");
            assert_eq!(timing.wall, WALL);
        }
    }

    #[test]
    fn steps_stand_in_dockerfile_order_with_their_lines() {
        let timing = measure_timing(&recorded("cold-build-oci-zstd"), WALL, Some(&Dockerfile::parse(LAYERS).unwrap()));
        let shown: Vec<String> = timing
            .steps
            .iter()
            .map(|step| {
                let (line, duration) = (step.dockerfile_line.unwrap(), step.duration.as_millis());
                format!("{line} {} {duration}ms {:?}: {}", step.stage, step.cache, step.instruction)
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        2 base 53ms Executed: ADD rootfs.tar.gz /
        5 build 641ms Executed: RUN echo bust $BUST; mkdir -p /out; dd if=/dev/urandom of=/out/blob bs=1M count=3 2>/dev/null
        7 final 23ms Executed: COPY --from=build /out/blob /blob
        8 final 47ms Executed: COPY hello.txt /hello.txt
        9 final 1223ms Executed: RUN echo hi > /hi.txt; sleep 1
        ");
    }

    #[test]
    fn contexts_add_up_and_none_is_not_zero() {
        let context = |name: &str, id: &str, current| Vertex {
            name: name.into(),
            statuses: vec![Status { id: id.into(), current, ..Status::default() }],
            ..Vertex::default()
        };
        let vertices = vec![
            context("[internal] load build context", "transferring context:", 40),
            context("[context assets] load from client", "transferring assets:", 2),
            context("[internal] load .dockerignore", "transferring context:", 1_000),
        ];
        let trace = Trace { vertices, ..Trace::default() };
        assert_eq!(measure_timing(&trace, WALL, None).context_bytes, Some(42));
        assert_eq!(measure_timing(&Trace::default(), WALL, None), Timing { wall: WALL, ..Timing::default() });
    }
}
