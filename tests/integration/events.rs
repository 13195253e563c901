//! What starts runs: payloads of GitHub after its documentation of webhooks, and the variables of GitLab's pipelines.
//! Each has a snapshot of what is understood and of what follows: the baseline, the caches and the comment.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use weighbridge::ci::Context;
use weighbridge::env::Env;

use crate::case::Case;

/// Payload, event, full name of the reference, branches of head and base, and who caused it.
const GITHUB: [(&str, &str, &str, &str, &str, &str); 14] = [
    ("push", "push", "refs/heads/main", "", "", "ann"),
    ("push_branch", "push", "refs/heads/topic", "", "", "ann"),
    ("push_tag", "push", "refs/tags/v1.4.0", "", "", "ann"),
    ("pull_request", "pull_request", "refs/pull/7/merge", "topic", "main", "ann"),
    ("pull_request_labeled", "pull_request", "refs/pull/7/merge", "topic", "main", "ann"),
    ("pull_request_fork", "pull_request", "refs/pull/7/merge", "patch-1", "main", "eve"),
    (
        "pull_request_dependabot",
        "pull_request",
        "refs/pull/7/merge",
        "dependabot/docker/debian-13",
        "main",
        "dependabot[bot]",
    ),
    ("pull_request_renovate", "pull_request", "refs/pull/7/merge", "renovate/debian-13.x", "main", "renovate[bot]"),
    ("pull_request_target", "pull_request_target", "refs/heads/main", "patch-1", "main", "eve"),
    (
        "merge_group",
        "merge_group",
        "refs/heads/gh-readonly-queue/main/pr-7-0d9c8b7a6f5e4d3c2b1a09f8e7d6c5b4a3928170",
        "",
        "",
        "ann",
    ),
    ("workflow_run", "workflow_run", "refs/heads/main", "", "", "ann"),
    ("workflow_run_fork", "workflow_run", "refs/heads/main", "", "", "ann"),
    ("workflow_dispatch", "workflow_dispatch", "refs/heads/main", "", "", "ann"),
    ("schedule", "schedule", "refs/heads/main", "", "", "ann"),
];

