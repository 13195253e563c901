//! Where the images of a repository are described when nobody says so.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::error::Exit;
use crate::fs;

use super::fault::Faults;
use super::image::Draft;
use super::{BakePrinter, bake, dockerfiles, unique};

/// The names under which our own configuration is looked for.
const CONFIG_FILES: [&str; 6] = [
    "weighbridge.yml",
    "weighbridge.yaml",
    ".weighbridge.yml",
    ".weighbridge.yaml",
    ".github/weighbridge.yml",
    ".github/weighbridge.yaml",
];
/// What buildx looks for and merges, in its order (`defaultFilenames` in `bake/bake.go`).
const BAKE_FILES: [&str; 8] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
];

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfigFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How messages name it.
    pub(super) name: String,
    /// What its paths are relative to.
    pub(super) root: PathBuf,
}

/// The configuration file that was asked for, else the one in the directory.
///
/// # Errors
/// When there is more than one; exit code 2.
pub(super) fn config_file(directory: &Path, given: Option<&Path>) -> Result<Option<ConfigFile>> {
    if let Some(given) = given {
        return Ok(Some(config_at(directory, &given.display().to_string())));
    }
    match existing(directory, &CONFIG_FILES).as_slice() {
        [] => Ok(None),
        [name] => Ok(Some(config_at(directory, name))),
        names => Err(anyhow!("more than one configuration: {}; keep one", names.join(" and "))
            .context(Exit::usage("find the configuration"))),
    }
}

/// The name of the configuration that is there, if there is one.
///
/// # Errors
/// As of [`config_file`].
pub(super) fn existing_config(directory: &Path) -> Result<Option<String>> {
    Ok(config_file(directory, None)?.map(|file| file.name))
}

/// The images of a directory without a configuration: from bake or Compose, else from its Dockerfiles; with the phrase
/// that says so and the directory that their paths are relative to.
///
/// # Errors
/// When there are none, when bake refuses its files, or when there are too many Dockerfiles.
pub(super) fn images(
    root: PathBuf,
    root_name: Option<&str>,
    printer: &dyn BakePrinter,
    faults: &mut Faults,
) -> Result<(String, PathBuf, Vec<Draft>)> {
    let files = bake_files(&root);
    if !files.is_empty() {
        let drafts = unique::distinct(bake::drafts(&files, &[], &root, printer, faults)?, |_| false);
        // A Compose file that builds nothing only describes services to develop with.
        if !drafts.is_empty() {
            return Ok((bake::names(&files), root, drafts));
        }
    }
    let drafts = dockerfiles::drafts(&root, root_name)?;
    let origin = match drafts.len() {
        0 => return Err(nothing_in(&root)),
        1 => "1 Dockerfile found".to_owned(),
        count => format!("{count} Dockerfiles found"),
    };
    Ok((origin, root, drafts))
}

fn nothing_in(root: &Path) -> anyhow::Error {
    anyhow!("no bake file, Compose file or Dockerfile in {}; write weighbridge.yml", root.display())
        .context(Exit::usage("find the images"))
}

/// The files of which `docker buildx bake` would make its definition.
pub(super) fn bake_files(directory: &Path) -> Vec<PathBuf> {
    existing(directory, &BAKE_FILES).into_iter().map(PathBuf::from).collect()
}

fn existing(directory: &Path, names: &[&'static str]) -> Vec<&'static str> {
    names.iter().copied().filter(|name| fs::is_file(&directory.join(name))).collect()
}

fn config_at(directory: &Path, name: &str) -> ConfigFile {
    let path = fs::normalize(&directory.join(name));
    let parent = path.parent().unwrap_or(directory);
    let in_github = parent.file_name().is_some_and(|name| name == ".github");
    let root = parent.parent().filter(|_| in_github).unwrap_or(parent).to_owned();
    ConfigFile { root, name: name.to_owned(), path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| fs::write_atomic(&directory.path().join(file), b"x").unwrap());
        directory
    }

    #[test]
    fn every_name_is_found_and_gives_the_root_of_its_paths() {
        for name in CONFIG_FILES {
            let directory = directory(&[name]);
            let file = config_file(directory.path(), None).unwrap().unwrap();
            assert_eq!((file.name.as_str(), file.root.as_path()), (name, directory.path()));
        }
    }

    #[test]
    fn two_configurations_are_an_error_that_names_both() {
        let directory = directory(&["weighbridge.yml", ".github/weighbridge.yaml"]);
        let error = config_file(directory.path(), None).unwrap_err();
        insta::assert_snapshot!(format!("{error:#}"), @"find the configuration: more than one configuration: weighbridge.yml and .github/weighbridge.yaml; keep one");
        assert_eq!(crate::error::exit_code(&error), crate::error::USAGE);
        let given = config_file(directory.path(), Some(Path::new("weighbridge.yml"))).unwrap().unwrap();
        assert_eq!(given.root, directory.path());
    }

    #[test]
    fn bake_files_are_those_that_buildx_would_merge() {
        for (files, found) in [
            (&["README.md"][..], &[][..]),
            (&["docker-compose.yml", "compose.yaml"], &["compose.yaml", "docker-compose.yml"]),
            (
                &["docker-bake.override.hcl", "docker-bake.hcl", "compose.yml"],
                &["compose.yml", "docker-bake.hcl", "docker-bake.override.hcl"],
            ),
        ] {
            let found: Vec<PathBuf> = found.iter().map(PathBuf::from).collect();
            assert_eq!(bake_files(directory(files).path()), found);
        }
    }
}
