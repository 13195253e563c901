//! From a command to what the kernel runs: scripts lead to their interpreter, programs to their loader.

use super::files::{Files, Starter};
use super::finding::{Stop, never, shown, shown_path, unknown};
use super::{libraries, loader, machine, shell};
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
                match shell::started_by(&command) {
                    Some(next) => command = next,
                    None => return Ok(Program { needs_capability, ..program }),
                }
            }
            Some(Detail::Script(line)) => command = interpreted(files, &found, line)?,
            Some(Detail::Unseen | Detail::Text(_) | Detail::Identity(_)) => {
                return Err(unknown(
                    "start-command-unseen",
                    format!("{} could not be looked into", shown_path(&found.path)),
                ));
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

/// The command that a script is run by (linux/fs/binfmt_script.c). What it is told by `env` is followed as well.
fn interpreted(files: &Files<'_>, script: &Found<'_>, line: &[u8]) -> Result<Vec<Vec<u8>>, Stop> {
    let path = shown_path(&script.path);
    let line = line.trim_ascii_start();
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    let (interpreter, argument) = line.split_at(end);
    let argument = argument.trim_ascii();
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
    let is_env = interpreter.ends_with(b"/env");
    let named = argument.split(|byte| *byte == b' ').next().unwrap_or_default();
    if is_env && !named.is_empty() && !named.starts_with(b"-") && !named.contains(&b'=') {
        return match files.program(named, Starter::Process) {
            Ok(_) => Ok(vec![named.to_vec(), script.path.clone()]),
            Err(_) if named.ends_with(b"\r") => Err(missing(named)),
            Err(stop) => Err(stop),
        };
    }
    Ok(vec![files.absolute(interpreter), [b"/", &script.path[..]].concat()])
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
