//! A cell as the command line of `docker buildx build`. Flags follow the reference documentation of buildx 0.13 and
//! later; the order is fixed, so that the same cell gives the same bytes.

use std::path::Path;

use super::{Cell, Delivery, redact};
use crate::config::{BuildContext, DockerfileSource, Image, Secret, SecretSource};

/// The arguments after `docker`.
#[must_use]
pub fn arguments(cell: &Cell<'_>, builder: Option<&str>, delivery: &Delivery) -> Vec<String> {
    let mut args = Args(vec!["buildx".to_owned(), "build".to_owned()]);
    args.option("--builder", builder);
    args.flag("--platform", cell.id.platform.to_string());
    // One JSON object per line instead of a drawing: the only output that is meant for programs.
    args.flag("--progress", "rawjson".to_owned());
    args.flag("--metadata-file", path(&cell.files.metadata()));
    args.flag("--file", match &cell.image.dockerfile {
        DockerfileSource::Path(file) => path(file),
        DockerfileSource::InRemoteContext(file) => file.clone(),
        DockerfileSource::Inline(_) => path(&cell.files.inline_dockerfile()),
    });
    args.image(cell.image);
    args.attestations(cell.image, delivery);
    // The layout is what is weighed: manifest and blobs as a registry would hold them.
    args.flag("--output", output("oci", &[("dest", &path(&cell.files.layout())), ("tar", "false")]));
    for spec in cell.image.outputs.iter().chain(&delivery.outputs) {
        args.flag("--output", spec.clone());
    }
    args.switch("--push", delivery.push);
    args.switch("--load", delivery.load);
    args.0.push(match &cell.image.context {
        BuildContext::Directory(directory) => path(directory),
        BuildContext::Remote(url) => url.clone(),
    });
    args.0
}

/// Build arguments that are passed by environment, because their names say that they are secret: name and value.
#[must_use]
pub fn secret_variables(image: &Image) -> Vec<(String, String)> {
    let secret = image.build_args.iter().filter(|(name, _)| redact::names_a_secret(name));
    secret.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
}

struct Args(Vec<String>);

impl Args {
    fn flag(&mut self, name: &str, value: String) {
        // `--name=value` keeps a value that starts with a dash from being read as another flag.
        self.0.push(format!("{name}={value}"));
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

    fn image(&mut self, image: &Image) {
        self.option("--target", image.target.as_deref());
        for (name, value) in &image.build_args {
            self.flag("--build-arg", match value {
                // buildx reads a bare name from its environment, so the value stays off the command line.
                Some(value) if !redact::names_a_secret(name) => format!("{name}={value}"),
                _ => name.clone(),
            });
        }
        for (name, value) in &image.build_contexts {
            self.flag("--build-context", format!("{name}={value}"));
        }
        for (name, value) in &image.labels {
            self.flag("--label", format!("{name}={value}"));
        }
        self.list("--annotation", &image.annotations);
        self.list("--tag", &image.tags);
        for secret in &image.secrets {
            self.flag("--secret", secret_spec(secret));
        }
        self.list("--ssh", &image.ssh);
        self.list("--cache-from", &image.cache_from);
        self.list("--cache-to", &image.cache_to);
        self.switch("--no-cache", image.no_cache);
        self.list("--no-cache-filter", &image.no_cache_filter);
        self.switch("--pull", image.pull);
        self.option("--network", image.network.as_deref());
        self.list("--add-host", &image.add_hosts);
        self.list("--ulimit", &image.ulimits);
        self.option("--shm-size", image.shm_size.map(|bytes| bytes.0.to_string()).as_deref());
        self.list("--allow", &image.allow);
    }

    /// Attestations are what the user asked for. A build that is only measured gets none, because buildx would add
    /// a provenance by itself and turn the manifest into an index; one that is pushed keeps buildx's default.
    fn attestations(&mut self, image: &Image, delivery: &Delivery) {
        for (name, wanted) in [("--provenance", &image.provenance), ("--sbom", &image.sbom)] {
            match wanted {
                Some(value) => self.flag(name, value.clone()),
                None if delivery.push => {}
                None => self.flag(name, "false".to_owned()),
            }
        }
    }
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
fn csv(fields: &[(&str, &str)]) -> String {
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
