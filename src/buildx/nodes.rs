//! The nodes of a run. Each is a builder of its own, so that it is we who choose which of them builds a cell, and know
//! which one did: of a builder with several nodes buildx takes whichever it likes for a platform, and fails all of its
//! builds when one of them is gone.

use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::Prepared;
use super::builder::BuilderFacts;
use super::docker::{Docker, builder_facts, buildx, reason, require_recent};
use super::failure::transient::Cause;
use crate::config::{BuildNode, Driver};
use crate::error::Exit;
use crate::plan::Machine;
use crate::plan::args::csv;
use crate::process::Invocation;

/// A node that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its builder.
    pub builder: String,
    /// What it is and can do, or why it cannot be used.
    pub facts: Result<BuilderFacts, String>,
    /// What failed for a passing reason before it answered, in order.
    pub retried: Vec<(Cause, String)>,
}

impl Started {
    /// What it can build, when it was asked with success.
    #[must_use]
    pub fn machine(&self) -> Option<Machine> {
        self.facts.as_ref().ok().map(BuilderFacts::machine)
    }
}

/// The name of a node's builder. It is the same in every run with this output directory, which one run at a time has: so
/// what a run left behind that was killed is found again, and runs elsewhere do not take ours away.
#[must_use]
pub fn builder_name(node: &BuildNode, output_directory: &Path) -> String {
    let options: Vec<String> = node.driver_opts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let place = output_directory.to_string_lossy().into_owned();
    let identity = [place, node.driver.to_string(), node.endpoint.clone().unwrap_or_default(), options.join("\n")];
    let digest = Sha256::digest(identity.join("\0"));
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("weighbridge-{}-{short}", node.name)
}

/// The command that makes the builder of a node. Platforms are not told to buildx: it would list them as the node's own,
/// whether it has to emulate them or not.
#[must_use]
pub fn create(node: &BuildNode, builder: &str) -> Invocation {
    let options = node.driver_opts.iter().map(|(name, value)| csv(&[(name, value)]));
    buildx(["create", "--name", builder, "--driver", node.driver.of_buildx()])
        .args(options.flat_map(|option| ["--driver-opt".to_owned(), option]))
        .args(&node.endpoint)
}

/// The command that removes a builder, and with it what buildx has started for it.
#[must_use]
pub fn remove(builder: &str) -> Invocation {
    buildx(["rm", "--force", builder])
}

/// Why a node cannot be used, with what to look at. buildx tells nothing of a handshake that fails: it tries again until
/// its time is up.
fn explained(node: &BuildNode, reason: String) -> String {
    match (&node.endpoint, node.driver) {
        (Some(endpoint), Driver::Remote) if reason.contains("context deadline exceeded") => format!(
            "nothing usable answered at {endpoint} ({reason}); look at its endpoint and, behind TLS, at cacert, cert, key \
             and servername"
        ),
        _ => reason,
    }
}

impl Docker {
    /// Makes sure that a node has its builder, and asks it what it can do. That it cannot be used is an answer.
    pub async fn start(&self, node: &BuildNode, output_directory: &Path) -> Started {
        let (builder, mut retried) = (builder_name(node, output_directory), Vec::new());
        let facts = self.started(node, &builder, &mut retried).await.map_err(|error| explained(node, reason(&error)));
        Started { builder, facts, retried }
    }

    async fn started(
        &self,
        node: &BuildNode,
        builder: &str,
        retried: &mut Vec<(Cause, String)>,
    ) -> Result<BuilderFacts> {
        let inspect = async || self.inspect_text(Some(builder)).await;
        let is_missing =
            |text: &Result<String>| text.as_ref().is_err_and(|error| format!("{error:#}").contains("no builder"));
        if is_missing(&inspect().await) {
            self.ask(&create(node, builder)).await.context("make its builder")?;
        }
        let text = self.patiently(inspect, |text| BuilderFacts::parse(text), retried).await?;
        let facts = builder_facts(&text)?;
        match facts.broken_node() {
            Some((_, error)) => Err(anyhow::anyhow!(error.to_owned())),
            None => Ok(facts),
        }
    }

