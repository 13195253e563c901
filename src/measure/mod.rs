//! What a build brought: bytes from the image's layout, seconds from the progress stream, findings from both.

mod cache;
mod cell;
pub mod findings;
mod known;
pub mod lines;
mod phases;
pub mod scan;
pub mod size;
mod spans;
pub mod steps;
mod texts;
pub mod timing;

pub use cache::explain_cache_error;
pub use cell::{build_args, measure_cell, not_built};
pub use known::KnownLayers;
