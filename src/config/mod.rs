//! What to build: the resolved configuration, in which nothing is optional that has a default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::oci::Platform;
use crate::units::{Bytes, Percent};

/// The resolved configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the images were read from, as a phrase for people: `weighbridge.yml`, `docker-bake.hcl`, `2 Dockerfiles found`.
    pub origin: String,
    /// The directory that paths are relative to: the configuration's, else the working directory.
    pub root: PathBuf,
    /// The images, sorted by name, names unique.
    pub images: Vec<Image>,
}

/// Where the files of a build come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildContext {
    /// A directory, absolute.
    Directory(PathBuf),
    /// A git or tarball URL that BuildKit fetches itself.
    Remote(String),
}

/// Where the Dockerfile's text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerfileSource {
    /// A file, absolute.
    Path(PathBuf),
    /// A path inside a remote context.
    InRemoteContext(String),
    /// The text itself, as bake and Compose allow.
    Inline(String),
}

/// One image: what `docker buildx build` takes, and its budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Unique name: letters, digits, `.`, `_`, `-`, at most 128 characters, starting with a letter or digit.
    pub name: String,
    /// Build context.
    pub context: BuildContext,
    /// Dockerfile.
    pub dockerfile: DockerfileSource,
    /// Stage to build; the last when `None`.
    pub target: Option<String>,
    /// Platforms; empty means the builder's own.
    pub platforms: Vec<Platform>,
    /// `--build-arg`; a `None` value is taken from the environment by buildx.
    pub build_args: BTreeMap<String, Option<String>>,
    /// `--build-context`.
    pub build_contexts: BTreeMap<String, String>,
    /// `--label`.
    pub labels: BTreeMap<String, String>,
    /// `--annotation`.
    pub annotations: Vec<String>,
    /// `--tag`.
    pub tags: Vec<String>,
    /// `--secret`, as buildx writes them.
    pub secrets: Vec<Secret>,
    /// `--ssh`.
    pub ssh: Vec<String>,
    /// `--cache-from`, as buildx writes them.
    pub cache_from: Vec<String>,
    /// `--cache-to`, as buildx writes them.
    pub cache_to: Vec<String>,
    /// `--output`, beside the one that weighbridge measures.
    pub outputs: Vec<String>,
    /// `--no-cache`.
    pub no_cache: bool,
    /// `--no-cache-filter`.
    pub no_cache_filter: Vec<String>,
    /// `--pull`.
    pub pull: bool,
    /// `--network`.
    pub network: Option<String>,
    /// `--add-host`.
    pub add_hosts: Vec<String>,
    /// `--ulimit`.
    pub ulimits: Vec<String>,
    /// `--shm-size`, in bytes.
    pub shm_size: Option<Bytes>,
    /// `--allow`.
    pub allow: Vec<String>,
    /// `--provenance`; `None` leaves attestations off.
    pub provenance: Option<String>,
    /// `--sbom`; `None` leaves attestations off.
    pub sbom: Option<String>,
    /// Limits.
    pub budget: Budget,
}

/// A build secret, by reference; its value is never read by weighbridge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// The id that `RUN --mount=type=secret` uses.
    pub id: String,
    /// Where buildx reads it.
    pub source: SecretSource,
}

/// Where a secret's value is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSource {
    /// An environment variable.
    Variable(String),
    /// A file, absolute.
    File(PathBuf),
}

/// Limits of one image, each applied to every platform of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Budget {
    /// Upper limit of `compressed_bytes`.
    pub compressed: Option<Bytes>,
    /// Upper limit of `uncompressed_bytes`.
    pub uncompressed: Option<Bytes>,
    /// Upper limit of growth against the baseline, relative.
    pub compressed_growth: Option<Growth>,
    /// Upper limit of the number of layers.
    pub layers: Option<u32>,
    /// Upper limit of `wall_seconds`.
    pub wall: Option<Duration>,
}

/// How much an image may grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Growth {
    /// Relative to the baseline.
    Relative(Percent),
    /// In bytes.
    Absolute(Bytes),
}