    /// The nodes together as the builder of a run.
    ///
    /// # Errors
    /// When docker or buildx is missing, too old or does not answer, or no node can be used.
    pub async fn prepare_nodes(&self, nodes: &[BuildNode], started: &[Started]) -> Result<Prepared> {
        let (buildx_version, docker_version) = tokio::join!(self.buildx_version(), self.docker_version());
        let buildx_version = buildx_version?;
        require_recent(&buildx_version)?;
        let usable: Vec<&BuilderFacts> = started.iter().filter_map(|one| one.facts.as_ref().ok()).collect();
        if usable.is_empty() {
            let reasons = nodes
                .iter()
                .zip(started)
                .filter_map(|(node, one)| Some(format!("{}: {}", node.name, one.facts.as_ref().err()?)));
            let reasons = reasons.collect::<Vec<_>>().join("; ");
            return Err(anyhow::anyhow!(reasons).context(Exit::build_failed("no node can be used")));
        }
        let mut drivers: Vec<String> = nodes.iter().map(|node| node.driver.to_string()).collect();
        drivers.sort();
        drivers.dedup();
        let facts = BuilderFacts {
            name: nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", "),
            driver: drivers.join(", "),
            nodes: usable.iter().flat_map(|facts| facts.nodes.clone()).collect(),
            error: None,
        };
        let retried = started.iter().flat_map(|one| one.retried.clone()).collect();
        let docker_version = docker_version.ok();
        Ok(Prepared { facts, buildx_version, docker_version, replaced: None, retried, is_created: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(driver: Driver, endpoint: Option<&str>, opts: &[(&str, &str)]) -> BuildNode {
        let driver_opts = opts.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let endpoint = endpoint.map(str::to_owned);
        let platforms = vec!["linux/arm64".parse().unwrap()];
        BuildNode { name: "arm".into(), driver, endpoint, platforms, driver_opts, runner_class: None }
    }

    #[test]
    fn every_driver_has_its_command() {
        for (driver, endpoint, opts, expected) in [
            (
                Driver::Remote,
                Some("tcp://arm:1234"),
                &[("cacert", "/ca.pem"), ("key", "/a,b.pem")][..],
                r#"--driver remote --driver-opt 'cacert=/ca.pem' --driver-opt '"key=/a,b.pem"' tcp://arm:1234"#,
            ),
            (Driver::Ssh, Some("ssh://build@arm"), &[], "--driver docker-container ssh://build@arm"),
            (Driver::DockerContainer, None, &[], "--driver docker-container"),
            (
                Driver::Kubernetes,
                None,
                &[("namespace", "ci"), ("replicas", "2")],
                "--driver kubernetes --driver-opt 'namespace=ci' --driver-opt 'replicas=2'",
            ),
        ] {
            let shown = create(&node(driver, endpoint, opts), "weighbridge-arm-1").to_string();
            assert_eq!(shown, format!("docker buildx create --name weighbridge-arm-1 {expected}"));
        }
    }

    #[test]
    fn a_node_has_the_same_builder_in_one_place_and_another_one_elsewhere() {
        let one = node(Driver::Remote, Some("tcp://arm:1234"), &[]);
        let name = |node: &BuildNode, place: &str| builder_name(node, Path::new(place));
        assert_eq!(name(&one, "/a"), name(&one.clone(), "/a"));
        assert!(name(&one, "/a").starts_with("weighbridge-arm-"));
        let others = [
            node(Driver::Remote, Some("tcp://arm:1235"), &[]),
            node(Driver::Remote, Some("tcp://arm:1234"), &[("servername", "x")]),
        ];
        assert!(others.iter().all(|other| name(other, "/a") != name(&one, "/a")));
        assert_ne!(name(&one, "/a"), name(&one, "/b"));
    }

    #[test]
    fn a_remote_node_that_does_not_answer_in_time_is_told_with_what_to_look_at() {
        let deadline = "context deadline exceeded";
        for (driver, endpoint, reason, expected) in [
            (
                Driver::Remote,
                Some("tcp://arm:1234"),
                deadline,
                "nothing usable answered at tcp://arm:1234 (context deadline exceeded); look at its endpoint and, behind \
                 TLS, at cacert, cert, key and servername",
            ),
            (Driver::Remote, Some("tcp://arm:1234"), "connection refused", "connection refused"),
            (Driver::Kubernetes, None, deadline, deadline),
        ] {
            assert_eq!(explained(&node(driver, endpoint, &[]), reason.to_owned()), expected);
        }
    }
}
