//! What, beside its own text and the files it takes, decides whether the result of a step can be used again: the
//! instructions above it that it depends on, and the build arguments that reach it.
//!
//! BuildKit passes every `ENV` and declared `ARG` to `RUN` as its environment, so all of them count there; other
//! instructions only depend on those that their text expands (`dockerfile2llb/convert.go`, `dispatchRun`, `ProcessWord`).

use std::collections::BTreeSet;

use super::lineage::Parent;
use super::{Dockerfile, Instruction};

/// What a step depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings<'a> {
    /// The instructions above it, from the top: `ARG`, `ENV`, `USER`, `SHELL` and `WORKDIR`.
    pub instructions: Vec<&'a Instruction>,
    /// What stands after `FROM` at the bottom of its stages, arguments not expanded.
    pub from: &'a str,
    /// The line of that `FROM`, counted from 1.
    pub from_line: u32,
    /// The names of the build arguments that reach it.
    pub build_args: BTreeSet<&'a str>,
}

impl Dockerfile {
    /// What the step on a line of a stage depends on; `None` when there is no such instruction.
    #[must_use]
    pub fn settings(&self, stage: &str, line: u32) -> Option<Settings<'_>> {
        let mut position = self.position(stage)?;
        let own = self.stages.get(position)?;
        let step = own.instructions.iter().find(|instruction| instruction.line == line)?;
        let mut above: Vec<&Instruction> = own.instructions.iter().take_while(|one| one.line < line).collect();
        let mut settings = Settings::default();
        loop {
            let stage = self.stages.get(position)?;
            (settings.from, settings.from_line) = (&stage.from, stage.line);
            match self.parent(position) {
                Parent::Stage(parent) => {
                    let inherited = &self.stages.get(parent)?.instructions;
                    // What a stage declares as an argument does not reach the stages built on it.
                    let inherited = inherited.iter().filter(|one| one.keyword != "ARG");
                    above = inherited.chain(above).collect();
                    position = parent;
                }
                Parent::Scratch | Parent::Image | Parent::Unknown => break,
            }
        }
        let is_run = step.keyword == "RUN";
        let matters = |one: &&&Instruction| match one.keyword.as_str() {
            "ARG" | "ENV" => is_run || names(one).iter().any(|name| expands(&step.arguments, name)),
            "USER" | "SHELL" => is_run,
            // Relative destinations are relative to it.
            "WORKDIR" => true,
            _ => false,
        };
        settings.instructions = above.iter().filter(matters).copied().collect();
        settings.build_args =
            settings.instructions.iter().filter(|one| one.keyword == "ARG").flat_map(|one| names(one)).collect();
        settings.build_args.extend(self.global_args_in(settings.from));
        Some(settings)
    }

    /// The arguments that a `FROM` expands.
    fn global_args_in<'a>(&'a self, from: &'a str) -> impl Iterator<Item = &'a str> {
        from.split('$').skip(1).filter_map(|rest| {
            let name = rest.trim_start_matches('{');
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
            name.get(..end).filter(|name| !name.is_empty())
        })
    }
}

/// The names that an `ARG` or `ENV` sets.
fn names(instruction: &Instruction) -> Vec<&str> {
    let arguments = instruction.arguments.trim();
    let first = arguments.split_whitespace().next().unwrap_or_default();
    if instruction.keyword == "ENV" && !first.contains('=') {
        return vec![first];
    }
    let words = shell_like_words(arguments);
    words.into_iter().map(|word| word.split('=').next().unwrap_or(word)).filter(|name| !name.is_empty()).collect()
}

/// Words, where blanks between quotes do not separate.
fn shell_like_words(text: &str) -> Vec<&str> {
    let mut quote = None;
    text.split(move |c: char| match (quote, c) {
        (None, '"' | '\'') => {
            quote = Some(c);
            false
        }
        (Some(open), c) => {
            quote = quote.filter(|_| open != c);
            false
        }
        (None, c) => c.is_whitespace(),
    })
    .collect()
}

/// Whether a text holds `$NAME` or `${NAME`.
fn expands(text: &str, name: &str) -> bool {
    text.split('$').skip(1).any(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.strip_prefix(name).is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ARG BASE=debian\nFROM ${BASE} AS base\nARG ONLY_HERE\nENV A=1 B=\"x y\"\nWORKDIR /src\nRUN first\n\
                        FROM base AS build\nARG VERSION=dev\nARG PORT\nUSER app\nLABEL x=y\nCOPY a$VERSION b\nSHELL [\"bash\"]\nRUN second\nENV LATE=1\n";

    fn told(stage: &str, line: u32) -> (Vec<u32>, Vec<String>) {
        let parsed = Dockerfile::parse(TEXT).unwrap();
        let settings = parsed.settings(stage, line).unwrap();
        let lines = settings.instructions.iter().map(|one| one.line).collect();
        (lines, settings.build_args.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_run_depends_on_all_that_is_in_force_above_it() {
        assert_eq!(told("base", 6), (vec![3, 4, 5], vec!["BASE".into(), "ONLY_HERE".into()]));
        assert_eq!(told("build", 14), (vec![4, 5, 8, 9, 10, 13], vec!["BASE".into(), "PORT".into(), "VERSION".into()]));
    }

    #[test]
    fn other_steps_depend_on_what_they_expand() {
        assert_eq!(told("build", 12), (vec![5, 8], vec!["BASE".into(), "VERSION".into()]));
        let parsed = Dockerfile::parse(TEXT).unwrap();
        let settings = parsed.settings("build", 12).unwrap();
        assert_eq!((settings.from, settings.from_line), ("${BASE}", 2));
        assert_eq!(parsed.settings("build", 99), None);
        assert_eq!(parsed.settings("none", 1), None);
    }

    #[test]
    fn names_and_expansions_are_told_from_text() {
        let instruction = |keyword: &str, arguments: &str| Instruction {
            keyword: keyword.into(),
            arguments: arguments.into(),
            line: 1,
        };
        for (keyword, arguments, expected) in [
            ("ENV", "A=1 B=\"x C=2\" D='e f'", vec!["A", "B", "D"]),
            ("ENV", "OLD form = x", vec!["OLD"]),
            ("ARG", "A=1 B", vec!["A", "B"]),
            ("ARG", "", vec![]),
        ] {
            assert_eq!(names(&instruction(keyword, arguments)), expected, "{arguments}");
        }
        assert!(expands("a $X b", "X") && expands("${X:-1}", "X") && expands("$X", "X"));
        assert!(!expands("$XY", "X") && !expands("X", "X"));
    }
}
