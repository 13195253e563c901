//! One cell: what its build said and what its layout holds, as the facts of the report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::cache::measure_cache;
use super::findings::build_findings;
use super::known::KnownLayers;
use super::size::{Measured, measure_image};
use super::steps::base_images;
use super::timing::measure_timing;
use crate::buildx::BuildRecord;
use crate::buildx::failure::{explain_failure, is_cancelled};
use crate::buildx::inherited::Inherited;
use crate::buildx::metadata::read_build_ref;
use crate::config::{DockerfileSource, Image};
use crate::dockerfile::Dockerfile;
use crate::fs;
use crate::plan::fan::definition;
use crate::plan::redact::Redactor;
use crate::plan::{Cell, Support};
use crate::process::Ending;
use crate::report::{CellReport, Failure, Finding, Outcome, Severity};
use crate::secrecy::names_a_secret;
use crate::units::show_duration;

/// Larger than any Dockerfile that BuildKit accepts in one gRPC message.
const DOCKERFILE_LIMIT_BYTES: u64 = 4 << 20;

/// The facts of a build that ended, whatever its end; `root` is the configuration's, which paths are told from. An image that cannot be measured is a finding, never a zero.
pub async fn measure_cell(
    cell: &Cell<'_>,
    root: &Path,
    record: BuildRecord,
    known: &Arc<KnownLayers>,
    redactor: &Redactor,
) -> CellReport {
    let dockerfile = read_dockerfile(&cell.image.dockerfile);
    let outcome = outcome(&record);
    let (cache, cache_findings) = measure_cache(&cell.cache, &record.trace, outcome);
    let findings = [build_findings(&record.trace, outcome), cache_findings].concat();
    let mut report = CellReport {
        timing: Some(measure_timing(&record.trace, record.wall, dockerfile.as_ref())),
        cache: Some(cache),
        findings,
        ..not_built(cell, root, outcome, None)
    };
    report.findings.extend(record.log_error.as_ref().map(|error| log_not_written(error)));
    if outcome == Outcome::Built {
        // Written by the builder after success; without it only the name of the record is unknown.
        report.build_ref = read_build_ref(&cell.files.metadata()).unwrap_or_default();
        report.pushed_digest = record.trace.pushed_digest().map(str::to_owned);
        match weigh(cell, &record, dockerfile, Arc::clone(known)).await {
            Ok(Measured { image, unread }) => {
                report.image = Some(image);
                report.findings.extend(unread);
            }
            Err(error) => report.findings.push(not_measured(&error)),
        }
    } else {
        let mut failure = explain_failure(&record.trace, record.exit_status, dockerfile.as_ref());
        if outcome == Outcome::TimedOut {
            failure.message = format!("stopped by the time limit after {}", show_duration(record.wall));
        }
        let log_path = PathBuf::from("cells").join(&cell.id.image).join(cell.id.platform.slug()).join("build.log");
        report.failure = Some(Failure { log_path: Some(log_path.to_string_lossy().into_owned()), ..failure });
    }
    redact(&mut report, redactor);
    report
}

/// The report of a cell without a build to measure: it never started, or was stopped before it could.
#[must_use]
pub fn not_built(cell: &Cell<'_>, root: &Path, outcome: Outcome, error: Option<String>) -> CellReport {
    let failure = error.map(|message| Failure {
        message,
        step: None,
        dockerfile_line: None,
        source_line: None,
        log_tail: Vec::new(),
        explanation: None,
        log_path: None,
    });
    CellReport {
        id: cell.id.clone(),
        outcome,
        emulated: cell.support == Support::Emulated,
        node: cell.node.clone(),
        dockerfile: dockerfile_name(&cell.image.dockerfile, root),
        failure,
        build_ref: None,
        pushed_digest: None,
        image: None,
        timing: None,
        cache: None,
        build_args: build_args(cell.image),
        findings: Vec::new(),
        budgets: Vec::new(),
        definition: Some(definition(cell.image, root)),
        runner_class: None,
        carried_over: None,
    }
}

fn outcome(record: &BuildRecord) -> Outcome {
    match (record.ending, record.exit_status) {
        (Ending::Cancelled, _) => Outcome::Cancelled,
        (Ending::TimedOut, _) => Outcome::TimedOut,
        (Ending::Exited, Some(0)) => Outcome::Built,
        (Ending::Exited, _) if is_cancelled(&record.trace) => Outcome::Cancelled,
        (Ending::Exited, _) => Outcome::Failed,
    }
}

