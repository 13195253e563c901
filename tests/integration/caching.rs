//! What is planned with caches, as docker is told it and as people are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::case::Case;
use crate::fake::CLASSIC_BUILDER;

const REF: &str = "registry.acme.test/cache";

fn configured(cache: &str) -> Case {
    Case::configured(&format!("images: {{ web: {{ context: web, platforms: [linux/amd64] }} }}\ncache: {cache}\n"))
}

/// A runtime token that may do this much with the branch `main`.
fn token(permission: u8) -> String {
    let scopes = json!([{ "Scope": "refs/heads/main", "Permission": permission }]).to_string();
    let claims = json!({ "exp": 4_102_444_800_u64, "nbf": 1, "ac": scopes }).to_string();
    format!("{}.{}.sig", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims))
}

/// A job of GitHub Actions with the cache service's address and this token.
fn on_github(case: &mut Case, event: &str, reference: &str, payload: &serde_json::Value) {
    let path = case.docker.path("event.json");
    std::fs::write(&path, payload.to_string()).unwrap();
    let path = path.display().to_string();
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", event),
        ("GITHUB_REF", reference),
        ("GITHUB_REF_NAME", reference.rsplit('/').next().unwrap()),
        ("GITHUB_EVENT_PATH", &path),
        ("ACTIONS_RESULTS_URL", "http://127.0.0.1:9/"),
        ("ACTIONS_RUNTIME_TOKEN", &token(3)),
    ] {
        case.set(name, value);
    }
}

fn repository() -> serde_json::Value {
    json!({ "full_name": "acme/shop", "default_branch": "main" })
}

/// The values of an option in the only build.
fn values(case: &Case, option: &str) -> Vec<String> {
    let builds = case.docker.calls(&["buildx", "build"]);
    let words = &builds[0];
    words.iter().zip(words.iter().skip(1)).filter(|(word, _)| *word == option).map(|(_, value)| value.clone()).collect()
}

