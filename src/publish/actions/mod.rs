//! What a step of GitHub Actions tells its runner beside the exit code.

pub mod annotations;
pub mod command;
pub mod files;
