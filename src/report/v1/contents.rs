//! What is inside of an image, as JSON. There may be thousands of items, so each says only what its list does not.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::Finding;
use crate::report::{self, contents};

/// Far more than is ever written, of anything. A report may come from a fork.
const ITEMS_LIMIT: usize = 100_000;

/// What the reader found in an image. Layers are named by their position in `layers`, counted from 0, the lowest first;
/// paths have no leading slash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contents {
    /// Bytes of all regular files that layers wrote.
    pub file_bytes: u64,
    /// Bytes of the regular files of the final file system, hard links once.
    pub live_bytes: u64,
    /// What layers wrote and the final file system no longer holds.
    pub waste: WasteAccount,
    /// What would be saved if every content were there once.
    #[serde(default)]
    pub duplicate_bytes: u64,
    /// The dearest groups of files with the same bytes, the dearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicate>,
    /// What each layer changed, compared with the layers below it.
    pub layers: Vec<LayerChanges>,
    /// The largest files and directories that each layer wrote, by layer and path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<Weight>,
    /// What package managers and compilers left word of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// What images rarely need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<Leftover>,
    /// Ports that the configuration exposes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exposed_ports: BTreeSet<String>,
    /// What is to say of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Whether a container will start.
    pub start: StartCheck,
}

/// What layers wrote and the final file system no longer holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WasteAccount {
    /// All of it: `file_bytes` without `live_bytes`.
    pub total_bytes: u64,
    /// The same by who wrote it, who ended it and how.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Waste>,
}

/// Files that one layer wrote and another ended in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waste {
    /// The layer that wrote them.
    pub writer: u32,
    /// The layer that ended them.
    pub killer: u32,
    /// How they were lost.
    pub kind: WasteKind,
    /// Their bytes.
    pub bytes: u64,
    /// How many they are.
    pub files: u64,
    /// The largest of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<FileBytes>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// How files came to be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WasteKind {
    /// A whiteout names them, or a directory that they are in.
    Deleted,
    /// They are in a directory that was emptied.
    Opaque,
    /// Something else was written in their place.
    Overwritten,
    /// The same bytes were written in their place, as `chmod`, `chown` and `touch` do.
    MetadataOnly,
}

/// A file and its length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileBytes {
    /// Path.
    pub path: String,
    /// Length.
    pub bytes: u64,
}

/// Files of the final file system that hold the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Duplicate {
    /// Length of each.
    pub bytes: u64,
    /// How many there are.
    pub files: u64,
    /// The first of their paths.
    pub paths: Vec<String>,
}

/// What a layer changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayerChanges {
    /// Paths where no file was and one is.
    pub added_files: u64,
    /// Paths where a file was and one is that this layer wrote.
    pub changed_files: u64,
    /// Paths where a file was and none is.
    pub removed_files: u64,
    /// Bytes of all regular files in it.
    pub file_bytes: u64,
}

/// What a layer wrote at or below a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Weight {
    /// The layer.
    pub layer: u32,
    /// Path of a file or directory; empty for the whole layer.
    pub path: String,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// How many files that are; absent of a file itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// The part of `bytes` that packages account for; absent where they account for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub packaged_bytes: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

/// Something that a package manager installed or a compiler linked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Who knows of it, such as `deb` or `npm`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version; absent where none is stated.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Bytes of its files in the final file system; absent where they cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The layer that wrote most of it.
    pub layer: u32,
    /// The part of `bytes` that this layer wrote; absent where it is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_bytes: Option<u64>,
    /// Where it is.
    pub path: String,
}

/// Files of a kind that images rarely need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leftover {
    /// Which kind, such as `package-cache`.
    pub kind: String,
    /// Their bytes in the final file system.
    pub bytes: u64,
    /// How many they are.
    pub files: u64,
    /// The largest files or the directories that hold them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<FileBytes>,
    /// What to do about it.
    pub fix: String,
}

/// Whether a container will start, judged from the image alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartCheck {
    /// The verdict.
    pub verdict: Starts,
    /// Why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Whether a container will start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Starts {
    /// Everything that was looked at is there.
    #[serde(rename = "starts")]
    Yes,
    /// The image does not allow to tell.
    #[serde(rename = "cannot_tell")]
    CannotTell,
    /// Something without which it cannot start is missing or of the wrong kind.
    #[serde(rename = "will_not_start")]
    No,
}

