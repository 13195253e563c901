//! One line of wording in which our own words and untrusted text are told apart, so that each format can escape the
//! latter in its own way.

use crate::escape;
use crate::report::Verdict;

/// Longest untrusted prose.
const TEXT_CHARS: usize = 300;
/// Longest untrusted code, such as an instruction, in Markdown.
const CODE_CHARS: usize = 100;
/// Longest untrusted code in a terminal of 100 columns.
const TERMINAL_CODE_CHARS: usize = 60;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(Vec<Span>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    Ours(String),
    Text(String),
    Code(String),
    Strong(Line),
    Mark(Verdict),
}

impl Line {
    /// A line that starts with our own words.
    pub fn ours(words: impl Into<String>) -> Self {
        Self::default().then(words)
    }

    /// Appends our own words, which hold no markup characters.
    #[must_use]
    pub fn then(mut self, words: impl Into<String>) -> Self {
        self.0.push(Span::Ours(words.into()));
        self
    }

    /// Appends untrusted prose.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.0.push(Span::Text(text.to_owned()));
        self
    }

    /// Appends untrusted text that is a name or code. Not for table cells.
    #[must_use]
    pub fn code(mut self, text: &str) -> Self {
        self.0.push(Span::Code(text.to_owned()));
        self
    }

    /// Appends a mark of a verdict that needs attention, with a space; nothing for others.
    #[must_use]
    pub fn mark(mut self, verdict: Verdict) -> Self {
        if verdict != Verdict::Pass {
            self.0.push(Span::Mark(verdict));
        }
        self
    }

    /// Appends a line that stands out.
    #[must_use]
    pub fn strong(mut self, line: Self) -> Self {
        self.0.push(Span::Strong(line));
        self
    }

    /// Appends another line.
    #[must_use]
    pub fn join(mut self, line: Self) -> Self {
        self.0.extend(line.0);
        self
    }

    /// Appends lines with our words between them.
    #[must_use]
    pub fn list(mut self, lines: impl IntoIterator<Item = Self>, between: &str) -> Self {
        for (index, line) in lines.into_iter().enumerate() {
            if index > 0 {
                self = self.then(between);
            }
            self = self.join(line);
        }
        self
    }

    /// Whether nothing stands in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The line in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let span = |span: &Span| match span {
            Span::Ours(words) => words.clone(),
            Span::Text(text) => escape::inline(text, TEXT_CHARS),
            Span::Code(text) => escape::code(&escape::middle(text, CODE_CHARS), CODE_CHARS),
            Span::Strong(line) => format!("**{}**", line.markdown()),
            Span::Mark(verdict) => emoji(*verdict).to_owned(),
        };
        self.0.iter().map(span).collect()
    }

    /// The line inside an HTML element.
    #[must_use]
    pub fn html(&self) -> String {
        let span = |span: &Span| match span {
            Span::Ours(words) => words.clone(),
            Span::Text(text) => escape::html(text, TEXT_CHARS),
            Span::Code(text) => {
                format!("<code>{}</code>", escape::html(&escape::middle(text, CODE_CHARS), CODE_CHARS))
            }
            Span::Strong(line) => format!("<b>{}</b>", line.html()),
            Span::Mark(verdict) => emoji(*verdict).to_owned(),
        };
        self.0.iter().map(span).collect()
    }

    /// The line without any markup.
    #[must_use]
    pub fn terminal(&self) -> String {
        let span = |span: &Span| match span {
            Span::Ours(words) => words.clone(),
            Span::Text(text) => escape::terminal(text, TEXT_CHARS),
            Span::Code(text) => escape::middle(text, TERMINAL_CODE_CHARS),
            Span::Strong(line) => line.terminal(),
            // Emoji are of no certain width in a terminal, and tables stand in columns.
            Span::Mark(Verdict::Fail) => "✗ ".to_owned(),
            Span::Mark(_) => "! ".to_owned(),
        };
        self.0.iter().map(span).collect()
    }
}

fn emoji(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "❌ ",
        Verdict::Warn | Verdict::Unknown => "⚠️ ",
        Verdict::Pass => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_escapes_the_untrusted_parts_in_its_own_way() {
        let line = Line::default().strong(Line::default().code("a`b").then(" +1 B:")).then(" ").text("<x>\u{1b}[1m");
        assert_eq!(line.markdown(), "**``a`b`` +1 B:** &#60;x&#62;");
        assert_eq!(line.html(), "<b><code>a&#96;b</code> +1 B:</b> &#60;x&#62;");
        assert_eq!(line.terminal(), "a`b +1 B: <x>");
    }

    #[test]
    fn marks_are_emoji_where_a_browser_shows_them() {
        for (verdict, markdown, terminal) in
            [(Verdict::Fail, "❌ a", "✗ a"), (Verdict::Warn, "⚠️ a", "! a"), (Verdict::Pass, "a", "a")]
        {
            let line = Line::default().mark(verdict).then("a");
            assert_eq!((line.markdown().as_str(), line.terminal().as_str()), (markdown, terminal));
        }
    }

    #[test]
    fn lists_have_our_words_between_their_lines() {
        let names = ["a", "b", "c"].map(|name| Line::default().text(name));
        assert_eq!(Line::ours("all: ").list(names, ", ").terminal(), "all: a, b, c");
    }
}
