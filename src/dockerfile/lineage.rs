//! What a stage is made of: its own instructions and those of the stages it starts from.

use super::{Dockerfile, Instruction, Stage};

/// What the chain of `FROM`s below a stage ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `FROM scratch`.
    Scratch,
    /// An image from outside of the Dockerfile.
    Image,
    /// An argument that may name a stage, or a stage with `ONBUILD` triggers: the Dockerfile alone does not say.
    Unknown,
}

/// The instructions that write an image's history above its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage<'a> {
    /// Each writes exactly one history entry, in this order. `ONBUILD` writes none and is left out.
    pub instructions: Vec<&'a Instruction>,
    /// What stands below them.
    pub root: Root,
}

/// What one stage starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    Scratch,
    Image,
    Stage(usize),
    Unknown,
}

impl Dockerfile {
    /// The lineage of the stage that `--target` names, else of the last one; `None` when there is no such stage.
    #[must_use]
    pub fn lineage(&self, target: Option<&str>) -> Option<Lineage<'_>> {
        let position = match target {
            Some(target) => self.position(target)?,
            None => self.stages.len().checked_sub(1)?,
        };
        let (stages, root) = self.chain(position)?;
        let instructions = stages.into_iter().flat_map(|stage| &stage.instructions);
        Some(Lineage { instructions: instructions.filter(|each| each.keyword != "ONBUILD").collect(), root })
    }

    /// The stages that the one at this position is made of, itself last, and what stands below them.
    pub(super) fn chain(&self, mut position: usize) -> Option<(Vec<&Stage>, Root)> {
        let mut stages = Vec::new();
        loop {
            stages.push(self.stages.get(position)?);
            let root = match self.parent(position) {
                Parent::Stage(parent) if self.stages.get(parent)?.has_triggers() => Root::Unknown,
                // A stage is only ever built on an earlier one, so this ends.
                Parent::Stage(parent) => {
                    position = parent;
                    continue;
                }
                Parent::Scratch => Root::Scratch,
                Parent::Image => Root::Image,
                Parent::Unknown => Root::Unknown,
            };
            stages.reverse();
            return Some((stages, root));
        }
    }

    /// What the stage at this position starts from. An argument that cannot name a stage counts as an image, as
    /// nobody hides `scratch` behind one.
    pub(super) fn parent(&self, position: usize) -> Parent {
        let (earlier, rest) = self.stages.split_at(position.min(self.stages.len()));
        let Some(Stage { from, .. }) = rest.first() else { return Parent::Unknown };
        match earlier.iter().rposition(|stage| stage.name.as_ref() == Some(from)) {
            Some(parent) => Parent::Stage(parent),
            None if from == "scratch" => Parent::Scratch,
            None if earlier.iter().any(|stage| stage.name.is_some()) && may_name_a_stage(from) => Parent::Unknown,
            None => Parent::Image,
        }
    }
}

impl Stage {
    /// Triggers run at the start of every stage built on this one and count among its steps.
    fn has_triggers(&self) -> bool {
        self.instructions.iter().any(|each| each.keyword == "ONBUILD")
    }
}

/// Whether an argument in `FROM` may expand to a stage name: stages have neither `/`, `:` nor `@` in theirs.
fn may_name_a_stage(from: &str) -> bool {
    let mut literal = String::new();
    let mut rest = from;
    while let Some((before, after)) = rest.split_once("${") {
        literal.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    literal.push_str(rest);
    from.contains('$') && !literal.contains(['/', ':', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(text: &str, target: Option<&str>) -> (Vec<u32>, Root) {
        let parsed = Dockerfile::parse(text).unwrap();
        let lineage = parsed.lineage(target).unwrap();
        (lineage.instructions.iter().map(|each| each.line).collect(), lineage.root)
    }

    #[test]
    fn a_stage_stands_on_the_instructions_of_its_stages() {
        let text = "FROM scratch AS base\nADD a /\nFROM base AS build\nRUN x\nFROM base AS final\nCOPY b c\nCMD d\n";
        assert_eq!(lineage(text, None), (vec![2, 6, 7], Root::Scratch));
        assert_eq!(lineage(text, Some("build")), (vec![2, 4], Root::Scratch));
        assert_eq!(Dockerfile::parse(text).unwrap().lineage(Some("none")), None);
    }

    #[test]
    fn the_chain_ends_where_the_dockerfile_does_not_say_more() {
        for (text, expected) in [
            ("FROM debian\nRUN x\n", (vec![2], Root::Image)),
            ("ARG B=debian\nFROM ${B}\nRUN x\n", (vec![3], Root::Image)),
            ("FROM a AS one\nRUN x\nFROM ${B}\nRUN y\n", (vec![4], Root::Unknown)),
            ("FROM a AS one\nRUN x\nFROM $B-v1\nRUN y\n", (vec![4], Root::Unknown)),
            ("FROM a AS one\nRUN x\nFROM golang:${B:-1.2}\nRUN y\n", (vec![4], Root::Image)),
            ("FROM a AS one\nRUN x\nFROM ${B:-x/y:z}\nRUN y\n", (vec![4], Root::Unknown)),
            ("FROM a AS one\nONBUILD RUN x\nFROM one\nRUN y\n", (vec![4], Root::Unknown)),
            ("FROM a\nONBUILD RUN x\nRUN y\n", (vec![3], Root::Image)),
            ("FROM a AS a\nRUN x\n", (vec![2], Root::Image)),
            ("FROM x AS a\nRUN x\nFROM a AS a\nRUN y\nFROM a\n", (vec![2, 4], Root::Image)),
        ] {
            assert_eq!(lineage(text, None), expected, "{text}");
        }
    }
}
