use std::io::Write;

use proptest::prelude::*;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::super::testing::{TestLayer, TestLayout, amd64, gzip, tar as layer_tar};
use super::*;
use crate::oci::{Image, LayerBlob};

/// A tar with these members.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn member(&mut self, kind: EntryType, name: &str, link: &str, content: &[u8]) -> &mut Self {
        let mut builder = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        if link.is_empty() {
            builder.append_data(&mut header, name, content).unwrap();
        } else {
            builder.append_link(&mut header, name, link).unwrap();
        }
        let bytes = builder.into_inner().unwrap();
        // Without the two blocks of zeros that end it.
        self.0.extend(&bytes[..bytes.len() - 1024]);
        self
    }

    fn file(&mut self, name: &str, content: impl AsRef<[u8]>) -> &mut Self {
        self.member(EntryType::Regular, name, "", content.as_ref())
    }

    fn link(&mut self, kind: EntryType, name: &str, target: &str) -> &mut Self {
        self.member(kind, name, target, b"")
    }

    fn open(&self) -> Result<Archive> {
        open(&[&self.0[..], &[0; 1024]].concat())
    }
}

fn open(bytes: &[u8]) -> Result<Archive> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Archive::open(file)
}

fn image(archive: &Archive) -> Result<Image> {
    blobs::only_image(archive, &amd64())
}

fn content(archive: &Archive, layer: &LayerBlob) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    blobs::open_layer(archive, layer)?.read_to_end(&mut content)?;
    Ok(content)
}

fn error<T>(result: Result<T>) -> String {
    format!("{:#}", result.err().unwrap())
}

fn config(diff_ids: &[&str]) -> String {
    json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": diff_ids } }).to_string()
}

/// An archive of `docker save` with these layers, whose members are already in the tar.
fn saved(tar: &mut Tar, layers: &[&str], diff_ids: &[&str]) -> Result<Archive> {
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["app:1"], "Layers": layers }]).to_string();
    tar.file("config.json", config(diff_ids)).file("manifest.json", manifest).open()
}

#[test]
fn layers_of_docker_save_are_read_where_they_lie_links_and_all() {
    let (one, two) = (layer_tar(b"one"), layer_tar(b"two"));
    let (one_id, two_id) = (digest(&one), digest(&two));
    let mut tar = Tar::default();
    tar.file("a/layer.tar", &one).file("b/layer.tar", &two);
    tar.link(EntryType::Symlink, "c/layer.tar", "../a/layer.tar").link(EntryType::Link, "d/layer.tar", "b/layer.tar");
    let layers = ["a/layer.tar", "b/layer.tar", "./c/layer.tar", "d/layer.tar"];
    let archive = saved(&mut tar, &layers, &[&one_id, &two_id, &one_id, &two_id]).unwrap();
    let image = image(&archive).unwrap();
    assert_eq!((image.platform, image.layers.len()), (amd64(), 4));
    for (layer, expected) in image.layers.iter().zip([&one, &two, &one, &two]) {
        assert_eq!((&layer.digest, &content(&archive, layer).unwrap()), (&layer.diff_id, expected));
    }
    assert!(!archive.states_digests());
}

fn digest(content: &[u8]) -> String {
    let mut hash = crate::oci::verified::Hash::sha256();
    hash.update(content);
    hash.digest()
}

#[test]
fn compressed_layers_get_the_digest_that_a_registry_would_know() {
    let tar = layer_tar(b"one");
    let (blob, diff_id) = (gzip(&tar), digest(&tar));
    let archive = saved(Tar::default().file("l.tar.gz", &blob), &["l.tar.gz"], &[&diff_id]).unwrap();
    let layer = image(&archive).unwrap().layers.remove(0);
    assert_eq!((layer.digest.as_str(), layer.diff_id.as_str()), (digest(&blob).as_str(), diff_id.as_str()));
    assert_eq!(content(&archive, &layer).unwrap(), blob);

    let other = digest(b"other");
    let message = error(saved(Tar::default().file("l.tar.gz", &blob), &["l.tar.gz"], &[&other]));
    assert_eq!(message, format!("read layer \"l.tar.gz\": the tar is {diff_id}, the config of the image says {other}"));
}

