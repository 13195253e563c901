//! Which caches a cell reads and writes, and why: a pure function of the configuration and the [`Situation`].
//!
//! The order of the reasons is that of the decision: what the user wrote, what the job may do (`ACTIONS_CACHE_MODE`, the
//! token, forks), what kind of run it is, and which branch. `docs/cache.md` shows the same as a table.

mod backend;
#[cfg(test)]
pub(in crate::plan) mod cases;
mod describe;
mod entry;
mod policy;
mod scope;
mod server;
mod situation;

use std::time::Duration;

use super::Delivery;
use crate::ci::Event;
use crate::config::{Backend, Cache, Image};
use crate::report::{CellId, Severity};

pub use entry::{Attributes, Place};
pub use policy::{Branches, Rights, rights};
pub use server::Server;
pub use situation::{Actions, ActionsCacheMode, Credentials, Features, Purpose, Situation};

use backend::Resolved;
use scope::Name;

/// The caches of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CachePlan {
    /// What is read, in this order.
    pub from: Vec<Entry>,
    /// What is written.
    pub to: Vec<Entry>,
    /// What is left out, and why.
    pub remarks: Vec<Remark>,
    /// Whether the child must be told to speak version 2 of the Actions cache: GitHub tells it to node actions only.
    pub tells_gha_version: bool,
    /// How long a store may keep a build waiting without a sign.
    pub timeout: Duration,
    /// Whether a cache that does not do what is planned fails the run.
    pub is_required: bool,
}

/// One `--cache-from` or `--cache-to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The kind of store; `None` of an entry in the user's own words whose kind is not known.
    pub backend: Option<Backend>,
    /// What stands on the command line: never a secret.
    pub line: String,
    /// The branch whose cache it is, where the entry itself tells branches apart.
    pub branch: Option<String>,
    /// Why it is there, as a phrase.
    pub reason: String,
}

/// Which way a cache is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// `--cache-from`.
    From,
    /// `--cache-to`.
    To,
    /// Both.
    Both,
}

/// Something that is not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What is left out.
    pub direction: Direction,
    /// Why, as a phrase.
    pub reason: String,
    /// How loud it is, where it is not as it should be.
    pub severity: Option<Severity>,
    /// What to do about it.
    pub fix: Option<String>,
}

impl Remark {
    fn fine(direction: Direction, reason: impl Into<String>) -> Self {
        Self { direction, reason: reason.into(), severity: None, fix: None }
    }

    fn wrong(severity: Severity, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        let (direction, fix) = (Direction::Both, Some(fix.into()));
        Self { direction, reason: reason.into(), severity: Some(severity), fix }
    }
}

/// Decides for one cell.
#[must_use]
pub fn decide(id: &CellId, image: &Image, cache: &Cache, delivery: &Delivery, situation: &Situation) -> CachePlan {
    let rights = rights(cache, situation);
    let mut plan = CachePlan { timeout: cache.timeout, is_required: cache.require, ..CachePlan::default() };
    let has_own = !image.cache_from.is_empty() || !image.cache_to.is_empty();
    if cache.replace {
        plan.remarks.push(Remark::fine(Direction::Both, "cache.replace: `from` and `to` stand alone"));
    } else if has_own && cache.backends.is_none() {
        plan.remarks.push(Remark::fine(Direction::Both, "the image has cache entries of its own"));
    } else {
        let resolved = backend::resolve(image, cache, delivery, situation);
        plan.remarks.extend(resolved.remarks);
        for backend in &resolved.backends {
            plan.add(backend, id, cache, situation, &rights);
        }
    }
    plan.add_own(image, cache, situation, &rights);
    if situation.context.event == Event::Local {
        // What is configured for CI is not missed by a person at a terminal.
        plan.remarks.iter_mut().for_each(|remark| remark.severity = None);
    }
    plan
}

