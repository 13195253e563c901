//! Caches in a registry: what one run wrote is read by later ones on engines that know nothing of it, and runs that
//! others cannot trust write nothing.

use super::delivery::registry;
use super::engine::Engine;
use super::faulty_registry::FaultyRegistry;
use super::job::Job;

type Event = fn(&mut Job);

fn job(registry: &FaultyRegistry, settings: &str) -> Job {
    Job::new(&format!("backend: registry, ref: {}/e2e/NAME{settings}", registry.host()))
}

/// How often anything was written to the registry.
fn writes(registry: &FaultyRegistry) -> usize {
    registry.requests().iter().filter(|request| !["GET", "HEAD"].contains(&request.method.as_str())).count()
}

#[test]
fn what_main_wrote_is_read_after_everything_was_forgotten() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, "");
    let cold = job.run().finds(&[]);
    assert_eq!(cold.remote_and_cached(), (0, 0), "{:#}", cold.cell);
    assert_eq!((cold.imports().join(", "), cold.exports().join(", ")), ("main not_found".into(), "main done".into()));
    job.forget();
    let warm = job.run().finds(&[]).all_remote();
    assert_eq!((warm.imports().join(", "), warm.exports().join(", ")), ("main done".into(), "main done".into()));
    let told = job.repository.read(".weighbridge/report.md");
    assert!(told.contains("`registry` of `main` (own branch) read in"), "{told}");
}

#[test]
fn a_new_engine_reads_what_another_one_wrote() {
    let registry = FaultyRegistry::start(registry());
    let mut job = job(&registry, "");
    job.run();
    let engine = Engine::start();
    job.set(engine.variables().to_vec());
    assert_eq!(job.run().all_remote().imports(), ["main done"]);
}

#[test]
fn a_pull_request_reads_its_own_branch_then_its_base_then_the_default_branch() {
    let registry = FaultyRegistry::start(registry());
    let mut job = job(&registry, ", branches: [release]");
    job.pushes("release");
    assert_eq!(job.run().exports(), ["release done"]);
    job.forget();
    job.requests("topic", "release");
    let read = job.run().finds(&[]).all_remote();
    assert_eq!(read.imports(), ["topic not_found", "release done", "main not_found"]);
}

#[test]
fn what_others_cannot_trust_or_will_not_read_again_is_not_written() {
    let cases: [(&str, Event, &str); 5] = [
        ("", |job| job.requests("topic", "main"), "read only: pull request"),
        (", pull_requests: write", |job| job.requests_from_fork("topic", "main"), "pull request from a fork"),
        (", pull_requests: write", |job| job.requests_from_fork("main", "main"), "pull request from a fork"),
        ("", |job| job.tags("v1"), "read only: a tag is built once"),
        ("", |job| job.pushes("topic"), "read only: topic is neither the default branch nor"),
    ];
    for (settings, event, reason) in cases {
        let registry = FaultyRegistry::start(registry());
        let mut job = job(&registry, settings);
        event(&mut job);
        let built = job.run().finds(&[]);
        assert!(built.left_out().contains(reason), "{}", built.left_out());
        assert_eq!((built.exports().len(), writes(&registry)), (0, 0), "{reason}: {:?}", registry.requests());
    }
}

#[test]
fn a_pull_request_that_may_write_has_a_place_of_its_own() {
    let registry = FaultyRegistry::start(registry());
    let mut job = job(&registry, ", pull_requests: write");
    job.requests("topic", "main");
    assert_eq!(job.run().exports(), ["topic done"]);
    job.forget();
    let again = job.run().all_remote();
    assert_eq!(again.imports(), ["topic done", "main not_found"]);
}

#[test]
fn on_gitlab_the_projects_registry_is_used_without_being_asked_for() {
    let registry = FaultyRegistry::start(registry());
    let mut job = Job::new("mode: max");
    let project = format!("{}/e2e/{}", registry.host(), job.name);
    job.gitlab("main", &project);
    assert_eq!(job.run().finds(&[]).exports(), ["main done"]);
    job.forget();
    let written = writes(&registry);
    job.set([("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic"), ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")]);
    let request = job.run().finds(&[]).all_remote();
    assert_eq!((request.imports().join(", "), request.exports().len()), ("topic not_found, main done".into(), 0));
    assert_eq!(writes(&registry), written);
}
