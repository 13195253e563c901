//! The external tool: `docker buildx`, behind the port [`Builder`].

pub mod trace;
