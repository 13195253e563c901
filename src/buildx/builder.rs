//! What a buildx builder is and can do, read from `docker buildx inspect`.
//!
//! The command has no JSON form; its text is `Key: value` lines, a `Nodes:` section in which each node starts with
//! `Name:`, and a `Labels:` block of indented lines (docker/buildx: commands/inspect.go).

use crate::oci::Platform;
use crate::plan::Machine;
use crate::plan::cache::Features;
use crate::version::Version;

/// A builder with its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuilderFacts {
    /// Name.
    pub name: String,
    /// Driver, such as `docker` or `docker-container`.
    pub driver: String,
    /// Nodes in the builder's order.
    pub nodes: Vec<NodeFacts>,
    /// Why nothing can be said about it, as when there is no engine.
    pub error: Option<String>,
}

/// One node of a builder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeFacts {
    /// Name.
    pub name: String,
    /// `running` when it can be used.
    pub status: String,
    /// BuildKit's version; distributions print `v0.0.0+unknown`.
    pub buildkit_version: Option<String>,
    /// Platforms in the node's order, its own first.
    pub platforms: Vec<Platform>,
    /// Whether it names a containerd snapshotter: with the `docker` driver that is the containerd image store.
    pub has_snapshotter: bool,
    /// Why it cannot be used.
    pub error: Option<String>,
}

const SNAPSHOTTER_LABEL: &str = "org.mobyproject.buildkit.worker.snapshotter";

impl BuilderFacts {
    /// Reads the text of `docker buildx inspect`. Lines that are not understood are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut facts = Self::default();
        let mut in_nodes = false;
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            match (key, facts.nodes.last_mut()) {
                ("Nodes", _) => in_nodes = true,
                ("Name", _) if in_nodes => {
                    facts.nodes.push(NodeFacts { name: value.to_owned(), ..NodeFacts::default() });
                }
                ("Name", _) => value.clone_into(&mut facts.name),
                ("Error", None) => facts.error = Some(value.to_owned()),
                ("Driver", _) if !in_nodes => value.clone_into(&mut facts.driver),
                (_, Some(node)) => node.read(key, value),
                _ => {}
            }
        }
        facts
    }

    /// Whether it can export an OCI layout, a cache and several platforms: every driver but `docker` can, and that
    /// one with the containerd image store (docker/buildx: driver/docker/driver.go, `Features`).
    #[must_use]
    pub fn can_export_oci(&self) -> bool {
        self.driver != "docker" || self.nodes.iter().any(|node| node.has_snapshotter)
    }

    /// BuildKit's version, when a node says one.
    #[must_use]
    pub fn buildkit_version(&self) -> Option<&str> {
        let known = |version: &&str| !version.contains("unknown");
        self.nodes.iter().filter_map(|node| node.buildkit_version.as_deref()).find(known)
    }

    /// What the decision about caches needs to know of it.
    #[must_use]
    pub fn features(&self, buildx: Option<Version>) -> Features {
        Features {
            can_export_cache: Some(self.can_export_oci()),
            buildx,
            buildkit: self.buildkit_version().and_then(Version::parse),
        }
    }

    /// The first node that cannot be used and why.
    #[must_use]
    pub fn broken_node(&self) -> Option<(&str, &str)> {
        self.nodes.iter().find_map(|node| Some((node.name.as_str(), node.error.as_deref()?)))
    }

    /// What is wrong with it or with one of its nodes.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.error.as_deref().or_else(|| self.broken_node().map(|(_, error)| error))
    }

    /// Its platforms. One that some node runs natively is built there.
    #[must_use]
    pub fn machine(&self) -> Machine {
        let mut machine = Machine { asked: true, ..Machine::default() };
        for node in &self.nodes {
            let of_node = Machine::of_list(&node.platforms);
            machine.native.extend(of_node.native);
            machine.emulated.extend(of_node.emulated);
        }
        machine.tidy()
    }
}

impl NodeFacts {
    fn read(&mut self, key: &str, value: &str) {
        match key {
            "Status" => value.clone_into(&mut self.status),
            "BuildKit version" | "Buildkit" => self.buildkit_version = Some(value.to_owned()),
            "Error" => self.error = Some(value.to_owned()),
            "Platforms" => {
                let names = value.split(',').map(|name| name.trim().trim_end_matches('*'));
                self.platforms = names.filter_map(|name| name.parse().ok()).collect();
            }
            SNAPSHOTTER_LABEL => self.has_snapshotter = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTAINERD_STORE: &str = "\
Name:   default
Driver: docker

Nodes:
Name:             default
Endpoint:         default
Status:           running
BuildKit version: v0.0.0+unknown
Platforms:        linux/amd64, linux/amd64/v2, linux/arm64
Labels:
 org.mobyproject.buildkit.worker.executor:             containerd
 org.mobyproject.buildkit.worker.snapshotter:          overlayfs
GC Policy rule#0:
 All:            false
";

    const TWO_NODES: &str = "\
Name:          fleet
Driver:        docker-container
Last Activity: 2026-11-20 15:11:25 +0000 UTC

Nodes:
Name:                  fleet0
Endpoint:              unix:///var/run/docker.sock
Driver Options:        network=\"host\"
Status:                running
BuildKit daemon flags: --allow-insecure-entitlement=network.host
BuildKit version:      v0.26.2
Platforms:             linux/amd64*, linux/386, linux/arm64, linux/s390x

Name:      fleet1
Endpoint:  ssh://arm
Status:    running
BuildKit version: v0.26.2
Platforms: linux/arm64*, linux/arm/v7
";

    fn names(platforms: &[Platform]) -> String {
        platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_containerd_image_store_is_told_by_its_label() {
        let facts = BuilderFacts::parse(CONTAINERD_STORE);
        assert_eq!((facts.name.as_str(), facts.driver.as_str()), ("default", "docker"));
        assert!(facts.can_export_oci());
        assert_eq!(facts.buildkit_version(), None);
        let machine = facts.machine();
        assert_eq!(names(&machine.native), "linux/amd64 linux/amd64/v2");
        assert_eq!(names(&machine.emulated), "linux/arm64");
        let classic = CONTAINERD_STORE.replace(SNAPSHOTTER_LABEL, "org.example.other");
        assert!(!BuilderFacts::parse(&classic).can_export_oci());
    }

    #[test]
    fn a_platform_native_to_any_node_is_native() {
        let facts = BuilderFacts::parse(TWO_NODES);
        assert_eq!(facts.nodes.len(), 2);
        assert_eq!(facts.buildkit_version(), Some("v0.26.2"));
        let machine = facts.machine();
        assert_eq!(names(&machine.native), "linux/amd64 linux/386 linux/arm64");
        assert_eq!(names(&machine.emulated), "linux/s390x linux/arm/v7");
    }

    #[test]
    fn a_broken_node_says_why() {
        let text =
            "Name: b\nDriver: remote\n\nNodes:\nName: b0\nStatus: error\nError: connection refused: 10.0.0.1:1\n";
        let facts = BuilderFacts::parse(text);
        assert_eq!(facts.broken_node(), Some(("b0", "connection refused: 10.0.0.1:1")));
    }

    #[test]
    fn garbage_gives_an_empty_builder() {
        assert_eq!(BuilderFacts::parse("\u{0}\n::::\nnot text"), BuilderFacts::default());
    }
}