#[test]
fn what_docker_save_left_out_or_changed_is_named() {
    let tar = layer_tar(b"one");
    let diff_id = digest(&tar);
    let missing = error(saved(&mut Tar::default(), &["a/layer.tar"], &[&diff_id]));
    assert_eq!(missing, "read layer \"a/layer.tar\": manifest.json names \"a/layer.tar\", which is not in the archive");
    let number = error(saved(Tar::default().file("l", &tar), &["l"], &[]));
    assert_eq!(number, "manifest.json names 1 layers, the config 0 diff_ids");
    let cycle = Tar::default().link(EntryType::Symlink, "l", "m").link(EntryType::Symlink, "m", "l").0.clone();
    assert!(error(saved(&mut Tar(cycle), &["l"], &[&diff_id])).contains("which is not in the archive"));
    let garbage = error(saved(Tar::default().file("l", [7; 600]), &["l"], &[&diff_id]));
    assert_eq!(garbage, "read layer \"l\": neither gzip, zstd nor tar");

    let changed = saved(Tar::default().file("l", layer_tar(b"two")), &["l"], &[&diff_id]).unwrap();
    let layer = image(&changed).unwrap().layers.remove(0);
    assert!(error(content(&changed, &layer)).contains(&format!("blob {diff_id} is not what its digest says")));

    let name = format!("{}.json", "0".repeat(64));
    let manifest = json!([{ "Config": name, "Layers": [] }]).to_string();
    let renamed = Tar::default().file(&name, config(&[])).file("manifest.json", manifest).open();
    assert!(error(renamed).contains("is not what its name says"));
}

/// The members of a layout directory, each below this.
fn packed(layout: &TestLayout, below: &str) -> Tar {
    fn add(tar: &mut Tar, directory: &std::path::Path, below: &str) {
        for item in fs::list(directory, 1000).unwrap() {
            let (path, name) = (directory.join(&item.name), format!("{below}{}", item.name));
            match item.kind {
                fs::ItemKind::Directory => add(tar, &path, &format!("{name}/")),
                _ => _ = tar.file(&name, fs::read_limited(&path, 1 << 20).unwrap()),
            }
        }
    }
    let mut tar = Tar::default();
    add(&mut tar, layout.directory(), below);
    tar
}

fn layout_of(layers: &[TestLayer], layout: &mut TestLayout) -> Value {
    let manifest = layout.image(layers);
    layout.write_index(&json!([manifest]));
    manifest
}

#[test]
fn a_layout_in_a_tar_is_the_layout() {
    for below in ["", "./"] {
        let mut layout = TestLayout::new();
        let layers = [layout.plain(b"one"), layout.plain(b"two")];
        let manifest = layout_of(&layers, &mut layout);
        let archive = packed(&layout, below).open().unwrap();
        let directory = crate::oci::Layout::open(layout.directory()).unwrap().image(&amd64()).unwrap();
        assert_eq!(image(&archive).unwrap(), directory);
        assert_eq!(directory.digest, manifest["digest"]);
        assert_eq!(content(&archive, &directory.layers[1]).unwrap(), layer_tar(b"two"));
        assert!(archive.states_digests());
    }
}

#[test]
fn a_layout_that_lacks_a_blob_is_passed_over_where_docker_wrote_a_manifest() {
    let mut layout = TestLayout::new();
    let (tar, layer) = (layer_tar(b"one"), layout.plain(b"one"));
    layout_of(std::slice::from_ref(&layer), &mut layout);
    fs::remove_file(&layout.blob_path(&layer.diff_id)).unwrap();
    let archive = packed(&layout, "").open().unwrap();
    let lacking = image(&archive).unwrap().layers.remove(0);
    assert_eq!(error(content(&archive, &lacking)), format!("blob {} is not in the archive", layer.diff_id));

    let archive = saved(packed(&layout, "").file("l", &tar), &["l"], &[&layer.diff_id]).unwrap();
    assert!(!archive.states_digests());
    assert_eq!(content(&archive, &image(&archive).unwrap().layers[0]).unwrap(), tar);
}

#[test]
fn long_names_of_both_forms_are_understood() {
    let name = format!("{}/layer.tar", "n".repeat(200));
    let tar = layer_tar(b"one");
    let archive = saved(Tar::default().file(&name, &tar), &[&name], &[&digest(&tar)]).unwrap();
    assert_eq!(content(&archive, &image(&archive).unwrap().layers[0]).unwrap(), tar);

    let record = format!(" path={name}\n");
    let length = (1..).find(|length| format!("{length}{record}").len() == *length).unwrap();
    let mut pax = Tar::default();
    pax.member(EntryType::XHeader, "pax", "", format!("{length}{record}").as_bytes()).file("short", &tar);
    let archive = saved(&mut pax, &[&name], &[&digest(&tar)]).unwrap();
    assert_eq!(content(&archive, &image(&archive).unwrap().layers[0]).unwrap(), tar);
}

