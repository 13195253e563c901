//! The decisions as a table: each row reads as a sentence about one situation. `docs/cache.md` shows some of them, and a
//! test holds them against this table.

use proptest::prelude::*;

use super::*;
use crate::ci::{About, CacheToken, Checkout, Context, Forge, Restriction, Scope};
use crate::config::{Azblob, PullRequests, S3};
use crate::plan::tests::image;
use crate::version::Version;

/// A person at a terminal, on the branch `topic`.
pub(in crate::plan) fn laptop() -> Situation {
    Situation {
        context: Context {
            forge: Forge::Local,
            is_ci: false,
            event: Event::Local,
            restriction: None,
            change_request: None,
            run: None,
            sha: None,
            reference: Some("topic".into()),
            is_protected: false,
            checkout: Checkout::Commit,
            target_branch: None,
            default_branch: Some("main".into()),
            merge_base: None,
            about: About::default(),
        },
        actions: Actions::absent(),
        gitlab_repository: None,
        features: Features::default(),
        credentials: Credentials { hosts: ["ghcr.io".to_owned()].into(), has_store: false },
        project: String::new(),
        purpose: Purpose::Head,
    }
}

type Edit<T> = fn(&mut T);

/// Another CI system.
fn ci(event: Event, branch: &str) -> Situation {
    let mut situation = laptop();
    situation.context = Context { is_ci: true, event, reference: Some(branch.into()), ..situation.context };
    situation
}

fn github(event: Event, branch: &str) -> Situation {
    let mut situation = ci(event, branch);
    situation.context.forge = Forge::Github;
    let scope = Scope { name: format!("refs/heads/{branch}"), can_read: true, can_write: true };
    situation.actions = Actions { token: CacheToken::Scopes(vec![scope]), has_results_url: true, ..Actions::absent() };
    situation
}

fn gitlab(event: Event, branch: &str) -> Situation {
    let mut situation = ci(event, branch);
    situation.context.forge = Forge::Gitlab;
    situation.gitlab_repository = Some("registry.acme.test/shop".into());
    situation
}

fn pull_request() -> Situation {
    let mut situation = github(Event::ChangeRequest, "topic");
    situation.context.target_branch = Some("release".into());
    situation
}

fn merge_request() -> Situation {
    let mut situation = gitlab(Event::ChangeRequest, "topic");
    situation.context.target_branch = Some("release".into());
    situation
}

fn with(mut situation: Situation, edit: Edit<Situation>) -> Situation {
    edit(&mut situation);
    situation
}

fn fork(situation: Situation) -> Situation {
    with(situation, |it| it.context.restriction = Some(Restriction::Fork))
}

fn read_only_token(situation: Situation) -> Situation {
    with(situation, |it| {
        let scope = Scope { name: "refs/heads/main".into(), can_read: true, can_write: false };
        it.actions.token = CacheToken::Scopes(vec![scope]);
    })
}

fn mode(situation: Situation, mode: ActionsCacheMode) -> Situation {
    let actions = Actions { mode: Some(mode), ..situation.actions };
    Situation { actions, ..situation }
}

fn versions(situation: Situation, buildx: &str, buildkit: &str) -> Situation {
    let features =
        Features { buildx: Version::parse(buildx), buildkit: Version::parse(buildkit), ..situation.features };
    Situation { features, ..situation }
}

fn cannot_export(situation: Situation) -> Situation {
    with(situation, |it| it.features.can_export_cache = Some(false))
}

const AUTO: Edit<Cache> = |_| {};
const REGISTRY: Edit<Cache> = |it| {
    it.backends = Some(vec![Backend::Registry]);
    it.repository = Some("ghcr.io/acme/cache".into());
};
const GHA: Edit<Cache> = |it| it.backends = Some(vec![Backend::Gha]);
const LOCAL: Edit<Cache> = |it| {
    it.backends = Some(vec![Backend::Local]);
    it.directory = Some("/cache".into());
};
const WRITING: Edit<Cache> = |it| it.pull_requests = PullRequests::Write;
const NOTHING_FOR_REQUESTS: Edit<Cache> = |it| it.pull_requests = PullRequests::None;
const RAW: Edit<Cache> = |it| (it.from, it.to) = (vec!["type=s3,x=1".into()], vec!["type=s3,x=2".into()]);

