//! The cells of a run spread over the runners of a CI system: which job builds which cells, and where. Nothing here
//! depends on the order in which anything finishes, so the same cells and durations give the same jobs.

mod fingerprint;
mod jobs;
mod matrix;
mod runners;
mod shard;

use crate::report::CellId;

pub use fingerprint::{definition, fingerprint};
pub use jobs::{Fan, Job, MAX_JOBS, fan};
pub use matrix::{github, gitlab};
pub use runners::{Fleet, Runners};
pub use shard::spread;

/// A cell as one word: `IMAGE@PLATFORM`. No name of an image holds `@`.
#[must_use]
pub fn cell_name(cell: &CellId) -> String {
    format!("{}@{}", cell.image, cell.platform)
}

/// Reads a cell that is named as [`cell_name`] does.
///
/// # Errors
/// When the text is no such name, with what is one.
pub fn parse_cell(text: &str) -> Result<CellId, String> {
    let malformed = || format!("{text:?} is not a cell; expected IMAGE@PLATFORM such as web@linux/arm64");
    let (image, platform) = text.split_once('@').filter(|(image, _)| !image.is_empty()).ok_or_else(malformed)?;
    Ok(CellId { image: image.to_owned(), platform: platform.parse().map_err(|_| malformed())? })
}

/// One of several equal parts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which one.
    pub number: usize,
    /// Of how many.
    pub count: usize,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/').and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((number, count)) if (1..=count).contains(&number) => Ok(Self { number, count }),
            _ => Err(format!("{text:?} is not a shard; expected K/N such as 2/5")),
        }
    }
}

impl Shard {
    /// The cells of this shard. Every runner has to come to the same shards by itself, so they depend on nothing that
    /// may change meanwhile, as durations do.
    #[must_use]
    pub fn of(self, cells: &[CellId]) -> Vec<CellId> {
        let mut sorted = cells.to_vec();
        sorted.sort();
        sorted.into_iter().skip(self.number.saturating_sub(1)).step_by(self.count.max(1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::id;

    #[test]
    fn a_cell_is_read_as_it_is_written() {
        for (text, expected) in [
            ("web@linux/amd64", Some(id("web", "linux/amd64"))),
            ("a.b_c-d@linux/arm/v6", Some(id("a.b_c-d", "linux/arm/v6"))),
            ("web", None),
            ("@linux/amd64", None),
            ("web@linux", None),
            ("web@linux/amd64@x", None),
        ] {
            assert_eq!(parse_cell(text).ok(), expected, "{text}");
            if let Some(cell) = expected {
                assert_eq!(cell_name(&cell), text);
            }
        }
    }

    #[test]
    fn every_cell_is_in_exactly_one_of_the_shards() {
        let cells: Vec<CellId> = (0..23).map(|number| id(&format!("i{number}"), "linux/amd64")).collect();
        for count in 1..30 {
            let shards = (1..=count).map(|number| Shard { number, count }.of(&cells));
            let mut all: Vec<CellId> = shards.flatten().collect();
            all.sort();
            let mut expected = cells.clone();
            expected.sort();
            assert_eq!(all, expected, "{count}");
        }
        for text in ["", "1", "0/3", "4/3", "1/0", "-1/2", "a/b", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, count: 3 }));
    }
}
