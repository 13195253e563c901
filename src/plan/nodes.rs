//! Which node builds which cell: one that need not emulate the platform before one that does, and each about as much as
//! the others.

use super::{Cell, Machine, Support};
use crate::config::BuildNode;
use crate::oci::Platform;

/// How much longer an emulated build takes, at the least.
const EMULATION: usize = 4;

/// A node and what it can build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its platforms.
    pub machine: Machine,
    /// Whether it cannot be used; then it gets only what no other can build.
    pub is_lost: bool,
}

impl Node {
    /// A node as it is configured, with the platforms that it says it has. Where these are not known, all that are
    /// configured are believed, with the first one as its own.
    #[must_use]
    pub fn new(configured: &BuildNode, told: Option<Machine>) -> Self {
        let wanted = &configured.platforms;
        let machine = match told {
            Some(mut machine) if !wanted.is_empty() => {
                let is_wanted = |platform: &Platform| wanted.contains(platform);
                machine.native.retain(is_wanted);
                machine.emulated.retain(is_wanted);
                machine
            }
            Some(machine) => machine,
            None if wanted.is_empty() => Machine::default(),
            None => Machine { asked: true, ..Machine::of_list(wanted) },
        };
        Self { name: configured.name.clone(), machine, is_lost: false }
    }
}

impl Machine {
    /// All nodes together.
    #[must_use]
    pub fn of_nodes(nodes: Vec<Node>) -> Self {
        let mut all = Self { asked: nodes.iter().all(|node| node.machine.asked), ..Self::default() };
        for node in &nodes {
            all.native.extend(node.machine.native.iter().cloned());
            all.emulated.extend(node.machine.emulated.iter().cloned());
        }
        if all.native.is_empty() && !all.asked {
            all.native = Self::assumed().native;
        }
        all.nodes = nodes;
        all.tidy()
    }
}

/// The best node for a platform among those that may have it: one that need not emulate it before one that does, then one
/// with less to do, then the first.
#[must_use]
pub fn choose<'n>(
    nodes: &'n [Node],
    platform: &Platform,
    may: impl Fn(&Node) -> bool,
    load: impl Fn(usize) -> usize,
) -> Option<(usize, &'n Node, Support)> {
    let able = nodes.iter().enumerate().filter(|(_, node)| may(node));
    let able = able.filter_map(|(index, node)| Some((index, node, node.machine.support(platform)?)));
    able.min_by_key(|(index, _, support)| (*support, load(*index), *index))
}