/// What is decided for one image on linux/amd64: what is read, what is written and why, what is left out.
fn say(plan: &CachePlan) -> String {
    let place = |entry: &Entry| {
        let backend = entry.backend.map_or("?", Backend::name);
        entry.branch.as_ref().map_or(backend.to_owned(), |branch| format!("{backend}:{branch}"))
    };
    let from: Vec<String> = plan.from.iter().map(place).collect();
    let to: Vec<String> = plan.to.iter().map(|entry| format!("{} ({})", place(entry), entry.reason)).collect();
    let list = |list: Vec<String>| if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
    let remark = |remark: &Remark| {
        let severity = remark.severity.map_or(String::new(), |severity| format!("{severity:?}: "));
        format!("; {severity}{}", remark.reason)
    };
    let remarks: String = plan.remarks.iter().map(remark).collect();
    format!("reads {}; writes {}{remarks}", list(from), list(to))
}

fn decided(situation: &Situation, edit: Edit<Cache>) -> CachePlan {
    let mut cache = Cache::default();
    edit(&mut cache);
    decided_with(situation, &cache)
}

fn decided_with(situation: &Situation, cache: &Cache) -> CachePlan {
    let id = CellId { image: "orders".into(), platform: "linux/amd64".parse().unwrap() };
    decide(&id, &Image { tags: Vec::new(), ..image("orders", &[]) }, cache, &Delivery::default(), situation)
}

type Row = (&'static str, Situation, Edit<Cache>, &'static str);

