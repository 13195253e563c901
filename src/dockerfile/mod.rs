//! The text of a Dockerfile as stages and instructions with their lines: enough to say which line wrote a layer or ran
//! a step, which files a step takes, and what else bears on it. It is read by BuildKit's own rules
//! (`frontend/dockerfile/parser` and `dockerfile2llb` of `moby/buildkit`), because a line that is off by one
//! here-document is worse than no line. A `.dockerignore` is read here as well.

mod expression;
mod glob;
mod heredoc;
mod ignore;
mod lineage;
mod lines;
mod pattern;
mod scope;
mod settings;
mod source;
mod sources;
mod steps;
mod words;

use std::fmt;

use anyhow::{Context, Result, bail, ensure};

pub use ignore::{DockerIgnore, IgnoreError};
pub use lineage::{Lineage, Root};
pub use settings::{Bearing, SettingChange, first_difference};
pub use sources::{Origin, Sources};

/// A parsed Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dockerfile {
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// The `ARG`s above the first `FROM`, of which only `FROM`s know.
    pub global_args: Vec<Instruction>,
    /// What takes the meaning from the next character.
    pub escape: Escape,
}

/// The escape character of a Dockerfile: a backslash, or what `# escape=` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escape(char);

impl Default for Escape {
    fn default() -> Self {
        Self('\\')
    }
}

/// One `FROM` and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name after `AS`, lower-cased as BuildKit does.
    pub name: Option<String>,
    /// The image or stage that stands after `FROM` and its flags, arguments not expanded.
    pub from: String,
    /// What stands after `--platform=`, arguments not expanded.
    pub platform: Option<String>,
    /// The line of `FROM`, counted from 1.
    pub line: u32,
    /// The instructions below it.
    pub instructions: Vec<Instruction>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Upper-case keyword, such as `RUN`.
    pub keyword: String,
    /// What stands after it, continuation lines joined, bodies of here-documents left out.
    pub arguments: String,
    /// The line of the keyword, counted from 1.
    pub line: u32,
}

impl Instruction {
    /// Whether a part of it, the body of a here-document, stands on the lines that follow.
    #[must_use]
    pub fn has_here_document(&self) -> bool {
        !heredoc::opened_by(self).is_empty()
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.keyword, self.arguments)
    }
}

/// Every keyword but `FROM`, which opens a stage.
const KEYWORDS: [&str; 17] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

impl Dockerfile {
    /// Reads a Dockerfile.
    ///
    /// # Errors
    /// When BuildKit's own frontend would refuse the text; the line is named. A custom frontend may have accepted it,
    /// so that callers go on without lines.
    pub fn parse(text: &str) -> Result<Self> {
        let mut stages: Vec<Stage> = Vec::new();
        let mut global_args = Vec::new();
        let (instructions, escape) = lines::instructions(text)?;
        for instruction in instructions {
            let Instruction { keyword, arguments, line } = &instruction;
            match (keyword.as_str(), stages.last_mut()) {
                ("FROM", _) => stages.push(stage(arguments, *line).with_context(|| format!("Dockerfile line {line}"))?),
                (other, _) if !KEYWORDS.contains(&other) => {
                    bail!("Dockerfile line {line}: unknown instruction {other:?}")
                }
                (_, Some(stage)) => stage.instructions.push(instruction),
                ("ARG", None) => global_args.push(instruction),
                (other, None) => bail!("Dockerfile line {line}: {other} before the first FROM"),
            }
        }
        ensure!(!stages.is_empty(), "Dockerfile: no FROM; expected at least one stage");
        Ok(Self { stages, global_args, escape })
    }

    /// The stage that `--target` names, else the last one.
    #[must_use]
    pub fn target_stage(&self, target: Option<&str>) -> Option<&Stage> {
        target.map_or_else(|| self.stages.last(), |target| self.stage(target))
    }

    /// A stage by its name in any case, by its number counted from 0, by BuildKit's `stage-N` for an unnamed one, or
    /// by the empty name that the only stage has in step names. Of equal names the last stage wins, as in BuildKit.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.get(self.position(name)?)
    }

    fn position(&self, name: &str) -> Option<usize> {
        if name.is_empty() {
            return (self.stages.len() == 1).then_some(0);
        }
        let name = name.to_lowercase();
        let unnamed = |index: &usize| self.stages.get(*index).is_some_and(|stage| stage.name.is_none());
        self.stages
            .iter()
            .rposition(|stage| stage.name.as_ref() == Some(&name))
            .or_else(|| name.strip_prefix("stage-")?.parse().ok().filter(unnamed))
            .or_else(|| name.parse().ok().filter(|index| *index < self.stages.len()))
    }
}

