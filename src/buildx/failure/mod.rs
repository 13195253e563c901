//! Why a build failed: the step, the line of the Dockerfile, what the step printed last and, where it is known, the
//! cause with its fix.

mod cache;
mod causes;
pub mod transient;

pub use cache::{CacheBlame, cache_blame};

use super::inherited::Inherited;
use super::names::VertexKind;
use super::text::one_line;
use super::trace::{Trace, Vertex};
use crate::dockerfile::Dockerfile;
use crate::report::Failure;

/// Characters of a message, a step's name or a source line.
const MAX_TEXT: usize = 500;
/// Lines of the step's log.
const LOG_LINES: usize = 20;

/// Explains a build that ended with an exit status other than 0, `None` when a signal ended it. The path of the full
/// log is left open.
#[must_use]
pub fn explain_failure(trace: &Trace, exit_status: Option<i32>, dockerfile: Option<&Dockerfile>) -> Failure {
    let final_error = final_error(trace);
    let vertex = failed_vertex(trace, final_error.as_deref());
    let printed = vertex.and_then(Vertex::real_error).or(final_error.as_deref());
    let message = printed.map_or_else(|| without_error(trace, exit_status), |error| one_line(error, MAX_TEXT));
    let excerpt = excerpt(trace);
    let step_line = || vertex.and_then(|vertex| step_line(trace, vertex, dockerfile?));
    let dockerfile_line = excerpt.as_ref().map(|(line, _)| *line).or_else(step_line);
    let source = || dockerfile.zip(dockerfile_line).and_then(|(file, line)| source_line(file, line));
    let log = vertex.map_or(&[][..], |vertex| &vertex.log_tail);
    let log_tail = log.get(log.len().saturating_sub(LOG_LINES)..).unwrap_or_default().to_vec();
    // An excerpt of the Dockerfile may quote anything.
    let plain_lines = trace.plain_lines.iter().filter(|line| !line.contains(" | "));
    let printed = log_tail.iter().chain(plain_lines).map(String::as_str);
    Failure {
        explanation: causes::explain([message.as_str()].into_iter().chain(printed)).map(str::to_owned),
        message,
        step: vertex.map(|vertex| one_line(&vertex.name, MAX_TEXT)),
        dockerfile_line,
        source_line: excerpt.map(|(_, text)| text).or_else(source),
        log_tail,
        log_path: None,
    }
}

/// The message when buildx printed no error: what it printed first, as of a wrong command line, else its exit status.
fn without_error(trace: &Trace, exit_status: Option<i32>) -> String {
    match (trace.plain_lines.first(), exit_status) {
        (Some(line), _) if trace.vertices.is_empty() => one_line(line, MAX_TEXT),
        (_, Some(status)) => format!("docker buildx ended with exit status {status} and gave no reason"),
        (_, None) => "docker buildx was ended by a signal".to_owned(),
    }
}

/// Whether the build ended because it was interrupted, not because something in it failed.
#[must_use]
pub fn is_cancelled(trace: &Trace) -> bool {
    let interrupted = trace.vertices.iter().any(|vertex| vertex.error.is_some() && vertex.real_error().is_none())
        || final_error(trace).is_some_and(|error| error.contains("context canceled"));
    interrupted && failed_vertex(trace, None).is_none()
}

/// The last error that buildx printed, without what it puts in front of every one.
fn final_error(trace: &Trace) -> Option<String> {
    let line = trace.plain_lines.iter().rev().find_map(|line| line.strip_prefix("ERROR: "))?;
    let line = line.strip_prefix("failed to build: ").unwrap_or(line);
    Some(one_line(line.strip_prefix("failed to solve: ").unwrap_or(line), usize::MAX))
}

/// The vertex that failed the build: the one whose error buildx printed, else a step, else anything but an import of a
/// cache, as that never fails a build.
fn failed_vertex<'a>(trace: &'a Trace, final_error: Option<&str>) -> Option<&'a Vertex> {
    let failed = trace.vertices.iter().filter_map(|vertex| Some((vertex, vertex.real_error()?)));
    let rank = |vertex: &Vertex, error: &str| match VertexKind::of(&vertex.name) {
        _ if final_error.is_some_and(|printed| printed.contains(&one_line(error, usize::MAX))) => Some(0),
        VertexKind::Step(_) => Some(1),
        VertexKind::CacheImport => None,
        VertexKind::CacheExport => Some(3),
        _ => Some(2),
    };
    failed
        .filter_map(|(vertex, error)| Some((rank(vertex, error)?, vertex)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, vertex)| vertex)
}

/// The line that buildx marks in its excerpt of the Dockerfile: `   3 | >>> RUN make`.
fn excerpt(trace: &Trace) -> Option<(u32, String)> {
    trace.plain_lines.iter().find_map(|line| {
        let (number, text) = line.split_once(" | >>> ")?;
        Some((number.trim().parse().ok()?, one_line(text, MAX_TEXT)))
    })
}

