//! The nouns of the OCI image specification that weighbridge reads.
//!
//! `digest` names a compressed blob, `diff_id` the uncompressed layer; they are never mixed.

pub mod platform;

pub use platform::Platform;
