//! Builds that end badly: the other cells go on, the report is written, and nothing unmeasured is a number.

use std::time::{Duration, Instant};

use crate::case::Case;
use crate::fake::{Build, recorded};
use crate::layout::{Damage, TestImage};

fn outcome(image: &str, outcome: &str) -> (String, String) {
    (image.to_owned(), outcome.to_owned())
}

#[test]
fn images_that_are_built_are_weighed_and_the_report_says_with_what() {
    let case = Case::new();
    let run = case.run(&[]).expect(0);
    assert_eq!(case.outcomes(), [outcome("orders", "built"), outcome("web", "built")]);
    assert_eq!(case.cell(0, "uncompressed_bytes"), 2560);
    assert_eq!(case.cell(0, "layers").as_array().unwrap().len(), 1);
    assert_eq!(case.cell(0, "layers")[0]["instruction"], "COPY app /app");
    assert_eq!(case.cell(0, "dockerfile"), "orders/Dockerfile");
    assert!(case.comment().contains("`orders/Dockerfile:2` `COPY app /app`"), "{}", case.comment());
    let environment = case.repository.report()["environment"].clone();
    assert_eq!((&environment["builder"], &environment["docker_version"]), (&"fleet".into(), &"28.5.2".into()));
    assert_eq!(environment["buildkit_version"], "v0.26.2");
    assert!(run.stdout.contains("orders") && run.stdout.contains("web"), "{}", run.stdout);
    assert!(!case.repository.path().join(".weighbridge/cells/orders/linux-amd64/layout").exists());
    case.run(&["--keep-layouts"]).expect(0);
    assert!(case.repository.path().join(".weighbridge/cells/orders/linux-amd64/layout/index.json").exists());
}

#[test]
fn one_failing_build_does_not_stop_the_others() {
    let case = Case::new();
    case.docker.builds("orders", &Build::failing());
    let run = case.run(&["--jobs", "1"]).expect(3);
    assert_eq!(case.outcomes(), [outcome("orders", "failed"), outcome("web", "built")]);
    assert!(case.cell(0, "compressed_bytes").is_null());
    assert!(case.cell(0, "failure")["message"].as_str().unwrap().contains("exit code: 3"));
    assert!(case.comment().contains("orders"), "{}", case.comment());
    assert!(run.stderr.contains("orders linux/amd64: failed"), "{}", run.stderr);
}

#[test]
fn fail_fast_leaves_the_other_cells_out() {
    let case = Case::new();
    case.docker.builds("orders", &Build::failing());
    case.run(&["--jobs", "1", "--fail-fast"]).expect(3);
    assert_eq!(case.outcomes(), [outcome("orders", "failed"), outcome("web", "cancelled")]);
    assert_eq!(case.docker.builds_run(), 1);
}

#[test]
fn fail_fast_stops_what_is_running() {
    let case = Case::new();
    case.docker.builds("orders", &Build::failing());
    case.docker.builds("web", &Build::hanging());
    let start = Instant::now();
    case.run(&["--jobs", "2", "--fail-fast"]).expect(3);
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(case.outcomes(), [outcome("orders", "failed"), outcome("web", "cancelled")]);
}

#[test]
fn a_build_over_its_time_limit_is_stopped_and_the_others_go_on() {
    let case = Case::new();
    case.docker.builds("orders", &Build::hanging());
    case.run(&["--timeout", "4s"]).expect(3);
    assert_eq!(case.outcomes(), [outcome("orders", "timed_out"), outcome("web", "built")]);
    assert_eq!(case.docker.files("stopped").len(), 1);
    assert!(case.cell(0, "compressed_bytes").is_null());
}

#[test]
fn a_docker_that_dies_has_failed() {
    let case = Case::new();
    case.docker.builds("orders", &Build { end: "die", ..Build::ok(TestImage::of(1000)) });
    case.run(&[]).expect(3);
    assert_eq!(case.outcomes(), [outcome("orders", "failed"), outcome("web", "built")]);
    let message = case.cell(0, "failure")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("signal"), "{message}");
}

#[test]
fn the_exit_status_alone_says_whether_a_build_succeeded() {
    for name in ["gha-export-denied-ignored", "multiplatform-oci-dir-lock-noise", "run-failure-exit3"] {
        let case = Case::new();
        case.docker.builds("default", &Build { stream: recorded(name), ..Build::ok(TestImage::of(1000)) });
        case.run(&[]).expect(0);
        case.docker.builds("default", &Build { stream: recorded(name), ..Build::failing() });
        case.run(&[]).expect(3);
    }
}

