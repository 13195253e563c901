//! From a checked tree to an [`Image`]: typed values, absolute paths, and what only the file system can tell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::fs;
use crate::units::parse_duration;

use super::fault::{Faults, KeyPath, shown};
use super::format::{docker_bytes, growth};
use super::node::Node;
use super::secret::SecretSpec;
use super::{Budget, BuildContext, DockerfileSource, Image, Tests};

/// An image as it was written: merged, but not yet understood.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Its name.
    pub(super) name: String,
    /// The path of its mapping, for messages.
    pub(super) path: KeyPath,
    /// Its mapping, with the keys of `weighbridge.yml`.
    pub(super) node: Node,
    /// The Dockerfile, where an input names it: absolute wherever the context is, or inside of a remote context.
    pub(super) dockerfile: Option<PathBuf>,
}

impl Draft {
    /// The same, completed from defaults.
    pub(super) fn or(self, defaults: Option<&Node>) -> Self {
        match defaults {
            Some(defaults) => Self { node: self.node.or(defaults), ..self },
            None => self,
        }
    }
}

/// Where an image is resolved.
pub(super) struct Surroundings<'a> {
    /// What paths are relative to; absolute.
    pub(super) root: &'a Path,
    /// The environment, for secrets that name no source.
    pub(super) env: &'a Env,
}

/// Understands a draft. Malformed values were reported by the check of the tree and count as absent here.
pub(super) fn resolve(draft: &Draft, around: &Surroundings<'_>, faults: &mut Faults) -> Option<Image> {
    let fields = Fields(&draft.node);
    let context = context(draft, around.root, faults);
    let dockerfile = context.as_ref().and_then(|context| dockerfile(draft, context, faults));
    let build_contexts = build_contexts(draft, around.root, faults);
    let secrets = fields.texts("secrets").into_iter().filter_map(|text| SecretSpec::parse(&text).ok());
    Some(Image {
        name: draft.name.clone(),
        context: context?,
        dockerfile: dockerfile?,
        target: fields.text("target"),
        platforms: fields.texts("platforms").iter().filter_map(|text| text.parse().ok()).collect(),
        build_args: fields.map("build_args"),
        build_contexts,
        labels: fields.map_of_text("labels"),
        annotations: fields.texts("annotations"),
        tags: fields.texts("tags"),
        secrets: secrets.map(|spec| spec.resolve(around.root, around.env)).collect(),
        ssh: fields.texts("ssh"),
        cache_from: fields.texts("cache_from"),
        cache_to: fields.texts("cache_to"),
        outputs: fields.texts("outputs"),
        no_cache: fields.flag("no_cache"),
        no_cache_filter: fields.texts("no_cache_filter"),
        pull: fields.flag("pull"),
        network: fields.text("network"),
        cgroup_parent: fields.text("cgroup_parent"),
        add_hosts: fields.texts("add_hosts"),
        ulimits: fields.texts("ulimits"),
        shm_size: fields.text("shm_size").and_then(|text| docker_bytes(&text)),
        allow: fields.texts("allow"),
        provenance: fields.text("provenance"),
        sbom: fields.text("sbom"),
        tests: Tests::of(&draft.node),
        budget: draft.node.get("budget").map(budget).unwrap_or_default(),
    })
}

/// Values of a mapping by key.
pub(super) struct Fields<'a>(pub(super) &'a Node);

