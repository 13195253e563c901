//! Why steps were not served from a cache, and what that cost.

mod cost;

pub use cost::{Miss, misses};
