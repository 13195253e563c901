//! The places that an image is built from. Each is looked up once: there may be thousands of images.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::app::cells::DOCKERFILE_LIMIT_BYTES;
use crate::config::{BuildContext, DockerfileSource, Image};
use crate::dockerfile::DockerIgnore;
use crate::fs;

/// What places are told against.
pub(super) struct Roots<'r> {
    /// The root of the repository, which has no links.
    repository: &'r Path,
    /// That of the configuration, as it is written and where it really is.
    config: (&'r Path, PathBuf),
}

/// A directory.
#[derive(Clone)]
pub(super) struct Place {
    directory: PathBuf,
    /// Its path from the root of the repository; empty for the root itself.
    pub(super) inside: Option<String>,
    /// Whether no link stands on the way from the configuration to it. Where one is changed, git lists it and nothing of
    /// what it leads to.
    pub(super) is_direct: bool,
    /// Whether it lies in a repository within the repository, of which git tells no more than that it is there.
    pub(super) is_of_another: bool,
}

/// A file in a place, be it there or not.
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Its path from the root of the repository.
    pub(super) inside: Option<String>,
    pub(super) is_there: bool,
}

/// A Dockerfile that is a file.
pub(super) struct DockerfileAt {
    pub(super) file: File,
    pub(super) folder: Place,
    /// The `.dockerignore` of its own, which BuildKit reads instead of that of the context.
    ignore: File,
}

/// A build context that is a directory.
pub(super) struct Context<'i> {
    /// Empty for the main one.
    pub(super) name: &'i str,
    pub(super) place: Place,
    ignore: File,
}

/// What an image is built from, as far as it lies in directories.
pub(super) struct Inputs<'i> {
    pub(super) dockerfile: Option<DockerfileAt>,
    pub(super) contexts: Vec<Context<'i>>,
}

impl<'r> Roots<'r> {
    pub(super) fn new(repository: &'r Path, config: &'r Path) -> Self {
        Self { repository, config: (config, real(config)) }
    }

    fn place(&self, directory: &Path) -> Place {
        let place = real(directory);
        let (root, real_root) = &self.config;
        let direct = directory.strip_prefix(root).map_or_else(|_| directory.to_owned(), |below| real_root.join(below));
        let inside = place.strip_prefix(self.repository).ok();
        let mut above = place.ancestors().take_while(|above| *above != self.repository);
        let is_repository = |directory: &Path| fs::length(&directory.join(".git")).is_some();
        Place {
            directory: directory.to_owned(),
            inside: inside.map(|inside| inside.to_string_lossy().into_owned()),
            is_direct: place == fs::normalize(&direct),
            is_of_another: inside.is_some() && above.any(is_repository),
        }
    }
}

impl Place {
    fn file(&self, name: &str) -> File {
        let path = self.directory.join(name);
        let inside = self.inside.as_ref().map(|inside| match inside.as_str() {
            "" => name.to_owned(),
            inside => format!("{inside}/{name}"),
        });
        File { is_there: fs::is_file(&path), path, inside }
    }
}

impl<'i> Inputs<'i> {
    pub(super) fn of(image: &'i Image, roots: &Roots<'_>) -> Self {
        let own = match &image.context {
            BuildContext::Directory(directory) => Some(("", directory.as_path())),
            BuildContext::Remote(_) => None,
        };
        let named = image.build_contexts.iter().filter(|(_, value)| !value.contains("://"));
        let named = named.map(|(name, value)| (name.as_str(), Path::new(value)));
        let context = |(name, directory): (&'i str, &Path)| {
            let place = roots.place(directory);
            Context { name, ignore: place.file(".dockerignore"), place }
        };
        let contexts: Vec<Context<'i>> = own.into_iter().chain(named).map(context).collect();
        // It mostly stands in a context.
        let known =
            |directory: &Path| contexts.iter().map(|context| &context.place).find(|place| place.directory == directory);
        let folder = |directory: &Path| known(directory).cloned().unwrap_or_else(|| roots.place(directory));
        let dockerfile = match &image.dockerfile {
            DockerfileSource::Path(path) => DockerfileAt::new(path, folder),
            DockerfileSource::Inline(_) | DockerfileSource::InRemoteContext(_) => None,
        };
        Self { dockerfile, contexts }
    }

    /// Every `.dockerignore` that may be there.
    pub(super) fn ignore_files(&self) -> impl Iterator<Item = &File> {
        let beside = self.dockerfile.iter().map(|dockerfile| &dockerfile.ignore);
        beside.chain(self.contexts.iter().map(|context| &context.ignore))
    }

    /// The `.dockerignore` that BuildKit reads for a context.
    pub(super) fn ignore_file<'s>(&'s self, context: &'s Context<'_>) -> Option<&'s File> {
        let beside = self.dockerfile.as_ref().map(|dockerfile| &dockerfile.ignore).filter(|_| context.name.is_empty());
        beside.into_iter().chain([&context.ignore]).find(|file| file.is_there)
    }
}

impl DockerfileAt {
    fn new(path: &Path, folder: impl Fn(&Path) -> Place) -> Option<Self> {
        let (folder, name) = (folder(path.parent()?), path.file_name()?.to_string_lossy());
        let (file, ignore) = (folder.file(&name), folder.file(&format!("{name}.dockerignore")));
        Some(Self { file, folder, ignore })
    }
}

/// The patterns of a `.dockerignore`, none where there is no such file.
///
/// # Errors
/// When it cannot be read, or is none.
pub(super) fn ignored(file: Option<&File>) -> Result<DockerIgnore> {
    let text = file.map(|file| fs::read_text(&file.path, DOCKERFILE_LIMIT_BYTES)).transpose()?;
    Ok(DockerIgnore::parse(&text.unwrap_or_default())?)
}

/// Where a path leads without links; the path itself where nothing is there.
pub(super) fn real(path: &Path) -> PathBuf {
    fs::canonical(path).unwrap_or_else(|| path.to_owned())
}