#[test]
fn what_is_no_archive_is_told_from_one_that_is_broken() {
    let empty = Tar::default().file("etc/passwd", b"root").0.clone();
    for (bytes, expected) in [
        (Vec::new(), "no archive of an image, as it is no tar"),
        (b"PK\x03\x04".to_vec(), "no archive of an image, as it is no tar"),
        (vec![7; 2000], "no archive of an image, as it is no tar"),
        (vec![0; 1024], "no archive of an image: neither index.json"),
        (empty.clone(), "no archive of an image: neither index.json"),
        (gzip(&empty), "compressed as a whole with gzip; unpack it with `gunzip` first"),
        (b"\xfd7zXZ\0".to_vec(), "compressed as a whole with xz; unpack it with `unxz` first"),
        (b"BZh91AY".to_vec(), "compressed as a whole with bzip2; unpack it with `bunzip2` first"),
        ([&empty[..], &[7; 100]].concat(), "at byte 1024: cut short in a header"),
        ([&empty[..], &[7; 512]].concat(), "at byte 1024: no header of a tar"),
    ] {
        let message = error(open(&bytes));
        assert!(message.contains(expected), "{message}");
    }
    let mut long = Tar::default().file("a", [0; 4000]).0.clone();
    long.truncate(2000);
    assert_eq!(error(open(&long)), "at byte 0: a member of 4000 bytes, cut short after 2000 bytes");
    let name = Tar::default().member(EntryType::GNULongName, "a", "", &[b'n'; 70_000]).0.clone();
    assert!(error(open(&name)).contains("a name or extended header of 70000 bytes"));
}

proptest! {
    #[test]
    fn no_damage_panics(at in 0usize..6000, bytes in prop::collection::vec(any::<u8>(), 1..40)) {
        let tar = layer_tar(b"one");
        let mut archive = Tar::default();
        saved(archive.file("l", &tar), &["l"], &[&digest(&tar)]).unwrap();
        let mut damaged = archive.0.clone();
        let at = at.min(damaged.len() - bytes.len());
        damaged[at..at + bytes.len()].copy_from_slice(&bytes);
        if let Ok(archive) = open(&damaged) && let Ok(image) = image(&archive) {
            for layer in &image.layers {
                let _ = content(&archive, layer);
            }
        }
    }
}

/// An archive of the oldest form: a directory for each layer, the oldest first, each the parent of the next.
fn oldest(tar: &mut Tar, layers: &[(&str, &[u8])]) {
    let mut parent = Value::Null;
    for (id, content) in layers {
        let command = json!({ "Cmd": ["/bin/sh", "-c", format!("make {id}")] });
        let config = json!({ "Cmd": ["/bin/app"], "Env": ["A=1"] });
        let document = json!({ "id": id, "parent": parent, "os": "linux", "architecture": "amd64", "config": config,
            "container_config": command, "created": "2014-10-13T21:19:18Z" });
        tar.file(&format!("{id}/VERSION"), "1.0").file(&format!("{id}/json"), document.to_string());
        tar.file(&format!("{id}/layer.tar"), content);
        parent = json!(id);
    }
    tar.file("repositories", json!({ "app": { "latest": parent } }).to_string());
}

#[test]
fn an_archive_of_the_oldest_form_has_its_layers_by_their_parents() {
    let tars = [layer_tar(b"one"), layer_tar(b"two"), layer_tar(b"three")];
    let mut tar = Tar::default();
    oldest(&mut tar, &[("c", &tars[0]), ("a", &tars[1]), ("b", &tars[2])]);
    let archive = tar.open().unwrap();
    let image = image(&archive).unwrap();
    assert_eq!((&image.platform, image.settings.env.len()), (&amd64(), 1));
    for (layer, expected) in image.layers.iter().zip(&tars) {
        assert_eq!((&layer.diff_id, &content(&archive, layer).unwrap()), (&digest(expected), expected));
    }
    let told: Vec<&str> = image.history.iter().map(|entry| entry.created_by.as_str()).collect();
    assert_eq!((image.layers.len(), told), (3, vec!["/bin/sh -c make c", "/bin/sh -c make a", "/bin/sh -c make b"]));
}

#[test]
fn what_is_wrong_with_an_archive_of_the_oldest_form_is_named() {
    let content = layer_tar(b"one");
    let layer = |id: &str, parent: &str| {
        let mut tar = Tar::default();
        tar.file(&format!("{id}/json"), json!({ "id": id, "parent": parent }).to_string());
        tar.file(&format!("{id}/layer.tar"), &content).0.clone()
    };
    let opened = |parts: &[Vec<u8>]| error(open(&[parts.concat(), vec![0; 1024]].concat()));
    assert_eq!(opened(&[layer("a", "b")]), "layer \"b\" is not in the archive");
    assert_eq!(opened(&[layer("a", "b"), layer("b", "a")]), "every layer of the archive is the parent of another");
    let circle = opened(&[layer("a", "b"), layer("b", "c"), layer("c", "b")]);
    assert_eq!(circle, "image \"a\" has more than 1000 layers");
    let bare = Tar::default().file("a/json", "7").file("a/layer.tar", &content).0.clone();
    assert!(opened(&[bare]).starts_with("read \"a/json\": "));
}