/// The structs of both sides have the same fields; a difference fails to compile here.
macro_rules! mirror_structs {
    ($($name:ident { $($field:ident),+ })+) => { $(
        impl From<&contents::$name> for $name {
            fn from(value: &contents::$name) -> Self {
                let contents::$name { $($field),+ } = value.clone();
                Self { $($field: $field.convert()),+ }
            }
        }
        impl From<$name> for contents::$name {
            fn from(value: $name) -> Self {
                let $name { $($field),+ } = value;
                Self { $($field: $field.convert()),+ }
            }
        }
        impl Convert<$name> for contents::$name {
            fn convert(self) -> $name { (&self).into() }
        }
        impl Convert<contents::$name> for $name {
            fn convert(self) -> contents::$name { self.into() }
        }
    )+ };
}

/// From one side to the other, field by field.
trait Convert<T> {
    fn convert(self) -> T;
}

impl<A: Convert<B>, B> Convert<Vec<B>> for Vec<A> {
    fn convert(self) -> Vec<B> {
        self.into_iter().map(Convert::convert).collect()
    }
}

macro_rules! same {
    ($($plain:ty),+) => { $(impl Convert<$plain> for $plain { fn convert(self) -> $plain { self } })+ };
}
same!(u32, u64, String, Option<u64>, Option<String>);

macro_rules! mirror_enums {
    ($($name:ident { $($variant:ident),+ })+) => { $(
        impl Convert<$name> for contents::$name {
            fn convert(self) -> $name { match self { $(Self::$variant => $name::$variant),+ } }
        }
        impl Convert<contents::$name> for $name {
            fn convert(self) -> contents::$name { match self { $(Self::$variant => contents::$name::$variant),+ } }
        }
    )+ };
}

mirror_structs! {
    Waste { writer, killer, kind, bytes, files, examples, fix }
    FileBytes { path, bytes }
    Duplicate { bytes, files, paths }
    LayerChanges { added_files, changed_files, removed_files, file_bytes }
    Leftover { kind, bytes, files, examples, fix }
    StartCheck { verdict, findings }
}
mirror_enums! {
    WasteKind { Deleted, Opaque, Overwritten, MetadataOnly }
    Starts { Yes, CannotTell, No }
}

impl Convert<Finding> for report::Finding {
    fn convert(self) -> Finding {
        (&self).into()
    }
}

impl Convert<report::Finding> for Finding {
    fn convert(self) -> report::Finding {
        self.into()
    }
}

impl Convert<Weight> for contents::Weight {
    fn convert(self) -> Weight {
        let Self { layer, path, bytes, files, is_file, packaged_bytes } = self;
        Weight { layer, path, bytes, files: (!is_file).then_some(files), packaged_bytes }
    }
}

impl Convert<contents::Weight> for Weight {
    fn convert(self) -> contents::Weight {
        let Self { layer, path, bytes, files, packaged_bytes } = self;
        contents::Weight { layer, path, bytes, files: files.unwrap_or(1), is_file: files.is_none(), packaged_bytes }
    }
}

impl Convert<Package> for contents::Package {
    fn convert(self) -> Package {
        let Self { kind, name, version, bytes, layer, layer_bytes, path } = self;
        Package { kind, name, version, bytes, layer, layer_bytes: layer_bytes.filter(|_| layer_bytes != bytes), path }
    }
}

impl Convert<contents::Package> for Package {
    fn convert(self) -> contents::Package {
        let Self { kind, name, version, bytes, layer, layer_bytes, path } = self;
        contents::Package { kind, name, version, bytes, layer, layer_bytes: layer_bytes.or(bytes), path }
    }
}

impl From<&report::Contents> for Contents {
    fn from(value: &report::Contents) -> Self {
        let total_bytes = value.wasted_bytes();
        let value = value.clone();
        Self {
            file_bytes: value.file_bytes,
            live_bytes: value.live_bytes,
            waste: WasteAccount { total_bytes, pairs: value.waste.convert() },
            duplicate_bytes: value.duplicate_bytes,
            duplicates: value.duplicates.convert(),
            layers: value.layers.convert(),
            weights: value.weights.convert(),
            packages: value.packages.convert(),
            leftovers: value.leftovers.convert(),
            exposed_ports: value.exposed_ports.into_iter().collect(),
            findings: value.findings.convert(),
            start: value.start.convert(),
        }
    }
}

