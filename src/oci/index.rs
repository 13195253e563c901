//! The way from `index.json` through nested indexes to images and attestations.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use oci_spec::image::{Descriptor, Digest, ImageIndex, ImageManifest, MediaType, ToDockerV2S2};

use super::blobs::{self, Blobs};
use super::{Platform, image};

/// A build writes two levels; more is a mistake or an attack.
const DEPTH_LIMIT: usize = 8;
/// Upper limit of descriptors looked at, far above all platforms that exist.
const DESCRIPTOR_LIMIT: usize = 1_000;
/// How many platforms an error lists.
const LISTED: usize = 12;

/// An image manifest and its platform.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) descriptor: Descriptor,
    pub(super) platform: Platform,
}

/// What a place holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    images: Vec<Candidate>,
    attestations: Vec<Descriptor>,
    /// Types of what is neither.
    others: BTreeSet<String>,
    descriptors: usize,
}

/// Collects all images and attestations of a place. A manifest is not read where its descriptor says enough: an archive of
/// one platform may lack those of the others.
pub(super) fn walk(blobs: &dyn Blobs) -> Result<Found> {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    let mut open = vec![(blobs::root_index(blobs)?, 0)];
    while let Some((index, depth)) = open.pop() {
        ensure!(depth < DEPTH_LIMIT, "index.json: indexes nested deeper than {DEPTH_LIMIT}");
        for descriptor in found.add(blobs, &index, &mut seen)? {
            let nested = blobs::nested_index(blobs, &descriptor);
            open.push((nested.with_context(|| format!("read index {}", descriptor.digest()))?, depth + 1));
        }
    }
    Ok(found)
}

impl Found {
    /// All images, of whatever platform.
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.images.iter()
    }

    /// Sorts the entries of one index, and returns those that are indexes not seen before.
    fn add(&mut self, blobs: &dyn Blobs, index: &ImageIndex, seen: &mut BTreeSet<String>) -> Result<Vec<Descriptor>> {
        let mut nested = Vec::new();
        for descriptor in index.manifests() {
            self.descriptors += 1;
            ensure!(self.descriptors <= DESCRIPTOR_LIMIT, "index.json: more than {DESCRIPTOR_LIMIT} entries");
            if is_attestation(descriptor) {
                // One attestation manifest may stand here once per image that it speaks of.
                self.attestations.push(descriptor.clone());
            } else if !seen.insert(descriptor.digest().to_string()) {
                continue;
            } else if is(descriptor.media_type(), &MediaType::ImageIndex) {
                nested.push(descriptor.clone());
            } else if is(descriptor.media_type(), &MediaType::ImageManifest) {
                self.add_manifest(blobs, descriptor)?;
            } else {
                self.others.insert(descriptor.media_type().to_string());
            }
        }
        Ok(nested)
    }

    fn add_manifest(&mut self, blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<()> {
        let platform = match descriptor.platform() {
            Some(platform) => image::platform(platform.os(), platform.architecture(), platform.variant().as_deref()),
            None => match manifest_kind(blobs, descriptor)? {
                Kind::Image(manifest) => image::config_platform(blobs, &manifest)?,
                Kind::Attestation => {
                    self.attestations.push(descriptor.clone());
                    return Ok(());
                }
                Kind::Other(media_type) => {
                    self.others.insert(media_type);
                    return Ok(());
                }
            },
        };
        self.images.push(Candidate { descriptor: descriptor.clone(), platform });
        Ok(())
    }

    /// The image for a platform: the exact one, else the only one that differs in an unstated variant.
    pub(super) fn choose(&self, blobs: &dyn Blobs, platform: &Platform) -> Result<&Candidate> {
        let pick = |fits: &dyn Fn(&Platform) -> bool| -> Result<Vec<&Candidate>> {
            let fitting = self.images.iter().filter(|image| fits(&image.platform));
            real_images(blobs, fitting)
        };
        let exact = pick(&|other| other == platform)?;
        let candidates =
            if exact.is_empty() { pick(&|other| differs_in_unstated_variant(other, platform))? } else { exact };
        match candidates.as_slice() {
            [one] => Ok(one),
            [] => bail!("no image for {platform}; there is {}", self.platforms()),
            many => bail!("{} images for {platform}; expected one", many.len()),
        }
    }

    /// The only image; of several the one for a platform.
    pub(super) fn choose_only(&self, blobs: &dyn Blobs, preferred: &Platform) -> Result<&Candidate> {
        match self.images.as_slice() {
            [one] => Ok(one),
            _ => self.choose(blobs, preferred),
        }
    }

    fn platforms(&self) -> String {
        let platforms: BTreeSet<String> = self.images.iter().map(|image| image.platform.to_string()).collect();
        let listed =
            |texts: &BTreeSet<String>| texts.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match (platforms.is_empty(), self.others.is_empty()) {
            (false, _) => format!("one for {}", listed(&platforms)),
            (true, true) => "none at all".to_owned(),
            (true, false) => format!("none at all, only {}", listed(&self.others)),
        }
    }

    /// Bytes of the attestations of one image: manifests and their layers, each digest once.
    pub(super) fn attestation_bytes(&self, blobs: &dyn Blobs, image: &Digest) -> Result<u64> {
        let mut bytes_by_digest = BTreeMap::new();
        for descriptor in self.attestations.iter().filter(|descriptor| speaks_of(descriptor, image)) {
            let manifest = blobs::manifest(blobs, descriptor)
                .with_context(|| format!("read attestation manifest {}", descriptor.digest()))?;
            for blob in manifest.layers().iter().chain([descriptor]) {
                bytes_by_digest.insert(blob.digest().to_string(), blob.size());
            }
        }
        let sum = bytes_by_digest.values().try_fold(0u64, |sum, bytes| sum.checked_add(*bytes));
        sum.context("the attestations' descriptors say more bytes than a number can hold")
    }
}

