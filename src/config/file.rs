//! `weighbridge.yml`, alone or over a bake or Compose file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;

use crate::fs;

use super::discover::ConfigFile;
use super::fault::{Faults, KeyPath, Place, did_you_mean};
use super::image::Draft;
use super::keys::{FILE, Kind};
use super::node::{Entry, Node, Value};
use super::{
    BakePrinter, Baselines, BuilderSettings, Cache, CommentMode, Review, bake, baseline, builder, cache, check, review,
    runners, unique, yaml,
};
use crate::oci::Platform;

/// Far more than anyone writes by hand.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Limit of the defaults of all images together, as every image gets its own copy.
const MAX_DEFAULTS_BYTES: usize = 16 << 20;

/// What a configuration file says.
#[derive(Debug, Default)]
pub(super) struct FileContent {
    /// The images, `defaults ← target ← images`.
    pub(super) drafts: Vec<Draft>,
    /// What an image has that is described elsewhere and does not say so itself.
    pub(super) defaults: Option<Node>,
    /// About the builder.
    pub(super) builder: BuilderSettings,
    /// About the cache.
    pub(super) cache: Cache,
    /// About the stores of reports.
    pub(super) baselines: Baselines,
    /// About the comment.
    pub(super) comment: CommentMode,
    /// About the review.
    pub(super) review: Review,
    /// About the runners.
    pub(super) runners: BTreeMap<Platform, Vec<String>>,
}

/// Reads a configuration file. It must have an image, unless one is described elsewhere.
///
/// # Errors
/// When a file cannot be read, or bake fails. Faults inside of the file are collected instead.
pub(super) fn read(
    file: &ConfigFile,
    has_image: bool,
    printer: &dyn BakePrinter,
    faults: &mut Faults,
) -> Result<FileContent> {
    let text = fs::read_text(&file.path, MAX_FILE_BYTES)?;
    let Some(tree) = yaml::load(&file.name, &text, faults) else {
        let place = Place { file: file.name.as_str().into(), position: Some((1, 1)) };
        if faults.is_empty() {
            faults.push(&place, &KeyPath::default(), "empty; expected `images`, `bake` or `compose`");
        }
        return Ok(FileContent::default());
    };
    check::check(&tree, Kind::Section(FILE), &KeyPath::default(), faults);
    check_sources(&tree, has_image, faults);
    let builder = tree.get("builder").map(|node| builder::resolve(node, &file.root, faults)).unwrap_or_default();
    let cache = tree.get("cache").map(|node| cache::resolve(node, &file.root, faults)).unwrap_or_default();
    let baselines = tree.get("baseline").map(baseline::resolve).unwrap_or_default();
    // A word that is none has been found fault with.
    let comment = tree.get("comment").and_then(Node::text).and_then(|word| word.parse().ok()).unwrap_or_default();
    let review = review::resolve(&tree);
    let runners = tree.get("runners").map(|node| runners::resolve(node, faults)).unwrap_or_default();
    let defaults = tree.get("defaults").cloned();
    let drafts = drafts(&tree, file, printer, faults)?;
    Ok(FileContent { drafts, defaults, builder, cache, baselines, comment, review, runners })
}

fn drafts(tree: &Node, file: &ConfigFile, printer: &dyn BakePrinter, faults: &mut Faults) -> Result<Vec<Draft>> {
    let targets = targets(tree, file, printer, faults)?;
    let empty = Node { place: tree.place.clone(), value: Value::Map(Vec::new()) };
    let defaults = tree.get("defaults").unwrap_or(&empty);
    let entries = tree.get("images").map(Node::entries).unwrap_or_default();
    let targets = unique::distinct(targets, |name| entries.iter().any(|entry| entry.key == name));
    let copies = entries.len().saturating_add(targets.len());
    if yaml::weight(defaults).saturating_mul(copies) > MAX_DEFAULTS_BYTES {
        faults.push(&defaults.place, &KeyPath::default().key("defaults"), "too much for so many images");
        return Ok(Vec::new());
    }
    let mut drafts: Vec<Draft> = targets
        .iter()
        .map(|target| {
            let entry = entries.iter().find(|entry| entry.key == target.name).map_or(&empty, |entry| &entry.value);
            Draft { node: entry.clone().or(&target.node).or(defaults), ..target.clone() }
        })
        .collect();
    let alone = entries.iter().filter(|entry| targets.iter().all(|target| target.name != entry.key));
    drafts.extend(alone.filter_map(|entry| image_alone(entry, defaults, &targets, faults)));
    Ok(drafts)
}

