//! Steps that a stage inherits from its base image by `ONBUILD`: BuildKit runs them first and counts them along, so
//! that the displayed number of a step is not its number in the Dockerfile.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{StepName, VertexKind};
use super::trace::Trace;

/// The numbers of the inherited steps, by stage.
#[derive(Debug, Default)]
pub struct Inherited<'a>(BTreeMap<&'a str, BTreeSet<u32>>);

impl<'a> Inherited<'a> {
    /// The inherited steps of a build.
    #[must_use]
    pub fn of(trace: &'a Trace) -> Self {
        let mut by_stage: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for vertex in &trace.vertices {
            if let VertexKind::Step(step) = VertexKind::of(&vertex.name)
                && step.on_build
            {
                by_stage.entry(step.stage).or_default().insert(step.index);
            }
        }
        Self(by_stage)
    }

    /// Whether no stage inherits a step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number that a step has in the Dockerfile, the inherited ones not counted; `None` for an inherited one.
    #[must_use]
    pub fn own_index(&self, step: &StepName<'_>) -> Option<u32> {
        if step.on_build {
            return None;
        }
        let inherited = self.0.get(step.stage).map_or(0, BTreeSet::len);
        step.index.checked_sub(u32::try_from(inherited).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::Vertex;

    #[test]
    fn steps_after_inherited_ones_keep_their_number_in_the_dockerfile() {
        let names =
            ["[a 1/4] FROM x", "[a 2/4] ONBUILD COPY . .", "[a 3/4] ONBUILD RUN x", "[a 4/4] RUN y", "[b 2/2] RUN z"];
        let vertices = names.iter().map(|name| Vertex { name: (*name).into(), ..Vertex::default() }).collect();
        let trace = Trace { vertices, ..Trace::default() };
        let inherited = Inherited::of(&trace);
        let index = |name| match VertexKind::of(name) {
            VertexKind::Step(step) => inherited.own_index(&step),
            _ => None,
        };
        assert_eq!(index("[a 4/4] RUN y"), Some(2));
        assert_eq!(index("[b 2/2] RUN z"), Some(2));
        assert_eq!(index("[a 3/4] ONBUILD RUN x"), None);
    }
}
