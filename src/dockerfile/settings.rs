//! What a step depends on by the text of the Dockerfile alone, its own instruction, the steps before it and files
//! aside.
//!
//! That is what BuildKit puts into the definition of a step (`frontend/dockerfile/dockerfile2llb`): a `RUN` has the
//! whole environment, declared build arguments included, the user, the shell and the working directory; `ADD`, `COPY`
//! and `WORKDIR` have what their text makes use of.

use std::collections::BTreeMap;

use super::scope::Scope;
use super::words::{flags, is_exec_form, list};
use super::{Dockerfile, Instruction};

/// A setting that bears on a step: a part of `ARG` or `ENV` that sets one variable, or the whole of another
/// instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearing {
    /// `FROM`, `ARG`, `ENV`, `USER`, `SHELL` or `WORKDIR`.
    pub keyword: String,
    /// The variable that it sets.
    pub name: Option<String>,
    /// What stands after the keyword, without the name of a stage and without what sets other variables; untrusted
    /// text.
    pub arguments: String,
    /// The line of the keyword, counted from 1.
    pub line: u32,
}

/// A setting that is not the same in two Dockerfiles; at least one side is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingChange<'a> {
    /// The setting in the base.
    pub base: Option<&'a Bearing>,
    /// The setting in the head.
    pub head: Option<&'a Bearing>,
}

impl Dockerfile {
    /// The settings that bear on an instruction of this Dockerfile, in order of their lines; what was set again before
    /// anything made use of it does not bear. `None` for an instruction of another Dockerfile.
    ///
    /// The image or stage that a stage starts from is one of them: the last `FROM` of the lineage that the text knows.
    #[must_use]
    pub fn bearings(&self, instruction: &Instruction) -> Option<Vec<Bearing>> {
        let nothing_given = BTreeMap::new();
        let scope = Scope::at(self, instruction, &nothing_given)?;
        let positions = scope.from.into_iter().chain(self.bearing_on(instruction, &scope));
        Some(scope.closure(positions).into_iter().cloned().collect())
    }

    /// The names of the build arguments that bear on an instruction, each once. What is given for them from outside
    /// takes the place of what the Dockerfile says.
    #[must_use]
    pub fn build_args_of(&self, instruction: &Instruction) -> Vec<String> {
        let mut names = Vec::new();
        for bearing in self.bearings(instruction).into_iter().flatten().filter(|bearing| bearing.keyword == "ARG") {
            names.extend(bearing.name.filter(|name| !names.contains(name)));
        }
        names
    }

    /// The variables whose values are known where an instruction stands, with what is given from outside for build
    /// arguments. Those of a base image are not among them, and those of the platform only if they are given.
    #[must_use]
    pub fn values_at(
        &self,
        instruction: &Instruction,
        build_args: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let variables = Scope::at(self, instruction, build_args).map(|scope| scope.variables).unwrap_or_default();
        variables.into_iter().filter_map(|(name, variable)| Some((name, variable.value?))).collect()
    }

    /// The positions of the settings that an instruction makes use of itself.
    fn bearing_on(&self, instruction: &Instruction, scope: &Scope<'_>) -> Vec<usize> {
        let all = || scope.variables.values().map(|variable| variable.setting).collect::<Vec<_>>();
        let (flags, rest) = flags(&instruction.arguments, self.escape);
        match instruction.keyword.as_str() {
            "RUN" => {
                let shell = scope.shell.filter(|_| !is_exec_form(rest));
                [all(), Vec::from_iter(scope.user.into_iter().chain(shell).chain(scope.workdir))].concat()
            }
            "ADD" | "COPY" => {
                let words = list(rest).unwrap_or_default();
                let is_relative = words.last().is_some_and(|destination| !scope.is_absolute(destination));
                // A here-document, of which the body is not at hand, may make use of any variable.
                let variables = match instruction.has_here_document() {
                    true => all(),
                    false => flags.iter().chain(&words).flat_map(|word| scope.used(word)).collect(),
                };
                [variables, Vec::from_iter(scope.workdir.filter(|_| is_relative))].concat()
            }
            "WORKDIR" => {
                let workdir = scope.workdir.filter(|_| !scope.is_absolute(rest));
                [scope.used(rest), Vec::from_iter(workdir.into_iter().chain(scope.user))].concat()
            }
            _ => scope.used(rest),
        }
    }
}

/// The first setting that is not the same: one that the head says otherwise or in addition, else one that it lacks,
/// else a variable that stands at another place among the others, as a `RUN` gets them in order. Lines do not matter.
#[must_use]
pub fn first_difference<'a>(base: &'a [Bearing], head: &'a [Bearing]) -> Option<SettingChange<'a>> {
    let (base, head) = (keyed(base), keyed(head));
    let by_key = |side: &[(Key<'a>, &'a Bearing)]| side.iter().copied().collect::<BTreeMap<_, _>>();
    let (in_base, in_head) = (by_key(&base), by_key(&head));
    let said = head.iter().map(|(key, head)| SettingChange { base: in_base.get(key).copied(), head: Some(*head) });
    let lost = base.iter().map(|(key, base)| SettingChange { base: Some(*base), head: in_head.get(key).copied() });
    let differs =
        |change: &SettingChange<'_>| change.base.map(|base| &base.arguments) != change.head.map(|head| &head.arguments);
    said.chain(lost).find(differs).or_else(|| {
        let variables = |side: Vec<(Key<'a>, &'a Bearing)>| side.into_iter().filter(|((_, name, _), _)| name.is_some());
        let mut pairs = variables(base).zip(variables(head)).filter(|((base, _), (head, _))| base != head);
        pairs.next().map(|((_, base), (_, head))| SettingChange { base: Some(base), head: Some(head) })
    })
}

