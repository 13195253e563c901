//! Gathers what tells why steps missed their cache: git knows which files changed since the baseline's commit, and what
//! the Dockerfile was then. It runs beside the builds, so it costs no time of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::cells::DOCKERFILE_LIMIT_BYTES;
use super::lookup::{self, Given, Revisions};
use super::session::Session;
use crate::baseline::{Chosen, DEEPEN, Lookup};
use crate::compare::miss::{Changes, Evidence};
use crate::config::{BuildContext, Config, DockerfileSource, Image};
use crate::dockerfile::{DockerIgnore, Dockerfile};
use crate::fs;
use crate::git::{Git, GitError};
use crate::plan::cache::Situation;
use crate::secrecy::names_a_secret;

/// More places than these are asked about as one, the whole repository.
const MAX_PLACES: usize = 64;

/// What git says about the commit to compare with.
struct Differences<'g> {
    git: &'g Git,
    sha: String,
    changed: BTreeSet<String>,
    ignored: Vec<String>,
    links: Vec<String>,
}

/// Finds out which commit is built, looks its baseline up, and gathers the evidence about each image.
///
/// # Errors
/// As [`lookup::revisions`].
pub(super) async fn look(
    session: &Session,
    given: Given,
    config: &Config,
    situation: &Situation,
    report_key: &str,
    output: &Path,
) -> Result<(Revisions, BTreeMap<String, Evidence>)> {
    let revisions = lookup::revisions(session, given, config, situation, report_key, output).await?;
    let evidence = gather(config, &revisions, output).await;
    Ok((revisions, evidence))
}

/// The evidence about each image. What git cannot tell is unknown, with the reason; nothing here is an error.
pub(super) async fn gather(config: &Config, revisions: &Revisions, output: &Path) -> BTreeMap<String, Evidence> {
    let differences = match (&revisions.git, base_sha(revisions)) {
        (Ok(git), Some(sha)) => differences(git, sha, &places(config, git.root())).await,
        (Ok(_), None) => Err("no commit to compare with".to_owned()),
        (Err(error), _) => Err(untold(error)),
    };
    let mut evidence = BTreeMap::new();
    for image in &config.images {
        evidence.insert(image.name.clone(), of_image(image, &config.root, differences.as_ref(), output).await);
    }
    evidence
}

/// The commit whose report the run is compared with.
fn base_sha(revisions: &Revisions) -> Option<String> {
    match (&revisions.lookup, &revisions.chosen) {
        (Lookup::Found(found), _) => found.report.context.head.sha.clone(),
        (Lookup::Missing { .. }, Chosen::Base(choice)) => Some(choice.sha.clone()),
        (Lookup::Missing { .. }, Chosen::NoBase { .. }) => None,
    }
}

async fn differences<'g>(
    git: &'g Git,
    sha: String,
    places: &BTreeSet<String>,
) -> std::result::Result<Differences<'g>, String> {
    if git.resolve(&sha).await.map_err(|error| untold(&error))?.is_none() {
        let short = sha.get(..12).unwrap_or(&sha);
        return Err(format!("the base commit {short} is not in this clone; {DEEPEN}"));
    }
    let asked = async { tokio::try_join!(git.changed_since(&sha, places), git.ignored(places), git.links()) };
    let (changed, ignored, links) = asked.await.map_err(|error| untold(&error))?;
    Ok(Differences { git, sha, changed, ignored, links })
}

fn untold(error: &GitError) -> String {
    format!("git cannot tell what changed: {error}")
}

/// The places of the repository that reach a build: contexts, and Dockerfiles, beside which a `.dockerignore` may stand.
fn places(config: &Config, root: &Path) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for image in &config.images {
        let context = match &image.context {
            BuildContext::Directory(directory) => Some(directory.as_path()),
            BuildContext::Remote(_) => None,
        };
        let dockerfile = match &image.dockerfile {
            DockerfileSource::Path(path) => path.parent(),
            DockerfileSource::Inline(_) | DockerfileSource::InRemoteContext(_) => None,
        };
        let named = named_contexts(image).map(|(_, directory)| directory);
        places.extend(context.into_iter().chain(dockerfile).chain(named).filter_map(|place| inside(place, root)));
    }
    // Git holds every file against every place.
    if places.len() > MAX_PLACES { [String::new()].into() } else { places }
}

/// The additional contexts that are directories.
fn named_contexts(image: &Image) -> impl Iterator<Item = (&String, &Path)> {
    let is_directory = |value: &str| !value.contains("://") && !value.starts_with("target:");
    let directories = image.build_contexts.iter().filter(move |(_, value)| is_directory(value));
    directories.map(|(name, value)| (name, Path::new(value)))
}

/// The path of a place from the root of the repository; empty for the root itself.
fn inside(place: &Path, root: &Path) -> Option<String> {
    let place = fs::canonical(place).unwrap_or_else(|| place.to_owned());
    Some(place.strip_prefix(root).ok()?.to_string_lossy().into_owned())
}

