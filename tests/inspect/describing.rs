//! What is said of an image as a whole.

use proptest::prelude::*;
use weighbridge::inspect::{Contents, Tree, describe};
use weighbridge::oci::{HistoryEntry, Image, Platform, Settings};
use weighbridge::report;

use crate::tape::{Item, directory, file, mark};

pub(crate) fn image(history: &[&str]) -> Image {
    let entry = |text: &&str| HistoryEntry { created_by: (*text).to_owned(), ..HistoryEntry::default() };
    Image {
        digest: String::new(),
        config_digest: String::new(),
        config_bytes: 0,
        attestation_bytes: 0,
        layers: Vec::new(),
        history: history.iter().map(entry).collect(),
        platform: platform(),
        settings: Settings::default(),
    }
}

pub(crate) fn platform() -> Platform {
    Platform::new("linux", "amd64", None)
}

fn described(layers: &[Vec<Item>]) -> report::Contents {
    let blobs: Vec<Vec<u8>> = layers.iter().map(|items| crate::tape::tar(items)).collect();
    describe(&crate::read(&blobs).unwrap(), &image(&[]), &platform())
}

#[test]
fn the_heaviest_paths_of_each_layer_are_told_with_all_directories_above_them() {
    let contents = described(&[
        vec![directory("usr"), file("usr/lib/big", vec![1; 9_000]), file("usr/lib/small", vec![2; 3_000])],
        vec![file("app/main", vec![3; 2_000]), file("app/tiny", "x"), mark("usr/lib/.wh.big")],
    ]);
    let told: Vec<_> = contents
        .weights
        .iter()
        .map(|weight| (weight.layer, &*weight.path, weight.bytes, weight.files, weight.is_file))
        .collect();
    assert_eq!(
        told,
        [
            (0, "", 12_000, 2, false),
            (0, "usr", 12_000, 2, false),
            (0, "usr/lib", 12_000, 2, false),
            (0, "usr/lib/big", 9_000, 1, true),
            (0, "usr/lib/small", 3_000, 1, true),
            (1, "", 2_001, 2, false),
            (1, "app", 2_001, 2, false),
            (1, "app/main", 2_000, 1, true),
        ]
    );
    assert_eq!((contents.file_bytes, contents.live_bytes, contents.wasted_bytes()), (14_001, 5_001, 9_000));
    assert_eq!((contents.layers[1].added_files, contents.layers[1].removed_files), (2, 1));
}

proptest! {
    #[test]
    fn weights_invent_nothing(files in prop::collection::vec(("[ab]/[a-d]{1,2}/[a-z]{1,3}", 0usize..5_000), 0..600)) {
        let items: Vec<Item> = files.iter().map(|(path, bytes)| file(path, vec![0; *bytes])).collect();
        let contents = described(&[items]);
        let root = contents.weights.iter().find(|weight| weight.path.is_empty());
        prop_assert_eq!(root.map_or(0, |root| root.bytes), contents.file_bytes);
        for weight in contents.weights.iter().filter(|weight| !weight.path.is_empty()) {
            let above = weight.path.rsplit_once('/').map_or("", |(directory, _)| directory);
            prop_assert!(contents.weights.iter().any(|weight| weight.path == above), "{}", above);
            let below: u64 = contents
                .weights
                .iter()
                .filter(|other| other.path.rsplit_once('/').is_some_and(|(directory, _)| directory == weight.path))
                .map(|other| other.bytes)
                .sum();
            prop_assert!(below <= weight.bytes, "{}", weight.path);
        }
    }
}

#[test]
fn files_that_hold_secrets_are_told_and_the_secret_is_not() {
    let key = format!("-----BEGIN RSA {}-----\nMIIsecret\n", "PRIVATE KEY");
    let layer = vec![
        file("srv/server.pem", key.clone()),
        file("srv/also.pem", [key.as_bytes(), &vec![b'x'; 90_000]].concat()),
        file("usr/lib/python3.11/test/keycert.pem", key),
        file("root/.npmrc", "//r.example/:_authToken=npmsecret\n"),
        file("app/.npmrc", "registry=https://r.example\n"),
        file("etc/ssl/certs/ca.pem", "-----BEGIN CERTIFICATE-----\n"),
    ];
    let leftovers = described(&[layer]).leftovers;
    let told: Vec<_> = leftovers.iter().flat_map(|group| &group.examples).map(|example| &*example.path).collect();
    assert_eq!(told, ["srv/also.pem", "srv/server.pem", "root/.npmrc"]);
    assert!(!format!("{leftovers:?}").contains("npmsecret"));
}

#[test]
fn an_empty_image_has_nothing_to_tell() {
    let contents = describe(&Contents { layers: Vec::new(), tree: Tree::new() }, &image(&[]), &platform());
    assert!(contents.weights.is_empty() && contents.waste.is_empty() && contents.leftovers.is_empty());
}
