//! The whole tool beside a forge: builds by the fake `docker`, a real configuration, a real client.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Reply, Trouble, Verb};
use crate::case::Case;
use crate::fake::Build;
use crate::forge_server::model::TOKEN;
use crate::forge_server::{Kind, Server};
use crate::support::{Run, signal};

/// A job of this forge for change request 7, whose head is a branch of `head`.
fn job(server: &Server, head: &str) -> Case {
    // No job of these tests has a cache, whose absence would be worth a comment.
    let mut case =
        Case::configured("{images: {orders: {context: orders}, web: {context: web}}, cache: {backend: none}}");
    case.repository.commit("head");
    let common = [("CI", "true"), ("NO_PROXY", "127.0.0.1")];
    for (name, value) in common {
        case.set(name, value);
    }
    if server.kind == Kind::Gitlab {
        case.set("CI_API_V4_URL", &server.api_url());
        for (name, value) in [
            ("GITLAB_CI", "true"),
            ("GITLAB_TOKEN", TOKEN),
            ("CI_PIPELINE_ID", "5"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "42"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "42"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ] {
            case.set(name, value);
        }
        return case;
    }
    let payload = format!(
        r#"{{"repository": {{"full_name": "acme/shop"}}, "pull_request": {{"number": 7, "head": {{"repo": {{"full_name": "{head}"}}}}}}}}"#
    );
    let payload = case.repository.write(".git/event.json", payload);
    case.set("GITHUB_EVENT_PATH", payload.to_str().unwrap());
    case.set("GITHUB_API_URL", &server.api_url());
    case.set("GITHUB_GRAPHQL_URL", &server.graphql_url());
    for (name, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_TOKEN", TOKEN),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_REF", "refs/pull/7/head"),
        ("GITHUB_RUN_ID", "5"),
    ] {
        case.set(name, value);
    }
    case
}

/// Runs against the base commit, and sees to it that nobody gets to know the token.
fn run(case: &Case, arguments: &[&str]) -> Run {
    let run = case.run(&[&["--base", "HEAD~1"], arguments].concat());
    let report = std::fs::read_to_string(case.repository.path().join(".weighbridge/report.json")).unwrap_or_default();
    assert!(!format!("{run:?}{report}").contains(TOKEN), "{run:?}");
    run
}

#[tokio::test]
async fn a_run_speaks_when_something_is_wrong_and_puts_it_right_afterwards() {
    for kind in [Kind::GithubEnterprise, Kind::Gitlab] {
        let server = Server::start(kind).await;
        let mut case = job(&server, "acme/shop");
        run(&case, &[]).expect(0).says("no comment on").says("nothing to say");
        assert_eq!(server.model().comments, []);

        case.docker.builds("orders", &Build::failing());
        run(&case, &[]).expect(3).says("comment made on").says("(a build has no numbers)");
        assert!(server.model().ours()[0].contains("1 of 2 images failed to build"), "{:?}", server.model().comments);
        let comment = server.model().comments[0].body.clone();
        let (marker, text) = comment.split_once('\n').unwrap();
        assert!(marker.starts_with("<!-- weighbridge:key=weighbridge;v=1;head=") && marker.ends_with(";run=5 -->"));
        assert_eq!(text.trim_end(), case.comment().trim_end());

        case.docker.builds("orders", &Build::ok(crate::layout::TestImage::of(1000)));
        let run_number = if kind == Kind::Gitlab { "CI_PIPELINE_ID" } else { "GITHUB_RUN_ID" };
        case.set(run_number, "6");
        run(&case, &[]).expect(0).says("comment updated on");
        case.set(run_number, "5");
        run(&case, &["--comment", "always"]).expect(0).says("left as a later run wrote it");
        let model = server.model();
        assert_eq!(model.comments.len(), 1, "{:?}", model.comments);
        assert!(!model.ours()[0].contains("failed") && model.comments[0].body.contains(";run=6 -->"));
    }
}

#[tokio::test]
async fn what_the_user_says_about_comments_counts() {
    let server = Server::start(Kind::Github).await;
    let case = job(&server, "acme/shop");
    case.docker.builds("orders", &Build::failing());
    run(&case, &["--comment", "never"]).expect(3);
    case.repository.write("weighbridge.yml", "{images: {orders: {context: orders}}, comment: never}");
    run(&case, &[]).expect(3);
    assert_eq!(server.model().comments, []);
    case.docker.builds("orders", &Build::ok(crate::layout::TestImage::of(1000)));
    run(&case, &["--comment", "always"]).expect(0).says("comment made on");
    assert_eq!(server.model().ours().len(), 1);
}

