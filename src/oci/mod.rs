//! The nouns of the OCI image specification that weighbridge reads. Only this folder knows the `oci-spec` crate.
//!
//! `digest` names a compressed blob, `diff_id` the uncompressed layer; they are never mixed.

pub mod archive;
pub mod blobs;
mod image;
mod index;
pub mod layer;
pub mod layout;
pub mod parts;
pub mod platform;
mod settings;
#[cfg(test)]
pub(crate) mod testing;
mod verified;

pub use archive::Archive;
pub use blobs::Blobs;
pub use image::{HistoryEntry, Image, LayerBlob};
pub use layout::Layout;
pub use parts::Parts;
pub use platform::Platform;
pub use settings::{Healthcheck, Settings};
pub(crate) use verified::Hash;
pub use verified::Verified;
