//! Who may read and write a cache, and which branches' caches: the part of the decision that no store changes.

use super::situation::{ActionsCacheMode, Purpose, Situation};
use crate::ci::{CacheToken, Event, Forge, Restriction};
use crate::config::{Backend, Cache, PullRequests};

/// What a run may do with caches. Each side holds its reason, as a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Whether it may read.
    pub read: Result<&'static str, String>,
    /// Whether it may write, and the branch that it would write.
    pub write: Result<(String, String), String>,
    /// Whether it is forbidden to write even what the user wrote down in so many words.
    forbidden: Option<String>,
    /// Whether it is started in CI: a person does not write what others share.
    is_local: bool,
    /// The branches that it reads.
    pub branches: Branches,
}

/// The branches whose caches a run reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Branches {
    /// Its own.
    pub own: Option<String>,
    /// The one that it is to be merged into.
    pub target: Option<String>,
    /// The default one.
    pub default: Option<String>,
}

impl Branches {
    /// Own, target, default, each once, with the reason as a phrase.
    #[must_use]
    pub fn to_read(&self) -> Vec<(&str, &'static str)> {
        let mut branches: Vec<(&str, &'static str)> = Vec::new();
        let all = [(&self.own, "own branch"), (&self.target, "base branch"), (&self.default, "default branch")];
        for (branch, reason) in all {
            if let Some(branch) = branch.as_deref()
                && branches.iter().all(|(known, _)| *known != branch)
            {
                branches.push((branch, reason));
            }
        }
        branches
    }
}

/// What a run may do with caches.
#[must_use]
pub fn rights(cache: &Cache, situation: &Situation) -> Rights {
    let context = &situation.context;
    let branches = Branches {
        own: context.reference.clone().filter(|_| !matches!(context.event, Event::Tag | Event::MergeQueue)),
        target: context.target_branch.clone(),
        default: context.default_branch.clone(),
    };
    let forbidden = forbidden(situation);
    let write = match &forbidden {
        Some(reason) => Err(reason.clone()),
        None => write(cache, situation, &branches),
    };
    Rights { read: read(cache, situation), write, forbidden, is_local: context.event == Event::Local, branches }
}

fn read(cache: &Cache, situation: &Situation) -> Result<&'static str, String> {
    match situation.actions.mode {
        Some(ActionsCacheMode::None) => return Err("ACTIONS_CACHE_MODE=none".to_owned()),
        Some(ActionsCacheMode::WriteOnly) => return Err("write only: ACTIONS_CACHE_MODE=write-only".to_owned()),
        Some(ActionsCacheMode::Read | ActionsCacheMode::Write) | None => {}
    }
    match situation.context.event {
        Event::ChangeRequest if cache.pull_requests == PullRequests::None => {
            Err("cache.pull_requests is none".to_owned())
        }
        _ => Ok("own, base and default branch"),
    }
}

/// Why nothing may be written whatever the user says.
fn forbidden(situation: &Situation) -> Option<String> {
    if situation.purpose == Purpose::Base {
        return Some("read only: the base is weighed, not delivered".to_owned());
    }
    match situation.actions.mode {
        Some(ActionsCacheMode::None) => return Some("ACTIONS_CACHE_MODE=none".to_owned()),
        Some(ActionsCacheMode::Read) => return Some("read only: ACTIONS_CACHE_MODE=read".to_owned()),
        Some(ActionsCacheMode::Write | ActionsCacheMode::WriteOnly) | None => {}
    }
    let request = request_noun(situation.context.forge);
    situation.context.restriction.as_ref().map(|restriction| match restriction {
        Restriction::Fork => format!("read only: {request} from a fork"),
        Restriction::Dependabot => format!("read only: {request} by Dependabot"),
        Restriction::LowTrust(event) => format!("read only: outsiders can cause {event}"),
        Restriction::Unknown(reason) => format!("read only: this may be a fork ({reason})"),
    })
}

