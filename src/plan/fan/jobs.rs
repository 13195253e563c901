//! The jobs that build the cells of a run, each on one kind of runner.

use std::collections::BTreeMap;
use std::time::Duration;

use super::runners::{Fleet, Place, Runners};
use super::shard::spread;
use crate::report::CellId;

/// As many jobs as a matrix of GitHub may have
/// (<https://docs.github.com/en/actions/reference/limits>); pipelines of GitLab have limits of their own, above it.
pub const MAX_JOBS: usize = 256;

/// One job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What it is called; unlike all others.
    pub name: String,
    /// What it builds, sorted; never empty.
    pub cells: Vec<CellId>,
    /// Where.
    pub place: Place,
    /// How long its cells took together, one after another, when they were last built; with a guess for those that are new.
    pub expected: Option<Duration>,
}

/// All jobs of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fan {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// What the user should know of how they came about, as sentences.
    pub remarks: Vec<String>,
}

/// Spreads cells over jobs: one each, or over as many shards as are asked for. Durations are the last known ones; a cell
/// without one counts as the median of the others.
#[must_use]
pub fn fan(cells: &[(CellId, Option<Duration>)], fleet: Fleet, runners: &Runners, shards: Option<usize>) -> Fan {
    let mut remarks = Vec::new();
    let wanted = match shards {
        Some(shards) if shards > MAX_JOBS => {
            remarks.push(format!(
                "{shards} shards are more than the {MAX_JOBS} jobs that a matrix may have; using {MAX_JOBS}"
            ));
            Some(MAX_JOBS)
        }
        None if cells.len() > MAX_JOBS => {
            let count = cells.len();
            remarks.push(format!(
                "{count} cells are more than the {MAX_JOBS} jobs that a matrix may have; they share {MAX_JOBS} jobs"
            ));
            Some(MAX_JOBS)
        }
        asked => asked.map(|shards| shards.max(1)),
    };
    let guess = median(cells.iter().filter_map(|(_, duration)| *duration));
    let mut groups: BTreeMap<Place, Vec<(&CellId, u64)>> = BTreeMap::new();
    for (cell, duration) in cells {
        let millis = duration.or(guess).map_or(1, |duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        groups.entry(fleet.place(runners, &cell.platform)).or_default().push((cell, millis));
    }
    groups.values_mut().for_each(|group| group.sort_unstable());
    let groups: Vec<(Place, Vec<(&CellId, u64)>)> = groups.into_iter().collect();
    let counts = match wanted {
        Some(wanted) => {
            if wanted < groups.len() {
                remarks.push(format!(
                    "there are {} kinds of runners, so there are as many shards, not {wanted}",
                    groups.len()
                ));
            }
            shares_of_groups(&groups, wanted)
        }
        None => groups.iter().map(|(_, group)| group.len()).collect(),
    };
    Fan { jobs: jobs(&groups, &counts, guess.is_some()), remarks }
}

/// How many of the shards each kind of runner gets: one, and each further one where there is most to do per shard.
fn shares_of_groups(groups: &[(Place, Vec<(&CellId, u64)>)], wanted: usize) -> Vec<usize> {
    let mut counts = vec![1_usize; groups.len()];
    let load = |group: &[(&CellId, u64)]| group.iter().map(|(_, millis)| u128::from(*millis)).sum::<u128>();
    let loads: Vec<(usize, u128)> = groups.iter().map(|(_, group)| (group.len(), load(group))).collect();
    for _ in groups.len()..wanted {
        let open = counts.iter().zip(&loads).enumerate().filter(|(_, (count, (cells, _)))| *count < cells);
        let per_shard = |load: u128, count: usize| load / u128::try_from(count).unwrap_or(1);
        let fullest =
            open.max_by_key(|(index, (count, (_, load)))| (per_shard(*load, **count), std::cmp::Reverse(*index)));
        let Some(index) = fullest.map(|(index, _)| index) else { break };
        if let Some(count) = counts.get_mut(index) {
            *count = count.saturating_add(1);
        }
    }
    counts
}

fn jobs(groups: &[(Place, Vec<(&CellId, u64)>)], counts: &[usize], is_known: bool) -> Vec<Job> {
    let total: usize = counts.iter().sum();
    let mut jobs = Vec::new();
    for ((place, group), count) in groups.iter().zip(counts) {
        let weights: Vec<u64> = group.iter().map(|(_, millis)| *millis).collect();
        for share in spread(&weights, *count) {
            let members: Vec<&(&CellId, u64)> = share.iter().filter_map(|&item| group.get(item)).collect();
            let millis = members.iter().fold(0_u64, |sum, (_, millis)| sum.saturating_add(*millis));
            let cells: Vec<CellId> = members.iter().map(|(cell, _)| (*cell).clone()).collect();
            let number = jobs.len().saturating_add(1);
            let name = match cells.as_slice() {
                [only] => only.to_string(),
                _ => format!("shard {number} of {total}"),
            };
            let expected = is_known.then(|| Duration::from_millis(millis));
            jobs.push(Job { name, cells, place: place.clone(), expected });
        }
    }
    jobs
}

fn median(durations: impl Iterator<Item = Duration>) -> Option<Duration> {
    let mut sorted: Vec<Duration> = durations.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::id;

    fn cells(images: usize, platforms: &[&str]) -> Vec<(CellId, Option<Duration>)> {
        let of = |image: usize| platforms.iter().map(move |platform| (id(&format!("i{image:04}"), platform), None));
        (0..images).flat_map(of).collect()
    }

    const BOTH: [&str; 2] = ["linux/amd64", "linux/arm64"];

    #[test]
    fn each_cell_is_a_job_on_a_runner_of_its_kind() {
        let fan = fan(&cells(2, &BOTH), Fleet::Github, &Runners::new(), None);
        let shown: Vec<String> =
            fan.jobs.iter().map(|job| format!("{} on {}", job.name, job.place.labels.join("+"))).collect();
        assert_eq!(
            shown,
            [
                "i0000 linux/arm64 on ubuntu-24.04-arm",
                "i0001 linux/arm64 on ubuntu-24.04-arm",
                "i0000 linux/amd64 on ubuntu-latest",
                "i0001 linux/amd64 on ubuntu-latest",
            ]
        );
        assert!(fan.remarks.is_empty());
    }

    #[test]
    fn a_matrix_that_would_be_too_large_becomes_shards_and_says_so() {
        for (images, jobs) in [(0, 0), (128, 256), (129, 256), (5_000, 256)] {
            let all = cells(images, &BOTH);
            let fan = fan(&all, Fleet::Github, &Runners::new(), None);
            assert_eq!(fan.jobs.len(), jobs, "{images}");
            assert_eq!(fan.remarks.is_empty(), images <= 128, "{:?}", fan.remarks);
            let mut built: Vec<&CellId> = fan.jobs.iter().flat_map(|job| &job.cells).collect();
            built.sort();
            assert!(built.iter().copied().eq(all.iter().map(|(cell, _)| cell)));
            let names: std::collections::BTreeSet<&String> = fan.jobs.iter().map(|job| &job.name).collect();
            assert_eq!(names.len(), jobs);
        }
    }

    #[test]
    fn shards_go_where_there_is_most_to_do_and_each_holds_cells_of_one_kind_of_runner() {
        let mut all = cells(6, &BOTH);
        for (cell, duration) in &mut all {
            let seconds = if cell.platform.architecture == "arm64" { 90 } else { 10 };
            *duration = (cell.image != "i0003").then_some(Duration::from_secs(seconds));
        }
        let spread = fan(&all, Fleet::Github, &Runners::new(), Some(5));
        let of = |label: &str| spread.jobs.iter().filter(|job| job.place.labels == [label]).count();
        assert_eq!((of("ubuntu-24.04-arm"), of("ubuntu-latest")), (4, 1));
        assert_eq!(spread.jobs[4].name, "shard 5 of 5");
        // The guess for the new image is the median of all, which is that of the slow ones.
        assert_eq!(spread.jobs[4].expected, Some(Duration::from_secs(50 + 90)));
        let one = fan(&all, Fleet::Github, &Runners::new(), Some(1));
        assert_eq!((one.jobs.len(), one.remarks.len()), (2, 1));
        assert_eq!(fan(&all, Fleet::Github, &Runners::new(), Some(999)).jobs.len(), 12);
        all.reverse();
        assert_eq!(fan(&all, Fleet::Github, &Runners::new(), Some(5)), spread);
    }
}
