//! What a reader should see at the lines of the Dockerfiles: builds without numbers, missed budgets, findings, and steps
//! that lost their cache at a cost. One list, for the annotations of GitHub and the code quality report of GitLab alike.

mod drafts;
#[cfg(test)]
pub(crate) mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::line::Line;
use super::names::image_name;
use super::rows::plural;
use crate::compare::Comparison;
use crate::report::{CellId, CellReport, Severity};

/// Something to be shown at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How loud it is.
    pub severity: Severity,
    /// What kind of thing it is: a finding's rule, or `build-failed`, `budget/<key>`, `cache-miss` and the like; one plain
    /// line.
    pub rule: String,
    /// What it is about, one plain line.
    pub title: String,
    /// What it says, one plain line.
    pub message: String,
    /// The file, relative to the repository.
    pub file: Option<String>,
    /// The line of the file, counted from 1.
    pub line: Option<u32>,
    /// What makes it the same remark in another run, whatever the numbers and lines there.
    pub identity: Vec<String>,
}

/// A remark about one build, before those of several are taken together.
struct Draft<'a> {
    severity: Severity,
    kind: Kind,
    rule: String,
    cell: &'a CellReport,
    /// What is wrong, after the name of the build.
    title: &'static str,
    message: Line,
    line: Option<u32>,
    /// What the remark of another platform has in common with this one, beside the place.
    alike: String,
    /// What it cost.
    cost: Duration,
}

/// In the order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Failure,
    Budget,
    Finding,
    Miss,
}

/// The remarks of a run, the worst first. `files` names the file of an image's Dockerfile from the root of the repository.
#[must_use]
pub fn remarks(comparison: &Comparison<'_>, files: &BTreeMap<String, String>) -> Vec<Remark> {
    let mut groups: BTreeMap<_, Vec<Draft<'_>>> = BTreeMap::new();
    for row in &comparison.rows {
        let Some(cell) = row.head else { continue };
        for draft in drafts::of_build(comparison, row, cell) {
            let image = cell.id.image.as_str();
            // Images may share a Dockerfile, and then a finding in it is one; without a line it is of no file.
            let place = match (draft.kind, draft.line) {
                (Kind::Finding, None) => "",
                (Kind::Finding, Some(_)) => files.get(image).map_or(image, String::as_str),
                _ => image,
            };
            let key = (
                Reverse(draft.severity),
                draft.kind,
                draft.rule.clone(),
                place.to_owned(),
                draft.line,
                draft.alike.clone(),
            );
            groups.entry(key).or_default().push(draft);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    let cost = |group: &[Draft<'_>]| group.iter().map(|draft| draft.cost).max().unwrap_or_default();
    // The sort is stable: what costs nothing stays in the order of kinds, rules and names.
    groups
        .sort_by_key(|group| (group.first().map(|draft| (Reverse(draft.severity), draft.kind)), Reverse(cost(group))));
    groups.iter().filter_map(|group| merged(group, files)).collect()
}

fn merged(group: &[Draft<'_>], files: &BTreeMap<String, String>) -> Option<Remark> {
    let draft = group.iter().max_by_key(|draft| draft.cost)?;
    let file = |draft: &Draft<'_>| files.get(&draft.cell.id.image);
    let file = file(draft).filter(|_| group.iter().all(|other| file(other) == file(draft)));
    let place = file.cloned().unwrap_or_else(|| draft.cell.id.image.clone());
    Some(Remark {
        severity: draft.severity,
        rule: Line::default().text(&draft.rule).terminal(),
        title: subject(group).then(draft.title).terminal(),
        message: draft.message.terminal(),
        file: file.cloned(),
        line: draft.line,
        identity: vec![draft.rule.clone(), place, draft.alike.clone()],
    })
}

/// The builds of a group by name, as long as they are of one image.
fn subject(group: &[Draft<'_>]) -> Line {
    let ids: Vec<&CellId> = group.iter().map(|draft| &draft.cell.id).collect();
    match ids.first() {
        Some(first) if ids.iter().all(|id| id.image == first.image) => image_name(&first.image, ids),
        _ => Line::ours(plural(ids.len(), "build")),
    }
}
