//! What a build brought: bytes from the image's layout, seconds from the progress stream, findings from both.

pub mod findings;
pub mod lines;
mod phases;
pub mod size;
mod spans;
pub mod steps;
pub mod timing;
