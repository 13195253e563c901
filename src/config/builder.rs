//! The key `builder`: one builder by its name, or the nodes that the cells are spread over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::fault::{Faults, KeyPath, Place};
use super::format::Words;
use super::image::Fields;
use super::node::{Node, Value};
use crate::fs;
use crate::oci::Platform;
use crate::secrecy::{holds_a_secret, names_a_secret};

/// The values of `driver`.
pub(super) const DRIVERS: Words = Words {
    list: &["remote", "kubernetes", "ssh", "docker-container"],
    expected: "one of remote, kubernetes, ssh and docker-container",
};
/// What the driver `remote` dials (buildx: `driver/remote/factory.go`).
const REMOTE_SCHEMES: [&str; 5] = ["tcp://", "unix://", "docker-container://", "podman-container://", "kube-pod://"];
/// The options of the driver `remote` that name files; it takes them only by whole paths.
const FILES: [&str; 3] = ["cacert", "cert", "key"];

/// What builds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuilderSettings {
    /// The builder of this name.
    pub name: Option<String>,
    /// These nodes.
    pub nodes: Vec<BuildNode>,
    /// Whether the builders of the nodes stay when the run is over, with the caches that they hold.
    pub keep: bool,
}

/// A node: a BuildKit somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildNode {
    /// Its name, unique.
    pub name: String,
    /// How it is reached.
    pub driver: Driver,
    /// Where it is.
    pub endpoint: Option<String>,
    /// What it builds, its own platform first; empty means whatever it can.
    pub platforms: Vec<Platform>,
    /// What the driver is told; paths are absolute.
    pub driver_opts: BTreeMap<String, String>,
    /// The class of machine that it is.
    pub runner_class: Option<String>,
}

/// How a node is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// A BuildKit that somebody else has started.
    Remote,
    /// A deployment in the cluster that `KUBECONFIG` names.
    Kubernetes,
    /// A container of the engine on a machine that ssh reaches.
    Ssh,
    /// A container of an engine.
    DockerContainer,
}

impl Driver {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "remote" => Self::Remote,
            "kubernetes" => Self::Kubernetes,
            "ssh" => Self::Ssh,
            "docker-container" => Self::DockerContainer,
            _ => return None,
        })
    }

    /// What buildx calls it: a machine behind ssh is an engine with another address.
    #[must_use]
    pub fn of_buildx(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Kubernetes => "kubernetes",
            Self::Ssh | Self::DockerContainer => "docker-container",
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Ssh { "ssh" } else { self.of_buildx() })
    }
}

/// Understands the key. Malformed values were reported by the check of the tree.
pub(super) fn resolve(node: &Node, root: &Path, faults: &mut Faults) -> BuilderSettings {
    if let Some(name) = node.text() {
        return BuilderSettings { name: Some(name.to_owned()), ..BuilderSettings::default() };
    }
    let path = KeyPath::default().key("builder").key("nodes");
    let entries = node.get("nodes").map(Node::list).unwrap_or_default();
    if entries.is_empty() && matches!(node.value, Value::Map(_)) {
        faults.push(&node.place, &KeyPath::default().key("builder"), "no nodes; expected at least one, or a name");
    }
    let mut names = BTreeSet::new();
    let mut nodes = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let path = path.index(index);
        let Some(one) = build_node(entry, root, &path, faults) else { continue };
        if !names.insert(one.name.clone()) {
            faults.push(&entry.place, &path.key("name"), "the name of another node as well");
        }
        nodes.push(one);
    }
    BuilderSettings { name: None, nodes, keep: Fields(node).flag("keep") }
}

fn build_node(entry: &Node, root: &Path, path: &KeyPath, faults: &mut Faults) -> Option<BuildNode> {
    if !matches!(entry.value, Value::Map(_)) {
        return None;
    }
    let fields = Fields(entry);
    for key in ["name", "driver"] {
        if entry.get(key).is_none() {
            faults.push(&entry.place, path, format!("no `{key}`"));
        }
    }
    let driver = Driver::of(&fields.text("driver")?)?;
    let place = |key: &str| entry.get(key).map_or(&entry.place, |node| &node.place);
    let endpoint = fields.text("endpoint");
    if let Some(message) = endpoint_fault(driver, endpoint.as_deref()) {
        faults.push(place("endpoint"), &path.key("endpoint"), message);
    }
    Some(BuildNode {
        name: fields.text("name")?,
        driver,
        endpoint,
        platforms: fields.texts("platforms").iter().filter_map(|text| text.parse().ok()).collect(),
        driver_opts: driver_opts(entry, driver, root, &path.key("driver_opts"), faults),
        runner_class: fields.text("runner_class"),
    })
}

/// What is wrong with the address of a node.
fn endpoint_fault(driver: Driver, endpoint: Option<&str>) -> Option<&'static str> {
    let starts = |schemes: &[&str]| endpoint.is_some_and(|text| schemes.iter().any(|scheme| text.starts_with(scheme)));
    // `//user:password@host`
    let authority = endpoint.and_then(|text| text.split_once("://")?.1.split('/').next());
    let login = authority.and_then(|authority| authority.rsplit_once('@'));
    if login.is_some_and(|(user, _)| user.contains(':')) {
        return Some("holds a password, which would stand on the command line; use a key or an agent");
    }
    match driver {
        Driver::Remote if !starts(&REMOTE_SCHEMES) => {
            Some("expected where BuildKit listens, such as tcp://arm.internal:1234")
        }
        Driver::Ssh if !starts(&["ssh://"]) => Some("expected a machine with docker, such as ssh://build@arm.internal"),
        Driver::Kubernetes if endpoint.is_some() => {
            Some("the driver kubernetes takes none; KUBECONFIG names the cluster")
        }
        Driver::DockerContainer if starts(&["ssh://"]) => Some("an engine behind ssh is of the driver ssh"),
        _ => None,
    }
}

