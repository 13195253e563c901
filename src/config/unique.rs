//! What no two builds may share: a platform of one image, a tag of different images. The last build would win.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::Platform;

use super::fault::{Faults, shown};
use super::image::Draft;
use super::node::Node;

/// Leaves one of several targets that are the same, tags included: Compose services that run one image, each with the
/// build of it. That is the first by name, or those that the configuration names, which then have to differ.
pub(super) fn distinct(targets: Vec<Draft>, is_named: impl Fn(&str) -> bool) -> Vec<Draft> {
    let mut kept = BTreeMap::<&Node, &str>::new();
    let tagged = |target: &Draft| target.node.get("tags").is_some_and(|tags| !tags.list().is_empty());
    for target in targets.iter().filter(|target| tagged(target)) {
        let name = kept.entry(&target.node).or_insert(&target.name);
        if !is_named(name) && is_named(&target.name) {
            *name = &target.name;
        }
    }
    let is_kept =
        |target: &Draft| is_named(&target.name) || kept.get(&target.node).is_none_or(|name| *name == target.name);
    targets.iter().filter(|target| is_kept(target)).cloned().collect()
}

/// Adds a fault for every platform that an image lists twice, in whatever spelling.
pub(super) fn check_platforms(drafts: &[Draft], faults: &mut Faults) {
    for draft in drafts {
        let path = draft.path.key("platforms");
        let mut seen = BTreeSet::new();
        for (index, node) in draft.node.get("platforms").map(Node::list).unwrap_or_default().iter().enumerate() {
            let Some(Ok(platform)) = node.text().map(str::parse::<Platform>) else { continue };
            let message = format!("{platform} is already listed");
            if !seen.insert(platform) {
                faults.push(&node.place, &path.index(index), message);
            }
        }
    }
}

/// Adds a fault for every tag that another image has too.
pub(super) fn check_tags(drafts: &[Draft], faults: &mut Faults) {
    let mut owners = BTreeMap::<String, &str>::new();
    for draft in drafts {
        let path = draft.path.key("tags");
        for (index, node) in draft.node.get("tags").map(Node::list).unwrap_or_default().iter().enumerate() {
            let Some(tag) = node.text() else { continue };
            let owner = *owners.entry(full(tag)).or_insert(&draft.name);
            if owner != draft.name {
                let message = format!("{} is already a tag of image `{owner}`", shown(tag));
                faults.push(&node.place, &path.index(index), message);
            }
        }
    }
}

/// The tag with what Docker would add to it, without what it would leave out.
fn full(tag: &str) -> String {
    let tag = tag.strip_prefix("docker.io/").unwrap_or(tag);
    let tag = tag.strip_prefix("library/").unwrap_or(tag);
    let has_version = tag.rsplit('/').next().is_some_and(|name| name.contains([':', '@']));
    if has_version { tag.to_owned() } else { format!("{tag}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_full_tags_are_the_same() {
        for (short, same) in [
            ("orders", "orders:latest"),
            ("docker.io/library/orders", "orders:latest"),
            ("docker.io/acme/orders:1", "acme/orders:1"),
            ("127.0.0.1:5000/orders", "127.0.0.1:5000/orders:latest"),
        ] {
            assert_eq!(full(short), full(same));
        }
        assert_ne!(full("acme/orders:1"), full("acme/orders:2"));
    }
}
