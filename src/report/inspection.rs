//! An image that was read by itself, outside of any run.

use super::ImageMeasurement;
use crate::oci::Platform;

/// What `inspect` says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The image as it was asked for, untrusted text.
    pub name: String,
    /// The platform that its config states.
    pub platform: Platform,
    /// The digest of its manifest; `None` of an archive in which there is none.
    pub digest: Option<String>,
    /// What it weighs and what is inside.
    pub image: ImageMeasurement,
}
