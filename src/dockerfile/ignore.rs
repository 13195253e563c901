//! Which files of a build context a `.dockerignore` keeps from the build, by the rules of `moby/patternmatcher`
//! (`ignorefile` and `patternmatcher`) and of the walk that BuildKit's client sends the context by (`fsutil`'s filter).

use std::error::Error;
use std::fmt;

use super::glob::clean;
use super::pattern::{Expected, Patterns};

/// The longest line that the library reads.
const MAX_LINE_BYTES: usize = 65_535;
/// How much of a pattern is echoed.
const MAX_ECHO_CHARS: usize = 60;

/// The patterns of a `.dockerignore`.
#[derive(Debug, Clone, Default)]
pub struct DockerIgnore {
    patterns: Patterns,
}

/// A pattern that fails the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreError {
    /// The line, counted from 1.
    pub line: u32,
    /// The pattern as it stands there, cut; untrusted text.
    pub pattern: String,
    /// What was expected instead.
    pub expected: &'static str,
}

impl fmt::Display for IgnoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".dockerignore line {}: pattern {:?}; expected {}", self.line, self.pattern, self.expected)
    }
}

impl Error for IgnoreError {}

impl DockerIgnore {
    /// Reads the text of a `.dockerignore`.
    ///
    /// # Errors
    /// At the first pattern that fails the build. BuildKit finds some of them only when it tries them on a file; they
    /// are refused here in any case.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Patterns::default();
        for (number, line) in (1u32..).zip(text.split('\n')) {
            let fault = |expected: Expected| IgnoreError {
                line: number,
                pattern: line.trim().chars().take(MAX_ECHO_CHARS).collect(),
                expected,
            };
            if line.len() > MAX_LINE_BYTES {
                return Err(fault("a line of at most 65535 bytes"));
            }
            if !line.starts_with('#') {
                patterns.add(&relative(line.trim())).map_err(fault)?;
            }
        }
        Ok(Self { patterns })
    }

    /// Whether a file stays out of the build, by its path in the context with forward slashes. Directories above it
    /// count; for a directory itself the answer says nothing about what an exception brings back below it.
    #[must_use]
    pub fn ignores(&self, path: &str) -> bool {
        self.patterns.walk().matches(path)
    }

    /// Whether a directory and everything that may lie below it stay out of the build: no exception can bring any of it
    /// back. When in doubt, the answer is no.
    #[must_use]
    pub fn ignores_all_of(&self, directory: &str) -> bool {
        self.ignores(directory) && !self.patterns.may_except_below(directory)
    }

    /// The files that are sent to the build, in the order given. Each directory is looked at once.
    #[must_use]
    pub fn kept<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Vec<&'p str> {
        let mut numbered: Vec<(&str, usize)> = paths.into_iter().zip(0..).collect();
        numbered.sort_unstable();
        let mut walk = self.patterns.walk();
        numbered.retain(|(path, _)| !walk.matches(path));
        numbered.sort_unstable_by_key(|(_, number)| *number);
        numbered.into_iter().map(|(path, _)| path).collect()
    }
}