/// An image that no target describes.
fn image_alone(entry: &Entry, defaults: &Node, targets: &[Draft], faults: &mut Faults) -> Option<Draft> {
    let path = KeyPath::default().key("images").key(&entry.key);
    if !targets.is_empty() && entry.value.get("context").is_none() {
        let hint = did_you_mean(&entry.key, targets.iter().map(|target| target.name.as_str()));
        let hint = hint.unwrap_or_else(|| "expected one, or a `context`".to_owned());
        faults.push(&entry.place, &path, format!("no target or service of this name; {hint}"));
        return None;
    }
    let is_mapping = matches!(entry.value.value, Value::Map(_));
    is_mapping.then(|| Draft {
        name: entry.key.clone(),
        path,
        node: entry.value.clone().or(defaults),
        dockerfile: None,
    })
}

/// There must be something to build, and `targets` must select from something.
fn check_sources(tree: &Node, has_image: bool, faults: &mut Faults) {
    if !matches!(tree.value, Value::Map(_)) || tree.get("bake").or(tree.get("compose")).is_some() {
        return;
    }
    let path = KeyPath::default();
    match tree.get("images") {
        None if has_image => {}
        None => faults.push(&tree.place, &path, "no images; expected `images`, `bake` or `compose`"),
        Some(images) if images.value == Value::Map(Vec::new()) => {
            faults.push(&images.place, &path.key("images"), "no images; expected at least one");
        }
        Some(_) => {}
    }
    if let Some(targets) = tree.get("targets") {
        faults.push(
            &targets.place,
            &path.key("targets"),
            "selects from nothing; expected `bake` or `compose` beside it",
        );
    }
}

/// What bake says about the files that the configuration names.
fn targets(tree: &Node, file: &ConfigFile, printer: &dyn BakePrinter, faults: &mut Faults) -> Result<Vec<Draft>> {
    let files = ["compose", "bake"].into_iter().filter_map(|key| Some((key, tree.get(key)?)));
    let files: Vec<(&str, &Node)> = files.flat_map(|(key, node)| texts(node).map(move |node| (key, node))).collect();
    for (key, node) in &files {
        if !node.text().is_some_and(|name| fs::is_file(&file.root.join(name))) {
            faults.push(&node.place, &KeyPath::default().key(key), "no such file; expected one relative to this file");
        }
    }
    if files.is_empty() {
        return Ok(Vec::new());
    }
    // Bake would only repeat, in its own words, what is known to be wrong.
    std::mem::take(faults).into_result()?;
    let files: Vec<PathBuf> = files.iter().filter_map(|(_, node)| node.text()).map(PathBuf::from).collect();
    let targets = tree.get("targets").map(Node::list).unwrap_or_default();
    let targets: Vec<String> = targets.iter().filter_map(Node::text).map(str::to_owned).collect();
    let drafts = bake::drafts(&files, &targets, &file.root, printer, faults)?;
    if drafts.is_empty() {
        faults.push(&tree.place, &KeyPath::default(), format!("{} builds nothing", bake::names(&files)));
    }
    Ok(drafts)
}

/// A text or the texts of a list.
fn texts(node: &Node) -> std::slice::Iter<'_, Node> {
    if let Value::List(nodes) = &node.value { nodes.iter() } else { std::slice::from_ref(node).iter() }
}
