//! Regular expressions as Go's `regexp/syntax` reads them, as far as `pattern` makes them from file names.
//!
//! The `regex` crate reads brackets otherwise (`[a[b]`, `&&`), and sets limits to what is only long.

use super::glob::{Glob, Item, Place, Set, Token, is_word, skip};

/// What `**` becomes.
pub(super) const DIRECTORIES: &str = "(.*/)?";

/// The bytes of the longest name of a class, with a `^` before it.
const MAX_CLASS_NAME: usize = 7;

type Chars<'a> = std::str::Chars<'a>;

/// The alternatives of an expression, each as a pattern of whole names; `None` where Go finds the expression malformed.
/// What no file name is meant to say is refused as well: `\Q`, `\p`, characters by their number, and repetitions.
pub(super) fn globs(expression: &str) -> Option<Vec<Glob>> {
    let mut globs = Vec::new();
    let mut tokens = Vec::new();
    let mut chars = expression.chars();
    loop {
        if skip_directories(&mut chars) {
            tokens.extend([Token::Optional, Token::Many(Set::AllBut('\n')), Token::One(Set::Only('/'))]);
        } else if chars.as_str().is_empty() || skip(&mut chars, '|') {
            globs.push(whole(std::mem::take(&mut tokens)));
            if chars.as_str().is_empty() {
                return Some(globs);
            }
        } else {
            tokens.push(match atom(&mut chars)? {
                Token::One(set) if skip(&mut chars, '*') => Token::Many(set),
                token => token,
            });
        }
    }
}

/// The pattern of all names in which the tokens match a part.
fn whole(mut tokens: Vec<Token>) -> Glob {
    match tokens.first() {
        Some(Token::At(Place::Start)) => _ = tokens.remove(0),
        _ => tokens.insert(0, Token::Many(Set::All)),
    }
    match tokens.last() {
        Some(Token::At(Place::End)) => _ = tokens.pop(),
        _ => tokens.push(Token::Many(Set::All)),
    }
    Glob::of(tokens)
}

/// Consumes a row of `**`: together they match what one does, and the length of the row must not count.
fn skip_directories(chars: &mut Chars<'_>) -> bool {
    let rest = chars.as_str().trim_start_matches(DIRECTORIES);
    let is_there = rest.len() < chars.as_str().len();
    *chars = rest.chars();
    is_there
}

fn atom(chars: &mut Chars<'_>) -> Option<Token> {
    Some(match chars.next()? {
        '[' => Token::One(class(chars)?),
        '.' => Token::One(Set::AllBut('\n')),
        '^' => Token::At(Place::Start),
        '$' => Token::At(Place::End),
        '{' if is_repetition(chars.as_str()) => return None,
        '\\' => match chars.next()? {
            'A' => Token::At(Place::Start),
            'z' => Token::At(Place::End),
            c @ ('b' | 'B') => Token::At(Place::WordBoundary(c == 'b')),
            c => Token::One(match perl(c) {
                Some(item) => Set::Class { is_negated: false, items: vec![item] },
                None => Set::Only(escaped(c)?),
            }),
        },
        c => Token::One(Set::Only(c)),
    })
}

/// Whether `2}`, `2,}` or `2,3}` comes next; everything else leaves the brace a character.
fn is_repetition(text: &str) -> bool {
    let end = after_digits(text);
    end.len() < text.len() && after_digits(end.strip_prefix(',').unwrap_or(end)).starts_with('}')
}

fn after_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// What stands between brackets, the closing one consumed. Only the first character may be a `]`.
fn class(chars: &mut Chars<'_>) -> Option<Set> {
    let mut items = Vec::new();
    let is_negated = skip(chars, '^');
    while items.is_empty() || !skip(chars, ']') {
        if let Some(name) = named(chars.as_str()) {
            let positive = name.strip_prefix('^');
            items.push(Item::Named(posix(positive.unwrap_or(name))?, positive.is_none()));
            chars.nth(name.chars().count() + 3);
            continue;
        }
        let mut ahead = chars.clone();
        if let ('\\', Some(item)) = (ahead.next()?, ahead.next().and_then(perl)) {
            items.push(item);
            *chars = ahead;
            continue;
        }
        let low = character(chars)?;
        let rest = chars.as_str();
        let is_range = rest.starts_with('-') && rest.len() > 1 && !rest.starts_with("-]");
        let high = if is_range && skip(chars, '-') { character(chars)? } else { low };
        items.push(Item::Range(low, (low <= high).then_some(high)?));
    }
    Some(Set::Class { is_negated, items })
}

