//! From inputs to an image in the keys of `weighbridge.yml`, alone or over one of a configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::list::{self, Unclosed};
use super::table::KEYS;
use super::{Inputs, attestation, context, last_part};
use crate::config::check;
use crate::config::dockerfiles::sanitised;
use crate::config::fault::{Faults, KeyPath, Place, shown};
use crate::config::image::{Draft, is_remote};
use crate::config::keys::IMAGE;
use crate::config::node::{Node, Value};
use crate::fs;

const UNCLOSED: &str = "a quote is not closed; expected one at the end, and quotes inside of quotes to be doubled";
/// What is built where, besides what the inputs say.
struct Surroundings<'a> {
    /// The working directory, which paths of inputs are relative to.
    directory: &'a Path,
    /// What paths of the configuration are relative to.
    root: &'a Path,
    /// The context where no input names one.
    default: String,
}

impl Inputs {
    /// The image, where no configuration names one. `None` when something is wrong, which is then a fault.
    pub(in crate::config) fn image(
        &self,
        (directory, root): (&Path, &Path),
        directory_name: Option<&str>,
        faults: &mut Faults,
    ) -> Option<Draft> {
        let mut draft = self.draft(directory, root, faults)?;
        if draft.node.get("context").is_none() {
            let around = self.surroundings(directory, root);
            self.add_git_token(&mut draft.node, &around.default);
            draft.node.add("context", Node::of(&place("context"), &around.placed(&around.default)));
        }
        let tag = draft.node.get("tags").map(Node::list).unwrap_or_default().first().and_then(Node::text);
        let tag = tag.and_then(|tag| last_part(tag).split([':', '@']).next());
        let own_name = directory.file_name().map(|name| name.to_string_lossy());
        let name = tag.or(self.repository_name.as_deref()).or(directory_name).or(own_name.as_deref());
        Some(Draft { name: sanitised(name.into_iter()), ..draft })
    }

    /// An image of the configuration with what the inputs say instead.
    pub(in crate::config) fn over(
        &self,
        draft: &Draft,
        directory: &Path,
        root: &Path,
        faults: &mut Faults,
    ) -> Option<Draft> {
        let over = self.draft(directory, root, faults)?;
        let mut weaker = draft.node.clone();
        if over.dockerfile.is_some() {
            weaker.remove("dockerfile_inline");
        }
        let dockerfile = over.dockerfile.or_else(|| draft.dockerfile.clone());
        Some(Draft { node: over.node.or(&weaker), dockerfile, ..draft.clone() })
    }

    /// What the inputs say in the keys of a configuration whose paths are relative to `root`.
    fn draft(&self, directory: &Path, root: &Path, faults: &mut Faults) -> Option<Draft> {
        let mut found = Faults::default();
        let around = self.surroundings(directory, root);
        let mut node = Node { place: place("context"), value: Value::Map(Vec::new()) };
        for name in &self.unclosed {
            say(&mut found, name, UNCLOSED);
        }
        for (name, key, shape) in KEYS {
            let Some(written) = self.values.get(name) else { continue };
            match shape.value(written, &place(name)) {
                Ok(value) => node.add(key, Node { place: place(name), value }),
                Err(Unclosed) => say(&mut found, name, UNCLOSED),
            }
        }
        self.add_attestations(&mut node, &mut found);
        around.place_contexts(&mut node);
        self.add_context(&mut node, &around, &mut found);
        for spec in &self.secrets.specs {
            node.append("secrets", Node::of(&place("secrets"), spec));
        }
        for entry in node.entries() {
            let kind = IMAGE.iter().find(|key| key.name == entry.key).map(|key| key.kind);
            kind.into_iter().for_each(|kind| check::check(&entry.value, kind, &KeyPath::default(), &mut found));
        }
        let dockerfile = self.dockerfile(&node, &around, &mut found);
        let is_good = found.is_empty();
        faults.append(found);
        is_good.then(|| Draft { name: String::new(), path: KeyPath::default(), node, dockerfile })
    }

    fn surroundings<'a>(&self, directory: &'a Path, root: &'a Path) -> Surroundings<'a> {
        Surroundings { directory, root, default: context::default(directory, self.repository.as_ref()) }
    }

