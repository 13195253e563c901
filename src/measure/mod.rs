//! (stage)

pub mod findings;
mod phases;
mod spans;
pub mod steps;
pub mod timing;
