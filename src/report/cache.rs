//! What became of a cell's caches, and why steps were not served from them.

use std::time::Duration;

/// The caches of a build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheReport {
    /// What was to be read, in this order.
    pub imports: Vec<CacheUse>,
    /// What was to be written.
    pub exports: Vec<CacheUse>,
    /// What was left out and why, as phrases.
    pub left_out: Vec<String>,
    /// Bytes of layers that came from remote caches; `None` when the stream does not say.
    pub imported_bytes: Option<u64>,
}

/// One cache that was to be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheUse {
    /// The entry as it stood on the command line, which holds no secret.
    pub entry: String,
    /// The branch whose cache it is, where the entry tells branches apart.
    pub branch: Option<String>,
    /// Why it was planned, as a phrase.
    pub reason: String,
    /// What became of it.
    pub end: CacheEnd,
    /// How long it took.
    pub duration: Duration,
    /// The builder's error, one line, untrusted text.
    pub error: Option<String>,
}

/// What became of a cache that was to be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The configuration asks for it: `no_cache` or `no_cache_filter`.
    NoCache,
    /// The instruction is not what it was.
    Edited {
        /// What it was, untrusted text; `None` of one that was not there.
        was: Option<String>,
    },
    /// An instruction above it that it depends on is not what it was.
    Setting {
        /// That instruction, untrusted text.
        instruction: String,
        /// Its line in the Dockerfile, counted from 1.
        dockerfile_line: u32,
    },
    /// A build argument has another value.
    BuildArgument {
        /// Its name.
        name: String,
    },
    /// A base image moved to another digest.
    BaseImage {
        /// The reference, untrusted text.
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
        /// The most telling of them, relative to the build context, untrusted text.
        examples: Vec<String>,
        /// Lines for `.dockerignore`, when all of the files are of a kind that images rarely need.
        ignorable: Vec<String>,
    },
    /// A step that it builds upon ran.
    Earlier {
        /// The position of that step in the list of steps.
        step: usize,
    },
    /// Nothing changed, and no cache had its result.
    NotCached {
        /// What is known of the reason, as a phrase.
        reason: String,
    },
    /// What is known does not tell.
    Unknown {
        /// Why not, as a phrase.
        reason: String,
    },
}
