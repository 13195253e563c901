//! [`report::Report`] to its JSON form.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::types;
use crate::report;

/// The enums of both sides have the same variants; a new one on either side fails to compile here.
macro_rules! mirror {
    ($name:ident { $($variant:ident),+ }) => {
        impl From<report::$name> for types::$name {
            fn from(value: report::$name) -> Self {
                match value { $(report::$name::$variant => Self::$variant),+ }
            }
        }
        impl From<types::$name> for report::$name {
            fn from(value: types::$name) -> Self {
                match value { $(types::$name::$variant => Self::$variant),+ }
            }
        }
    };
}
mirror!(CacheEnd { Done, NotFound, Failed, Ignored, NotReached });
mirror!(Outcome { Built, Failed, TimedOut, Cancelled });
mirror!(Compression { None, Gzip, Zstd });
mirror!(Severity { Notice, Warning, Error });
mirror!(Verdict { Pass, Warn, Fail, Unknown });

/// Seconds, rounded to milliseconds.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// Cells that take their JSON form one by one: there may be thousands of them.
pub(super) struct Cells<'r>(&'r [report::CellReport]);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(types::Cell::from))
    }
}

impl<'r> From<&'r report::Report> for types::Report<Cells<'r>> {
    fn from(report: &'r report::Report) -> Self {
        Self {
            schema_version: super::SCHEMA_VERSION,
            tool: types::Tool {
                name: "weighbridge".to_owned(),
                version: report.environment.weighbridge_version.clone(),
            },
            context: (&report.context).into(),
            environment: (&report.environment).into(),
            cells: Cells(&report.cells),
            indexes: report.indexes.clone(),
            verdict: report.verdict.into(),
            leg: report.leg.as_ref().map(Into::into),
        }
    }
}

impl From<&report::Leg> for types::Leg {
    fn from(leg: &report::Leg) -> Self {
        let report::Leg { run, attempt, configuration, pushes } = leg.clone();
        Self { run, attempt, configuration, pushes }
    }
}

impl From<&report::RunContext> for types::Context {
    fn from(context: &report::RunContext) -> Self {
        let report::Head { sha, reference, dirty } = context.head.clone();
        let base = context.base.clone().map(|report::Base { sha, chosen_by, commits_older, store }| types::Base {
            sha,
            chosen_by,
            commits_older,
            store,
        });
        Self { head: types::Head { sha, reference, dirty }, base }
    }
}

impl From<&report::Environment> for types::Environment {
    fn from(environment: &report::Environment) -> Self {
        let environment = environment.clone();
        Self {
            buildx_version: environment.buildx_version,
            buildkit_version: environment.buildkit_version,
            docker_version: environment.docker_version,
            builder: environment.builder,
            driver: environment.driver,
            runner_class: environment.runner_class,
        }
    }
}

impl From<&report::CellReport> for types::Cell {
    fn from(cell: &report::CellReport) -> Self {
        let (image, timing) = (cell.image.as_ref(), cell.timing.as_ref());
        Self {
            image: cell.id.image.clone(),
            platform: cell.id.platform.to_string(),
            outcome: cell.outcome.into(),
            emulated: cell.emulated,
            node: cell.node.clone(),
            dockerfile: cell.dockerfile.clone(),
            failure: cell.failure.as_ref().map(Into::into),
            build_ref: cell.build_ref.clone(),
            pushed_digest: cell.pushed_digest.clone(),
            digest: image.map(|image| image.digest.clone()),
            compressed_bytes: image.map(|image| image.compressed_bytes),
            uncompressed_bytes: image.map(|image| image.uncompressed_bytes),
            config_digest: image.and_then(|image| image.config_digest.clone()),
            config_bytes: image.map(|image| image.config_bytes),
            attestation_bytes: image.map(|image| image.attestation_bytes),
            layers: image.map(|image| image.layers.iter().map(Into::into).collect()),
            base_images: image.map(|image| image.base_images.iter().map(Into::into).collect()),
            contents: image.and_then(|image| image.contents.as_ref()).map(Into::into),
            scan: image.and_then(|image| image.scan.as_ref()).map(Into::into),
            wall_seconds: timing.map(|timing| seconds(timing.wall)),
            solve_seconds: timing.map(|timing| seconds(timing.solve)),
            executed_seconds: timing.map(|timing| seconds(timing.executed)),
            phases: timing.map(|timing| (&timing.phases).into()),
            context_bytes: timing.and_then(|timing| timing.context_bytes),
            cached_steps: timing.map(|timing| timing.cached_steps),
            total_steps: timing.map(|timing| timing.total_steps),
            steps: timing.map(|timing| timing.steps.iter().map(Into::into).collect()),
            cache: cell.cache.as_ref().map(Into::into),
            build_args: cell.build_args.clone(),
            findings: cell.findings.iter().map(Into::into).collect(),
            budgets: cell.budgets.iter().map(Into::into).collect(),
            definition: cell.definition.clone(),
            runner_class: cell.runner_class.clone(),
            carried_over: cell.carried_over.clone(),
        }
    }
}

