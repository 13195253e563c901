//! The parts that several runners made of one run, put together. They come from wherever the CI system kept them, so
//! nothing in them is believed: what is not of the very run, commit and configuration is refused, and what is missing is
//! named.

use std::collections::{BTreeMap, BTreeSet};

use super::{CellId, CellReport, Environment, Head, Outcome, Report};
use crate::oci::Platform;

/// How many faults are told one by one.
const MAX_FAULTS: usize = 20;

/// What all parts have to be of.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// What the CI system calls the run.
    pub run: String,
    /// The commit that is built.
    pub head: Head,
    /// Digest of what the configuration says of the cells.
    pub configuration: String,
    /// All cells of it.
    pub cells: BTreeSet<CellId>,
}

/// The parts so far.
#[derive(Debug)]
pub struct Merge {
    expected: Expected,
    cells: BTreeMap<CellId, Newest>,
    environment: Option<Environment>,
    pushes: Option<bool>,
    is_dirty: bool,
    faults: Vec<String>,
}

/// The newest of the parts of one cell.
#[derive(Debug)]
struct Newest {
    attempt: u64,
    cell: CellReport,
}

/// The parts as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The newest of each cell, sorted.
    pub cells: Vec<CellReport>,
    /// The cells of which no part came, sorted.
    pub missing: Vec<CellId>,
    /// What is the same of all runners.
    pub environment: Environment,
    /// Whether the images were pushed under their digests.
    pub pushes: bool,
    /// Whether the working tree of any runner differed from the commit.
    pub is_dirty: bool,
}

impl Merge {
    /// Nothing yet.
    #[must_use]
    pub fn of(expected: Expected) -> Self {
        let (cells, faults) = (BTreeMap::new(), Vec::new());
        Self { expected, cells, environment: None, pushes: None, is_dirty: false, faults }
    }

    /// Adds a part. `name` is how people find it.
    pub fn add(&mut self, name: &str, part: Report) {
        if self.faults.len() > MAX_FAULTS {
            return;
        }
        match self.attempt(&part) {
            Ok(attempt) => part.cells.iter().for_each(|cell| self.add_cell(name, attempt, cell, &part)),
            Err(fault) => self.fault(name, &fault),
        }
    }

    /// Says what is wrong with a part that could not even be read.
    pub fn fault(&mut self, name: &str, fault: &str) {
        self.faults.push(format!("{name}: {fault}"));
    }

    /// The attempt of a part that belongs here, else why it does not.
    fn attempt(&self, part: &Report) -> Result<u64, String> {
        let expected = &self.expected;
        let leg = part.leg.as_ref().ok_or("a report of a whole run, not a part of one")?;
        if leg.run != expected.run {
            return Err(format!("a part of run {:?}; this is run {:?}", leg.run, expected.run));
        }
        if part.context.head.sha != expected.head.sha {
            let short = |sha: &Option<String>| {
                sha.as_ref().map_or("no commit".to_owned(), |sha| sha.chars().take(12).collect())
            };
            return Err(format!(
                "a part of {:?}; this is {:?}",
                short(&part.context.head.sha),
                short(&expected.head.sha)
            ));
        }
        if leg.configuration != expected.configuration {
            return Err("built with another configuration or another version of weighbridge".to_owned());
        }
        Ok(leg.attempt)
    }

    fn add_cell(&mut self, name: &str, attempt: u64, cell: &CellReport, part: &Report) {
        if let Some(fault) = self.unfit(cell, part) {
            return self.fault(name, &fault);
        }
        let mut cell = cell.clone();
        // Budgets are held against the whole, by whoever knows them.
        cell.budgets.clear();
        cell.runner_class = cell.runner_class.or_else(|| part.environment.runner_class.clone());
        if cell.carried_over.is_none() {
            self.note(part);
        }
        let newer = Newest { attempt, cell };
        match self.cells.get(&newer.cell.id) {
            Some(known) if known.rank() > newer.rank() => {}
            Some(known) if known.rank() == newer.rank() => {
                if known.cell != newer.cell {
                    let id = &newer.cell.id;
                    self.fault(name, &format!("{id} stands in another part of attempt {attempt} with other facts"));
                }
            }
            Some(_) | None => drop(self.cells.insert(newer.cell.id.clone(), newer)),
        }
    }

    /// Why a cell cannot be what it says.
    fn unfit(&self, cell: &CellReport, part: &Report) -> Option<String> {
        if !self.expected.cells.contains(&cell.id) {
            return Some(format!("{:?} is no cell of this configuration", cell.id.to_string()));
        }
        if let Some(digest) = cell.pushed_digest.as_ref().filter(|digest| !is_digest(digest)) {
            return Some(format!("{}: {digest:?} is no digest", cell.id));
        }
        let pushes = part.leg.as_ref().is_some_and(|leg| leg.pushes);
        if cell.carried_over.is_none() && self.pushes.is_some_and(|others| others != pushes) {
            return Some(format!("{}: some parts were pushed and others were not", cell.id));
        }
        None
    }

