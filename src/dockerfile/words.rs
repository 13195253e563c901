//! The parts of an instruction as BuildKit takes them apart (`frontend/dockerfile/parser`: `split_command.go` and
//! `line_parsers.go`), and the expansion of variables in them (`frontend/dockerfile/shell`: `lex.go`).

use super::Escape;

/// How deep expansions may stand in each other.
const MAX_DEPTH: usize = 50;

/// The flags that an instruction starts with, quotes removed, and what follows them.
///
/// BuildKit takes each byte of a flag for a character, so that nothing but ASCII comes through; so does this.
pub(super) fn flags(arguments: &str, escape: Escape) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = arguments.trim_start();
    while rest.starts_with("--") {
        let (flag, length) = flag(rest, escape);
        rest = rest.get(length..).unwrap_or_default().trim_start();
        if flag == "--" {
            break;
        }
        flags.push(flag);
    }
    (flags, rest.trim_end())
}

/// The flag at the start of a text, and how many bytes it takes there.
fn flag(text: &str, Escape(escape): Escape) -> (String, usize) {
    let mut flag = String::new();
    let mut quote = None;
    let mut bytes = text.bytes().map(char::from).zip(0..);
    while let Some((c, index)) = bytes.next() {
        match quote {
            None if c.is_ascii_whitespace() => return (flag, index),
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => flag.extend(bytes.next().map(|(c, _)| c)),
            _ => flag.push(c),
        }
    }
    (flag, text.len())
}

/// The strings of a JSON array, else what stands between blanks; `None` of an array that holds other things.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    match serde_json::from_str::<Vec<serde_json::Value>>(text) {
        Ok(values) => values.into_iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        Err(_) => Some(text.split(is_blank).filter(|word| !word.is_empty()).map(str::to_owned).collect()),
    }
}

/// Whether the arguments are a JSON array of strings: `RUN` then needs no shell.
pub(super) fn is_exec_form(text: &str) -> bool {
    serde_json::from_str::<Vec<String>>(text).is_ok()
}

/// What separates words where quotes do not count.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The words of a text, quotes and escapes kept; blanks between quotes separate nothing.
pub(super) fn words(text: &str, Escape(escape): Escape) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            words.push(std::mem::take(&mut word));
            continue;
        }
        if c == escape && quote != Some('\'') {
            word.extend(chars.next().into_iter().flat_map(|next| [c, next]));
            continue;
        }
        word.push(c);
        quote = match quote {
            None => Some(c).filter(|c| matches!(c, '"' | '\'')),
            Some(open) => Some(open).filter(|open| *open != c),
        };
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// A word with its variables replaced and its quotes removed. `None` where it is malformed, or where it holds a
/// variable whose value is not known or is cut to a pattern.
pub(super) fn expanded(word: &str, escape: Escape, mut value: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut expansion =
        Expansion { chars: word.chars(), escape: escape.0, value: &mut value, is_known: true, depth: 0 };
    expansion.until(None).filter(|_| expansion.is_known)
}

/// The variables that a word holds, in order; up to where it is malformed.
pub(super) fn variables(word: &str, Escape(escape): Escape) -> Vec<String> {
    let mut variables = Vec::new();
    let mut value = |name: &str| {
        variables.push(name.to_owned());
        Some(String::new())
    };
    Expansion { chars: word.chars(), escape, value: &mut value, is_known: true, depth: 0 }.until(None);
    variables
}

struct Expansion<'a> {
    chars: std::str::Chars<'a>,
    escape: char,
    value: &'a mut dyn FnMut(&str) -> Option<String>,
    is_known: bool,
    depth: usize,
}