impl Fields<'_> {
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(Node::text).map(str::to_owned)
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Node::text) == Some("true")
    }

    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        let nodes = self.0.get(key).map(Node::list).unwrap_or_default();
        nodes.iter().filter_map(Node::text).map(str::to_owned).collect()
    }

    fn map(&self, key: &str) -> BTreeMap<String, Option<String>> {
        let entries = self.0.get(key).map(Node::entries).unwrap_or_default();
        entries.iter().map(|entry| (entry.key.clone(), entry.value.text().map(str::to_owned))).collect()
    }

    fn map_of_text(&self, key: &str) -> BTreeMap<String, String> {
        self.map(key).into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn budget(node: &Node) -> Budget {
    let fields = Fields(node);
    Budget {
        compressed: fields.text("compressed").and_then(|text| text.parse().ok()),
        uncompressed: fields.text("uncompressed").and_then(|text| text.parse().ok()),
        compressed_growth: fields.text("compressed_growth").and_then(|text| growth(&text)),
        layers: fields.text("layers").and_then(|text| text.parse().ok()),
        wasted: fields.text("wasted").and_then(|text| text.parse().ok()),
        wasted_growth: fields.text("wasted_growth").and_then(|text| growth(&text)),
        efficiency: fields.text("efficiency").and_then(|text| text.parse().ok()),
        pull: fields.text("pull").and_then(|text| growth(&text)),
        starts_required: fields.text("starts").as_deref() == Some("required"),
        wall: fields.text("wall").and_then(|text| parse_duration(&text).ok()),
    }
}

fn context(draft: &Draft, root: &Path, faults: &mut Faults) -> Option<BuildContext> {
    let path = draft.path.key("context");
    let Some(node) = draft.node.get("context") else {
        faults.push(&draft.node.place, &draft.path, "no `context`; expected the directory to build");
        return None;
    };
    let text = node.text()?;
    if is_remote(text) {
        return Some(BuildContext::Remote(text.to_owned()));
    }
    let directory = fs::normalize(&root.join(text));
    if fs::is_directory(&directory) {
        return Some(BuildContext::Directory(directory));
    }
    faults.push(&node.place, &path, format!("{} is not a directory; expected the build context", shown(text)));
    None
}

fn dockerfile(draft: &Draft, context: &BuildContext, faults: &mut Faults) -> Option<DockerfileSource> {
    if let Some(path) = &draft.dockerfile {
        return Some(match context {
            BuildContext::Remote(_) => DockerfileSource::InRemoteContext(path.to_string_lossy().into_owned()),
            BuildContext::Directory(_) => DockerfileSource::Path(path.clone()),
        });
    }
    if let Some(text) = draft.node.get("dockerfile_inline").and_then(Node::text) {
        return Some(DockerfileSource::Inline(text.to_owned()));
    }
    let written = draft.node.get("dockerfile");
    let name = written.map_or(Some("Dockerfile"), Node::text)?;
    let directory = match context {
        BuildContext::Remote(_) => return Some(DockerfileSource::InRemoteContext(name.to_owned())),
        BuildContext::Directory(directory) => directory,
    };
    let file = fs::normalize(&directory.join(name));
    let message = match () {
        () if !is_inside(&file, directory) => {
            "is outside of the build context; expected one below it: choose a `context` that holds both, \
                                             or move the file"
        }
        () if !fs::is_file(&file) => "is not a file; expected a Dockerfile, relative to the build context",
        () if !is_inside(&fs::canonical(&file)?, &fs::canonical(directory)?) => {
            "links to outside of the build context; expected a file below it"
        }
        () => return Some(DockerfileSource::Path(file)),
    };
    let place = written.or(draft.node.get("context")).map_or(&draft.node.place, |node| &node.place);
    faults.push(place, &draft.path.key("dockerfile"), format!("{} {message}", shown(name)));
    None
}

fn build_contexts(draft: &Draft, root: &Path, faults: &mut Faults) -> BTreeMap<String, String> {
    let path = draft.path.key("build_contexts");
    let mut contexts = BTreeMap::new();
    for entry in draft.node.get("build_contexts").map(Node::entries).unwrap_or_default() {
        let Some(text) = entry.value.text() else { continue };
        let value = match build_context(text, &draft.name, root) {
            Ok(value) => value,
            Err(message) => {
                faults.push(&entry.value.place, &path.key(&entry.key), message);
                continue;
            }
        };
        contexts.insert(entry.key.clone(), value);
    }
    contexts
}

fn build_context(text: &str, image: &str, root: &Path) -> Result<String, String> {
    if text.starts_with("target:") || text.starts_with("service:") {
        return Err(format!(
            "{} builds `{image}` on another target, which weighbridge cannot do yet; leave `{image}` out: \
             name the others in weighbridge.yml, as in `targets: [one, two]`",
            shown(text)
        ));
    }
    if is_remote(text) || text.contains("://") {
        return Ok(text.to_owned());
    }
    let directory = fs::normalize(&root.join(text));
    if fs::is_directory(&directory) {
        return Ok(directory.display().to_string());
    }
    Err(format!("{} is not a directory; expected a build context", shown(text)))
}

/// Whether BuildKit fetches a context itself.
pub(super) fn is_remote(text: &str) -> bool {
    const SCHEMES: [&str; 6] = ["https://", "http://", "git://", "ssh://", "git@", "github.com/"];
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

fn is_inside(file: &Path, directory: &Path) -> bool {
    file != directory && file.starts_with(directory)
}