const GITLAB: [&str; 9] =
    ["default_branch", "branch", "tag", "schedule", "merge_request", "merged_result", "merge_train", "fork", "bot"];

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// A repository as the forge checks it out: for a trial merge, its commit, whose first parent is the tip of `main`.
fn checkout(is_trial_merge: bool) -> (Case, Vec<(String, &'static str)>) {
    let case = Case::configured(
        "images: {orders: {context: orders, platforms: [linux/amd64]}}\n# These would be asked for over the network.\nbaseline: {artifact: false}",
    );
    let base = case.repository.commit("base");
    case.repository.git(&["checkout", "--quiet", "-b", "topic"]);
    case.repository.write("orders/app", "changed");
    let head = case.repository.commit("head");
    case.repository.git(&["checkout", "--quiet", "main"]);
    case.repository.write("web/app", "changed");
    let tip = case.repository.commit("tip");
    let mut commits = vec![(base, "BASE"), (head, "HEAD"), (tip, "TIP")];
    if is_trial_merge {
        case.repository.git(&["checkout", "--quiet", "--detach"]);
        case.repository.git(&["merge", "--quiet", "--no-ff", "--message", "trial", "topic"]);
        commits.push((case.repository.git(&["rev-parse", "HEAD"]).trim().to_owned(), "TRIAL"));
    }
    (case, commits)
}

/// What is understood and what follows.
fn shown(case: &Case, commits: &[(String, &'static str)]) -> String {
    let env = Env { variables: case.repository.env.clone(), ..Env::default() };
    let stdout = case.run(&["--dry-run"]).expect(0).stdout;
    let (cells, results) = stdout.split_once("\nBaseline\n").unwrap();
    // What there is of an option stands on one line.
    let context =
        format!("{:#?}", Context::detect(&env)).replace("Some(\n        ", "Some(").replace(",\n    ),", "),");
    let mut shown = format!("{context}\n\nCache\n");
    for line in cells.lines().filter(|line| line.starts_with("  cache ")) {
        writeln!(shown, "{line}").unwrap();
    }
    let (baseline, results) = results.split_once("\nResults\n").unwrap();
    let results = results.lines().skip_while(|line| !line.contains("logs ")).skip(1).collect::<Vec<_>>().join("\n");
    // How a name is not found differs between machines.
    let baseline: String =
        baseline.lines().map(|line| line.split(" (error").next().unwrap().to_owned() + "\n").collect();
    writeln!(shown, "\nBaseline\n{baseline}\nReview\n{results}").unwrap();
    assert!(!shown.contains("token-that-nobody-may-see"), "{shown}");
    commits.iter().fold(shown, |shown, (commit, name)| shown.replace(commit, name).replace(&commit[..12], name))
}

/// A token for the cache, as GitHub gives it: a place of its own, and that of the default branch to read.
fn cache_token(reference: &str) -> String {
    let own = json!({ "Scope": reference, "Permission": 3 });
    let scopes = json!([own, { "Scope": "refs/heads/main", "Permission": 1 }]).to_string();
    let claims = json!({ "exp": 4_102_444_800_u64, "nbf": 1, "ac": scopes }).to_string();
    format!("{}.{}.sig", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims))
}

#[test]
fn what_starts_a_run_on_github_decides_what_it_does() {
    for (payload, event, reference, head, base, actor) in GITHUB {
        let is_trial_merge = reference.ends_with("/merge") || event == "merge_group";
        let (mut case, commits) = checkout(is_trial_merge);
        let path = fixture(&format!("github/{payload}.json")).display().to_string();
        let name = reference.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/");
        for (name, value) in [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_RUN_ID", "5"),
            ("GITHUB_TOKEN", "token-that-nobody-may-see"),
            ("GITHUB_SHA", &commits.last().unwrap().0),
            ("GITHUB_EVENT_PATH", &path),
            ("GITHUB_EVENT_NAME", event),
            ("GITHUB_REF", reference),
            ("GITHUB_REF_NAME", name.trim_start_matches("refs/pull/")),
            ("GITHUB_REF_PROTECTED", if reference == "refs/heads/main" { "true" } else { "false" }),
            ("GITHUB_HEAD_REF", head),
            ("GITHUB_BASE_REF", base),
            ("GITHUB_ACTOR", actor),
            ("ACTIONS_RESULTS_URL", "http://127.0.0.1:9/"),
            ("ACTIONS_CACHE_SERVICE_V2", "True"),
            ("ACTIONS_RUNTIME_TOKEN", &cache_token(reference)),
        ] {
            case.set(name, value);
        }
        insta::assert_snapshot!(format!("github_{payload}"), shown(&case, &commits));
    }
}

#[test]
fn what_starts_a_pipeline_of_gitlab_decides_what_it_does() {
    for pipeline in GITLAB {
        let variables = std::fs::read_to_string(fixture(&format!("gitlab/{pipeline}.env"))).unwrap();
        let variables: Vec<(&str, &str)> = variables.lines().map(|line| line.split_once('=').unwrap()).collect();
        let kind = variables.iter().find(|(name, _)| *name == "CI_MERGE_REQUEST_EVENT_TYPE");
        let (mut case, commits) = checkout(kind.is_some_and(|(_, kind)| *kind != "detached"));
        let docker = case.docker.path("config");
        std::fs::create_dir(&docker).unwrap();
        std::fs::write(docker.join("config.json"), r#"{"auths": {"registry.acme.test": {"auth": "YTpi"}}}"#).unwrap();
        case.set("DOCKER_CONFIG", docker.to_str().unwrap());
        case.set("CI_COMMIT_SHA", &commits.last().unwrap().0);
        for (name, value) in variables {
            case.set(name, value);
        }
        insta::assert_snapshot!(format!("gitlab_{pipeline}"), shown(&case, &commits));
    }
}
