//! Untrusted text made fit for one line of a report: no escape sequences, no control characters, bounded length.

/// Removes what a terminal would act on: escape sequences and control characters other than the tab.
#[must_use]
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => plain.push(char),
            _ if char.is_control() => {}
            _ => plain.push(char),
        }
    }
    plain
}

/// Skips the rest of an escape sequence: CSI up to its final letter, OSC up to its terminator, else one character.
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => drop(chars.find(|char| ('@'..='~').contains(char))),
        Some(']') => drop(chars.find(|char| matches!(char, '\u{7}' | '\\'))),
        _ => {}
    }
}

/// One line of at most `limit` characters: white space runs become one blank, the middle of a long text is left out,
/// as errors say the important part last and instructions say it first.
#[must_use]
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let blanks: String = text.chars().map(|char| if char.is_whitespace() { ' ' } else { char }).collect();
    let line = plain(&blanks).split_whitespace().collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if length <= limit {
        return line;
    }
    let kept = limit.saturating_sub(1);
    let tail = kept / 2;
    let head: String = line.chars().take(kept - tail).collect();
    let tail: String = line.chars().skip(length - tail).collect();
    format!("{head}…{tail}")
}

/// The longest prefix of at most `limit` bytes.
#[must_use]
pub(crate) fn prefix(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_sequences_are_removed() {
        for (text, expected) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}shell", "shell"),
            ("a\u{8}\u{0}b\tc", "ab\tc"),
            ("cut \u{1b}[", "cut "),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        assert_eq!(one_line("a\n  b\r\nc", 10), "a b c");
        assert_eq!(one_line("abcdefghij", 10), "abcdefghij");
        assert_eq!(one_line("abcdefghijk", 10), "abcde…hijk");
        assert_eq!(one_line("ééé", 2), "é…");
        assert_eq!(prefix("éé", 3), "é");
    }

    proptest! {
        #[test]
        fn one_line_never_exceeds_its_limit(text in ".*", limit in 1usize..50) {
            let line = one_line(&text, limit);
            prop_assert!(line.chars().count() <= limit);
            prop_assert!(!line.chars().any(char::is_control));
        }
    }
}
