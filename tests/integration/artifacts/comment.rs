//! The comment on a fork's pull request, brought there by a second workflow.

use super::*;
use crate::forge_server::artifacts::Actions;
use crate::support::{Repository, Run};

/// The job of the second workflow, which has no checkout.
fn second(world: &World) -> Repository {
    let mut repository = Repository::without_git();
    for (name, value) in [
        ("CI", "true"),
        ("NO_PROXY", "127.0.0.1"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "workflow_run"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ID", "60"),
        ("GITHUB_TOKEN", TOKEN),
    ] {
        repository.env.insert(name.to_owned(), value.to_owned());
    }
    repository.env.insert("GITHUB_API_URL".to_owned(), world.server.api_url());
    repository.env.insert("GITHUB_GRAPHQL_URL".to_owned(), world.server.graphql_url());
    repository
}

fn comment(world: &World, arguments: &[&str]) -> Run {
    let run = second(world).weighbridge(&[&["comment", "--run", "50"], arguments].concat());
    tells_no_secret(&run);
    run
}

/// The first workflow has run for a fork, and `main` has a report.
async fn weighed() -> World {
    let world = World::new(FORK).await;
    world.left_on_main(zipped(&[("report.json", &world.base_report)]));
    world.run(&[]).expect(0).says("report left as artifact weighbridge");
    world
}

/// What the fork left.
fn forked(actions: &mut Actions) -> &mut Vec<u8> {
    &mut actions.artifacts.iter_mut().find(|artifact| artifact.run == RUN).unwrap().content
}

#[tokio::test]
async fn a_forks_pull_request_gets_one_comment_in_two_steps() {
    let world = World::new(FORK).await;
    world.left_on_main(zipped(&[("report.json", &world.base_report)]));
    world.server.model().is_read_only = true;
    let first = world.case.run(&["--comment", "always"]).expect(0).says("no comment, as is usual for a fork");
    tells_no_secret(&first);
    assert_eq!(world.server.model().comments, []);

    world.server.model().is_read_only = false;
    comment(&world, &[]).expect(0).says("comment made on pull request 7 of acme/shop").says("(an image changed)");
    {
        let model = world.server.model();
        let [comment] = &model.comments[..] else { panic!("{:?}", model.comments) };
        let marker = format!("<!-- weighbridge:key=weighbridge;v=1;head={};run=50 -->\n", world.merge);
        assert!(comment.body.starts_with(&marker), "{}", comment.body);
        // It says what the run itself said.
        assert_eq!(comment.body[marker.len()..].trim_end(), world.case.comment().trim_end());
    }
    comment(&world, &[]).expect(0).says("says so already");
    let newer = "<!-- weighbridge:key=weighbridge;v=1;head=abcdef0;run=51 -->\nnewer";
    world.server.model().comments[0].body = newer.to_owned();
    comment(&world, &["--comment", "always"]).expect(0).says("left as a later run wrote it");
    assert_eq!(world.server.model().comments[0].body, newer);
}

#[tokio::test]
async fn the_second_step_is_as_calm_as_the_first() {
    let world = weighed().await;
    comment(&world, &["--dry-run"]).expect(0).says("a comment would be brought to pull request 7 of acme/shop");
    comment(&world, &["--comment", "never"]).expect(0);
    // Nothing changes.
    let report = String::from_utf8(world.base_report.clone()).unwrap().replace(&world.base, &world.merge);
    *forked(&mut world.server.model().actions) = report.into_bytes();
    comment(&world, &[]).expect(0).says("nothing to say");
    assert_eq!(world.server.model().comments, []);
    comment(&world, &["--comment", "always"]).expect(0).says("comment made on");
    comment(&world, &[]).expect(0).says("comment updated on");
    let model = world.server.model();
    assert_eq!(model.comments.len(), 1);
    assert!(model.comments[0].body.contains("back to normal"), "{:?}", model.comments);
}

#[tokio::test]
async fn a_bots_pull_request_gets_a_comment_only_if_one_is_asked_for() {
    let world = weighed().await;
    for opened_by in [("somebody", "Bot"), ("renovate-bot", "User")] {
        world.server.model().actions.pull_requests[0].opened_by = opened_by;
        comment(&world, &[]).expect(0).says("nothing to say");
        assert_eq!(world.server.model().comments, []);
    }
    comment(&world, &["--comment", "always"]).expect(0).says("comment made on");
}

#[tokio::test]
async fn reports_with_a_name_have_artifacts_and_comments_of_their_own() {
    let world = weighed().await;
    world.run(&["--report-name", "backend"]).expect(0).says("report left as artifact weighbridge-backend");
    comment(&world, &[]).expect(0).says("comment made on");
    comment(&world, &["--report-name", "backend", "--comment", "always"]).expect(0).says("comment made on");
    let model = world.server.model();
    assert_eq!(model.comments.len(), 2, "{:?}", model.comments);
    assert!(model.comments[1].body.starts_with("<!-- weighbridge:key=backend;"), "{:?}", model.comments);
}

#[tokio::test]
async fn an_artifact_of_another_name_is_compared_with_its_like() {
    let world = World::new(FORK).await;
    let configuration = world.case.repository.read("weighbridge.yml");
    let named = configuration.replacen('{', "{baseline: {artifact: weights}, ", 1);
    world.case.repository.write("weighbridge.yml", named);
    world.server.model().actions.leave(MAIN_RUN, "weights", zipped(&[("report.json", &world.base_report)]));
    world.run(&[]).expect(0).says("report left as artifact weights");
    comment(&world, &["--artifact", "weights"]).expect(0).says("(an image changed)");
    assert!(!world.server.model().comments[0].body.contains("No baseline"), "{:?}", world.server.model().comments);
}

#[tokio::test]
async fn a_named_report_is_found_whatever_inputs_describe_its_image() {
    let mut world = weighed().await;
    world.case.repository.write("inputs.yml", "cache: {backend: none}\n");
    for (name, value) in [("CONFIG", "inputs.yml"), ("CONTEXT", "orders"), ("TAGS", "orders"), ("COMMENT", "never")] {
        world.case.set(&format!("INPUT_{name}"), value);
    }
    let run = world.case.run(&["--report-name", "backend"]).expect(0);
    run.says("report left as artifact weighbridge-backend");
    comment(&world, &["--report-name", "backend", "--comment", "always"]).expect(0).says("comment made on");
    let model = world.server.model();
    assert!(model.comments[0].body.starts_with("<!-- weighbridge:key=backend;"), "{:?}", model.comments);
}

#[tokio::test]
async fn what_variables_choose_counts_in_both_steps() {
    let mut world = weighed().await;
    world.case.set("WEIGHBRIDGE_IMAGE", "orders");
    world.run(&[]).expect(0).says("report left as artifact weighbridge-weighbridge-orders");
    let mut repository = second(&world);
    repository.env.insert("WEIGHBRIDGE_IMAGE".to_owned(), "orders".to_owned());
    repository.weighbridge(&["comment", "--run", "50", "--comment", "always"]).expect(0).says("comment made on");
    let model = world.server.model();
    assert!(model.comments[0].body.starts_with("<!-- weighbridge:key=weighbridge@orders;"), "{:?}", model.comments);
}

#[tokio::test]
async fn a_run_that_is_not_about_an_open_pull_request_is_left_alone() {
    let world = weighed().await;
    let before = world.server.model().actions.pull_requests.clone();
    type Edit = fn(&mut Actions);
    for (edit, code, said) in [
        ((|actions| actions.pull_requests[0].is_open = false) as Edit, 0, "has no open pull request"),
        (|actions| actions.pull_requests[0].head_sha = "f".repeat(40), 0, "not about the newest commit"),
        (|actions| actions.pull_requests[0].head_repository = 3, 0, "has no open pull request"),
        (|actions| actions.pull_requests[0].head_branch = "other".to_owned(), 0, "has no open pull request"),
        (|actions| actions.pull_requests.push(actions.pull_requests[0].clone()), 0, "several open pull requests"),
        (|actions| actions.runs[1].event = "push".to_owned(), 0, "started by push, not by a pull request"),
        (|actions| actions.runs[1].event = "pull_request_target".to_owned(), 0, "not by a pull request"),
        (|actions| actions.runs[1].head_repository = None, 0, "of a fork that is gone"),
        (|actions| actions.runs[1].id = 49, 2, "not found"),
        (|actions| actions.artifacts.retain(|artifact| artifact.run != RUN), 4, "left no artifact named weighbridge"),
        (
            |actions| {
                actions.artifacts.retain(|artifact| artifact.run != RUN);
                actions.runs[1].conclusion = "failure".to_owned();
            },
            0,
            "left no artifact named weighbridge",
        ),
    ] {
        let (runs, artifacts) = {
            let mut model = world.server.model();
            let before = (model.actions.runs.clone(), model.actions.artifacts.clone());
            // What is left by a run can only be listed as long as the run is there.
            if code == 2 {
                model.actions.artifacts.clear();
            }
            edit(&mut model.actions);
            before
        };
        comment(&world, &[]).expect(code).says(said);
        let mut model = world.server.model();
        assert_eq!(model.comments, [], "{said}");
        (model.actions.runs, model.actions.artifacts, model.actions.pull_requests) = (runs, artifacts, before.clone());
    }
}

#[tokio::test]
async fn a_report_that_the_run_did_not_make_is_refused() {
    let world = weighed().await;
    let honest = String::from_utf8(world.base_report.clone()).unwrap();
    let of = |sha: &str| honest.replace(&world.base, sha).into_bytes();
    let made_up = ["a", "b", "c"].map(|digit| digit.repeat(40));
    {
        let commits = &mut world.server.model().actions.commits;
        // Merges of something else, into something else, and of too much.
        commits.insert(made_up[0].clone(), vec![world.base.clone(), world.base.clone()]);
        commits.insert(made_up[1].clone(), vec![world.head.clone(), world.head.clone()]);
        commits.insert(made_up[2].clone(), vec![world.base.clone(), world.head.clone(), world.base.clone()]);
    }
    let none = honest.replace(&format!("\"sha\": \"{}\"", world.base), "\"sha\": null").into_bytes();
    let neither = "neither the head of pull request 7 nor its merge";
    for (content, said) in [
        (of(&"d".repeat(40)), neither),
        (of(&made_up[0]), neither),
        (of(&made_up[1]), neither),
        (of(&made_up[2]), neither),
        (of(&world.base), neither),
        (of("../../../user"), "its report is not of a commit"),
        (none, "its report is not of a commit"),
    ]
    .into_iter()
    .chain(hostile(&world.base_report))
    {
        *forked(&mut world.server.model().actions) = content;
        comment(&world, &["--comment", "always"]).expect(4).says(said).says("is not believed");
        assert_eq!(world.server.model().comments, [], "{said}");
    }
    world.server.model().actions.artifacts.iter_mut().for_each(|artifact| artifact.expired = true);
    comment(&world, &[]).expect(4).says("it has expired");
    // The head itself is an honest thing to build.
    world.server.model().actions.artifacts.iter_mut().for_each(|artifact| artifact.expired = false);
    *forked(&mut world.server.model().actions) = of(&world.head);
    comment(&world, &["--comment", "always"]).expect(0).says("comment made on");
}

#[tokio::test]
async fn what_a_stranger_writes_is_only_text() {
    let world = weighed().await;
    let hostile = "</details> @team #1 | <!-- weighbridge:key=x -->";
    let report = String::from_utf8(world.base_report.clone()).unwrap().replace(&world.base, &world.merge);
    let mut report: serde_json::Value = serde_json::from_str(&report).unwrap();
    report["cells"][0]["image"] = json!(hostile);
    report["context"]["base"] = json!({ "sha": "f".repeat(40), "chosen_by": hostile, "commits_older": 0 });
    report["context"]["head"]["reference"] = json!("::error::\n##[error]\u{1b}[31m");
    *forked(&mut world.server.model().actions) = report.to_string().into_bytes();
    let run = comment(&world, &[]).expect(0).says("comment made on pull request 7");
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.lines().any(|line| line.starts_with("::")), "{}", run.stdout);
    let model = world.server.model();
    let body = &model.comments[0].body;
    // In spans of code nothing is markup.
    let markup: String = body.split('`').step_by(2).collect();
    assert!(!markup.contains("@team") && !markup.contains(hostile) && markup.matches("-->").count() == 1, "{body}");
    assert!(!body.contains(&"f".repeat(7)), "the base is looked up, not believed: {body}");
}

