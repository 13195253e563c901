//! What took long, and why build times stand without a difference.

use std::collections::BTreeMap;
use std::time::Duration;

use super::line::Line;
use super::names::{dockerfile_line, image_name};
use crate::compare::Comparison;
use crate::compare::duration::WallDelta;
use crate::report::{CacheState, CellId, CellReport, Step};
use crate::units::show_duration;

/// From here on a step is slow.
const SLOW: Duration = Duration::from_millis(500);
/// Images that are named per reason.
const NAMED: usize = 4;

/// The steps that ran longest, slowest first; the same step of several platforms is told once.
#[must_use]
pub fn slowest_steps(comparison: &Comparison<'_>, count: usize) -> Vec<Line> {
    let mut alike: BTreeMap<_, Vec<(&CellReport, &Step)>> = BTreeMap::new();
    for cell in &comparison.head.cells {
        let steps = cell.timing.iter().flat_map(|timing| &timing.steps);
        for step in steps.filter(|step| step.cache == CacheState::Executed && step.duration >= SLOW) {
            // Where the line is known, it says which step this is; the text may name the platform.
            let text = if step.dockerfile_line.is_some() { "" } else { &step.instruction };
            alike.entry((&cell.id.image, &step.stage, step.dockerfile_line, text)).or_default().push((cell, step));
        }
    }
    let mut groups: Vec<_> = alike.into_values().collect();
    groups.iter_mut().for_each(|group| group.sort_by_key(|(_, step)| std::cmp::Reverse(step.duration)));
    groups.sort_by_key(|group| std::cmp::Reverse(group.first().map(|(_, step)| step.duration)));
    groups.iter().filter_map(|group| slow_step(group)).take(count).collect()
}

fn slow_step(group: &[(&CellReport, &Step)]) -> Option<Line> {
    let (cell, step) = group.first()?;
    let times = group.iter().map(|(cell, step)| {
        Line::ours(format!("{} ", show_duration(step.duration))).text(&cell.id.platform.to_string())
    });
    let line = Line::default().code(&cell.id.image).then(" ").list(times, ", ").then(": ");
    let line =
        step.dockerfile_line.map_or(line.clone(), |number| line.join(dockerfile_line(Some(cell), number)).then(" "));
    Some(line.code(&step.instruction))
}

/// Why build times stand without a difference, by reason; `None` when nothing kept them from being compared.
#[must_use]
pub fn not_compared(comparison: &Comparison<'_>) -> Option<Line> {
    let mut alike: BTreeMap<&str, BTreeMap<&str, Vec<&CellId>>> = BTreeMap::new();
    for row in &comparison.rows {
        if let WallDelta::NotComparable(reason) = &row.wall {
            alike.entry(reason).or_default().entry(&row.id.image).or_default().push(row.id);
        }
    }
    if alike.is_empty() {
        return None;
    }
    let any_compared = comparison.rows.iter().any(|row| matches!(row.wall, WallDelta::Comparable { .. }));
    let words = if any_compared { "Some build times are not compared: " } else { "Build times are not compared: " };
    let reason = |(reason, images): (&str, BTreeMap<&str, Vec<&CellId>>)| {
        let more = images.len().saturating_sub(NAMED);
        let named = images.iter().take(NAMED).map(|(image, ids)| builds(comparison, image, ids));
        let line = Line::default().text(reason).then(" (").list(named, ", ");
        if more > 0 { line.then(format!(" and {more} more)")) } else { line.then(")") }
    };
    Some(Line::ours(words).list(alike.into_iter().map(reason), "; ").then("."))
}

/// The image when these are all of its builds, else with their platforms.
fn builds(comparison: &Comparison<'_>, image: &str, ids: &[&CellId]) -> Line {
    let all = comparison.rows.iter().filter(|row| row.id.image == image).count();
    if all == ids.len() { Line::default().code(image) } else { image_name(image, ids.iter().copied()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample::{self, cell, run, timing};
    use crate::report::{Report, Timing};

    fn step(line: Option<u32>, millis: u64, cache: CacheState, instruction: &str) -> Step {
        sample::step("build", line, millis, cache, instruction)
    }

    fn timed(image: &str, platform: &str, timing: Timing) -> CellReport {
        CellReport { timing: Some(timing), ..cell(image, platform, vec![]) }
    }

    #[test]
    fn a_slow_step_of_several_platforms_is_told_once() {
        use CacheState::{Executed, Local};
        let steps = |own: Vec<Step>| Timing { steps: own, ..timing() };
        let report = run(vec![
            timed(
                "a",
                "linux/amd64",
                steps(vec![
                    step(Some(9), 2_730, Executed, "RUN pip amd64"),
                    step(Some(8), 499, Executed, "COPY x y"),
                    step(Some(3), 9_000, Local, "RUN apt"),
                ]),
            ),
            timed("a", "linux/arm64", steps(vec![step(Some(9), 1_890, Executed, "RUN pip arm64")])),
            timed(
                "b",
                "linux/amd64",
                steps(vec![step(None, 500, Executed, "RUN x"), step(None, 2_000, Executed, "RUN y")]),
            ),
        ]);
        let lines = slowest_steps(&compare(None, &report), 9);
        insta::assert_snapshot!(lines.iter().map(Line::terminal).collect::<Vec<_>>().join("\n"), @r"
        a 2.73s linux/amd64, 1.89s linux/arm64: services/a/Dockerfile:9 RUN pip amd64
        b 2.00s linux/amd64: RUN y
        b 0.50s linux/amd64: RUN x
        ");
        assert_eq!(slowest_steps(&compare(None, &report), 1).len(), 1);
    }

    fn cached(cells: &[(&str, &str, u32)]) -> Report {
        let of = |(image, platform, cached_steps): &(&str, &str, u32)| {
            timed(image, platform, Timing { cached_steps: *cached_steps, total_steps: 8, ..timing() })
        };
        run(cells.iter().map(of).collect())
    }

    #[test]
    fn one_sentence_says_why_build_times_are_not_compared() {
        let base = [("a", "linux/amd64", 0), ("a", "linux/arm64", 2), ("b", "linux/amd64", 0), ("c", "linux/amd64", 0)];
        let told = |head: &[(&str, &str, u32)]| {
            let (base, head) = (cached(&base), cached(head));
            not_compared(&compare(Some(&base), &head)).map(|line| line.terminal())
        };
        assert_eq!(told(&base), None);
        let all = [("a", "linux/amd64", 2), ("a", "linux/arm64", 3), ("b", "linux/amd64", 8), ("c", "linux/amd64", 8)];
        insta::assert_snapshot!(
            told(&all).unwrap(),
            @"Build times are not compared: another number of steps was cached (a linux/arm64); nothing was cached before, all steps now (b, c); nothing was cached before, some steps now (a linux/amd64)."
        );
        insta::assert_snapshot!(
            told(&[("a", "linux/amd64", 0), ("a", "linux/arm64", 3)]).unwrap(),
            @"Some build times are not compared: another number of steps was cached (a linux/arm64)."
        );
        let many: Vec<(String, u32)> = (0..9).map(|index| (format!("i{index}"), 0)).collect();
        let of = |cached_steps| {
            cached(&many.iter().map(|(image, _)| (image.as_str(), "linux/amd64", cached_steps)).collect::<Vec<_>>())
        };
        let line = not_compared(&compare(Some(&of(0)), &of(8))).unwrap().terminal();
        assert!(line.ends_with("(i0, i1, i2, i3 and 5 more)."), "{line}");
    }
}
