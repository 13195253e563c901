//! What can be known of the reasons for a miss beside the two reports: both Dockerfiles, and the files that changed.

use std::collections::BTreeMap;

use crate::dockerfile::Dockerfile;

/// The evidence about one image, the same for all its platforms.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// The stage that is built; the last one when `None`.
    pub target: Option<String>,
    /// Whether the configuration asks for no cache at all.
    pub no_cache: bool,
    /// The stages for which it asks for none.
    pub no_cache_stages: Vec<String>,
    /// The values of the build arguments that the configuration gives, secret ones left out.
    pub build_args: BTreeMap<String, String>,
    /// The Dockerfile of this run; `None` when it cannot be read.
    pub dockerfile: Option<Dockerfile>,
    /// The Dockerfile of the baseline's commit; `None` when that cannot be told.
    pub base_dockerfile: Option<Dockerfile>,
    /// Whether the Dockerfile is the very text of then.
    pub is_same_dockerfile: bool,
    /// Whether a `.dockerignore` of its contexts came, went or changed.
    pub is_ignore_changed: bool,
    /// Whether links or submodules may lead from a path that is taken to another one that changed.
    pub has_links: bool,
    /// What changed in each build context since the baseline's commit. The main one has the empty name.
    pub contexts: BTreeMap<String, Changes>,
}

/// What changed in a build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// These files, relative to the context, without those that `.dockerignore` leaves out.
    Files {
        /// The files, sorted.
        files: Vec<String>,
        /// Whether files that git does not know are part of the context, so that others may have changed as well.
        has_untold: bool,
    },
    /// It cannot be told, for this reason, a phrase.
    Unknown(String),
}