/// The opening of a stage: `[--platform=…] IMAGE [AS NAME]`.
fn stage(arguments: &str, line: u32) -> Result<Stage> {
    let mut words = arguments.split_whitespace().peekable();
    let flags: Vec<&str> = std::iter::from_fn(|| words.next_if(|word| word.starts_with("--"))).collect();
    let platform = flags.iter().find_map(|flag| flag.strip_prefix("--platform=")).map(str::to_owned);
    let (from, name) = match words.collect::<Vec<_>>().as_slice() {
        [from] => (*from, None),
        [from, keyword, name] if keyword.eq_ignore_ascii_case("as") => (*from, Some(name.to_lowercase())),
        _ => bail!("expected FROM image [AS name], found FROM {arguments}"),
    };
    Ok(Stage { name, from: from.to_owned(), platform, line, instructions: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ARG V=1\nFROM a:$V AS Base\nRUN x\nFROM --platform=$BUILDPLATFORM base\nCMD y\nfrom scratch\n";

    #[test]
    fn a_dockerfile_is_stages_of_instructions_with_their_lines() {
        let parsed = Dockerfile::parse(TEXT).unwrap();
        let shown: Vec<_> = parsed
            .stages
            .iter()
            .map(|stage| {
                let body: Vec<_> = stage.instructions.iter().map(|each| format!("{} {each}", each.line)).collect();
                format!("{} {} {:?} {}", stage.line, stage.from, stage.name, body.join(", "))
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        2 a:$V Some("base") 3 RUN x
        4 base None 5 CMD y
        6 scratch None
        "#);
    }

    #[test]
    fn stages_are_found_as_buildkit_names_them() {
        let parsed = Dockerfile::parse(TEXT).unwrap();
        for (name, line) in [
            ("base", Some(2)),
            ("BASE", Some(2)),
            ("stage-1", Some(4)),
            ("stage-0", None),
            ("2", Some(6)),
            ("3", None),
            ("stage-99999999999999999999", None),
            ("", None),
            ("other", None),
        ] {
            assert_eq!(parsed.stage(name).map(|stage| stage.line), line, "{name}");
        }
        assert_eq!(parsed.target_stage(None).map(|stage| stage.line), Some(6));
        assert_eq!(parsed.target_stage(Some("Base")).map(|stage| stage.line), Some(2));
        assert_eq!(Dockerfile::parse("FROM x").unwrap().stage("").map(|stage| stage.line), Some(1));
        let twice = Dockerfile::parse("FROM x AS a\nFROM y AS a").unwrap();
        assert_eq!(twice.stage("a").map(|stage| stage.line), Some(2));
    }

    #[test]
    fn what_the_frontend_refuses_is_refused_with_its_line() {
        for (text, expected) in [
            ("", "no FROM"),
            ("# only a comment\n", "no FROM"),
            ("ARG A\n", "no FROM"),
            ("RUN x\nFROM a\n", "line 1: RUN before the first FROM"),
            ("FROM a\n\nRUN x\nINSTALL y\n", "line 4: unknown instruction \"INSTALL\""),
            ("FROM\n", "line 1: expected FROM image [AS name]"),
            ("FROM a\nFROM b c\n", "line 2: expected FROM image [AS name]"),
            ("FROM a\nRUN <<E\nno end\n", "line 2: here-document \"E\" does not end"),
            ("# escape=x\nFROM a\n", "line 1: escape \"x\""),
        ] {
            let message = format!("{:#}", Dockerfile::parse(text).unwrap_err());
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in r#"(FROM|RUN|ONBUILD|COPY|#|escape|=|`|\\|<<|-|E|"|'|\$|\{|\}|:|/|[a-z]| |\t|\r|\n|ä){0,60}"#,
        ) {
            if let Ok(parsed) = Dockerfile::parse(&text) {
                let lines = u32::try_from(text.split('\n').count()).unwrap();
                for stage in &parsed.stages {
                    proptest::prop_assert!((1..=lines).contains(&stage.line));
                    proptest::prop_assert!(stage.instructions.iter().all(|each| (1..=lines).contains(&each.line)));
                }
            }
        }
    }
}
