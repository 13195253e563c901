//! Is this machine fit? One line per fact, each failing one with its fix.

mod checks;
mod show;

pub use checks::diagnose;
pub use show::{json, text};

/// How a check went. Ordered from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Fine.
    Good,
    /// Works, with a drawback.
    Poor,
    /// Builds would fail.
    Bad,
}

/// One fact about the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, such as `buildx`.
    pub name: &'static str,
    /// How it went.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// How to mend it; of a good check `None`.
    pub fix: Option<String>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, health: Health::Good, found: found.into(), fix: None }
    }

    fn poor(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, health: Health::Poor, found: found.into(), fix: Some(fix.into()) }
    }

    fn bad(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, health: Health::Bad, found: found.into(), fix: Some(fix.into()) }
    }
}

/// Whether builds can be expected to work.
#[must_use]
pub fn is_fit(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.health < Health::Bad)
}
