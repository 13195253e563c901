//! Whether a container of an image will start, judged from the image alone.
//!
//! What Docker and runc, the kernel, and the loaders of glibc and musl do to start a program is followed step by step
//! until something is missing. A good image must never be told that it will not start: where a step depends on what
//! the image does not tell, nothing is claimed.

mod cache;
mod certificates;
mod command;
mod directories;
mod env;
mod files;
mod finding;
mod libraries;
mod loader;
mod machine;
mod program;
mod script;
mod shell;
mod user;

use super::tree::Tree;
use crate::oci::{Platform, Settings};
use crate::report::contents::{StartCheck, Starts};
use crate::report::{Finding, Severity};
use files::Files;
use finding::Stop;

/// Judges an image.
#[must_use]
pub fn check(tree: &Tree, settings: &Settings, platform: &Platform) -> StartCheck {
    let mut warnings = Vec::new();
    let (verdict, stop) = match start(tree, settings, platform, &mut warnings) {
        Ok(()) => (Starts::Yes, None),
        Err(Stop::Never(finding)) => (Starts::No, Some(finding)),
        Err(Stop::Unknown(finding)) => (Starts::CannotTell, Some(finding)),
    };
    StartCheck { verdict, findings: stop.into_iter().chain(warnings).collect() }
}

/// What a runtime does, in its order.
fn start(tree: &Tree, settings: &Settings, platform: &Platform, warnings: &mut Vec<Finding>) -> Result<(), Stop> {
    let machines = machine::of(platform)?;
    let user = user::find(tree, &settings.user)?;
    let files = Files::new(tree, settings, user, machines);
    warnings.extend(health(&files, settings));
    warnings.extend(certificates::time_zone(&files));
    let command = command::of(settings)?;
    let program = program::run(&files, &command)?;
    warnings.extend(certificates::missing(&files, &program));
    warnings.extend(program.needs_capability.map(|what| {
        let what = format!("{what}: it starts only by the capability DAC_OVERRIDE, which many clusters drop");
        finding::finding("start-needs-capability", Severity::Warning, what)
    }));
    Ok(())
}

/// A health check that cannot run makes every container unhealthy, and stops none from starting.
fn health(files: &Files<'_>, settings: &Settings) -> Option<Finding> {
    let command = command::of_health(settings)?;
    match program::run(files, &command) {
        Err(Stop::Never(finding)) => Some(Finding {
            rule: "healthcheck-cannot-run".to_owned(),
            severity: Severity::Warning,
            message: format!("the HEALTHCHECK cannot run: {}", finding.message),
            ..finding
        }),
        Ok(_) | Err(Stop::Unknown(_)) => None,
    }
}
