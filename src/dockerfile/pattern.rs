//! Lists of patterns as `moby/patternmatcher` reads them: those of a `.dockerignore` and of `--exclude`.
//!
//! That library turns a pattern into a regular expression of Go's, character by character and between brackets as well.
//! What comes of it is the rule, not what was meant: `[*]` is no star, `\d` is a digit, `[^a]` may be a slash, and a
//! `^` is an anchor once anything else in the pattern is special. So the same expression is made here, and read as Go
//! does.

use super::expression::{self, DIRECTORIES};
use super::glob::{Glob, clean, skip};

/// Patterns in order, of which the last match decides.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns(Vec<Pattern>);

#[derive(Debug, Clone)]
struct Pattern {
    /// Whether it began with `!`: what it matches is not matched after all.
    is_exception: bool,
    kind: Kind,
}

/// How a whole path is compared with a pattern.
#[derive(Debug, Clone)]
enum Kind {
    Exact(String),
    /// `a/**`: the part before the stars.
    Prefix(String),
    /// `**/a`: the part behind the stars.
    Suffix(String),
    /// One of these, all of which begin with the same text.
    Globs {
        start: String,
        globs: Vec<Glob>,
    },
}

/// What the library would accept in the place of a pattern that fails the build.
pub(super) type Expected = &'static str;

const A_PATTERN: Expected = "a pattern behind the !";
const WELL_FORMED: Expected =
    "each [ to be closed after a character other than ] and -, and no backslash at the end of the pattern";
const AN_EXPRESSION: Expected = "ranges from low to high, and backslashes only before punctuation";

impl Patterns {
    /// Adds a pattern, blanks around it and empty ones left out.
    pub(super) fn add(&mut self, text: &str) -> Result<(), Expected> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        let text = clean(text);
        let exception = text.strip_prefix('!');
        let pattern = exception.unwrap_or(&text);
        if pattern.is_empty() {
            return Err(A_PATTERN);
        }
        is_well_formed(pattern).then_some(()).ok_or(WELL_FORMED)?;
        let kind = compile(pattern).ok_or(AN_EXPRESSION)?;
        self.0.push(Pattern { is_exception: exception.is_some(), kind });
        Ok(())
    }

    pub(super) fn walk(&self) -> Walk<'_> {
        Walk { patterns: self, parents: Vec::new() }
    }

    /// Whether an exception may match anything below a directory, which it does not have to.
    pub(super) fn may_except_below(&self, directory: &str) -> bool {
        let exceptions = self.0.iter().filter(|pattern| pattern.is_exception);
        let below = format!("{directory}/");
        let mut starts = exceptions.map(|exception| exception.kind.start());
        starts.any(|start| start.starts_with(&below) || below.starts_with(start))
    }

    /// Whether a path is matched in the end, and which patterns matched it or a directory above it. A pattern that
    /// would change nothing is not tried, and so does not count for what lies below: `MatchesUsingParentResults`.
    fn step(&self, path: &str, above: Option<&[bool]>) -> (bool, Vec<bool>) {
        let mut is_matched = false;
        let step = |(index, pattern): (usize, &Pattern)| {
            let matched_above = above.and_then(|above| above.get(index)).copied().unwrap_or(false);
            let matched = matched_above || (pattern.is_exception == is_matched && pattern.kind.matches(path));
            is_matched = if matched { !pattern.is_exception } else { is_matched };
            matched
        };
        let matched = self.0.iter().enumerate().map(step).collect();
        (is_matched, matched)
    }
}

/// A walk through a tree, which knows what matched the directories above. Paths that share directories should come one
/// after another; in any order the answers are the same.
pub(super) struct Walk<'a> {
    patterns: &'a Patterns,
    parents: Vec<(String, Vec<bool>)>,
}

