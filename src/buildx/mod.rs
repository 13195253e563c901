//! The external tool: `docker buildx`, behind the port [`Builder`].

pub mod failure;
pub mod inherited;
pub mod metadata;
pub mod names;
pub mod progress;
pub mod text;
pub mod trace;
