//! The Dockerfiles of a repository that has no configuration: each becomes an image named after its folder, with that
//! folder as its context. A Dockerfile that lies apart from what it copies, as in a folder `docker/` for the whole
//! repository, needs a configuration that says `context: .` and `dockerfile: docker/Dockerfile`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};

use crate::fs::{self, ItemKind};

use super::fault::{KeyPath, Place};
use super::image::Draft;
use super::node::{Entry, Node, Value};

/// Deeper folders hold examples and fixtures rather than images.
const MAX_DEPTH: usize = 6;
const MAX_ITEMS: usize = 200_000;
const MAX_FOUND: usize = 100;
/// Folders of what others wrote or what was built, besides those that start with a dot.
const SKIPPED: [&str; 8] =
    ["node_modules", "target", "vendor", "third_party", "testdata", "fixtures", "dist", "__pycache__"];
/// What follows a Dockerfile's name when it is no Dockerfile.
const NOT_BUILT: [&str; 11] =
    ["dockerignore", "md", "txt", "bak", "orig", "rej", "swp", "tmpl", "template", "j2", "example"];

/// What weighbridge leaves in a directory that it writes into. Base commits that were checked out there have Dockerfiles
/// as well.
const OUTPUT_MARK: &str = ".weighbridge-output";

/// A Dockerfile, by its folder relative to the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    folders: Vec<String>,
    file: String,
    /// `worker` of `Dockerfile.worker` and of `worker.Dockerfile`.
    flavour: Option<String>,
}

impl Found {
    /// Whether Docker would rather take the other, which says the same in the name that Docker looks for.
    fn is_shadowed_by(&self, other: &Self) -> bool {
        self.file != other.file
            && self.folders == other.folders
            && self.file.replace("Containerfile", "Dockerfile") == other.file
    }
}

/// The Dockerfiles below a directory as images, sorted by path. The one at its top is named `root_name`, else after the
/// directory.
///
/// # Errors
/// When there are more than a person would want built without saying so.
pub(super) fn drafts(root: &Path, root_name: Option<&str>) -> Result<Vec<Draft>> {
    let mut found = Vec::new();
    let mut items_left = MAX_ITEMS;
    walk(root, &mut Vec::new(), &mut items_left, &mut found);
    if items_left == 0 || found.len() > MAX_FOUND {
        bail!("too much to look through for Dockerfiles; name the images in weighbridge.yml");
    }
    found.sort();
    let all = found.clone();
    found.retain(|found| !all.iter().any(|other| found.is_shadowed_by(other)));
    let own_name = root.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let names = names(&found, root_name.unwrap_or(&own_name));
    Ok(found.iter().zip(names).map(|(found, name)| draft(found, name)).collect())
}

/// Folders are few and shallow here: the recursion is bounded by `MAX_DEPTH`. Links are not followed.
fn walk(directory: &Path, folders: &mut Vec<String>, items_left: &mut usize, found: &mut Vec<Found>) {
    // A folder that cannot be read cannot be built either.
    let items = fs::list(directory, *items_left).unwrap_or_default();
    if !folders.is_empty() && items.iter().any(|item| item.name == OUTPUT_MARK) {
        return;
    }
    for item in items {
        *items_left = items_left.saturating_sub(1);
        match item.kind {
            ItemKind::File => found.extend(flavour(&item.name).map(|flavour| Found {
                folders: folders.clone(),
                flavour,
                file: item.name.clone(),
            })),
            ItemKind::Directory if folders.len() < MAX_DEPTH && !is_skipped(&item.name) => {
                folders.push(item.name.clone());
                walk(&directory.join(&item.name), folders, items_left, found);
                folders.pop();
            }
            ItemKind::Directory | ItemKind::Other => {}
        }
    }
}

fn is_skipped(folder: &str) -> bool {
    folder.starts_with('.') || SKIPPED.contains(&folder)
}

/// Whether a file is a Dockerfile, and of which flavour.
fn flavour(file: &str) -> Option<Option<String>> {
    if file == "Dockerfile" || file == "Containerfile" {
        return Some(None);
    }
    let before = file.strip_suffix(".Dockerfile").or(file.strip_suffix(".Containerfile"));
    let flavour = file.strip_prefix("Dockerfile.").or(file.strip_prefix("Containerfile.")).or(before)?;
    let suffix = flavour.rsplit('.').next().unwrap_or(flavour);
    (!flavour.is_empty() && !NOT_BUILT.contains(&suffix) && !file.ends_with('~')).then(|| Some(flavour.to_owned()))
}

/// Folder and flavour; the whole path where that is not unique; a number where even that is not.
///
/// A second folder of the same name therefore renames the first. Were the first to keep its short name, a third that sorts
/// before it would take that name over, and one image would be compared with another. A new name is only new. Names
/// that must not depend on other folders belong into a `weighbridge.yml`.
fn names(found: &[Found], root_name: &str) -> Vec<String> {
    let short = |found: &Found| {
        let folder = found.folders.last().map_or(root_name, String::as_str);
        sanitised([Some(folder), found.flavour.as_deref()].into_iter().flatten())
    };
    let long = |found: &Found| sanitised(found.folders.iter().chain(&found.flavour).map(String::as_str));
    let mut uses = BTreeMap::<String, usize>::new();
    found.iter().for_each(|found| *uses.entry(short(found).to_lowercase()).or_default() += 1);
    let mut taken = BTreeSet::new();
    let name = |found: &Found| {
        let unique = uses.get(&short(found).to_lowercase()) == Some(&1) || found.folders.is_empty();
        let base = if unique { short(found) } else { long(found) };
        let numbered = (2_usize..).map(|number| format!("{base}-{number}"));
        let mut candidates = std::iter::once(base.clone()).chain(numbered);
        let free = candidates.find(|name| taken.insert(name.to_lowercase()));
        free.unwrap_or(base)
    };
    found.iter().map(name).collect()
}