#[rustfmt::skip]
fn events() -> Vec<Row> {
    use Event::*;
    vec![
        ("GitHub, push to main", github(Push, "main"), AUTO, "reads gha; writes gha (default branch, on GitHub Actions)"),
        ("GitHub, push to a protected branch", with(github(Push, "release"), |it| it.context.is_protected = true), AUTO, "reads gha; writes gha (protected branch, on GitHub Actions)"),
        ("GitHub, push to another branch", github(Push, "topic"), AUTO, "reads gha; writes nothing; read only: topic is neither the default branch nor protected nor in cache.branches"),
        ("GitHub, push to a branch in cache.branches", github(Push, "release/1"), |it| it.branches = vec!["release/*".into()], "reads gha; writes gha (listed in cache.branches, on GitHub Actions)"),
        ("GitHub, push to a branch while the default branch is not known", with(github(Push, "topic"), |it| it.context.default_branch = None), AUTO, "reads gha; writes gha (the default branch is not known, on GitHub Actions)"),
        ("GitHub, push while no branch is known", with(github(Push, "x"), |it| it.context.reference = None), AUTO, "reads gha; writes nothing; read only: the branch is not known"),
        ("GitHub, schedule on main", github(Schedule, "main"), AUTO, "reads gha; writes gha (default branch, on GitHub Actions)"),
        ("GitHub, pull request", pull_request(), AUTO, "reads gha; writes nothing; read only: pull request"),
        ("GitHub, pull request, pull_requests: write", pull_request(), WRITING, "reads gha; writes gha (cache.pull_requests is write, on GitHub Actions)"),
        ("GitHub, pull request, pull_requests: none", pull_request(), NOTHING_FOR_REQUESTS, "reads nothing; writes nothing; cache.pull_requests is none"),
        ("GitHub, pull request from a fork", fork(pull_request()), AUTO, "reads gha; writes nothing; read only: pull request from a fork"),
        ("GitHub, pull request from a fork, pull_requests: write", fork(pull_request()), WRITING, "reads gha; writes nothing; read only: pull request from a fork"),
        ("GitHub, pull request by Dependabot, pull_requests: write", with(pull_request(), |it| it.context.restriction = Some(Restriction::Dependabot)), WRITING, "reads gha; writes nothing; read only: pull request by Dependabot"),
        ("GitHub, pull request whose payload cannot be read", with(pull_request(), |it| it.context.restriction = Some(Restriction::Unknown("no payload".into()))), WRITING, "reads gha; writes nothing; read only: this may be a fork (no payload)"),
        ("GitHub, pull request from main to release, pull_requests: write", with(pull_request(), |it| it.context.reference = Some("main".into())), WRITING, "reads gha; writes nothing; read only: a pull request does not write main, which others build on"),
        ("GitHub, pull_request_target", with(github(Push, "main"), |it| { it.context.restriction = Some(Restriction::LowTrust("pull_request_target".into())) }), AUTO, "reads gha; writes nothing; read only: outsiders can cause pull_request_target"),
        ("GitHub, merge queue", with(github(MergeQueue, "gh-readonly-queue/main/pr-7"), |it| { it.context.target_branch = Some("main".into()) }), AUTO, "reads gha; writes nothing; read only: the branch of a merge queue is gone afterwards"),
        ("GitHub, tag", github(Tag, "v1"), AUTO, "reads gha; writes nothing; read only: a tag is built once"),
        ("GitLab, push to main", gitlab(Push, "main"), AUTO, "reads registry:main; writes registry:main (default branch, in the project's registry)"),
        ("GitLab, push to another branch", gitlab(Push, "topic"), AUTO, "reads registry:topic, registry:main; writes nothing; read only: topic is neither the default branch nor protected nor in cache.branches"),
        ("GitLab, schedule on main", gitlab(Schedule, "main"), AUTO, "reads registry:main; writes registry:main (default branch, in the project's registry)"),
        ("GitLab, merge request", merge_request(), AUTO, "reads registry:topic, registry:release, registry:main; writes nothing; read only: merge request"),
        ("GitLab, merge request, pull_requests: write", merge_request(), WRITING, "reads registry:topic, registry:release, registry:main; writes registry:topic (cache.pull_requests is write, in the project's registry)"),
        ("GitLab, merge request, pull_requests: none", merge_request(), NOTHING_FOR_REQUESTS, "reads nothing; writes nothing; cache.pull_requests is none"),
        ("GitLab, merge request from a fork, pull_requests: write", fork(merge_request()), WRITING, "reads registry:topic, registry:release, registry:main; writes nothing; read only: merge request from a fork"),
        ("GitLab, merge train", with(gitlab(MergeQueue, "topic"), |it| it.context.target_branch = Some("main".into())), AUTO, "reads registry:main; writes nothing; read only: the branch of a merge queue is gone afterwards"),
        ("GitLab, tag", gitlab(Tag, "v1"), AUTO, "reads registry:main; writes nothing; read only: a tag is built once"),
        ("another CI, push to main", ci(Push, "main"), AUTO, "reads nothing; writes nothing; Notice: no place for a cache is known here"),
        ("another CI, push to main, with a directory", ci(Push, "main"), |it| it.directory = Some("/cache".into()), "reads local:main; writes local:main (default branch, in cache.directory)"),
        ("another CI, push to another branch, with a directory", ci(Push, "topic"), |it| it.directory = Some("/cache".into()), "reads local:topic, local:main; writes nothing; read only: topic is neither the default branch nor protected nor in cache.branches"),
        ("another CI, push to main, with a ref", ci(Push, "main"), |it| it.repository = Some("ghcr.io/acme/cache".into()), "reads registry:main; writes registry:main (default branch, in cache.ref)"),
        ("a laptop", laptop(), AUTO, "reads nothing; writes nothing; the builder keeps its own cache here, and an export would only cost time"),
        ("a laptop, with a ref", laptop(), |it| it.repository = Some("ghcr.io/acme/cache".into()), "reads nothing; writes nothing; the builder keeps its own cache here, and an export would only cost time"),
    ]
}

