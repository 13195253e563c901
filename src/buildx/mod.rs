//! The external tool: `docker buildx`, behind the port [`Builder`].

pub mod builder;
pub mod choose;
pub mod container;
pub mod credentials;
pub mod docker;
pub mod failure;
pub mod inherited;
mod log;
pub mod memory;
pub mod metadata;
pub mod names;
pub mod nodes;
mod plugin;
pub mod progress;
pub mod text;
pub mod trace;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use crate::plan::redact::Redactor;
use crate::process::{Ending, Invocation};
use builder::BuilderFacts;
use container::Ran;
use failure::transient::Cause;
use trace::Trace;

/// The builder of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What it is.
    pub facts: BuilderFacts,
    /// The line of `docker buildx version`.
    pub buildx_version: String,
    /// Version of the engine behind the docker client, when it has one.
    pub docker_version: Option<String>,
    /// Why another builder than the current one is used.
    pub replaced: Option<String>,
    /// What failed for a passing reason before the builder answered, in order.
    pub retried: Vec<(Cause, String)>,
    /// Whether that one was made just now, so that whoever cleans up may remove it.
    pub is_created: bool,
}

/// One build to run.
#[derive(Clone)]
pub struct BuildRequest<'r> {
    /// The exact command.
    pub invocation: Invocation,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Where its log goes, as text.
    pub log: PathBuf,
    /// What must not reach the log.
    pub redactor: &'r Redactor,
    /// Stops it.
    pub cancel: &'r CancellationToken,
}

/// What a build left behind beside its files.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildRecord {
    /// The command's exit status, `None` when a signal ended it. It alone says whether the build succeeded.
    pub exit_status: Option<i32>,
    /// Who ended it.
    pub ending: Ending,
    /// Wall time of the command on a monotonic clock.
    pub wall: Duration,
    /// What its progress stream said.
    pub trace: Trace,
    /// Why its log is not whole, when it is not.
    pub log_error: Option<String>,
}

/// The port to whatever builds images.
pub trait Builder {
    /// Runs one build to its end, telling `watch` what happens meanwhile.
    ///
    /// # Errors
    /// When the build could not be started at all. A build that fails is a record, not an error.
    fn build(
        &self,
        request: BuildRequest<'_>,
        watch: &mut dyn FnMut(progress::Event<'_>),
    ) -> impl Future<Output = Result<BuildRecord>>;

    /// Makes or reads an index in a registry, and returns what that printed.
    ///
    /// # Errors
    /// When the registry or the builder refuses or does not answer; what it said is part of the error.
    fn imagetools(&self, invocation: &Invocation) -> impl Future<Output = Result<Vec<u8>>>;

    /// Why a builder does not answer; `None` when it does.
    fn silence(&self, builder: &str) -> impl Future<Output = Option<String>>;

    /// Runs a command of docker to its end, whoever else was stopped.
    ///
    /// # Errors
    /// When it could not be started at all.
    fn run(
        &self,
        invocation: &Invocation,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> impl Future<Output = Result<Ran>>;
}
