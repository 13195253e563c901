//! The action from the event to the comment, and the same on GitLab: real builds, a real checkout, and a forge with a
//! model behind it.

use std::time::Duration;

use serde_json::{Value, json};
use weighbridge::units::{Bytes, Percent, show_duration};

use super::engine::VARIABLES;
use super::forge_server::artifacts::{FORK, OWN, PullRequest, RUNTIME_TOKEN, Run};
use super::forge_server::model::TOKEN;
use super::forge_server::{Kind, Server};
use super::independent::{reported, weigh};
use super::review::{Review, TRIAL_MERGE};
use super::runner::Runner;
use super::support::Repository;

const LAYOUT: &str = ".weighbridge/cells/web/linux-amd64/layout";

/// A job of the action on a checkout of this commit, of which the workspace holds so many before it.
fn github(review: &Review, server: &Server, reference: &str, depth: usize, event: &Value) -> Runner {
    let mut runner = Runner::new();
    review.check_out(reference, depth, &runner.path("work"));
    std::fs::write(runner.path("temp/event.json"), event.to_string()).unwrap();
    for name in VARIABLES {
        runner.set(name, &std::env::var(name).unwrap_or_default());
    }
    for (name, value) in forge_variables(server) {
        runner.set(name, &value);
    }
    runner.set("WEIGHBRIDGE_BIN", env!("CARGO_BIN_EXE_weighbridge"));
    runner.give("github-token", TOKEN);
    runner
}

pub(crate) fn forge_variables(server: &Server) -> [(&'static str, String); 4] {
    [
        ("GITHUB_API_URL", server.api_url()),
        ("GITHUB_GRAPHQL_URL", server.graphql_url()),
        ("ACTIONS_RESULTS_URL", server.results_url()),
        ("ACTIONS_RUNTIME_TOKEN", RUNTIME_TOKEN.to_owned()),
    ]
}

pub(crate) fn repository(name: &str) -> Value {
    json!({ "full_name": name, "default_branch": "main", "fork": name != "acme/shop" })
}

/// The job of a pull request from a branch of this repository or of a fork: run 42, on the trial merge.
fn pull_request(review: &Review, server: &Server, head: &str, depth: usize) -> Runner {
    let event = json!({
        "action": "synchronize",
        "number": 7,
        "repository": repository("acme/shop"),
        "pull_request": {
            "number": 7,
            "user": { "login": "ann" },
            "head": { "ref": "topic", "sha": review.topic, "repo": repository(head) },
            // The target branch when the event fired, which is not what was merged into.
            "base": { "ref": "main", "sha": "0".repeat(40), "repo": repository("acme/shop") },
        },
    });
    let mut runner = github(review, server, TRIAL_MERGE, depth, &event);
    runner.set("GITHUB_SHA", &review.merge);
    let (event, branch, fork) = ("pull_request".to_owned(), "topic".to_owned(), head != "acme/shop");
    let of = Run { event, head_branch: branch, head_sha: review.topic.clone(), ..run(42, review) };
    starts(server, Run { head_repository: Some(if fork { FORK } else { OWN }), ..of });
    runner
}

/// The run of a push to the target branch.
pub(crate) fn run(id: u64, review: &Review) -> Run {
    Run {
        id,
        event: "push".to_owned(),
        conclusion: "success".to_owned(),
        head_branch: "main".to_owned(),
        head_sha: review.base.clone(),
        head_repository: Some(OWN),
    }
}

pub(crate) fn starts(server: &Server, run: Run) {
    let actions = &mut server.model().actions;
    actions.current_run = run.id;
    actions.runs.push(run);
}

/// Runs the job of the push to the target branch, and returns what it reported.
fn pushed(review: &Review, server: &Server) -> Value {
    let mut runner = github(review, server, "refs/heads/main", 1, &json!({ "repository": repository("acme/shop") }));
    for (name, value) in [
        ("GITHUB_BASE_REF", ""),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_HEAD_REF", ""),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_RUN_ID", "41"),
        ("GITHUB_SHA", &review.base),
    ] {
        runner.set(name, value);
    }
    starts(server, run(41, review));
    let step = runner.main().expect(0);
    assert!(step.stderr.contains("report left as artifact"), "{}", step.stderr);
    parsed(&runner.read(".weighbridge/report.json"))
}