/// Keyword, variable, and which of the same it is.
type Key<'a> = (&'a str, Option<&'a str>, usize);

fn keyed(bearings: &[Bearing]) -> Vec<(Key<'_>, &Bearing)> {
    let mut counts = BTreeMap::new();
    let keyed = bearings.iter().map(|bearing| {
        let (keyword, name) = (bearing.keyword.as_str(), bearing.name.as_deref());
        let count = counts.entry((keyword, name)).or_insert(0usize);
        *count += 1;
        ((keyword, name, *count), bearing)
    });
    keyed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"ARG TAG=12
ARG BASE=debian:$TAG
ARG MODE=fast
FROM --platform=$BUILDPLATFORM ${BASE} AS Tools
ENV OLD=1 PATH=/tools:$PATH
USER builder
WORKDIR /src
RUN install
FROM tools
ARG MODE
ARG PORT=80 HOST
ENV NAME="a b" URL=http://$HOST:$PORT
ENV OLD 2 and $NAME
SHELL ["/bin/bash", "-c"]
RUN one
RUN ["two"]
COPY a /x
COPY b $URL/
ADD --chown=$NAME c /x/$TAG
WORKDIR sub
WORKDIR /$MODE
RUN three
COPY <<E /x
$NAME
E
LABEL x=$MODE
"#;

    fn instruction(dockerfile: &Dockerfile, line: u32) -> &Instruction {
        dockerfile.stages.iter().flat_map(|stage| &stage.instructions).find(|each| each.line == line).unwrap()
    }

    fn bearings(text: &str, line: u32) -> Vec<Bearing> {
        let dockerfile = Dockerfile::parse(text).unwrap();
        dockerfile.bearings(instruction(&dockerfile, line)).unwrap()
    }

    fn shown(bearings: &[Bearing]) -> String {
        let show = |bearing: &Bearing| format!("{} {} {}\n", bearing.line, bearing.keyword, bearing.arguments);
        bearings.iter().map(show).collect()
    }

    #[test]
    fn a_run_has_the_environment_user_shell_and_directory() {
        insta::assert_snapshot!(shown(&bearings(TEXT, 8)), @r"
        1 ARG TAG=12
        2 ARG BASE=debian:$TAG
        4 FROM --platform=$BUILDPLATFORM ${BASE}
        5 ENV OLD=1
        5 ENV PATH=/tools:$PATH
        6 USER builder
        7 WORKDIR /src
        ");
        insta::assert_snapshot!(shown(&bearings(TEXT, 15)), @r#"
        1 ARG TAG=12
        2 ARG BASE=debian:$TAG
        3 ARG MODE=fast
        4 FROM --platform=$BUILDPLATFORM ${BASE}
        5 ENV PATH=/tools:$PATH
        6 USER builder
        7 WORKDIR /src
        10 ARG MODE
        11 ARG PORT=80
        11 ARG HOST
        12 ENV NAME="a b"
        12 ENV URL=http://$HOST:$PORT
        13 ENV OLD 2 and $NAME
        14 SHELL ["/bin/bash", "-c"]
        "#);
        let lines = |line| bearings(TEXT, line).iter().map(|each| each.line).collect::<Vec<_>>();
        assert_eq!(lines(16), [1, 2, 3, 4, 5, 6, 7, 10, 11, 11, 12, 12, 13], "no shell");
        assert_eq!(lines(22), [1, 2, 3, 4, 5, 6, 10, 11, 11, 12, 12, 13, 14, 21], "another directory");
    }

    #[test]
    fn other_steps_have_what_their_text_makes_use_of() {
        let above_own = |line| shown(&bearings(TEXT, line)).lines().skip(3).collect::<Vec<_>>().join(", ");
        for (line, expected) in [
            (17, ""),
            (18, "7 WORKDIR /src, 11 ARG PORT=80, 11 ARG HOST, 12 ENV URL=http://$HOST:$PORT"),
            (19, "12 ENV NAME=\"a b\""),
            (20, "6 USER builder, 7 WORKDIR /src"),
            (21, "4 FROM --platform=$BUILDPLATFORM ${BASE}, 6 USER builder, 10 ARG MODE"),
            (26, "4 FROM --platform=$BUILDPLATFORM ${BASE}, 10 ARG MODE"),
        ] {
            assert_eq!(above_own(line), expected, "line {line}");
        }
        assert_eq!(bearings(TEXT, 23).len(), 11, "the body of a here-document may hold anything");
    }

    #[test]
    fn build_arguments_are_named_once() {
        let dockerfile = Dockerfile::parse(TEXT).unwrap();
        let names = |line| dockerfile.build_args_of(instruction(&dockerfile, line)).join(" ");
        assert_eq!(names(8), "TAG BASE");
        assert_eq!(names(15), "TAG BASE MODE PORT HOST");
        assert_eq!(names(17), "TAG BASE");
        assert_eq!(names(18), "TAG BASE PORT HOST");
        let other = Instruction { keyword: "RUN".to_owned(), arguments: "one".to_owned(), line: 16 };
        assert_eq!((dockerfile.bearings(&other), dockerfile.build_args_of(&other)), (None, Vec::new()));
    }

    #[test]
    fn values_are_known_as_far_as_the_text_and_the_arguments_say() {
        let dockerfile = Dockerfile::parse(TEXT).unwrap();
        let values = |given: &[(&str, &str)]| {
            let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let values = dockerfile.values_at(instruction(&dockerfile, 22), &given);
            values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(values(&[]), "MODE=fast NAME=a b OLD=2 and a b PORT=80");
        assert_eq!(
            values(&[("MODE", "slow"), ("HOST", "h"), ("TAG", "13")]),
            "HOST=h MODE=slow NAME=a b OLD=2 and a b PORT=80 URL=http://h:80"
        );
        let text = "FROM a\nENV A=1 B=$A\nENV A=2 C=$A\nARG A\nARG C=$A\nRUN x\n";
        let dockerfile = Dockerfile::parse(text).unwrap();
        let values = dockerfile.values_at(instruction(&dockerfile, 6), &BTreeMap::new());
        assert_eq!(values.iter().map(|(name, value)| format!("{name}{value}")).collect::<String>(), "A2C2");
    }

    #[test]
    fn the_first_setting_that_differs_is_named() {
        let base = "FROM a\nENV A=1\nENV B=2\nUSER u\nWORKDIR /a\nRUN x";
        for (head, line, expected) in [
            ("FROM a\n\nENV A=1\nENV B=2\nUSER u\nWORKDIR /a\nRUN x", 7, "none"),
            ("FROM b\nENV A=1\nENV B=2\nUSER u\nWORKDIR /b\nRUN x", 6, "FROM a -> FROM b"),
            ("FROM a\nENV C=3\nENV A=1\nENV B=2\nUSER u\nWORKDIR /a\nRUN x", 7, " -> ENV C=3"),
            ("FROM a\nENV B=2\nUSER v\nWORKDIR /a\nRUN x", 5, "USER u -> USER v"),
            ("FROM a\nENV B=2\nUSER u\nWORKDIR /a\nRUN x", 5, "ENV A=1 -> "),
            ("FROM a\nENV B=2 A=1\nUSER u\nWORKDIR /a\nRUN x", 5, "ENV A=1 -> ENV B=2"),
            ("FROM a\nUSER u\nENV A=1 B=2\nWORKDIR /a\nRUN x", 5, "none"),
            ("FROM a\nENV A=1\nENV B=2\nUSER u\nWORKDIR /a\nWORKDIR b\nRUN x", 7, " -> WORKDIR b"),
            ("FROM a\nENV A=1 B=2\nUSER w\nUSER u\nWORKDIR /b\nWORKDIR /a\nRUN x", 7, "none"),
        ] {
            let (base, head) = (bearings(base, 6), bearings(head, line));
            let side = |side: Option<&Bearing>| {
                side.map_or(String::new(), |each| format!("{} {}", each.keyword, each.arguments))
            };
            let show = |change: SettingChange<'_>| format!("{} -> {}", side(change.base), side(change.head));
            assert_eq!(first_difference(&base, &head).map_or("none".to_owned(), show), expected);
        }
    }

    #[test]
    fn long_chains_of_settings_end() {
        let chain: String = (1..20_000).map(|n| format!("ENV A{n}=$A{}\n", n - 1)).collect();
        let dockerfile = Dockerfile::parse(&format!("FROM a\n{chain}COPY x $A19999\n")).unwrap();
        assert_eq!(dockerfile.bearings(instruction(&dockerfile, 20_001)).unwrap().len(), 20_000);
    }

    proptest::proptest! {
        #[test]
        fn no_dockerfile_makes_it_panic(
            text in r#"((FROM|ARG|ENV|USER|WORKDIR|SHELL|RUN|COPY) ([AB]|=|\$|\{|:|-|\}|/|"|'|\\| ){0,8}\n){0,8}"#,
        ) {
            if let Ok(dockerfile) = Dockerfile::parse(&format!("FROM A\n{text}")) {
                for instruction in dockerfile.stages.iter().flat_map(|stage| &stage.instructions) {
                    let bearings = dockerfile.bearings(instruction).unwrap();
                    proptest::prop_assert!(bearings.iter().all(|bearing| bearing.line < instruction.line));
                    proptest::prop_assert!(bearings.is_sorted_by_key(|bearing| bearing.line));
                }
            }
        }
    }
}
