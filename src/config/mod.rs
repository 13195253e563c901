//! What to build: the resolved configuration, in which nothing is optional that has a default.
//!
//! Every source becomes the same tree of text with places (`node`): YAML (`yaml`), what bake prints (`bake`),
//! Dockerfiles that were found (`dockerfiles`). Trees merge, are checked against one table of keys (`keys`), and
//! only then become typed (`image`). Faults are collected on the way and reported together.

mod bake;
mod baseline;
mod builder;
mod cache;
mod check;
mod comment;
pub(crate) mod csv;
mod discover;
mod dockerfiles;
mod fault;
mod file;
mod format;
mod image;
mod inputs;
mod keys;
mod node;
mod review;
mod runners;
mod scan;
mod schema;
mod secret;
mod selection;
mod survey;
mod test;
mod unique;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::env::Env;
use crate::fs;
use crate::oci::Platform;
use crate::units::{Bytes, Percent};

pub use baseline::Baselines;
pub use builder::{BuildNode, BuilderSettings, Driver};
pub use cache::{Azblob, Backend, Cache, CacheMode, PullRequests, S3};
pub use comment::CommentMode;
pub use inputs::{Inputs, boolean};
pub use review::{Bots, Noise, Review, parse_report_name};
pub use scan::{GivenScan, ScanWith, Side, SideScan, parse_given_scan, parse_side_scan};
pub use schema::schema;
pub use secret::check_secrets;
pub use selection::Selection;
pub use survey::{FoundImage, Survey, survey};
pub use test::Tests;

use fault::Faults;
use file::FileContent;
use image::Surroundings;

/// The origin of an image that is described by inputs.
const OF_INPUTS: &str = "the inputs of the action";

/// What is to be resolved.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Where to look, relative to the working directory.
    pub directory: PathBuf,
    /// The configuration file, relative to `directory`; looked for when `None`.
    pub file: Option<PathBuf>,
    /// The name of the image of a Dockerfile at the top of `directory`, where no configuration names it; that folder's
    /// own name when `None`. A checkout under another folder name should not give the image another name.
    pub root_name: Option<String>,
    /// What the command line asks for.
    pub selection: Selection,
    /// What the inputs of the action say of an image.
    pub inputs: Inputs,
    /// The images that they may be about, where that is not told by the selection.
    pub inputs_for: Vec<String>,
}

/// The port to `docker buildx bake --print`.
pub trait BakePrinter {
    /// Resolves bake and Compose files, relative to `directory`, and returns the JSON on standard output.
    /// No targets means the group `default`.
    ///
    /// # Errors
    /// When bake cannot be run or refuses the files.
    fn print(&self, files: &[PathBuf], targets: &[String], directory: &Path) -> Result<Vec<u8>>;
}

