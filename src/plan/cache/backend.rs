//! Which stores a cell's cache is kept in, and why not in others.

use super::situation::Situation;
use super::{Delivery, Remark};
use crate::ci::{CacheToken, Event, Forge};
use crate::config::{Azblob, Backend, Cache, Image, S3};
use crate::plan::cache::Direction;
use crate::report::Severity;
use crate::version::{OLDEST_BUILDKIT_FOR_GHA, OLDEST_BUILDX_FOR_GHA};

/// Registries that take nothing from strangers, so that trying is a waste.
const PUBLIC_REGISTRIES: [&str; 7] =
    ["docker.io", "ghcr.io", "gcr.io", "quay.io", "registry.gitlab.com", "public.ecr.aws", "mcr.microsoft.com"];

/// A store with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) backend: Backend,
    pub(super) root: Root,
    /// Why it was chosen, where the user did not.
    pub(super) reason: Option<String>,
}

/// Where in a store the caches of all cells are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Root {
    /// The store needs no place.
    Whole,
    Repository(String),
    Directory(String),
    S3(S3),
    Azblob(Azblob),
    /// The images themselves, by tag.
    Tags(Vec<String>),
}

/// The stores of a cell, and what is left out.
pub(super) struct Resolution {
    pub(super) backends: Vec<Resolved>,
    pub(super) remarks: Vec<Remark>,
}

impl Resolved {
    /// Whether its entries tell branches apart. The Actions cache does so by the token, inline caches by the image.
    pub(super) fn tells_branches(&self) -> bool {
        !matches!(self.backend, Backend::Gha | Backend::Inline)
    }

