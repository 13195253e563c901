//! Which line of the Dockerfile wrote a history entry, and whether the entry belongs to the base image.
//!
//! BuildKit's Dockerfile frontend writes exactly one entry per instruction, `ONBUILD` aside, above the entries of the
//! base image. So the instructions of a stage's lineage are laid over the end of the history, newest first, and what
//! is left over is the base. Where one pair does not fit, nothing is known of any: a line is never guessed.

use crate::buildx::text::one_line;
use crate::dockerfile::{Instruction, Lineage, Root};
use crate::oci::HistoryEntry;

/// What the Dockerfile's frontend leaves in the entries that it writes. An exporter that had to make entries up, as
/// for a base image without history, leaves another mark.
const FRONTEND: &str = "buildkit.dockerfile.v0";
const EXPORTER: &str = "buildkit.exporter.image.v0";

/// Characters of an instruction.
const MAX_INSTRUCTION: usize = 300;

/// Where a history entry comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The instruction as it stands in the Dockerfile, untrusted text on one line; `None` of one that opens a
    /// here-document, of which the history tells more.
    pub instruction: Option<String>,
    /// The line of the Dockerfile, counted from 1.
    pub dockerfile_line: Option<u32>,
    /// Whether the entry belongs to the base image; `None` when that cannot be told.
    pub base: Option<bool>,
}

/// The origin of each history entry. `ONBUILD` triggers of an image from outside cannot be told from it by the history
/// alone.
#[must_use]
pub fn origins(history: &[HistoryEntry], lineage: &Lineage<'_>) -> Vec<Origin> {
    aligned(history, lineage).unwrap_or_else(|| vec![Origin::default(); history.len()])
}

fn aligned(history: &[HistoryEntry], lineage: &Lineage<'_>) -> Option<Vec<Origin>> {
    let below = history.len().checked_sub(lineage.instructions.len())?;
    let (below, own) = history.split_at_checked(below)?;
    let fits = own.iter().zip(&lineage.instructions).all(|(entry, instruction)| wrote(instruction, entry));
    if !fits || history.iter().any(|entry| entry.comment == EXPORTER) {
        return None;
    }
    let base = match lineage.root {
        Root::Scratch if !below.is_empty() => return None,
        Root::Scratch | Root::Image => Some(true),
        Root::Unknown => None,
    };
    let below = below.iter().map(|_| Origin { base, ..Origin::default() });
    let own = lineage.instructions.iter().map(|each| Origin {
        instruction: as_written(each, MAX_INSTRUCTION),
        dockerfile_line: Some(each.line),
        base: Some(false),
    });
    Some(below.chain(own).collect())
}

/// The text of an instruction on one line; `None` where a here-document holds the better part of it.
pub(super) fn as_written(instruction: &Instruction, max_chars: usize) -> Option<String> {
    (!instruction.has_here_document()).then(|| one_line(&instruction.to_string(), max_chars))
}

