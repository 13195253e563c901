//! What is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::Check;
use crate::buildx::builder::BuilderFacts;
use crate::buildx::choose::{Choice, choose};
use crate::buildx::docker::Docker;
use crate::config::{BuildNode, Config};
use crate::fs;
use crate::oci::Platform;
use crate::plan::cache::{self, CachePlan, Situation};
use crate::plan::{Delivery, Support};
use crate::process::{self, Invocation, Limits};
use crate::report::CellId;
use crate::units::Bytes;
use crate::version::{OLDEST_BUILDX, Version};

/// Images are exported to disk to be weighed; below this a matrix of ordinary services does not fit.
const COMFORTABLE_DISK: Bytes = Bytes(5_000_000_000);
/// Below this even one image of a usual base does not fit.
const LEAST_DISK: Bytes = Bytes(500_000_000);

/// Looks at everything that a run needs. The checks do not depend on each other, so one failure hides nothing.
/// `situation` is what the decision about caches depends on, the builder aside.
pub async fn diagnose(
    docker: &Docker,
    builder: Option<&str>,
    config: &Result<Config>,
    situation: Option<Situation>,
    directory: &Path,
) -> Vec<Check> {
    let nodes = config.as_ref().map(|config| config.builder.nodes.as_slice()).unwrap_or_default();
    let nodes = if builder.is_none() { nodes } else { &[] };
    let inspect = async || if nodes.is_empty() { Some(docker.inspect(builder).await) } else { None };
    let (version, engine, facts, git) =
        tokio::join!(docker.buildx_version(), docker.docker_version(), inspect(), git_version());
    let buildx_version = version.as_ref().ok().and_then(|line| Version::parse_buildx(line));
    let mut checks = vec![configuration(config), buildx(version), docker_engine(engine)];
    let mut situation = situation;
    match facts {
        None => checks.extend(nodes.iter().map(node)),
        Some(Ok(facts)) => {
            if let Some(situation) = &mut situation {
                situation.features = facts.features(buildx_version);
            }
            checks.push(driver(&facts, builder.is_some()));
            checks.push(buildkit(&facts));
            checks.extend(platforms(&facts, config.as_ref().ok()));
        }
        Some(Err(error)) => checks.push(Check::bad(
            "builder",
            format!("{error:#}"),
            "start the engine, or name another builder with --builder",
        )),
    }
    checks.extend(
        config.as_ref().ok().zip(situation).map(|(config, situation)| caches(config, &situation)).unwrap_or_default(),
    );
    checks.push(disk(fs::available_bytes(directory).map(Bytes)));
    checks.push(git);
    checks
}

fn configuration(config: &Result<Config>) -> Check {
    match config {
        Ok(config) => Check::good("config", format!("{}, images: {}", config.origin, config.images.len())),
        Err(error) => Check::bad(
            "config",
            format!("{error:#}"),
            "mend the configuration; `weighbridge schema config` describes it",
        ),
    }
}

fn buildx(version: Result<String>) -> Check {
    let fix = format!("install buildx {OLDEST_BUILDX} or later (https://github.com/docker/buildx#installing)");
    match version {
        Ok(line) => match Version::parse_buildx(&line) {
            Some(version) if version < OLDEST_BUILDX => Check::bad("buildx", format!("{version} is too old"), fix),
            Some(version) => Check::good("buildx", version.to_string()),
            None => Check::poor(
                "buildx",
                format!("unknown version: {line}"),
                format!("make sure that it is {OLDEST_BUILDX} or later"),
            ),
        },
        Err(error) => Check::bad("buildx", format!("{error:#}"), fix),
    }
}

fn docker_engine(version: Result<String>) -> Check {
    match version {
        Ok(version) => Check::good("docker", format!("engine {version}")),
        Err(error) => {
            Check::poor("docker", format!("{error:#}"), "start the engine (only a remote builder works without one)")
        }
    }
}

/// A node as it is configured: to ask it would make a builder.
fn node(node: &BuildNode) -> Check {
    let endpoint = node.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
    let platforms: Vec<String> = node.platforms.iter().map(ToString::to_string).collect();
    let platforms = if platforms.is_empty() { "whatever it can".to_owned() } else { platforms.join(", ") };
    Check::good("node", format!("{}: {}{endpoint}, for {platforms}; a run asks it", node.name, node.driver))
}

fn driver(facts: &BuilderFacts, named_by_user: bool) -> Check {
    let found = format!("{} with the {} driver", facts.name, facts.driver);
    match choose(facts, named_by_user, false) {
        Choice::Use if facts.driver == "docker" => {
            Check::good("builder", format!("{found} and the containerd image store"))
        }
        Choice::Use => Check::good("builder", found),
        Choice::Replace(reason) => Check::poor(
            "builder",
            reason,
            "nothing to do: a builder named weighbridge will be created; or turn the containerd image store on",
        ),
        Choice::Refuse(reason) => Check::bad("builder", reason, "name another builder with --builder"),
    }
}

fn buildkit(facts: &BuilderFacts) -> Check {
    let Some(text) = facts.buildkit_version() else {
        return Check::good("buildkit", "version not told (distribution build)");
    };
    match Version::parse(text) {
        Some(version) if version < OLDEST_BUILDX => Check::bad(
            "buildkit",
            format!("{version} is too old"),
            format!("update BuildKit to {OLDEST_BUILDX} or later"),
        ),
        _ => Check::good("buildkit", text),
    }
}

