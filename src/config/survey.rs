//! What there is to build in a repository that has no configuration, or as if it had none.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::fault::Faults;
use super::image::Draft;
use super::node::Node;
use super::{BakePrinter, bake, discover, dockerfiles};
use crate::error::Exit;

/// What there is to build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// The name of the configuration that is there already.
    pub configuration: Option<String>,
    /// Bake files that describe images.
    pub bake: Vec<String>,
    /// Compose files that do.
    pub compose: Vec<String>,
    /// Where neither does: the Dockerfiles.
    pub images: Vec<FoundImage>,
}

/// A Dockerfile as an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImage {
    /// The name of the image.
    pub name: String,
    /// The build context, relative to the directory.
    pub context: String,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
}

/// Looks into a directory.
///
/// # Errors
/// When there is nothing to build, too much to look through, or more than one configuration; exit code 2.
pub fn survey(root: PathBuf, printer: &dyn BakePrinter) -> Result<Survey> {
    let configuration = discover::existing_config(&root)?;
    let files = discover::bake_files(&root);
    if builds_something(&files, &root, printer) {
        let name = |file: PathBuf| file.display().to_string();
        let (bake, compose) = files.into_iter().map(name).partition(|name: &String| name.starts_with("docker-bake"));
        return Ok(Survey { configuration, bake, compose, images: vec![] });
    }
    let images: Vec<FoundImage> = dockerfiles::drafts(&root, None)?.iter().map(found).collect();
    if images.is_empty() {
        let message = format!("no bake file, Compose file or Dockerfile in {}", root.display());
        return Err(anyhow::Error::msg(message).context(Exit::usage("find the images")));
    }
    Ok(Survey { configuration, images, ..Survey::default() })
}

/// Where bake cannot be asked, its files are taken at their word.
fn builds_something(files: &[PathBuf], root: &Path, printer: &dyn BakePrinter) -> bool {
    let drafts = || bake::drafts(files, &[], root, printer, &mut Faults::default());
    !files.is_empty() && drafts().map_or(true, |drafts| !drafts.is_empty())
}

fn found(draft: &Draft) -> FoundImage {
    let text = |key: &str| draft.node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    FoundImage { name: draft.name.clone(), context: text("context"), dockerfile: text("dockerfile") }
}
