//! What `inspect` says of an image, in every format. What is said is decided once, as [`Section`](sections::Section)s.

mod json;
mod layers;
mod markdown;
mod sections;
#[cfg(test)]
mod tests;
mod text;

pub use json::{json, schema};
pub use markdown::markdown;
pub use text::text;
