//! The action without GitHub: `action.yml`, the scripts in `dist/` and their documentation, on a runner of the tests' own.

mod announced;
mod binary;
mod documents;
pub(crate) mod log;
mod post;
mod start;
mod switching;