    /// Why it is read, of a store that does not tell branches apart.
    pub(super) fn read_reason(&self, reason: &'static str) -> &'static str {
        match self.backend {
            Backend::Gha => "own, base and default branch, as the token allows",
            Backend::Inline => "in the image itself",
            _ => reason,
        }
    }
}

/// Decides which stores are used.
pub(super) fn resolve(image: &Image, cache: &Cache, delivery: &Delivery, situation: &Situation) -> Resolution {
    let mut remarks = Vec::new();
    let backends = match &cache.backends {
        Some(named) if named.is_empty() => {
            remarks.push(Remark::fine(Direction::Both, "cache.backend is none"));
            Vec::new()
        }
        Some(named) => {
            let tried = named.iter().map(|backend| named_backend(*backend, image, cache, delivery, situation));
            tried.filter_map(|tried| tried.map_err(|remark| remarks.push(remark)).ok()).collect()
        }
        None => auto(image, cache, delivery, situation, &mut remarks).into_iter().collect(),
    };
    Resolution { backends, remarks }
}

fn named_backend(
    backend: Backend,
    image: &Image,
    cache: &Cache,
    delivery: &Delivery,
    situation: &Situation,
) -> Result<Resolved, Remark> {
    let root = match backend {
        Backend::Gha => gha(situation).map(|()| Root::Whole)?,
        Backend::Registry => {
            let (repository, _) = repository(image, cache, delivery, situation).ok_or_else(|| {
                Remark::wrong(
                    Severity::Warning,
                    "type=registry was dropped: no repository is known for it",
                    "set cache.ref, such as ghcr.io/acme/shop/cache",
                )
            })?;
            registry(repository, situation)?
        }
        // The configuration insists on these where they are named.
        Backend::Local => Root::Directory(directory(cache).unwrap_or_default()),
        Backend::S3 => cache.s3.clone().map_or(Root::Whole, Root::S3),
        Backend::Azblob => cache.azblob.clone().map_or(Root::Whole, Root::Azblob),
        Backend::Inline if image.tags.is_empty() => {
            return Err(Remark::wrong(
                Severity::Warning,
                "type=inline was dropped: the image has no tag to be found under",
                "add `tags:` to the image",
            ));
        }
        Backend::Inline => Root::Tags(image.tags.clone()),
    };
    Ok(Resolved { backend, root, reason: None })
}

/// What fits the surroundings: at most one store.
fn auto(
    image: &Image,
    cache: &Cache,
    delivery: &Delivery,
    situation: &Situation,
    remarks: &mut Vec<Remark>,
) -> Option<Resolved> {
    let chosen = |backend, root, reason: &str| Some(Resolved { backend, root, reason: Some(reason.to_owned()) });
    if situation.context.event == Event::Local {
        let reason = "the builder keeps its own cache here, and an export would only cost time";
        remarks.push(Remark::fine(Direction::Both, reason));
        return None;
    }
    if situation.context.forge == Forge::Github {
        match gha(situation) {
            Ok(()) => return chosen(Backend::Gha, Root::Whole, "on GitHub Actions"),
            Err(remark) => remarks.push(remark),
        }
    }
    let found = match repository(image, cache, delivery, situation) {
        Some((repository, reason)) => match registry(repository, situation) {
            Ok(root) => chosen(Backend::Registry, root, reason),
            Err(remark) => {
                remarks.push(remark);
                None
            }
        },
        None => None,
    };
    let found = found.or_else(|| chosen(Backend::Local, Root::Directory(directory(cache)?), "in cache.directory"));
    if found.is_some() {
        // The next best is as good as the best where nobody asked for it.
        remarks.iter_mut().for_each(|remark| remark.severity = None);
        return found;
    }
    if remarks.is_empty() {
        // A builder may outlive the job, so nothing need be wrong.
        remarks.push(Remark::wrong(
            Severity::Notice,
            "no place for a cache is known here",
            "set cache.ref to a repository, or cache.directory to a directory that outlives the job",
        ));
    }
    None
}

/// Whether the Actions cache can be used. buildx drops it without a word where it lacks token or address, and BuildKit
/// fails a build whose token it cannot read.
pub(super) fn gha(situation: &Situation) -> Result<(), Remark> {
    let actions = &situation.actions;
    let dropped =
        |reason: &str, fix: &str| Err(Remark::wrong(Severity::Warning, format!("type=gha was dropped: {reason}"), fix));
    const ELSEWHERE: &str = "run weighbridge as an action or use a registry cache";
    match &actions.token {
        CacheToken::Absent => return dropped("no ACTIONS_RUNTIME_TOKEN", ELSEWHERE),
        CacheToken::Expired => {
            return dropped("ACTIONS_RUNTIME_TOKEN has expired", "use a registry cache for jobs this long");
        }
        CacheToken::Unreadable(reason) => {
            return dropped(&format!("ACTIONS_RUNTIME_TOKEN cannot be read, as {reason}"), ELSEWHERE);
        }
        CacheToken::Scopes(_) => {}
    }
    if actions.is_enterprise_server {
        let fix = "use a registry cache";
        return if actions.has_cache_url { Ok(()) } else { dropped("no ACTIONS_CACHE_URL on this server", fix) };
    }
    if !actions.has_results_url {
        return dropped("no ACTIONS_RESULTS_URL", ELSEWHERE);
    }
    let needs = [
        ("buildx", situation.features.buildx, OLDEST_BUILDX_FOR_GHA),
        ("BuildKit", situation.features.buildkit, OLDEST_BUILDKIT_FOR_GHA),
    ];
    for (tool, version, oldest) in needs {
        if let Some(version) = version.filter(|version| *version < oldest) {
            let reason = format!("{tool} {version} only speaks to the cache service that GitHub has shut down");
            return dropped(&reason, &format!("update {tool} to {oldest} or later"));
        }
    }
    Ok(())
}

/// The repository of the registry cache and how it was found.
fn repository(
    image: &Image,
    cache: &Cache,
    delivery: &Delivery,
    situation: &Situation,
) -> Option<(String, &'static str)> {
    if let Some(repository) = &cache.repository {
        return Some((repository.clone(), "in cache.ref"));
    }
    if let Some(repository) = &situation.gitlab_repository {
        return Some((format!("{repository}/cache"), "in the project's registry"));
    }
    let pushes = |spec: &String| spec.starts_with("type=registry") || spec.contains("push=true");
    let is_pushed = delivery.push || image.outputs.iter().chain(&delivery.outputs).any(pushes);
    let tag = image.tags.first().filter(|_| is_pushed)?;
    Some((without_tag(tag).to_owned(), "beside the pushed image"))
}

fn without_tag(reference: &str) -> &str {
    let reference = reference.split('@').next().unwrap_or(reference);
    reference.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(reference, |(name, _)| name)
}

fn registry(repository: String, situation: &Situation) -> Result<Root, Remark> {
    let host = host(&repository);
    if PUBLIC_REGISTRIES.contains(&host)
        && !situation.credentials.cover(host)
        && situation.context.restriction.is_none()
    {
        return Err(Remark::wrong(
            Severity::Warning,
            format!("type=registry was dropped: there are no credentials for {host}"),
            format!("log in first (`docker login {host}`, or an action that does)"),
        ));
    }
    Ok(Root::Repository(repository))
}

/// The registry of a reference: its first part if that looks like a host, else Docker Hub (distribution/reference).
pub(super) fn host(reference: &str) -> &str {
    let first = reference.split('/').next().unwrap_or_default();
    let is_host = reference.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    if is_host { first } else { "docker.io" }
}

fn directory(cache: &Cache) -> Option<String> {
    cache.directory.as_ref().map(|directory| directory.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_host_and_may_have_a_tag() {
        for (reference, registry, name) in [
            ("ghcr.io/acme/orders:1", "ghcr.io", "ghcr.io/acme/orders"),
            ("127.0.0.1:5000/x", "127.0.0.1:5000", "127.0.0.1:5000/x"),
            ("localhost/x:1@sha256:00", "localhost", "localhost/x"),
            ("acme/orders:1", "docker.io", "acme/orders"),
            ("orders:1", "docker.io", "orders"),
        ] {
            assert_eq!((host(reference), without_tag(reference)), (registry, name), "{reference}");
        }
    }
}