fn step_line(trace: &Trace, vertex: &Vertex, dockerfile: &Dockerfile) -> Option<u32> {
    match VertexKind::of(&vertex.name) {
        VertexKind::Step(step) => dockerfile.step_line(step.stage, Inherited::of(trace).own_index(&step)?),
        _ => None,
    }
}

fn source_line(dockerfile: &Dockerfile, line: u32) -> Option<String> {
    let instructions = dockerfile.stages.iter().flat_map(|stage| &stage.instructions);
    let found = instructions.into_iter().find(|instruction| instruction.line == line)?;
    Some(one_line(&found.to_string(), MAX_TEXT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::recorded;

    fn failed(name: &str, error: &str) -> Vertex {
        Vertex { name: name.to_owned(), error: Some(error.to_owned()), ..Vertex::default() }
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_recorded_failure_names_step_line_source_and_log() {
        let failure = explain_failure(&recorded("run-failure-exit3"), Some(1), None);
        let expected = Failure {
            message: r#"process "/bin/sh -c echo \"::error::inject\"; echo oops >&2; exit 3" did not complete successfully: exit code: 3"#.to_owned(),
            step: Some(r#"[2/2] RUN echo "::error::inject"; echo oops >&2; exit 3"#.to_owned()),
            dockerfile_line: Some(3),
            source_line: Some(r#"RUN echo "::error::inject"; echo oops >&2; exit 3"#.to_owned()),
            log_tail: lines(&["::error::inject", "oops"]),
            explanation: None,
            log_path: None,
        };
        assert_eq!(failure, expected);
    }

    #[test]
    fn without_an_excerpt_the_line_comes_from_the_dockerfile() {
        let mut trace = recorded("run-failure-exit3");
        trace.plain_lines.clear();
        let dockerfile = Dockerfile::parse("FROM scratch\nADD x\n\n\n\n\n\n\nRUN x\n").unwrap();
        let failure = explain_failure(&trace, Some(1), Some(&dockerfile));
        assert_eq!((failure.dockerfile_line, failure.source_line.as_deref()), (Some(9), Some("RUN x")));
    }

    #[test]
    fn the_failing_vertex_is_the_one_whose_error_was_printed() {
        let vertices = vec![
            failed("importing cache manifest from x", "x: not found"),
            failed("[a 1/1] RUN one", "process did not complete: context canceled"),
            failed("exporting cache to registry", "failed to reserve cache"),
            failed("[b 1/1] RUN two", "ignored"),
        ];
        let printed = lines(&["ERROR: failed to build: failed to solve: failed to reserve cache"]);
        let trace = Trace { vertices, plain_lines: printed, ..Trace::default() };
        assert_eq!(explain_failure(&trace, Some(1), None).step.unwrap(), "exporting cache to registry");
        let unprinted = Trace { plain_lines: Vec::new(), ..trace };
        assert_eq!(explain_failure(&unprinted, Some(1), None).step.unwrap(), "[b 1/1] RUN two");
    }

    #[test]
    fn a_build_that_never_began_is_explained_by_what_was_printed() {
        for (printed, message, explained) in [
            (
                "ERROR: failed to build: unable to prepare context: path \"./x\" not found",
                "unable to prepare context: path \"./x\" not found",
                true,
            ),
            ("unknown flag: --call", "unknown flag: --call", true),
        ] {
            let trace = Trace { plain_lines: lines(&[printed, "Run something for help"]), ..Trace::default() };
            let failure = explain_failure(&trace, Some(1), None);
            assert_eq!((failure.message.as_str(), failure.explanation.is_some()), (message, explained));
        }
        let silent = Trace::default();
        assert!(explain_failure(&silent, Some(17), None).message.contains("17"));
        assert!(explain_failure(&silent, None, None).message.contains("signal"));
    }

    #[test]
    fn the_log_explains_a_failure_and_the_quoted_dockerfile_does_not() {
        let quoted = lines(&["   3 | >>> RUN make # no space left on device"]);
        let log_tail = lines(&["exec /bin/sh: exec format error"]);
        let step = Vertex { log_tail, ..failed("[1/1] RUN make", "exit code: 1") };
        let trace = Trace { vertices: vec![step], plain_lines: quoted, ..Trace::default() };
        assert!(explain_failure(&trace, Some(1), None).explanation.unwrap().contains("QEMU"));
    }

    #[test]
    fn only_an_interrupted_build_is_cancelled() {
        let canceled = failed("[1/1] RUN x", "process did not complete successfully: context canceled");
        let interrupted = Trace { vertices: vec![canceled.clone()], ..Trace::default() };
        assert!(is_cancelled(&interrupted));
        let broken = Trace { vertices: vec![canceled, failed("[1/1] RUN y", "exit code: 1")], ..Trace::default() };
        assert!(!is_cancelled(&broken));
        let printed = lines(&["ERROR: failed to build: failed to solve: Canceled: context canceled"]);
        assert!(is_cancelled(&Trace { plain_lines: printed, ..Trace::default() }));
        assert!(!is_cancelled(&recorded("run-failure-exit3")) && !is_cancelled(&recorded("cold-build-oci-zstd")));
    }
}