impl TryFrom<Contents> for report::Contents {
    type Error = anyhow::Error;

    /// What is derived is derived anew, and what has an order is put into it.
    fn try_from(json: Contents) -> Result<Self> {
        for (name, items) in [
            ("duplicates", json.duplicates.len()),
            ("exposed_ports", json.exposed_ports.len()),
            ("findings", json.findings.len()),
            ("layers", json.layers.len()),
            ("leftovers", json.leftovers.len()),
            ("packages", json.packages.len()),
            ("start.findings", json.start.findings.len()),
            ("waste.pairs", json.waste.pairs.len()),
            ("weights", json.weights.len()),
        ] {
            ensure!(items <= ITEMS_LIMIT, "contents.{name} has {items} items; expected {ITEMS_LIMIT} at most");
        }
        let mut weights: Vec<contents::Weight> = json.weights.convert();
        weights.sort();
        let mut packages: Vec<contents::Package> = json.packages.convert();
        packages.sort();
        Ok(Self {
            file_bytes: json.file_bytes,
            live_bytes: json.live_bytes,
            waste: json.waste.pairs.convert(),
            duplicate_bytes: json.duplicate_bytes,
            duplicates: json.duplicates.convert(),
            layers: json.layers.convert(),
            weights,
            packages,
            leftovers: json.leftovers.convert(),
            exposed_ports: json.exposed_ports.into_iter().collect(),
            findings: json.findings.convert(),
            start: json.start.convert(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{from_json, to_json};
    use super::*;
    use crate::report::sample;

    #[test]
    fn contents_are_told_one_item_a_line_and_without_what_goes_without_saying() {
        let mut report = sample::report();
        let mut inside = sample::contents::of(2, &[(1, "opt/a/b.so", 9_000)]);
        inside.packages = vec![sample::contents::package(1, "python", "a", "1.2", 9_000, "opt/a")];
        report.cells[0].image.as_mut().unwrap().contents = Some(inside);
        let json = to_json(&report);
        assert_eq!(from_json(json.as_bytes()).unwrap(), report);
        let start = json.find("      \"contents\"").unwrap();
        let end = json[start..].find("\n      }").unwrap();
        insta::assert_snapshot!(&json[start..start + end], @r#"
        "contents": {
          "file_bytes": 9000,
          "live_bytes": 9000,
          "waste": {
            "total_bytes": 0
          },
          "duplicate_bytes": 0,
          "layers": [
            {"added_files": 0, "changed_files": 0, "removed_files": 0, "file_bytes": 0},
            {"added_files": 0, "changed_files": 0, "removed_files": 0, "file_bytes": 9000}
          ],
          "weights": [
            {"layer": 1, "path": "", "bytes": 9000, "files": 1},
            {"layer": 1, "path": "opt", "bytes": 9000, "files": 1},
            {"layer": 1, "path": "opt/a", "bytes": 9000, "files": 1},
            {"layer": 1, "path": "opt/a/b.so", "bytes": 9000}
          ],
          "packages": [
            {"kind": "python", "name": "a", "version": "1.2", "bytes": 9000, "layer": 1, "path": "opt/a"}
          ],
          "start": {
            "verdict": "starts"
          }
        "#);
    }

    #[test]
    fn a_report_that_is_older_than_contents_has_none_and_one_of_too_many_items_is_refused() {
        let json = to_json(&sample::report());
        assert!(!json.contains("\"contents\""));
        assert!(from_json(json.as_bytes()).unwrap().cells[0].image.as_ref().unwrap().contents.is_none());
        let mut report = sample::report();
        let inside = report::Contents { exposed_ports: vec![], ..sample::contents::of(1, &[]) };
        let weight =
            contents::Weight { layer: 0, path: "a".into(), bytes: 1, files: 1, is_file: true, packaged_bytes: 0 };
        let inside = report::Contents { weights: vec![weight; ITEMS_LIMIT + 1], ..inside };
        report.cells[0].image.as_mut().unwrap().contents = Some(inside);
        let message = format!("{:#}", from_json(to_json(&report).as_bytes()).unwrap_err());
        assert!(message.contains("contents.weights has 100001 items; expected 100000 at most"), "{message}");
    }
}