impl Walk<'_> {
    /// Whether a path is matched in the end.
    pub(super) fn matches(&mut self, path: &str) -> bool {
        if self.patterns.0.is_empty() {
            return false;
        }
        let is_above = |directory: &str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        self.parents.truncate(self.parents.iter().take_while(|(directory, _)| is_above(directory)).count());
        let known = self.parents.last().map_or(0, |(directory, _)| directory.len() + 1);
        for (end, _) in path.match_indices('/').filter(|(end, _)| *end >= known) {
            let Some(directory) = path.get(..end) else { continue };
            let (_, matched) = self.step(directory);
            self.parents.push((directory.to_owned(), matched));
        }
        self.step(path).0
    }

    fn step(&self, path: &str) -> (bool, Vec<bool>) {
        self.patterns.step(path, self.parents.last().map(|(_, matched)| matched.as_slice()))
    }
}

impl Kind {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix),
            Self::Suffix(suffix) => path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path),
            Self::Globs { globs, .. } => globs.iter().any(|glob| glob.matches(path)),
        }
    }

    /// What every path begins with that matches.
    fn start(&self) -> &str {
        match self {
            Self::Exact(start) | Self::Prefix(start) | Self::Globs { start, .. } => start,
            Self::Suffix(_) => "",
        }
    }
}

/// Whether `filepath.Match` finds no fault with a pattern when it compares it with `.`, as the library has it do. It
/// reads no further than it must: up to the first star and what stands between it and the next, and on if that is a
/// dot.
fn is_well_formed(pattern: &str) -> bool {
    let mut rest = pattern;
    for _ in 0..2 {
        rest = rest.trim_start_matches('*');
        let (chunk, behind) = rest.split_at(end_of_chunk(rest));
        rest = behind;
        match Glob::parse(chunk) {
            None => return false,
            Some(glob) if glob.matches(".") => {}
            Some(_) => return true,
        }
    }
    true
}

/// Where the next star stands that is not between brackets.
fn end_of_chunk(pattern: &str) -> usize {
    let mut is_bracketed = false;
    let mut chars = pattern.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '\\' => _ = chars.next(),
            '[' => is_bracketed = true,
            ']' => is_bracketed = false,
            '*' if !is_bracketed => return index,
            _ => {}
        }
    }
    pattern.len()
}

/// The kind of a clean pattern; `None` where Go refuses the expression that it becomes.
fn compile(pattern: &str) -> Option<Kind> {
    let (mut expression, mut is_plain, mut starts) = ("^".to_owned(), true, false);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' if skip(&mut chars, '*') => {
                let is_first = pattern.len() - chars.as_str().len() == 2;
                skip(&mut chars, '/');
                let is_last = chars.as_str().is_empty();
                expression.push_str(if is_last { ".*" } else { DIRECTORIES });
                is_plain &= is_first || (is_last && !starts);
                starts |= is_first;
            }
            '*' | '?' => {
                expression.push_str(if c == '*' { "[^/]*" } else { "[^/]" });
                is_plain = false;
            }
            '\\' => {
                expression.extend(['\\'].into_iter().chain(chars.next()));
                is_plain = false;
            }
            // The library means to escape `|`, `{` and `}` as well, and does not.
            '.' | '+' | '(' | ')' | '$' => expression.extend(['\\', c]),
            _ => {
                is_plain &= c != '[' && c != ']';
                expression.push(c);
            }
        }
    }
    Some(match (pattern.strip_prefix("**"), pattern.strip_suffix("**")) {
        _ if !is_plain => Kind::Globs { start: start(pattern), globs: expression::globs(&(expression + "$"))? },
        (Some(suffix), _) => Kind::Suffix(suffix.to_owned()),
        (None, Some(prefix)) => Kind::Prefix(prefix.to_owned()),
        (None, None) => Kind::Exact(pattern.to_owned()),
    })
}