#[rustfmt::skip]
fn actions_cache() -> Vec<Row> {
    use ActionsCacheMode::*;
    use Event::*;
    let main = || github(Push, "main");
    vec![
        ("GitHub, push to main, cache-mode: write", mode(main(), Write), AUTO, "reads gha; writes gha (default branch, on GitHub Actions)"),
        ("GitHub, push to main, cache-mode: read", mode(main(), Read), AUTO, "reads gha; writes nothing; read only: ACTIONS_CACHE_MODE=read"),
        ("GitHub, push to main, cache-mode: write-only", mode(main(), WriteOnly), AUTO, "reads nothing; writes gha (default branch, on GitHub Actions); write only: ACTIONS_CACHE_MODE=write-only"),
        ("GitHub, push to main, cache-mode: none", mode(main(), None), AUTO, "reads nothing; writes nothing; ACTIONS_CACHE_MODE=none"),
        ("GitHub, pull request, cache-mode: write-only", mode(pull_request(), WriteOnly), AUTO, "reads nothing; writes nothing; write only: ACTIONS_CACHE_MODE=write-only; read only: pull request"),
        ("GitHub, pull request, cache-mode: read, pull_requests: write", mode(pull_request(), Read), WRITING, "reads gha; writes nothing; read only: ACTIONS_CACHE_MODE=read"),
        ("GitHub, fork, cache-mode: write, pull_requests: write", fork(mode(pull_request(), Write)), WRITING, "reads gha; writes nothing; read only: pull request from a fork"),
        ("GitHub, push to main, cache-mode: read, registry", mode(main(), Read), REGISTRY, "reads registry:main; writes nothing; read only: ACTIONS_CACHE_MODE=read"),
        ("GitHub, push to main, cache-mode: none, registry", mode(main(), None), REGISTRY, "reads nothing; writes nothing; ACTIONS_CACHE_MODE=none"),
        ("GitHub, push to main, the token may only read", read_only_token(main()), AUTO, "reads gha; writes nothing; no cache-to: the token has no writable scope"),
        ("GitHub, push to main, the token may only read, registry", read_only_token(main()), REGISTRY, "reads registry:main; writes registry:main (default branch)"),
        ("GitHub, push to main, no token", with(main(), |it| it.actions.token = CacheToken::Absent), AUTO, "reads nothing; writes nothing; Warning: type=gha was dropped: no ACTIONS_RUNTIME_TOKEN"),
        ("GitHub, push to main, no token, with a ref", with(main(), |it| it.actions.token = CacheToken::Absent), |it| it.repository = Some("ghcr.io/acme/cache".into()), "reads registry:main; writes registry:main (default branch, in cache.ref); type=gha was dropped: no ACTIONS_RUNTIME_TOKEN"),
        ("GitHub, push to main, no token, gha", with(main(), |it| it.actions.token = CacheToken::Absent), GHA, "reads nothing; writes nothing; Warning: type=gha was dropped: no ACTIONS_RUNTIME_TOKEN"),
        ("GitHub, push to main, no results URL", with(main(), |it| it.actions.has_results_url = false), AUTO, "reads nothing; writes nothing; Warning: type=gha was dropped: no ACTIONS_RESULTS_URL"),
        ("GitHub, push to main, expired token", with(main(), |it| it.actions.token = CacheToken::Expired), AUTO, "reads nothing; writes nothing; Warning: type=gha was dropped: ACTIONS_RUNTIME_TOKEN has expired"),
        ("GitHub, push to main, garbage for a token", with(main(), |it| it.actions.token = CacheToken::Unreadable("it is no JSON Web Token")), AUTO, "reads nothing; writes nothing; Warning: type=gha was dropped: ACTIONS_RUNTIME_TOKEN cannot be read, as it is no JSON Web Token"),
        ("GitHub, push to main, buildx 0.20", versions(main(), "0.20.1", "0.26.0"), AUTO, "reads nothing; writes nothing; Warning: type=gha was dropped: buildx 0.20.1 only speaks to the cache service that GitHub has shut down"),
        ("GitHub, push to main, buildx 0.21", versions(main(), "0.21.0", "0.20.0"), AUTO, "reads gha; writes gha (default branch, on GitHub Actions)"),
        ("GitHub, push to main, BuildKit 0.19", versions(main(), "0.29.0", "0.19.0"), AUTO, "reads nothing; writes nothing; Warning: type=gha was dropped: BuildKit 0.19.0 only speaks to the cache service that GitHub has shut down"),
        ("GitHub, push to main, unknown versions", versions(main(), "v0.0.0+unknown", "v0.0.0+unknown"), AUTO, "reads gha; writes gha (default branch, on GitHub Actions)"),
        ("GitHub Enterprise Server, push to main", with(main(), |it| { (it.actions.is_enterprise_server, it.actions.has_cache_url, it.actions.has_results_url) = (true, true, false) }), AUTO, "reads gha; writes gha (default branch, on GitHub Actions)"),
        ("GitHub Enterprise Server, push to main, no cache URL", with(main(), |it| it.actions.is_enterprise_server = true), AUTO, "reads nothing; writes nothing; Warning: type=gha was dropped: no ACTIONS_CACHE_URL on this server"),
        ("GitHub, push to main, a builder that cannot export", cannot_export(main()), AUTO, "reads gha; writes nothing; this builder cannot export a cache"),
        ("GitLab, push to main, gha", gitlab(Push, "main"), GHA, "reads nothing; writes nothing; Warning: type=gha was dropped: no ACTIONS_RUNTIME_TOKEN"),
        ("a laptop, gha", laptop(), GHA, "reads nothing; writes nothing; type=gha was dropped: no ACTIONS_RUNTIME_TOKEN"),
    ]
}