/// The builder's platforms, and those that the configuration wants and the builder lacks.
fn platforms(facts: &BuilderFacts, config: Option<&Config>) -> Vec<Check> {
    let machine = facts.machine();
    let list = |platforms: &[Platform]| platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut checks = vec![Check::good("native", list(&machine.native))];
    if !machine.emulated.is_empty() {
        checks.push(Check::good("emulated", list(&machine.emulated)));
    }
    let wanted: BTreeSet<&Platform> =
        config.iter().flat_map(|c| &c.images).flat_map(|image| &image.platforms).collect();
    for platform in wanted {
        match machine.support(platform) {
            None => checks.push(Check::bad(
                "platform",
                format!("{platform} is configured, and this builder cannot run it"),
                format!(
                    "docker run --privileged --rm tonistiigi/binfmt --install {}; or add a native node",
                    platform.architecture
                ),
            )),
            Some(Support::Emulated) => checks.push(Check::poor(
                "platform",
                format!("{platform} runs under emulation, 4 to 15 times slower"),
                "cross-compile in a $BUILDPLATFORM stage, or add a native node to the builder",
            )),
            Some(Support::Native) => {}
        }
    }
    checks
}

/// What would be done with caches here and why; images of which the same is true stand together.
fn caches(config: &Config, situation: &Situation) -> Vec<Check> {
    let mut alike: BTreeMap<String, (CachePlan, Vec<&str>)> = BTreeMap::new();
    for image in &config.images {
        let platform = image.platforms.first().cloned().unwrap_or_else(|| Platform::new("linux", "amd64", None));
        let id = CellId { image: image.name.clone(), platform };
        let plan = cache::decide(&id, image, &config.cache, &Delivery::default(), situation);
        let key = format!("{} {:?}", plan.summary(), plan.remarks);
        alike.entry(key).or_insert_with(|| (plan, Vec::new())).1.push(&image.name);
    }
    let several = alike.len() > 1;
    let check = |(plan, images): (CachePlan, Vec<&str>)| {
        let who = if several { format!("{}: ", images.join(", ")) } else { String::new() };
        let found = Some(plan.summary()).filter(|summary| !summary.is_empty());
        let good = found.map(|found| Check::good("cache", format!("{who}{found}")));
        let poor = plan.remarks.iter().filter(|remark| remark.severity.is_some()).map(|remark| {
            let fix = remark.fix.clone().unwrap_or_else(|| "nothing to do".to_owned());
            Check::poor("cache", format!("{who}{}", remark.reason), fix)
        });
        good.into_iter().chain(poor).collect::<Vec<_>>()
    };
    alike.into_values().flat_map(check).collect()
}

fn disk(available: Option<Bytes>) -> Check {
    match available {
        None => Check::poor("disk", "free space is not told", "make sure that the images fit"),
        Some(free) if free < LEAST_DISK => {
            Check::bad("disk", format!("{free} free"), "make room: `docker buildx prune` frees build cache")
        }
        Some(free) if free < COMFORTABLE_DISK => {
            Check::poor("disk", format!("{free} free"), "make room: `docker buildx prune` frees build cache")
        }
        Some(free) => Check::good("disk", format!("{free} free")),
    }
}

async fn git_version() -> Check {
    const LIMITS: Limits = Limits { timeout: std::time::Duration::from_secs(10), max_output_bytes: 4096 };
    let question = Invocation::new("git").arg("--version");
    match process::output(&question, LIMITS).await.and_then(|output| output.require_success(&question)) {
        Ok(output) => {
            Check::good("git", String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("git version "))
        }
        Err(error) => {
            Check::poor("git", error.to_string(), "install git: without it there is no base commit to compare with")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Health;

    #[test]
    fn missing_and_emulated_platforms_are_told_apart() {
        let facts = BuilderFacts::parse(
            "Name: b\nDriver: docker-container\nNodes:\nName: n\nPlatforms: linux/amd64, linux/arm64\n",
        );
        let image = crate::plan::tests::image("a", &["linux/amd64", "linux/arm64", "linux/s390x"]);
        let config = Config {
            origin: "x".into(),
            root: "/".into(),
            images: vec![image],
            builder: crate::config::BuilderSettings::default(),
            cache: crate::config::Cache::default(),
            baselines: crate::config::Baselines::default(),
            comment: crate::config::CommentMode::default(),
            review: crate::config::Review::default(),
            selection: crate::config::Selection::default(),
            of_inputs: crate::config::Selection::default(),
            runners: std::collections::BTreeMap::new(),
        };
        let checks = platforms(&facts, Some(&config));
        let seen: Vec<(Health, &str)> =
            checks.iter().map(|check| (check.health, check.found.split(' ').next().unwrap())).collect();
        assert_eq!(
            seen,
            [
                (Health::Good, "linux/amd64"),
                (Health::Good, "linux/arm64"),
                (Health::Poor, "linux/arm64"),
                (Health::Bad, "linux/s390x")
            ]
        );
        assert!(checks[3].fix.as_ref().unwrap().contains("--install s390x"));
    }

    #[test]
    fn disk_space_has_three_levels() {
        let health = |bytes: u64| disk(Some(Bytes(bytes))).health;
        assert_eq!((health(1), health(1_000_000_000), health(u64::MAX)), (Health::Bad, Health::Poor, Health::Good));
        assert_eq!(disk(None).health, Health::Poor);
    }
}