impl CachePlan {
    /// Whether anything is read or written.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.from.is_empty() || !self.to.is_empty()
    }

    /// The same without what is read or written, with the reason.
    #[must_use]
    pub fn without(&self, from: bool, to: bool, reason: &str, fix: &str) -> Self {
        let mut plan = self.clone();
        if from {
            plan.from.clear();
        }
        if to {
            plan.to.clear();
        }
        plan.remarks.push(Remark::wrong(Severity::Warning, format!("{reason}, so it was built again without"), fix));
        plan
    }

    /// The same without what is kept at a server, with the reason.
    #[must_use]
    pub fn without_server(&self, server: &Server, reason: &str, fix: &str) -> Self {
        let mut plan = self.clone();
        let is_elsewhere = |entry: &Entry| entry.server().as_ref() != Some(server);
        plan.from.retain(is_elsewhere);
        plan.to.retain(is_elsewhere);
        plan.remarks.push(Remark::wrong(Severity::Warning, format!("{reason}, so its cache was left out"), fix));
        plan
    }

    fn add(&mut self, resolved: &Resolved, id: &CellId, cache: &Cache, situation: &Situation, rights: &Rights) {
        let name = Name { cell: id, project: &situation.project };
        let attributes = Attributes::of(cache);
        let entry = |line: String, branch: Option<&str>, reason: String| Entry {
            backend: Some(resolved.backend),
            line,
            branch: branch.map(str::to_owned),
            reason,
        };
        let why = |reason: &str| match &resolved.reason {
            Some(chosen) => format!("{reason}, {chosen}"),
            None => reason.to_owned(),
        };
        match &rights.read {
            Ok(_) if resolved.tells_branches() => {
                for (branch, reason) in rights.branches.to_read() {
                    let place = Place::of(resolved, &name, Some(branch));
                    self.from.push(entry(place.import(&attributes), Some(branch), why(reason)));
                }
            }
            Ok(reason) => {
                let place = Place::of(resolved, &name, None);
                self.from.push(entry(place.import(&attributes), None, why(resolved.read_reason(reason))));
            }
            Err(reason) => self.remark(Direction::From, reason),
        }
        match rights.write_to(resolved.backend, situation) {
            Ok((branch, reason)) => {
                let branch = Some(branch).filter(|_| resolved.tells_branches());
                let place = Place::of(resolved, &name, branch);
                self.to.push(entry(place.export(&attributes), branch, why(&reason)));
            }
            Err(reason) => self.remark(Direction::To, &reason),
        }
        self.tells_gha_version |= resolved.backend == Backend::Gha && situation.must_tell_gha_version();
    }

    /// The entries in the user's own words. They are taken as they are; only writing may be forbidden.
    fn add_own(&mut self, image: &Image, cache: &Cache, situation: &Situation, rights: &Rights) {
        let (image_from, image_to) =
            if cache.replace { (&[][..], &[][..]) } else { (&image.cache_from[..], &image.cache_to[..]) };
        let sources = [(image_from, "the image's cache_from"), (&cache.from[..], "cache.from")];
        let targets = [(image_to, "the image's cache_to"), (&cache.to[..], "cache.to")];
        for (line, reason) in sources.iter().flat_map(|(lines, reason)| lines.iter().map(move |line| (line, reason))) {
            match rights.may_read_own() {
                Ok(()) => self.push_own(Direction::From, line, reason, situation),
                Err(reason) => self.remark(Direction::From, &reason),
            }
        }
        for (line, reason) in targets.iter().flat_map(|(lines, reason)| lines.iter().map(move |line| (line, reason))) {
            match rights.may_write_own() {
                Ok(()) => self.push_own(Direction::To, line, reason, situation),
                Err(reason) => self.remark(Direction::To, &reason),
            }
        }
    }

    fn push_own(&mut self, direction: Direction, line: &str, reason: &str, situation: &Situation) {
        let backend = entry::backend_of(line);
        if backend == Some(Backend::Gha)
            && let Err(remark) = backend::gha(situation)
        {
            self.remarks.push(Remark { direction, ..remark });
            return;
        }
        self.tells_gha_version |= backend == Some(Backend::Gha) && situation.must_tell_gha_version();
        let line = if direction == Direction::To { entry::never_fatal(line) } else { line.to_owned() };
        let entry = Entry { backend, line, branch: None, reason: reason.to_owned() };
        if direction == Direction::To { self.to.push(entry) } else { self.from.push(entry) }
    }

    fn remark(&mut self, direction: Direction, reason: &str) {
        match self.remarks.iter_mut().find(|remark| remark.reason == reason) {
            Some(known) if known.direction != direction => known.direction = Direction::Both,
            Some(_) => {}
            None => self.remarks.push(Remark::fine(direction, reason)),
        }
    }
}