async fn of_image(
    image: &Image,
    root: &Path,
    differences: Result<&Differences<'_>, &String>,
    output: &Path,
) -> Evidence {
    let text = match &image.dockerfile {
        DockerfileSource::Path(path) => fs::read_text(path, DOCKERFILE_LIMIT_BYTES).ok(),
        DockerfileSource::Inline(text) => Some(text.clone()),
        DockerfileSource::InRemoteContext(_) => None,
    };
    let base_text = match (&image.dockerfile, differences) {
        // What did not change needs not be asked for.
        (DockerfileSource::Path(path), Ok(differences)) if fs::is_file(path) && differences.is_same(path) => {
            text.clone()
        }
        (DockerfileSource::Path(path), Ok(differences)) => differences.text_at_base(path).await,
        _ => None,
    };
    let doubts = doubts(image, root, differences);
    let parse = |text: Option<String>| text.and_then(|text| Dockerfile::parse(&text).ok());
    let mut contexts = BTreeMap::new();
    if let BuildContext::Directory(directory) = &image.context {
        let ignore = ignore_file(&image.dockerfile, directory);
        contexts.insert(String::new(), changes(directory, ignore, differences, output).await);
    }
    for (name, directory) in named_contexts(image) {
        let ignore = Some(directory.join(".dockerignore")).filter(|path| fs::is_file(path));
        contexts.insert(name.clone(), changes(directory, ignore, differences, output).await);
    }
    Evidence {
        no_cache: image.no_cache,
        no_cache_stages: image.no_cache_filter.clone(),
        build_args: image
            .build_args
            .iter()
            .filter(|(name, _)| !names_a_secret(name))
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
            .collect(),
        dockerfile: parse(text),
        base_dockerfile: parse(base_text),
        contexts,
        ..doubts
    }
}

/// What makes it doubtful that files which git does not list are what they were.
fn doubts(image: &Image, root: &Path, differences: Result<&Differences<'_>, &String>) -> Evidence {
    let Ok(differences) = differences else { return Evidence::default() };
    let own = match &image.context {
        BuildContext::Directory(directory) => Some(directory.as_path()),
        BuildContext::Remote(_) => None,
    };
    let contexts: Vec<&Path> = own.into_iter().chain(named_contexts(image).map(|(_, directory)| directory)).collect();
    let dockerfile = match &image.dockerfile {
        DockerfileSource::Path(path) => Some(path),
        DockerfileSource::Inline(_) | DockerfileSource::InRemoteContext(_) => None,
    };
    let beside = dockerfile.map(|path| PathBuf::from(format!("{}.dockerignore", path.display())));
    let mut ignores = contexts.iter().map(|context| context.join(".dockerignore")).chain(beside);
    Evidence {
        is_same_dockerfile: match &image.dockerfile {
            DockerfileSource::Path(path) => is_direct(path, root) && differences.is_same(path),
            // Its text is a part of the configuration.
            DockerfileSource::Inline(_) => true,
            DockerfileSource::InRemoteContext(_) => false,
        },
        is_ignore_changed: ignores.any(|file| differences.is_changed(&file)),
        has_links: !contexts.iter().all(|context| is_direct(context, root) && !differences.is_led_elsewhere(context)),
        ..Evidence::default()
    }
}

/// Whether no link stands on the way from the configuration to a place. Where one is changed, git lists it and nothing of
/// what it leads to.
fn is_direct(place: &Path, root: &Path) -> bool {
    let canonical = |path: &Path| fs::canonical(path).unwrap_or_else(|| path.to_owned());
    let direct = place.strip_prefix(root).map_or_else(|_| place.to_owned(), |inside| canonical(root).join(inside));
    canonical(place) == fs::normalize(&direct)
}

/// What changed below a directory, as far as it reaches the build.
async fn changes(
    directory: &Path,
    ignore_file: Option<PathBuf>,
    differences: Result<&Differences<'_>, &String>,
    output: &Path,
) -> Changes {
    let differences = match differences {
        Ok(differences) => differences,
        Err(reason) => return Changes::Unknown(reason.clone()),
    };
    let Some(place) = differences.inside(directory) else {
        return Changes::Unknown("the build context lies outside of the repository".to_owned());
    };
    let Ok(ignore) = read_ignore(ignore_file.as_deref()) else {
        return Changes::Unknown("the .dockerignore cannot be read".to_owned());
    };
    let own = differences.inside(output).unwrap_or_default();
    let is_own = |path: &str| !own.is_empty() && below(path, &own).is_some();
    let mut files: BTreeSet<String> = differences
        .changed
        .iter()
        .filter(|path| !is_own(path))
        .filter_map(|path| below(path, &place))
        .filter(|path| !ignore.ignores(path))
        .map(str::to_owned)
        .collect();
    files.extend(differences.newly_filtered(ignore_file.as_deref(), &place, &ignore).await);
    // Its index and its log change with every commit.
    if place.is_empty() && !ignore.ignores(".git") {
        files.insert(".git".to_owned());
    }
    let untold = differences.ignored.iter().filter(|path| !is_own(path)).filter_map(|path| below(path, &place));
    let has_untold = untold.map(|path| path.trim_end_matches('/')).any(|path| !ignore.ignores(path));
    Changes::Files { files: files.into_iter().collect(), has_untold }
}

