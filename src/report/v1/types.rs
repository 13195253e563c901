//! What stands in `report.json`. Field docs become the descriptions of the JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::cache::{Cache, CacheEnd, CacheUse, Cause};
pub use super::contents::Contents;
pub use super::parts::{BaseImage, CachedFrom, Compression, Layer, Phases, Step};
pub use super::scan::{Danger, Scan, Scanner, Vulnerability};

/// The facts of one run of weighbridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "weighbridge report")]
pub struct Report<Cells = Vec<Cell>> {
    /// Always 1.
    pub schema_version: u64,
    /// What wrote the report.
    pub tool: Tool,
    /// The commits of the run.
    pub context: Context,
    /// The machine and tools of the run.
    pub environment: Environment,
    /// One entry per image and platform, sorted by both.
    pub cells: Cells,
    /// Digest of the index that joins the platforms of an image under its tags, by image; absent where none was pushed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: BTreeMap<String, String>,
    /// The outcome of budgets and builds.
    pub verdict: Verdict,
    /// Of which run this is a part; absent of a whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<Leg>,
}

/// Of which run a report is a part, where its cells are spread over several runners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leg {
    /// What the CI system calls the run.
    pub run: String,
    /// Greater where a leg was run again.
    pub attempt: u64,
    /// Digest of what the configuration says of the cells.
    pub configuration: String,
    /// Whether images were pushed under their digests, to be joined under their tags.
    pub pushes: bool,
}

/// What wrote the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Always `weighbridge`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The commits of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Context {
    /// What was built.
    pub head: Head,
    /// What it is compared with; absent when that could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// The commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// The branch or tag.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether the working tree differed from the commit.
    #[serde(default)]
    pub dirty: bool,
}
/// What the run is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Base {
    /// The commit whose report is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// The rule that chose it, as a phrase.
    pub chosen_by: String,
    /// How many commits the report is older than the commit that the rule chose.
    #[serde(default)]
    pub commits_older: usize,
    /// Where the report was kept, as a phrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

/// The machine and tools of the run; what is unknown is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of the buildx plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buildx_version: Option<String>,
    /// Version of BuildKit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buildkit_version: Option<String>,
    /// Version of the Docker Engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_version: Option<String>,
    /// Name of the builder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<String>,
    /// Driver of the builder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The class of machine; durations of unlike classes are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_class: Option<String>,
}

/// The facts of one image on one platform: `digest` to `base_images` when it was weighed, `wall_seconds` to `steps`
/// when its build was timed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The image's name in the configuration.
    pub image: String,
    /// The platform, such as `linux/amd64`.
    pub platform: String,
    /// What became of the build.
    pub outcome: Outcome,
    /// Whether the builder ran this platform under emulation.
    pub emulated: bool,
    /// The node that built it, or was to; absent where the configuration has no nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The Dockerfile that every `dockerfile_line` means, relative to the configuration; absent when its text stands in
    /// the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// Why the build failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The build record, `builder/node/id`, as `docker buildx history` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_ref: Option<String>,
    /// Digest of what was pushed: an index when attestations are on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_digest: Option<String>,
    /// Digest of the platform's image manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Sum of the layer blobs: what a node pulls. Config and attestations are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed_bytes: Option<u64>,
    /// Sum of the unpacked layers' tar streams: what lands on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncompressed_bytes: Option<u64>,
    /// Digest of the image config, which engines call the image's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<String>,
    /// Bytes of the image config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_bytes: Option<u64>,
    /// Bytes of attestations; never part of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation_bytes: Option<u64>,
    /// The layers, lowest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<Layer>>,
    /// The images named in `FROM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_images: Option<Vec<BaseImage>>,
    /// What is inside of it; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    /// What a scanner of vulnerabilities says; absent where none was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<Scan>,
    /// Wall time of the whole buildx child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// From the first vertex that started to the last that completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solve_seconds: Option<f64>,
    /// Time spent in steps that really ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executed_seconds: Option<f64>,
    /// Time per kind of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// Bytes of build context sent; absent also when the builder does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_bytes: Option<u64>,
    /// Steps that were served from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_steps: Option<u32>,
    /// All Dockerfile steps that the build needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_steps: Option<u32>,
    /// The steps in Dockerfile order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
    /// What became of its caches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// The build arguments with digests of their values; `null` where the name says that the value is secret, and of one
    /// that is taken from the environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub build_args: BTreeMap<String, Option<String>>,
    /// What the reader should know.
    pub findings: Vec<Finding>,
    /// The configured limits and how they were met.
    #[serde(default)]
    pub budgets: Vec<Budget>,
    /// Digest of what the configuration says of the image, but for the values of build arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The class of machine that built it; absent where it is that of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_class: Option<String>,
    /// The commit that was built, where nothing of the cell changed since and these are the numbers of then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_over: Option<String>,
}

/// What became of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It succeeded.
    Built,
    /// It failed.
    Failed,
    /// It ran longer than its limit.
    TimedOut,
    /// It was interrupted or never started.
    Cancelled,
}

/// Why a build failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The builder's error.
    pub message: String,
    /// The failing step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Its line in the Dockerfile, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_line: Option<u32>,
    /// The text of that line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_line: Option<String>,
    /// The last lines of the step's log.
    #[serde(default)]
    pub log_tail: Vec<String>,
    /// A known cause with its fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Where the full log lies, relative to the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_path: Option<String>,
}

/// Something that the reader should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule, such as `build-check/StageNameCasing`.
    pub rule: String,
    /// How loud it is.
    pub severity: Severity,
    /// One line.
    pub message: String,
    /// The line in the Dockerfile, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_line: Option<u32>,
    /// Where to read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How loud a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Worth mending.
    Warning,
    /// Something asked for is missing.
    Error,
}

/// How one limit was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// The key in the configuration.
    pub key: String,
    /// The limit.
    pub limit: String,
    /// What was measured; absent when it could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// How it went.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// The label of the change request that lets it be over the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_by: Option<String>,
}

/// The result of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All fine.
    Pass,
    /// Close to a limit.
    Warn,
    /// Over a limit.
    Fail,
    /// Could not be measured.
    Unknown,
}
