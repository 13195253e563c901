//! One source of an instruction, and whether it takes a file: `copy.go` in `tonistiigi/fsutil`.

use super::glob::{Glob, clean};
use super::pattern::Patterns;

#[derive(Debug, Clone)]
pub(super) struct Source {
    top: Top,
    /// What is taken below the top, where that is not all: `COPY --parents`.
    inside: Option<(String, Patterns)>,
}

/// What a source names: that itself and all below it.
#[derive(Debug, Clone)]
enum Top {
    /// A path, empty for everything.
    Path(String),
    /// What matches below a path.
    Matching(String, Glob),
}

/// How a file is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Taken {
    No,
    /// By a directory or a pattern.
    Swept,
    /// By its own name.
    Named,
}

impl Source {
    /// A source of `ADD` and `COPY`, with how it is shown; `None` where a pattern is malformed.
    pub(super) fn copied(word: &str, with_parents: bool) -> Option<(String, Self)> {
        let shown = relative(word);
        if !with_parents {
            return Some((shown, Self { top: Top::of(word)?, inside: None }));
        }
        let (top, pattern) = word.split_once("/./").unwrap_or(("", word));
        let pattern = relative(pattern);
        // BuildKit finds nothing by a pattern for everything.
        (pattern != ".").then_some(())?;
        let mut patterns = Patterns::default();
        patterns.add(&pattern).ok()?;
        Some((shown, Self { top: Top::of(top)?, inside: Some((pattern, patterns)) }))
    }

    /// The source of a mount, which is no pattern, with how it is shown.
    pub(super) fn mounted(path: &str) -> (String, Self) {
        let path = relative(path);
        let top = Top::Path(if path == "." { String::new() } else { path.clone() });
        (path, Self { top, inside: None })
    }

    /// How a file is taken, of which what matches `excluded` below the source is left.
    pub(super) fn taken(&self, path: &str, excluded: &Patterns) -> Taken {
        match self.top.below(path) {
            None => Taken::No,
            // What is named itself is not compared with patterns, and those of `--exclude` do not reach it.
            Some("") if matches!(self.top, Top::Path(_)) => Taken::Named,
            Some("") => Taken::Swept,
            Some(below) if excluded.walk().matches(below) => Taken::No,
            Some(below) => match &self.inside {
                None => Taken::Swept,
                Some((pattern, _)) if pattern == below => Taken::Named,
                Some((_, patterns)) if patterns.walk().matches(below) => Taken::Swept,
                Some(_) => Taken::No,
            },
        }
    }
}

impl Top {
    /// All parts from the first one with a wildcard on are a pattern; those before it are taken literally.
    fn of(word: &str) -> Option<Self> {
        let path = relative(word);
        let parts: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
        let literal = parts.iter().take_while(|part| !has_wildcards(part)).count();
        let (before, pattern) = parts.split_at_checked(literal)?;
        let before = before.join("/");
        if pattern.is_empty() {
            return Some(Self::Path(before));
        }
        Some(Self::Matching(before, Glob::parse(&pattern.join("/"))?))
    }

    /// What of a path lies below the top, empty for the top itself.
    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self {
            Self::Path(top) => below(path, top),
            Self::Matching(before, glob) => {
                let path = below(path, before)?;
                let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
                let top = ends.filter_map(|end| path.get(..end)).find(|top| glob.matches(top))?;
                below(path, top)
            }
        }
    }
}

/// What of a path lies below a directory, empty for the directory itself; all of it below an empty one.
fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    match path.strip_prefix(directory)? {
        "" => Some(""),
        rest if directory.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

/// A path relative to the root of its place, which `..` does not leave.
fn relative(path: &str) -> String {
    let clean = clean(&format!("/{path}"));
    clean.strip_prefix('/').filter(|path| !path.is_empty()).unwrap_or(".").to_owned()
}
/// Whether a pattern holds anything but a literal name.
fn has_wildcards(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' => return true,
            '\\' => _ = chars.next(),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_first_wildcard_is_literal() {
        for (word, path, expected) in [
            ("a/../b", "b", Some("")),
            ("/", "b/c", Some("b/c")),
            ("a\\x/b*", "a\\x/bc/d", Some("d")),
            ("a\\x/b*", "ax/bc", None),
            ("a/*/c", "a/b/c/d", Some("d")),
            ("a/*/c", "a/c", None),
            ("a\\*", "a\\*", Some("")),
            ("../a", "a/b", Some("b")),
        ] {
            assert_eq!(Top::of(word).unwrap().below(path), expected, "{word} {path}");
        }
        assert!(Top::of("a/[").is_none());
    }
}
