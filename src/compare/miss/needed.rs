//! Which stages of a Dockerfile a build needs: BuildKit leaves out those that its target neither starts nor copies from,
//! with their base images and the files that they take.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use super::files::sources;
use crate::dockerfile::{Dockerfile, Origin, Stage};

/// The stages with their positions. Where the text does not say what one needs, it needs all that it could.
pub(super) fn needed<'d>(evidence: &Evidence, dockerfile: &'d Dockerfile) -> Vec<(usize, &'d Stage)> {
    let stages = &dockerfile.stages;
    let target = dockerfile.target_stage(evidence.target.as_deref());
    let start = stages.iter().position(|stage| target.is_some_and(|target| std::ptr::eq(stage, target)));
    let mut open: Vec<usize> = start.map_or_else(|| (0..stages.len()).collect(), |start| vec![start]);
    let mut needed = BTreeSet::new();
    while let Some(position) = open.pop() {
        let Some(stage) = stages.get(position).filter(|_| needed.insert(position)) else { continue };
        open.extend(called(dockerfile, &stage.from));
        for instruction in &stage.instructions {
            match sources(evidence, instruction) {
                Some(sources) => open.extend(sources.iter().flat_map(|sources| match &sources.from {
                    Origin::Named(name) => called(dockerfile, name),
                    Origin::Context => Vec::new(),
                })),
                None => open.extend(0..stages.len()),
            }
        }
    }
    stages.iter().enumerate().filter(|(position, _)| needed.contains(position)).collect()
}

/// The positions of all stages that a name may stand for.
fn called(dockerfile: &Dockerfile, name: &str) -> Vec<usize> {
    let (name, is_open) = (name.to_lowercase(), name.contains('$'));
    let is_called = |(position, stage): (usize, &Stage)| {
        (is_open || stage.name.as_ref() == Some(&name) || position.to_string() == name).then_some(position)
    };
    dockerfile.stages.iter().enumerate().filter_map(is_called).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_needed_if_the_target_starts_or_copies_from_it() {
        let text = "ARG FROM=b\nFROM scratch AS a\nFROM scratch AS b\nCOPY --from=a /x /x\nFROM scratch AS c\n\
                    RUN --mount=type=bind,from=1,target=/b true\nFROM B AS d\nFROM $FROM AS e\nFROM scratch AS f\n\
                    COPY --from=image /x /x\nFROM scratch AS g\nCOPY $unknown /x\n";
        let dockerfile = Dockerfile::parse(text).unwrap();
        for (target, expected) in [
            (Some("a"), &[0][..]),
            (Some("b"), &[0, 1]),
            (Some("c"), &[0, 1, 2]),
            (Some("d"), &[0, 1, 3]),
            (Some("e"), &[0, 1, 2, 3, 4, 5, 6]),
            (Some("f"), &[5]),
            (None, &[0, 1, 2, 3, 4, 5, 6]),
            (Some("nowhere"), &[0, 1, 2, 3, 4, 5, 6]),
        ] {
            let evidence = Evidence {
                target: target.map(str::to_owned),
                dockerfile: Some(dockerfile.clone()),
                ..Evidence::default()
            };
            let positions: Vec<usize> =
                needed(&evidence, &dockerfile).into_iter().map(|(position, _)| position).collect();
            assert_eq!(positions, expected, "{target:?}");
        }
    }
}
