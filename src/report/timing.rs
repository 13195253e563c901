//! How long a build took.

use std::time::Duration;

use super::Cause;

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
    /// How long it took when it last really ran, this run included; `None` when nobody knows.
    pub last_ran: Option<Duration>,
    /// The positions of the steps that it builds upon directly, in this list.
    pub needs: Vec<usize>,
    /// Why it ran; empty when it did not, or when nothing was asked.
    pub causes: Vec<Cause>,
}