/// What a manifest is of.
enum Kind {
    Image(Box<ImageManifest>),
    Attestation,
    /// Something else that a registry keeps, and the type of its config.
    Other(String),
}

fn manifest_kind(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<Kind> {
    let manifest =
        blobs::manifest(blobs, descriptor).with_context(|| format!("read manifest {}", descriptor.digest()))?;
    Ok(match manifest.artifact_type() {
        Some(artifact_type) if is_attestation_type(artifact_type) => Kind::Attestation,
        _ if is(manifest.config().media_type(), &MediaType::ImageConfig) => Kind::Image(Box::new(manifest)),
        _ => Kind::Other(manifest.config().media_type().to_string()),
    })
}

fn real_images<'a>(blobs: &dyn Blobs, candidates: impl Iterator<Item = &'a Candidate>) -> Result<Vec<&'a Candidate>> {
    let real = candidates.map(|candidate| {
        let kind = manifest_kind(blobs, &candidate.descriptor)?;
        Ok(matches!(kind, Kind::Image(_)).then_some(candidate))
    });
    real.filter_map(Result::transpose).collect()
}

/// Whether an attestation is about this image; one that names no image is about all of them.
fn speaks_of(attestation: &Descriptor, image: &Digest) -> bool {
    annotation(attestation, "vnd.docker.reference.digest").is_none_or(|digest| digest == image.as_ref())
}

/// BuildKit marks attestations by annotation and by the platform `unknown/unknown`, in newer versions also as artifact.
fn is_attestation(descriptor: &Descriptor) -> bool {
    let unknown = |platform: &oci_spec::image::Platform| {
        platform.os().to_string() == "unknown" && platform.architecture().to_string() == "unknown"
    };
    annotation(descriptor, "vnd.docker.reference.type") == Some("attestation-manifest")
        || descriptor.platform().as_ref().is_some_and(unknown)
        || descriptor.artifact_type().as_ref().is_some_and(is_attestation_type)
}

fn is_attestation_type(artifact_type: &MediaType) -> bool {
    artifact_type.as_ref() == "application/vnd.docker.attestation.manifest.v1+json"
}

fn annotation<'a>(descriptor: &'a Descriptor, name: &str) -> Option<&'a str> {
    descriptor.annotations().as_ref()?.get(name).map(String::as_str)
}

