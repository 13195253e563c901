//! What the remote caches cost and what they spared: the books that people otherwise keep with a stopwatch.
//!
//! Cost is the time of imports and exports. What a step spared is the time that it took when it last really ran; where
//! nobody knows it, it is unknown, never guessed. Steps from the builder's own cache are not counted: they would have
//! been there without any remote one.

use std::time::Duration;

use crate::report::{CacheEnd, CacheState, CellReport, Report, Step};

/// Differences below this are not worth a word: runners are noisier.
const NOTABLE: Duration = Duration::from_secs(5);

/// The account of one cell, or of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Time in which caches were read, their layers included.
    pub import: Duration,
    /// Time in which caches were written.
    pub export: Duration,
    /// Bytes of layers that were read; `None` when the builder did not say.
    pub imported_bytes: Option<u64>,
    /// Steps that remote caches served.
    pub served_steps: usize,
    /// The time that they took when they last ran, as far as it is known.
    pub spared: Duration,
    /// How many of them nobody has timed.
    pub unknown_steps: usize,
    /// Whether anything was read, so that a gain was possible.
    pub has_read: bool,
}

/// What the account comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// No remote cache was used, or the difference is too small to matter.
    Even,
    /// The cache spared more than it cost, by this much at least.
    Earned(Duration),
    /// It cost more than it spared, by this much; what could be done is in [`Ledger::advice`].
    Cost(Duration),
    /// It was written for the first time; later runs tell what that earns.
    Seeded(Duration),
    /// It cost this much, and what it spared is not known.
    Unknown(Duration),
}

impl Ledger {
    /// The account of a cell; `None` when no cache was to be used.
    #[must_use]
    pub fn of(cell: &CellReport) -> Option<Self> {
        let (cache, timing) = (cell.cache.as_ref()?, cell.timing.as_ref()?);
        if cache.imports.is_empty() && cache.exports.is_empty() {
            return None;
        }
        let served: Vec<&Step> = timing.steps.iter().filter(|step| step.cache == CacheState::Remote).collect();
        Some(Self {
            import: timing.phases.cache_import,
            export: timing.phases.cache_export,
            imported_bytes: cache.imported_bytes,
            served_steps: served.len(),
            spared: served.iter().filter_map(|step| step.last_ran).sum(),
            unknown_steps: served.iter().filter(|step| step.last_ran.is_none()).count(),
            has_read: cache.imports.iter().any(|used| used.end == CacheEnd::Done),
        })
    }

    /// The account of a run: the sum of those of its cells.
    #[must_use]
    pub fn total(report: &Report) -> Option<Self> {
        report.cells.iter().filter_map(Self::of).reduce(|sum, one| Self {
            import: sum.import.saturating_add(one.import),
            export: sum.export.saturating_add(one.export),
            imported_bytes: match (sum.imported_bytes, one.imported_bytes) {
                (Some(sum), Some(one)) => Some(sum.saturating_add(one)),
                (sum, one) => sum.or(one),
            },
            served_steps: sum.served_steps + one.served_steps,
            spared: sum.spared.saturating_add(one.spared),
            unknown_steps: sum.unknown_steps + one.unknown_steps,
            has_read: sum.has_read || one.has_read,
        })
    }

    /// What it comes to.
    #[must_use]
    pub fn balance(&self) -> Balance {
        let cost = self.import.saturating_add(self.export);
        let (gain, loss) = (self.spared.saturating_sub(cost), cost.saturating_sub(self.spared));
        match () {
            () if gain >= NOTABLE => Balance::Earned(gain),
            () if loss < NOTABLE => Balance::Even,
            () if self.unknown_steps > 0 => Balance::Unknown(cost),
            () if self.served_steps == 0 && self.export > Duration::ZERO && !self.has_read => {
                Balance::Seeded(self.export)
            }
            () => Balance::Cost(loss),
        }
    }

    /// What could be done about a cache that costs more than it spares.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match (self.export > self.import, self.served_steps) {
            (true, _) => "write only on main, or mode=min",
            (false, 0) => "nothing in it fits: see why the first steps missed, or do without",
            (false, _) => "keep it nearer to the builder, or do without",
        }
    }
}