/// The name in `[:alpha:]`, if such stands at the start of a text. Only what may be a name is looked through.
fn named(text: &str) -> Option<&str> {
    let name = text.strip_prefix("[:")?;
    let end = name.bytes().zip(0..=MAX_CLASS_NAME).find(|(byte, _)| *byte == b':').map(|(_, end)| end)?;
    let (name, rest) = name.split_at_checked(end)?;
    rest.starts_with(":]").then_some(name)
}

fn character(chars: &mut Chars<'_>) -> Option<char> {
    match chars.next()? {
        '\\' => escaped(chars.next()?),
        c => Some(c),
    }
}

/// The character that a backslash and this one stand for.
fn escaped(c: char) -> Option<char> {
    match c {
        'a' => Some('\u{7}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => c.is_ascii().then_some(c).filter(|c| !c.is_ascii_alphanumeric()),
    }
}

/// The class that a backslash and this letter stand for, an upper-case one for all others.
fn perl(letter: char) -> Option<Item> {
    let test = match letter.to_ascii_lowercase() {
        'd' => |c: char| c.is_ascii_digit(),
        's' => |c: char| c.is_ascii_whitespace(),
        'w' => is_word,
        _ => return None,
    };
    Some(Item::Named(test, letter.is_ascii_lowercase()))
}

fn posix(name: &str) -> Option<fn(char) -> bool> {
    Some(match name {
        "alnum" => |c| c.is_ascii_alphanumeric(),
        "alpha" => |c| c.is_ascii_alphabetic(),
        "ascii" => |c| c.is_ascii(),
        "blank" => |c| matches!(c, ' ' | '\t'),
        "cntrl" => |c| c.is_ascii_control(),
        "digit" => |c| c.is_ascii_digit(),
        "graph" => |c| c.is_ascii_graphic(),
        "lower" => |c| c.is_ascii_lowercase(),
        "print" => |c| c.is_ascii_graphic() || c == ' ',
        "punct" => |c| c.is_ascii_punctuation(),
        "space" => |c| c.is_ascii_whitespace() || c == '\u{b}',
        "upper" => |c| c.is_ascii_uppercase(),
        "word" => is_word,
        "xdigit" => |c| c.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_as_gos_do() {
        for (expression, yes, no) in [
            ("^a[^/]*b$", "axxb", "a/b"),
            ("^(.*/)?b$", "x/y/b", "xb"),
            ("^.*$", "a/b", "a\nb"),
            ("^[[^/]*]$", "[^/]", "a]"),
            ("^[[:alpha:]]$", "x", "1"),
            ("^[[:^alpha:]_]$", "1", "x"),
            ("^[[:x]$", ":", "y"),
            ("^[]a]$", "]", "b"),
            ("^[\\d-]$", "-", "d"),
            ("^[a\\]]$", "]", "\\"),
            ("^[a-]$", "-", "b"),
            ("^\\D\\w\\S$", "xyz", "1yz"),
            ("^\\t\\.$", "\t.", "tx"),
            ("^^a$", "a", "^a"),
            ("^a\\b/b\\z$", "a/b", "a/bc"),
            ("^a\\Bb$", "ab", "a"),
            ("^a^b$", "", "ab"),
            ("^\\^\\-$", "^-", "-"),
            ("^a|b|c$", "xbx", "xa"),
            ("^a|b|c$", "ax", "cx"),
            ("^a\\$", "a$x", "a"),
            ("^{a,b}{$", "{a,b}{", "a"),
            ("^[{2}]$", "2", "a"),
        ] {
            let globs = globs(expression).unwrap();
            assert!(!globs.iter().any(|glob| glob.matches(no)), "{expression} {no}");
            assert!(yes.is_empty() || globs.iter().any(|glob| glob.matches(yes)), "{expression} {yes}");
        }
    }

    #[test]
    fn a_malformed_expression_is_none() {
        for expression in [
            "[a", "[", "[z-a]", "[[:x:]]", "\\y", "\\ä", "\\pN", "\\x41", "\\1", "[\\b]", "[a-\\d]", "a\\", "a{2}",
            "a{2,}", "a{2,3}",
        ] {
            assert!(globs(expression).is_none(), "{expression}");
        }
    }

    #[test]
    fn a_row_of_stars_costs_no_more_than_one() {
        let expression = format!("^{}a$", DIRECTORIES.repeat(30_000));
        assert!(
            globs(&expression).unwrap().iter().all(|glob| glob.matches(&"b/".repeat(1_000)) || glob.matches("b/a"))
        );
    }
}