impl From<&report::Failure> for types::Failure {
    fn from(failure: &report::Failure) -> Self {
        let failure = failure.clone();
        Self {
            message: failure.message,
            step: failure.step,
            dockerfile_line: failure.dockerfile_line,
            source_line: failure.source_line,
            log_tail: failure.log_tail,
            explanation: failure.explanation,
            log_path: failure.log_path,
        }
    }
}

impl From<&report::Layer> for types::Layer {
    fn from(layer: &report::Layer) -> Self {
        let layer = layer.clone();
        Self {
            digest: layer.digest,
            diff_id: layer.diff_id,
            compressed_bytes: layer.compressed_bytes,
            uncompressed_bytes: layer.uncompressed_bytes,
            compression: layer.compression.into(),
            created_by: layer.created_by,
            instruction: layer.instruction,
            dockerfile_line: layer.dockerfile_line,
            base: layer.base,
        }
    }
}

impl From<&report::BaseImage> for types::BaseImage {
    fn from(image: &report::BaseImage) -> Self {
        Self { name: image.name.clone(), digest: image.digest.clone() }
    }
}

impl From<&report::Phases> for types::Phases {
    fn from(phases: &report::Phases) -> Self {
        Self {
            context_seconds: seconds(phases.context),
            base_pull_seconds: seconds(phases.base_pull),
            execution_seconds: seconds(phases.execution),
            copy_seconds: seconds(phases.copy),
            export_seconds: seconds(phases.export),
            push_seconds: seconds(phases.push),
            cache_import_seconds: seconds(phases.cache_import),
            cache_export_seconds: seconds(phases.cache_export),
            idle_seconds: seconds(phases.idle),
        }
    }
}

impl From<&report::Step> for types::Step {
    fn from(step: &report::Step) -> Self {
        let cached_from = match step.cache {
            report::CacheState::Executed => None,
            report::CacheState::Local => Some(types::CachedFrom::Local),
            report::CacheState::Remote => Some(types::CachedFrom::Remote),
        };
        Self {
            stage: step.stage.clone(),
            instruction: step.instruction.clone(),
            dockerfile_line: step.dockerfile_line,
            seconds: seconds(step.duration),
            cached: cached_from.is_some(),
            cached_from,
            last_ran_seconds: step.last_ran.map(seconds),
            needs: step.needs.clone(),
            causes: step.causes.iter().cloned().map(Into::into).collect(),
        }
    }
}

impl From<&report::Finding> for types::Finding {
    fn from(finding: &report::Finding) -> Self {
        let finding = finding.clone();
        Self {
            rule: finding.rule,
            severity: finding.severity.into(),
            message: finding.message,
            dockerfile_line: finding.dockerfile_line,
            url: finding.url,
        }
    }
}

impl From<&report::BudgetResult> for types::Budget {
    fn from(budget: &report::BudgetResult) -> Self {
        let budget = budget.clone();
        Self {
            key: budget.key,
            limit: budget.limit,
            actual: budget.actual,
            verdict: budget.verdict.into(),
            reason: budget.reason,
            allowed_by: budget.allowed_by,
        }
    }
}
