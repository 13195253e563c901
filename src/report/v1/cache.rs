//! The caches of a cell and the causes of a step, as JSON.

use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read::duration;
use super::write::seconds;
use crate::report;

/// What became of a cell's caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cache {
    /// What was to be read, in this order.
    pub imports: Vec<CacheUse>,
    /// What was to be written.
    pub exports: Vec<CacheUse>,
    /// What was left out and why.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// Bytes of layers that came from remote caches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported_bytes: Option<u64>,
}

/// One cache that was to be read or written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CacheUse {
    /// The entry, as `--cache-from` or `--cache-to` took it.
    pub entry: String,
    /// The branch whose cache it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Why it was planned.
    pub reason: String,
    /// What became of it.
    pub end: CacheEnd,
    /// How long it took.
    pub seconds: f64,
    /// The builder's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheEnd {
    /// It was read or written.
    Done,
    /// There was nothing to read.
    NotFound,
    /// It failed.
    Failed,
    /// The builder did not even try.
    Ignored,
    /// The build ended before it.
    NotReached,
}

/// Why a step ran although its result could have come from a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// The configuration asks for it.
    NoCache,
    /// The instruction is not what it was.
    Edited {
        /// What it was; absent of one that was not there.
        #[serde(skip_serializing_if = "Option::is_none")]
        was: Option<String>,
    },
    /// An instruction above it that it depends on is not what it was.
    Setting {
        /// That instruction.
        instruction: String,
        /// Its line in the Dockerfile, counted from 1.
        dockerfile_line: u32,
    },
    /// A build argument has another value.
    BuildArgument {
        /// Its name.
        name: String,
    },
    /// A base image moved.
    BaseImage {
        /// The reference.
        name: String,
        /// The digest of the baseline.
        base: String,
        /// The digest of this run.
        head: String,
    },
    /// Files that it takes changed.
    Files {
        /// How many.
        count: usize,
        /// The most telling of them, relative to the build context.
        examples: Vec<String>,
        /// Lines for `.dockerignore` that would have spared the step.
        #[serde(default)]
        ignorable: Vec<String>,
    },
    /// A step that it builds upon ran.
    Earlier {
        /// The position of that step in `steps`, counted from 0.
        step: usize,
    },
    /// Nothing changed, and no cache had its result.
    NotCached {
        /// What is known of the reason.
        reason: String,
    },
    /// What is known does not tell.
    Unknown {
        /// Why not.
        reason: String,
    },
}

impl From<&report::CacheReport> for Cache {
    fn from(cache: &report::CacheReport) -> Self {
        let uses = |uses: &[report::CacheUse]| uses.iter().map(Into::into).collect();
        Self {
            imports: uses(&cache.imports),
            exports: uses(&cache.exports),
            left_out: cache.left_out.clone(),
            imported_bytes: cache.imported_bytes,
        }
    }
}

impl From<&report::CacheUse> for CacheUse {
    fn from(used: &report::CacheUse) -> Self {
        let report::CacheUse { entry, branch, reason, end, duration, error } = used.clone();
        Self { entry, branch, reason, end: end.into(), seconds: seconds(duration), error }
    }
}

impl TryFrom<Cache> for report::CacheReport {
    type Error = anyhow::Error;

    fn try_from(json: Cache) -> Result<Self> {
        let uses = |uses: Vec<CacheUse>| uses.into_iter().map(TryInto::try_into).collect::<Result<Vec<_>>>();
        Ok(Self {
            imports: uses(json.imports)?,
            exports: uses(json.exports)?,
            left_out: json.left_out,
            imported_bytes: json.imported_bytes,
        })
    }
}

impl TryFrom<CacheUse> for report::CacheUse {
    type Error = anyhow::Error;

    fn try_from(json: CacheUse) -> Result<Self> {
        let CacheUse { entry, branch, reason, end, seconds, error } = json;
        Ok(Self { entry, branch, reason, end: end.into(), duration: duration(seconds, "cache.seconds")?, error })
    }
}

/// The enums of both sides have the same variants with the same fields; a difference fails to compile here.
macro_rules! mirror_causes {
    ($($variant:ident $({ $($field:ident),+ })?),+) => {
        impl From<report::Cause> for Cause {
            fn from(cause: report::Cause) -> Self {
                match cause { $(report::Cause::$variant $({ $($field),+ })? => Self::$variant $({ $($field),+ })?),+ }
            }
        }
        impl From<Cause> for report::Cause {
            fn from(cause: Cause) -> Self {
                match cause { $(Cause::$variant $({ $($field),+ })? => Self::$variant $({ $($field),+ })?),+ }
            }
        }
    };
}
mirror_causes!(
    NoCache,
    Edited { was },
    Setting { instruction, dockerfile_line },
    BuildArgument { name },
    BaseImage { name, base, head },
    Files { count, examples, ignorable },
    Earlier { step },
    NotCached { reason },
    Unknown { reason }
);