#[test]
fn entries_and_reasons_are_said_without_an_engine() {
    let mut case = configured(&format!("{{ ref: {REF} }}")).without_docker();
    case.set("CI", "true");
    case.set("GITLAB_CI", "true");
    case.set("CI_DEFAULT_BRANCH", "main");
    case.set("CI_COMMIT_REF_NAME", "refs/merge-requests/3/head");
    case.set("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic");
    case.set("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
    let shown = case.weighbridge(&["plan"]).expect(0).stdout;
    assert!(shown.contains(&format!("cache reads  type=registry,ref={REF}:cache-web-linux-amd64-topic-")), "{shown}");
    assert!(shown.contains(": base branch, in cache.ref\n"), "{shown}");
    assert!(shown.contains("cache does not write: read only: merge request\n"), "{shown}");
    let plan = case.weighbridge(&["plan", "--format", "json"]).expect(0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let cache = &plan["cells"][0]["cache"];
    assert_eq!((cache["from"].as_array().unwrap().len(), cache["to"].as_array().unwrap().len()), (2, 0), "{cache:#}");
    assert_eq!(cache["left_out"], json!(["does not write: read only: merge request"]));
}

#[test]
fn a_push_to_the_default_branch_writes_and_the_token_stays_off_the_command_line() {
    let mut case = configured("{ backend: auto }");
    on_github(&mut case, "push", "refs/heads/main", &json!({ "repository": repository() }));
    let run = case.run(&[]).expect(0);
    let (from, to) = (values(&case, "--cache-from"), values(&case, "--cache-to"));
    assert!(from[0].starts_with("type=gha,scope=weighbridge-web-linux-amd64-"), "{from:?}");
    assert!(to[0].ends_with(",mode=max,timeout=180s,ignore-error=true"), "{to:?}");
    let words = case.docker.calls(&["buildx", "build"]).concat().join(" ");
    let told = [&words, &run.stdout, &run.stderr, &case.comment(), &case.repository.report().to_string()]
        .map(String::as_str)
        .concat();
    assert!(!told.contains(&token(3)), "{told}");
    let child = std::fs::read_to_string(&case.docker.files("env")[0]).unwrap();
    assert!(child.contains("ACTIONS_CACHE_SERVICE_V2=true"), "{child}");
}

#[test]
fn a_pull_request_from_a_fork_reads_and_never_writes() {
    for (head, wanted) in [("acme/shop", 1), ("someone/shop", 0)] {
        let mut case = configured("{ pull_requests: write }");
        let pull_request = json!({ "head": { "repo": { "full_name": head } }, "user": { "login": "someone" } });
        let payload = json!({ "repository": repository(), "pull_request": pull_request });
        on_github(&mut case, "pull_request", "refs/pull/7/merge", &payload);
        case.set("GITHUB_HEAD_REF", "topic");
        case.set("GITHUB_BASE_REF", "main");
        case.run(&[]).expect(0);
        assert_eq!((values(&case, "--cache-from").len(), values(&case, "--cache-to").len()), (1, wanted), "{head}");
    }
}

#[test]
fn a_payload_that_cannot_be_read_may_be_a_forks() {
    let mut case = configured("{ pull_requests: write }");
    on_github(&mut case, "pull_request", "refs/pull/7/merge", &json!([]));
    case.set("GITHUB_HEAD_REF", "topic");
    case.run(&[]).expect(0);
    assert_eq!(values(&case, "--cache-to"), [""; 0]);
    assert!(case.cell(0, "cache")["left_out"][0].as_str().unwrap().contains("this may be a fork"));
}

#[test]
fn a_cache_that_is_dropped_is_a_finding_with_its_fix_and_an_error_where_it_is_required() {
    for (require, code) in [("", 0), (", require: true", 1)] {
        let mut case = configured(&format!("{{ backend: auto{require} }}"));
        on_github(&mut case, "push", "refs/heads/main", &json!({ "repository": repository() }));
        case.repository.env.remove("ACTIONS_RUNTIME_TOKEN");
        case.run(&[]).expect(code);
        let comment = case.comment();
        assert!(comment.contains("was dropped: no ACTIONS\\_RUNTIME\\_TOKEN"), "{comment}");
        assert!(comment.contains("run weighbridge as an action or use a registry cache"), "{comment}");
    }
}

#[test]
fn a_builder_is_switched_before_any_cache_is_asked_for() {
    let mut case = configured(&format!("{{ ref: {REF} }}"));
    case.set("CI", "true");
    case.docker.answers("inspect", CLASSIC_BUILDER);
    case.run(&[]).expect(0).says("using builder weighbridge instead");
    assert_eq!(case.docker.builds_run(), 1);
    assert_eq!(values(&case, "--builder"), ["weighbridge"]);
    assert_eq!((values(&case, "--cache-from").len(), values(&case, "--cache-to").len()), (1, 1));
}

#[test]
fn a_builder_that_was_named_and_cannot_export_gets_no_cache_flags() {
    let mut case = configured(&format!("{{ ref: {REF} }}"));
    case.set("CI", "true");
    case.docker.answers("inspect.old", CLASSIC_BUILDER);
    case.run(&["--builder", "old"]).expect(3).says("without the containerd image store");
    assert_eq!(case.docker.builds_run(), 0);
}

#[test]
fn entries_of_an_image_stand_alone_and_do_not_fail_its_build() {
    let mut case = Case::configured(
        "images: { web: { context: web, platforms: [linux/amd64], cache_from: [acme/cache], cache_to: ['type=registry,ref=acme/cache,mode=max'] } }\n",
    );
    case.set("CI", "true");
    case.set("GITLAB_CI", "true");
    case.set("CI_REGISTRY_IMAGE", "registry.acme.test/shop");
    case.run(&[]).expect(0);
    assert_eq!(values(&case, "--cache-from"), ["acme/cache"]);
    assert_eq!(values(&case, "--cache-to"), ["type=registry,ref=acme/cache,mode=max,ignore-error=true"]);
}

#[test]
fn doctor_says_what_the_cache_would_do_here_and_why() {
    let mut case = configured("{ backend: auto }");
    let laptop = case.weighbridge(&["doctor"]).expect(0).stdout;
    assert!(laptop.contains("ok    cache     the builder keeps its own cache here"), "{laptop}");
    on_github(&mut case, "push", "refs/heads/main", &json!({ "repository": repository() }));
    let told = case.weighbridge(&["doctor"]).expect(0).stdout;
    assert!(told.contains("writes gha (default branch, on GitHub Actions)"), "{told}");
    case.docker.answers("version", "github.com/docker/buildx v0.19.0 x\n");
    let told = case.weighbridge(&["doctor"]).expect(0).stdout;
    assert!(told.contains("warn  cache     type=gha was dropped: buildx 0.19.0"), "{told}");
    assert!(told.contains("fix: update buildx to 0.21.0 or later"), "{told}");
}
