//! Contents of images for tests.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::{any_bytes, any_finding, any_text};
use crate::report::Finding;
use crate::report::contents::*;
use crate::report::{Contents, Severity};

/// Contents of files by layer, path and bytes, with the directories above them; nothing is wasted.
pub(crate) fn of(layers: u32, files: &[(u32, &str, u64)]) -> Contents {
    let mut weights: Vec<Weight> = Vec::new();
    for (layer, path, bytes) in files {
        let directories = std::iter::once("").chain(path.match_indices('/').map(|(at, _)| &path[..at]));
        for directory in directories.filter(|directory| !(directory.is_empty() && path.is_empty())) {
            match weights.iter_mut().find(|weight| weight.layer == *layer && weight.path == directory) {
                Some(weight) => (weight.bytes, weight.files) = (weight.bytes + bytes, weight.files + 1),
                None => weights.push(Weight {
                    layer: *layer,
                    path: directory.to_owned(),
                    bytes: *bytes,
                    files: 1,
                    is_file: false,
                    packaged_bytes: 0,
                }),
            }
        }
        weights.push(Weight {
            layer: *layer,
            path: (*path).to_owned(),
            bytes: *bytes,
            files: 1,
            is_file: true,
            packaged_bytes: 0,
        });
    }
    weights.sort();
    let file_bytes = files.iter().map(|(_, _, bytes)| bytes).sum();
    let layer_bytes = |layer| files.iter().filter(|file| file.0 == layer).map(|(_, _, bytes)| bytes).sum();
    let changes = |layer| LayerChanges { file_bytes: layer_bytes(layer), ..LayerChanges::default() };
    Contents {
        file_bytes,
        live_bytes: file_bytes,
        layers: (0..layers).map(changes).collect(),
        weights,
        start: StartCheck { verdict: Starts::Yes, findings: vec![] },
        ..Contents::default()
    }
}

/// A package of a layer.
pub(crate) fn package(layer: u32, kind: &str, name: &str, version: &str, bytes: u64, path: &str) -> Package {
    Package {
        kind: kind.into(),
        name: name.into(),
        version: version.into(),
        bytes: Some(bytes),
        layer,
        layer_bytes: Some(bytes),
        path: path.into(),
    }
}

/// The same contents with these packages, to which all files below their paths belong.
pub(crate) fn with_packages(mut contents: Contents, packages: Vec<Package>) -> Contents {
    for package in &packages {
        let is_below = |path: &str, above: &str| path == above || path.starts_with(&format!("{above}/"));
        let files: Vec<(String, u64)> = contents
            .weights
            .iter()
            .filter(|weight| weight.is_file && weight.layer == package.layer && is_below(&weight.path, &package.path))
            .map(|file| (file.path.clone(), file.bytes))
            .collect();
        for weight in contents.weights.iter_mut().filter(|weight| weight.layer == package.layer) {
            let below = files.iter().filter(|(path, _)| weight.path.is_empty() || is_below(path, &weight.path));
            weight.packaged_bytes += below.map(|(_, bytes)| bytes).sum::<u64>();
        }
    }
    Contents { packages, ..contents }
}

/// That a container will not start, for this reason.
pub(crate) fn broken(reason: &str) -> StartCheck {
    let finding = Finding {
        rule: "interpreter-missing".into(),
        severity: Severity::Error,
        message: reason.into(),
        dockerfile_line: None,
        url: None,
    };
    StartCheck { verdict: Starts::No, findings: vec![finding] }
}

fn any_path() -> impl Strategy<Value = String> {
    prop_oneof![any_text(), "(a|b|c/d)(/(a|b)){0,3}"]
}

fn any_examples() -> impl Strategy<Value = Vec<FileBytes>> {
    vec((any_path(), any_bytes()).prop_map(|(path, bytes)| FileBytes { path, bytes }), 0..3)
}

fn any_waste() -> impl Strategy<Value = Waste> {
    use WasteKind::{Deleted, MetadataOnly, Opaque, Overwritten};
    let kind = prop::sample::select(vec![Deleted, Opaque, Overwritten, MetadataOnly]);
    (0_u32..6, 0_u32..6, kind, any_bytes(), any_bytes(), any_examples(), option::of(any_text())).prop_map(
        |(writer, killer, kind, bytes, files, examples, fix)| Waste {
            writer,
            killer,
            kind,
            bytes,
            files,
            examples,
            fix,
        },
    )
}

fn any_weights() -> impl Strategy<Value = Vec<Weight>> {
    let weight = (0_u32..6, any_path(), any_bytes(), any_bytes(), any_bytes(), any::<bool>()).prop_map(
        |(layer, path, bytes, packaged_bytes, files, is_file)| Weight {
            layer,
            path,
            bytes,
            files: if is_file { 1 } else { files },
            is_file,
            packaged_bytes,
        },
    );
    vec(weight, 0..12).prop_map(|mut weights| {
        weights.sort();
        weights
    })
}

fn any_packages() -> impl Strategy<Value = Vec<Package>> {
    let bytes = (option::of(any_bytes()), any_bytes());
    let package = (any_text(), any_text(), any_text(), bytes, 0_u32..6, any_path()).prop_map(
        |(kind, name, version, (bytes, part), layer, path)| Package {
            kind,
            name,
            version,
            bytes,
            layer,
            layer_bytes: bytes.map(|bytes| bytes.min(part)),
            path,
        },
    );
    vec(package, 0..4).prop_map(|mut packages| {
        packages.sort();
        packages
    })
}

fn any_leftover() -> impl Strategy<Value = Leftover> {
    (any_text(), any_bytes(), any_bytes(), any_examples(), any_text())
        .prop_map(|(kind, bytes, files, examples, fix)| Leftover { kind, bytes, files, examples, fix })
}

fn any_start() -> impl Strategy<Value = StartCheck> {
    let verdict = prop::sample::select(vec![Starts::Yes, Starts::CannotTell, Starts::No]);
    (verdict, vec(any_finding(), 0..3)).prop_map(|(verdict, findings)| StartCheck { verdict, findings })
}

/// Anything that may stand in a report.
pub(crate) fn any_contents() -> impl Strategy<Value = Contents> {
    let duplicate = (any_bytes(), any_bytes(), vec(any_path(), 0..3)).prop_map(|(bytes, files, paths)| Duplicate {
        bytes,
        files,
        paths,
    });
    let changes = (any_bytes(), any_bytes(), any_bytes(), any_bytes()).prop_map(
        |(added_files, changed_files, removed_files, file_bytes)| LayerChanges {
            added_files,
            changed_files,
            removed_files,
            file_bytes,
        },
    );
    let numbers = (any_bytes(), any_bytes(), any_bytes());
    let bytes = (vec(any_waste(), 0..3), vec(duplicate, 0..3), vec(changes, 0..6), any_weights());
    let things = (any_packages(), vec(any_leftover(), 0..3), btree_set(any_text(), 0..3));
    (numbers, bytes, things, vec(any_finding(), 0..3), any_start()).prop_map(
        |(
            (file_bytes, live_bytes, duplicate_bytes),
            (waste, duplicates, layers, weights),
            (packages, leftovers, exposed_ports),
            findings,
            start,
        )| Contents {
            file_bytes,
            live_bytes,
            waste,
            duplicate_bytes,
            duplicates,
            layers,
            weights,
            packages,
            leftovers,
            exposed_ports: exposed_ports.into_iter().collect(),
            findings,
            start,
        },
    )
}
