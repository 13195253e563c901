//! The artifacts of the base branch's runs as baselines.

use serde_json::json;

use super::*;
use crate::action::log::Log;
use crate::forge_server::artifacts::Actions;
use crate::forge_server::model::{Reply, Trouble, Verb};

#[tokio::test]
async fn a_pull_request_is_compared_with_what_the_run_of_its_base_left() {
    for is_zipped in [true, false] {
        let world = World::new(OWN).await;
        let report = &world.base_report;
        let content =
            if is_zipped { zipped(&[("a/report.json", report), ("a/report.md", b"")]) } else { report.clone() };
        world.left_on_main(content);
        world.run(&[]).expect(0);
        let found = world.case.repository.report()["context"]["base"].clone();
        assert_eq!(found["sha"], json!(world.base), "{found}");
        assert!(world.case.comment().contains("+104.4 kB"), "{}", world.case.comment());
        // It was asked for once, and the store of its content was not told the token, or it would have refused.
        let asked = world.server.model().actions.asked.iter().filter(|path| *path == "actions/artifacts").count();
        assert_eq!((asked, world.server.blob_requests().await.len()), (1, 2));
    }
}

#[tokio::test]
async fn a_fork_may_read_baselines_too() {
    let world = World::new(FORK).await;
    world.left_on_main(zipped(&[("report.json", &world.base_report)]));
    world.run(&[]).expect(0);
    assert!(world.case.comment().contains("+104.4 kB"), "{}", world.case.comment());
}

#[tokio::test]
async fn artifacts_that_prove_nothing_are_passed_over_and_say_why() {
    type Edit = fn(&mut Actions);
    let world = World::new(OWN).await;
    let id = world.left_on_main(zipped(&[("report.json", &world.base_report)]));
    let origin = json!({
        "id": MAIN_RUN, "repository_id": OWN, "head_repository_id": OWN, "head_branch": "main", "head_sha": world.base,
    });
    let edited = |key: &str, value: serde_json::Value| {
        let mut origin = origin.clone();
        origin[key] = value;
        json!({ "workflow_run": origin })
    };
    let honest = json!({ "workflow_run": origin });
    for (listed, edit, expected) in [
        (json!({ "expired": true }), (|_| ()) as Edit, "it has expired"),
        (json!({}), |actions| actions.artifacts[0].expired = true, "it has expired"),
        (honest.clone(), |actions| actions.artifacts[0].expired = true, "it has expired"),
        (edited("head_repository_id", json!(FORK)), |_| (), "it is of a fork"),
        (edited("head_repository_id", json!(null)), |_| (), "it is of a fork"),
        (edited("head_branch", json!("topic")), |_| (), "it is of branch topic, not of main"),
        (edited("head_branch", json!("::error::x\n")), |_| (), "it is of branch"),
        (edited("head_branch", json!(null)), |_| (), "it is of no branch"),
        (edited("id", json!(1_234)), |_| (), "look its run up: not found"),
        (honest.clone(), |actions| actions.runs[0].head_repository = Some(FORK), "its run is of a fork"),
        (honest.clone(), |actions| actions.runs[0].head_repository = None, "its run is of a fork"),
        (honest.clone(), |actions| actions.runs[0].head_branch = "topic".to_owned(), "it is of branch topic"),
        (honest.clone(), |actions| actions.runs[0].event = "pull_request".to_owned(), "started by pull_request"),
        (
            honest.clone(),
            |actions| actions.runs[0].event = "pull_request_target".to_owned(),
            "started by pull_request_",
        ),
        (honest.clone(), |actions| actions.runs[0].head_sha = "f".repeat(40), "its run is of another commit"),
        (json!({ "size_in_bytes": 1_u64 << 40 }), |_| (), "1099511627776 bytes; at most 33554432 are read"),
        (json!({ "digest": format!("sha256:{}", "0".repeat(64)) }), |_| (), "does not have the digest"),
    ] {
        {
            let mut model = world.server.model();
            model.actions.runs[0] = run(MAIN_RUN, "push", "main", &world.base, OWN);
            model.actions.artifacts[0].expired = false;
            model.actions.artifacts[0].listed = listed;
            edit(&mut model.actions);
        }
        let run = world
            .run(&["--no-artifact"])
            .expect(0)
            .says(&format!("baseline passed over: the artifacts named weighbridge: artifact {id}: "));
        let run = run.says(expected);
        assert!(!Log::read(&run.stderr).ended().names().contains(&"error"), "{}", run.stderr);
        assert!(world.case.comment().contains("no usable report of commit"), "{}", world.case.comment());
        std::fs::remove_dir_all(world.case.repository.path().join(".weighbridge")).unwrap();
    }
}