/// Whether a media type is this one, in OCI's or Docker's spelling.
pub(super) fn is(media_type: &MediaType, expected: &MediaType) -> bool {
    media_type == expected || expected.to_docker_v2s2().is_ok_and(|docker| docker == media_type.as_ref())
}

fn differs_in_unstated_variant(left: &Platform, right: &Platform) -> bool {
    let unstated = left.variant.is_none() || right.variant.is_none();
    unstated && left.os == right.os && left.architecture == right.architecture
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Layout;
    use super::super::testing::TestLayout;
    use super::*;

    fn image(layout: &TestLayout, platform: &str) -> Result<super::super::Image> {
        Layout::open(layout.directory())?.image(&platform.parse()?)
    }

    fn on(mut descriptor: Value, os: &str, architecture: &str, variant: Option<&str>) -> Value {
        descriptor["platform"] = json!({ "os": os, "architecture": architecture, "variant": variant });
        descriptor
    }

    #[test]
    fn the_image_of_the_platform_is_found_through_nested_indexes() {
        let mut layout = TestLayout::new();
        let entries: Vec<Value> = [("amd64", None), ("arm64", Some("v8")), ("arm", Some("v6")), ("arm", Some("v7"))]
            .into_iter()
            .map(|(architecture, variant)| {
                let label = format!("{architecture}{variant:?}");
                on(layout.image(&[layout.plain(label.as_bytes())]), "linux", architecture, variant)
            })
            .collect();
        let inner = layout.nested(&json!(entries));
        let outer = layout.nested(&json!([inner]));
        layout.write_index(&json!([outer]));
        for (platform, index) in [("linux/amd64", 0), ("linux/arm64", 1), ("linux/arm/v6", 2), ("linux/arm", 3)] {
            assert_eq!(image(&layout, platform).unwrap().digest, entries[index]["digest"], "{platform}");
        }
        // An unstated variant may be filled in, another one may not.
        assert_eq!(image(&layout, "linux/amd64/v2").unwrap().digest, entries[0]["digest"]);
        let message = image(&layout, "linux/arm/v5").unwrap_err().to_string();
        let expected =
            "no image for linux/arm/v5; there is one for linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64";
        assert_eq!(message, expected);
    }

    #[test]
    fn a_variant_is_met_exactly_or_filled_in_where_one_side_states_none() {
        for (architecture, variants, asked, expected) in [
            ("amd64", vec![None, Some("v2"), Some("v3")], "linux/amd64", Some(0)),
            ("amd64", vec![None, Some("v2"), Some("v3")], "linux/amd64/v1", Some(0)),
            ("amd64", vec![None, Some("v2"), Some("v3")], "linux/amd64/v2", Some(1)),
            ("amd64", vec![None, Some("v2"), Some("v3")], "linux/amd64/v4", Some(0)),
            ("amd64", vec![Some("v2")], "linux/amd64", Some(0)),
            ("amd64", vec![Some("v2"), Some("v3")], "linux/amd64", None),
            ("arm64", vec![Some("v8"), Some("v9")], "linux/arm64", Some(0)),
            ("arm64", vec![Some("8")], "linux/aarch64/v8", Some(0)),
            ("arm64", vec![None], "linux/arm64/v9", Some(0)),
            ("arm", vec![Some("v5"), Some("v6"), None], "linux/arm/v7", Some(2)),
            ("arm", vec![Some("v5"), Some("6")], "linux/armel", Some(1)),
            ("arm", vec![Some("v5"), Some("v6")], "linux/arm", None),
            ("386", vec![None], "linux/i686", Some(0)),
        ] {
            let mut layout = TestLayout::new();
            let manifest = |(at, variant): (usize, &Option<&str>)| {
                on(layout.image(&[layout.plain(&[7, u8::try_from(at).unwrap()])]), "linux", architecture, *variant)
            };
            let entries: Vec<Value> = variants.iter().enumerate().map(manifest).collect();
            layout.write_index(&json!(entries));
            let found = image(&layout, asked).ok().map(|image| image.digest);
            let expected = expected.map(|at: usize| entries[at]["digest"].as_str().unwrap().to_owned());
            assert_eq!(found, expected, "{asked} of {variants:?}");
        }
    }

    #[test]
    fn a_descriptor_without_platform_has_that_of_its_config() {
        let mut layout = TestLayout::new();
        let mut manifest = layout.image(&[]);
        manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
        layout.write_index(&json!([manifest]));
        assert_eq!(image(&layout, "linux/amd64").unwrap().digest, manifest["digest"]);
        assert!(image(&layout, "linux/s390x").unwrap_err().to_string().contains("there is one for linux/amd64"));
    }

    #[test]
    fn two_images_for_a_platform_are_refused_and_one_listed_twice_is_not() {
        let mut layout = TestLayout::new();
        let (one, two) = (layout.image(&[]), layout.image(&[layout.plain(b"x")]));
        layout.write_index(&json!([one, one]));
        image(&layout, "linux/amd64").unwrap();
        layout.write_index(&json!([one, two]));
        let message = image(&layout, "linux/amd64").unwrap_err().to_string();
        assert_eq!(message, "2 images for linux/amd64; expected one");
    }

    #[test]
    fn attestations_of_both_forms_are_counted_apart_and_once() {
        let mut layout = TestLayout::new();
        let images = [
            on(layout.image(&[]), "linux", "amd64", None),
            on(layout.image(&[layout.plain(b"x")]), "linux", "arm64", None),
        ];
        let statement = layout.blob(b"in-toto statement");
        let config = layout.blob(b"{}");
        let by_annotation = layout.manifest(&config, std::slice::from_ref(&statement), None);
        let artifact_type = "application/vnd.docker.attestation.manifest.v1+json";
        let by_type = layout.manifest(&config, std::slice::from_ref(&statement), Some(artifact_type));
        let mut entries = images.to_vec();
        for target in &images {
            let mut entry = on(by_annotation.clone(), "unknown", "unknown", None);
            entry["annotations"] = json!({
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": target["digest"],
            });
            entries.push(entry);
        }
        entries.push(by_type.clone());
        let nested = layout.nested(&json!(entries));
        layout.write_index(&json!([nested]));
        let bytes = |blob: &Value| blob["size"].as_u64().unwrap();
        let expected = bytes(&by_annotation) + bytes(&by_type) + bytes(&statement);
        for platform in ["linux/amd64", "linux/arm64"] {
            assert_eq!(image(&layout, platform).unwrap().attestation_bytes, expected, "{platform}");
        }
        // Only attestations: nothing to weigh.
        layout.write_index(&json!([by_type]));
        assert!(image(&layout, "linux/amd64").unwrap_err().to_string().contains("none at all"));
    }

    #[test]
    fn an_attestation_of_another_image_is_not_counted() {
        let mut layout = TestLayout::new();
        let config = layout.blob(b"{}");
        let mut other = layout.manifest(&config, &[], None);
        other["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": "sha256:other",
        });
        let entries = json!([layout.image(&[]), other]);
        layout.write_index(&entries);
        assert_eq!(image(&layout, "linux/amd64").unwrap().attestation_bytes, 0);
    }

    #[test]
    fn indexes_that_name_each_other_or_never_end_are_no_trap() {
        let mut layout = TestLayout::new();
        let image_entry = layout.image(&[]);
        let cycle = layout.nested_under("1".repeat(64), |own| json!([own, image_entry]));
        layout.write_index(&json!([cycle]));
        let message = format!("{:#}", image(&layout, "linux/amd64").unwrap_err());
        assert!(message.contains("is not what its digest says"), "{message}");
        let mut deep = image_entry;
        for _ in 0..DEPTH_LIMIT {
            deep = layout.nested(&json!([deep]));
        }
        layout.write_index(&json!([deep]));
        let message = image(&layout, "linux/amd64").unwrap_err().to_string();
        assert!(message.contains("nested deeper than 8"), "{message}");
    }

    #[test]
    fn an_endless_list_of_entries_is_refused() {
        let mut layout = TestLayout::new();
        let entry = layout.image(&[]);
        layout.write_index(&Value::Array(vec![entry; DESCRIPTOR_LIMIT + 1]));
        assert!(image(&layout, "linux/amd64").unwrap_err().to_string().contains("more than 1000 entries"));
    }
}