/// Gives every cell its node. Those that few nodes can build come first, or the others would fill these few.
pub(super) fn assign(cells: &mut [Cell<'_>], nodes: &[Node]) {
    let mut loads = vec![0_usize; nodes.len()];
    let mut order: Vec<&mut Cell<'_>> = cells.iter_mut().collect();
    let able = |platform: &Platform| nodes.iter().filter(|node| node.machine.support(platform).is_some()).count();
    order.sort_by_cached_key(|cell| (able(&cell.id.platform), cell.support, cell.id.clone()));
    for cell in order {
        let load = |index: usize| loads.get(index).copied().unwrap_or_default();
        let platform = &cell.id.platform;
        let chosen = choose(nodes, platform, |node| !node.is_lost, load);
        let Some((index, node, support)) = chosen.or_else(|| choose(nodes, platform, |_| true, load)) else { continue };
        (cell.node, cell.support) = (Some(node.name.clone()), support);
        if let Some(load) = loads.get_mut(index) {
            *load += if support == Support::Native { 1 } else { EMULATION };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::tests::{config, image};
    use crate::plan::{Delivery, cache, plan};

    fn node(name: &str, native: &[&str], emulated: &[&str]) -> Node {
        let list = |platforms: &[&str]| platforms.iter().map(|platform| platform.parse().unwrap()).collect();
        let machine = Machine { native: list(native), emulated: list(emulated), asked: true, ..Machine::default() };
        Node { name: name.into(), machine, is_lost: false }
    }

    /// `image platform > node`, in the order of the plan.
    fn assigned(images: &[(&str, &[&str])], nodes: Vec<Node>) -> Vec<String> {
        let config = config(images.iter().map(|(name, platforms)| image(name, platforms)).collect());
        let machine = Machine::of_nodes(nodes);
        let plan = plan(&config, &machine, &Delivery::default(), &cache::cases::laptop(), Path::new("out")).unwrap();
        let show = |cell: &Cell<'_>| {
            let emulated = if cell.support == Support::Emulated { " emulated" } else { "" };
            format!("{} > {}{emulated}", cell.id, cell.node.as_deref().unwrap())
        };
        plan.cells.iter().map(show).collect()
    }

    #[test]
    fn a_node_that_need_not_emulate_comes_first_and_the_load_is_balanced() {
        let nodes = || {
            vec![
                node("amd", &["linux/amd64", "linux/386"], &["linux/arm64", "linux/s390x"]),
                node("amd-2", &["linux/amd64"], &[]),
                node("arm", &["linux/arm64"], &["linux/amd64"]),
            ]
        };
        let both: &[&str] = &["linux/amd64", "linux/arm64"];
        assert_eq!(
            assigned(&[("a", both), ("b", both), ("c", &["linux/386"])], nodes()),
            [
                "a linux/amd64 > amd-2",
                "a linux/arm64 > arm",
                "b linux/amd64 > amd",
                "b linux/arm64 > arm",
                "c linux/386 > amd",
            ]
        );
        // What has to be emulated costs its node more, so that the others get the rest.
        assert_eq!(
            assigned(&[("a", &["linux/amd64"]), ("b", &["linux/amd64"]), ("c", &["linux/s390x"])], nodes()),
            ["a linux/amd64 > amd-2", "b linux/amd64 > amd-2", "c linux/s390x > amd emulated"]
        );
    }

    #[test]
    fn a_lost_node_gets_only_what_no_other_can_build() {
        let mut nodes = vec![node("amd", &["linux/amd64"], &[]), node("other", &["linux/amd64", "linux/arm64"], &[])];
        nodes[1].is_lost = true;
        let images: &[(&str, &[&str])] = &[("a", &["linux/amd64", "linux/arm64"]), ("b", &["linux/amd64"])];
        assert_eq!(assigned(images, nodes), ["a linux/amd64 > amd", "a linux/arm64 > other", "b linux/amd64 > amd"]);
    }

    #[test]
    fn a_node_builds_what_is_configured_of_what_it_can() {
        let parse = |text: &str| text.parse::<Platform>().unwrap();
        let configured = BuildNode {
            name: "a".into(),
            driver: crate::config::Driver::Remote,
            endpoint: None,
            platforms: vec![parse("linux/arm64"), parse("linux/riscv64")],
            driver_opts: std::collections::BTreeMap::new(),
            runner_class: None,
        };
        let told = node("", &["linux/amd64"], &["linux/arm64"]).machine;
        let known = Node::new(&configured, Some(told));
        let support = |node: &Node| {
            ["linux/amd64", "linux/arm64", "linux/riscv64"].map(|name| node.machine.support(&parse(name)))
        };
        assert_eq!(support(&known), [None, Some(Support::Emulated), None]);
        let unknown = Node::new(&configured, None);
        assert_eq!(support(&unknown), [None, Some(Support::Native), Some(Support::Emulated)]);
        let anything = Node::new(&BuildNode { platforms: Vec::new(), ..configured }, None);
        assert_eq!(support(&anything), [Some(Support::Emulated); 3]);
    }

    #[test]
    fn a_platform_that_no_node_can_build_is_refused_with_what_they_can() {
        let config = config(vec![image("a", &["linux/s390x"])]);
        let machine = Machine::of_nodes(vec![node("arm", &["linux/arm64"], &["linux/amd64"]), node("b", &[], &[])]);
        let error =
            plan(&config, &machine, &Delivery::default(), &cache::cases::laptop(), Path::new("out")).unwrap_err();
        let message = format!("{error:#}");
        let expected = "a: no node can build linux/s390x (arm builds linux/arm64, linux/amd64; b builds nothing)";
        assert!(message.contains(expected), "{message}");
    }
}