#[tokio::test]
async fn parts_of_a_configuration_that_run_alone_have_comments_of_their_own() {
    let server = Server::start(Kind::Github).await;
    let case = job(&server, "acme/shop");
    for image in ["orders", "web", "orders"] {
        run(&case, &["--comment", "always", "--image", image]).expect(0);
    }
    assert_eq!(server.model().ours().len(), 2);
}

#[tokio::test]
async fn a_comment_that_cannot_be_published_fails_the_run_only_where_it_is_asked_for() {
    let server = Server::start(Kind::Github).await;
    server.model().is_read_only = true;
    for (head, arguments, code, said) in [
        ("acme/shop", &["--comment", "auto"], 3, "warning: no comment: not allowed to"),
        ("acme/shop", &["--comment", "always"], 3, "`permissions: pull-requests: write`"),
        ("someone/shop", &["--comment", "always"], 3, "no comment, as is usual for a fork: not allowed to"),
    ] {
        let case = job(&server, head);
        case.docker.builds("orders", &Build::failing());
        run(&case, arguments).expect(code).says(said);
        case.docker.builds("orders", &Build::ok(crate::layout::TestImage::of(1000)));
        let code = if head == "acme/shop" && arguments[1] == "always" { 5 } else { 0 };
        run(&case, arguments).expect(code);
    }
    // What a fork could help is no usual thing.
    let mut case = job(&server, "someone/shop");
    case.set("GITHUB_RUN_ID", "");
    run(&case, &["--comment", "auto"]).expect(0).says("warning: no comment: the number of this run is not known");
    let mut case = job(&server, "acme/shop");
    case.set("GITHUB_TOKEN", "");
    run(&case, &["--comment", "always"]).expect(5).says("error: no comment: GITHUB_TOKEN is not set");
    case.set("GITHUB_REF", "refs/heads/main");
    case.set("GITHUB_EVENT_NAME", "push");
    case.set("GITHUB_EVENT_PATH", "");
    run(&case, &["--comment", "always"]).expect(0);
    assert_eq!(server.model().comments, []);
}

#[tokio::test]
async fn a_forge_that_is_busy_for_an_hour_is_not_waited_for() {
    let server = Server::start(Kind::Gitlab).await;
    let hour = Reply::error(429, "Retry later").with("retry-after", 3_600);
    server.model().troubles.push_back((Verb::Create, Trouble::Before(hour)));
    let case = job(&server, "");
    case.docker.builds("orders", &Build::failing());
    run(&case, &[]).expect(3).says("warning: no comment: too many requests (HTTP 429: Retry later)");
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_a_forge_and_nothing_is_published_after_it() {
    let server = Server::start(Kind::Github).await;
    let pause = Reply::error(429, "Retry later").with("retry-after", 60);
    server.model().troubles.push_back((Verb::Create, Trouble::Before(pause)));
    let case = job(&server, "acme/shop");
    let mut command = case.repository.command(&["run", "--no-rebuild-base", "--base", "HEAD~1", "--comment", "always"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..600 {
        if server.model().troubles.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let start = Instant::now();
    assert!(signal(&child.id().to_string(), Some(Signal::SIGINT)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(server.model().comments, []);
}

#[tokio::test]
async fn a_run_that_was_broken_off_publishes_nothing() {
    let server = Server::start(Kind::Github).await;
    let case = job(&server, "acme/shop");
    case.docker.builds("web", &Build::hanging());
    let mut command = case.repository.command(&["run", "--no-rebuild-base", "--base", "HEAD~1", "--comment", "always"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    case.docker.wait_for_hanging(1);
    assert!(signal(&child.id().to_string(), Some(Signal::SIGINT)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(server.model().comments, []);
}

#[tokio::test]
async fn a_dry_run_says_where_the_comment_would_go() {
    let server = Server::start(Kind::Github).await;
    let mut case = job(&server, "acme/shop");
    let shown = |case: &Case, arguments: &[&str]| case.run(&[&["--dry-run"], arguments].concat()).expect(0).stdout;
    let place = format!("comment on pull request 7 of acme/shop at {}, ", server.api_url());
    assert!(shown(&case, &[]).contains(&(place.clone() + "when there is something to say")));
    assert!(shown(&case, &["--comment", "always"]).contains(&(place + "in every run")));
    assert!(shown(&case, &["--comment", "never"]).contains("no comment: it is switched off"));
    let json: serde_json::Value = serde_json::from_str(&shown(&case, &["--format", "json"])).unwrap();
    assert!(json["comment"].as_str().unwrap().starts_with("comment on pull request 7"), "{json}");
    case.set("GITHUB_TOKEN", "");
    assert!(shown(&case, &[]).contains("no comment: GITHUB_TOKEN is not set"));
    assert_eq!(server.model().comments, []);
}