/// What tells whether a build argument changed, without telling its value. Where the name says that it is secret, not
/// even that is kept: a digest of a short secret can be guessed.
#[must_use]
pub fn build_args(image: &Image) -> BTreeMap<String, Option<String>> {
    let digest = |value: &Option<String>| {
        let hex: String =
            Sha256::digest(value.as_deref().unwrap_or_default()).iter().map(|byte| format!("{byte:02x}")).collect();
        hex.chars().take(16).collect::<String>()
    };
    let of = |(name, value): (&String, &Option<String>)| {
        (name.clone(), (!names_a_secret(name) && value.is_some()).then(|| digest(value)))
    };
    image.build_args.iter().map(of).collect()
}

/// The Dockerfile as people find it from the configuration; of one outside of its root, the file's name.
fn dockerfile_name(source: &DockerfileSource, root: &Path) -> Option<String> {
    let path = match source {
        DockerfileSource::Path(path) => path.strip_prefix(root).ok().or_else(|| path.file_name().map(Path::new))?,
        DockerfileSource::InRemoteContext(path) => Path::new(path),
        DockerfileSource::Inline(_) => return None,
    };
    Some(path.to_string_lossy().into_owned())
}

/// The Dockerfile as it is on disk; what cannot be read or parsed costs the line numbers, nothing else.
fn read_dockerfile(source: &DockerfileSource) -> Option<Dockerfile> {
    let text = match source {
        DockerfileSource::Path(path) => fs::read_text(path, DOCKERFILE_LIMIT_BYTES).ok()?,
        DockerfileSource::Inline(text) => text.clone(),
        DockerfileSource::InRemoteContext(_) => return None,
    };
    Dockerfile::parse(&text).ok()
}

/// Reads layers on a blocking thread, so that other builds go on being watched.
async fn weigh(
    cell: &Cell<'_>,
    record: &BuildRecord,
    dockerfile: Option<Dockerfile>,
    known: Arc<KnownLayers>,
) -> Result<Measured> {
    let (layout, platform, target) = (cell.files.layout(), cell.id.platform.clone(), cell.image.target.clone());
    let base_images = base_images(&record.trace);
    // Layers of inherited steps look like those of the base image, so where there are any, no origin is claimed.
    let dockerfile = dockerfile.filter(|_| Inherited::of(&record.trace).is_empty());
    let measure = move || {
        let lines = dockerfile.as_ref().map(|dockerfile| (dockerfile, target.as_deref()));
        measure_image(&layout, &platform, lines, base_images, &known)
    };
    tokio::task::spawn_blocking(measure).await.context("measure the image")?
}

fn log_not_written(error: &str) -> Finding {
    Finding {
        rule: "log-not-written".to_owned(),
        severity: Severity::Warning,
        message: format!("the build's log is not whole: {error}"),
        dockerfile_line: None,
        url: None,
    }
}

fn not_measured(error: &anyhow::Error) -> Finding {
    Finding {
        rule: "image-not-measured".to_owned(),
        severity: Severity::Error,
        message: format!("the image could not be measured: {error:#}"),
        dockerfile_line: None,
        url: None,
    }
}

/// Commands, logs and errors may repeat a secret; no text from outside leaves this stage unscrubbed.
fn redact(report: &mut CellReport, redactor: &Redactor) {
    let scrub = |text: &mut String| redactor.scrub(text);
    report.dockerfile.iter_mut().for_each(scrub);
    if let Some(failure) = &mut report.failure {
        scrub(&mut failure.message);
        failure.step.iter_mut().chain(&mut failure.source_line).chain(&mut failure.log_tail).for_each(scrub);
    }
    if let Some(image) = &mut report.image {
        for layer in &mut image.layers {
            scrub(&mut layer.created_by);
            layer.instruction.iter_mut().for_each(scrub);
        }
        image.contents.iter_mut().flat_map(super::texts::of_contents).for_each(scrub);
    }
    if let Some(timing) = &mut report.timing {
        timing.steps.iter_mut().for_each(|step| scrub(&mut step.instruction));
    }
    if let Some(cache) = &mut report.cache {
        let uses = cache.imports.iter_mut().chain(&mut cache.exports);
        uses.flat_map(|one| [Some(&mut one.entry), one.error.as_mut()]).flatten().for_each(scrub);
        cache.left_out.iter_mut().for_each(scrub);
    }
    report.findings.iter_mut().for_each(|finding| scrub(&mut finding.message));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfile_is_named_from_the_root_of_the_configuration() {
        let path = |path: &str| DockerfileSource::Path(path.into());
        for (source, expected) in [
            (path("/shop/services/orders/Dockerfile"), Some("services/orders/Dockerfile")),
            (path("/shop/Dockerfile"), Some("Dockerfile")),
            (path("/shop-2/app.Dockerfile"), Some("app.Dockerfile")),
            (DockerfileSource::InRemoteContext("docker/Dockerfile".into()), Some("docker/Dockerfile")),
            (DockerfileSource::Inline("FROM scratch".into()), None),
        ] {
            assert_eq!(dockerfile_name(&source, Path::new("/shop")).as_deref(), expected, "{source:?}");
        }
    }
}
