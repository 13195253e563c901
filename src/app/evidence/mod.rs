//! Gathers what tells why steps missed their cache: git knows which files changed since the baseline's commit, and what
//! the Dockerfile was then. It runs beside the builds, so it costs no time of its own.

mod differences;
mod inputs;
mod paths;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use self::differences::{Differences, untold};
use self::inputs::{DockerfileAt, Inputs, Place, Roots};
use super::cells::DOCKERFILE_LIMIT_BYTES;
use super::lookup::{self, Given, Revisions};
use super::session::Session;
use crate::baseline::{Chosen, Lookup};
use crate::compare::miss::{Changes, Evidence};
use crate::config::{Config, DockerfileSource, Image};
use crate::dockerfile::Dockerfile;
use crate::fs;
use crate::git::Git;
use crate::plan::cache::Situation;
use crate::secrecy::names_a_secret;

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
    // Without a repository nothing is asked of places.
    let repository = revisions.git.as_ref().map_or(config.root.as_path(), Git::root);
    let roots = Roots::new(repository, &config.root);
    let differences = async {
        match (&revisions.git, base_sha(revisions)) {
            (Ok(git), Some(sha)) => Differences::since(git, sha, &revisions.status, output).await,
            (Ok(_), None) => Err("no commit to compare with".to_owned()),
            (Err(error), _) => Err(untold(error)),
        }
    };
    let inputs = async {
        let mut inputs = Vec::with_capacity(config.images.len());
        for image in &config.images {
            inputs.push(Inputs::of(image, &roots));
            // Of thousands of images these are looked at while git looks as well.
            tokio::task::yield_now().await;
        }
        inputs
    };
    let (differences, inputs) = tokio::join!(differences, inputs);
    let mut evidence = BTreeMap::new();
    for (image, inputs) in config.images.iter().zip(&inputs) {
        evidence.insert(image.name.clone(), of_image(image, inputs, differences.as_ref()).await);
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

async fn of_image(image: &Image, inputs: &Inputs<'_>, differences: Result<&Differences<'_>, &String>) -> Evidence {
    let (dockerfile, base_dockerfile) = dockerfiles(image, inputs, differences.ok()).await;
    let mut contexts = BTreeMap::new();
    for context in &inputs.contexts {
        let changes = match differences {
            Ok(differences) => differences.in_context(&context.place, inputs.ignore_file(context)).await,
            Err(reason) => Changes::Unknown(reason.clone()),
        };
        contexts.insert(context.name.to_owned(), changes);
    }
    let build_args = image.build_args.iter().filter(|(name, _)| !names_a_secret(name));
    Evidence {
        target: image.target.clone(),
        no_cache: image.no_cache,
        no_cache_stages: image.no_cache_filter.clone(),
        build_args: build_args.filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
        dockerfile,
        base_dockerfile,
        contexts,
        ..differences.map_or_else(|_| Evidence::default(), |differences| doubts(image, inputs, differences))
    }
}

/// The Dockerfile of now and that of then.
async fn dockerfiles(
    image: &Image,
    inputs: &Inputs<'_>,
    differences: Option<&Differences<'_>>,
) -> (Option<Dockerfile>, Option<Dockerfile>) {
    let text = match &image.dockerfile {
        DockerfileSource::Path(path) => fs::read_text(path, DOCKERFILE_LIMIT_BYTES).ok(),
        DockerfileSource::Inline(text) => Some(text.clone()),
        DockerfileSource::InRemoteContext(_) => None,
    };
    let parse = |text: Option<String>| text.and_then(|text| Dockerfile::parse(&text).ok());
    let dockerfile = parse(text);
    let base_dockerfile = match (&inputs.dockerfile, differences) {
        // What did not change needs not be asked for.
        (Some(DockerfileAt { file, .. }), Some(differences)) if differences.is_same(file) => dockerfile.clone(),
        (Some(DockerfileAt { file, .. }), Some(differences)) => parse(differences.text_of(file).await),
        _ => None,
    };
    (dockerfile, base_dockerfile)
}

/// What makes it doubtful that files which git does not list are what they were.
fn doubts(image: &Image, inputs: &Inputs<'_>, differences: &Differences<'_>) -> Evidence {
    let is_same = |at: &DockerfileAt| at.folder.is_direct && !at.folder.is_of_another && differences.is_same(&at.file);
    let is_as_it_seems = |place: &Place| place.is_direct && !differences.is_led_elsewhere(place);
    Evidence {
        is_same_dockerfile: match &image.dockerfile {
            DockerfileSource::Path(_) => inputs.dockerfile.as_ref().is_some_and(is_same),
            // Its text is a part of the configuration.
            DockerfileSource::Inline(_) => true,
            DockerfileSource::InRemoteContext(_) => false,
        },
        is_ignore_changed: inputs.ignore_files().any(|file| differences.is_changed(file)),
        has_links: !inputs.contexts.iter().all(|context| is_as_it_seems(&context.place)),
        ..Evidence::default()
    }
}
