//! Pushes what was tested: the image that was weighed is loaded into the engine, its commands run in it, and the same
//! bytes are pushed from the layout. Nothing is built a second time, as that could give another image.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::cells::Building;
use super::retry::Retries;
use crate::buildx::Builder;
use crate::buildx::container::{self, Ran};
use crate::buildx::failure::transient::{Cause, Request, transient};
use crate::fs;
use crate::oci::archive::writer;
use crate::oci::{Image, Layout, Parts, Platform};
use crate::plan::Cell;
use crate::plan::index::destinations;
use crate::process::{Ending, Invocation};
use crate::registry::Repository;
use crate::report::{CellReport, Failure, Finding, Outcome, Severity};
use crate::units::show_duration;

/// How long an engine may take to load an image.
const LOADING: Duration = Duration::from_secs(1_800);
/// How long it may take to answer anything else.
const ANSWERING: Duration = Duration::from_secs(60);
/// Lines of a test that stand in the report.
const LOG_LINES: usize = 20;

/// A test that failed.
struct FailedTest {
    command: String,
    message: String,
    ran: Ran,
}

impl Building<'_> {
    /// Tests an image that was built, where it has tests, and pushes it where it is to be pushed. A test that fails makes
    /// the cell a failed one, of which nothing is pushed.
    pub(super) async fn test_and_push(
        &self,
        docker: &impl Builder,
        cell: &Cell<'_>,
        report: &mut CellReport,
        stop: &CancellationToken,
    ) {
        if cell.image.tests.is_empty() || report.outcome != Outcome::Built {
            return;
        }
        let failure = match self.try_and_push(docker, cell, report, stop).await {
            Ok(None) => return,
            Ok(Some(test)) => {
                let start = test.ran.lines.len().saturating_sub(LOG_LINES);
                let log_tail = test.ran.lines.get(start..).unwrap_or_default().to_vec();
                let failure = Failure { log_tail, step: Some(test.command), ..self.failure(cell, &test.message) };
                Failure { explanation: explain(&test.ran), ..failure }
            }
            Err(error) => self.failure(cell, &format!("{error:#}")),
        };
        report.outcome = if stop.is_cancelled() { Outcome::Cancelled } else { Outcome::Failed };
        report.failure = Some(failure);
        (report.image, report.pushed_digest) = (None, None);
    }

    fn failure(&self, cell: &Cell<'_>, message: &str) -> Failure {
        let log = cell.files.log();
        let below_output = log.components().rev().take(4).collect::<Vec<_>>().into_iter().rev();
        let log_path = below_output.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        Failure {
            message: self.redactor.apply(message).into_owned(),
            step: None,
            dockerfile_line: None,
            source_line: None,
            log_tail: Vec::new(),
            explanation: None,
            log_path: Some(log_path),
        }
    }

    async fn try_and_push(
        &self,
        docker: &impl Builder,
        cell: &Cell<'_>,
        report: &mut CellReport,
        stop: &CancellationToken,
    ) -> Result<Option<FailedTest>> {
        let layout = Layout::open(&cell.files.layout())?;
        let image = layout.image(&cell.id.platform)?;
        let parts = Arc::new(Parts::of(&layout)?);
        let engine =
            answer(docker, container::engine_platform()).await.context("ask the engine that runs the tests")?;
        if runs_natively(&engine, &cell.id.platform) || cell.image.tests.emulated {
            if let Some(failed) = self.test(docker, cell, Arc::clone(&parts), image, stop).await? {
                return Ok(Some(failed));
            }
            self.view.say(&format!("{}: tested as {}", cell.id, parts.digest()));
        } else {
            report.findings.push(not_tested(&engine));
        }
        ensure!(!stop.is_cancelled(), "stopped before the image was pushed");
        self.push(cell, &parts, report).await?;
        Ok(None)
    }

    /// Runs the tests of an image in order, up to the first that fails.
    async fn test(
        &self,
        docker: &impl Builder,
        cell: &Cell<'_>,
        parts: Arc<Parts>,
        image: Image,
        stop: &CancellationToken,
    ) -> Result<Option<FailedTest>> {
        let name = unique_name(cell);
        let reference = format!("docker.io/weighbridge/tested:{name}");
        let known = [parts.digest().to_owned(), image.digest.clone(), image.config_digest.clone()];
        load(docker, cell, parts, image, &reference, stop).await?;
        let tested = async {
            let id = answer(docker, container::image_id(&reference)).await.context("find the loaded image")?;
            ensure!(known.contains(&id), "the engine has {id} under the name of {}", known.join(" or "));
            self.run_tests(docker, cell, &id, &name, stop).await
        };
        let tested = tested.await;
        // A name that stays behind does no harm.
        let _ = docker.run(&container::remove_image(&reference), ANSWERING, &CancellationToken::new()).await;
        tested
    }

    async fn run_tests(
        &self,
        docker: &impl Builder,
        cell: &Cell<'_>,
        id: &str,
        name: &str,
        stop: &CancellationToken,
    ) -> Result<Option<FailedTest>> {
        let tests = &cell.image.tests;
        for command in &tests.commands {
            let container = format!("weighbridge-test-{name}");
            let run = container::run(&container, &cell.id.platform, id, command);
            let mut ran = docker.run(&run, tests.timeout, stop).await?;
            if ran.ending != Ending::Exited {
                // The client is gone; what it has started is not.
                let _ =
                    docker.run(&container::remove_container(&container), ANSWERING, &CancellationToken::new()).await;
            }
            ran.lines.iter_mut().for_each(|line| *line = self.redactor.apply(line).into_owned());
            let command = self.redactor.apply(&shell_words::join(command)).into_owned();
            let log = format!("\n$ {command}\n{}\n", ran.lines.join("\n"));
            if let Err(error) = fs::append_lines(&cell.files.log(), &log) {
                self.view.say(&format!("warning: {error:#}"));
            }
            let message = match (ran.ending, ran.exit_status) {
                (Ending::Exited, Some(0)) => continue,
                (Ending::Exited, Some(status)) => format!("the test `{command}` failed: exit status {status}"),
                (Ending::Exited, None) => format!("the test `{command}` failed: docker was ended by a signal"),
                (Ending::TimedOut, _) => {
                    format!("the test `{command}` was stopped after {}", show_duration(tests.timeout))
                }
                (Ending::Cancelled, _) => format!("the test `{command}` was stopped"),
            };
            return Ok(Some(FailedTest { command, message, ran }));
        }
        Ok(None)
    }

    async fn push(&self, cell: &Cell<'_>, parts: &Parts, report: &mut CellReport) -> Result<()> {
        let mut retries = Retries::default();
        for (name, tags) in destinations(cell, self.delivery) {
            let repository = Repository::new(self.env, &name)?;
            let tags: Vec<String> = tags
                .iter()
                .map(|tag| tag.strip_prefix(&name).and_then(|tag| tag.strip_prefix(':')).unwrap_or("latest").to_owned())
                .collect();
            let pushed = repository.push_image(parts, &tags).await;
            for stumble in repository.take_stumbles() {
                let cause = transient(&stumble, Request::JustPushed).map_or(Cause::Connection, |passing| passing.cause);
                retries.add(cause, &stumble);
            }
            pushed.with_context(|| format!("push {name}"))?;
            report.pushed_digest = Some(parts.digest().to_owned());
        }
        if let Some(mut finding) = retries.finding("pushed") {
            finding.message = self.redactor.apply(&finding.message).into_owned();
            report.findings.push(finding);
        }
        Ok(())
    }
}

