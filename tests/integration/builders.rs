//! Docker, buildx and builders that are missing, old, broken or silent: exit code 3 and what to do about it.

use std::time::{Duration, Instant};

use crate::case::Case;
use crate::fake::CLASSIC_BUILDER;

/// Insists that a run ended before any build with this message.
#[track_caller]
fn unusable(case: &Case, arguments: &[&str], message: &str) {
    let run = case.run(arguments).expect(3).says(message);
    assert_eq!(case.docker.builds_run(), 0, "{}", run.stderr);
}

#[test]
fn a_missing_docker_says_where_to_get_it() {
    let case = Case::new().without_docker();
    let run = case.run(&[]).expect(3).says("docker was not found").says("docs.docker.com/engine/install");
    assert_eq!(run.stdout, "");
}

#[test]
fn what_docker_refuses_is_explained() {
    for (question, status, stderr, message) in [
        ("version", 1, "docker: 'buildx' is not a docker command.\nSee 'docker --help'", "install the buildx plugin"),
        ("version", 1, "docker: unknown command: docker buildx\n", "install the buildx plugin"),
        (
            "inspect",
            1,
            "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "start the engine, or point DOCKER_HOST at one",
        ),
        (
            "inspect",
            1,
            "permission denied while trying to connect to the Docker daemon socket",
            "add this user to the docker group",
        ),
    ] {
        let case = Case::new();
        case.docker.refuses(question, status, stderr);
        unusable(&case, &[], message);
    }
}

#[test]
fn a_buildx_that_is_too_old_is_refused_and_an_unknown_one_tried() {
    let case = Case::new();
    case.docker.answers("version", "github.com/docker/buildx v0.12.1 x\n");
    unusable(&case, &[], "buildx 0.12.1 is too old; weighbridge needs 0.13.0 or later");
    case.docker.answers("version", "github.com/docker/buildx v0.0.0+unknown\n");
    case.run(&[]).expect(0);
}

#[test]
fn an_answer_that_is_garbage_is_shown_without_its_control_characters() {
    for garbage in [&b"nothing known\n"[..], b"\x1b[31m\xff\xfe\x00", b""] {
        let case = Case::new();
        case.docker.answers("inspect", garbage);
        let run = case.run(&[]).expect(3).says("which names no driver");
        assert!(!run.stderr.contains(['\u{1b}', '\0']), "{:?}", run.stderr);
        assert_eq!(case.docker.builds_run(), 0);
    }
}

#[test]
fn an_answer_without_end_is_cut() {
    let case = Case::new();
    case.docker.answers("inspect", vec![b'x'; 20 << 20]);
    unusable(&case, &[], "more than 16777216 bytes of output, stopped");
}

#[test]
fn a_silent_docker_is_given_up() {
    for question in ["version", "inspect"] {
        let mut case = Case::new();
        case.set("WEIGHBRIDGE_DOCKER_TIMEOUT", "1s");
        case.docker.hangs(question);
        let start = Instant::now();
        unusable(&case, &[], "no end after 1s, stopped; is the engine overloaded or unreachable? try `docker info`");
        assert!(start.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn an_engine_that_does_not_tell_its_version_is_no_obstacle() {
    let case = Case::new();
    case.docker.refuses("engine", 1, "no engine");
    case.run(&[]).expect(0);
    assert!(case.repository.report()["environment"]["docker_version"].is_null());
}

#[test]
fn a_node_that_cannot_be_used_is_told_with_its_error() {
    let case = Case::new();
    case.docker
        .answers("inspect", "Name: b\nDriver: remote\n\nNodes:\nName: b0\nStatus: error\nError: connection refused\n");
    unusable(&case, &[], "node b0 of builder b cannot be used: connection refused");
}

#[test]
fn a_named_builder_is_used_or_refused_but_never_replaced() {
    let case = Case::new();
    case.docker.answers("inspect.classic", CLASSIC_BUILDER);
    unusable(&case, &["--builder", "classic"], "the docker driver without the containerd image store");
    unusable(&case, &["--builder", "nobody"], "no builder \"nobody\" found");
    assert_eq!(case.docker.calls(&["buildx", "create"]).len(), 0);

    let mut by_variable = Case::new();
    by_variable.set("BUILDX_BUILDER", "classic");
    by_variable.docker.answers("inspect.classic", CLASSIC_BUILDER);
    unusable(&by_variable, &[], "leave out --builder");
    assert_eq!(by_variable.docker.calls(&["buildx", "create"]).len(), 0);
}

#[test]
fn a_current_builder_that_cannot_export_gives_way_to_our_own() {
    let case = Case::new();
    case.docker.answers("inspect", CLASSIC_BUILDER);
    let create = vec!["buildx", "create", "--name", "weighbridge", "--driver", "docker-container"];
    for _ in 0..2 {
        case.run(&[]).expect(0).says("using builder weighbridge instead");
        // The second run finds the one of the first.
        assert_eq!(case.docker.calls(&["buildx", "create"]), std::slice::from_ref(&create));
    }
    let builds = case.docker.calls(&["buildx", "build", "--builder", "weighbridge"]);
    assert_eq!(builds.len(), 4);
    assert_eq!(case.repository.report()["environment"]["builder"], "weighbridge");
}