impl Expansion<'_> {
    /// Everything up to a character, which is consumed, or up to the end.
    fn until(&mut self, stop: Option<char>) -> Option<String> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())?;
        let mut text = String::new();
        loop {
            match self.chars.next() {
                end if end == stop => break,
                None => return None,
                Some('\'') => text.push_str(&self.single_quoted()?),
                Some('"') => text.push_str(&self.double_quoted()?),
                Some('$') => text.push_str(&self.dollar()?),
                Some(c) if c == self.escape => text.extend(self.chars.next()),
                Some(c) => text.push(c),
            }
        }
        self.depth -= 1;
        Some(text)
    }

    fn single_quoted(&mut self) -> Option<String> {
        let (text, rest) = self.chars.as_str().split_once('\'')?;
        self.chars = rest.chars();
        Some(text.to_owned())
    }

    fn double_quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.chars.next()? {
                '"' => return Some(text),
                '$' => text.push_str(&self.dollar()?),
                c if c == self.escape => {
                    let special = |next: char| matches!(next, '"' | '$') || next == c;
                    text.push(self.next_if(special).unwrap_or(c));
                }
                c => text.push(c),
            }
        }
    }

    /// What a `$`, already consumed, and the name behind it stand for.
    fn dollar(&mut self) -> Option<String> {
        if self.next_if(|c| c == '{').is_none() {
            let name = self.name();
            return Some(if name.is_empty() { "$".to_owned() } else { self.value_of(&name).unwrap_or_default() });
        }
        if self.chars.as_str().starts_with(['{', '}', ':']) {
            return None;
        }
        let name = self.name();
        let (null_is_unset, mark) = match self.chars.next()? {
            ':' => (true, self.chars.next().filter(|c| matches!(c, '+' | '-' | '?'))?),
            mark => (false, mark),
        };
        match mark {
            '}' => Some(self.value_of(&name).unwrap_or_default()),
            '+' | '-' | '?' => {
                let word = self.until(Some('}'))?;
                let value = self.value_of(&name).filter(|value| !(null_is_unset && value.is_empty()));
                match mark {
                    '+' => Some(value.map_or_else(String::new, |_| word)),
                    '-' => Some(value.unwrap_or(word)),
                    _ => value,
                }
            }
            '#' | '%' | '/' => {
                if mark == '/' {
                    self.next_if(|c| c == '/');
                    self.until(Some('/'))?;
                }
                self.until(Some('}'))?;
                self.is_known = false;
                self.value_of(&name)
            }
            _ => None,
        }
    }

    fn value_of(&mut self, name: &str) -> Option<String> {
        let value = (self.value)(name);
        self.is_known &= value.is_some();
        value
    }

    /// Letters, digits and underscores; digits alone where one comes first; or one character that shells know.
    fn name(&mut self) -> String {
        if let Some(special) = self.next_if(|c| matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!')) {
            return special.to_string();
        }
        let starts_with_digit = self.chars.as_str().starts_with(char::is_numeric);
        let belongs = |c: char| c.is_numeric() || (!starts_with_digit && (c.is_alphabetic() || c == '_'));
        std::iter::from_fn(|| self.next_if(belongs)).collect()
    }

    fn next_if(&mut self, test: impl Fn(char) -> bool) -> Option<char> {
        let mut ahead = self.chars.clone();
        let next = ahead.next().filter(|c| test(*c))?;
        self.chars = ahead;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKSLASH: Escape = Escape('\\');

    #[test]
    fn flags_end_at_the_first_other_word() {
        for (arguments, expected, rest) in [
            ("--a --b=c d --e", &["--a", "--b=c"][..], "d --e"),
            (r#"--a="b c"'d' e"#, &["--a=b cd"], "e"),
            (r"--a=b\ c\", &["--a=b c"], ""),
            ("--a -- --b c", &["--a"], "--b c"),
            ("--a=é b", &["--a=Ã©"], "b"),
            ("- --a", &[], "- --a"),
        ] {
            let (flags, found) = flags(arguments, BACKSLASH);
            assert_eq!(
                (flags.as_slice(), found),
                (&*expected.iter().map(ToString::to_string).collect::<Vec<_>>(), rest)
            );
        }
        assert_eq!(flags("--a=`\"b\\ c", Escape('`')), (vec!["--a=\"b\\".to_owned()], "c"));
    }

    #[test]
    fn words_keep_their_quotes() {
        assert_eq!(words(r#"A="b c" D=e\ f  G='\' "H=""#, BACKSLASH), [r#"A="b c""#, r"D=e\ f", r"G='\'", "\"H=\""]);
        assert_eq!(list(r#" ["a b", "c"] "#).unwrap(), ["a b", "c"]);
        assert_eq!(list("[a-z]*.go  /b").unwrap(), ["[a-z]*.go", "/b"]);
        assert_eq!(list("[1, 2]"), None);
        assert!(is_exec_form(r#"["a"]"#) && !is_exec_form("[ -f a ]") && !is_exec_form("['a']"));
    }

    /// The cases are those in which BuildKit's lexer does what is hard to guess.
    #[test]
    fn words_are_expanded_as_by_buildkit() {
        let value = |name: &str| match name {
            "A" => Some("a b".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (word, expected) in [
            ("x$A/y", Some("xa b/y")),
            ("${A}y", Some("a by")),
            ("$Ay", None),
            ("$1A", None),
            (r"\$A", Some("$A")),
            ("'$A'", Some("$A")),
            (r#""$A"'"'"#, Some("a b\"")),
            (r#""\$\x\"""#, Some(r#"$\x""#)),
            (r"a\*b\\", Some(r"a*b\")),
            ("a$", Some("a$")),
            ("a$/b", Some("a$/b")),
            ("${A:-x}", Some("a b")),
            ("${EMPTY:-x}", Some("x")),
            ("${EMPTY-x}", Some("")),
            ("${EMPTY:-${A}}", Some("a b")),
            ("${A:+x}${EMPTY:+y}${EMPTY+z}", Some("xz")),
            ("${EMPTY:?why}", None),
            ("${A?why}", Some("a b")),
            ("${NONE:-x}", None),
            ("${A#a}", None),
            ("${A/a/b}", None),
            ("${A", None),
            ("${}", None),
            ("${{A}}", None),
            ("${:A}", None),
            ("${A,,}", None),
            ("'a", None),
            ("\"a", None),
            ("", Some("")),
        ] {
            assert_eq!(expanded(word, BACKSLASH, value).as_deref(), expected, "{word}");
        }
        assert_eq!(expanded(r"`$A\", Escape('`'), value).as_deref(), Some(r"$A\"));
        let deep = format!("{}x{}", "${A:+".repeat(100_000), "}".repeat(100_000));
        assert_eq!(expanded(&deep, BACKSLASH, value), None);
    }

    #[test]
    fn variables_are_found_wherever_they_stand() {
        assert_eq!(
            variables(r#"$A"${B:-$C}"'$D'\$E${F%$G}${H/$I/$J}"#, BACKSLASH),
            ["A", "C", "B", "G", "F", "I", "J", "H"]
        );
    }
}
