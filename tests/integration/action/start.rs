//! Starting the binary: what it is given, and what comes back.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::case::Case;
use crate::runner::{Runner, Step, TOKEN};
use crate::support::signal;

/// Waits for a signal, and not for ever if none comes.
const WAIT: &str = "n=0; while [ $n -lt 400 ]; do n=$((n + 1)); sleep 0.05; done";

#[test]
fn the_exit_code_is_that_of_the_binary() {
    for code in [0, 1, 2, 3, 4, 5, 130] {
        Runner::with_stand_in(&format!("exit {code}")).main().expect(code);
    }
}

#[test]
fn a_binary_that_was_killed_ends_as_in_a_shell() {
    Runner::with_stand_in("kill -KILL $$").main().expect(137);
}

#[test]
fn a_signal_is_passed_on_to_the_binary() {
    for name in [Signal::SIGINT, Signal::SIGTERM] {
        let trap = format!("trap 'echo {name} >got; exit 130' {}", name.as_str().trim_start_matches("SIG"));
        let runner = Runner::with_stand_in(&format!("{trap}; : >ready; {WAIT}"));
        let mut child = runner.command().stdout(Stdio::null()).spawn().unwrap();
        wait_for(&runner, "ready");
        assert!(signal(&child.id().to_string(), Some(name)));
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(runner.read("got").trim(), name.as_str());
    }
}

#[test]
fn a_signal_right_after_the_start_is_passed_on_too() {
    for _ in 0..10 {
        let script = format!("trap 'exit 130' INT; kill -INT $PPID; {WAIT}");
        Runner::with_stand_in(&script).main().expect(130);
    }
}

fn wait_for(runner: &Runner, file: &str) {
    for _ in 0..600 {
        if runner.path("work").join(file).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no {file}");
}

#[test]
fn the_output_of_the_binary_is_that_of_the_step() {
    let step = Runner::with_stand_in("echo seen; echo wrong >&2").main().expect(0);
    assert_eq!((step.stdout.as_str(), step.stderr.as_str()), ("seen\n", "wrong\n"));
}

#[test]
fn args_are_split_as_a_shell_does_and_nothing_is_expanded() {
    for (args, expected) in [
        ("", &[][..]),
        (" --image web\n  --dry-run\n", &["--image", "web", "--dry-run"]),
        ("--output 'type=local,dest=a b'", &["--output", "type=local,dest=a b"]),
        (r#"--image="a b"'c d'e ''"#, &["--image=a bc de", ""]),
        (r#""q \" \$ \n" 'q \' a\ b"#, &["q \" $ \\n", r"q \", "a b"]),
        ("$HOME `id` $(id) * ~ ; id | id > f", &["$HOME", "`id`", "$(id)", "*", "~", ";", "id", "|", "id", ">", "f"]),
        ("Größe ✓", &["Größe", "✓"]),
    ] {
        let mut runner = Runner::with_stand_in(r#"printf '%s\0' "$@" >arguments"#);
        runner.give("args", args);
        runner.main().expect(0);
        let found = runner.read("arguments");
        let found: Vec<&str> = found.split_terminator('\0').collect();
        assert_eq!(found, [&["run"], expected].concat(), "{args}");
    }
}

#[test]
fn args_that_do_not_end_are_an_error_and_nothing_starts() {
    for args in ["'a", "a \"b", "\"a\\\"", "a \\"] {
        let mut runner = Runner::with_stand_in(": >started");
        runner.give("args", args);
        let text = runner.main().expect(3).says_only("error");
        assert!(text.contains("args") && text.contains(args), "{text}");
        assert!(!runner.path("work/started").exists());
    }
}

/// The script reads its environment from the kernel, because some shells drop names with a hyphen.
#[test]
fn the_binary_sees_every_variable() {
    let mut runner = Runner::with_stand_in("cat /proc/$$/environ >environment");
    runner.give("cache-from", "type=gha\ntype=registry,ref=a");
    runner.set("ACTIONS_RUNTIME_TOKEN", "runtime");
    runner.main().expect(0);
    let environment = runner.read("environment");
    let variables: Vec<&str> = environment.split('\0').collect();
    let token = format!("INPUT_GITHUB-TOKEN={TOKEN}");
    for expected in [
        "INPUT_CACHE-FROM=type=gha\ntype=registry,ref=a",
        "INPUT_NO-CACHE=",
        token.as_str(),
        "ACTIONS_RUNTIME_TOKEN=runtime",
        "GITHUB_EVENT_NAME=pull_request",
    ] {
        assert!(variables.contains(&expected), "{expected}: {variables:?}");
    }
}

#[test]
fn outputs_of_the_binary_are_outputs_of_the_step() {
    let runner = Runner::with_stand_in(r"printf 'verdict=pass\nsizes<<E\n{\n}\nE\n' >>$GITHUB_OUTPUT");
    runner.main().expect(0);
    let outputs: Vec<(String, String)> = runner.outputs().into_iter().collect();
    assert_eq!(outputs, [("sizes".to_owned(), "{\n}".to_owned()), ("verdict".to_owned(), "pass".to_owned())]);
}

#[test]
fn a_missing_binary_is_one_clear_error() {
    let mut runner = Runner::new();
    for missing in ["/nonexistent/weighbridge", "/nonexistent/100%0A\nweigh,bridge:"] {
        runner.set("WEIGHBRIDGE_BIN", missing);
        let text = runner.main().expect(3).says_only("error");
        assert!(text.starts_with(&format!("cannot start {missing}: ")) && text.contains("ENOENT"), "{text}");
    }
}

/// A dry run of weighbridge itself as an action with these inputs.
#[track_caller]
fn dry_run(inputs: &[(&str, &str)], code: i32) -> Step {
    let case = Case::new();
    let mut runner = Runner::new();
    runner.env.extend(case.repository.env.clone());
    runner.set("WEIGHBRIDGE_BIN", env!("CARGO_BIN_EXE_weighbridge"));
    inputs.iter().for_each(|(name, value)| runner.give(name, value));
    let mut command = runner.command();
    command.current_dir(case.repository.path());
    let step = Step::of(command).expect(code);
    runner.outputs();
    step
}

#[test]
fn weighbridge_itself_runs_as_an_action() {
    for inputs in
        [&[("args", "--dry-run --image web")][..], &[("args", "--dry-run"), ("image", "web"), ("load", "True")]]
    {
        let step = dry_run(inputs, 0);
        assert!(step.stdout.contains("buildx build") && !step.stdout.contains("orders"), "{}", step.stdout);
        assert_eq!(step.stdout.contains("local engine"), inputs.len() > 1, "{}", step.stdout);
    }
}
