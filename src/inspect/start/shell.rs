//! What a command line starts, where that is certain.

/// Words that shells know themselves, or after which anything may follow.
const OWN: &[&str] = &[
    "!", ".", ":", "[", "[[", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd", "chdir", "command",
    "continue", "coproc", "declare", "dirs", "disown", "do", "done", "echo", "elif", "else", "enable", "esac", "eval",
    "exec", "exit", "export", "false", "fc", "fg", "fi", "for", "function", "getopts", "hash", "help", "history", "if",
    "jobs", "kill", "let", "local", "popd", "printf", "pushd", "pwd", "read", "readonly", "return", "select", "set",
    "shift", "shopt", "source", "suspend", "test", "then", "time", "times", "trap", "true", "type", "typeset",
    "ulimit", "umask", "unalias", "unset", "until", "wait", "while", "{",
];
/// Words after which a line goes on as if nothing had been, but in another directory.
const PASSING: [&str; 6] = [":", "cd", "echo", "true", "ulimit", "umask"];
/// Shells by their name.
const SHELLS: [&[u8]; 4] = [b"sh", b"bash", b"ash", b"dash"];
/// Programs that start what follows their options, and which of these have a value.
const INITS: [(&[u8], &[&[u8]]); 4] =
    [(b"tini", &[b"-p", b"-e"]), (b"tini-static", &[b"-p", b"-e"]), (b"dumb-init", &[b"-r"]), (b"catatonit", &[])];

/// Whether a program is a shell, by its name.
pub(super) fn is_shell(program: &[u8]) -> bool {
    SHELLS.contains(&program.rsplit(|byte| *byte == b'/').next().unwrap_or_default())
}

/// The program that a program is told to start, where that is certain.
pub(super) fn started_by(command: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let (program, words) = command.split_first()?;
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if let Some((_, valued)) = INITS.iter().find(|(init, _)| *init == name) {
        return after_options(words, valued);
    }
    if is_shell(program) { simple(line(words)?) } else { None }
}

/// What follows the options of an init.
fn after_options(words: &[Vec<u8>], valued: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let mut rest = words;
    while let [first, after @ ..] = rest {
        match first {
            first if first == b"--" => return (!after.is_empty()).then(|| after.to_vec()),
            first if valued.contains(&&first[..]) => rest = after.get(1..)?,
            first if first.starts_with(b"-") => rest = after,
            _ => return Some(rest.to_vec()),
        }
    }
    None
}

/// The command line that a shell is given.
fn line(words: &[Vec<u8>]) -> Option<&[u8]> {
    let mut rest = words;
    while let [option, after @ ..] = rest {
        let letters = option.strip_prefix(b"-").filter(|letters| !letters.starts_with(b"-"))?;
        rest = match (letters.contains(&b'c'), letters.contains(&b'o')) {
            (true, false) => return after.first().map(Vec::as_slice),
            (false, true) => after.get(1..)?,
            (false, false) => after,
            (true, true) => return None,
        };
    }
    None
}

/// The words of the command without which a line fails as a whole; its name alone where a shell would have to be asked
/// about the rest, and `None` where no such command is certain.
fn simple(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let line = unless_it_fails(str::from_utf8(line).ok()?.trim());
    // What may go on after a failure, or be no command. `2>&1` is neither.
    let joined = line.replace(">&", "").replace("&>", "").replace("&&", "");
    if joined.contains(['|', ';', '&', '\n', '(', ')']) {
        return None;
    }
    let mut parts = line.split("&&").map(str::trim);
    let part = parts.find(|part| !part.split(' ').next().is_some_and(|word| PASSING.contains(&word)))?;
    let has_moved = !line.starts_with(part);
    let part = part.strip_prefix("exec ").unwrap_or(part).trim_start();
    let first = part.split(' ').next()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@%+-".contains(c);
    let is_own = OWN.contains(&first) || first.is_empty() || first.starts_with('-');
    let is_relative = first.contains('/') && !first.starts_with('/');
    // What looks like an end may be in quotes.
    let is_uncertain = has_moved && (is_relative || line.contains(['"', '\'', '\\']));
    if is_own || !first.chars().all(is_plain) || is_uncertain {
        return None;
    }
    let words = part.split(' ').filter(|word| !word.is_empty());
    let are_plain = !has_moved && part.chars().all(|c| c == ' ' || is_plain(c));
    Some(words.take(if are_plain { usize::MAX } else { 1 }).map(|word| word.as_bytes().to_vec()).collect())
}

/// A line without `|| exit 1` and the like at its end, by which it fails all the same.
fn unless_it_fails(line: &str) -> &str {
    let Some((rest, last)) = line.rsplit_once("||") else { return line };
    let mut words = last.split_whitespace();
    let fails = match (words.next(), words.next()) {
        (Some("false"), None) | (Some("exit"), None) => true,
        (Some("exit"), Some(code)) => code.parse::<u8>().is_ok_and(|code| code > 0),
        _ => false,
    };
    if fails && words.next().is_none() { rest.trim_end() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_claimed() {
        for (command, expected) in [
            (&["/bin/sh", "-c", "node server.js"][..], Some("node")),
            (&["/bin/sh", "-c", "exec  /app/run --port 80"], Some("/app/run")),
            (&["/bin/bash", "-c", "cd /app && ./run"], None),
            (&["/bin/bash", "-c", "cd /app && node server.js"], Some("node")),
            (&["/bin/bash", "-c", "true && run"], Some("run")),
            (&["/bin/bash", "-o", "pipefail", "-c", "run"], Some("run")),
            (&["/bin/bash", "-eo", "pipefail", "-c", "run"], Some("run")),
            (&["/bin/bash", "-c", "run > /dev/null 2>&1"], Some("run")),
            (&["sh", "-c", "curl -f \"http://x?a\" || exit 1"], Some("curl")),
            (&["sh", "-c", "curl x || exit 0"], None),
            (&["sh", "-c", "curl x || wget x || exit 1"], None),
            (&["sh", "-c", "run; true"], None),
            (&["sh", "-c", "run & wait"], None),
            (&["sh", "-c", "run () { true"], None),
            (&["sh", "-c", "$RUN x"], None),
            (&["sh", "-c", "ulimit -n 100"], None),
            (&["sh", "-c", "exec \"$@\"", "--"], None),
            (&["sh", "-c", "echo hello"], None),
            (&["sh", "-c", "A=1 run"], None),
            (&["sh", "run.sh"], None),
            (&["/usr/bin/tini", "-g", "--", "/app", "x"], Some("/app")),
            (&["/usr/bin/tini", "/app"], Some("/app")),
            (&["tini", "-p", "SIGTERM", "-s", "/app"], Some("/app")),
            (&["dumb-init", "--version"], None),
            (&["/app"], None),
        ] {
            let command: Vec<Vec<u8>> = command.iter().map(|word| word.as_bytes().to_vec()).collect();
            let started = started_by(&command).map(|words| String::from_utf8(words[0].clone()).unwrap());
            assert_eq!(started.as_deref(), expected, "{command:?}");
        }
    }
}
