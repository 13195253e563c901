//! Exit codes, and the error that carries one.
//!
//! Errors travel as [`anyhow::Error`] with one `context` per step. Where the exit code matters, the
//! place that knows it attaches an [`Exit`]; anything else counts as a usage error.

use std::fmt;

/// Everything was done and nothing is over budget.
pub const OK: u8 = 0;
/// A budget is exceeded, or the cache that is required did not work.
pub const OVER_BUDGET: u8 = 1;
/// The command line or the configuration is wrong.
pub const USAGE: u8 = 2;
/// At least one build failed.
pub const BUILD_FAILED: u8 = 3;
/// Something that was asked for could not be measured or compared.
pub const NOT_MEASURED: u8 = 4;
/// Publishing failed where it was required.
pub const NOT_PUBLISHED: u8 = 5;
/// Interrupted by a signal.
pub const INTERRUPTED: u8 = 130;

/// A context that fixes the exit code of the error it is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// One of the constants of this module.
    pub code: u8,
    /// What was being done, as a lowercase fragment.
    pub doing: String,
}

impl Exit {
    /// A configuration or usage error.
    pub fn usage(doing: impl Into<String>) -> Self {
        Self { code: USAGE, doing: doing.into() }
    }

    /// Something could not be measured or compared.
    pub fn not_measured(doing: impl Into<String>) -> Self {
        Self { code: NOT_MEASURED, doing: doing.into() }
    }

    /// A signal broke the work off.
    #[must_use]
    pub fn interrupted() -> Self {
        Self { code: INTERRUPTED, doing: "interrupted".to_owned() }
    }

    /// A build could not be run at all.
    pub fn build_failed(doing: impl Into<String>) -> Self {
        Self { code: BUILD_FAILED, doing: doing.into() }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}

impl std::error::Error for Exit {}

/// The exit code of an error: that of the outermost [`Exit`] in its chain, else [`USAGE`].
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Exit>().map_or(USAGE, |exit| exit.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_survives_added_context() {
        let error = anyhow::anyhow!("disk is full").context(Exit::not_measured("read the layout"));
        let error = error.context("measure orders");
        assert_eq!(exit_code(&error), NOT_MEASURED);
        assert_eq!(exit_code(&anyhow::anyhow!("plain")), USAGE);
    }
}
