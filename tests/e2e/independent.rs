//! What an OCI layout weighs, computed without any of weighbridge's code: `serde_json`, `gzip`, `wc` and `sha256sum`,
//! which every machine has, and the `zstd` crate, as not every machine has the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The weight of one platform's image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) digest: String,
    pub(crate) compressed_bytes: u64,
    pub(crate) uncompressed_bytes: u64,
    /// `(digest, diff_id, compressed_bytes, uncompressed_bytes)` of each layer.
    pub(crate) layers: Vec<(String, String, u64, u64)>,
}

/// Weighs the only image of a layout.
pub(crate) fn weigh(layout: &Path) -> Weight {
    let index = json(&layout.join("index.json"));
    let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
    let manifest = json(&blob(layout, &digest));
    assert!(manifest["layers"].is_array(), "the layout's entry is no image manifest: {manifest}");
    let config = json(&blob(layout, manifest["config"]["digest"].as_str().unwrap()));
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter().zip(diff_ids).map(|(layer, diff_id)| {
        let digest = layer["digest"].as_str().unwrap().to_owned();
        let file = blob(layout, &digest);
        let compressed_bytes = std::fs::metadata(&file).unwrap().len();
        assert_eq!(format!("sha256:{}", pipe(&file, "cat", "sha256sum")), digest);
        let (tar, read) = match layer["mediaType"].as_str().unwrap().ends_with("zstd") {
            true => (unpacked(&file), "cat"),
            false => (file, "gzip -dc"),
        };
        let uncompressed_bytes = pipe(&tar, read, "wc -c").parse().unwrap();
        assert_eq!(format!("sha256:{}", pipe(&tar, read, "sha256sum")), diff_id.as_str().unwrap());
        (digest, diff_id.as_str().unwrap().to_owned(), compressed_bytes, uncompressed_bytes)
    });
    let layers: Vec<_> = layers.collect();
    Weight {
        digest,
        compressed_bytes: layers.iter().map(|layer| layer.2).sum(),
        uncompressed_bytes: layers.iter().map(|layer| layer.3).sum(),
        layers,
    }
}

/// What a cell of `report.json` says of itself, in the same form.
pub(crate) fn reported(cell: &Value) -> Weight {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let number = |value: &Value| value.as_u64().unwrap();
    let layers = cell["layers"].as_array().unwrap().iter().map(|layer| {
        let (digest, diff_id) = (text(&layer["digest"]), text(&layer["diff_id"]));
        (digest, diff_id, number(&layer["compressed_bytes"]), number(&layer["uncompressed_bytes"]))
    });
    Weight {
        digest: text(&cell["digest"]),
        compressed_bytes: number(&cell["compressed_bytes"]),
        uncompressed_bytes: number(&cell["uncompressed_bytes"]),
        layers: layers.collect(),
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// The tar of a zstd blob, written beside it.
fn unpacked(blob: &Path) -> PathBuf {
    let tar = blob.with_extension("tar");
    zstd::stream::copy_decode(std::fs::File::open(blob).unwrap(), std::fs::File::create(&tar).unwrap()).unwrap();
    tar
}

/// The first word that `second` prints for what `first` makes of a file.
fn pipe(file: &Path, first: &str, second: &str) -> String {
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", &format!("{first} < \"$1\" | {second}"), "bash"]).arg(file);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{first} | {second}");
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}
