//! Layouts for tests, written blob by blob so that any part of one can be wrong.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Platform;
use crate::fs;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout in a temporary directory.
pub(crate) struct TestLayout {
    directory: tempfile::TempDir,
}

/// A layer whose blob is written.
#[derive(Clone)]
pub(crate) struct TestLayer {
    pub(crate) descriptor: Value,
    pub(crate) diff_id: String,
}

/// The platform of all test configs.
pub(crate) fn amd64() -> Platform {
    Platform::new("linux", "amd64", None)
}

/// A tar with one file.
pub(crate) fn tar(content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "file", content).unwrap();
    tar.into_inner().unwrap()
}

/// One gzip member.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// One Zstandard frame with a checksum.
pub(crate) fn zstd_frame(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl TestLayout {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mark = br#"{"imageLayoutVersion":"1.0.0"}"#;
        fs::write_atomic(&directory.path().join("oci-layout"), mark).unwrap();
        Self { directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn blob_path(&self, digest: &str) -> PathBuf {
        self.directory().join("blobs").join(digest.replace(':', "/"))
    }

    /// Writes `index.json` with these descriptors.
    pub(crate) fn write_index(&mut self, manifests: &Value) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        fs::write_atomic(&self.directory().join("index.json"), index.to_string().as_bytes()).unwrap();
    }

    /// Writes a blob and returns its descriptor, with a media type that nobody knows.
    pub(crate) fn blob(&self, bytes: &[u8]) -> Value {
        let digest = sha256(bytes);
        fs::write_atomic(&self.blob_path(&digest), bytes).unwrap();
        json!({ "mediaType": "application/octet-stream", "digest": digest, "size": bytes.len() })
    }

    fn typed(&self, media_type: &str, bytes: &[u8]) -> Value {
        let mut descriptor = self.blob(bytes);
        descriptor["mediaType"] = json!(media_type);
        descriptor
    }

    /// A layer blob of any bytes; `diff_id` is that of the tar.
    pub(crate) fn layer(&self, blob: &[u8], tar: &[u8]) -> TestLayer {
        TestLayer { descriptor: self.typed(LAYER, blob), diff_id: sha256(tar) }
    }

    /// An uncompressed layer with one file of this content.
    pub(crate) fn plain(&self, content: &[u8]) -> TestLayer {
        self.layer(&tar(content), &tar(content))
    }

    /// An image for linux/amd64 whose history has one `COPY` per layer; its descriptor has no platform.
    pub(crate) fn image(&self, layers: &[TestLayer]) -> Value {
        let entry =
            |index| json!({ "created_by": format!("COPY {index} / # buildkit"), "comment": "buildkit.dockerfile.v0" });
        self.manifest_of(&self.config(layers, &(0..layers.len()).map(entry).collect()), layers)
    }

    pub(crate) fn config(&self, layers: &[TestLayer], history: &Value) -> Value {
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
        let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": rootfs, "history": history });
        self.typed(CONFIG, config.to_string().as_bytes())
    }

    pub(crate) fn manifest_of(&self, config: &Value, layers: &[TestLayer]) -> Value {
        let layers: Vec<Value> = layers.iter().map(|layer| layer.descriptor.clone()).collect();
        self.manifest(config, &layers, None)
    }

    pub(crate) fn manifest(&self, config: &Value, layers: &[Value], artifact_type: Option<&str>) -> Value {
        let mut manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
        if let Some(artifact_type) = artifact_type {
            manifest["artifactType"] = json!(artifact_type);
        }
        self.raw_manifest(&manifest)
    }

    pub(crate) fn raw_manifest(&self, manifest: &Value) -> Value {
        self.typed(MANIFEST, manifest.to_string().as_bytes())
    }

    /// An index as a blob.
    pub(crate) fn nested(&self, manifests: &Value) -> Value {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        self.typed(INDEX, index.to_string().as_bytes())
    }

    /// An index under a digest that is not its own, so that it can name itself.
    pub(crate) fn nested_under(&self, hex: String, manifests: impl Fn(Value) -> Value) -> Value {
        let digest = format!("sha256:{hex}");
        let index = |size: usize| {
            let own = json!({ "mediaType": INDEX, "digest": digest, "size": size });
            json!({ "schemaVersion": 2, "manifests": manifests(own) }).to_string()
        };
        // Any three-digit number gives the same length.
        let size = index(100).len();
        fs::write_atomic(&self.blob_path(&digest), index(size).as_bytes()).unwrap();
        json!({ "mediaType": INDEX, "digest": digest, "size": size })
    }
}
