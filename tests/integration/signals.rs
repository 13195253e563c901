//! Interruption: builds are stopped, what is known is written, exit code 130.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::case::Case;
use crate::fake::Build;
use crate::support::signal;

#[test]
fn a_signal_stops_the_builds_and_the_report_is_still_written() {
    for name in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let case = Case::new();
        case.docker.builds("web", &Build::hanging());
        let mut command = case.repository.command(&["run", "--no-rebuild-base"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let builds = case.docker.wait_for_hanging(1);
        assert!(signal(&child.id().to_string(), Some(name)));
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert_eq!(case.outcomes()[1], ("web".to_owned(), "cancelled".to_owned()));
        assert!(case.comment().contains("web"));
        assert_eq!(case.docker.files("stopped").len(), 1, "the build was not signalled");
        assert!(!signal(&builds[0], None), "the build is still there");
        assert!(!case.repository.path().join(".weighbridge/history").exists(), "a broken run became a baseline");
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_silent_docker() {
    let mut case = Case::new();
    case.set("WEIGHBRIDGE_DOCKER_TIMEOUT", "60s");
    case.docker.hangs("inspect");
    let mut child = case.repository.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..600 {
        if !case.docker.calls(&["buildx", "inspect"]).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let start = Instant::now();
    assert!(signal(&child.id().to_string(), Some(Signal::SIGINT)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_signal_stops_the_rebuild_of_the_base() {
    let case = Case::new();
    case.repository.commit("head");
    case.docker.builds("base.web", &Build::hanging());
    let mut child = case.repository.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    case.docker.wait_for_hanging(1);
    assert!(signal(&child.id().to_string(), Some(Signal::SIGTERM)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(case.outcomes().iter().all(|(_, outcome)| outcome == "built"));
    assert_eq!(case.repository.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_frontend_that_is_asked_keeps_other_runs_out_until_it_answers() {
    let mut case = Case::new();
    for (name, value) in [("GITHUB_ACTIONS", "true"), ("INPUT_CALL", "check"), ("INPUT_CONTEXT", "orders")] {
        case.set(name, value);
    }
    case.docker.hangs("call");
    let mut command = case.repository.command(&["run"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..600 {
        if !case.docker.calls(&["buildx", "build"]).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    case.set("INPUT_CALL", "");
    let other = case.run(&[]);
    assert!(signal(&child.id().to_string(), Some(Signal::SIGINT)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    other.says("is used by another run of weighbridge");
}
