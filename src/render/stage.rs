//! What ran in the stage that a `COPY --from` took its files from: one step further back than the layer that grew.

use super::line::Line;
use crate::escape;
use crate::report::{CacheState, CellReport, Step};

/// Steps that are named.
const NAMED: usize = 2;
/// Longest instruction of a step.
const INSTRUCTION_CHARS: usize = 60;

/// The steps of the source stage that ran in this build, longest first: from stage `packages`, where `:9` `RUN …` ran
/// again. `None` when the instruction copies from no stage or nothing of the stage ran.
#[must_use]
pub fn origin(instruction: &str, head: &CellReport, base: Option<&CellReport>) -> Option<Line> {
    let stage = source(instruction)?;
    let is_of_stage = |step: &&Step| step.stage.eq_ignore_ascii_case(&stage);
    let mut ran: Vec<&Step> =
        steps(Some(head)).filter(is_of_stage).filter(|step| step.cache == CacheState::Executed).collect();
    ran.sort_by_key(|step| std::cmp::Reverse(step.duration));
    ran.truncate(NAMED);
    if ran.is_empty() {
        return None;
    }
    let was_there = |step: &&Step| steps(base).filter(is_of_stage).any(|before| before.instruction == step.instruction);
    let verb = if ran.iter().all(was_there) { " ran again" } else { " ran" };
    let line = Line::ours("from stage ").code(&stage).then(", where ");
    Some(line.list(ran.into_iter().map(named), " and ").then(verb))
}

/// The stage in the `--from` of a `COPY`, as steps name it. Whether it is a stage and no image, only the steps tell.
fn source(instruction: &str) -> Option<String> {
    let mut words = instruction.split_whitespace();
    if words.next()? != "COPY" {
        return None;
    }
    let from = words.take_while(|word| word.starts_with("--")).find_map(|word| word.strip_prefix("--from="))?;
    let is_number = !from.is_empty() && from.chars().all(|c| c.is_ascii_digit());
    Some(if is_number { format!("stage-{from}") } else { from.to_owned() })
}

fn steps(cell: Option<&CellReport>) -> impl Iterator<Item = &Step> {
    cell.and_then(|cell| cell.timing.as_ref()).into_iter().flat_map(|timing| &timing.steps)
}

fn named(step: &Step) -> Line {
    let line =
        step.dockerfile_line.map_or_else(Line::default, |line| Line::default().code(&format!(":{line}")).then(" "));
    line.code(&escape::middle(&step.instruction, INSTRUCTION_CHARS))
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::report::sample::step;
    use crate::report::{Timing, sample};

    fn cell(steps: Vec<Step>) -> CellReport {
        let timing = Some(Timing { steps, ..sample::timing() });
        CellReport { timing, ..sample::cell("orders", "linux/amd64", vec![]) }
    }

    #[test]
    fn the_steps_that_ran_in_the_source_stage_are_named_longest_first() {
        use CacheState::{Executed, Local};
        let steps = || {
            vec![
                step("packages", Some(3), 0, Local, "RUN apt-get update"),
                step("packages", Some(8), 20, Executed, "COPY requirements.txt ./"),
                step("packages", Some(9), 2_700, Executed, "RUN pip install"),
                step("packages", Some(10), 10, Executed, "RUN true"),
                step("stage-1", None, 10, Executed, "RUN x"),
                step("cached", Some(20), 0, Local, "RUN y"),
            ]
        };
        let (head, base) = (cell(steps()), cell(steps()));
        let mut edited = steps();
        edited[2].instruction = "RUN pip install --upgrade".into();
        for (instruction, base, expected) in [
            (
                "COPY --link --from=Packages /out /opt",
                Some(&base),
                "from stage Packages, where :9 RUN pip install and :8 COPY requirements.txt ./ ran again",
            ),
            (
                "COPY --from=packages /out /opt",
                Some(&cell(edited)),
                "from stage packages, where :9 RUN pip install and :8 COPY requirements.txt ./ ran",
            ),
            ("COPY --from=1 /out /opt", None, "from stage stage-1, where RUN x ran"),
            ("COPY --from=cached / /", Some(&base), ""),
            ("COPY --from=docker.io/library/debian:12 / /", Some(&base), ""),
            ("COPY --from= / /", Some(&base), ""),
            ("COPY --link /--from=packages /", Some(&base), ""),
            ("RUN --from=packages", Some(&base), ""),
            ("", Some(&base), ""),
        ] {
            let line = origin(instruction, &head, base).map(|line| line.terminal()).unwrap_or_default();
            assert_eq!(line, expected, "{instruction}");
        }
        let untimed = CellReport { timing: None, ..head };
        assert_eq!(origin("COPY --from=packages / /", &untimed, Some(&base)), None);
    }
}
