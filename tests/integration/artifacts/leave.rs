//! The report that a run leaves.

use super::*;
use crate::forge_server::artifacts::Artifact;

fn left(world: &World) -> Vec<Artifact> {
    world.server.model().actions.artifacts.clone()
}

#[tokio::test]
async fn a_run_leaves_its_report_once_and_that_costs_it_nothing() {
    for is_camel_case in [false, true] {
        let world = World::new(OWN).await;
        world.server.model().actions.is_camel_case = is_camel_case;
        world.run(&[]).expect(0).says("report left as artifact weighbridge");
        let [artifact] = &left(&world)[..] else { panic!("{:?}", left(&world)) };
        assert_eq!((&*artifact.name, artifact.run), ("weighbridge", RUN));
        let report = weighbridge::forge::artifact::read(&artifact.content).unwrap();
        assert_eq!(report.context.head.sha, Some(world.merge.clone()));
        world.run(&[]).expect(0).says("report not left as artifact weighbridge: refused (HTTP 409: an artifact");
        world.run(&["--image", "web"]).expect(0).says("report left as artifact weighbridge-weighbridge-web");
        assert_eq!(left(&world).len(), 2);
    }
}

#[tokio::test]
async fn a_run_that_has_no_service_or_is_told_not_to_leaves_nothing() {
    for (name, value) in
        [("ACTIONS_RUNTIME_TOKEN", ""), ("ACTIONS_RESULTS_URL", ""), ("GITHUB_SERVER_URL", "https://github.acme.test")]
    {
        let mut world = World::new(OWN).await;
        world.case.set(name, value);
        let run = world.run(&[]).expect(0);
        assert!(!run.stderr.contains("artifact weighbridge"), "{}", run.stderr);
        assert!(left(&world).is_empty());
    }
    let mut world = World::new(OWN).await;
    world.run(&["--no-artifact"]).expect(0);
    for (name, value, said) in [
        ("ACTIONS_RUNTIME_TOKEN", "e30.e30.x", "does not name its run and job"),
        ("ACTIONS_RUNTIME_TOKEN", &*RUNTIME_TOKEN.replace("sig", "other"), "use actions/upload-artifact instead"),
        ("ACTIONS_RESULTS_URL", "nonsense", "ACTIONS_RESULTS_URL"),
    ] {
        world.case.set(name, value);
        world.run(&[]).expect(0).says("report not left as artifact weighbridge: ").says(said);
    }
    assert!(left(&world).is_empty());
}

#[tokio::test]
async fn what_a_run_on_main_leaves_is_the_baseline_of_a_pull_request() {
    let mut world = World::new(FORK).await;
    world.case.repository.git(&["checkout", "--quiet", "main"]);
    world.case.docker.builds("orders", &Build::ok(TestImage::of(1_000)));
    world.server.model().actions.current_run = MAIN_RUN;
    let base = world.base.clone();
    for (name, value) in [
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_BASE_REF", ""),
        ("GITHUB_HEAD_REF", ""),
        ("GITHUB_SHA", &base),
    ] {
        world.case.set(name, value);
    }
    world.run(&[]).expect(0).says("report left as artifact weighbridge");
    std::fs::remove_dir_all(world.case.repository.path().join(".weighbridge")).unwrap();
    let merge = world.merge.clone();
    world.case.repository.git(&["checkout", "--quiet", &merge]);
    world.case.docker.builds("orders", &Build::ok(TestImage::of(100_000)));
    world.server.model().actions.current_run = RUN;
    world.become_a_job(FORK);
    world.run(&[]).expect(0);
    assert!(world.case.comment().contains("+104.4 kB"), "{}", world.case.comment());
}