/// Tells each step that came from a cache how long it took when it last ran, as far as the baseline knows. Durations of
/// another kind of machine, or of emulation, say nothing.
pub fn carry_durations(head: &mut Report, base: Option<&Report>) {
    let Some(base) = base else { return };
    let is_alike =
        head.environment.runner_class.is_some() && head.environment.runner_class == base.environment.runner_class;
    for cell in head.cells.iter_mut().filter(|_| is_alike) {
        let Some(base_cell) = base.cell(&cell.id).filter(|base| base.emulated == cell.emulated) else { continue };
        let known = base_cell.timing.iter().flat_map(|timing| &timing.steps);
        let known: Vec<&Step> = known.filter(|step| step.last_ran.is_some()).collect();
        for step in cell.timing.iter_mut().flat_map(|timing| &mut timing.steps).filter(|step| step.last_ran.is_none()) {
            let same = known.iter().find(|known| known.stage == step.stage && known.instruction == step.instruction);
            step.last_ran = same.and_then(|known| known.last_ran);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CacheReport, CacheUse, Phases, Timing, sample};

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A build that read and wrote caches for so long, and steps that were served, with what is known of them.
    fn cell(import: u64, export: u64, served: &[Option<u64>]) -> CellReport {
        let used = |end, duration| CacheUse {
            entry: "type=gha".into(),
            branch: None,
            reason: "default branch".into(),
            end,
            duration: seconds(duration),
            error: None,
        };
        let read = if import > 0 { CacheEnd::Done } else { CacheEnd::NotFound };
        let steps = served.iter().map(|known| {
            let step = sample::step("build", Some(3), 0, CacheState::Remote, "RUN make");
            Step { last_ran: known.map(seconds), ..step }
        });
        let phases = Phases { cache_import: seconds(import), cache_export: seconds(export), ..Phases::default() };
        let exports = if export > 0 { vec![used(CacheEnd::Done, export)] } else { vec![] };
        CellReport {
            timing: Some(Timing { steps: steps.collect(), phases, ..sample::timing() }),
            cache: Some(CacheReport { imports: vec![used(read, import)], exports, ..CacheReport::default() }),
            ..sample::cell("orders", "linux/amd64", vec![])
        }
    }

    /// Verdicts that people reached by hand, with a stopwatch.
    #[test]
    fn the_books_come_to_what_a_stopwatch_says() {
        for (what, import, export, served, balance) in [
            ("222 s of export to spare 12 s", 2, 222, &[Some(12)][..], Balance::Cost(seconds(212))),
            ("70 s for nothing", 1, 70, &[], Balance::Cost(seconds(71))),
            ("169 s without, 281 s with", 40, 180, &[Some(60), Some(48)], Balance::Cost(seconds(112))),
            ("an hour became a minute", 20, 0, &[Some(3_540)], Balance::Earned(seconds(3_520))),
            ("the first write", 0, 70, &[], Balance::Seeded(seconds(70))),
            ("a little of each", 3, 0, &[Some(5)], Balance::Even),
            ("nobody has timed what was spared", 40, 0, &[None, Some(3)], Balance::Unknown(seconds(40))),
            ("what is known is enough", 10, 0, &[None, Some(60)], Balance::Earned(seconds(50))),
        ] {
            assert_eq!(Ledger::of(&cell(import, export, served)).unwrap().balance(), balance, "{what}");
        }
    }

    #[test]
    fn without_a_cache_there_is_no_account_and_a_run_is_the_sum_of_its_cells() {
        assert_eq!(Ledger::of(&sample::cell("orders", "linux/amd64", vec![])), None);
        let mut other = cell(1, 2, &[None]);
        other.id.image = "web".into();
        let report = sample::run(vec![cell(10, 20, &[Some(5)]), other]);
        let total = Ledger::total(&report).unwrap();
        let sums = (total.import, total.export, total.spared, total.served_steps, total.unknown_steps);
        assert_eq!(sums, (seconds(11), seconds(22), seconds(5), 2, 1));
    }

    #[test]
    fn advice_is_about_what_cost_most() {
        let advice =
            |import, export, served: &[Option<u64>]| Ledger::of(&cell(import, export, served)).unwrap().advice();
        assert!(advice(1, 70, &[]).contains("mode=min"));
        assert!(advice(70, 0, &[]).contains("first steps"));
        assert!(advice(70, 0, &[Some(1)]).contains("nearer"));
    }

    #[test]
    fn durations_are_carried_over_from_the_same_step_on_the_same_kind_of_machine() {
        let step = |cache, instruction: &str, millis| sample::step("build", Some(3), millis, cache, instruction);
        let timed = |steps: Vec<Step>| {
            let timing = Some(Timing { steps, ..sample::timing() });
            sample::run(vec![CellReport { timing, ..sample::cell("orders", "linux/amd64", vec![]) }])
        };
        let base = timed(vec![step(CacheState::Executed, "RUN a", 7_000), step(CacheState::Local, "RUN b", 0)]);
        let carried = |base: Option<&Report>| {
            let mut head = timed(vec![
                step(CacheState::Remote, "RUN a", 0),
                step(CacheState::Remote, "RUN b", 0),
                step(CacheState::Executed, "RUN c", 1_000),
            ]);
            carry_durations(&mut head, base);
            let steps = head.cells.remove(0).timing.unwrap().steps;
            steps.into_iter().map(|step| step.last_ran.map(|known| known.as_secs())).collect::<Vec<_>>()
        };
        assert_eq!(carried(Some(&base)), [Some(7), None, Some(1)]);
        assert_eq!(carried(None), [None, None, Some(1)]);
        let mut other = base.clone();
        other.environment.runner_class = Some("linux/arm64, 8 CPUs".into());
        assert_eq!(carried(Some(&other)), [None, None, Some(1)]);
        let mut emulated = base;
        emulated.cells[0].emulated = true;
        assert_eq!(carried(Some(&emulated)), [None, None, Some(1)]);
    }
}
