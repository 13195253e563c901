//! The nouns of the OCI image specification that weighbridge reads. Only this folder knows the `oci-spec` crate.
//!
//! `digest` names a compressed blob, `diff_id` the uncompressed layer; they are never mixed.

mod image;
mod index;
pub mod layer;
pub mod layout;
pub mod platform;
mod settings;
#[cfg(test)]
pub(crate) mod testing;

pub use image::{HistoryEntry, Image, LayerBlob};
pub use layout::Layout;
pub use platform::Platform;
pub use settings::{Healthcheck, Settings};
