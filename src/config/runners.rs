//! The section `runners`: which runners of the CI system build a platform.

use std::collections::BTreeMap;

use super::fault::{Faults, KeyPath};
use super::node::Node;
use crate::oci::Platform;

/// Understands the section. Labels are separated by commas.
pub(super) fn resolve(node: &Node, faults: &mut Faults) -> BTreeMap<Platform, Vec<String>> {
    let mut runners = BTreeMap::new();
    for entry in node.entries() {
        let path = KeyPath::default().key("runners").key(&entry.key);
        let platform = match entry.key.parse::<Platform>() {
            Ok(platform) => platform,
            Err(error) => {
                faults.push(&entry.place, &path, error.to_string());
                continue;
            }
        };
        let labels = entry.value.text().unwrap_or_default().split(',').map(str::trim);
        let labels: Vec<String> = labels.filter(|label| !label.is_empty()).map(str::to_owned).collect();
        if labels.is_empty() {
            // What is no text has been found fault with.
            if entry.value.text().is_some() {
                faults.push(&entry.value.place, &path, "no label; expected some such as `self-hosted, arm64`");
            }
        } else if runners.insert(platform, labels).is_some() {
            faults.push(&entry.place, &path, "the same platform as another key");
        }
    }
    runners
}
