//! Why each step that ran was not served from a cache, as far as the two reports and the evidence tell.
//!
//! A step has causes of its own, or it builds upon a step that ran, or both. Where neither holds, nothing changed, and
//! what is known of the caches has to explain it. A cause is never guessed: what cannot be known is said to be unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::files::files;
use super::not_cached::not_cached;
use crate::dockerfile::{Bearing, Dockerfile, Instruction, first_difference};
use crate::report::{BaseImage, CacheState, Cause, CellReport, Environment, Report, Step};

/// Gives every step that ran its causes. `evidence` is by image.
pub fn explain(head: &mut Report, base: Option<&Report>, evidence: &BTreeMap<String, Evidence>) {
    let none = Evidence::default();
    for cell in head.cells.iter_mut().filter(|cell| cell.carried_over.is_none()) {
        let case = Case {
            cell,
            environment: &head.environment,
            base: base.map(|report| (report.cell(&cell.id), &report.environment)),
            evidence: evidence.get(&cell.id.image).unwrap_or(&none),
        };
        let causes: Vec<Vec<Cause>> = case.steps().iter().map(|step| case.causes(step)).collect();
        let causes = without_repetition(case.steps(), causes);
        let steps = cell.timing.iter_mut().flat_map(|timing| &mut timing.steps);
        for (step, causes) in steps.zip(causes) {
            step.causes = causes;
        }
    }
}

/// Leaves out what an earlier step of the same line of steps has said already: mending that one mends all.
fn without_repetition(steps: &[Step], causes: Vec<Vec<Cause>>) -> Vec<Vec<Cause>> {
    let told_above = |position: usize| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<usize> = steps.get(position).map(|step| step.needs.clone()).unwrap_or_default();
        while let Some(position) = open.pop() {
            if seen.insert(position) {
                open.extend(steps.get(position).iter().flat_map(|step| &step.needs));
            }
        }
        seen.into_iter().filter_map(|position| causes.get(position)).flatten().collect::<Vec<_>>()
    };
    let is_new = |above: &[&Cause], cause: &Cause| match cause {
        Cause::Files { count, examples, .. } => {
            let named =
                |file| above.iter().any(|one| matches!(one, Cause::Files { examples, .. } if examples.contains(file)));
            *count > examples.len() || !examples.iter().all(named)
        }
        cause => !above.contains(&cause),
    };
    let own = |(position, own): (usize, &Vec<Cause>)| {
        if !own.iter().any(|cause| matches!(cause, Cause::Earlier { .. })) {
            return own.clone();
        }
        let above = told_above(position);
        own.iter().filter(|cause| matches!(cause, Cause::Earlier { .. }) || is_new(&above, cause)).cloned().collect()
    };
    causes.iter().enumerate().map(own).collect()
}

/// One cell with everything that is known of it.
pub(super) struct Case<'a> {
    pub(super) cell: &'a CellReport,
    pub(super) environment: &'a Environment,
    /// The baseline, when there is one: its cell, when it has it, and where it was built.
    pub(super) base: Option<(Option<&'a CellReport>, &'a Environment)>,
    pub(super) evidence: &'a Evidence,
}

