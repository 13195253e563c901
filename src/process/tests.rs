use super::*;

const LIMITS: Limits = Limits { timeout: Duration::from_secs(20), max_output_bytes: 4 << 20 };

fn sh(script: &str) -> Invocation {
    Invocation::new("/bin/sh").args(["-c", script])
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Whether a process is still running; one that is dead but not yet reaped by init counts as gone.
fn is_running(pid: &str) -> bool {
    let stat = crate::fs::read_text(format!("/proc/{}/stat", pid.trim()).as_ref(), 4096);
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

fn assert_ends(pid: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while is_running(pid) {
        assert!(Instant::now() < deadline, "process {pid} lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn both_pipes_are_emptied_at_the_same_time() {
    let script = "head -c 1048576 /dev/zero >&2; head -c 1048576 /dev/zero; head -c 1048576 /dev/zero >&2; exit 3";
    let output = block_on(output(&sh(script), LIMITS)).unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (1 << 20, TAIL_LIMIT_BYTES));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn output_is_bytes_and_standard_input_is_empty() {
    let output = block_on(output(&sh(r"cat; printf '\377\000x'"), LIMITS)).unwrap();
    assert_eq!(output.stdout, b"\xff\0x");
}

#[test]
fn a_failure_names_the_command_the_code_and_the_end_of_standard_error() {
    let invocation = sh("echo gone >&2; exit 7").env("TOKEN", EnvChange::Secret("hunter2".into()));
    let error = block_on(output(&invocation, LIMITS)).unwrap().require_success(&invocation).unwrap_err();
    assert_eq!(error.exit_code(), Some(7));
    assert_eq!(error.stderr_tail(), "gone");
    insta::assert_snapshot!(
        error,
        @"run `TOKEN=*** /bin/sh -c 'echo gone >&2; exit 7'`: exit status: 7: gone"
    );
}

#[test]
fn a_missing_program_is_told_from_a_missing_directory() {
    let error = block_on(output(&Invocation::new("no-such-program"), LIMITS)).unwrap_err();
    assert!(error.is_missing());
    insta::assert_snapshot!(
        error,
        @"run `no-such-program`: no-such-program was not found; install it or put it on PATH"
    );
    let error = block_on(output(&sh("true").directory("/nonexistent"), LIMITS)).unwrap_err();
    assert!(!error.is_missing());
    let message = format!("{:#}", anyhow::Error::from(error));
    assert!(message.contains("/nonexistent is not a directory"), "{message}");
}

#[test]
fn the_environment_and_directory_are_those_asked_for() {
    let invocation = sh("pwd; echo \"$A|$B|${HOME-none}\"")
        .directory("/")
        .env("A", EnvChange::Set("1".into()))
        .env("B", EnvChange::Secret("2".into()))
        .env("HOME", EnvChange::Remove);
    let output = block_on(output(&invocation, LIMITS)).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "/\n1|2|none\n");
}

#[test]
fn a_timeout_kills_grandchildren_too() {
    let directory = tempfile::tempdir().unwrap();
    let invocation = sh("sleep 60 & echo $! > pid; wait").directory(directory.path());
    let limits = Limits { timeout: Duration::from_millis(1500), ..LIMITS };
    let error = block_on(output(&invocation, limits)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("sleep 60"), "{error}");
    assert_ends(&crate::fs::read_text(&directory.path().join("pid"), 100).unwrap());
}

#[test]
fn too_much_output_stops_the_program() {
    let error = block_on(output(&sh("yes"), Limits { max_output_bytes: 1000, ..LIMITS })).unwrap_err();
    insta::assert_snapshot!(error, @"run `/bin/sh -c yes`: more than 1000 bytes of output, stopped");
}

#[test]
fn a_process_left_behind_does_not_hold_us_by_its_pipes() {
    let started = Instant::now();
    let output = block_on(output(&sh("echo done; sleep 15 &"), LIMITS)).unwrap();
    assert_eq!(output.stdout, b"done\n");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_future_that_is_dropped_kills_the_group() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let invocation = sh("sleep 60 & echo $! > part; mv part pid; wait").directory(directory.path());
    block_on(async {
        let wait = async {
            while !path.exists() {
                sleep(Duration::from_millis(10)).await
            }
        };
        tokio::select! {
            result = output(&invocation, LIMITS) => panic!("{result:?}"),
            () = wait => {}
        }
    });
    assert_ends(&crate::fs::read_text(&path, 100).unwrap());
}

#[test]
fn a_stream_hands_out_lines_and_keeps_standard_output() {
    let mut lines = Vec::new();
    let script = r"echo one >&2; echo out; printf 'two\377\nlast' >&2; exit 4";
    let on_line = |line: &[u8]| lines.push(line.to_vec());
    let finished = block_on(stream(&sh(script), on_line, &CancellationToken::new(), None)).unwrap();
    assert_eq!(lines, [b"one".to_vec(), b"two\xff".to_vec(), b"last".to_vec()]);
    assert_eq!((finished.status.code(), finished.ending), (Some(4), Ending::Exited));
    assert_eq!(finished.stdout, b"out\n");
}

#[test]
fn a_cancelled_stream_lets_the_program_clean_up() {
    let (cancel, mut lines) = (CancellationToken::new(), Vec::new());
    let on_line = |line: &[u8]| {
        lines.push(String::from_utf8_lossy(line).into_owned());
        cancel.cancel();
    };
    let script = "trap 'echo cleaned >&2; exit 5' INT; echo ready >&2; while :; do sleep 0.05; done";
    let finished = block_on(stream(&sh(script), on_line, &cancel, None)).unwrap();
    assert_eq!(lines, ["ready", "cleaned"]);
    assert_eq!((finished.status.code(), finished.ending), (Some(5), Ending::Cancelled));
}

#[test]
fn a_program_that_ignores_the_interrupt_is_killed_with_its_group() {
    let directory = tempfile::tempdir().unwrap();
    let script = "trap '' INT; sleep 60 & echo $! > pid; while :; do sleep 0.05; done";
    let invocation = sh(script).directory(directory.path());
    let (limit, grace) = (Some(Duration::from_millis(1500)), Duration::from_millis(200));
    let finished = block_on(stream_with_grace(&invocation, |_| {}, &CancellationToken::new(), limit, grace)).unwrap();
    assert_eq!((finished.status.code(), finished.ending), (None, Ending::TimedOut));
    assert!(finished.wall >= Duration::from_millis(1700) && finished.wall < Duration::from_secs(10), "{finished:?}");
    assert_ends(&crate::fs::read_text(&directory.path().join("pid"), 100).unwrap());
}

#[test]
fn a_program_reads_the_few_bytes_that_it_is_given_and_then_the_end() {
    for (input, expected) in [("", ""), ("a\nb", "a\nb")] {
        let output = block_on(output(&sh("cat").input(input), LIMITS)).unwrap();
        assert_eq!(output.stdout, expected.as_bytes());
    }
    let much = vec![b'x'; INPUT_LIMIT_BYTES + 1];
    assert!(block_on(output(&sh("cat").input(much), LIMITS)).is_err());
}
