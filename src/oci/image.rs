//! One image: its manifest joined with its config.

use anyhow::{Context, Result, ensure};
use oci_spec::image::{Arch, Descriptor, Digest, ImageManifest, Os};

use super::blobs::{self, Blobs};
use super::{Platform, Settings};

/// What manifest and config say of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Digest of the image manifest.
    pub digest: String,
    /// Digest of the config blob, which engines call the image's ID.
    pub config_digest: String,
    /// Bytes of the config blob.
    pub config_bytes: u64,
    /// Bytes of attestation manifests and their layers, each digest once.
    pub attestation_bytes: u64,
    /// The layers, lowest first.
    pub layers: Vec<LayerBlob>,
    /// The config's history, oldest first, untrusted text.
    pub history: Vec<HistoryEntry>,
    /// The platform that the config states.
    pub platform: Platform,
    /// How containers are started.
    pub settings: Settings,
}

/// A layer as the manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerBlob {
    /// Digest of the compressed blob.
    pub digest: String,
    /// Digest of the uncompressed tar, from the config.
    pub diff_id: String,
    /// Length of the compressed blob.
    pub compressed_bytes: u64,
    /// What the manifest calls it; its compression is decided by its first bytes instead.
    pub media_type: String,
}

/// One entry of the config's history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryEntry {
    /// The instruction, as the builder spells it.
    pub created_by: String,
    /// What wrote the entry, such as `buildkit.dockerfile.v0`.
    pub comment: String,
    /// Whether it wrote no layer.
    pub empty_layer: bool,
}

/// Reads the image of a manifest; its attestations are not looked at.
pub(super) fn read(blobs: &dyn Blobs, descriptor: &Descriptor) -> Result<Image> {
    let manifest = blobs::manifest(blobs, descriptor)?;
    let blobs::Config { config, settings } = blobs::config(blobs, manifest.config())?;
    let (layers, diff_ids) = (manifest.layers(), config.rootfs().diff_ids());
    ensure!(
        layers.len() == diff_ids.len(),
        "the manifest has {} layers, the config {} diff_ids",
        layers.len(),
        diff_ids.len()
    );
    let history = config.history().iter().flatten().map(|entry| HistoryEntry {
        created_by: entry.created_by().clone().unwrap_or_default(),
        comment: entry.comment().clone().unwrap_or_default(),
        empty_layer: entry.empty_layer().unwrap_or(false),
    });
    Ok(Image {
        digest: descriptor.digest().to_string(),
        config_digest: manifest.config().digest().to_string(),
        config_bytes: manifest.config().size(),
        attestation_bytes: 0,
        layers: layers.iter().zip(diff_ids).map(|(layer, diff_id)| blob(layer, diff_id)).collect::<Result<_>>()?,
        history: history.collect(),
        platform: platform(config.os(), config.architecture(), config.variant().as_deref()),
        settings,
    })
}

fn blob(layer: &Descriptor, diff_id: &str) -> Result<LayerBlob> {
    diff_id.parse::<Digest>().with_context(|| format!("diff_id {diff_id:?} of layer {}", layer.digest()))?;
    Ok(LayerBlob {
        digest: layer.digest().to_string(),
        diff_id: diff_id.to_owned(),
        compressed_bytes: layer.size(),
        media_type: layer.media_type().to_string(),
    })
}

/// The platform that an image's config states.
pub(super) fn config_platform(blobs: &dyn Blobs, manifest: &ImageManifest) -> Result<Platform> {
    let blobs::Config { config, .. } = blobs::config(blobs, manifest.config())?;
    Ok(platform(config.os(), config.architecture(), config.variant().as_deref()))
}

/// Our platform from the specification's.
pub(super) fn platform(os: &Os, architecture: &Arch, variant: Option<&str>) -> Platform {
    Platform::new(&os.to_string(), &architecture.to_string(), variant)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Layout;
    use super::super::testing::{TestLayout, amd64};
    use super::*;

    fn read_one(layout: &mut TestLayout, manifest: &serde_json::Value) -> Result<Image> {
        layout.write_index(&json!([manifest]));
        Layout::open(layout.directory())?.image(&amd64())
    }

    #[test]
    fn layers_carry_their_diff_id_and_history_its_text() {
        let mut layout = TestLayout::new();
        let layers = [layout.plain(b"a"), layout.plain(b"b")];
        let manifest = layout.image(&layers);
        let image = read_one(&mut layout, &manifest).unwrap();
        let diff_ids: Vec<_> = image.layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        assert_eq!(diff_ids, [layers[0].diff_id.as_str(), layers[1].diff_id.as_str()]);
        assert_eq!(image.history[0].created_by, "COPY 0 / # buildkit");
        assert_eq!(image.digest, manifest["digest"]);
    }

    /// BuildKit writes this for `FROM scratch` and `LABEL a=b`.
    #[test]
    fn an_image_without_layers_has_null_for_its_lists() {
        let mut layout = TestLayout::new();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Labels": { "a": "b" }, "Cmd": null },
            "rootfs": { "type": "layers", "diff_ids": null }, "history": null,
        });
        let config = layout.blob(config.to_string().as_bytes());
        let config_type = json!("application/vnd.oci.image.config.v1+json");
        let manifest = layout.raw_manifest(&json!({
            "schemaVersion": 2, "layers": null,
            "config": { "mediaType": config_type, "digest": config["digest"], "size": config["size"] },
        }));
        let image = read_one(&mut layout, &manifest).unwrap();
        assert_eq!((image.layers.len(), image.history.len()), (0, 0));
        assert_eq!(image.config_digest, config["digest"].as_str().unwrap());
        assert_eq!(image.config_bytes, config["size"].as_u64().unwrap());
    }

    #[test]
    fn a_config_with_another_number_of_layers_is_refused() {
        let mut layout = TestLayout::new();
        let layers = [layout.plain(b"a"), layout.plain(b"b")];
        let config = layout.config(&layers[..1], &json!([]));
        let manifest = layout.manifest_of(&config, &layers);
        let message = format!("{:#}", read_one(&mut layout, &manifest).unwrap_err());
        assert!(message.contains("the manifest has 2 layers, the config 1 diff_ids"), "{message}");
    }

    #[test]
    fn a_diff_id_that_is_no_digest_is_refused() {
        let mut layout = TestLayout::new();
        let mut layer = layout.plain(b"a");
        layer.diff_id = "<b>".to_owned();
        let manifest = layout.image(&[layer]);
        let message = format!("{:#}", read_one(&mut layout, &manifest).unwrap_err());
        assert!(message.contains("diff_id \"<b>\""), "{message}");
    }
}