#[tokio::test]
async fn a_content_that_is_no_report_is_passed_over_and_says_why() {
    let world = World::new(OWN).await;
    let other = String::from_utf8(world.base_report.clone()).unwrap().replace(&world.base, &"e".repeat(40));
    let own = [(other.into_bytes(), "is of commit eeeeeeeeeeee")];
    world.left_on_main(Vec::new());
    for (content, expected) in hostile(&world.base_report).into_iter().chain(own) {
        world.server.model().actions.artifacts[0].content = content;
        world.run(&["--no-artifact"]).expect(0).says("baseline passed over: ").says(expected);
        std::fs::remove_dir_all(world.case.repository.path().join(".weighbridge")).unwrap();
    }
}

#[tokio::test]
async fn a_token_that_may_not_read_artifacts_is_told_once() {
    let world = World::new(OWN).await;
    world.server.model().actions.refusal = Some(403);
    let run = world.run(&[]).expect(0).says("weighbridge: not allowed to").says("`permissions: actions: read`");
    assert_eq!(run.stderr.matches("not allowed to").count(), 1, "{}", run.stderr);
}

#[tokio::test]
async fn a_server_without_this_interface_has_lost_no_baseline() {
    let budget = "{images: {orders: {context: orders, budget: {compressed_growth: 1%}}}, cache: {backend: none}}";
    for (status, code) in [(404, 0), (403, 0), (400, 4)] {
        let world = World::new(OWN).await;
        world.case.repository.write("weighbridge.yml", budget);
        world.server.model().actions.refusal = Some(status);
        world.run(&[]).expect(code).says("baseline passed over: the artifacts named weighbridge: ");
    }
}

#[tokio::test]
async fn an_older_commit_stands_in_and_a_server_that_stumbles_is_asked_again() {
    let world = World::new(OWN).await;
    let older = world.case.repository.git(&["rev-parse", "main~1"]).trim().to_owned();
    let report = String::from_utf8(world.base_report.clone()).unwrap().replace(&world.base, &older);
    {
        let mut model = world.server.model();
        model.actions.runs.push(run(30, "schedule", "main", &older, OWN));
        model.actions.leave(30, "weighbridge", report.into_bytes());
        let id = model.actions.leave(MAIN_RUN, "weighbridge", Vec::new());
        model.actions.artifacts.iter_mut().filter(|artifact| artifact.id == id).for_each(|it| it.expired = true);
        // Hundreds of pull requests leave artifacts as well.
        for _ in 0..250 {
            model.actions.leave(RUN, "weighbridge", Vec::new());
        }
        model.troubles.push_back((Verb::Look, Trouble::Before(Reply::error(502, "Bad gateway"))));
    }
    world.run(&[]).expect(0).says("it has expired");
    let found = world.case.repository.report()["context"]["base"].clone();
    assert_eq!((&found["sha"], &found["commits_older"]), (&json!(older), &json!(1)));
}

#[tokio::test]
async fn without_a_token_or_elsewhere_nothing_is_asked() {
    for (name, value) in [("GITHUB_TOKEN", ""), ("GITHUB_ACTIONS", "")] {
        let mut world = World::new(OWN).await;
        world.left_on_main(world.base_report.clone());
        world.case.set(name, value);
        world.run(&["--no-artifact"]).expect(0);
        assert_eq!(world.server.model().actions.asked, [""; 0]);
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_set_up_costs_its_report_and_no_more() {
    for (name, value, reason) in [
        ("NODE_EXTRA_CA_CERTS", "/nonexistent/ca.pem", "/nonexistent/ca.pem"),
        ("GITHUB_REPOSITORY", "", "GITHUB_REPOSITORY names no repository"),
        ("GITHUB_TOKEN", "a b", "holds characters that no token has"),
    ] {
        let mut world = World::new(OWN).await;
        world.case.set(name, value);
        let run =
            world.run(&["--no-artifact"]).expect(0).says("baseline passed over: the artifacts named weighbridge: ");
        run.says(reason);
        assert!(world.case.comment().contains("no usable report of commit"), "{}", world.case.comment());
        let history = world.case.repository.path().join(".weighbridge/history");
        assert_eq!(std::fs::read_dir(history).unwrap().count(), 1, "{name}");
    }
}
