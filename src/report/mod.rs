//! Everything known about one run. A baseline is the [`Report`] of an earlier commit: there is no second format.
//!
//! These are the internal types; [`v1`] is what stands in `report.json`.

mod cache;
pub mod contents;
mod image;
mod inspection;
mod leg;
pub mod merge;
pub mod part;
#[cfg(test)]
pub(crate) mod sample;
pub mod scan;
mod timing;
pub mod v1;

use std::collections::BTreeMap;
use std::fmt;

use crate::oci::Platform;
pub use cache::{CacheEnd, CacheReport, CacheUse, Cause};
pub use contents::Contents;
pub use image::{BaseImage, Compression, ImageMeasurement, Layer};
pub use inspection::Inspection;
pub use leg::Leg;
pub use timing::{CacheState, Phases, Step, Timing};

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
    /// Digest of the index that joins the platforms of an image under its tags, by image; of those that were pushed.
    pub indexes: BTreeMap<String, String>,
    /// The outcome of budgets and builds; of an unfinished run: [`Verdict::Unknown`].
    pub verdict: Verdict,
    /// Of which run this is a part; `None` of a whole run.
    pub leg: Option<Leg>,
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
    /// Where the report was kept, as a phrase; `None` when it was not looked for in the stores.
    pub store: Option<String>,
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
    /// The node that built it, or was to, where the configuration has nodes; untrusted text.
    pub node: Option<String>,
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
    /// Which caches were read and written; `None` when nothing ran.
    pub cache: Option<CacheReport>,
    /// The build arguments, by name, with a digest that tells whether a value changed; `None` for a name that says that
    /// its value is secret.
    pub build_args: BTreeMap<String, Option<String>>,
    /// What the reader should know, sorted as found in the build.
    pub findings: Vec<Finding>,
    /// The configured limits and how they were met.
    pub budgets: Vec<BudgetResult>,
    /// Digest of what the configuration says of the image, but for the values of build arguments; `None` in reports that
    /// are older than it.
    pub definition: Option<String>,
    /// The class of machine that built it, where that is not told of the whole run; untrusted text.
    pub runner_class: Option<String>,
    /// The commit that was built, where nothing of it changed since and so these are the numbers of then.
    pub carried_over: Option<String>,
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
    /// The label of the change request that lets it be over the limit; untrusted text.
    pub allowed_by: Option<String>,
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

impl Finding {
    /// The rule of an image that was built and is not under its tags.
    pub const INDEX_NOT_PUSHED: &'static str = "index-not-pushed";
    /// The rule of an image that was pushed without its tests.
    pub const NOT_TESTED: &'static str = "not-tested";
    /// The rule of a cell whose node was lost, so that another one built it.
    pub const NODE_LOST: &'static str = "node-lost";
    /// The rule of what failed for a passing reason and was tried again.
    pub const RETRIED: &'static str = "retried";
}

impl Report {
    /// The cell with this name, when the run had it.
    #[must_use]
    pub fn cell(&self, id: &CellId) -> Option<&CellReport> {
        self.cells.iter().find(|cell| cell.id == *id)
    }
}
