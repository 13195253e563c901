//! Which machine built what, where that is not one for all: nodes of a builder, runners of a fleet.

use std::collections::BTreeMap;

use super::line::Line;
use crate::compare::Comparison;
use crate::report::CellReport;

/// How many machines are named, and how many builds of each.
const NAMED: usize = 8;

/// The machines with their builds; nothing where one built all.
#[must_use]
pub(super) fn machines(comparison: &Comparison<'_>) -> Option<Line> {
    let mut machines = BTreeMap::<_, Vec<&CellReport>>::new();
    for cell in &comparison.head.cells {
        machines.entry((cell.node.as_deref(), cell.runner_class.as_deref())).or_default().push(cell);
    }
    machines.remove(&(None, None));
    let of = |((node, class), cells): (&(Option<&str>, Option<&str>), &Vec<&CellReport>)| {
        let name = match (node, class) {
            (Some(node), Some(class)) if *class != format!("node {node}") => {
                Line::ours("node ").code(node).then(" (").text(class).then(")")
            }
            (Some(node), _) => Line::ours("node ").code(node),
            (None, class) => Line::default().text(class.unwrap_or_default()),
        };
        let build =
            |cell: &&CellReport| Line::default().code(&cell.id.image).then(" ").text(&cell.id.platform.to_string());
        name.then(": ").list(cells.iter().take(NAMED).map(build).chain(more(cells.len())), ", ")
    };
    let listed = machines.iter().take(NAMED).map(of).chain(more(machines.len()));
    (!machines.is_empty()).then(|| Line::ours("Built on ").list(listed, "; "))
}

fn more(count: usize) -> Option<Line> {
    let more = count.saturating_sub(NAMED);
    (more > 0).then(|| Line::ours(format!("and {more} more")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample;

    #[test]
    fn every_machine_is_named_with_what_it_built() {
        let mut head = sample::report();
        assert_eq!(machines(&compare(None, &head)), None);
        head.cells = ["a", "b", "c", "d"].map(|name| sample::cell(name, "linux/amd64", vec![])).to_vec();
        for (cell, (node, class)) in head.cells.iter_mut().zip([
            (Some("arm"), Some("large")),
            (Some("amd"), Some("node amd")),
            (Some("arm"), Some("large")),
            (None, Some("linux/arm64, 4 CPUs")),
        ]) {
            (cell.node, cell.runner_class) = (node.map(str::to_owned), class.map(str::to_owned));
        }
        let line = machines(&compare(None, &head)).unwrap().terminal();
        insta::assert_snapshot!(line, @"Built on linux/arm64, 4 CPUs: d linux/amd64; node amd: b linux/amd64; node arm (large): a linux/amd64, c linux/amd64");
        head.cells = (0..30).map(|number| sample::cell(&format!("i{number}"), "linux/amd64", vec![])).collect();
        head.cells.iter_mut().for_each(|cell| cell.node = Some("arm".into()));
        assert!(machines(&compare(None, &head)).unwrap().terminal().ends_with("linux/amd64, and 22 more"));
    }
}
