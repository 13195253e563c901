//! Why steps were not served from a cache, and what that cost.

mod bases;
mod changed;
mod cost;
mod evidence;
mod explain;
mod files;
mod ignorable;
mod needed;
mod not_cached;

pub use bases::movable;
pub use changed::{Wanted, why_build};
pub use cost::{Miss, misses};
pub use evidence::{Changes, Evidence};
pub use explain::explain;

#[cfg(test)]
mod tests;
