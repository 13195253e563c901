//! The numbers in BuildKit's step names: `[build 2/5] RUN …`.
//!
//! Numbered are `RUN`, `COPY`, `ADD` and `WORKDIR`, and first of all `FROM` when it names an image from outside.
//! A `WORKDIR /` is counted in the total but uses up no number, as there is nothing to create.

use super::lineage::Parent;
use super::{Dockerfile, Instruction};

impl Dockerfile {
    /// The instruction behind a step number (counted from 1) of a stage. `None` for `FROM`, and where the Dockerfile
    /// alone does not say.
    ///
    /// The number is that of the step's name less the `ONBUILD` steps of the stage: those come from its base, run
    /// first, and are invisible here.
    #[must_use]
    pub fn step(&self, stage: &str, index: u32) -> Option<&Instruction> {
        let position = self.unambiguous(stage)?;
        let mut number = u32::from(self.numbers_its_from(position)?);
        for instruction in &self.stages.get(position)?.instructions {
            let is_step = instruction.is_step()?;
            number += u32::from(is_step);
            if is_step && number == index {
                return Some(instruction);
            }
        }
        None
    }

    /// The line behind a step number; that of `FROM` when it is the first step.
    #[must_use]
    pub fn step_line(&self, stage: &str, index: u32) -> Option<u32> {
        let position = self.unambiguous(stage)?;
        if index == 1 && self.numbers_its_from(position)? {
            return self.stages.get(position).map(|stage| stage.line);
        }
        self.step(stage, index).map(|instruction| instruction.line)
    }

    /// Two stages of one name look the same in step names.
    fn unambiguous(&self, stage: &str) -> Option<usize> {
        let position = self.position(stage)?;
        let name = &self.stages.get(position)?.name;
        let alike = self.stages.iter().filter(|stage| stage.name.is_some() && stage.name == *name).count();
        (alike <= 1).then_some(position)
    }

    fn numbers_its_from(&self, position: usize) -> Option<bool> {
        match self.parent(position) {
            Parent::Image => Some(true),
            Parent::Scratch | Parent::Stage(_) => Some(false),
            Parent::Unknown => None,
        }
    }
}

impl Instruction {
    /// Whether it uses up a number; `None` when that depends on the working directory so far. An argument counts as
    /// the name of a directory.
    fn is_step(&self) -> Option<bool> {
        if self.keyword != "WORKDIR" {
            return Some(matches!(self.keyword.as_str(), "RUN" | "COPY" | "ADD"));
        }
        let path = self.arguments.replace(['"', '\''], "");
        let mut depth = 0usize;
        for component in path.split('/') {
            match component {
                "" | "." => {}
                ".." if path.starts_with('/') => depth = depth.saturating_sub(1),
                ".." => return None,
                _ => depth = depth.saturating_add(1),
            }
        }
        if depth == 0 && !path.starts_with('/') { None } else { Some(depth > 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names are those that BuildKit gave the steps of this Dockerfile.
    #[test]
    fn steps_are_numbered_as_buildkit_does() {
        let text = "ARG BASE=debian\nFROM ${BASE} AS Deps\nARG MODE=fast\nENV A=/app\nWORKDIR $A\nRUN one\n\
                    FROM deps AS build\nRUN --mount=type=cache,target=/c mkdir\n\
                    FROM deps\nLABEL x=y\nCOPY --from=build a b\nCOPY c ./\nWORKDIR /\nWORKDIR sub\n\
                    EXPOSE 80\nRUN last\n";
        let parsed = Dockerfile::parse(text).unwrap();
        for (stage, index, line) in [
            ("deps", 1, Some(2)),
            ("deps", 2, Some(5)),
            ("deps", 3, Some(6)),
            ("deps", 4, None),
            ("deps", 0, None),
            ("build", 1, Some(8)),
            ("stage-2", 1, Some(11)),
            ("stage-2", 2, Some(12)),
            ("stage-2", 3, Some(14)),
            ("stage-2", 4, Some(16)),
            ("stage-2", 5, None),
        ] {
            assert_eq!(parsed.step_line(stage, index), line, "[{stage} {index}]");
        }
        assert_eq!(parsed.step("deps", 1), None);
        assert_eq!(parsed.step("stage-2", 4).unwrap().arguments, "last");
    }

    #[test]
    fn the_recorded_steps_are_found() {
        let text = include_str!("../../tests/fixtures/dockerfile/layers.Dockerfile");
        let parsed = Dockerfile::parse(text).unwrap();
        for (stage, index, line) in [("base", 1, 2), ("build", 1, 5), ("final", 1, 7), ("final", 2, 8), ("final", 3, 9)]
        {
            assert_eq!(parsed.step_line(stage, index), Some(line), "{stage} {index}");
        }
    }

    #[test]
    fn what_only_the_build_knows_has_no_line() {
        for (text, stage, index) in [
            ("FROM a\nWORKDIR ..\nRUN x\n", "", 2),
            ("FROM a\nWORKDIR .\nRUN x\n", "", 2),
            ("FROM a AS b\nFROM ${C} AS d\nRUN x\n", "d", 1),
            ("FROM a AS b\nRUN x\nFROM c AS b\nRUN y\n", "b", 2),
        ] {
            assert_eq!(Dockerfile::parse(text).unwrap().step_line(stage, index), None, "{text}");
        }
        let triggers = Dockerfile::parse("FROM a AS b\nONBUILD RUN y\nFROM b\nRUN x\n").unwrap();
        assert_eq!(triggers.step_line("stage-1", 1), Some(4));
        let root = Dockerfile::parse("FROM a\nWORKDIR \"/./\"\nWORKDIR /b/..\nWORKDIR /b/../c\nRUN x\n").unwrap();
        assert_eq!((root.step_line("", 2), root.step_line("", 3)), (Some(4), Some(5)));
    }
}
