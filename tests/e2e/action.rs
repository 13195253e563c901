//! The action from the event to the comment, and the same on GitLab: real builds, a real checkout, and a forge with a
//! model behind it.

use std::time::Duration;

use serde_json::{Value, json};
use weighbridge::units::{Bytes, Percent, show_duration};

use super::engine::VARIABLES;
use super::forge_server::model::TOKEN;
use super::forge_server::{Kind, Server};
use super::independent::{reported, weigh};
use super::review::{Review, TRIAL_MERGE};
use super::runner::Runner;
use super::support::Repository;

const LAYOUT: &str = ".weighbridge/cells/web/linux-amd64/layout";

/// A job for a pull request of this repository, which has checked out its trial merge.
fn github(review: &Review, server: &Server, head: &str, depth: usize) -> Runner {
    let mut runner = Runner::new();
    review.check_out(TRIAL_MERGE, depth, &runner.path("work"));
    let repository = |name: &str| json!({ "full_name": name, "default_branch": "main", "fork": name != "acme/shop" });
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
    std::fs::write(runner.path("temp/event.json"), event.to_string()).unwrap();
    for name in VARIABLES {
        runner.set(name, &std::env::var(name).unwrap_or_default());
    }
    runner.set("GITHUB_SHA", &review.merge);
    runner.set("GITHUB_API_URL", &server.api_url());
    runner.set("GITHUB_GRAPHQL_URL", &server.graphql_url());
    runner.set("WEIGHBRIDGE_BIN", env!("CARGO_BIN_EXE_weighbridge"));
    runner.give("github-token", TOKEN);
    runner
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
    let seconds = |value: &Value| show_duration(Duration::from_secs_f64(value.as_f64().unwrap()));
    let change = |pointer: &str| {
        let (now, then) = (bytes(cell.pointer(pointer).unwrap()), bytes(before.pointer(pointer).unwrap()));
        (now, then, now.delta_from(then))
    };
    let (now, then, delta) = change("/compressed_bytes");
    let percent = Percent::change(then, now).unwrap();
    let has = |text: &str| assert!(comment.contains(text), "expected {text:?}:\n{comment}");
    has(&format!("### weighbridge: `web` {delta} ({percent})\n"));
    has(&format!("| image | platform | compressed | Δ vs {} | build time | cached steps |\n", &review.base[..7]));
    let [wall, wall_before] = [cell, before].map(|cell| cell["wall_seconds"].as_f64().unwrap());
    let time =
        format!("{} ({})", seconds(&cell["wall_seconds"]), Percent::of(wall - wall_before, wall_before).unwrap());
    has(&format!("| web | linux/amd64 | {now} | {delta} ({percent}) | {time} | 0/2 |\n"));
    for (layer, line) in [(1, 2), (2, 3)] {
        let (now, then, delta) = change(&format!("/layers/{layer}/compressed_bytes"));
        assert_eq!(cell["layers"][layer]["dockerfile_line"], line);
        has(&format!("  - `web/Dockerfile:{line}` `{}` {then} → {now} ({delta})\n", instruction(cell, layer)));
    }
    let slowest = seconds(&cell["steps"][1]["seconds"]);
    has(&format!("- `web` {slowest} linux/amd64: `web/Dockerfile:3` `{}`\n", instruction(cell, 2)));
    has("ran, ");
    has("`parts` changed\n");
}

fn instruction(cell: &Value, layer: usize) -> &str {
    cell["layers"][layer]["instruction"].as_str().unwrap()
}

#[tokio::test]
async fn a_pull_request_gets_a_comment_with_sizes_durations_and_deltas() {
    let (review, server) = (Review::new(), Server::start(Kind::Github).await);
    let mut runner = github(&review, &server, "acme/shop", 2);
    runner.give("rebuild-base", "true");
    runner.give("args", "--keep-layouts");
    let step = runner.main().expect(0);
    assert!(step.stderr.contains("comment made on pull request 7 of acme/shop"), "{}", step.stderr);
    let comment = comment(&server, &review);
    assert_eq!(comment, runner.read(".weighbridge/report.md").trim_end());
    let head = parsed(&runner.read(".weighbridge/report.json"));
    tells(&comment, &review, &head, &parsed(&runner.read(&format!(".weighbridge/history/{}.json", review.base))));
    assert_eq!(reported(&head["cells"][0]), weigh(&runner.path("work").join(LAYOUT)));
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
