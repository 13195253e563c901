//! The JSON form back to a [`report::Report`], doubting every value.

use std::time::Duration;

use anyhow::{Context, Error, Result, anyhow, bail};

use super::types;
use crate::report;

impl TryFrom<types::Report> for report::Report {
    type Error = Error;

    fn try_from(json: types::Report) -> Result<Self> {
        let mut cells = json.cells.into_iter().map(cell).collect::<Result<Vec<_>>>()?;
        cells.sort_by(|a, b| a.id.cmp(&b.id));
        let twice = cells.iter().zip(cells.iter().skip(1)).find(|(cell, next)| cell.id == next.id);
        if let Some((cell, _)) = twice {
            bail!("cell {} stands twice in the report", cell.id);
        }
        Ok(Self {
            context: json.context.into(),
            environment: environment(json.environment, json.tool.version),
            cells,
            indexes: json.indexes,
            verdict: json.verdict.into(),
            leg: json.leg.map(Into::into),
        })
    }
}

impl From<types::Context> for report::RunContext {
    fn from(json: types::Context) -> Self {
        let types::Head { sha, reference, dirty } = json.head;
        let base = json.base.map(|types::Base { sha, chosen_by, commits_older, store }| report::Base {
            sha,
            chosen_by,
            commits_older,
            store,
        });
        Self { head: report::Head { sha, reference, dirty }, base }
    }
}

impl From<types::Leg> for report::Leg {
    fn from(json: types::Leg) -> Self {
        let types::Leg { run, attempt, configuration, pushes } = json;
        Self { run, attempt, configuration, pushes }
    }
}

fn environment(json: types::Environment, weighbridge_version: String) -> report::Environment {
    report::Environment {
        weighbridge_version,
        buildx_version: json.buildx_version,
        buildkit_version: json.buildkit_version,
        docker_version: json.docker_version,
        builder: json.builder,
        driver: json.driver,
        runner_class: json.runner_class,
    }
}

fn cell(json: types::Cell) -> Result<report::CellReport> {
    let name = format!("cell {} {}", json.image, json.platform);
    let platform = json.platform.parse().with_context(|| name.clone())?;
    let image = image(&json).with_context(|| name.clone())?;
    let timing = timing(&json).with_context(|| name.clone())?;
    let cache = json.cache.map(TryInto::try_into).transpose().context(name)?;
    Ok(report::CellReport {
        id: report::CellId { image: json.image, platform },
        outcome: json.outcome.into(),
        emulated: json.emulated,
        node: json.node,
        dockerfile: json.dockerfile,
        failure: json.failure.map(Into::into),
        build_ref: json.build_ref,
        pushed_digest: json.pushed_digest,
        image,
        timing,
        cache,
        build_args: json.build_args,
        findings: json.findings.into_iter().map(Into::into).collect(),
        budgets: json.budgets.into_iter().map(Into::into).collect(),
        definition: json.definition,
        runner_class: json.runner_class,
        carried_over: json.carried_over,
    })
}

/// The fields of a weighed image stand together or not at all.
fn image(json: &types::Cell) -> Result<Option<report::ImageMeasurement>> {
    if json.digest.is_none() && json.compressed_bytes.is_none() && json.uncompressed_bytes.is_none() {
        return Ok(None);
    }
    Ok(Some(report::ImageMeasurement {
        digest: present(json.digest.clone(), "digest")?,
        compressed_bytes: present(json.compressed_bytes, "compressed_bytes")?,
        uncompressed_bytes: present(json.uncompressed_bytes, "uncompressed_bytes")?,
        config_digest: json.config_digest.clone(),
        config_bytes: present(json.config_bytes, "config_bytes")?,
        attestation_bytes: present(json.attestation_bytes, "attestation_bytes")?,
        layers: present(json.layers.as_ref(), "layers")?.iter().cloned().map(Into::into).collect(),
        base_images: present(json.base_images.as_ref(), "base_images")?.iter().cloned().map(Into::into).collect(),
        contents: json.contents.clone().map(TryInto::try_into).transpose()?,
        scan: json.scan.clone().map(TryInto::try_into).transpose()?,
    }))
}

