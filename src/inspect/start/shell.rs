//! What a command line starts, where that is certain.

/// Words that the shell itself knows, or after which anything may follow.
const OWN: [&str; 38] = [
    ".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "echo", "eval", "exit",
    "export", "false", "fg", "for", "function", "getopts", "hash", "if", "kill", "printf", "pwd", "read", "readonly",
    "return", "set", "shift", "source", "test", "trap", "true", "umask", "wait", "while",
];
/// Shells by their name.
const SHELLS: [&[u8]; 5] = [b"sh", b"bash", b"ash", b"dash", b"busybox"];
/// Programs that start what follows `--`, or the first word that is no option.
const INITS: [&[u8]; 4] = [b"tini", b"tini-static", b"dumb-init", b"catatonit"];

/// The program that a program is told to start, where that is certain.
pub(super) fn started_by(command: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let (program, words) = command.split_first()?;
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if INITS.contains(&name) {
        let after = words.iter().position(|word| word == b"--")?;
        return words.get(after + 1..).filter(|words| !words.is_empty()).map(<[_]>::to_vec);
    }
    match words {
        [option, line, ..] if SHELLS.contains(&name) && matches!(&**option, b"-c" | b"-ec" | b"-ce") => simple(line),
        _ => None,
    }
}

/// The words of a simple command; `None` of everything that a shell would have to be asked about.
fn simple(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:,@%+- ".contains(c);
    let line = str::from_utf8(line).ok().filter(|line| line.chars().all(is_plain))?;
    let mut words = line.split(' ').filter(|word| !word.is_empty()).peekable();
    words.next_if_eq(&"exec");
    let first = *words.peek()?;
    let is_certain = !OWN.contains(&first) && !first.starts_with('-');
    is_certain.then(|| words.map(|word| word.as_bytes().to_vec()).collect())
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
            (&["sh", "-c", "exec \"$@\"", "--"], None),
            (&["sh", "-c", "echo hello"], None),
            (&["sh", "-c", "A=1 run"], None),
            (&["sh", "run.sh"], None),
            (&["/usr/bin/tini", "-g", "--", "/app", "x"], Some("/app")),
            (&["/usr/bin/tini", "/app"], None),
            (&["/app"], None),
        ] {
            let command: Vec<Vec<u8>> = command.iter().map(|word| word.as_bytes().to_vec()).collect();
            let started = started_by(&command).map(|words| String::from_utf8(words[0].clone()).unwrap());
            assert_eq!(started.as_deref(), expected, "{command:?}");
        }
    }
}