/// Finds and resolves the configuration: `defaults ← file ← inputs`, of which the command line, else the environment, selects.
///
/// # Errors
/// Everything that is wrong with it, in one error with exit code 2.
pub fn resolve(request: &Request, env: &Env, bake: &dyn BakePrinter) -> Result<Config> {
    let selection = request.selection.clone().or(Selection::from_env(env)?);
    let directory = fs::normalize(&env.directory.join(&request.directory));
    let given = request.file.clone().or_else(|| env.get("WEIGHBRIDGE_CONFIG").map(PathBuf::from));
    let mut faults = Faults::default();
    let (origin, root, content) = match discover::config_file(&directory, given.as_deref())? {
        Some(file) => {
            let inputs = &request.inputs;
            let mut content = file::read(&file, !inputs.is_empty(), bake, &mut faults)?;
            let chosen = if request.inputs_for.is_empty() { &selection.images } else { &request.inputs_for };
            let place = (directory.as_path(), file.root.as_path());
            content.drafts = match (content.drafts.is_empty() && !inputs.is_empty(), content.defaults.take()) {
                (false, _) => inputs.over_one(content.drafts, chosen, place, &mut faults)?,
                (true, defaults) => {
                    let draft = inputs.image(place, request.root_name.as_deref(), &mut faults);
                    draft.map(|draft| draft.or(defaults.as_ref())).into_iter().collect()
                }
            };
            let origin = if inputs.is_empty() { file.name } else { format!("{} and {OF_INPUTS}", file.name) };
            (origin, file.root, content)
        }
        None if !request.inputs.is_empty() => {
            let draft = request.inputs.image((&directory, &directory), request.root_name.as_deref(), &mut faults);
            let content = FileContent { drafts: draft.into_iter().collect(), ..FileContent::default() };
            (OF_INPUTS.to_owned(), directory, content)
        }
        None => {
            let (origin, root, drafts) = discover::images(directory, request.root_name.as_deref(), bake, &mut faults)?;
            (origin, root, FileContent { drafts, ..FileContent::default() })
        }
    };
    let FileContent { drafts, builder, cache, baselines, comment, review, runners, .. } = content;
    unique::check_platforms(&drafts, &mut faults);
    unique::check_tags(&drafts, &mut faults);
    let around = Surroundings { root: &root, env };
    let mut images: Vec<Image> =
        drafts.iter().filter_map(|draft| image::resolve(draft, &around, &mut faults)).collect();
    faults.into_result()?;
    images.sort_by(|a, b| a.name.cmp(&b.name));
    let images = selection.apply(images)?;
    let of_inputs = request.inputs.described(&images);
    Ok(Config { origin, root, images, builder, cache, baselines, comment, review, runners, selection, of_inputs })
}

/// The resolved configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the images were read from, as a phrase for people: `weighbridge.yml`, `docker-bake.hcl`, `2 Dockerfiles found`.
    pub origin: String,
    /// The directory that paths are relative to: the configuration's, else the working directory. Absolute. buildx runs
    /// here, as paths inside of its own lines (`outputs`, `cache_to`, `ssh`) stay as they were written.
    pub root: PathBuf,
    /// The images, sorted by name, names unique.
    pub images: Vec<Image>,
    /// What builds, where it is not the current builder.
    pub builder: BuilderSettings,
    /// Where the build cache is kept and who may write it.
    pub cache: Cache,
    /// Where reports are kept for later runs.
    pub baselines: Baselines,
    /// When a change request gets a comment.
    pub comment: CommentMode,
    /// What a review gets to see.
    pub review: Review,
    /// The labels of the runners that build a platform, where they are not those that the CI system offers.
    pub runners: BTreeMap<Platform, Vec<String>>,
    /// What was asked for, by the command line or the environment; `images` is what is left of the configuration.
    pub selection: Selection,
    /// What the inputs of the action describe, where they do: the image, and its platforms if they say these.
    pub of_inputs: Selection,
}

impl Config {
    /// By which images and platforms the report of this run is told from others of the repository: those that were
    /// chosen. Steps that describe their image by inputs are often several, each with another image or platform.
    #[must_use]
    pub fn told_by(&self) -> Selection {
        self.selection.clone().or(self.of_inputs.clone())
    }
}

/// Where the files of a build come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildContext {
    /// A directory, absolute.
    Directory(PathBuf),
    /// A git or tarball URL that BuildKit fetches itself.
    Remote(String),
}

/// Where the Dockerfile's text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerfileSource {
    /// A file, absolute.
    Path(PathBuf),
    /// A path inside a remote context.
    InRemoteContext(String),
    /// The text itself, as bake and Compose allow.
    Inline(String),
}