/// The fields of a timed build stand together or not at all.
fn timing(json: &types::Cell) -> Result<Option<report::Timing>> {
    if json.phases.is_none() && json.wall_seconds.is_none() {
        return Ok(None);
    }
    Ok(Some(report::Timing {
        wall: duration(present(json.wall_seconds, "wall_seconds")?, "wall_seconds")?,
        solve: duration(present(json.solve_seconds, "solve_seconds")?, "solve_seconds")?,
        phases: present(json.phases.as_ref(), "phases")?.try_into()?,
        context_bytes: json.context_bytes,
        cached_steps: present(json.cached_steps, "cached_steps")?,
        total_steps: present(json.total_steps, "total_steps")?,
        executed: duration(present(json.executed_seconds, "executed_seconds")?, "executed_seconds")?,
        steps: present(json.steps.as_ref(), "steps")?.iter().map(step).collect::<Result<_>>()?,
    }))
}

fn present<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| anyhow!("{name} is missing"))
}

pub(super) fn duration(seconds: f64, name: &str) -> Result<Duration> {
    let millis = Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|exact| u64::try_from(exact.saturating_add(Duration::from_micros(500)).as_millis()).ok())
        .ok_or_else(|| anyhow!("{name} is {seconds:?}; expected seconds, 0 or more"))?;
    Ok(Duration::from_millis(millis))
}

impl TryFrom<&types::Phases> for report::Phases {
    type Error = Error;

    fn try_from(json: &types::Phases) -> Result<Self> {
        Ok(Self {
            context: duration(json.context_seconds, "phases.context_seconds")?,
            base_pull: duration(json.base_pull_seconds, "phases.base_pull_seconds")?,
            execution: duration(json.execution_seconds, "phases.execution_seconds")?,
            copy: duration(json.copy_seconds, "phases.copy_seconds")?,
            export: duration(json.export_seconds, "phases.export_seconds")?,
            push: duration(json.push_seconds, "phases.push_seconds")?,
            cache_import: duration(json.cache_import_seconds, "phases.cache_import_seconds")?,
            cache_export: duration(json.cache_export_seconds, "phases.cache_export_seconds")?,
            idle: duration(json.idle_seconds, "phases.idle_seconds")?,
        })
    }
}

fn step(json: &types::Step) -> Result<report::Step> {
    let cache = match (json.cached, json.cached_from) {
        (false, None) => report::CacheState::Executed,
        (true, Some(types::CachedFrom::Local)) => report::CacheState::Local,
        (true, Some(types::CachedFrom::Remote)) => report::CacheState::Remote,
        (true, None) => bail!("a cached step lacks cached_from; expected local or remote"),
        (false, Some(_)) => bail!("a step has cached_from without being cached"),
    };
    Ok(report::Step {
        stage: json.stage.clone(),
        instruction: json.instruction.clone(),
        dockerfile_line: json.dockerfile_line,
        duration: duration(json.seconds, "steps.seconds")?,
        cache,
        last_ran: json.last_ran_seconds.map(|seconds| duration(seconds, "steps.last_ran_seconds")).transpose()?,
        needs: json.needs.clone(),
        causes: json.causes.iter().cloned().map(Into::into).collect(),
    })
}

impl From<types::Failure> for report::Failure {
    fn from(json: types::Failure) -> Self {
        Self {
            message: json.message,
            step: json.step,
            dockerfile_line: json.dockerfile_line,
            source_line: json.source_line,
            log_tail: json.log_tail,
            explanation: json.explanation,
            log_path: json.log_path,
        }
    }
}

impl From<types::Layer> for report::Layer {
    fn from(json: types::Layer) -> Self {
        Self {
            digest: json.digest,
            diff_id: json.diff_id,
            compressed_bytes: json.compressed_bytes,
            uncompressed_bytes: json.uncompressed_bytes,
            compression: json.compression.into(),
            created_by: json.created_by,
            instruction: json.instruction,
            dockerfile_line: json.dockerfile_line,
            base: json.base,
        }
    }
}

impl From<types::BaseImage> for report::BaseImage {
    fn from(json: types::BaseImage) -> Self {
        Self { name: json.name, digest: json.digest }
    }
}

impl From<types::Finding> for report::Finding {
    fn from(json: types::Finding) -> Self {
        Self {
            rule: json.rule,
            severity: json.severity.into(),
            message: json.message,
            dockerfile_line: json.dockerfile_line,
            url: json.url,
        }
    }
}

impl From<types::Budget> for report::BudgetResult {
    fn from(json: types::Budget) -> Self {
        Self {
            key: json.key,
            limit: json.limit,
            actual: json.actual,
            verdict: json.verdict.into(),
            reason: json.reason,
            allowed_by: json.allowed_by,
        }
    }
}