#[rustfmt::skip]
fn stores() -> Vec<Row> {
    use Event::*;
    let main = || ci(Push, "main");
    vec![
        ("GitHub, push to main, registry", github(Push, "main"), REGISTRY, "reads registry:main; writes registry:main (default branch)"),
        ("GitHub, pull request, registry", pull_request(), REGISTRY, "reads registry:topic, registry:release, registry:main; writes nothing; read only: pull request"),
        ("GitHub, fork, registry", fork(pull_request()), REGISTRY, "reads registry:topic, registry:release, registry:main; writes nothing; read only: pull request from a fork"),
        ("GitHub, merge queue, registry", with(github(MergeQueue, "q"), |it| it.context.target_branch = Some("main".into())), REGISTRY, "reads registry:main; writes nothing; read only: the branch of a merge queue is gone afterwards"),
        ("GitHub, tag, registry", github(Tag, "v1"), REGISTRY, "reads registry:main; writes nothing; read only: a tag is built once"),
        ("GitHub, push to main, registry without credentials", with(github(Push, "main"), |it| it.credentials = Credentials::default()), REGISTRY, "reads nothing; writes nothing; Warning: type=registry was dropped: there are no credentials for ghcr.io"),
        ("GitHub, push to main, registry with a credential helper", with(github(Push, "main"), |it| it.credentials = Credentials { has_store: true, ..Credentials::default() }), REGISTRY, "reads registry:main; writes registry:main (default branch)"),
        ("GitHub, fork, registry without credentials", with(fork(pull_request()), |it| it.credentials = Credentials::default()), REGISTRY, "reads registry:topic, registry:release, registry:main; writes nothing; read only: pull request from a fork"),
        ("another CI, push to main, a registry of its own without credentials", with(main(), |it| it.credentials = Credentials::default()), |it| { it.backends = Some(vec![Backend::Registry]); it.repository = Some("registry.acme.test/cache".into()); }, "reads registry:main; writes registry:main (default branch)"),
        ("another CI, push to main, registry without a ref", main(), |it| it.backends = Some(vec![Backend::Registry]), "reads nothing; writes nothing; Warning: type=registry was dropped: no repository is known for it"),
        ("another CI, push to main, registry, a builder that cannot export", cannot_export(main()), REGISTRY, "reads registry:main; writes nothing; this builder cannot export a cache"),
        ("another CI, push to main, local", main(), LOCAL, "reads local:main; writes local:main (default branch)"),
        ("a laptop, local", laptop(), LOCAL, "reads local:topic, local:main; writes local:topic (own branch)"),
        ("a laptop, registry", laptop(), REGISTRY, "reads registry:topic, registry:main; writes nothing; read only: not in CI"),
        ("another CI, push to main, inline without a tag", main(), |it| it.backends = Some(vec![Backend::Inline]), "reads nothing; writes nothing; Warning: type=inline was dropped: the image has no tag to be found under"),
        ("another CI, push to main, s3", main(), |it| { it.backends = Some(vec![Backend::S3]); it.s3 = Some(S3 { bucket: "b".into(), region: "r".into(), endpoint_url: None, prefix: None }); }, "reads s3:main; writes s3:main (default branch)"),
        ("another CI, push to main, azblob", main(), |it| { it.backends = Some(vec![Backend::Azblob]); it.azblob = Some(Azblob { account_url: "u".into(), container: "c".into(), prefix: None }); }, "reads azblob:main; writes azblob:main (default branch)"),
        ("GitHub, push to main, gha and registry", github(Push, "main"), |it| { REGISTRY(it); it.backends = Some(vec![Backend::Gha, Backend::Registry]); }, "reads gha, registry:main; writes gha (default branch), registry:main (default branch)"),
        ("GitHub, pull request, registry and local", pull_request(), |it| { REGISTRY(it); LOCAL(it); it.backends = Some(vec![Backend::Registry, Backend::Local]); }, "reads registry:topic, registry:release, registry:main, local:topic, local:release, local:main; writes nothing; read only: pull request"),
        ("GitHub, push to main, none", github(Push, "main"), |it| it.backends = Some(Vec::new()), "reads nothing; writes nothing; cache.backend is none"),
        ("GitHub, push to main, entries added", github(Push, "main"), RAW, "reads gha, s3; writes gha (default branch, on GitHub Actions), s3 (cache.to)"),
        ("GitHub, push to main, entries instead", github(Push, "main"), |it| { RAW(it); it.replace = true; }, "reads s3; writes s3 (cache.to); cache.replace: `from` and `to` stand alone"),
        ("GitHub, pull request, entries instead", pull_request(), |it| { RAW(it); it.replace = true; }, "reads s3; writes s3 (cache.to); cache.replace: `from` and `to` stand alone"),
        ("GitHub, fork, entries instead", fork(pull_request()), |it| { RAW(it); it.replace = true; }, "reads s3; writes nothing; cache.replace: `from` and `to` stand alone; read only: pull request from a fork"),
        ("GitHub, push to main, cache-mode: none, entries instead", mode(github(Push, "main"), ActionsCacheMode::None), |it| { RAW(it); it.replace = true; }, "reads nothing; writes nothing; cache.replace: `from` and `to` stand alone; ACTIONS_CACHE_MODE=none"),
        ("GitHub, push to main, no token, gha in entries instead", with(github(Push, "main"), |it| it.actions.token = CacheToken::Absent), |it| { it.from = vec!["type=gha".into()]; it.replace = true; }, "reads nothing; writes nothing; cache.replace: `from` and `to` stand alone; Warning: type=gha was dropped: no ACTIONS_RUNTIME_TOKEN"),
        ("the base commit of a push to main", github(Push, "main").for_base(), AUTO, "reads gha; writes nothing; read only: the base is weighed, not delivered"),
        ("the base commit of a pull request, registry", pull_request().for_base(), REGISTRY, "reads registry:topic, registry:release, registry:main; writes nothing; read only: the base is weighed, not delivered"),
    ]
}

