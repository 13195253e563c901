//! Builds that were skipped: what they show are the numbers of their last build.

use super::line::Line;
use super::names::short_sha;
use super::rows::plural;
use crate::compare::Comparison;
use crate::report::CellReport;

/// How many are named.
const NAMED: usize = 20;

/// Which builds were skipped, and when their numbers are from; nothing where all were built.
#[must_use]
pub(super) fn carried_over(comparison: &Comparison<'_>) -> Option<Line> {
    let carried: Vec<(&CellReport, &String)> =
        comparison.head.cells.iter().filter_map(|cell| Some((cell, cell.carried_over.as_ref()?))).collect();
    if carried.is_empty() {
        return None;
    }
    let of = |(cell, sha): &(&CellReport, &String)| {
        let name = Line::default().code(&cell.id.image).then(" ").text(&cell.id.platform.to_string());
        if sha.is_empty() { name } else { name.then(" from ").code(&short_sha(sha)) }
    };
    let more = carried.len().saturating_sub(NAMED);
    let rest = (more > 0).then(|| Line::ours(format!("and {more} more")));
    let count = plural(carried.len(), "build");
    let line = Line::ours(format!("{count} carried over, as nothing changed that goes into them: "));
    Some(line.list(carried.iter().take(NAMED).map(of).chain(rest), ", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample;

    #[test]
    fn skipped_builds_are_named_with_the_commit_that_their_numbers_are_of() {
        let mut head = sample::report();
        assert_eq!(carried_over(&compare(None, &head)), None);
        head.cells[0].carried_over = Some("a1b2c3d4e5".into());
        let line = carried_over(&compare(None, &head)).unwrap().terminal();
        insta::assert_snapshot!(line, @"1 build carried over, as nothing changed that goes into them: orders linux/amd64 from a1b2c3d");
        head.cells = (0..30).map(|number| sample::cell(&format!("i{number}"), "linux/amd64", vec![])).collect();
        head.cells.iter_mut().for_each(|cell| cell.carried_over = Some(String::new()));
        assert!(carried_over(&compare(None, &head)).unwrap().terminal().ends_with("i19 linux/amd64, and 10 more"));
    }
}