#[test]
fn our_own_files_stay_out_of_a_context_that_holds_them() {
    let case = Case::new();
    case.repository.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    case.repository.write(".dockerignore", "*.md\n");
    case.repository.write("weighbridge.yml", "images: { all: { context: . } }");
    case.run(&[]).expect(0);
    let prepared = ".weighbridge/cells/all/linux-amd64/dockerfile/Dockerfile";
    assert_eq!(case.repository.read(&format!("{prepared}.dockerignore")), "*.md\n\n/.weighbridge\n");
    assert_eq!(case.repository.read(prepared), case.repository.read("Dockerfile"));
    assert_eq!(case.repository.read(".dockerignore"), "*.md\n");
    let build = case.docker.calls(&["buildx", "build"]).remove(0);
    assert!(build.iter().any(|argument| argument.ends_with(prepared)), "{build:?}");
}

#[test]
fn a_stream_of_garbage_costs_the_timing_but_not_the_weight() {
    let long = vec![b'x'; 50 << 20];
    let binary: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let json = br#"{"vertexes":[{"digest":7}]}
[]
{"vertexes":[{"digest":"x","name":null,"started":"yesterday","completed":"2026-99-99T00:00:00Z"}]}
"#;
    for stream in [&long, &binary, &json.to_vec(), &Vec::new(), &b"{".to_vec()] {
        let case = Case::new();
        case.docker.builds("default", &Build { stream: stream.clone(), ..Build::ok(TestImage::of(1000)) });
        case.run(&["--image", "orders"]).expect(0);
        assert_eq!(case.cell(0, "uncompressed_bytes"), 2560);
    }
}

#[test]
fn a_failing_build_with_a_stream_of_garbage_still_has_a_message() {
    let case = Case::new();
    case.docker.builds("default", &Build { stream: b"\xff\x00\x1b[2J\n".to_vec(), ..Build::failing() });
    let run = case.run(&["--image", "orders"]).expect(3);
    assert!(!case.cell(0, "failure")["message"].as_str().unwrap().is_empty());
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'));
}

#[test]
fn an_image_that_cannot_be_measured_is_never_a_number() {
    for (damage, message) in [
        (None, "oci-layout"),
        (Some(Damage::TruncatedBlob), "bytes, its descriptor says"),
        (Some(Damage::WrongLength), "bytes, its descriptor says 7"),
        (Some(Damage::GarbageBlob), "read layer sha256:"),
        (Some(Damage::MissingBlob), "No such file"),
        (Some(Damage::NoIndex), "index.json"),
        (Some(Damage::OtherPlatform), "no image for linux/amd64; there is one for linux/s390x"),
    ] {
        let case = Case::new();
        let image = damage.map(TestImage::damaged);
        case.docker.builds("orders", &Build { image, ..Build::ok(TestImage::of(1)) });
        let run = case.run(&[]).expect(4);
        assert_eq!(case.outcomes(), [outcome("orders", "built"), outcome("web", "built")], "{damage:?}");
        let findings = case.cell(0, "findings").to_string();
        assert!(findings.contains("image-not-measured") && findings.contains(message), "{damage:?}: {findings}");
        for field in ["compressed_bytes", "uncompressed_bytes", "layers", "digest"] {
            assert!(case.cell(0, field).is_null(), "{damage:?} {field}");
        }
        for shown in [&run.stdout, &case.comment()] {
            let row = shown.lines().find(|line| line.contains("orders")).unwrap();
            assert!(!row.contains("0 B"), "{row}");
        }
    }
}

#[test]
fn a_layout_of_an_earlier_run_is_not_taken_for_this_ones() {
    let case = Case::new();
    case.run(&["--keep-layouts"]).expect(0);
    case.docker.builds("orders", &Build { image: None, ..Build::ok(TestImage::of(1)) });
    case.run(&["--keep-layouts"]).expect(4);
    assert!(case.cell(0, "compressed_bytes").is_null());
}

#[test]
fn the_number_of_jobs_changes_nothing_but_the_time() {
    let case = Case::new();
    case.docker.builds("orders", &Build { stream: recorded("gha-export-max"), ..Build::ok(TestImage::of(5000)) });
    case.docker.builds("web", &Build::failing());
    let of = |jobs: &str| {
        case.run(&["--jobs", jobs]).expect(3);
        case.cell(0, "layers").to_string() + &case.cell(1, "failure").to_string() + &format!("{:?}", case.outcomes())
    };
    assert_eq!(of("1"), of("4"));
}
