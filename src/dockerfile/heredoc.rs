//! Here-documents: which ones an instruction opens, and where each ends. Words are split as BuildKit's
//! `frontend/dockerfile/shell` does with quotes and escapes kept.

use std::mem;

use super::Instruction;

/// A here-document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HereDocument {
    /// The word that ends it.
    pub(super) name: String,
    /// Whether that word may be indented with tabs (`<<-`).
    indented: bool,
}

impl HereDocument {
    /// Whether this line ends it.
    pub(super) fn ends_at(&self, line: &str) -> bool {
        if self.indented { line.trim_start_matches('\t') == self.name } else { line == self.name }
    }
}

/// The here-documents that an instruction opens, in order. Only `ADD`, `COPY`, `RUN` and their `ONBUILD` can.
pub(super) fn opened_by(instruction: &Instruction) -> Vec<HereDocument> {
    let keyword = match instruction.keyword.as_str() {
        "ONBUILD" => instruction.arguments.split_whitespace().next().unwrap_or_default().to_uppercase(),
        keyword => keyword.to_owned(),
    };
    if !matches!(keyword.as_str(), "ADD" | "COPY" | "RUN") || !instruction.arguments.contains("<<") {
        return Vec::new();
    }
    // Where BuildKit's lexer gives up it sees no here-document at all.
    words(&instruction.arguments).unwrap_or_default().iter().filter_map(|word| document(word)).collect()
}

/// Whether a word opens a here-document.
pub(super) fn is_opening(word: &str) -> bool {
    document(word).is_some()
}

/// A word such as `<<EOF`, `<<-"EOF"` or `3<<EOF`.
fn document(word: &str) -> Option<HereDocument> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (indented, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let name = unquoted(rest.trim_start());
    (!rest.contains('<') && !name.is_empty()).then_some(HereDocument { name, indented })
}

fn unquoted(word: &str) -> String {
    let mut name = String::new();
    let mut quote = None;
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('\\', None) => name.extend(chars.next()),
            _ => name.push(c),
        }
    }
    name
}

/// The words of a line; `None` where the lexer reports an error: an open quote, or a substitution it does not know.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut open_substitutions = 0usize;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => quoted(c, &mut chars, &mut word)?,
            '\\' => word.extend([c].into_iter().chain(chars.next())),
            '<' if chars.as_str().starts_with('<') => {
                chars.next();
                let after = chars.as_str().trim_start();
                word.push_str("<<");
                chars = after.chars();
            }
            '$' if chars.as_str().starts_with('{') => {
                substitution_is_known(chars.as_str()).then_some(())?;
                open_substitutions += 1;
                word.push(c);
            }
            '}' => {
                open_substitutions = open_substitutions.saturating_sub(1);
                word.push(c);
            }
            _ if c.is_whitespace() => words.push(mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    (open_substitutions == 0).then_some(words)
}

/// Copies what stands between quotes, the closing one included.
fn quoted(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    word.push(quote);
    loop {
        let c = chars.next()?;
        word.push(c);
        match c {
            _ if c == quote => return Some(()),
            '\\' if quote == '"' => word.extend(chars.next()),
            '$' if quote == '"' && chars.as_str().starts_with('{') => {
                substitution_is_known(chars.as_str()).then_some(())?;
            }
            _ => {}
        }
    }
}

/// Whether a text that starts with `{`, after a `$`, is a substitution that the lexer knows, such as `{A:-b}`.
/// Bash's `{a,,}`, `{!a}` and `{a[0]}` are not.
fn substitution_is_known(text: &str) -> bool {
    let body = text.trim_start_matches('{');
    if text.len() - body.len() != 1 || body.starts_with([':', '}']) {
        return false;
    }
    let special = |c: char| matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!');
    let after = body
        .strip_prefix(special)
        .unwrap_or_else(|| body.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
    after.starts_with(['}', ':', '+', '-', '?', '#', '%', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(keyword: &str, arguments: &str) -> Vec<String> {
        let instruction = Instruction { keyword: keyword.to_owned(), arguments: arguments.to_owned(), line: 1 };
        opened_by(&instruction).into_iter().map(|document| document.name).collect()
    }

    #[test]
    fn here_documents_are_words_that_start_with_two_angles() {
        for (keyword, arguments, names) in [
            ("RUN", "<<EOF", vec!["EOF"]),
            ("RUN", "--mount=type=cache,target=/c <<EOF bash", vec!["EOF"]),
            ("RUN", "cat << EOF >/x; cat <<'B C' 3<<-\"D\"", vec!["EOF", "B C", "D"]),
            ("COPY", "<<a.txt <<b.txt /dst/", vec!["a.txt", "b.txt"]),
            ("ONBUILD", "run <<E", vec!["E"]),
            ("RUN", "cat <<E \"${A:-b}\" ${C}", vec!["E"]),
            ("RUN", "cat<<E", vec![]),
            ("RUN", "cat <<<E", vec![]),
            ("RUN", "echo '<<E' \"<<F\" \\<<G", vec![]),
            ("RUN", "echo $((1<<2)) $((1 <<", vec![]),
            ("RUN", "cat <<\"\"", vec![]),
            ("RUN", "echo \"open <<E", vec![]),
            ("RUN", "x=${y,,}; cat <<E", vec![]),
            ("RUN", "x=\"${!y}\"; cat <<E", vec![]),
            ("ENV", "A <<E", vec![]),
            ("ONBUILD", "ENV A <<E", vec![]),
        ] {
            assert_eq!(opened(keyword, arguments), names, "{keyword} {arguments}");
        }
    }

    #[test]
    fn only_a_dash_lets_the_end_be_indented() {
        let end = |word: &str, line: &str| document(word).unwrap().ends_at(line);
        assert!(end("<<E", "E") && end("<<-E", "\t\tE"));
        assert!(!end("<<E", "\tE") && !end("<<-E", " E") && !end("<<E", "E "));
    }
}