/// A pattern relative to the context, without blanks; what stands behind a `!` is taken by itself.
fn relative(line: &str) -> String {
    let (mark, pattern) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest.trim()));
    if pattern.is_empty() {
        return mark.to_owned();
    }
    let clean = clean(pattern);
    let pattern = clean.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&clean);
    format!("{mark}{pattern}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_by_the_library() {
        for (text, path, expected) in [
            ("# a\na", "a", true),
            ("# a\n", "# a", false),
            (" # a\n", "# a", true),
            ("\\#a\n", "#a", true),
            ("\u{feff}#a\r\n\r\n  a \t\r\n", "a", true),
            ("\u{feff}#a\n", "#a", false),
            ("a\n\u{feff}b\n", "b", false),
            ("/a", "a", true),
            ("/", "a", false),
            (".", "a", false),
            ("..", "a", false),
            ("./", "a", false),
            ("a\n! /a", "a", false),
            ("a\n!./a/", "a", false),
            ("a\n!!a", "a", true),
            ("a\n/!a", "a", false),
            ("a b", "a b", true),
            ("", "a", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(DockerIgnore::parse(text).unwrap().ignores(path), expected, "{text:?} {path}");
        }
    }

    #[test]
    fn many_files_are_answered_like_each() {
        let ignore = DockerIgnore::parse("*\n!src\nsrc/gen\n!**/keep\nsrc/a-*\n").unwrap();
        let paths = [
            "src/z",
            "top",
            "src/gen/x",
            "src/gen/keep",
            "src/a/b",
            "src/a-b/c",
            "src/a.b",
            "keep",
            "src/a/b",
            "",
            "/",
            "src//gen",
        ];
        let each: Vec<&str> = paths.into_iter().filter(|path| !ignore.ignores(path)).collect();
        assert_eq!(ignore.kept(paths), each);
        assert_eq!(each, ["src/z", "src/gen/keep", "src/a/b", "src/a.b", "keep", "src/a/b", "src//gen"]);
    }

    #[test]
    fn of_a_directory_nothing_is_sent_where_no_exception_may_bring_it_back() {
        for (text, directory, expected) in [
            ("", "dist", false),
            ("dist", "dist", true),
            ("*", "dist", true),
            ("*\n!src", "dist", true),
            ("*\n!dist", "dist", false),
            ("*\n!dist/app.js", "dist", false),
            ("*\n!dist-a/app.js", "dist", true),
            ("*\n!dist/**", "dist", false),
            ("*\n!src/**", "dist", true),
            ("*\n!src/*.js", "dist", true),
            ("*\n!dist/*.js", "dist", false),
            ("*\n!dist/a/*.js", "dist/a/b", false),
            ("*\n!dist/a/*.js", "dist/b", true),
            ("*\n!d*/app.js", "dist", false),
            ("*\n!**/keep", "dist", false),
            ("*\n!src|dist/x?", "dist", false),
        ] {
            assert_eq!(DockerIgnore::parse(text).unwrap().ignores_all_of(directory), expected, "{text:?} {directory}");
        }
    }

    #[test]
    fn a_fault_names_its_line_and_what_was_expected() {
        let error = DockerIgnore::parse("a\n\n  [x \n!\n").unwrap_err();
        insta::assert_snapshot!(error, @r#".dockerignore line 3: pattern "[x"; expected each [ to be closed after a character other than ] and -, and no backslash at the end of the pattern"#);
        let long = format!("a\n{}\n", "x".repeat(65_536));
        let error = DockerIgnore::parse(&long).unwrap_err();
        assert_eq!((error.line, error.pattern.len(), error.expected), (2, 60, "a line of at most 65535 bytes"));
        assert!(DockerIgnore::parse(&long.replacen('x', "", 1)).is_ok());
    }

    #[test]
    fn hostile_patterns_end() {
        let path = "a/".repeat(2_000);
        for pattern in
            ["**/".repeat(20_000), "*a".repeat(30_000), "**a".repeat(20_000), "[^a]*".repeat(10_000), "a**".repeat(50)]
        {
            let ignore = DockerIgnore::parse(&format!("{pattern}b\n")).unwrap();
            assert!(!ignore.ignores("a/a/a"));
        }
        let many = DockerIgnore::parse(&"a/**/a/**/b?\n!a/**/b?\n".repeat(5_000)).unwrap();
        assert!(!many.ignores("a/x/a/x/bc"));
        assert!(!DockerIgnore::parse(&format!("{}b", "*/**/".repeat(20))).unwrap().ignores(&path));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_sent_from_below_a_directory_that_is_ignored_as_a_whole(
            text in r"((!?(a|b|c|\*|\*\*|\?|\||\[a-c\]|/){1,5}\n){1,4})", directory in "[abc](/[abc]){0,2}", below in "[abc](/[abc]){0,2}",
        ) {
            if let Ok(ignore) = DockerIgnore::parse(&text) && ignore.ignores_all_of(&directory) {
                let path = format!("{directory}/{below}");
                proptest::prop_assert!(ignore.ignores(&path));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(
            text in r"(\*|\?|\[|\]|\^|-|!|/|\.|#|\||\{|\}|\(|\$|\\|:|[a-z0-9]|é| |\t|\r|\n){0,60}",
            path in r"(/|\.|-|[a-z]|é){0,12}",
        ) {
            if let Ok(ignore) = DockerIgnore::parse(&text) {
                let kept = ignore.kept([path.as_str()]);
                proptest::prop_assert_eq!(kept.is_empty(), ignore.ignores(&path));
            }
        }
    }
}
