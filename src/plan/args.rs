//! A cell as the command line of `docker buildx build`. Flags follow the reference documentation of buildx 0.13 and
//! later; the order is fixed, so that the same cell gives the same bytes.

use std::path::Path;

use super::cache::CachePlan;
use super::index::{annotations_of_cells, attributes_of_push, by_digest};
use super::{Cell, Delivery};
use crate::config::{BuildContext, DockerfileSource, Image, Secret, SecretSource};
use crate::secrecy::names_a_secret;

/// The arguments after `docker`.
#[must_use]
pub fn arguments(cell: &Cell<'_>, builder: Option<&str>, delivery: &Delivery) -> Vec<String> {
    let mut args = Args(vec!["buildx".to_owned(), "build".to_owned()]);
    args.option("--builder", builder);
    args.flag("--platform", cell.id.platform.to_string());
    // One JSON object per line instead of a drawing: the only output that is meant for programs.
    args.flag("--progress", "rawjson".to_owned());
    args.flag("--metadata-file", path(&cell.files.metadata()));
    args.flag("--file", dockerfile(cell));
    args.image(cell);
    args.cache(&cell.cache);
    args.attestations(cell.image, delivery);
    args.outputs(cell, delivery);
    args.0.push(context(cell.image));
    args.0
}

/// The arguments of a question about a Dockerfile (`--call`). It builds nothing, so there is nothing to write.
#[must_use]
pub fn question(cell: &Cell<'_>, builder: Option<&str>, method: &str) -> Vec<String> {
    let mut args = Args(vec!["buildx".to_owned(), "build".to_owned()]);
    args.option("--builder", builder);
    args.flag("--call", method.to_owned());
    args.flag("--platform", cell.id.platform.to_string());
    // A person reads it.
    args.flag("--progress", "plain".to_owned());
    args.flag("--file", dockerfile(cell));
    args.image(cell);
    args.0.push(context(cell.image));
    args.0
}

fn dockerfile(cell: &Cell<'_>) -> String {
    match (cell.prepared_dockerfile(), &cell.image.dockerfile) {
        (Some(prepared), _) => path(&prepared),
        (None, DockerfileSource::Path(file)) => path(file),
        (None, DockerfileSource::InRemoteContext(file) | DockerfileSource::Inline(file)) => file.clone(),
    }
}

fn context(image: &Image) -> String {
    match &image.context {
        BuildContext::Directory(directory) => path(directory),
        BuildContext::Remote(url) => url.clone(),
    }
}

/// Build arguments that are passed by environment, because their names say that they are secret: name and value.
#[must_use]
pub fn secret_variables(image: &Image) -> Vec<(String, String)> {
    let secret = image.build_args.iter().filter(|(name, _)| names_a_secret(name));
    secret.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
}

struct Args(Vec<String>);

impl Args {
    fn flag(&mut self, name: &str, value: String) {
        // The word after a flag is its value whatever it starts with (spf13/pflag), so nothing can pass for a flag.
        self.0.extend([name.to_owned(), value]);
    }

