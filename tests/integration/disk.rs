//! Places that cannot be written: full, read-only, in the way.

use std::process::{Command, Stdio};

use crate::case::Case;
use crate::fake::Build;
use crate::layout::TestImage;
use crate::support::Run;

#[test]
fn an_output_directory_that_cannot_be_written_is_refused_before_any_build() {
    let case = Case::new();
    for directory in ["orders/Dockerfile/out", "/proc/weighbridge", "/dev/null"] {
        case.run(&["--output-dir", directory]).expect(2).says("choose another with --output-dir").says(directory);
    }
    assert_eq!(case.docker.builds_run(), 0);
}

/// The command that starts another with mounts of its own: as root, in a user namespace, or with `sudo` where those are
/// forbidden.
fn with_own_mounts() -> Command {
    let namespace = ["unshare", "--map-root-user", "--mount"];
    let works = Command::new(namespace[0]).args(&namespace[1..]).arg("true").output();
    let words = match works.is_ok_and(|output| output.status.success()) {
        true => &namespace[..],
        false => &["sudo", "-n", "unshare", "--mount"],
    };
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// Runs weighbridge with a file system of its own mounted on `out`.
fn run_on_mount(case: &Case, options: &str) -> Run {
    std::fs::create_dir_all(case.repository.path().join("out")).unwrap();
    let plain = case.repository.command(&["run", "--no-rebuild-base", "--output-dir", "out"]);
    let mut command = with_own_mounts();
    // `sudo` changes the environment, so it is set behind it.
    command.arg("env");
    for (name, value) in plain.get_envs() {
        match (name.to_string_lossy(), value) {
            (name, Some(value)) => command.arg(format!("{name}={}", value.to_string_lossy())),
            (name, None) => command.arg(format!("--unset={name}")),
        };
    }
    let script = "mount -t tmpfs -o \"$0\" none out || exit 99; \"$@\"";
    command.args(["sh", "-c", script, options]).arg(plain.get_program()).args(plain.get_args());
    let output = command.current_dir(case.repository.path()).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run = Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!matches!(run.code, Some(99 | 1)), "this test must be allowed to mount a file system: {}", run.stderr);
    run
}

#[test]
fn a_read_only_file_system_is_refused_before_any_build() {
    let case = Case::new();
    run_on_mount(&case, "ro,size=64k").expect(2).says("Read-only file system").says("--output-dir");
    assert_eq!(case.docker.builds_run(), 0);
}

#[test]
fn a_full_disk_is_an_error_and_never_a_number() {
    let case = Case::new();
    case.docker.builds("default", &Build::ok(TestImage::of(500_000)));
    let run = run_on_mount(&case, "size=128k").expect(3);
    assert!(run.stdout.contains("disk is full"), "{}", run.stdout);
    assert!(!run.stdout.contains("0 B"), "{}", run.stdout);
}

#[test]
fn a_report_that_cannot_be_kept_is_an_error() {
    let case = Case::new();
    run_on_mount(&case, "size=4k,nr_inodes=3")
        .expect(4)
        .says("keep the result: write ")
        .says("No space left on device");
}

#[test]
fn a_disk_with_no_room_at_all_is_refused_before_any_build() {
    let case = Case::new();
    run_on_mount(&case, "size=4k,nr_inodes=1").expect(2).says("No space left on device");
    assert_eq!(case.docker.builds_run(), 0);
}

#[test]
fn a_reader_of_the_output_that_went_away_changes_no_exit_code() {
    let case = Case::new();
    for target in ["/dev/full", "/dev/null"] {
        let stdout = std::fs::OpenOptions::new().write(true).open(target).unwrap();
        let mut command = case.repository.command(&["run", "--no-rebuild-base", "--quiet"]);
        assert_eq!(command.stdout(stdout).status().unwrap().code(), Some(0), "{target}");
    }
}