/// Whether an instruction can have written an entry: by its keyword, and for a plain `RUN` by its whole command.
fn wrote(instruction: &Instruction, entry: &HistoryEntry) -> bool {
    let (keyword, rest) = entry.created_by.split_once(' ').unwrap_or((&entry.created_by, ""));
    entry.comment == FRONTEND
        && keyword == instruction.keyword
        && shell_command(instruction).is_none_or(|command| {
            let written = rest.strip_suffix(" # buildkit").unwrap_or(rest);
            // Before the command stand build arguments and the shell; continuation lines keep their indentation.
            without_space(written).ends_with(&without_space(command))
        })
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The command of a `RUN` that stands unchanged in the history: no exec form and no here-document.
fn shell_command(instruction: &Instruction) -> Option<&str> {
    let command = without_flags(&instruction.arguments);
    (instruction.keyword == "RUN" && !command.starts_with('[') && !command.contains("<<")).then_some(command)
}

/// What follows flags such as `--mount=type=cache,target="/a b"`.
fn without_flags(mut arguments: &str) -> &str {
    while arguments.starts_with("--") {
        let mut quote = None;
        let end = arguments.find(|c: char| match quote {
            Some(open) => {
                quote = quote.filter(|_| c != open);
                false
            }
            None => {
                quote = matches!(c, '"' | '\'').then_some(c);
                c.is_whitespace()
            }
        });
        arguments = end.and_then(|end| arguments.get(end..)).unwrap_or_default().trim_start();
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::Dockerfile;

    fn entry(created_by: &str) -> HistoryEntry {
        HistoryEntry { created_by: created_by.to_owned(), comment: FRONTEND.to_owned(), empty_layer: false }
    }

    /// `line` for own entries, `base` and `?` for the others.
    fn shown(text: &str, history: &[HistoryEntry]) -> String {
        let dockerfile = Dockerfile::parse(text).unwrap();
        let show = |origin: &Origin| match origin {
            Origin { dockerfile_line: Some(line), base: Some(false), .. } => line.to_string(),
            Origin { dockerfile_line: None, base: Some(true), .. } => "base".to_owned(),
            Origin { dockerfile_line: None, base: None, .. } => "?".to_owned(),
            other => format!("{other:?}"),
        };
        origins(history, &dockerfile.lineage(None).unwrap()).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    fn check(text: &str, history: &[&str], expected: &str) {
        let history: Vec<_> = history.iter().map(|created_by| entry(created_by)).collect();
        assert_eq!(shown(text, &history), expected, "{text}");
    }

    #[test]
    fn what_stands_before_the_own_instructions_is_the_base() {
        let history = ["ADD rootfs.tar / # buildkit", "CMD [\"bash\"]", "ENV A=1", "RUN /bin/sh -c x # buildkit"];
        check("FROM debian\nENV A=1\nRUN x\n", &history, "base base 2 3");
        check("FROM a AS b\nRUN x\nFROM ${C}\nENV A=1\nRUN x\n", &history, "? ? 4 5");
        check("FROM debian AS b\nENV A=1\nFROM other\nFROM b\nRUN x\n", &history, "base base 2 5");
        check("FROM debian\n", &history, "base base base base");
        check("FROM scratch\nRUN x\n", &history[3..], "2");
    }

    #[test]
    fn where_one_entry_does_not_fit_nothing_is_known() {
        let history = ["ADD a / # buildkit", "ENV A=1", "RUN /bin/sh -c x # buildkit"];
        for text in [
            "FROM debian\nLABEL A=1\nRUN x\n",
            "FROM debian\nENV A=1\nRUN other\n",
            "FROM scratch\nENV A=1\nRUN x\n",
            "FROM debian\nENV A=1\nENV A=1\nENV A=1\nRUN x\n",
        ] {
            check(text, &history, "? ? ?");
        }
        let foreign =
            |comment: &str| HistoryEntry { comment: comment.to_owned(), ..entry("RUN /bin/sh -c x # buildkit") };
        assert_eq!(shown("FROM a\nRUN x\n", &[foreign("other.frontend")]), "?");
        assert_eq!(shown("FROM a\nRUN x\n", &[foreign(EXPORTER), entry("RUN /bin/sh -c x")]), "? ?");
    }

    #[test]
    fn commands_are_compared_without_flags_arguments_and_indentation() {
        for (written, created_by) in [
            ("RUN echo one \\\n    && two", "RUN |1 MODE=fast /bin/sh -c echo one     && two # buildkit"),
            ("RUN ec\\\nho x", "RUN /bin/sh -c echo x # buildkit"),
            ("RUN --mount=type=tmpfs,target=\"/t t\" --network=none x", "RUN /bin/sh -c x # buildkit"),
            ("RUN [\"/bin/echo\", \"exec form\"]", "RUN /bin/echo exec form # buildkit"),
            ("RUN <<EOF\necho a\nEOF", "RUN /bin/sh -c echo a\n # buildkit"),
            ("RUN <<EOF\n#!/bin/sh\nEOF", "RUN /bin/sh -c /dev/pipes/EOF # buildkit"),
            ("RUN --mount=type=bind", "RUN /bin/sh -c  # buildkit"),
        ] {
            check(&format!("FROM a\n{written}\n"), &[created_by], "2");
        }
    }

    #[test]
    fn the_instruction_stands_as_in_the_dockerfile() {
        let long = "x".repeat(1_000);
        for (written, created_by, expected) in [
            (
                "copy --from=build  --link $A \\\n /out",
                "COPY /a /out # buildkit",
                Some("COPY --from=build --link $A /out"),
            ),
            ("RUN <<EOF\necho a\nEOF", "RUN /bin/sh -c echo a\n # buildkit", None),
        ] {
            let dockerfile = Dockerfile::parse(&format!("FROM a\n{written}\n")).unwrap();
            let origins = origins(&[entry(created_by)], &dockerfile.lineage(None).unwrap());
            assert_eq!(origins[0].instruction.as_deref(), expected);
        }
        let dockerfile = Dockerfile::parse(&format!("FROM a\nCOPY {long} /\n")).unwrap();
        let cut = origins(&[entry("COPY x / # buildkit")], &dockerfile.lineage(None).unwrap());
        assert_eq!(cut[0].instruction.as_ref().unwrap().chars().count(), MAX_INSTRUCTION);
    }

    /// Histories that BuildKit wrote for these Dockerfiles.
    #[test]
    fn real_histories_are_told_apart_to_the_line() {
        for (text, history, expected) in [
            (
                include_str!("../../tests/fixtures/dockerfile/layers.Dockerfile"),
                include_str!("../../tests/fixtures/dockerfile/layers.history.json"),
                "2 7 8 9 10",
            ),
            (
                include_str!("../../tests/fixtures/dockerfile/stages.Dockerfile"),
                include_str!("../../tests/fixtures/dockerfile/stages.history.json"),
                "base base base 4 5 8 9 16 17 18 19 20 21 22 23 24 25 26 27 28 29",
            ),
            (
                include_str!("../../tests/fixtures/dockerfile/heredocs.Dockerfile"),
                include_str!("../../tests/fixtures/dockerfile/heredocs.history.json"),
                "base base base 2 6 11 16 20 21 22 23 24",
            ),
            (
                include_str!("../../tests/fixtures/dockerfile/forms.Dockerfile"),
                include_str!("../../tests/fixtures/dockerfile/forms.history.json"),
                "base base base 3 4 5 6 7 8 15 16 19",
            ),
            (
                include_str!("../../tests/fixtures/dockerfile/triggers.Dockerfile"),
                include_str!("../../tests/fixtures/dockerfile/triggers.history.json"),
                "? ? ? ? ? ? 6 7",
            ),
        ] {
            let entries: Vec<serde_json::Value> = serde_json::from_str(history).unwrap();
            let text_of = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let history: Vec<_> = entries
                .iter()
                .map(|entry| HistoryEntry {
                    created_by: text_of(entry, "created_by"),
                    comment: text_of(entry, "comment"),
                    empty_layer: entry["empty_layer"].as_bool().unwrap_or(false),
                })
                .collect();
            assert_eq!(shown(text, &history), expected, "{text}");
        }
    }
}