    /// Provenances name the run that built.
    fn add_attestations(&self, node: &mut Node, faults: &mut Faults) {
        let value = |kind: &str, value: &str| match kind {
            "provenance" => attestation::provenance(value, self.run.as_deref()),
            _ => value.to_owned(),
        };
        if let Some(written) = self.values.get("provenance") {
            node.remove("provenance");
            node.add("provenance", Node::of(&place("provenance"), &value("provenance", written)));
        }
        let Ok(entries) = list::lines(self.values.get("attests").map(String::as_str).unwrap_or_default()) else {
            return say(faults, "attests", UNCLOSED);
        };
        for entry in entries {
            match attestation::split(&entry) {
                Some((kind, written)) if kind == "provenance" || kind == "sbom" => {
                    if node.get(&kind).is_none() {
                        node.add(&kind, Node::of(&place("attests"), &value(&kind, &written)));
                    }
                }
                _ => {
                    let expected = "is not an attestation such as type=provenance,mode=max or type=sbom";
                    say(faults, "attests", format!("{} {expected}", shown(&entry)));
                }
            }
        }
    }

    fn add_context(&self, node: &mut Node, around: &Surroundings<'_>, faults: &mut Faults) {
        let Some(written) = self.values.get("context") else { return };
        let context = context::expanded(written, &around.default);
        if !is_remote(&context) && !fs::is_directory(&around.directory.join(&context)) {
            return say(
                faults,
                "context",
                format!("{} is not a directory; expected the build context", shown(written)),
            );
        }
        self.add_git_token(node, &context);
        node.add("context", Node::of(&place("context"), &around.placed(&context)));
    }

    fn add_git_token(&self, node: &mut Node, context: &str) {
        let repository = self.repository.as_ref().filter(|repository| repository.is_of(context));
        if let Some(spec) = repository.and_then(|repository| self.secrets.git_token(&repository.host)) {
            node.append("secrets", Node::of(&place("github-token"), &spec));
        }
    }

    /// The Dockerfile, which is relative to the working directory and may lie outside of the context.
    fn dockerfile(&self, node: &Node, around: &Surroundings<'_>, faults: &mut Faults) -> Option<PathBuf> {
        let written = self.values.get("file")?;
        if is_remote(node.get("context").and_then(Node::text).unwrap_or(&around.default)) {
            // BuildKit looks for it in the context then.
            return Some(PathBuf::from(written));
        }
        let file = fs::normalize(&around.directory.join(written));
        // What is committed may link to anywhere; what the workflow names is the workflow's to know.
        let leads_out = |file: &Path| {
            let (Some(real), Some(tree)) = (fs::canonical(file), fs::canonical(around.directory)) else { return true };
            file.starts_with(around.directory) && !real.starts_with(tree)
        };
        let message = match () {
            () if !fs::is_file(&file) => "is not a file; expected the Dockerfile, relative to the working directory",
            () if leads_out(&file) => "links to outside of the working directory; expected a file below it",
            () => return Some(file),
        };
        say(faults, "file", format!("{} {message}", shown(written)));
        None
    }
}

impl Surroundings<'_> {
    /// A place of an input as the configuration would write it.
    fn placed(&self, place: &str) -> String {
        match is_remote(place) || place.contains("://") || self.directory == self.root {
            true => place.to_owned(),
            false => self.directory.join(place).to_string_lossy().into_owned(),
        }
    }

    fn place_contexts(&self, node: &mut Node) {
        let Some(contexts) = node.get("build_contexts").cloned() else { return };
        let Value::Map(mut entries) = contexts.value else { return };
        for entry in &mut entries {
            let context = context::expanded(entry.value.text().unwrap_or_default(), &self.default);
            entry.value.value = Value::Text(self.placed(&context));
        }
        node.remove("build_contexts");
        node.add("build_contexts", Node { value: Value::Map(entries), ..contexts });
    }
}

fn say(faults: &mut Faults, input: &str, message: impl Into<String>) {
    faults.push(&place(input), &KeyPath::default(), message);
}

/// Where something of an input is written.
fn place(input: &str) -> Place {
    Place { file: Arc::from(format!("input `{input}`")), position: None }
}
