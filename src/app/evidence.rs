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

/// What git says about the commit to compare with.
struct Differences<'g> {
    git: &'g Git,
    sha: String,
    changed: BTreeSet<String>,
    ignored: Vec<String>,
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
async fn gather(config: &Config, revisions: &Revisions, output: &Path) -> BTreeMap<String, Evidence> {
    let differences = match (&revisions.git, base_sha(revisions)) {
        (Ok(git), Some(sha)) => differences(git, sha, &places(config, git.root())).await,
        (Ok(_), None) => Err("no commit to compare with".to_owned()),
        (Err(error), _) => Err(untold(error)),
    };
    let mut evidence = BTreeMap::new();
    for image in &config.images {
        evidence.insert(image.name.clone(), of_image(image, differences.as_ref(), output).await);
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
    let asked = async { tokio::try_join!(git.changed_since(&sha, places), git.ignored(places)) };
    let (changed, ignored) = asked.await.map_err(|error| untold(&error))?;
    Ok(Differences { git, sha, changed, ignored })
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
    places
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

async fn of_image(image: &Image, differences: Result<&Differences<'_>, &String>, output: &Path) -> Evidence {
    let text = match &image.dockerfile {
        DockerfileSource::Path(path) => fs::read_text(path, DOCKERFILE_LIMIT_BYTES).ok(),
        DockerfileSource::Inline(text) => Some(text.clone()),
        DockerfileSource::InRemoteContext(_) => None,
    };
    let base_text = match (&image.dockerfile, differences) {
        (DockerfileSource::Path(path), Ok(differences)) => differences.text_at_base(path).await,
        _ => None,
    };
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
    }
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