/// Parts joined by `-`, with only the characters that an image's name may have.
pub(super) fn sanitised<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let joined = parts.collect::<Vec<_>>().join("-");
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = joined.chars().map(allowed).take(100).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "image".to_owned() } else { name.to_owned() }
}

fn draft(found: &Found, name: String) -> Draft {
    let context = if found.folders.is_empty() { ".".to_owned() } else { found.folders.join("/") };
    let file = found.folders.iter().chain([&found.file]).map(String::as_str).collect::<Vec<_>>().join("/");
    let place = Place { file: Arc::from(file), position: None };
    let node = |value| Node { place: place.clone(), value };
    let entry = |key: &str, text: &str| Entry {
        key: key.to_owned(),
        place: place.clone(),
        value: node(Value::Text(text.to_owned())),
    };
    let value = Value::Map(vec![entry("context", &context), entry("dockerfile", &found.file)]);
    Draft { path: KeyPath::default(), node: node(value), name, dockerfile: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name=context/dockerfile` per image.
    fn found(files: &[&str]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("shop");
        files.iter().for_each(|file| fs::write_atomic(&root.join(file), b"FROM scratch").unwrap());
        let text = |draft: &Draft, key: &str| draft.node.get(key).unwrap().text().unwrap().to_owned();
        let drafts = drafts(&root, None).unwrap();
        drafts
            .iter()
            .map(|draft| format!("{}={}/{}", draft.name, text(draft, "context"), text(draft, "dockerfile")))
            .collect()
    }

    #[test]
    fn images_are_named_after_their_folder_and_flavour() {
        assert_eq!(
            found(&["Dockerfile", "Dockerfile.dev", "services/orders/Dockerfile", "services/pay ment/api.Dockerfile"]),
            [
                "shop=./Dockerfile",
                "shop-dev=./Dockerfile.dev",
                "orders=services/orders/Dockerfile",
                "pay-ment-api=services/pay ment/api.Dockerfile",
            ]
        );
    }

    #[test]
    fn the_name_of_the_root_may_be_given() {
        let directory = tempfile::tempdir().unwrap();
        fs::write_atomic(&directory.path().join("Dockerfile"), b"FROM scratch").unwrap();
        fs::write_atomic(&directory.path().join("Dockerfile.dev"), b"FROM scratch").unwrap();
        let names: Vec<String> =
            drafts(directory.path(), Some("my shop")).unwrap().into_iter().map(|draft| draft.name).collect();
        assert_eq!(names, ["my-shop", "my-shop-dev"]);
    }

    #[test]
    fn colliding_names_are_told_apart_by_their_path() {
        assert_eq!(
            found(&["a/api/Dockerfile", "b/api/Dockerfile", "b-api/Dockerfile", "b/Api/Dockerfile", "Dockerfile.x"]),
            [
                "shop-x=./Dockerfile.x",
                "a-api=a/api/Dockerfile",
                "b-Api=b/Api/Dockerfile",
                "b-api-2=b/api/Dockerfile",
                "b-api-3=b-api/Dockerfile",
            ]
        );
    }

    #[test]
    fn what_others_wrote_or_is_no_dockerfile_is_left_out() {
        let files = ["Dockerfile.md", "Dockerfile.dev.dockerignore", ".devcontainer/Dockerfile", "vendor/x/Dockerfile"];
        assert_eq!(found(&files), Vec::<String>::new());
        assert_eq!(found(&["a/b/c/d/e/f/g/Dockerfile", "dockerfile", "Dockerfile~"]), Vec::<String>::new());
    }

    #[test]
    fn containerfiles_are_found_where_no_dockerfile_says_the_same() {
        assert_eq!(
            found(&["a/Containerfile", "b/Containerfile", "b/Dockerfile", "c/Containerfile.x", "c/y.Containerfile"]),
            ["a=a/Containerfile", "b=b/Dockerfile", "c-x=c/Containerfile.x", "c-y=c/y.Containerfile"]
        );
        assert_eq!(found(&["Containerfile.md", "x.Containerfile/y"]), Vec::<String>::new());
    }

    #[test]
    fn what_weighbridge_wrote_is_left_out() {
        let written = ["out/.weighbridge-output", "out/base/orders/Dockerfile"];
        assert_eq!(found(&[written[0], written[1], "orders/Dockerfile"]), ["orders=orders/Dockerfile"]);
        assert_eq!(found(&[".weighbridge-output", "orders/Dockerfile"]), ["orders=orders/Dockerfile"]);
    }

    #[test]
    fn links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        fs::write_atomic(&directory.path().join("real"), b"FROM scratch").unwrap();
        std::os::unix::fs::symlink(directory.path(), directory.path().join("loop")).unwrap();
        std::os::unix::fs::symlink("real", directory.path().join("Dockerfile")).unwrap();
        assert!(drafts(directory.path(), None).unwrap().is_empty());
    }

    #[test]
    fn a_flood_of_dockerfiles_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..=MAX_FOUND {
            fs::write_atomic(&directory.path().join(format!("{number}/Dockerfile")), b"").unwrap();
        }
        let message = drafts(directory.path(), None).unwrap_err().to_string();
        assert!(message.contains("weighbridge.yml"), "{message}");
    }
}