fn rows() -> Vec<Row> {
    [events(), actions_cache(), stores()].concat()
}

#[test]
fn every_situation_has_its_decision() {
    let rows = rows();
    assert!(rows.len() >= 80, "{}", rows.len());
    for (sentence, situation, edit, expected) in rows {
        assert_eq!(say(&decided(&situation, edit)), expected, "{sentence}");
    }
}

#[test]
fn the_document_shows_the_decisions_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cache.md");
    let text = crate::fs::read_text(&path, 1 << 20).unwrap();
    let table = text.split("| where | decision |").nth(1).unwrap();
    let table: Vec<(&str, &str)> = table
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .collect();
    assert!(table.len() >= 20, "{table:?}");
    let rows = rows();
    for (sentence, decision) in table {
        let row = rows.iter().find(|row| row.0 == sentence).unwrap_or_else(|| panic!("no case {sentence:?}"));
        assert_eq!(say(&decided(&row.1, row.2)), decision, "{sentence}");
    }
}

/// Every context in which anything could be written, with whatever configuration.
fn any_situation() -> impl Strategy<Value = Situation> {
    use Event::*;
    let event = prop::sample::select(vec![Push, Schedule, ChangeRequest, MergeQueue, Tag, Local]);
    let forge = prop::sample::select(vec![Forge::Github, Forge::Gitlab, Forge::Local]);
    let mode = prop::option::of(prop::sample::select(vec![
        ActionsCacheMode::Write,
        ActionsCacheMode::Read,
        ActionsCacheMode::WriteOnly,
        ActionsCacheMode::None,
    ]));
    let restriction = prop::option::of(prop::sample::select(vec![
        Restriction::Fork,
        Restriction::Dependabot,
        Restriction::LowTrust("issue_comment".into()),
        Restriction::Unknown("x".into()),
    ]));
    let branch = || prop::option::of(prop::sample::select(vec!["main".to_owned(), "topic".into(), "release/1".into()]));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (event, forge, mode, restriction, (branch(), branch(), branch()), flags).prop_map(
        |(event, forge, mode, restriction, (own, target, default), (token, url, base, protected))| {
            let mut situation = github(event, "x");
            situation.actions.mode = mode;
            situation.actions.has_results_url = url;
            if !token {
                situation.actions.token = CacheToken::Absent;
            }
            let context = situation.context;
            situation.context = Context {
                forge,
                restriction,
                reference: own,
                target_branch: target,
                default_branch: default,
                is_protected: protected,
                ..context
            };
            if base { situation.for_base() } else { situation }
        },
    )
}