/// What stands before anything special. A `|` leaves one of its sides without an anchor, a brace may repeat what is before it.
fn start(pattern: &str) -> String {
    let is_special = |c: char| "*?[]\\^".contains(c);
    let end = if pattern.contains(['|', '{']) { Some(0) } else { pattern.find(is_special) };
    pattern.get(..end.unwrap_or(pattern.len())).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> Patterns {
        let mut list = Patterns::default();
        patterns.iter().for_each(|pattern| list.add(pattern).unwrap());
        list
    }

    #[test]
    fn a_pattern_means_what_its_expression_matches() {
        for (pattern, meant, others) in [
            ("a", &["a", "a/b"][..], &["b", "b/a", "ab"][..]),
            ("a/b", &["a/b", "a/b/c"], &["a", "x/a/b"]),
            ("*.x", &["a.x", ".x", "a.x/b"], &["b/a.x", "axx"]),
            ("*/b", &["a/b"], &["b", "a/a/b"]),
            ("?", &["a", "é"], &["ab"]),
            ("**", &["a", "a/b"], &[]),
            ("**/b", &["b", "a/b", "a/a/b/c"], &["ab", "a/ab"]),
            ("**b", &["b", "ab", "a/ab"], &["ba"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "ab"]),
            ("a**", &["a", "ab/c"], &["b"]),
            ("**/*.x", &["b.x", "a/b.x"], &["a/b.y"]),
            ("a/**/b", &["a/b", "a/x/y/b"], &["ab", "a/xb"]),
            ("**/a/**", &["a/b", "x/a/b"], &["a", "x/a"]),
            ("[a-c]x", &["bx"], &["dx", "-x"]),
            ("a[^b]c", &["axc", "a/c"], &["abc"]),
            ("a[!b]c", &["abc", "a!c"], &["axc"]),
            ("f[*]", &["f]", "f^]"], &["f*", "fo"]),
            ("\\*a", &["*a"], &["xa"]),
            ("\\d", &["1"], &["d"]),
            ("^a", &["^a"], &["a"]),
            ("^a*", &["ab"], &["^ab"]),
            ("a|b", &["a|b"], &["a", "b"]),
            ("a?|b", &["ax", "axy", "xb"], &["xax", "bx"]),
            ("*.{a,b}", &["x.{a,b}"], &["x.a"]),
            ("a.b", &["a.b"], &["axb"]),
            (" ./a//b/../c/ ", &["a/c"], &["a/b"]),
            ("", &[], &["a"]),
        ] {
            let patterns = list(&[pattern]);
            for (paths, expected) in [(meant, true), (others, false)] {
                for path in paths {
                    assert_eq!(patterns.walk().matches(path), expected, "{pattern} {path}");
                }
            }
        }
    }

    #[test]
    fn the_last_match_decides_and_what_lies_above_counts() {
        for (patterns, path, expected) in [
            (&["a", "!a/b"][..], "a/b", false),
            (&["a", "!a/b"], "a/b/c", false),
            (&["a", "!a/b"], "a/c", true),
            (&["!a/b", "a"], "a/b", true),
            (&["*", "!*.x", "b.x"], "a.x", false),
            (&["*", "!*.x", "b.x"], "b.x", true),
            (&["**", "!a/**/b"], "a/x/b", false),
            (&["!a"], "a", false),
            // The third pattern is not tried on `a`, which the first one has settled.
            (&["a", "!a/b", "a*"], "a/b", false),
        ] {
            assert_eq!(list(patterns).walk().matches(path), expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn what_fails_the_build_is_refused() {
        for (pattern, expected) in [
            ("!", A_PATTERN),
            ("!/", A_PATTERN),
            ("[", WELL_FORMED),
            ("a[^]", WELL_FORMED),
            ("*[a-]", WELL_FORMED),
            (".*[", WELL_FORMED),
            ("a\\", WELL_FORMED),
            ("a*[", AN_EXPRESSION),
            ("[z-a]", AN_EXPRESSION),
            ("\\y", AN_EXPRESSION),
        ] {
            assert_eq!(Patterns::default().add(pattern), Err(expected), "{pattern}");
        }
        // Only the first part of a pattern is checked, and a regular expression allows more.
        assert!(list(&["a*[b-]"]).walk().matches("a-"));
    }
}
