//! The real tool: every command line of `docker` that is not a build, and the [`Builder`] that runs builds.

use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;

use super::builder::BuilderFacts;
use super::choose::{Choice, OWN_BUILDER, choose};
use super::container::{self, Ran};
use super::failure::transient::{Cause, Request, transient};
use super::log::BuildLog;
use super::memory::{Answers, Memory};
use super::plugin;
use super::progress::{Event, Folder};
use super::{BuildRecord, BuildRequest, Builder, Prepared};
use crate::env::Env;
use crate::error::Exit;
use crate::patience::{Patience, Spread, Waits};
use crate::process::{self, Invocation, Limits, Output, ProcessError};
use crate::units::parse_duration;
use crate::version::{OLDEST_BUILDX, Version};

/// How long docker may take to answer a question; booting a builder may pull an image.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(180);
/// How long a builder is given to come up.
const BOOTING: Patience =
    Patience { attempts: 3, first: Duration::from_secs(1), total: Duration::from_secs(60), spread: Spread::Random };
/// Bytes of a line that a container prints.
const MAX_LINE: usize = 4 << 10;
/// More than any answer that is asked for.
const ANSWER_LIMIT_BYTES: usize = 16 << 20;

/// The `docker` program.
#[derive(Debug, Clone)]
pub struct Docker {
    timeout: Duration,
    plugin: Option<PathBuf>,
    /// Ends the wait for an answer; builds have tokens of their own.
    cancel: CancellationToken,
}

impl Docker {
    /// Docker as it is found on `PATH`. `WEIGHBRIDGE_DOCKER_TIMEOUT` bounds how long it may take to answer;
    /// `cancel` ends the wait.
    ///
    /// # Errors
    /// When that variable is not a duration.
    pub fn new(env: &Env, cancel: CancellationToken) -> Result<Self> {
        let timeout = env.get("WEIGHBRIDGE_DOCKER_TIMEOUT").map(parse_duration).transpose();
        let timeout = timeout.context(Exit::usage("read WEIGHBRIDGE_DOCKER_TIMEOUT"))?.unwrap_or(ANSWER_TIMEOUT);
        Ok(Self { timeout, plugin: plugin::find(env), cancel })
    }

    /// Makes sure that there is a builder that can do the work, pushing by digest included where that is asked for: the
    /// named or current one if it can, else our own.
    ///
    /// # Errors
    /// When docker or buildx is missing, too old or does not answer, or the builder cannot be used.
    pub async fn prepare(&self, builder: Option<&str>, pushes_by_digest: bool, memory: &Memory) -> Result<Prepared> {
        let mut retried = Vec::new();
        let answers = match memory.recall() {
            Some(answers) => answers,
            None => self.answers_patiently(builder, &mut retried).await?,
        };
        let facts = builder_facts(&answers.inspect)?;
        require_recent(&answers.buildx_version)?;
        let versions = (answers.buildx_version.clone(), answers.docker_version.clone());
        let (facts, is_created, replaced) = match choose(&facts, builder.is_some(), pushes_by_digest) {
            Choice::Use => (facts, false, None),
            Choice::Refuse(reason) => bail!(Exit::build_failed(reason)),
            Choice::Replace(reason) => {
                let (facts, is_created) = self.own_builder().await?;
                (facts, is_created, Some(reason))
            }
        };
        memory.remember(&answers);
        Ok(Prepared { facts, buildx_version: versions.0, docker_version: versions.1, replaced, retried, is_created })
    }

    /// A builder that boots may pull an image and start a container, or be that of a machine that starts. An engine that
    /// is not there is told at once.
    async fn answers_patiently(&self, builder: Option<&str>, retried: &mut Vec<(Cause, String)>) -> Result<Answers> {
        let inspect = |answers: &Answers| BuilderFacts::parse(&answers.inspect);
        self.patiently(async || self.answers(builder).await, inspect, retried).await
    }