fn any_cache() -> impl Strategy<Value = Cache> {
    let backends = prop::option::of(prop::collection::vec(prop::sample::select(Backend::ALL.to_vec()), 0..4));
    let requests = prop::sample::select(vec![PullRequests::Read, PullRequests::Write, PullRequests::None]);
    let own = || prop::collection::vec(prop::sample::select(vec!["type=gha".to_owned(), "acme/cache".into()]), 0..3);
    (backends, requests, own(), own(), any::<bool>(), any::<bool>()).prop_map(
        |(backends, pull_requests, from, to, replace, listed)| {
            let mut cache = Cache::default();
            LOCAL(&mut cache);
            REGISTRY(&mut cache);
            let branches = if listed { vec!["*".to_owned()] } else { Vec::new() };
            Cache { backends, pull_requests, from, to, replace, branches, ..cache }
        },
    )
}

proptest! {
    #[test]
    fn a_fork_never_writes_and_neither_does_the_base(situation in any_situation(), cache in any_cache()) {
        let plan = decided_with(&situation, &cache);
        let mode = situation.actions.mode;
        if situation.context.restriction.is_some()
            || situation.purpose == Purpose::Base
            || matches!(mode, Some(ActionsCacheMode::Read | ActionsCacheMode::None))
        {
            prop_assert!(plan.to.is_empty(), "{plan:?}");
        }
        if matches!(mode, Some(ActionsCacheMode::WriteOnly | ActionsCacheMode::None)) {
            prop_assert!(plan.from.is_empty(), "{plan:?}");
        }
    }

    #[test]
    fn nothing_is_left_out_without_a_reason_and_no_failed_export_is_fatal(
        situation in any_situation(),
        cache in any_cache(),
    ) {
        let plan = decided_with(&situation, &cache);
        prop_assert!(!plan.from.is_empty() || !plan.remarks.is_empty(), "{plan:?}");
        prop_assert!(!plan.to.is_empty() || !plan.remarks.is_empty(), "{plan:?}");
        for entry in &plan.to {
            prop_assert!(entry.line.contains("ignore-error=") || entry.backend == Some(Backend::Inline), "{entry:?}");
        }
        prop_assert!(plan.from.iter().chain(&plan.to).all(|entry| !entry.reason.is_empty()));
    }
}
