//! What `env` is told to start in the first line of a script.

/// The program, from all that follows `env`, which comes as one argument; `None` where that is not certain.
pub(super) fn program(argument: &[u8]) -> Option<&[u8]> {
    let Some(split) = argument.strip_prefix(b"-S").or_else(|| argument.strip_prefix(b"--split-string=")) else {
        let is_name = !argument.is_empty() && !argument.starts_with(b"-") && !argument.contains(&b'=');
        return is_name.then_some(argument);
    };
    let mut words = split.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    let first = words.find(|word| !word.contains(&b'='))?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./+-\r".contains(byte);
    (first.iter().all(is_plain) && !first.starts_with(b"-")).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_split_argument_has_options_for_the_program() {
        for (argument, expected) in [
            ("node", Some("node")),
            ("perl -w", Some("perl -w")),
            ("sh\r", Some("sh\r")),
            ("-S perl -w", Some("perl")),
            ("-Snode", Some("node")),
            ("-S A=1 B=2 node --x", Some("node")),
            ("-S -i node", None),
            ("-S ${NODE} x", None),
            ("-i node", None),
            ("A=1", None),
            ("", None),
        ] {
            let program = program(argument.as_bytes()).map(|name| str::from_utf8(name).unwrap());
            assert_eq!(program, expected, "{argument}");
        }
    }
}
