//! Everything known about one run. A baseline is the [`Report`] of an earlier commit: there is no second format.
//!
//! These are the internal types; [`v1`] is what stands in `report.json`.

#[cfg(test)]
pub(crate) mod sample;
pub mod v1;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::oci::Platform;

/// Names a cell: one image on one platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId {
    /// The image's name in the configuration.
    pub image: String,
    /// The platform it is built for.
    pub platform: Platform,
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.image, self.platform)
    }
}

/// The facts of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was built, against what.
    pub context: RunContext,
    /// Where and with which versions.
    pub environment: Environment,
    /// One entry per cell, sorted by [`CellId`].
    pub cells: Vec<CellReport>,
    /// The outcome of budgets and builds; of an unfinished run: [`Verdict::Unknown`].
    pub verdict: Verdict,
}

/// The commits of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunContext {
    /// What was built.
    pub head: Head,
    /// What it is compared with, when that could be told.
    pub base: Option<Base>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The commit; `None` outside a git repository or before the first commit.
    pub sha: Option<String>,
    /// The branch or tag, when there is one.
    pub reference: Option<String>,
    /// Whether the working tree differs from the commit: such a report is never a baseline.
    pub dirty: bool,
}

/// The commit that a run is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The commit whose report is used (of a bare report file: what that report says of itself).
    pub sha: Option<String>,
    /// The rule that chose it, as a phrase: `merge base with main`.
    pub chosen_by: String,
    /// How many commits the report is older than the commit that the rule chose.
    pub commits_older: usize,
}

/// The machine and tools of a run. Unknown facts are `None`, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Version of weighbridge.
    pub weighbridge_version: String,
    /// Version of the buildx plugin, as it prints it.
    pub buildx_version: Option<String>,
    /// Version of BuildKit on the builder, when it says one.
    pub buildkit_version: Option<String>,
    /// Version of the Docker Engine.
    pub docker_version: Option<String>,
    /// Name of the builder.
    pub builder: Option<String>,
    /// Its driver, such as `docker` or `docker-container`.
    pub driver: Option<String>,
    /// The class of machine, such as `linux/amd64, 2 CPUs`: durations of unlike classes are not compared.
    pub runner_class: Option<String>,
}

/// What became of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The build succeeded.
    Built,
    /// The build failed.
    Failed,
    /// The build ran longer than its limit and was stopped.
    TimedOut,
    /// The build was interrupted, or never started because the run stopped first.
    Cancelled,
}

/// The facts of one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellReport {
    /// Which cell.
    pub id: CellId,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether the builder runs this platform under emulation.
    pub emulated: bool,
    /// The Dockerfile of every `dockerfile_line`, relative to the configuration's root, untrusted; `None` when inline.
    pub dockerfile: Option<String>,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// The build record, `builder/node/id`, as `docker buildx history` takes it.
    pub build_ref: Option<String>,
    /// Digest of what was pushed: an index when attestations are on.
    pub pushed_digest: Option<String>,
    /// The weighed image; `None` when the build failed or the image could not be measured (a finding says why).
    pub image: Option<ImageMeasurement>,
    /// The timed build; `None` when nothing ran.
    pub timing: Option<Timing>,
    /// What the reader should know, sorted as found in the build.
    pub findings: Vec<Finding>,
    /// The configured limits and how they were met.
    pub budgets: Vec<BudgetResult>,
}

/// Why a build failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The builder's error, one line, untrusted text.
    pub message: String,
    /// The failing step, as BuildKit names it, untrusted text.
    pub step: Option<String>,
    /// The line of the Dockerfile, counted from 1.
    pub dockerfile_line: Option<u32>,
    /// The text of that line, untrusted.
    pub source_line: Option<String>,
    /// The last lines of the step's log, untrusted.
    pub log_tail: Vec<String>,
    /// A known cause with its fix, in our words.
    pub explanation: Option<String>,
    /// Where the full log lies, relative to the output directory.
    pub log_path: Option<String>,
}

/// What the image weighs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMeasurement {
    /// Digest of the platform's image manifest (not of an index).
    pub digest: String,
    /// Sum of the manifest's layer descriptors: what a node pulls, config and attestations not counted.
    pub compressed_bytes: u64,
    /// Sum of the unpacked layers' tar streams: what lands on disk.
    pub uncompressed_bytes: u64,
    /// Bytes of the image config blob.
    pub config_bytes: u64,
    /// Bytes of attestation manifests and their layers, each digest once; never part of the image.
    pub attestation_bytes: u64,
    /// The layers, lowest first.
    pub layers: Vec<Layer>,
    /// The images named in `FROM`, with the digest that the builder resolved.
    pub base_images: Vec<BaseImage>,
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the compressed blob.
    pub digest: String,
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Length of the compressed blob.
    pub compressed_bytes: u64,
    /// Length of the uncompressed tar.
    pub uncompressed_bytes: u64,
    /// How the blob is compressed, decided by its first bytes.
    pub compression: Compression,
    /// The `created_by` of its history entry, untrusted text; empty when the config has no history for it.
    pub created_by: String,
    /// The same as it stands in the Dockerfile, with flags and arguments not expanded, untrusted text on one line.
    pub instruction: Option<String>,
    /// The line of the Dockerfile that wrote it, counted from 1.
    pub dockerfile_line: Option<u32>,
    /// Whether it belongs to the base image; `None` when that could not be told.
    pub base: Option<bool>,
}