impl Differences<'_> {
    fn inside(&self, place: &Path) -> Option<String> {
        inside(place, self.git.root())
    }

    /// The path of a file, be it there or not, from the root of the repository.
    fn path(&self, file: &Path) -> Option<String> {
        let (folder, name) = (self.inside(file.parent()?)?, file.file_name()?.to_string_lossy().into_owned());
        Some(if folder.is_empty() { name } else { format!("{folder}/{name}") })
    }

    /// Whether a file that may be there is another one than it was, as far as can be told.
    fn is_changed(&self, file: &Path) -> bool {
        match fs::is_file(file) {
            true => !self.is_same(file),
            false => self.path(file).is_none_or(|path| self.changed.contains(&path)),
        }
    }

    /// Whether a file is one that git knows and that is what it was.
    fn is_same(&self, file: &Path) -> bool {
        let Some(path) = self.path(file) else { return false };
        let is_in = |place: &String| {
            let place = place.trim_end_matches('/');
            path == place || below(&path, place).is_some()
        };
        !self.changed.contains(&path) && !self.ignored.iter().chain(&self.links).any(is_in)
    }

    /// Whether what a context holds may be found elsewhere: it lies in a submodule, or holds links beside something that
    /// changed.
    fn is_led_elsewhere(&self, context: &Path) -> bool {
        let Some(place) = self.inside(context) else { return true };
        let is_above = |link: &String| place == *link || below(&place, link).is_some();
        self.links.iter().any(is_above)
            || (!self.changed.is_empty() && self.links.iter().any(|link| below(link, &place).is_some()))
    }

    async fn text_at_base(&self, path: &Path) -> Option<String> {
        self.git.text_at(&self.sha, &self.inside(path)?).await.ok().flatten()
    }

    /// Files that an edited `.dockerignore` lets in or leaves out now, though they themselves are what they were.
    async fn newly_filtered(&self, file: Option<&Path>, place: &str, ignore: &DockerIgnore) -> Vec<String> {
        let edited = file.and_then(|file| self.inside(file)).filter(|file| self.changed.contains(file));
        let Some(edited) = edited else { return Vec::new() };
        let base = self.git.text_at(&self.sha, &edited).await.ok().flatten().unwrap_or_default();
        let (Ok(base), Ok(tracked)) = (DockerIgnore::parse(&base), self.git.tracked().await) else { return Vec::new() };
        let here = tracked.iter().filter_map(|path| below(path, place));
        here.filter(|path| ignore.ignores(path) != base.ignores(path)).map(str::to_owned).collect()
    }
}

/// The `.dockerignore` that BuildKit reads: the one beside the Dockerfile, else that of the context.
fn ignore_file(dockerfile: &DockerfileSource, directory: &Path) -> Option<PathBuf> {
    let beside = match dockerfile {
        DockerfileSource::Path(path) => Some(PathBuf::from(format!("{}.dockerignore", path.display()))),
        DockerfileSource::Inline(_) | DockerfileSource::InRemoteContext(_) => None,
    };
    beside.into_iter().chain([directory.join(".dockerignore")]).find(|path| fs::is_file(path))
}

fn read_ignore(file: Option<&Path>) -> Result<DockerIgnore> {
    let text = file.map(|file| fs::read_text(file, DOCKERFILE_LIMIT_BYTES)).transpose()?;
    Ok(DockerIgnore::parse(&text.unwrap_or_default())?)
}

/// The path from a place, when it lies below it.
fn below<'p>(path: &'p str, place: &str) -> Option<&'p str> {
    if place.is_empty() { Some(path) } else { path.strip_prefix(place)?.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::Repository;

    #[tokio::test]
    async fn a_base_that_the_clone_lacks_is_told_in_words_and_not_in_commands() {
        let origin = Repository::new().await;
        let base = origin.commit("base").await;
        origin.commit("head").await;
        let everywhere = BTreeSet::from([String::new()]);
        for (depth, expected) in
            [(1, Some(format!("the base commit {} is not in this clone; {DEEPEN}", &base[..12]))), (2, None)]
        {
            let clone = Repository::shallow_clone(&origin, depth).await;
            let git = clone.open().await;
            assert_eq!(differences(&git, base.clone(), &everywhere).await.err(), expected, "{depth}");
        }
    }
}