    /// What a runner says of itself.
    fn note(&mut self, part: &Report) {
        self.pushes = part.leg.as_ref().map(|leg| leg.pushes);
        self.is_dirty |= part.context.head.dirty;
        self.environment = Some(match self.environment.take() {
            Some(others) => common(others, &part.environment),
            None => part.environment.clone(),
        });
    }

    /// The parts as one. What is missing is no fault: it is told of the cells that are.
    ///
    /// # Errors
    /// All faults.
    pub fn finish(mut self) -> Result<Merged, Vec<String>> {
        if self.faults.len() > MAX_FAULTS {
            self.faults.truncate(MAX_FAULTS);
            self.faults.push("and more".to_owned());
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let missing = self.expected.cells.iter().filter(|id| !self.cells.contains_key(*id)).cloned().collect();
        let mut environment = self.environment.unwrap_or_default();
        let mut cells: Vec<CellReport> = self.cells.into_values().map(|newest| newest.cell).collect();
        let class = cells.first().and_then(|cell| cell.runner_class.clone());
        let is_one = cells.iter().all(|cell| cell.runner_class == class);
        environment.runner_class = class.filter(|_| is_one);
        if is_one {
            cells.iter_mut().for_each(|cell| cell.runner_class = None);
        }
        let pushes = self.pushes.unwrap_or_default();
        Ok(Merged { cells, missing, environment, pushes, is_dirty: self.is_dirty })
    }
}

impl Newest {
    /// What was built beats what was carried over, then what was built later.
    fn rank(&self) -> (bool, u64) {
        (self.cell.carried_over.is_none(), self.attempt)
    }
}

/// What two runners have in common.
fn common(one: Environment, other: &Environment) -> Environment {
    let same = |one: Option<String>, other: &Option<String>| one.filter(|one| other.as_ref() == Some(one));
    Environment {
        weighbridge_version: one.weighbridge_version,
        buildx_version: same(one.buildx_version, &other.buildx_version),
        buildkit_version: same(one.buildkit_version, &other.buildkit_version),
        docker_version: same(one.docker_version, &other.docker_version),
        builder: same(one.builder, &other.builder),
        driver: same(one.driver, &other.driver),
        runner_class: None,
    }
}

/// Whether a text is a digest as registries write them.
fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The pushed digests of an image's platforms in order, to be joined under its tags.
///
/// # Errors
/// Why they must not be joined: what is not there, and a digest that stands for something else as well.
pub fn pushed_digests(image: &str, platforms: &[Platform], cells: &[CellReport]) -> Result<Vec<String>, String> {
    let found = platforms.iter().map(|platform| {
        let cell = cells.iter().find(|cell| cell.id.image == image && cell.id.platform == *platform);
        match cell.map(|cell| (cell.outcome, &cell.carried_over, &cell.pushed_digest)) {
            Some((_, Some(_), _)) => Err(format!("{platform} was carried over, not built")),
            Some((Outcome::Built, None, Some(digest))) => Ok(digest.clone()),
            Some((Outcome::Built, None, None)) => Err(format!("{platform} was built, but not pushed")),
            Some(_) | None => Err(format!("{platform} was not built")),
        }
    });
    let (digests, missing): (Vec<_>, Vec<_>) = found.partition(Result::is_ok);
    let missing: Vec<String> = missing.into_iter().filter_map(Result::err).collect();
    if !missing.is_empty() {
        return Err(missing.join(", "));
    }
    let digests: Vec<String> = digests.into_iter().flatten().collect();
    for (platform, digest) in platforms.iter().zip(&digests) {
        if let Some((other, _)) =
            platforms.iter().zip(&digests).find(|(other, same)| *same == digest && *other != platform)
        {
            return Err(format!("{digest} was pushed for {platform} and for {other} as well"));
        }
    }
    Ok(digests)
}

/// The images of which a digest was pushed for another image as well, with the reason: one of the two is not what its
/// runner says.
#[must_use]
pub fn shared_digests(cells: &[CellReport]) -> BTreeMap<String, String> {
    let mut owners: BTreeMap<&str, &CellId> = BTreeMap::new();
    let mut shared = BTreeMap::new();
    for cell in cells.iter().filter(|cell| cell.carried_over.is_none()) {
        let Some(digest) = &cell.pushed_digest else { continue };
        let owner = owners.entry(digest).or_insert(&cell.id);
        if owner.image != cell.id.image {
            for (one, other) in [(*owner, &cell.id), (&cell.id, *owner)] {
                shared.insert(one.image.clone(), format!("{digest} was pushed for {one} and for {other} as well"));
            }
        }
    }
    shared
}

#[cfg(test)]
mod tests;
