//! OCI layouts as `docker buildx build --output type=oci,tar=false` writes them, sound or damaged.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What is wrong with a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    None,
    /// The layer's blob ends early.
    TruncatedBlob,
    /// The layer's blob has its length, but is no gzip stream.
    GarbageBlob,
    /// The layer's descriptor says another length than the blob has.
    WrongLength,
    /// There is no blob for the layer.
    MissingBlob,
    /// There is no `index.json`.
    NoIndex,
    /// The layer is a sound gzip stream of something that is no tar.
    NoTar,
    /// The image is for another platform.
    OtherPlatform,
}

/// One image with layers of these contents, each made by the instruction beside it.
#[derive(Debug, Clone)]
pub(crate) struct TestImage {
    pub(crate) architecture: &'static str,
    pub(crate) layers: Vec<(String, Vec<u8>)>,
    pub(crate) damage: Damage,
}

impl TestImage {
    /// For linux/amd64, one layer with this much that does not compress.
    pub(crate) fn of(bytes: usize) -> Self {
        let layers = vec![("COPY app /app # buildkit".to_owned(), noise(bytes))];
        Self { architecture: "amd64", layers, damage: Damage::None }
    }

    /// Of a content that no sound image of these tests has: layers are weighed once per digest.
    pub(crate) fn damaged(damage: Damage) -> Self {
        Self { damage, ..Self::of(3000) }
    }

    pub(crate) fn write(&self, directory: &Path) {
        std::fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
        std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let tar = |content: &[u8]| if self.damage == Damage::NoTar { content.to_vec() } else { tar(content) };
        let tars: Vec<Vec<u8>> = self.layers.iter().map(|(_, content)| tar(content)).collect();
        let mut layers: Vec<Value> = tars.iter().map(|tar| blob(directory, "layer.v1.tar+gzip", &gzip(tar))).collect();
        self.spoil(directory, &mut layers[0]);
        let config = self.config(directory, &tars);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type("manifest.v1+json"), "config": config, "layers": layers,
        });
        let manifest = blob(directory, "manifest.v1+json", manifest.to_string().as_bytes());
        if self.damage != Damage::NoIndex {
            let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
            std::fs::write(directory.join("index.json"), index.to_string()).unwrap();
        }
    }

    fn config(&self, directory: &Path, tars: &[Vec<u8>]) -> Value {
        let architecture = if self.damage == Damage::OtherPlatform { "s390x" } else { self.architecture };
        let entry = |created_by: &str| json!({ "created_by": created_by, "comment": "buildkit.dockerfile.v0" });
        let config = json!({
            "os": "linux", "architecture": architecture,
            "rootfs": { "type": "layers", "diff_ids": tars.iter().map(|tar| sha256(tar)).collect::<Vec<_>>() },
            "history": self.layers.iter().map(|(created_by, _)| entry(created_by)).collect::<Vec<_>>(),
        });
        blob(directory, "config.v1+json", config.to_string().as_bytes())
    }

    fn spoil(&self, directory: &Path, layer: &mut Value) {
        let path = blob_path(directory, layer["digest"].as_str().unwrap());
        let content = std::fs::read(&path).unwrap();
        match self.damage {
            Damage::TruncatedBlob => std::fs::write(path, &content[..content.len() / 2]).unwrap(),
            Damage::GarbageBlob => {
                std::fs::write(path, [&content[..20], &vec![0xAA; content.len() - 20]].concat()).unwrap()
            }
            Damage::MissingBlob => std::fs::remove_file(path).unwrap(),
            Damage::WrongLength => layer["size"] = 7.into(),
            Damage::None | Damage::NoIndex | Damage::NoTar | Damage::OtherPlatform => {}
        }
    }
}

/// Adds the images of another layout to a layout, whose index names all of them then.
pub(crate) fn add_images(layout: &Path, other: &Path) {
    let manifests = |layout: &Path| -> Vec<Value> {
        let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
        index["manifests"].as_array().unwrap().clone()
    };
    for blob in std::fs::read_dir(other.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap()) {
        std::fs::copy(blob.path(), layout.join("blobs/sha256").join(blob.file_name())).unwrap();
    }
    let manifests = [manifests(layout), manifests(other)].concat();
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    std::fs::write(layout.join("index.json"), index.to_string()).unwrap();
}

/// Bytes that look random and are the same every time.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(count).collect()
}

fn tar(content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "file", content).unwrap();
    tar.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn blob(directory: &Path, kind: &str, content: &[u8]) -> Value {
    let digest = sha256(content);
    std::fs::write(blob_path(directory, &digest), content).unwrap();
    json!({ "mediaType": media_type(kind), "digest": digest, "size": content.len() })
}

fn blob_path(directory: &Path, digest: &str) -> PathBuf {
    directory.join("blobs").join(digest.replace(':', "/"))
}

fn media_type(kind: &str) -> String {
    format!("application/vnd.oci.image.{kind}")
}

fn sha256(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