impl<'a> Case<'a> {
    fn steps(&self) -> &'a [Step] {
        self.cell.timing.as_ref().map(|timing| timing.steps.as_slice()).unwrap_or_default()
    }

    pub(super) fn base_cell(&self) -> Option<&'a CellReport> {
        self.base.and_then(|(cell, _)| cell)
    }

    fn causes(&self, step: &Step) -> Vec<Cause> {
        if step.cache != CacheState::Executed {
            return Vec::new();
        }
        let covers = |stage: &String| stage.eq_ignore_ascii_case(&step.stage);
        if self.evidence.no_cache || self.evidence.no_cache_stages.iter().any(covers) {
            return vec![Cause::NoCache];
        }
        let ran = |position: &&usize| self.steps().get(**position).is_some_and(|one| one.cache == CacheState::Executed);
        let earlier = step.needs.iter().find(ran).map(|position| Cause::Earlier { step: *position });
        let own = self.base_cell().map(|base| self.own(step, base)).unwrap_or_default();
        let causes: Vec<Cause> = earlier.into_iter().chain(own).collect();
        match causes.is_empty() {
            true => vec![self.moved(step).unwrap_or_else(|| not_cached(self, step))],
            false => causes,
        }
    }

    /// What changed of the step itself.
    fn own(&self, step: &Step, base: &CellReport) -> Vec<Cause> {
        let mut causes: Vec<Cause> = self.edited(step, base).or_else(|| self.setting(step)).into_iter().collect();
        causes.extend(self.build_args(step, base));
        causes.extend(self.base_image(step, base));
        causes.extend(self.instruction(step).and_then(|instruction| files(self.evidence, instruction)));
        causes
    }

    /// The step in the Dockerfile of this run.
    pub(super) fn instruction(&self, step: &Step) -> Option<&'a Instruction> {
        let stage = self.evidence.dockerfile.as_ref()?.stage(&step.stage)?;
        stage.instructions.iter().find(|one| Some(one.line) == step.dockerfile_line)
    }

    /// Both Dockerfiles with the step in each; the one of the baseline by its text.
    fn both(&self, step: &Step) -> Option<(&'a Dockerfile, &'a Instruction, &'a Dockerfile, Option<&'a Instruction>)> {
        let (head, base) = (self.evidence.dockerfile.as_ref()?, self.evidence.base_dockerfile.as_ref()?);
        let instruction = self.instruction(step)?;
        let same = |one: &&Instruction| one.keyword == instruction.keyword && one.arguments == instruction.arguments;
        let was = base.stage(&step.stage).and_then(|stage| stage.instructions.iter().find(same));
        Some((head, instruction, base, was))
    }

    fn edited(&self, step: &Step, base: &CellReport) -> Option<Cause> {
        let Some((head, instruction, base, was)) = self.both(step) else {
            let steps = base.timing.iter().flat_map(|timing| &timing.steps);
            let known = steps.clone().any(|one| one.stage == step.stage && one.instruction == step.instruction);
            return (!known && steps.count() > 0).then_some(Cause::Edited { was: None });
        };
        if was.is_some() {
            return None;
        }
        // What stands only in the old stage, in order, is taken for what stands only in the new one.
        let (head, base) = (head.stage(&step.stage)?, base.stage(&step.stage));
        let base_instructions = base.map(|stage| stage.instructions.as_slice()).unwrap_or_default();
        let only_in = |own: &'a [Instruction], other: &'a [Instruction]| {
            let is_new = move |one: &&Instruction| {
                one.keyword == instruction.keyword && other.iter().all(|each| each.arguments != one.arguments)
            };
            own.iter().filter(is_new)
        };
        let number = only_in(&head.instructions, base_instructions).position(|one| one.line == instruction.line)?;
        let was = only_in(base_instructions, &head.instructions).nth(number);
        Some(Cause::Edited { was: was.map(ToString::to_string) })
    }

    /// The first setting that bears on the step and is not what it was.
    fn setting(&self, step: &Step) -> Option<Cause> {
        let (head, instruction, base, was) = self.both(step)?;
        let (new, old) = (head.bearings(instruction)?, base.bearings(was?)?);
        let change = first_difference(&old, &new)?;
        let text = |bearing: &Bearing| format!("{} {}", bearing.keyword, bearing.arguments);
        Some(match (change.head, change.base) {
            (Some(head), _) => Cause::Setting { instruction: text(head), dockerfile_line: head.line },
            (None, base) => {
                let removed = format!("the removed {}", base.map(text).unwrap_or_default());
                Cause::Setting { instruction: removed, dockerfile_line: instruction.line }
            }
        })
    }

    fn build_args(&self, step: &Step, base: &CellReport) -> Vec<Cause> {
        let changed = |name: &String| self.cell.build_args.get(name) != base.build_args.get(name);
        let names = self.build_args_of(step).into_iter().filter(changed);
        names.map(|name| Cause::BuildArgument { name }).collect()
    }

    /// The names of the build arguments that bear on a step.
    pub(super) fn build_args_of(&self, step: &Step) -> Vec<String> {
        let dockerfile = self.evidence.dockerfile.as_ref().zip(self.instruction(step));
        dockerfile.map(|(dockerfile, instruction)| dockerfile.build_args_of(instruction)).unwrap_or_default()
    }

    /// The image at the bottom of the step's stages, or the one that it copies from.
    fn base_image(&self, step: &Step, base: &CellReport) -> Option<Cause> {
        let (new, old) = (&self.cell.image.as_ref()?.base_images, &base.image.as_ref()?.base_images);
        let copied_from = step.instruction.split_whitespace().find_map(|word| word.strip_prefix("--from="));
        let bearings = self.evidence.dockerfile.as_ref()?.bearings(self.instruction(step)?)?;
        let from = bearings.iter().find(|bearing| bearing.keyword == "FROM");
        let from = from.and_then(|from| from.arguments.split_whitespace().find(|word| !word.starts_with("--")));
        let from = copied_from.or(from)?;
        let (new, old) = (named(new, from)?, named(old, from)?);
        let moved = new.digest != old.digest;
        moved.then(|| Cause::BaseImage { name: new.name.clone(), base: old.digest.clone(), head: new.digest.clone() })
    }

    /// The step stands elsewhere than it stood: what it builds upon is another step.
    fn moved(&self, step: &Step) -> Option<Cause> {
        let (head, instruction, base, was) = self.both(step)?;
        self.base_cell()?;
        let before = |dockerfile: &'a Dockerfile, line: u32| {
            let stage = dockerfile.stage(&step.stage)?;
            let is_step = |one: &&Instruction| matches!(one.keyword.as_str(), "RUN" | "COPY" | "ADD" | "WORKDIR");
            stage.instructions.iter().filter(is_step).take_while(|one| one.line < line).last()
        };
        let text = |one: Option<&Instruction>| one.map(ToString::to_string);
        let (new, old) = (text(before(head, instruction.line)), text(before(base, was?.line)));
        let at = old.clone().unwrap_or_else(|| "the start of the stage".to_owned());
        (new != old).then(|| Cause::Setting {
            instruction: format!("its place, which was after {at}"),
            dockerfile_line: instruction.line,
        })
    }
}

/// The image that a reference names, as the builder resolved it. Of a reference with arguments only a single image can be
/// meant.
fn named<'i>(images: &'i [BaseImage], reference: &str) -> Option<&'i BaseImage> {
    if reference.contains('$') {
        return if let [image] = images { Some(image) } else { None };
    }
    let full = full_reference(reference);
    images.iter().find(|image| image.name == full || image.name == reference)
}

/// A reference with what Docker adds to it: `debian` is `docker.io/library/debian:latest` (distribution/reference).
fn full_reference(reference: &str) -> String {
    let first = reference.split('/').next().unwrap_or_default();
    let has_host = reference.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let name = match (has_host, reference.contains('/')) {
        (true, _) => reference.to_owned(),
        (false, true) => format!("docker.io/{reference}"),
        (false, false) => format!("docker.io/library/{reference}"),
    };
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { name } else { format!("{name}:latest") }
}
