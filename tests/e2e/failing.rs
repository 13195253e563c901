//! Builds that fail for real: the step, the line, the explanation, the exit code.

use nix::sys::signal::Signal;

use super::repository;
use super::support::signal;

#[test]
fn a_failing_step_is_named_with_its_line_and_the_other_cells_go_on() {
    let repository = repository();
    repository
        .write("bad/Dockerfile", "FROM debian:bookworm-slim\nRUN echo before\nRUN echo '::error::inject' && exit 3\n");
    repository.write("good/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    repository.commit("base");
    let run = repository.weighbridge(&["run", "--no-rebuild-base"]).expect(3).says("bad/linux-amd64/build.log)");
    let report = repository.report();
    let (bad, good) = (&report["cells"][0], &report["cells"][1]);
    assert_eq!((&bad["image"], &bad["outcome"]), (&"bad".into(), &"failed".into()));
    assert_eq!(bad["failure"]["dockerfile_line"], 3);
    assert!(bad["compressed_bytes"].is_null());
    assert_eq!(good["outcome"], "built");
    assert!(run.stdout.contains("Dockerfile:3") || run.stdout.contains("exit 3"), "{}", run.stdout);
    assert!(repository.read(".weighbridge/cells/bad/linux-amd64/build.log").contains("inject"));
}

#[test]
fn a_base_image_that_does_not_exist_is_explained() {
    let repository = repository();
    repository.write("Dockerfile", "FROM 127.0.0.1:1/no/such:image\n");
    repository.commit("base");
    repository.weighbridge(&["run", "--no-rebuild-base"]).expect(3);
    let failure = repository.report()["cells"][0]["failure"].clone();
    assert!(failure["explanation"].is_string(), "{failure}");
}

#[test]
fn a_build_over_its_time_limit_is_stopped() {
    let repository = repository();
    repository.write("Dockerfile", "FROM debian:bookworm-slim\nRUN sleep 300\n");
    repository.commit("base");
    let start = std::time::Instant::now();
    repository.weighbridge(&["run", "--no-rebuild-base", "--timeout", "3s"]).expect(3);
    assert!(start.elapsed().as_secs() < 60);
    assert_eq!(repository.report()["cells"][0]["outcome"], "timed_out");
}

#[test]
fn an_interrupted_run_leaves_a_report_and_no_children() {
    let repository = repository();
    repository.write("Dockerfile", "FROM debian:bookworm-slim\nRUN sleep 301\n");
    repository.commit("base");
    let mut child = repository.command(&["run", "--no-rebuild-base"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert!(signal(&child.id().to_string(), Some(Signal::SIGINT)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(repository.report()["cells"][0]["outcome"], "cancelled");
    assert_eq!(
        processes_naming(&repository.path().to_string_lossy()),
        Vec::<String>::new(),
        "children were left behind"
    );
}

/// The command lines of all processes that hold a text.
fn processes_naming(text: &str) -> Vec<String> {
    let files = std::fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path().join("cmdline")));
    let lines = files.filter_map(|file| String::from_utf8(std::fs::read(file).ok()?).ok());
    lines.filter(|line| line.contains(text)).map(|line| line.replace('\0', " ")).collect()
}