/// The branch that may be written and why, or why none.
fn write(cache: &Cache, situation: &Situation, branches: &Branches) -> Result<(String, String), String> {
    let context = &situation.context;
    match context.event {
        Event::Tag => return Err("read only: a tag is built once".to_owned()),
        Event::MergeQueue => return Err("read only: the branch of a merge queue is gone afterwards".to_owned()),
        Event::ChangeRequest => return write_of_change_request(cache, situation, branches),
        Event::Push | Event::Schedule | Event::Local => {}
    }
    let Some(own) = &branches.own else { return Err("read only: the branch is not known".to_owned()) };
    let reason = match &branches.default {
        Some(default) if default == own => "default branch".to_owned(),
        _ if context.is_protected => "protected branch".to_owned(),
        _ if is_listed(cache, own) => "listed in cache.branches".to_owned(),
        None => "the default branch is not known".to_owned(),
        Some(_) if context.event == Event::Local => "own branch".to_owned(),
        Some(_) => {
            return Err(format!("read only: {own} is neither the default branch nor protected nor in cache.branches"));
        }
    };
    Ok((own.clone(), reason))
}

fn write_of_change_request(
    cache: &Cache,
    situation: &Situation,
    branches: &Branches,
) -> Result<(String, String), String> {
    let request = request_noun(situation.context.forge);
    match (cache.pull_requests, &branches.own) {
        (PullRequests::None, _) => Err("cache.pull_requests is none".to_owned()),
        (PullRequests::Read, _) => Err(format!("read only: {request}")),
        (PullRequests::Write, None) => Err("read only: the branch is not known".to_owned()),
        // It would put a merge that is only tried where others look for what was merged.
        (PullRequests::Write, Some(own))
            if [&branches.target, &branches.default].contains(&&branches.own) || is_listed(cache, own) =>
        {
            Err(format!("read only: a {request} does not write {own}, which others build on"))
        }
        (PullRequests::Write, Some(own)) => Ok((own.clone(), "cache.pull_requests is write".to_owned())),
    }
}

impl Rights {
    /// The branch that may be written in a store and why, or why none.
    pub(super) fn write_to(&self, backend: Backend, situation: &Situation) -> Result<(&str, String), String> {
        let (branch, reason) = self.write.as_ref().map_err(Clone::clone)?;
        match backend {
            Backend::Local => {}
            _ if self.is_local => return Err("read only: not in CI".to_owned()),
            _ if backend != Backend::Inline && situation.features.can_export_cache == Some(false) => {
                return Err("this builder cannot export a cache".to_owned());
            }
            Backend::Gha => match &situation.actions.token {
                CacheToken::Scopes(_) if situation.actions.token.can_write() == Some(false) => {
                    return Err("no cache-to: the token has no writable scope".to_owned());
                }
                _ => {}
            },
            _ => {}
        }
        Ok((branch, reason.clone()))
    }

    /// Whether what the user wrote down may be read.
    pub(super) fn may_read_own(&self) -> Result<(), String> {
        self.read.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Whether what the user wrote down may be written.
    pub(super) fn may_write_own(&self) -> Result<(), String> {
        self.forbidden.clone().map_or(Ok(()), Err)
    }
}

fn request_noun(forge: Forge) -> &'static str {
    if forge == Forge::Gitlab { "merge request" } else { "pull request" }
}

/// Whether a branch matches one of the configured patterns, in which `*` is any text.
fn is_listed(cache: &Cache, branch: &str) -> bool {
    cache.branches.iter().any(|pattern| matches(pattern, branch))
}

fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    rest.char_indices()
        .map(|(at, _)| at)
        .chain([rest.len()])
        .any(|at| rest.get(at..).is_some_and(|rest| matches(after, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, yes, no) in [
            ("main", &["main"][..], &["mainly", "", "Main"][..]),
            ("release/*", &["release/1", "release/", "release/1/2"], &["release", "a/release/1"]),
            ("*-stable", &["a-stable", "-stable"], &["stable", "a-stable-b"]),
            ("v*.*", &["v1.2", "v."], &["v1"]),
            ("*", &["", "é"], &[]),
        ] {
            assert!(yes.iter().all(|text| matches(pattern, text)), "{pattern}");
            assert!(!no.iter().any(|text| matches(pattern, text)), "{pattern}");
        }
    }

    #[test]
    fn every_branch_is_read_once() {
        let name = |text: &str| Some(text.to_owned());
        let read = |own, target, default| {
            let branches = Branches { own, target, default };
            branches.to_read().into_iter().map(|(branch, _)| branch.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(read(name("topic"), name("release"), name("main")), ["topic", "release", "main"]);
        assert_eq!(read(name("main"), None, name("main")), ["main"]);
        assert_eq!(read(name("topic"), name("main"), name("main")), ["topic", "main"]);
        assert_eq!(read(None, None, None), [""; 0]);
    }
}