    /// Asks until a builder is there, as long as what keeps it may pass.
    pub(super) async fn patiently<T>(
        &self,
        ask: impl AsyncFn() -> Result<T>,
        facts: impl Fn(&T) -> BuilderFacts,
        retried: &mut Vec<(Cause, String)>,
    ) -> Result<T> {
        let mut waits = Waits::from(BOOTING);
        loop {
            let answers = ask().await;
            let error = match &answers {
                Ok(answers) => facts(answers).trouble().map(str::to_owned),
                Err(error) => Some(format!("{error:#}")),
            };
            let error = error.filter(|error| !error.contains("Cannot connect to the Docker daemon"));
            let passing = error.as_deref().and_then(|error| transient(error, Request::Any));
            let wait = passing.and_then(|passing| waits.next(|usual| passing.after.unwrap_or_default().max(usual)));
            let (Some(passing), Some(wait)) = (passing, wait) else { return answers };
            if self.cancel.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return answers;
            }
            retried.extend(error.map(|error| (passing.cause, error)));
        }
    }

    async fn answers(&self, builder: Option<&str>) -> Result<Answers> {
        let (buildx_version, docker_version, inspect) =
            tokio::join!(self.buildx_version(), self.docker_version(), self.inspect_text(builder));
        Ok(Answers { buildx_version: buildx_version?, docker_version: docker_version.ok(), inspect: inspect? })
    }

    /// The line of `docker buildx version`.
    ///
    /// # Errors
    /// When docker or the plugin is missing or does not answer.
    pub async fn buildx_version(&self) -> Result<String> {
        let output =
            self.ask(&buildx(["version"])).await.context(Exit::build_failed("ask for the version of buildx"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The version of the engine.
    ///
    /// # Errors
    /// When there is no engine behind the client.
    pub async fn docker_version(&self) -> Result<String> {
        let question = Invocation::new("docker").args(["version", "--format", "{{.Server.Version}}"]);
        let output = self.ask(&question).await.context(Exit::build_failed("ask the docker engine for its version"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// What a builder is and can do, booting it if need be.
    ///
    /// # Errors
    /// When there is no such builder, it does not boot, or docker does not answer.
    pub async fn inspect(&self, builder: Option<&str>) -> Result<BuilderFacts> {
        builder_facts(&self.inspect_text(builder).await?)
    }

    pub(super) async fn inspect_text(&self, builder: Option<&str>) -> Result<String> {
        let question = buildx(["inspect", "--bootstrap"]).args(builder);
        let output = self.ask(&question).await.context(Exit::build_failed("inspect the builder"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Resolves bake or Compose files to JSON with `docker buildx bake --print`.
    ///
    /// # Errors
    /// When bake refuses the files or docker does not answer.
    pub async fn print_bake(&self, files: &[PathBuf], targets: &[String], directory: &Path) -> Result<Vec<u8>> {
        let files = files.iter().map(|file| format!("--file={}", file.display()));
        // Quiet, or an error comes below the progress of reading the files.
        let question = buildx(["bake", "--print", "--progress=quiet"]).args(files).args(targets).directory(directory);
        Ok(self.ask(&question).await?.stdout)
    }

    /// Writes an image of the engine as an archive, with all platforms that the engine has of it.
    ///
    /// # Errors
    /// When the engine has no such image or does not answer, or the file cannot be written.
    pub async fn save(&self, image: &str, archive: &mut impl Write) -> Result<()> {
        let command = Invocation::new("docker").args(["image", "save", "--", image]);
        let saved = process::output_to(&command, archive, &self.cancel).await;
        saved.and_then(|output| output.require_success(&command)).map_err(with_hint)?;
        Ok(())
    }

    /// Our builder, and whether it was not there before.
    async fn own_builder(&self) -> Result<(BuilderFacts, bool)> {
        if let Ok(facts) = self.inspect(Some(OWN_BUILDER)).await {
            return Ok((facts, false));
        }
        let create = buildx(["create", "--name", OWN_BUILDER, "--driver", "docker-container"]);
        self.ask(&create).await.context(Exit::build_failed("create a builder with the docker-container driver"))?;
        Ok((self.inspect(Some(OWN_BUILDER)).await?, true))
    }

    pub(super) async fn ask(&self, question: &Invocation) -> Result<Output> {
        let limits = Limits { timeout: self.timeout, max_output_bytes: ANSWER_LIMIT_BYTES };
        let direct = plugin::direct(question, self.plugin.as_deref());
        let Some(answer) = self.cancel.run_until_cancelled(process::output(&direct, limits)).await else {
            bail!("run `{question}`: stopped");
        };
        let answer = answer.and_then(|output| output.require_success(question));
        answer.map_err(with_hint)
    }
}

impl Builder for Docker {
    async fn build(&self, request: BuildRequest<'_>, watch: &mut dyn FnMut(Event<'_>)) -> Result<BuildRecord> {
        let mut log = BuildLog::create(&request.log, request.redactor)?;
        let mut folder = Folder::default();
        let on_line = |line: &[u8]| {
            folder.line(line, |event| {
                log.record(event);
                watch(event);
            });
        };
        let direct = plugin::direct(&request.invocation, self.plugin.as_deref());
        let finished = process::stream(&direct, on_line, request.cancel, request.timeout).await;
        let finished = finished.context(Exit::build_failed("start docker buildx"))?;
        Ok(BuildRecord {
            exit_status: finished.status.code(),
            ending: finished.ending,
            wall: finished.wall,
            trace: folder.finish(),
            log_error: log.finish().err().map(|error| format!("{error:#}")),
        })
    }

    async fn imagetools(&self, invocation: &Invocation) -> Result<Vec<u8>> {
        Ok(self.ask(invocation).await?.stdout)
    }

    async fn silence(&self, builder: &str) -> Option<String> {
        match self.inspect_text(Some(builder)).await {
            Ok(text) => trouble(&BuilderFacts::parse(&text)),
            Err(error) => Some(reason(&error)),
        }
    }

    async fn run(&self, invocation: &Invocation, timeout: Duration, cancel: &CancellationToken) -> Result<Ran> {
        let mut errors = VecDeque::new();
        let on_line = |line: &[u8]| {
            errors.push_back(String::from_utf8_lossy(line.get(..MAX_LINE).unwrap_or(line)).into_owned());
            if errors.len() > container::LINES {
                errors.pop_front();
            }
        };
        let finished = process::stream(invocation, on_line, cancel, Some(timeout)).await;
        Ok(Ran::of(finished.context(Exit::build_failed("start docker"))?, errors.into()))
    }
}

pub(super) fn buildx<const N: usize>(args: [&str; N]) -> Invocation {
    Invocation::new("docker").arg("buildx").args(args)
}

pub(super) fn builder_facts(text: &str) -> Result<BuilderFacts> {
    let facts = BuilderFacts::parse(text);
    if let Some(error) = &facts.error {
        let hint = hint_of(error).map(|hint| format!("; {hint}")).unwrap_or_default();
        bail!(Exit::build_failed(format!("inspect the builder: {error}{hint}")));
    }
    if facts.driver.is_empty() {
        let shown: String = text.chars().take(200).collect();
        bail!(Exit::build_failed(format!(
            "inspect the builder: docker buildx answered {shown:?}, which names no driver"
        )));
    }
    Ok(facts)
}

/// What buildx says is wrong, without how it was asked.
pub(super) fn reason(error: &anyhow::Error) -> String {
    let whole = format!("{error:#}");
    whole.rsplit_once("ERROR: ").map_or(whole.clone(), |(_, reason)| reason.to_owned())
}

/// Why builds cannot be given to it now.
fn trouble(facts: &BuilderFacts) -> Option<String> {
    let idle = facts.nodes.iter().find(|node| node.status != "running");
    facts.trouble().map(str::to_owned).or_else(|| idle.map(|node| format!("it is {}", node.status)))
}

pub(super) fn require_recent(line: &str) -> Result<()> {
    match Version::parse_buildx(line) {
        Some(version) if version < OLDEST_BUILDX => {
            bail!(Exit::build_failed(format!(
                "buildx {version} is too old; weighbridge needs {OLDEST_BUILDX} or later"
            )))
        }
        // A version that is not told is tried, not refused.
        _ => Ok(()),
    }
}

fn with_hint(error: ProcessError) -> anyhow::Error {
    match hint(&error) {
        Some(hint) => anyhow::anyhow!("{error}; {hint}"),
        None => error.into(),
    }
}

/// What to do about the errors that most new users meet.
fn hint(error: &ProcessError) -> Option<&'static str> {
    match () {
        () if error.is_missing() => Some("see https://docs.docker.com/engine/install/"),
        () if error.is_timeout() => Some("is the engine overloaded or unreachable? try `docker info`"),
        () => hint_of(error.stderr_tail()),
    }
}

fn hint_of(stderr: &str) -> Option<&'static str> {
    match () {
        () if stderr.contains("'buildx' is not a docker command")
            || stderr.contains("unknown command: docker buildx") =>
        {
            Some("install the buildx plugin (https://github.com/docker/buildx#installing)")
        }
        () if stderr.contains("Cannot connect to the Docker daemon") => {
            Some("start the engine, or point DOCKER_HOST at one; `weighbridge doctor` checks the rest")
        }
        () if stderr.contains("permission denied") => {
            Some("add this user to the docker group, or run as a user who may use the engine")
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_buildx_is_refused_and_an_unknown_one_tried() {
        assert!(require_recent("github.com/docker/buildx v0.12.1 x").is_err());
        for line in ["github.com/docker/buildx v0.13.0 x", "github.com/docker/buildx v0.0.0+unknown", ""] {
            assert!(require_recent(line).is_ok(), "{line}");
        }
    }
}
