//! The script that an interpreter is told to run: where that is missing, nothing runs.

use super::files::Files;
use super::finding::{Stop, never, shown, shown_path};
use super::shell;
use crate::inspect::Absent;

/// Checks that the script is there and that the user may read it.
///
/// # Errors
/// When it is not, or when the user may not.
pub(super) fn check(files: &Files<'_>, command: &[Vec<u8>]) -> Result<(), Stop> {
    let Some((program, script)) = command.first().zip(told(command)) else { return Ok(()) };
    let path = files.absolute(script);
    match files.tree.find(&path) {
        Ok(found) => {
            let refused = |what| Err(never("start-script-not-readable", what));
            files.refusal(&found, 0o444).map_or(Ok(()), refused)
        }
        // Some shells look for a plain name in `PATH` as well.
        Err(_) if shell::is_shell(program) && !script.contains(&b'/') => Ok(()),
        Err(Absent::Missing | Absent::NotDirectory | Absent::Circle) => {
            let what = format!("{} is missing, which {} is told to run", shown_path(&path), shown(program));
            Err(never("start-script-missing", what))
        }
    }
}

/// The script in a command, where it is certain that there is one.
fn told(command: &[Vec<u8>]) -> Option<&[u8]> {
    let (program, words) = command.split_first()?;
    let name = str::from_utf8(name(program)).ok()?;
    if name == "java" {
        let after = words.iter().position(|word| word == b"-jar")?;
        return words.get(after + 1).map(Vec::as_slice);
    }
    let first = words.first().filter(|word| !word.is_empty() && !word.starts_with(b"-") && !word.starts_with(b"+"))?;
    let is_file = match name {
        "perl" | "ruby" => true,
        // These complete names, and have commands of their own.
        "node" | "nodejs" => [&b".js"[..], b".mjs", b".cjs"].iter().any(|end| first.ends_with(end)),
        _ => is_python(name) || shell::is_shell(program),
    };
    is_file.then_some(first)
}

/// Whether the letters after a hyphen can be options of this interpreter alone, so that a carriage return is an error.
pub(super) fn takes_no_other_options(interpreter: &[u8]) -> bool {
    shell::is_shell(interpreter) || str::from_utf8(name(interpreter)).is_ok_and(is_python)
}

/// `python`, `python3`, `python3.12`.
fn is_python(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(|version| version.bytes().all(|c| c.is_ascii_digit() || c == b'.'))
}

fn name(program: &[u8]) -> &[u8] {
    program.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_only_where_it_is_certain() {
        for (command, expected) in [
            ("/bin/sh /run.sh x", Some("/run.sh")),
            ("sh -e /run.sh", None),
            ("python3.11 app.py", Some("app.py")),
            ("python -m app", None),
            ("python-config --libs", None),
            ("node server.js", Some("server.js")),
            ("node server", None),
            ("node --inspect server.js", None),
            ("java -Xmx1g -jar app.jar", Some("app.jar")),
            ("java -cp app.jar Main", None),
            ("nginx -g x", None),
            ("ruby", None),
        ] {
            let command: Vec<Vec<u8>> = command.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            assert_eq!(told(&command).map(|word| str::from_utf8(word).unwrap()), expected, "{command:?}");
        }
    }
}
