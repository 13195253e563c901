//! Patterns of file names as Go's `path/filepath` reads them (`Match` and `Clean`), which is what BuildKit copies by.
//!
//! A pattern is compiled to [`Token`]s, which `expression` makes as well. All positions in a pattern are followed at
//! once, so that a match takes time in proportion to the pattern and the name, whatever both hold.

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    tokens: Vec<Token>,
    /// What each name starts with, what it holds in this order, and how many characters it has at least: most names
    /// fail by that alone.
    prefix: String,
    literals: Vec<String>,
    min_chars: usize,
}

/// A part of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Token {
    /// One character.
    One(Set),
    /// Any number of characters.
    Many(Set),
    /// The next two tokens may be left out.
    Optional,
    /// No character, but a place.
    At(Place),
}

/// A place between two characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    End,
    /// Where a word starts or ends, or anywhere else.
    WordBoundary(bool),
}

/// Some characters.
#[derive(Debug, Clone)]
pub(super) enum Set {
    All,
    Only(char),
    AllBut(char),
    Class { is_negated: bool, items: Vec<Item> },
}

/// What may stand between brackets.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Range(char, char),
    /// Those of which a test says this.
    Named(fn(char) -> bool, bool),
}

impl Set {
    fn has(&self, c: char) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => c == *only,
            Self::AllBut(other) => c != *other,
            Self::Class { is_negated, items } => items.iter().any(|item| item.has(c)) != *is_negated,
        }
    }
}

impl Item {
    fn has(&self, c: char) -> bool {
        match self {
            Self::Range(low, high) => (*low..=*high).contains(&c),
            Self::Named(test, expected) => test(c) == *expected,
        }
    }
}

impl Place {
    fn is_between(self, before: Option<char>, after: Option<char>) -> bool {
        match self {
            Self::Start => before.is_none(),
            Self::End => after.is_none(),
            Self::WordBoundary(expected) => (before.is_some_and(is_word) != after.is_some_and(is_word)) == expected,
        }
    }
}

/// Whether Go's regular expressions count a character to a word.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl Glob {
    /// A pattern for `filepath.Match`; `None` where that finds the pattern malformed.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Many(Set::AllBut('/')),
                '?' => Token::One(Set::AllBut('/')),
                '[' => Token::One(class(&mut chars)?),
                '\\' => Token::One(Set::Only(chars.next()?)),
                _ => Token::One(Set::Only(c)),
            });
        }
        Some(Self::of(tokens))
    }

    pub(super) fn of(tokens: Vec<Token>) -> Self {
        let mut literals = vec![String::new()];
        let mut min_chars = 0;
        let mut rest = tokens.iter();
        while let Some(token) = rest.next() {
            min_chars += usize::from(matches!(token, Token::One(_)));
            match (token, literals.last_mut()) {
                (Token::One(Set::Only(c)), Some(literal)) => literal.push(*c),
                (Token::Optional, _) => _ = rest.nth(1),
                _ => {}
            }
            if !matches!(token, Token::One(Set::Only(_))) {
                literals.push(String::new());
            }
        }
        let prefix = literals.first().cloned().unwrap_or_default();
        literals.retain(|literal| !literal.is_empty());
        Self { tokens, prefix, literals, min_chars }
    }

    /// Whether the pattern matches all of a name.
    pub(super) fn matches(&self, name: &str) -> bool {
        let mut rest = name;
        let mut literals = self.literals.iter();
        name.len() >= self.min_chars
            && name.starts_with(&self.prefix)
            && literals.all(|literal| match rest.split_once(literal) {
                Some((_, behind)) => {
                    rest = behind;
                    true
                }
                None => false,
            })
            && self.follow(name).unwrap_or_default()
    }

    /// Follows all positions in the pattern along a name; `None` where none is left.
    fn follow(&self, name: &str) -> Option<bool> {
        let mut positions = vec![false; self.tokens.len() + 1];
        let mut next = positions.clone();
        *positions.first_mut()? = true;
        let mut before = None;
        for c in name.chars() {
            self.skip(&mut positions, before, Some(c));
            next.fill(false);
            let mut is_alive = false;
            for (index, (token, _)) in self.tokens.iter().zip(&positions).enumerate().filter(|(_, (_, here))| **here) {
                let to = match token {
                    Token::One(set) if set.has(c) => index + 1,
                    Token::Many(set) if set.has(c) => index,
                    _ => continue,
                };
                *next.get_mut(to)? = true;
                is_alive = true;
            }
            is_alive.then_some(())?;
            std::mem::swap(&mut positions, &mut next);
            before = Some(c);
        }
        self.skip(&mut positions, before, None);
        positions.last().copied()
    }

    /// Adds the positions that are reached without a character.
    fn skip(&self, positions: &mut [bool], before: Option<char>, after: Option<char>) {
        for (index, token) in self.tokens.iter().enumerate() {
            if positions.get(index) != Some(&true) {
                continue;
            }
            let mut reach = |to: usize| positions.get_mut(to).map(|position| *position = true);
            match token {
                Token::One(_) => {}
                Token::Many(_) => _ = reach(index + 1),
                Token::Optional => _ = reach(index + 1).and_then(|()| reach(index + 3)),
                Token::At(place) if place.is_between(before, after) => _ = reach(index + 1),
                Token::At(_) => {}
            }
        }
    }
}

/// What stands between brackets, the closing one consumed. A `]` or `-` stands for itself only after a backslash.
fn class(chars: &mut std::str::Chars<'_>) -> Option<Set> {
    let next = |chars: &mut std::str::Chars<'_>| match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    };
    let mut items = Vec::new();
    let is_negated = skip(chars, '^');
    while items.is_empty() || !skip(chars, ']') {
        let low = next(chars)?;
        let high = if skip(chars, '-') { next(chars)? } else { low };
        items.push(Item::Range(low, high));
    }
    Some(Set::Class { is_negated, items })
}

/// Consumes a character if it comes next.
pub(super) fn skip(chars: &mut std::str::Chars<'_>, c: char) -> bool {
    let rest = chars.as_str().strip_prefix(c);
    if let Some(rest) = rest {
        *chars = rest.chars();
    }
    rest.is_some()
}

/// The shortest path that means the same, `.` for an empty one: `filepath.Clean`.
pub(super) fn clean(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            ".." if !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    let clean = format!("{root}{}", parts.join("/"));
    if clean.is_empty() { ".".to_owned() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_gos_do() {
        for (pattern, name, expected) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("**", "abc", true),
            ("**/x", "a/x", true),
            ("**/x", "a/b/x", false),
            ("**/x", "x", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a[!b]c", "a!c", true),
            ("a[^b]c", "a/c", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a?b", "aäb", true),
            ("a?b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-x]", "-", true),
            ("[*]", "*", true),
            ("[z-a]", "m", false),
            ("a]", "a]", true),
            ("", "", true),
            ("", "a", false),
            ("*x", "xxx", true),
        ] {
            assert_eq!(Glob::parse(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_malformed_pattern_is_none() {
        for pattern in ["[", "[a", "[]", "[]a]", "[^]", "[-]", "[-x]", "[x-]", "[a-b-c]", "[a\\", "a\\", "*[", "x[^bc"]
        {
            assert!(Glob::parse(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn a_path_is_cleaned_as_by_go() {
        for (path, expected) in [
            ("", "."),
            (".", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("./a/./b/.", "a/b"),
            ("a/../..", ".."),
            ("../../a", "../../a"),
            ("/../a", "/a"),
            ("a/b/../c", "a/c"),
            ("a/..", "."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