    fn option(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.flag(name, value.to_owned());
        }
    }

    fn switch(&mut self, name: &str, on: bool) {
        if on {
            self.0.push(name.to_owned());
        }
    }

    fn list(&mut self, name: &str, values: &[String]) {
        for value in values {
            self.flag(name, value.clone());
        }
    }

    fn image(&mut self, cell: &Cell<'_>) {
        let image = cell.image;
        self.option("--target", image.target.as_deref());
        for (name, value) in &image.build_args {
            self.flag(
                "--build-arg",
                match value {
                    // buildx reads a bare name from its environment, so the value stays off the command line.
                    Some(value) if !names_a_secret(name) => format!("{name}={value}"),
                    _ => name.clone(),
                },
            );
        }
        for (name, value) in &image.build_contexts {
            self.flag("--build-context", format!("{name}={value}"));
        }
        for (name, value) in &image.labels {
            self.flag("--label", format!("{name}={value}"));
        }
        self.names(cell);
        for secret in &image.secrets {
            self.flag("--secret", secret_spec(secret));
        }
        self.list("--ssh", &image.ssh);
        self.switch("--no-cache", image.no_cache);
        self.list("--no-cache-filter", &image.no_cache_filter);
        self.switch("--pull", image.pull);
        self.option("--network", image.network.as_deref());
        self.option("--cgroup-parent", image.cgroup_parent.as_deref());
        self.list("--add-host", &image.add_hosts);
        self.list("--ulimit", &image.ulimits);
        self.option("--shm-size", image.shm_size.map(|bytes| bytes.0.to_string()).as_deref());
        self.list("--allow", &image.allow);
    }

    /// What an image is called and annotated with. Where an index joins it with other platforms, that has the tags.
    fn names(&mut self, cell: &Cell<'_>) {
        if cell.is_joined {
            self.list("--annotation", &annotations_of_cells(cell.image));
        } else {
            self.list("--annotation", &cell.image.annotations);
            self.list("--tag", &cell.image.tags);
        }
    }

    fn cache(&mut self, cache: &CachePlan) {
        for entry in &cache.from {
            self.flag("--cache-from", entry.line.clone());
        }
        for entry in &cache.to {
            self.flag("--cache-to", entry.line.clone());
        }
    }

    /// The layout is what is weighed: manifest and blobs as a registry would hold them. It must come last, because the
    /// last output's answer is what buildx writes into a layout's `index.json`; that is also why pushing and loading are
    /// outputs here and not `--push` and `--load`, which buildx appends.
    fn outputs(&mut self, cell: &Cell<'_>, delivery: &Delivery) {
        let mut wanted = delivered(cell.image, delivery);
        let layout = output("oci", &[("dest", &path(&cell.files.layout())), ("tar", "false")]);
        let layout = if cell.image.tests.is_empty() {
            if cell.is_joined {
                wanted.iter_mut().for_each(|spec| *spec = by_digest(spec, cell.image));
            }
            // Blobs are weighed as they are delivered, so the layout is compressed like the image that is pushed.
            let compression = wanted.iter().flat_map(|spec| spec.split(',')).filter(|field| is_compression(field));
            std::iter::once(layout.as_str()).chain(compression).collect::<Vec<_>>().join(",")
        } else {
            // What is tested first is pushed from the layout, which has to be what would have been pushed.
            let (pushing, others): (Vec<String>, Vec<String>) = wanted.into_iter().partition(|spec| pushes(spec));
            wanted = others;
            format!("{layout}{}", pushing.first().map(|spec| attributes_of_push(spec)).unwrap_or_default())
        };
        self.list("--output", &wanted);
        self.flag("--output", layout);
    }

    /// Attestations are what the user asked for. A build that is only measured gets none, because buildx would add
    /// a provenance by itself and turn the manifest into an index; one that is pushed keeps buildx's default.
    fn attestations(&mut self, image: &Image, delivery: &Delivery) {
        let is_pushed = delivery.push || image.outputs.iter().chain(&delivery.outputs).any(|spec| pushes(spec));
        for (name, wanted) in [("--provenance", &image.provenance), ("--sbom", &image.sbom)] {
            match wanted {
                Some(value) => self.flag(name, value.clone()),
                // Buildx's default is for outputs that push, and the layout is none (`build/opt.go`, `inline-only`).
                None if is_pushed && name == "--provenance" && !image.tests.is_empty() => {
                    self.flag(name, "mode=min".to_owned());
                }
                None if is_pushed => {}
                None => self.flag(name, "false".to_owned()),
            }
        }
    }
}

/// All outputs but the layout.
pub(super) fn delivered(image: &Image, delivery: &Delivery) -> Vec<String> {
    let mut wanted = image.outputs.iter().chain(&delivery.outputs).cloned().collect();
    deliver(&mut wanted, delivery);
    wanted
}

/// Adds what is pushed and loaded, unless an output is there that does it or only has to be told so, with the attributes
/// that it has: compression and the like (`commands/build.go` of buildx, at `exportPush`).
fn deliver(wanted: &mut Vec<String>, delivery: &Delivery) {
    let is_image = |spec: &&mut String| has(spec, "type=image") && !has(spec, "push=true");
    if delivery.push {
        wanted.iter_mut().filter(is_image).for_each(|spec| spec.push_str(",push=true"));
        if !wanted.iter().any(|spec| pushes(spec)) {
            wanted.push("type=registry".to_owned());
        }
    }
    let loads = |spec: &String| has(spec, "type=docker") && !spec.contains("dest=");
    if delivery.load && !wanted.iter().any(loads) {
        wanted.push("type=docker".to_owned());
    }
}

/// Whether an output goes to a registry.
pub(super) fn pushes(spec: &str) -> bool {
    has(spec, "type=registry") || (has(spec, "type=image") && has(spec, "push=true"))
}

pub(super) fn has(spec: &str, field: &str) -> bool {
    spec.split(',').any(|found| found.trim() == field)
}

fn is_compression(field: &str) -> bool {
    ["compression=", "compression-level=", "force-compression="].iter().any(|key| field.starts_with(key))
}

fn secret_spec(secret: &Secret) -> String {
    match &secret.source {
        SecretSource::Variable(name) => csv(&[("id", &secret.id), ("env", name)]),
        SecretSource::File(file) => csv(&[("id", &secret.id), ("src", &path(file))]),
    }
}

fn output(kind: &str, attributes: &[(&str, &str)]) -> String {
    format!("type={kind},{}", csv(attributes))
}

/// Attributes as buildx reads them: one CSV record of `key=value` fields (RFC 4180 quoting).
pub fn csv(fields: &[(&str, &str)]) -> String {
    let field = |(key, value): &(&str, &str)| {
        let field = format!("{key}={value}");
        match field.contains(['"', ',', '\n', '\r']) {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false => field,
        }
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",")
}

/// Paths come from the configuration, which is UTF-8; a working directory that is not shows replacement characters
/// and then fails in buildx with the path in its message.
fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
