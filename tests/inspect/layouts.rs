//! Layouts from outside: the forms in which builders and registries write them, and documents that are wrong. What is
//! wrong is said with the blob that it is in.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use weighbridge::fs;
use weighbridge::inspect::{self, Contents};
use weighbridge::oci::{Image, Layout, Platform};

use crate::tape::{self, file, mark, sha256};

const OCI: &str = "application/vnd.oci.image";
const DOCKER: &str = "application/vnd.docker";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        fs::write_atomic(&self.path().join(path), bytes).unwrap();
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = sha256(bytes);
        self.write(&format!("blobs/{}", digest.replace(':', "/")), bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    fn json(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    fn index(&self, manifests: &Value) {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.write("index.json", index.to_string().as_bytes());
    }

    /// An image of layers, each a media type, a blob and its tar.
    fn image(&self, layers: &[(&str, Vec<u8>, Vec<u8>)]) -> Value {
        let diff_ids: Vec<String> = layers.iter().map(|(_, _, tar)| sha256(tar)).collect();
        let descriptors: Vec<Value> = layers.iter().map(|(kind, blob, _)| self.blob(kind, blob)).collect();
        let config =
            json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        let config = self.json(&format!("{OCI}.config.v1+json"), &config);
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": descriptors });
        self.json(&format!("{OCI}.manifest.v1+json"), &manifest)
    }

    fn open(&self) -> Result<Image> {
        Layout::open(self.path())?.image(&Platform::new("linux", "amd64", None))
    }

    fn read(&self) -> Result<Contents> {
        let (layout, image) = (Layout::open(self.path())?, self.open()?);
        inspect::read(&image.layers, |layer| layout.open_layer(layer), None)
    }

    fn error(&self) -> String {
        format!("{:#}", self.read().unwrap_err())
    }
}

/// A gzip member that has no content and says where the table of contents is, as eStargz ends with.
fn footer() -> Vec<u8> {
    let field = b"SG\x16\x000000000000000200STARGZ";
    let head = [&[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0][..], field].concat();
    [&head[..], &[1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]].concat()
}

#[test]
fn a_layer_says_the_same_in_every_compression_and_whatever_its_media_type_claims() {
    let tar = tape::tar(&[file("d/f", vec![7; 5_000]), file("g", "123")]);
    let (front, back) = tar.split_at(5_632);
    // What zstd:chunked and eStargz put beside the content.
    let skippable = |content: &[u8]| {
        [&b"\x5f\x2a\x4d\x18"[..], &u32::try_from(content.len()).unwrap().to_le_bytes(), content].concat()
    };
    let estargz = [tape::gzip(front), tape::gzip(back), footer()].concat();
    for (name, blob) in [
        ("plain", tar.clone()),
        ("gzip", tape::gzip(&tar)),
        ("members of gzip", [tape::gzip(front), tape::gzip(b""), tape::gzip(back)].concat()),
        ("eStargz", estargz),
        ("zstd", tape::zstd(&tar)),
        ("frames of zstd", [tape::zstd(front), tape::zstd(b""), tape::zstd(back)].concat()),
        ("zstd:chunked", [tape::zstd(front), skippable(b"table"), tape::zstd(back), skippable(&[7; 64])].concat()),
        ("skippable first", [skippable(b""), skippable(b"x"), tape::zstd(&tar)].concat()),
    ] {
        for claimed in ["tar", "tar+gzip", "tar+zstd"] {
            let folder = Folder::new();
            let image = folder.image(&[(&format!("{OCI}.layer.v1.{claimed}"), blob.clone(), tar.clone())]);
            folder.index(&json!([image]));
            let contents = folder.read().unwrap();
            let layer = contents.layers[0];
            assert_eq!((layer.file_bytes, layer.uncompressed_bytes), (5_003, tar.len() as u64), "{name} as {claimed}");
            assert_eq!(contents.tree.live_files().count(), 2, "{name}");
        }
    }
}

#[test]
fn a_list_of_docker_is_read_as_an_index() {
    let folder = Folder::new();
    let tar = tape::tar(&[file("f", "12345")]);
    let layer = folder.blob(&format!("{DOCKER}.image.rootfs.diff.tar.gzip"), &tape::gzip(&tar));
    let config =
        json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": [sha256(&tar)] } });
    let config = folder.json(&format!("{DOCKER}.container.image.v1+json"), &config);
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let mut manifest = folder.json(&format!("{DOCKER}.distribution.manifest.v2+json"), &manifest);
    manifest["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let list = json!({ "schemaVersion": 2, "manifests": [manifest] });
    folder.index(&json!([folder.json(&format!("{DOCKER}.distribution.manifest.list.v2+json"), &list)]));
    assert_eq!(folder.read().unwrap().tree.account().live_bytes, 5);
}

#[test]
fn an_image_without_history_and_one_with_a_layer_twice_are_read() {
    let (write, remove) = (tape::tar(&[file("f", "12345")]), tape::tar(&[mark(".wh.f")]));
    let tar = format!("{OCI}.layer.v1.tar");
    let [write, remove] = [write, remove].map(|blob| (&*tar, blob.clone(), blob));
    let folder = Folder::new();
    folder.index(&json!([folder.image(&[write.clone(), remove, write])]));
    assert!(folder.open().unwrap().history.is_empty());
    let account = folder.read().unwrap().tree.account();
    assert_eq!((account.file_bytes, account.live_bytes, account.pairs.len()), (10, 5, 1));
}

#[test]
fn a_layer_that_is_not_there_is_named() {
    let tar = tape::tar(&[file("f", "12345")]);
    let blob = tape::gzip(&tar);
    let digest = sha256(&blob);
    for (harm, expected) in [
        (None, "kept outside of the image"),
        (Some(&b""[..]), " bytes, its descriptor says "),
        (Some(&blob[..blob.len() - 1]), " bytes, its descriptor says "),
        (Some(&vec![0; blob.len()][..]), "neither gzip, zstd nor tar"),
        (Some(&[&blob[..blob.len() - 8], &[7; 8]].concat()[..]), "gzip: damaged after 2048 unpacked bytes"),
    ] {
        let folder = Folder::new();
        let kind = match harm {
            None => format!("{DOCKER}.image.rootfs.foreign.diff.tar.gzip"),
            Some(_) => format!("{OCI}.layer.v1.tar"),
        };
        folder.index(&json!([folder.image(&[(&kind, blob.clone(), tar.clone())])]));
        let path = format!("blobs/{}", digest.replace(':', "/"));
        match harm {
            None => fs::remove_file(&folder.path().join(path)).unwrap(),
            Some(harm) => folder.write(&path, harm),
        }
        let message = folder.error();
        assert!(message.contains(&format!("read layer {digest}")) && message.contains(expected), "{message}");
    }
    let folder = Folder::new();
    folder.index(&json!([folder.image(&[("any/type", blob, tar)])]));
    fs::remove_file(&folder.path().join("blobs").join(digest.replace(':', "/"))).unwrap();
    assert!(folder.error().contains(&format!("read layer {digest}")), "{}", folder.error());
}

#[test]
fn a_layer_that_is_not_distributed_is_read_where_it_is_there() {
    let tar = tape::tar(&[file("f", "12345")]);
    for kind in [format!("{OCI}.layer.nondistributable.v1.tar"), format!("{DOCKER}.image.rootfs.foreign.diff.tar.gzip")]
    {
        let folder = Folder::new();
        folder.index(&json!([folder.image(&[(&kind, tar.clone(), tar.clone())])]));
        assert_eq!(folder.read().unwrap().tree.account().live_bytes, 5);
    }
}

#[test]
fn what_is_there_instead_of_an_image_is_told() {
    let chart = "application/vnd.cncf.helm.config.v1+json";
    let signed = format!("{DOCKER}.distribution.manifest.v1+prettyjws");
    let folder = Folder::new();
    let manifest = json!({ "schemaVersion": 2, "config": folder.blob(chart, b"{}"), "layers": [] });
    let manifest = folder.json(&format!("{OCI}.manifest.v1+json"), &manifest);
    folder.index(&json!([manifest, folder.blob(&signed, b"{}")]));
    let expected = format!("no image for linux/amd64; there is none at all, only {chart}, {signed}");
    assert_eq!(folder.error(), expected);
}

#[test]
fn documents_of_wrong_types_or_endless_depth_are_refused_and_named() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let wrong = [
        "",
        "null",
        "7",
        "[]",
        "{}",
        "<html>",
        r#"{"schemaVersion":2,"manifests":{}}"#,
        &deep,
        "\0",
        "\u{feff}{}",
        r#"{"schemaVersion":-1,"config":1,"layers":"x","rootfs":[],"manifests":[null]}"#,
    ];
    for document in wrong {
        let folder = Folder::new();
        folder.write("index.json", document.as_bytes());
        assert!(folder.error().contains("index.json"), "index {document:.40}: {}", folder.error());

        for kind in ["manifest", "index", "config"] {
            let folder = Folder::new();
            let blob = folder.blob(&format!("{OCI}.{kind}.v1+json"), document.as_bytes());
            let entry = match kind {
                "config" => {
                    let manifest = json!({ "schemaVersion": 2, "config": blob, "layers": [] });
                    folder.json(&format!("{OCI}.manifest.v1+json"), &manifest)
                }
                _ => blob.clone(),
            };
            folder.index(&json!([entry]));
            let digest = blob["digest"].as_str().unwrap();
            let message = folder.error();
            assert!(message.contains(&digest[7..]), "{kind} {document:.40}: {message}");
        }
    }
}

#[test]
fn what_a_layout_says_of_itself_is_checked() {
    for mark in ["", "7", "{}", r#"{"imageLayoutVersion":1}"#, r#"{"imageLayoutVersion":"2.0.0"}"#] {
        let folder = Folder::new();
        folder.write("oci-layout", mark.as_bytes());
        let message = folder.error();
        assert!(message.contains(folder.path().to_str().unwrap()), "{mark}: {message}");
    }
}

#[test]
fn control_characters_in_names_stay_out_of_errors() {
    let mut tar = Vec::new();
    tape::member(&mut tar, b'0', b"\x1b[31m\n::error::\xe2\x80\xae", b"", b"");
    tape::member(&mut tar, b'x', b"p", b"", b"damaged");
    let message = crate::error_of(&tar);
    assert!(!message.contains(['\u{1b}', '\n', '\u{202e}']), "{message:?}");
}