/// What GitHub knows of the commits and of the pull request.
pub(crate) fn knows(server: &Server, review: &Review, head_repository: u64) {
    let actions = &mut server.model().actions;
    let parents = |sha: &str| -> Vec<String> {
        let line = review.upstream.git(&["log", "-1", "--format=%P", sha]);
        line.split_whitespace().map(str::to_owned).collect()
    };
    let all = review.upstream.git(&["rev-list", &review.merge]);
    actions.commits = all.lines().map(|sha| (sha.to_owned(), parents(sha))).collect();
    actions.branches.insert("main".to_owned(), review.base.clone());
    let (head_sha, head_branch, base) = (review.topic.clone(), "topic".to_owned(), "main".to_owned());
    actions.pull_requests.push(PullRequest {
        number: 7,
        is_open: true,
        opened_by: ("somebody", "User"),
        labels: Vec::new(),
        head_sha,
        head_branch,
        head_repository,
        base,
    });
}

/// The same in a pipeline of GitLab for merged results.
fn gitlab(review: &Review, server: &Server, depth: usize) -> Repository {
    let mut checkout = Repository::without_git();
    review.check_out(TRIAL_MERGE, depth, checkout.path());
    let api_url = server.api_url();
    let variables = [
        ("CI", "true"),
        ("GITLAB_CI", "true"),
        ("GITLAB_TOKEN", TOKEN),
        ("CI_API_V4_URL", &api_url),
        ("CI_COMMIT_SHA", &review.merge),
        ("CI_DEFAULT_BRANCH", "main"),
        ("CI_PIPELINE_ID", "42"),
        ("CI_PIPELINE_SOURCE", "merge_request_event"),
        ("CI_MERGE_REQUEST_EVENT_TYPE", "merged_result"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_PROJECT_ID", "42"),
        ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "42"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
    ];
    checkout.env.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    checkout
}

fn parsed(report: &str) -> Value {
    serde_json::from_str(report).unwrap()
}

/// The only comment, without its marker, which has to name the commit and the run.
#[track_caller]
fn comment(server: &Server, review: &Review) -> String {
    let model = server.model();
    let [comment] = model.comments.as_slice() else { panic!("{:#?}", model.comments) };
    assert_eq!(comment.author, model.us);
    let (marker, text) = comment.body.split_once('\n').unwrap();
    assert_eq!(marker, format!("<!-- weighbridge:key=weighbridge;v=1;head={};run=42 -->", review.merge));
    assert!(!text.contains(TOKEN));
    text.trim_end().to_owned()
}

/// Insists on a comment that tells of a report what it says, compared with that of the base.
#[track_caller]
fn tells(comment: &str, review: &Review, head: &Value, base: &Value) {
    assert_eq!(head["context"]["base"]["sha"], review.base.as_str());
    assert_eq!(base["context"]["head"]["sha"], review.base.as_str());
    let (cell, before) = (&head["cells"][0], &base["cells"][0]);
    let bytes = |value: &Value| Bytes(value.as_u64().unwrap());
    let shown = |seconds: f64| show_duration(Duration::from_secs_f64(seconds));
    let change = |pointer: &str| {
        let (now, then) = (bytes(cell.pointer(pointer).unwrap()), bytes(before.pointer(pointer).unwrap()));
        (now, then, now.delta_from(then))
    };
    let (bytes_now, then, delta) = change("/compressed_bytes");
    let percent = Percent::change(then, bytes_now).unwrap();
    let has = |text: &str| assert!(comment.contains(text), "expected {text:?}:\n{comment}");
    has(&format!("### weighbridge: `web` {delta} ({percent})\n"));
    has(&format!("| image | platform | compressed | Δ vs {} | build time | cached steps |\n", &review.base[..7]));
    // The report rounds seconds to thousandths, the comment what was measured to hundredths.
    let near = |seconds: f64| [-0.0005, 0.0, 0.0005].map(|error| seconds + error);
    let has_one = |texts: &[String]| assert!(texts.iter().any(|it| comment.contains(it)), "{texts:#?}\n{comment}");
    let [wall, wall_before] = [cell, before].map(|cell| near(cell["wall_seconds"].as_f64().unwrap()));
    let pairs = wall.iter().flat_map(|now| wall_before.iter().map(move |then| (*now, *then)));
    let row = |(now, then): (f64, f64)| {
        let time = format!("{} ({})", shown(now), Percent::of(now - then, then).unwrap());
        format!("| web | linux/amd64 | {bytes_now} | {delta} ({percent}) | {time} | 0/2 |\n")
    };
    has_one(&pairs.map(row).collect::<Vec<_>>());
    for (layer, line) in [(1, 2), (2, 3)] {
        let (now, then, delta) = change(&format!("/layers/{layer}/compressed_bytes"));
        assert_eq!(cell["layers"][layer]["dockerfile_line"], line);
        has(&format!("  - `web/Dockerfile:{line}` `{}` {then} → {now} ({delta})\n", instruction(cell, layer)));
    }
    let slowest = near(cell["steps"][1]["seconds"].as_f64().unwrap());
    let line =
        |seconds| format!("- `web` {} linux/amd64: `web/Dockerfile:3` `{}`\n", shown(seconds), instruction(cell, 2));
    has_one(&slowest.map(line));
    has("`web/Dockerfile:2` `COPY parts /parts` and 1 step after it ran, ");
}

fn instruction(cell: &Value, layer: usize) -> &str {
    cell["layers"][layer]["instruction"].as_str().unwrap()
}

#[tokio::test]
async fn a_pull_request_gets_a_comment_with_sizes_durations_and_deltas() {
    let (review, server) = (Review::new(), Server::start(Kind::Github).await);
    knows(&server, &review, OWN);
    let base = pushed(&review, &server);
    // The newest commit alone: its parents are known by name, and the baseline is an artifact.
    let mut runner = pull_request(&review, &server, "acme/shop", 1);
    runner.give("args", "--keep-layouts");
    let step = runner.main().expect(0);
    assert!(step.stderr.contains("comment made on pull request 7 of acme/shop"), "{}", step.stderr);
    let comment = comment(&server, &review);
    assert_eq!(comment, runner.read(".weighbridge/report.md").trim_end());
    let head = parsed(&runner.read(".weighbridge/report.json"));
    tells(&comment, &review, &head, &base);
    let (cell, outputs) = (&head["cells"][0], runner.outputs());
    assert_eq!(reported(cell), weigh(&runner.path("work").join(LAYOUT)));
    assert_eq!(outputs["verdict"], "pass");
    assert_eq!(parsed(&outputs["digests"])["web"]["linux/amd64"], cell["digest"]);
    assert_eq!(parsed(&outputs["sizes"])["web"]["linux/amd64"], cell["compressed_bytes"]);
    let summary = std::fs::read_to_string(runner.path("temp/step_summary")).unwrap();
    assert!(summary.contains(&comment), "{summary}");
    runner.post().expect(0);
}

#[tokio::test]
async fn a_pull_request_without_a_baseline_has_its_base_built_on_request() {
    let (review, server) = (Review::new(), Server::start(Kind::Github).await);
    let mut runner = pull_request(&review, &server, "acme/shop", 2);
    runner.give("rebuild-base", "true");
    runner.main().expect(0);
    let head = parsed(&runner.read(".weighbridge/report.json"));
    let base = parsed(&runner.read(&format!(".weighbridge/history/{}.json", review.base)));
    tells(&comment(&server, &review), &review, &head, &base);
}

#[tokio::test]
async fn a_pull_request_of_a_fork_gets_its_comment_from_a_second_workflow() {
    let (review, server) = (Review::new(), Server::start(Kind::Github).await);
    knows(&server, &review, FORK);
    let base = pushed(&review, &server);
    server.model().is_read_only = true;
    let runner = pull_request(&review, &server, "someone/shop", 1);
    let step = runner.main().expect(0);
    assert!(step.stderr.contains("no comment, as is usual for a fork: not allowed to"), "{}", step.stderr);
    assert!(step.stderr.contains("report left as artifact"), "{}", step.stderr);
    assert_eq!(server.model().comments, []);

    server.model().is_read_only = false;
    let mut second = Repository::without_git();
    let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "workflow_run"), ("GITHUB_TOKEN", TOKEN)];
    second.env.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    second.env.extend(forge_variables(&server).map(|(name, value)| (name.to_owned(), value)));
    second.env.insert("GITHUB_REPOSITORY".to_owned(), "acme/shop".to_owned());
    second.weighbridge(&["comment", "--run", "42"]).expect(0).says("comment made on pull request 7 of acme/shop");
    tells(&comment(&server, &review), &review, &parsed(&runner.read(".weighbridge/report.json")), &base);
}

#[tokio::test]
async fn a_merge_request_gets_a_note_with_sizes_durations_and_deltas() {
    let (review, server) = (Review::new(), Server::start(Kind::Gitlab).await);
    let job = gitlab(&review, &server, 2);
    let run = job.weighbridge(&["run", "--rebuild-base", "--keep-layouts"]).expect(0);
    let comment = comment(&server, &review);
    assert_eq!(comment, job.read(".weighbridge/report.md").trim_end(), "{}", run.stderr);
    tells(&comment, &review, &job.report(), &parsed(&job.read(&format!(".weighbridge/history/{}.json", review.base))));
    assert_eq!(reported(&job.report()["cells"][0]), weigh(&job.path().join(LAYOUT)));
}