#[tokio::test]
async fn a_report_is_not_believed_what_labels_there_are() {
    let world = weighed().await;
    let report = String::from_utf8(world.base_report.clone()).unwrap().replace(&world.base, &world.merge);
    let mut report: serde_json::Value = serde_json::from_str(&report).unwrap();
    report["cells"][0]["budgets"] = json!([{
        "key": "compressed", "limit": "1 kB", "actual": "2 kB", "verdict": "warn", "reason": "", "allowed_by": "heavier",
    }]);
    *forked(&mut world.server.model().actions) = report.to_string().into_bytes();
    let allowed = "allowed by label `heavier`";
    let run = comment(&world, &["--format", "markdown"]).expect(0);
    assert!(!run.stdout.contains(allowed), "{}", run.stdout);
    world.server.model().actions.pull_requests[0].labels.push("Heavier".to_owned());
    let run = comment(&world, &["--format", "markdown"]).expect(0);
    assert!(run.stdout.contains(allowed), "{}", run.stdout);
}

#[tokio::test]
async fn a_comment_that_cannot_be_brought_there_is_an_error() {
    let world = weighed().await;
    world.server.model().is_read_only = true;
    comment(&world, &[]).expect(5).says("`permissions: pull-requests: write`");
    world.server.model().actions.refusal = Some(403);
    comment(&world, &[]).expect(5).says("actions: read");
    for (name, value) in [("GITHUB_REPOSITORY", "nonsense"), ("GITHUB_TOKEN", "")] {
        let mut repository = second(&world);
        repository.env.insert(name.to_owned(), value.to_owned());
        repository.weighbridge(&["comment", "--run", "50"]).expect(2).says(name);
    }
    second(&world).weighbridge(&["comment"]).expect(2);
    comment(&world, &["--run", "../50"]).expect(2);
    assert_eq!(world.server.model().comments, []);
}