/// They become arguments of a command, which every process of the machine can read.
fn driver_opts(
    entry: &Node,
    driver: Driver,
    root: &Path,
    path: &KeyPath,
    faults: &mut Faults,
) -> BTreeMap<String, String> {
    let mut opts = BTreeMap::new();
    for option in entry.get("driver_opts").map(Node::entries).unwrap_or_default() {
        let Some(value) = option.value.text() else { continue };
        if names_a_secret(&option.key) || holds_a_secret(value) {
            secret(&option.place, &path.key(&option.key), faults);
            continue;
        }
        let is_file = driver == Driver::Remote && FILES.contains(&option.key.as_str());
        let value =
            if is_file { fs::normalize(&root.join(value)).to_string_lossy().into_owned() } else { value.to_owned() };
        opts.insert(option.key.clone(), value);
    }
    opts
}

fn secret(place: &Place, path: &KeyPath, faults: &mut Faults) {
    faults.push(place, path, "looks like a secret, which would stand on the command line; give it to the node itself");
}

#[cfg(test)]
mod tests {
    use super::super::{check, keys, yaml};
    use super::*;

    /// The settings and what is wrong with them.
    fn settings(yaml: &str) -> (BuilderSettings, String) {
        let mut faults = Faults::default();
        let tree = yaml::load("x.yml", yaml, &mut faults).unwrap();
        check::check(&tree, keys::BUILDER_KIND, &KeyPath::default().key("builder"), &mut faults);
        let settings = resolve(&tree, Path::new("/src"), &mut faults);
        (settings, faults.into_result().err().map(|error| format!("{error:#}")).unwrap_or_default())
    }

    #[test]
    fn a_name_is_a_builder_and_nodes_are_several() {
        let (named, faults) = settings("fleet");
        assert_eq!((named.name.as_deref(), named.nodes.len(), faults.as_str()), (Some("fleet"), 0, ""));
        let (several, faults) = settings(
            "{ keep: true, nodes: [\
             { name: arm, driver: remote, endpoint: 'tcp://arm:1234', platforms: [linux/arm64], \
               driver_opts: { cacert: tls/ca.pem, key: /etc/key.pem, servername: arm } },\
             { name: s390x, driver: ssh, endpoint: 'ssh://build@s390x' },\
             { name: here, driver: docker-container, runner_class: large },\
             { name: pods, driver: kubernetes, driver_opts: { namespace: ci } }] }",
        );
        assert_eq!(faults, "");
        let opts: Vec<String> =
            several.nodes[0].driver_opts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(opts, ["cacert=/src/tls/ca.pem", "key=/etc/key.pem", "servername=arm"]);
        assert!(several.keep);
        let drivers: Vec<String> = several.nodes.iter().map(|node| node.driver.to_string()).collect();
        assert_eq!(drivers, ["remote", "ssh", "docker-container", "kubernetes"]);
        assert_eq!(several.nodes[2].runner_class.as_deref(), Some("large"));
    }

    #[test]
    fn what_is_wrong_with_a_node_is_told_at_its_place() {
        for (nodes, message) in [
            ("[]", "no nodes; expected at least one, or a name"),
            ("[{ driver: remote, endpoint: 'tcp://a' }]", "builder.nodes[0]: no `name`"),
            ("[{ name: a }]", "builder.nodes[0]: no `driver`"),
            ("[{ name: a, driver: docker }]", "is not one of remote, kubernetes, ssh and docker-container"),
            ("[{ name: A_b, driver: kubernetes }]", "is not a name such as arm-1"),
            ("[{ name: a, driver: remote }]", "builder.nodes[0].endpoint: expected where BuildKit listens"),
            ("[{ name: a, driver: remote, endpoint: 'http://a' }]", "expected where BuildKit listens"),
            ("[{ name: a, driver: ssh, endpoint: a }]", "expected a machine with docker"),
            ("[{ name: a, driver: kubernetes, endpoint: 'tcp://a' }]", "takes none"),
            ("[{ name: a, driver: docker-container, endpoint: 'ssh://a' }]", "of the driver ssh"),
            (
                "[{ name: a, driver: kubernetes }, { name: a, driver: kubernetes }]",
                "nodes[1].name: the name of another",
            ),
            ("[{ name: a, driver: kubernetes, platforms: [arm] }]", "platforms[0]"),
            ("[{ name: a, driver: kubernetes, driver_opts: { env.TOKEN: x } }]", "looks like a secret"),
            ("[{ name: a, driver: ssh, endpoint: 'ssh://a:hunter2@b' }]", "holds a password"),
            ("[{ name: a, driver: kubernetes, keep: true }]", "unknown key"),
        ] {
            let (_, faults) = settings(&format!("{{ nodes: {nodes} }}"));
            assert!(faults.contains(message) && !faults.contains("hunter2"), "{nodes}: {faults}");
        }
    }
}
