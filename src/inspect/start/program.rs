//! From a command to what the kernel runs: scripts lead to their interpreter, programs to their loader.

use super::files::{Files, Starter};
use super::finding::{Stop, never, shown, shown_path, unknown};
use super::{env, libraries, loader, machine, script, shell};
use crate::inspect::{Detail, Elf, Found};

/// How often one program may lead to the next: Linux follows four scripts.
const DEPTH_LIMIT: usize = 8;

/// What runs in the end.
pub(super) struct Program<'a> {
    /// Where it is.
    pub(super) path: Vec<u8>,
    /// What is known of it; `None` where a script's interpreter was found and its kind does not matter.
    pub(super) elf: &'a Elf,
    /// Paths of all libraries that it loads.
    pub(super) libraries: Vec<Vec<u8>>,
    /// Why it starts only where the runtime keeps Docker's default capabilities.
    pub(super) needs_capability: Option<String>,
}

/// Follows a command to the program that runs.
///
/// # Errors
/// When something on the way is missing or of the wrong kind, or cannot be told.
pub(super) fn run<'a>(files: &Files<'a>, command: &[Vec<u8>]) -> Result<Program<'a>, Stop> {
    let mut command = command.to_vec();
    let (mut starter, mut needs_capability) = (Starter::Runtime, None);
    for _ in 0..DEPTH_LIMIT {
        let Some(name) = command.first() else { break };
        let found = files.program(name, starter)?;
        if starter == Starter::Runtime {
            needs_capability = files.refusal(&found, 0o111);
        }
        match found.detail {
            Some(Detail::Elf(elf)) => {
                let program = loaded(files, &found, elf)?;
                script::check(files, &command)?;
                match shell::started_by(&command) {
                    Some(next) if !is_in_shell(files, &command, &next) => command = next,
                    _ => return Ok(Program { needs_capability, ..program }),
                }
            }
            Some(Detail::Script(line)) => command = interpreted(files, &found, line)?,
            Some(Detail::Unseen | Detail::Text(_) | Detail::Identity(_) | Detail::Secret) => {
                return Err(unknown(
                    "start-command-unseen",
                    format!("{} could not be looked into", shown_path(&found.path)),
                ));
            }
            // What the kernel does not know, shells and `execvp` run by the shell (POSIX, "execvp").
            None if starter == Starter::Process => {
                command = vec![b"/bin/sh".to_vec(), [b"/", &found.path[..]].concat()]
            }
            None => {
                let path = shown_path(&found.path);
                let what = if found.bytes == 0 {
                    format!("{path} is empty")
                } else {
                    format!("{path} is neither a program nor a script that starts with `#!` (exec format error)")
                };
                return Err(never("start-exec-format", what));
            }
        }
        starter = Starter::Process;
    }
    Err(never("start-too-many-interpreters", "scripts lead to scripts without end".to_owned()))
}

/// Whether the next command may be one that busybox's shell has in it, which that finds without links to itself.
fn is_in_shell(files: &Files<'_>, command: &[Vec<u8>], next: &[Vec<u8>]) -> bool {
    let is_shell = command.first().is_some_and(|program| shell::is_shell(program));
    let is_named = next.first().is_some_and(|name| !name.contains(&b'/'));
    is_shell && is_named && files.program(b"ls", Starter::Process).is_err()
}

/// The command that a script is run by (linux/fs/binfmt_script.c). What it is told by `env` is followed as well.
fn interpreted(files: &Files<'_>, script: &Found<'_>, line: &[u8]) -> Result<Vec<Vec<u8>>, Stop> {
    let path = shown_path(&script.path);
    let line = line.trim_ascii_start();
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    let (interpreter, argument) = line.split_at(end);
    let argument = trimmed(argument);
    if interpreter.is_empty() {
        return Err(never("start-exec-format", format!("{path} names no interpreter after `#!`")));
    }
    let missing = |name: &[u8]| {
        let windows = if name.ends_with(b"\r") { ": the script has Windows line ends" } else { "" };
        never(
            "start-script-interpreter-missing",
            format!("interpreter {} of script {path} is missing{windows}", shown(name)),
        )
    };
    if files.file(&files.absolute(interpreter)).is_err() {
        return Err(missing(interpreter));
    }
    // The interpreter opens the script anew, with the user's rights.
    if let Some(what) = files.refusal(script, 0o444) {
        return Err(never("start-script-not-readable", what));
    }
    let own = [b"/", &script.path[..]].concat();
    if interpreter.ends_with(b"/env")
        && let Some(named) = env::program(argument)
    {
        return match files.program(named, Starter::Process) {
            Ok(_) => Ok(vec![named.to_vec(), own]),
            Err(_) if named.ends_with(b"\r") => Err(missing(named)),
            Err(_) if named.contains(&b' ') => {
                let what = format!(
                    "`env` takes {} in the first line of {path} for the name of one program: write `env -S`",
                    shown(named)
                );
                Err(never("start-script-interpreter-missing", what))
            }
            Err(stop) => Err(stop),
        };
    }
    if argument.starts_with(b"-") && argument.ends_with(b"\r") && script::takes_no_other_options(interpreter) {
        let what = format!(
            "{} does not know the option {} of script {path}: the script has Windows line ends",
            shown(interpreter),
            shown(argument)
        );
        return Err(never("start-script-interpreter-missing", what));
    }
    Ok(vec![files.absolute(interpreter), own])
}

/// Without the spaces and tabs that Linux takes off. A carriage return is none of them.
fn trimmed(mut argument: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = argument {
        argument = rest;
    }
    argument
}

/// What the kernel and the loader make of a program.
fn loaded<'a>(files: &Files<'a>, found: &Found<'a>, elf: &'a Elf) -> Result<Program<'a>, Stop> {
    let path = shown_path(&found.path);
    if !elf.is_loadable {
        return Err(never("start-exec-format", format!("{path} is an object file or a core dump, no program")));
    }
    if !files.machines.contains(&elf.machine) {
        let own = files.machines.first().map(|own| machine::name(*own)).unwrap_or_default();
        let what = format!("{path} is built for {}, and the image is for {own}", machine::name(elf.machine));
        return Err(never("start-wrong-machine", what));
    }
    let Some(interpreter) = &elf.interpreter else {
        if !elf.is_whole {
            return Err(unknown("start-command-unseen", format!("the headers of {path} could not be seen")));
        }
        return Ok(Program { path: found.path.clone(), elf, libraries: Vec::new(), needs_capability: None });
    };
    loader::check(files, &path, elf, interpreter)?;
    let libraries = libraries::check(files, found, elf, interpreter)?;
    Ok(Program { path: found.path.clone(), elf, libraries, needs_capability: None })
}