/// One image: what `docker buildx build` takes, and its budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Unique name: letters, digits, `.`, `_`, `-`, at most 128 characters, starting with a letter or digit.
    pub name: String,
    /// Build context.
    pub context: BuildContext,
    /// Dockerfile.
    pub dockerfile: DockerfileSource,
    /// Stage to build; the last when `None`.
    pub target: Option<String>,
    /// Platforms; empty means the builder's own.
    pub platforms: Vec<Platform>,
    /// `--build-arg`; a `None` value is taken from the environment by buildx.
    pub build_args: BTreeMap<String, Option<String>>,
    /// `--build-context`; directories are absolute.
    pub build_contexts: BTreeMap<String, String>,
    /// `--label`.
    pub labels: BTreeMap<String, String>,
    /// `--annotation`.
    pub annotations: Vec<String>,
    /// `--tag`.
    pub tags: Vec<String>,
    /// `--secret`, as buildx writes them.
    pub secrets: Vec<Secret>,
    /// `--ssh`.
    pub ssh: Vec<String>,
    /// `--cache-from`, as buildx writes them.
    pub cache_from: Vec<String>,
    /// `--cache-to`, as buildx writes them.
    pub cache_to: Vec<String>,
    /// `--output`, beside the one that weighbridge measures.
    pub outputs: Vec<String>,
    /// `--no-cache`.
    pub no_cache: bool,
    /// `--no-cache-filter`.
    pub no_cache_filter: Vec<String>,
    /// `--pull`.
    pub pull: bool,
    /// `--network`.
    pub network: Option<String>,
    /// `--cgroup-parent`.
    pub cgroup_parent: Option<String>,
    /// `--add-host`.
    pub add_hosts: Vec<String>,
    /// `--ulimit`.
    pub ulimits: Vec<String>,
    /// `--shm-size`, in bytes.
    pub shm_size: Option<Bytes>,
    /// `--allow`.
    pub allow: Vec<String>,
    /// `--provenance`; `None` means buildx's default for an image that is pushed, and none for one that is only measured.
    pub provenance: Option<String>,
    /// `--sbom`; `None` as with `provenance`.
    pub sbom: Option<String>,
    /// What has to succeed before it is pushed.
    pub tests: Tests,
    /// Limits.
    pub budget: Budget,
}

/// A build secret, by reference; its value is never read by weighbridge, unless an input of the action gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// The id that `RUN --mount=type=secret` uses.
    pub id: String,
    /// Where buildx reads it.
    pub source: SecretSource,
}

impl Secret {
    /// The variable that only the environment of the build has, as an input of the action gave its value.
    #[must_use]
    pub fn variable_of_an_input(&self) -> Option<&str> {
        match &self.source {
            SecretSource::Variable(name) if inputs::is_of_an_input(name) => Some(name),
            SecretSource::Variable(_) | SecretSource::File(_) => None,
        }
    }
}

/// Where a secret's value is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretSource {
    /// An environment variable.
    Variable(String),
    /// A file, absolute.
    File(PathBuf),
}

/// Limits of one image, each applied to every platform of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Budget {
    /// Upper limit of `compressed_bytes`.
    pub compressed: Option<Bytes>,
    /// Upper limit of `uncompressed_bytes`.
    pub uncompressed: Option<Bytes>,
    /// Upper limit of growth against the baseline, relative.
    pub compressed_growth: Option<Growth>,
    /// Upper limit of the number of layers.
    pub layers: Option<u32>,
    /// Upper limit of the bytes that layers write and the image does not have in the end.
    pub wasted: Option<Bytes>,
    /// Upper limit of what they are more than in the baseline.
    pub wasted_growth: Option<Growth>,
    /// Lower limit of the part of all file bytes that the image has in the end.
    pub efficiency: Option<Percent>,
    /// Upper limit of what a node pulls which has the baseline's image, in bytes or relative to the whole image.
    pub pull: Option<Growth>,
    /// Whether a container has to be able to start.
    pub starts_required: bool,
    /// Upper limit of `wall_seconds`.
    pub wall: Option<Duration>,
}

/// How much an image may grow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Growth {
    /// Relative to the baseline.
    Relative(Percent),
    /// In bytes.
    Absolute(Bytes),
}

#[cfg(test)]
mod tests;