async fn load(
    docker: &impl Builder,
    cell: &Cell<'_>,
    parts: Arc<Parts>,
    image: Image,
    reference: &str,
    stop: &CancellationToken,
) -> Result<()> {
    let file = cell.files.directory.join("image.tar");
    let (place, name) = (file.clone(), reference.to_owned());
    tokio::task::spawn_blocking(move || writer::write(&parts, &image, &name, &place)).await??;
    let loaded = docker.run(&container::load(&file), LOADING, stop).await;
    fs::remove_file(&file)?;
    let loaded = loaded?;
    ensure!(loaded.has_succeeded(), "load the image into the engine: {}", loaded.lines.join("; "));
    Ok(())
}

/// The first line that a question is answered with.
async fn answer(docker: &impl Builder, question: Invocation) -> Result<String> {
    let ran = docker.run(&question, ANSWERING, &CancellationToken::new()).await?;
    match ran.lines.first() {
        Some(line) if ran.has_succeeded() => Ok(line.trim().to_owned()),
        _ => bail!("run `{question}`: {}", ran.lines.join("; ")),
    }
}

/// Whether an engine of this platform runs another one as it is.
fn runs_natively(engine: &str, platform: &Platform) -> bool {
    let Ok(engine) = engine.parse::<Platform>() else { return false };
    let (own, other) = (engine.architecture.as_str(), platform.architecture.as_str());
    engine.os == platform.os && (own == other || (own, other) == ("amd64", "386"))
}

fn not_tested(engine: &str) -> Finding {
    Finding {
        rule: Finding::NOT_TESTED.to_owned(),
        severity: Severity::Notice,
        message: format!(
            "its tests were not run, as the engine of {engine} would have to emulate it (`test_emulated: true` does)"
        ),
        dockerfile_line: None,
        url: None,
    }
}

/// What Docker's own exit codes mean (<https://docs.docker.com/engine/containers/run/#exit-status>).
fn explain(ran: &Ran) -> Option<String> {
    let meaning = match ran.exit_status? {
        125 => "The engine could not run the container.",
        126 => "The program is in the image and cannot be started.",
        127 => {
            "The program is not in the image. A test names a program of the image itself: no shell is between, unless the \
             image has one and the test names it."
        }
        137 => "The container was killed, most likely because memory ran out.",
        _ => return None,
    };
    (ran.ending == Ending::Exited).then(|| meaning.to_owned())
}

/// A name that no other cell of no other run on this engine has.
fn unique_name(cell: &Cell<'_>) -> String {
    let text = format!("{} {} {}", std::process::id(), cell.id, cell.files.directory.display());
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_runs_its_own_architecture_and_what_that_holds() {
        for (engine, platform, expected) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/386", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/amd64", "linux/arm64", false),
            ("windows/amd64", "linux/amd64", false),
            ("", "linux/amd64", false),
        ] {
            assert_eq!(runs_natively(engine, &platform.parse().unwrap()), expected, "{engine} {platform}");
        }
    }
}
