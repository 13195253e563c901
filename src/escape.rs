//! Untrusted text made harmless, one function per place where it may stand.
//!
//! Step names, tags, Dockerfile lines and log lines come from whoever opened the change request. They may hold markup,
//! mentions, references, terminal sequences, commands to a workflow's runner, invisible and reordering characters, and
//! any amount of it.

use std::fmt::Write;

/// The text on one line without anything invisible, cut to `max_chars`; safe for a terminal.
#[must_use]
pub fn terminal(text: &str, max_chars: usize) -> String {
    let mut clean = String::new();
    let mut count = 0;
    let mut space_before = true;
    for c in inert(visible(text)) {
        let is_space = c.is_whitespace();
        if is_space && space_before {
            continue;
        }
        space_before = is_space;
        if count == max_chars {
            clean.pop();
            clean.truncate(clean.trim_end().len());
            clean.push('…');
            return clean;
        }
        clean.push(if is_space { ' ' } else { c });
        count += 1;
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// The same, but what is too long is cut in its middle: a command says most at its ends, a path and a reference too.
#[must_use]
pub fn middle(text: &str, max_chars: usize) -> String {
    let clean = terminal(text, usize::MAX);
    let length = clean.chars().count();
    if length <= max_chars {
        return clean;
    }
    let kept = max_chars.saturating_sub(1);
    let tail: String = clean.chars().skip(length - kept / 2).collect();
    let head: String = clean.chars().take(kept - kept / 2).collect();
    // Between words, where that costs little.
    let head = match head.rsplit_once(' ') {
        Some((words, rest)) if rest.len() < words.len() / 2 => format!("{words} "),
        _ => head,
    };
    let tail = match tail.split_once(' ') {
        Some((rest, words)) if rest.len() < words.len() / 2 => format!(" {words}"),
        _ => tail,
    };
    format!("{head}…{tail}")
}

/// The text with its lines and spaces as they are, without anything invisible: for shell lines, logs and errors.
#[must_use]
pub fn block(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| inert(visible(line)).collect()).collect();
    lines.join("\n")
}

/// The text as Markdown prose: for a table cell, a heading or running text.
#[must_use]
pub fn inline(text: &str, max_chars: usize) -> String {
    let mut escaped = String::new();
    for c in terminal(text, max_chars).chars() {
        match c {
            // The zero-width space keeps forges from linking people, issues and addresses.
            '@' | '#' => _ = write!(escaped, "&#{};&#8203;", u32::from(c)),
            '&' | '<' | '>' | '|' => _ = write!(escaped, "&#{};", u32::from(c)),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '!' | '$' | '^' | '=' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    // Forges also link bare addresses: those with a scheme and those that start with `www.`.
    escaped.replace("://", ":&#8203;//").replace("www.", "www&#8203;.").replace("WWW.", "WWW&#8203;.")
}

/// The text inside an HTML element, whether or not Markdown is read there: both know character references.
#[must_use]
pub fn html(text: &str, max_chars: usize) -> String {
    let mut escaped = String::new();
    for c in terminal(text, max_chars).chars() {
        match c {
            '@' | '#' => _ = write!(escaped, "&#{};&#8203;", u32::from(c)),
            '&' | '<' | '>' | '"' | '\'' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '|' | '!' | '$' => {
                _ = write!(escaped, "&#{};", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped.replace("://", ":&#8203;//").replace("www.", "www&#8203;.").replace("WWW.", "WWW&#8203;.")
}

/// The text as inline code. Not for table cells: there, a pipe would still end the cell.
#[must_use]
pub fn code(text: &str, max_chars: usize) -> String {
    let text = terminal(text, max_chars);
    if text.is_empty() {
        return "` `".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Lines as a fenced block; each line is cut to `max_chars`.
#[must_use]
pub fn fence<'a>(lines: impl IntoIterator<Item = &'a str>, max_chars: usize) -> String {
    let lines: Vec<String> = lines
        .into_iter()
        .flat_map(|line| line.lines())
        .map(|line| {
            let indent: String = line.chars().take_while(|c| *c == ' ').take(max_chars / 2).collect();
            indent + &terminal(line, max_chars)
        })
        .collect();
    let ticks = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or(0).max(2) + 1);
    format!("{ticks}text\n{}\n{ticks}", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The characters that a reader sees: terminal sequences, invisible and reordering characters are left out, other
/// control characters and line breaks become spaces.
fn visible(text: &str) -> impl Iterator<Item = char> {
    let mut chars = text.chars();
    std::iter::from_fn(move || {
        loop {
            let c = chars.next()?;
            match c {
                '\u{1b}' => skip_sequence(&mut chars),
                _ if is_invisible(c) => {}
                _ if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => return Some(' '),
                _ => return Some(c),
            }
        }
    })
}

/// The characters with a space inside of what the runner of GitHub Actions takes for a command in any output: `::` at the
/// start of a line, spaces before it aside, and `##[` anywhere (actions/runner: `ActionCommand.cs`). Where a line starts
/// is decided later, by wrapping, so every word counts. The space is a visible one, as the runner's comparison of texts
/// passes over invisible characters.
fn inert(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let mut before = [' ', ' '];
    chars.flat_map(move |c| {
        let is_command = match (before, c) {
            ([first, ':'], ':') => first.is_whitespace(),
            (['#', '#'], '[') => true,
            _ => false,
        };
        before = [if is_command { ' ' } else { before[1] }, c];
        is_command.then_some(' ').into_iter().chain([c])
    })
}

/// Consumes what follows an escape character: a control sequence up to its final byte, an operating system command up
/// to its terminator, else one character.
fn skip_sequence(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => _ = chars.find(|c| matches!(c, '\u{40}'..='\u{7e}' | '\n')),
        Some(']') => {
            let mut rest = chars.clone();
            if rest.any(|c| matches!(c, '\u{7}' | '\u{1b}' | '\n')) {
                *chars = rest;
                if chars.as_str().starts_with('\\') {
                    chars.next();
                }
            }
        }
        _ => {}
    }
}

/// Zero-width, reordering, tagging and other format characters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    #[test]
    fn a_block_keeps_lines_and_spaces_and_nothing_invisible() {
        assert_eq!(block("a  b\n\tc\u{1b}[31md\u{202e}\r\n"), "a  b\n cd \n");
    }

    #[test]
    fn terminal_text_is_one_visible_line() {
        for (text, clean) in [
            ("plain", "plain"),
            ("  two\n\t lines\r\n", "two lines"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}]unterminated", "unterminated"),
            ("\u{1b}cx", "x"),
            ("\u{9b}31m", "31m"),
            ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}", "abcd"),
            ("a\u{0}b\u{8}", "a b"),
            ("a\u{2028}b", "a b"),
            ("Grüße 世界", "Grüße 世界"),
        ] {
            assert_eq!(terminal(text, 80), clean, "{text:?}");
        }
    }

    #[test]
    fn what_a_runner_takes_for_a_command_is_broken_up() {
        for (text, clean) in [
            ("::error::x", ": :error::x"),
            (" \t::add-mask::x", ": :add-mask::x"),
            ("\u{200b}:\u{1b}[0m:stop::", ": :stop::"),
            (":::x", ": : :x"),
            ("long words ::error::x", "long words : :error::x"),
            ("a##[group]x", "a## [group]x"),
            ("std::fs::read", "std::fs::read"),
            ("#[test]", "#[test]"),
        ] {
            assert_eq!(terminal(text, 80), clean, "{text:?}");
            assert_eq!(terminal(clean, 80), clean);
        }
        assert_eq!(block("a\n  ::error::x\n##[error]"), "a\n  : :error::x\n## [error]");
        assert_eq!(fence(["  ::error::x"], 80), "```text\n  : :error::x\n```");
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        assert_eq!(terminal("12345", 5), "12345");
        assert_eq!(terminal("123456", 5), "1234…");
        assert_eq!(terminal("123 56", 5), "123…");
        let megabyte = "x".repeat(1_000_000);
        assert_eq!(inline(&megabyte, 100).chars().count(), 100);
        assert_eq!(code(&megabyte, 100).chars().count(), 102);
        assert_eq!(fence([megabyte.as_str()], 100).chars().count(), 100 + 12);
    }

    #[test]
    fn a_command_is_cut_in_its_middle() {
        for (text, max_chars, cut) in [
            ("12345", 5, "12345"),
            ("123456", 5, "12…56"),
            ("1234567", 6, "123…67"),
            ("RUN pip install --target /out x", 20, "RUN pip … /out x"),
            ("RUN a/very/long/path/without/spaces", 20, "RUN a/very…ut/spaces"),
            ("123", 1, "…"),
            ("\u{1b}[1m123\n", 3, "123"),
        ] {
            assert_eq!(middle(text, max_chars), cut, "{text:?}");
        }
    }

    #[test]
    fn inline_text_carries_no_markup_mention_or_reference() {
        for (text, escaped) in [
            ("a|b", "a&#124;b"),
            ("`code`", "\\`code\\`"),
            ("<img src=x>", "&#60;img src\\=x&#62;"),
            ("@team", "&#64;&#8203;team"),
            ("#123", "&#35;&#8203;123"),
            ("-->", "--&#62;"),
            ("&lt;", "&#38;lt;"),
            ("**b** _i_ ~~s~~", "\\*\\*b\\*\\* \\_i\\_ \\~\\~s\\~\\~"),
            ("[x](y)", "\\[x\\](y)"),
            ("https://e.vil", "https:&#8203;//e.vil"),
            ("www.e.vil", "www&#8203;.e.vil"),
            ("a\\|b", "a\\\\&#124;b"),
            ("# heading", "&#35;&#8203; heading"),
            ("one\ntwo", "one two"),
        ] {
            assert_eq!(inline(text, 80), escaped, "{text}");
        }
    }

    #[test]
    fn html_text_carries_no_element_mention_or_reference() {
        for (text, escaped) in [
            ("</summary><b>", "&#60;/summary&#62;&#60;b&#62;"),
            ("@team #1 &amp;", "&#64;&#8203;team &#35;&#8203;1 &#38;amp;"),
            ("a_b `c`", "a&#95;b &#96;c&#96;"),
        ] {
            assert_eq!(html(text, 80), escaped, "{text}");
        }
    }

    #[test]
    fn inline_code_is_delimited_by_more_backticks_than_it_holds() {
        for (text, escaped) in [
            ("RUN make", "`RUN make`"),
            ("a`b", "``a`b``"),
            ("``", "``` `` ```"),
            ("<b>@x", "`<b>@x`"),
            ("a\nb", "`a b`"),
            ("", "` `"),
            ("\u{200b}", "` `"),
        ] {
            assert_eq!(code(text, 80), escaped, "{text:?}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_any_run_inside() {
        insta::assert_snapshot!(fence(["a", "  ```", "</details>\r\nb\u{1b}[1m"], 80), @"
        ````text
        a
          ```
        </details>
        b
        ````
        ");
    }

    proptest! {
        #[test]
        fn no_text_escapes(text in sample::any_text()) {
            prop_assert!(middle(&text, 9).chars().count() <= 9);
            let inline = inline(&text, 40);
            let is_bare = |c: char| matches!(c, '<' | '>' | '|' | '@' | '\n' | '\u{202e}' | '\u{200b}' | '\u{1b}');
            prop_assert!(!inline.contains(is_bare), "{}", inline);
            let is_bare_in_html = |c: char| c != '|' && is_bare(c);
            prop_assert!(!html(&text, 40).contains(is_bare_in_html), "{}", text);
            let code = code(&text, 40);
            let ticks = code.len() - code.trim_start_matches('`').len();
            let content = code.get(ticks..code.len() - ticks).unwrap();
            prop_assert!(longest_run(content) < ticks && !code.contains('\n'), "{}", code);
            let fence = fence([text.as_str()], 40);
            let ticks = fence.split("text").next().unwrap();
            prop_assert_eq!(fence.matches(ticks).count(), 2, "{}", fence);
        }
    }
}
