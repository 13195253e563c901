//! What a decision about caches depends on beside the configuration, gathered by the driver.

use std::collections::BTreeSet;

use crate::ci::{CacheToken, Context};
use crate::version::Version;

/// Where and why a run happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// What started it, completed with what git knows of the branches.
    pub context: Context,
    /// The Actions cache as the job sees it.
    pub actions: Actions,
    /// `CI_REGISTRY_IMAGE` of GitLab.
    pub gitlab_repository: Option<String>,
    /// What the builder can do.
    pub features: Features,
    /// For which registries there are credentials.
    pub credentials: Credentials,
    /// The directory of the configuration inside of the repository, empty at its top: two configurations of one
    /// repository may have images of one name.
    pub project: String,
    /// What is built.
    pub purpose: Purpose,
}

/// What GitHub Actions tells a job about its cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions {
    /// The runtime token.
    pub token: CacheToken,
    /// Whether `ACTIONS_RESULTS_URL`, the address of the service, is set.
    pub has_results_url: bool,
    /// Whether `ACTIONS_CACHE_URL`, the address of the old service, is set; GitHub Enterprise Server has no other.
    pub has_cache_url: bool,
    /// Whether `ACTIONS_CACHE_SERVICE_V2` is set to true.
    pub has_version_2: bool,
    /// Whether the server is a GitHub Enterprise Server.
    pub is_enterprise_server: bool,
    /// `ACTIONS_CACHE_MODE`.
    pub mode: Option<ActionsCacheMode>,
}

/// What a workflow lets a job do with caches (`cache-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionsCacheMode {
    /// Both.
    Write,
    /// Only read.
    Read,
    /// Only write.
    WriteOnly,
    /// Neither.
    None,
}

/// What the builder can do. `None` is unknown, and unknown is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// Whether it can export a cache other than an inline one.
    pub can_export_cache: Option<bool>,
    /// Version of buildx.
    pub buildx: Option<Version>,
    /// Version of BuildKit.
    pub buildkit: Option<Version>,
}

/// The registries that somebody has logged in to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// Registries by host, as Docker's configuration names them.
    pub hosts: BTreeSet<String>,
    /// Whether a credential helper serves any host, so that it cannot be told for which there are some.
    pub has_store: bool,
}

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// What the run is about.
    Head,
    /// The commit to compare with.
    Base,
}

impl Actions {
    /// Outside of GitHub Actions.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            token: CacheToken::Absent,
            has_results_url: false,
            has_cache_url: false,
            has_version_2: false,
            is_enterprise_server: false,
            mode: None,
        }
    }
}

impl ActionsCacheMode {
    /// Reads the variable; a value that is not known counts as absent, as later runners may add some.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "write" => Some(Self::Write),
            "read" => Some(Self::Read),
            "write-only" => Some(Self::WriteOnly),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl Situation {
    /// Whether buildx has to be told that the service speaks version 2. Container actions get its address without it,
    /// and then buildx turns to the service that is gone.
    pub(super) fn must_tell_gha_version(&self) -> bool {
        let actions = &self.actions;
        actions.has_results_url && !actions.has_version_2 && !actions.is_enterprise_server
    }

    /// The same situation for the commit to compare with.
    #[must_use]
    pub fn for_base(&self) -> Self {
        Self { purpose: Purpose::Base, ..self.clone() }
    }
}

impl Credentials {
    /// Whether there may be credentials for a registry.
    #[must_use]
    pub fn cover(&self, host: &str) -> bool {
        // Docker Hub has several names in configurations.
        let hub = ["docker.io", "index.docker.io", "registry-1.docker.io"];
        let is = |known: &String| known == host || (hub.contains(&host) && hub.contains(&known.as_str()));
        self.has_store || self.hosts.iter().any(is)
    }
}
