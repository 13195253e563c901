//! The driver.

use std::process::ExitCode;

use crate::env::Env;

/// Runs.
#[must_use]
pub fn main(_env: &Env) -> ExitCode {
    ExitCode::SUCCESS
}
