//! The stores of a run, in the order in which they are asked.

use std::path::Path;

use anyhow::Result;

use super::session::Session;
use crate::baseline::{ArtifactStore, BranchStore, HistoryDirectory, OciStore, Part, Store, places};
use crate::config::Config;
use crate::forge::artifact;
use crate::git::Git;
use crate::plan::cache::Situation;
use crate::registry::Repository;

/// What is on this machine first, then what costs a request, then what costs a fetch.
///
/// # Errors
/// When a name of the configuration is none.
pub(super) fn stores(
    session: &Session,
    config: &Config,
    situation: &Situation,
    report_key: &str,
    git: Option<&Git>,
    output_directory: &Path,
) -> Result<Vec<Store>> {
    let is_logged_in = |host: &str| situation.credentials.cover(host);
    let repository = situation.gitlab_repository.as_deref();
    let places = places(&config.baselines, &situation.context, repository, is_logged_in);
    let part = Part::of(report_key);
    let mut stores = vec![Store::Directory(HistoryDirectory::below(output_directory).of(&part))];
    if let Some(name) = &places.artifact {
        let name = artifact::name_of(name, report_key);
        stores.extend(ArtifactStore::of(&session.env, &situation.context, &name)?.map(Store::Artifact));
    }
    if let Some(repository) = &places.repository {
        let repository = Repository::new(&session.env, repository)?;
        stores.push(Store::Oci(OciStore::new(repository, places.moving_tag.as_deref()).of(&part)));
    }
    if let (Some(branch), Some(git)) = (&places.branch, git) {
        stores.push(Store::Branch(BranchStore::new(git.clone(), branch).of(&part)));
    }
    Ok(stores)
}
