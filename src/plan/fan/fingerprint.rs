//! What tells one configuration from another, as far as parts of a run depend on it.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::config::{BuildContext, Config, DockerfileSource, Image};

/// A digest of the images, their platforms, names and sources. Build arguments and labels are left out: a bake file may
/// put the time of day into them, which no two runners share.
#[must_use]
pub fn fingerprint(config: &Config, version: &str) -> String {
    let images: Vec<String> = config.images.iter().flat_map(|image| fields(image, &config.root)).collect();
    hashed(std::iter::once(&version.to_owned()).chain(&images))
}

/// A digest of everything that the configuration says of what an image is built from. What it is called and where it
/// goes is left out, as are the values of build arguments, of which a report has digests.
#[must_use]
pub fn definition(image: &Image, root: &Path) -> String {
    let place =
        |path: &str| Path::new(path).strip_prefix(root).map_or(path.to_owned(), |path| path.display().to_string());
    let Image { build_contexts, labels, annotations, secrets, ssh, network, cgroup_parent, add_hosts, .. } = image;
    let Image { pull, ulimits, shm_size, allow, provenance, sbom, build_args, .. } = image;
    let contexts: Vec<(&String, String)> = build_contexts.iter().map(|(name, value)| (name, place(value))).collect();
    let inline = match &image.dockerfile {
        DockerfileSource::Inline(text) => text.as_str(),
        DockerfileSource::Path(_) | DockerfileSource::InRemoteContext(_) => "",
    };
    let said = [
        format!("{:?}", (contexts, labels, annotations, network, cgroup_parent, add_hosts, inline)),
        format!(
            "{:?}",
            (
                secrets.iter().map(|secret| &secret.id).collect::<Vec<_>>(),
                ssh,
                pull,
                ulimits,
                shm_size,
                allow,
                provenance,
                sbom
            )
        ),
        format!("{:?}", build_args.keys().collect::<Vec<_>>()),
    ];
    let source = fields(image, root);
    hashed(source.iter().take(SOURCE_FIELDS).chain(&said))
}

/// The first fields, which say what is built and not what it is called.
const SOURCE_FIELDS: usize = 4;

fn hashed<'f>(fields: impl IntoIterator<Item = &'f String>) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(field.len().to_le_bytes());
        hash.update(field);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fields(image: &Image, root: &Path) -> Vec<String> {
    // The same checkout stands in other directories on other machines.
    let place = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let mut platforms: Vec<String> = image.platforms.iter().map(ToString::to_string).collect();
    platforms.sort();
    platforms.dedup();
    vec![
        image.name.clone(),
        match &image.context {
            BuildContext::Directory(directory) => place(directory),
            BuildContext::Remote(url) => url.clone(),
        },
        match &image.dockerfile {
            DockerfileSource::Path(path) => place(path),
            DockerfileSource::InRemoteContext(path) => path.clone(),
            DockerfileSource::Inline(_) => String::new(),
        },
        image.target.clone().unwrap_or_default(),
        platforms.join(" "),
        image.tags.join(" "),
        image.outputs.join(" "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{config, image};

    #[test]
    fn a_configuration_is_told_by_its_images_and_not_by_where_it_stands() {
        let of = |images: &[(&str, &[&str])]| {
            config(images.iter().map(|(name, platforms)| image(name, platforms)).collect())
        };
        let both = ["linux/amd64", "linux/arm64"];
        let one = fingerprint(&of(&[("a", &both)]), "1");
        assert_eq!(one.len(), 64);
        let mut moved = of(&[("a", &["linux/arm64", "linux/amd64"])]);
        moved.root = "/elsewhere".into();
        let image = &mut moved.images[0];
        image.context = BuildContext::Directory("/elsewhere/a".into());
        image.dockerfile = DockerfileSource::Path("/elsewhere/a/Dockerfile".into());
        image.build_args.insert("DATE".into(), Some("today".into()));
        assert_eq!(fingerprint(&moved, "1"), one);
        assert_ne!(fingerprint(&of(&[("a", &both)]), "2"), one);
        assert_ne!(fingerprint(&of(&[("a", &both[..1])]), "1"), one);
        assert_ne!(fingerprint(&of(&[("a", &both), ("b", &both)]), "1"), one);
        moved.images[0].tags.push("r.example/a:2".into());
        assert_ne!(fingerprint(&moved, "1"), one);
    }
}
