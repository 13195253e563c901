//! The stores of a run, in the order in which they are asked. One that cannot be set up costs its report and no more.

use std::path::Path;

use anyhow::Result;

use super::session::Session;
use crate::baseline::{ArtifactStore, BranchStore, HistoryDirectory, OciStore, Part, Places, Store, places};
use crate::config::Config;
use crate::forge::artifact;
use crate::git::Git;
use crate::plan::cache::Situation;
use crate::registry::Repository;

/// Where a report may be: what is on this machine first, then what costs a request, then what costs a fetch.
pub(super) fn stores(
    session: &Session,
    config: &Config,
    situation: &Situation,
    report_key: &str,
    git: Option<&Git>,
    output_directory: &Path,
) -> Vec<Store> {
    let name = places_of(config, situation).artifact.map(|name| artifact::name_of(&name, report_key));
    let artifacts = name.and_then(|name| {
        let store = ArtifactStore::of(&session.env, &situation.context, &name);
        or_broken(format!("the artifacts named {name}"), store.map(|store| store.map(Store::Artifact)))
    });
    let shared = shared_stores(session, config, situation, report_key, git);
    [here(output_directory, report_key)].into_iter().chain(artifacts).chain(shared).collect()
}

/// The store on this machine.
pub(super) fn here(output_directory: &Path, report_key: &str) -> Store {
    Store::Directory(HistoryDirectory::below(output_directory).of(&Part::of(report_key)))
}

/// The stores that runs of what is merged write for others.
pub(super) fn shared_stores(
    session: &Session,
    config: &Config,
    situation: &Situation,
    report_key: &str,
    git: Option<&Git>,
) -> Vec<Store> {
    let (places, part) = (places_of(config, situation), Part::of(report_key));
    let repository = places.repository.and_then(|name| {
        let repository = Repository::new(&session.env, &name);
        let store = repository.map(|it| Store::Oci(OciStore::new(it, places.moving_tag.as_deref()).of(&part)));
        or_broken(format!("the registry, {name}"), store.map(Some))
    });
    let branch = places.branch.zip(git);
    let branch = branch.map(|(branch, git)| Store::Branch(BranchStore::new(git.clone(), &branch).of(&part)));
    repository.into_iter().chain(branch).collect()
}

fn places_of(config: &Config, situation: &Situation) -> Places {
    let is_logged_in = |host: &str| situation.credentials.cover(host);
    places(&config.baselines, &situation.context, situation.gitlab_repository.as_deref(), is_logged_in)
}

fn or_broken(name: String, store: Result<Option<Store>>) -> Option<Store> {
    store.unwrap_or_else(|error| Some(Store::Broken { name, reason: format!("{error:#}") }))
}
