//! Lines of a Dockerfile joined to instructions, as `parser.Parse` of BuildKit does: parser directives, comments,
//! continuations and here-documents.

use anyhow::{Result, bail};

use super::{Escape, Instruction, heredoc};

/// A line with its number, counted from 1.
type Numbered<'a> = (u32, &'a str);

/// The instructions of a Dockerfile in order, keywords not checked, and its escape character.
pub(super) fn instructions(text: &str) -> Result<(Vec<Instruction>, Escape)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = (1u32..).zip(text.split('\n').map(|line| line.trim_end_matches('\r')));
    let escape = escape_directive(lines.clone())?;
    let mut instructions = Vec::new();
    while let Some((line, first)) = lines.next() {
        if first.trim_start().is_empty() || is_comment(first) {
            continue;
        }
        let joined = join(first, &mut lines, escape);
        let (keyword, arguments) = joined.split_once(char::is_whitespace).unwrap_or((&joined, ""));
        let instruction =
            Instruction { keyword: keyword.to_uppercase(), arguments: arguments.trim_start().to_owned(), line };
        skip_bodies(&instruction, &mut lines)?;
        instructions.push(instruction);
    }
    Ok((instructions, Escape(escape)))
}

/// The first line and its continuations; comments and empty lines between them do not end it. Blanks where two lines
/// meet become one space, and a word that goes on without one is one word.
fn join<'a>(first: &'a str, lines: &mut impl Iterator<Item = Numbered<'a>>, escape: char) -> String {
    let mut joined = String::new();
    let mut part = first;
    loop {
        let body = continued(part, escape);
        let text = body.unwrap_or(part);
        if joined.ends_with(char::is_whitespace) || text.starts_with(char::is_whitespace) {
            joined.truncate(joined.trim_end().len());
            joined.push(' ');
        }
        joined.push_str(text.trim_start());
        if body.is_none() {
            return joined.trim().to_owned();
        }
        part = lines.find(|(_, line)| !is_comment(line) && !line.trim_start().is_empty()).map_or("", |(_, line)| line);
    }
}

/// The line without its continuation mark, when it has one. A doubled mark is an escaped one.
fn continued(line: &str, escape: char) -> Option<&str> {
    line.trim_end_matches([' ', '\t']).strip_suffix(escape).filter(|body| !body.ends_with(escape))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Moves past the bodies of the here-documents that an instruction opens.
fn skip_bodies<'a>(instruction: &Instruction, lines: &mut impl Iterator<Item = Numbered<'a>>) -> Result<()> {
    for document in heredoc::opened_by(instruction) {
        if !lines.any(|(_, line)| document.ends_at(line)) {
            bail!("Dockerfile line {}: here-document {:?} does not end", instruction.line, document.name);
        }
    }
    Ok(())
}

/// The continuation mark: `\`, or what the parser directive `# escape=` at the very top says.
fn escape_directive<'a>(lines: impl Iterator<Item = Numbered<'a>>) -> Result<char> {
    for (number, line) in lines {
        match directive(line) {
            Some((name, "`")) if name == "escape" => return Ok('`'),
            Some((name, "\\")) if name == "escape" => return Ok('\\'),
            Some((name, value)) if name == "escape" => {
                bail!("Dockerfile line {number}: escape {value:?}; expected \\ or `")
            }
            Some((name, _)) if name == "syntax" || name == "check" => {}
            _ => break,
        }
    }
    Ok('\\')
}

fn directive(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.trim_start().strip_prefix('#')?.split_once('=')?;
    Some((name.trim().to_lowercase(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let show = |each: &Instruction| format!("{} {each}", each.line);
        instructions(text).unwrap().0.iter().map(show).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn continuations_are_joined_and_comments_between_them_dropped() {
        let text =
            "FROM a\n\nRUN one \\\n  # why\n\n    && two \\  \n&& th\\\nree\n  copy a b\nRUN double \\\\\nUSER x";
        insta::assert_snapshot!(shown(text), @r"
        1 FROM a
        3 RUN one && two && three
        9 COPY a b
        10 RUN double \\
        11 USER x
        ");
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_do_not_matter() {
        insta::assert_snapshot!(shown("\u{feff}FROM a\r\nRUN x \\\r\n  y\r\nRUN <<E\r\nz\r\nE\r\nUSER u\r\n"), @r"
        1 FROM a
        2 RUN x y
        4 RUN <<E
        7 USER u
        ");
    }

    #[test]
    fn the_escape_directive_changes_the_continuation_mark() {
        insta::assert_snapshot!(shown("# syntax=x/y\n# Escape = `\nFROM a\nRUN dir c:\\\nRUN x `\n y\n"), @r"
        3 FROM a
        4 RUN dir c:\
        5 RUN x y
        ");
        // Only the top of the file holds directives.
        assert_eq!(shown("FROM a\n# escape=`\nRUN x `\nRUN y\n").lines().count(), 3);
    }

    #[test]
    fn bodies_of_here_documents_are_not_instructions() {
        let text = "FROM a\nRUN cat <<A > /x && cat <<-'B' > /y\nCOPY no no\n\tA\nA\n\tFROM no\n\tB\nCOPY <<E /e\n\
                    ${x}\nE\nONBUILD RUN <<E\nUSER no\nE\nRUN echo \"$((1 << 3))\" '<<N'\nENV A=<<E\nUSER u\n";
        insta::assert_snapshot!(shown(text), @r#"
        1 FROM a
        2 RUN cat <<A > /x && cat <<-'B' > /y
        8 COPY <<E /e
        11 ONBUILD RUN <<E
        14 RUN echo "$((1 << 3))" '<<N'
        15 ENV A=<<E
        16 USER u
        "#);
    }
}