/// How a layer blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compression {
    /// A plain tar.
    None,
    /// One or more gzip members.
    Gzip,
    /// One or more Zstandard frames.
    Zstd,
}

/// An image that the build started from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseImage {
    /// The reference as the builder printed it, untrusted text.
    pub name: String,
    /// The digest that it resolved to.
    pub digest: String,
}

/// How long the build took. Durations are differences on one clock.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timing {
    /// Wall time of the buildx child, measured outside of it.
    pub wall: Duration,
    /// From the first vertex that started to the last that completed.
    pub solve: Duration,
    /// Sums per phase.
    pub phases: Phases,
    /// Bytes of build context sent, after `.dockerignore`; `None` when the stream does not say.
    pub context_bytes: Option<u64>,
    /// Steps that were served from a cache.
    pub cached_steps: u32,
    /// All Dockerfile steps that the build needed.
    pub total_steps: u32,
    /// Time spent in steps that really ran.
    pub executed: Duration,
    /// The steps in Dockerfile order.
    pub steps: Vec<Step>,
}

/// Time per kind of work: for each phase the union of its vertices' intervals, so that phases may overlap each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Sending the build context and the Dockerfile.
    pub context: Duration,
    /// Resolving and pulling base images.
    pub base_pull: Duration,
    /// `RUN` steps.
    pub execution: Duration,
    /// `COPY`, `ADD` and `WORKDIR` steps.
    pub copy: Duration,
    /// Writing the image.
    pub export: Duration,
    /// Pushing it to a registry.
    pub push: Duration,
    /// Reading a remote cache.
    pub cache_import: Duration,
    /// Writing a remote cache.
    pub cache_export: Duration,
    /// Time of the solve span in which nothing ran.
    pub idle: Duration,
}

/// Where a step's result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheState {
    /// It ran.
    Executed,
    /// It was in the builder's own cache.
    Local,
    /// Its result came from a remote cache.
    Remote,
}

/// One step of a Dockerfile.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The stage's name, or `stage-N` as BuildKit names an unnamed one.
    pub stage: String,
    /// The instruction as it stands in the Dockerfile, else as BuildKit names it, untrusted text on one line.
    pub instruction: String,
    /// Its line in the Dockerfile, counted from 1.
    pub dockerfile_line: Option<u32>,
    /// Sum of its disjoint intervals.
    pub duration: Duration,
    /// Whether it ran.
    pub cache: CacheState,
}

/// How loud a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Worth mending.
    Warning,
    /// Something asked for is missing.
    Error,
}

/// Something that the reader should know about a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Kebab-case rule of ours, or `build-check/<RuleName>` for BuildKit's.
    pub rule: String,
    /// How loud it is.
    pub severity: Severity,
    /// One line; may hold untrusted text.
    pub message: String,
    /// The line of the Dockerfile, counted from 1.
    pub dockerfile_line: Option<u32>,
    /// Where to read more.
    pub url: Option<String>,
}

/// How one limit of a budget was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetResult {
    /// The key in the configuration, such as `compressed_growth`.
    pub key: String,
    /// The limit in the units of the report, such as `60.0 MB`.
    pub limit: String,
    /// What was measured, in the limit's unit; `None` when it could not be measured.
    pub actual: Option<String>,
    /// How it went.
    pub verdict: Verdict,
    /// Why, as a phrase.
    pub reason: String,
}

/// The result of a gate. Ordered from best to worst, so that the worst of many is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// All fine.
    Pass,
    /// Close to a limit.
    Warn,
    /// Over a limit.
    Fail,
    /// Could not be measured: never a pass.
    Unknown,
}

impl Report {
    /// The cell with this name, when the run had it.
    #[must_use]
    pub fn cell(&self, id: &CellId) -> Option<&CellReport> {
        self.cells.iter().find(|cell| cell.id == *id)
    }

    /// The cells by name.
    #[must_use]
    pub fn by_id(&self) -> BTreeMap<&CellId, &CellReport> {
        self.cells.iter().map(|cell| (&cell.id, cell)).collect()
    }
}
