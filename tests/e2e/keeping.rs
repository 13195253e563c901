//! Reports in a registry: what a run of main left there, others find on a machine that knows nothing; nobody else writes,
//! and a registry that misbehaves costs a baseline and nothing more.

use std::time::{Duration, Instant};

use weighbridge::baseline::{OciStore, Recorded, Store, record};
use weighbridge::env::Env;
use weighbridge::registry::Repository;
use weighbridge::report::{Report, v1};

use super::delivery::registry;
use super::faulty_registry::{Fault, FaultyRegistry};
use super::job::Job;

/// A job on main that keeps its reports in a repository of the registry.
fn job(registry: &FaultyRegistry, settings: &str) -> Job {
    let job = Job::new("backend: none");
    let config = job.repository.read("weighbridge.yml");
    let baseline = format!("baseline: {{ ref: {}/e2e/{}{settings} }}\n", registry.host(), job.name);
    job.repository.write("weighbridge.yml", baseline + &config);
    job.repository.commit("keep");
    job
}

/// Leaves main for a branch with a commit of its own, on a machine without a history.
fn branches_off(job: &Job) {
    std::fs::remove_dir_all(job.repository.path().join(".weighbridge")).unwrap();
    job.repository.git(&["checkout", "--quiet", "-b", "topic"]);
    job.repository.commit("topic");
}

fn base(job: &Job) -> serde_json::Value {
    job.repository.report()["context"]["base"].clone()
}

fn writes(registry: &FaultyRegistry) -> usize {
    registry.requests().iter().filter(|request| !["GET", "HEAD"].contains(&request.method.as_str())).count()
}

#[test]
fn what_main_left_in_the_registry_is_found_without_any_history() {
    let registry = FaultyRegistry::start(registry());
    let mut job = job(&registry, ", moving_tag: true");
    job.pushes("main");
    job.run();
    let main = job.repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let paths: Vec<String> = registry.requests().into_iter().map(|request| request.path).collect();
    for tag in [format!("weighbridge-sha-{main}"), "weighbridge-main".to_owned()] {
        assert!(paths.iter().any(|path| path.ends_with(&format!("/manifests/{tag}"))), "{paths:#?}");
    }
    branches_off(&job);
    job.requests("topic", "main");
    let written = writes(&registry);
    job.run();
    let store = format!("the registry, {}/e2e/{}", registry.host(), job.name);
    assert_eq!((base(&job)["sha"].as_str(), base(&job)["store"].as_str()), (Some(&*main), Some(&*store)));
    assert!(job.repository.read(".weighbridge/report.md").contains(&job.name));
    job.requests_from_fork("topic", "main");
    job.run();
    assert_eq!(base(&job)["sha"].as_str(), Some(&*main));
    job.pushes("topic");
    job.run();
    assert_eq!(writes(&registry), written, "{:#?}", registry.requests());
}

#[test]
fn a_registry_that_misbehaves_costs_a_baseline_and_nothing_more() {
    for (fault, said) in [
        (Fault::Refuse(401), "not allowed to ("),
        (Fault::Refuse(403), "not allowed to ("),
        (Fault::Refuse(429), "not reached ("),
        (Fault::Refuse(503), "not reached ("),
        (Fault::Drop, "not reached ("),
        (Fault::Delay(Duration::from_secs(600)), "no answer within 20 s"),
    ] {
        let registry = FaultyRegistry::start(registry());
        let mut job = job(&registry, "");
        let path = format!("/v2/e2e/{}/", job.name);
        std::fs::create_dir(job.repository.path().join(".weighbridge")).unwrap();
        branches_off(&job);
        job.requests("topic", "main");
        registry.fault("*", &path, 1, fault);
        let started = Instant::now();
        let built = job.run();
        assert!(built.run.stderr.contains(said), "{fault:?}: {}", built.run.stderr);
        assert_eq!(built.run.stderr.matches("baseline passed over").count(), 1, "{fault:?}: {}", built.run.stderr);
        assert!(started.elapsed() < Duration::from_secs(60), "{fault:?}");
        let asked = registry.requests().into_iter().filter(|request| request.path.starts_with(&path)).count();
        // One question, which is asked three times at most.
        assert!(asked <= 3, "{fault:?}: {asked} requests");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_a_warning() {
    let registry = FaultyRegistry::start(registry());
    let mut job = job(&registry, "");
    job.pushes("main");
    registry.fault("PUT", &format!("/v2/e2e/{}/manifests/", job.name), 1, Fault::Refuse(403));
    let stderr = job.run().run.stderr;
    assert!(stderr.contains("warning: not kept as a baseline in the registry, "), "{stderr}");
}

/// The report of a run, as if it was of another commit.
fn report_of(report: &Report, sha: &str) -> Report {
    let mut report = report.clone();
    report.context.head.sha = Some(sha.to_owned());
    report
}

#[test]
fn writers_at_the_same_time_leave_whole_reports() {
    let registry = FaultyRegistry::start(registry());
    let job = Job::new("backend: none");
    job.run();
    let report = v1::from_json(job.repository.read(".weighbridge/report.json").as_bytes()).unwrap();
    let store = || {
        let name = format!("{}/e2e/{}", registry.host(), job.name);
        Store::Oci(OciStore::new(Repository::new(&Env::default(), &name).unwrap(), Some("main")))
    };
    let (shared, other) = ("a".repeat(40), "b".repeat(40));
    let mut longer = report_of(&report, &shared);
    longer.environment.builder = Some("x".repeat(10_000));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let untouched = report_of(&report, &other);
        let saved = |recorded| assert_eq!(recorded, Recorded::Saved { failures: vec![], remarks: vec![] });
        saved(record([&store()], &untouched).await);
        for _ in 0..5 {
            let (one, two, short) = (store(), store(), report_of(&report, &shared));
            let (first, second) = tokio::join!(record([&one], &short), record([&two], &longer));
            saved(first);
            saved(second);
            let loaded = store().load(&shared).await.unwrap().unwrap();
            assert!(loaded == longer || loaded == short);
            assert_eq!(store().load(&other).await.unwrap(), Some(untouched.clone()));
        }
        assert_eq!(store().load(&"c".repeat(40)).await.unwrap(), None);

        // What is immutable keeps what it has.
        registry.fault("PUT", &format!("/v2/e2e/{}/manifests/", job.name), 1, Fault::Refuse(409));
        let recorded = record([&store()], &untouched).await;
        let Recorded::Saved { failures, remarks } = recorded else { panic!() };
        assert_eq!((failures.len(), remarks.len()), (0, 1), "{failures:?} {remarks:?}");
        assert!(remarks[0].contains("the tag weighbridge-main still shows an earlier report"), "{remarks:?}");
    });
}

#[test]
fn an_image_under_the_tag_of_a_commit_is_not_believed() {
    let registry = FaultyRegistry::start(registry());
    let name = format!("garbage{}", std::process::id());
    let sha = "a".repeat(40);
    registry.put_garbage(&format!("e2e/{name}"), &format!("weighbridge-sha-{sha}"));
    let repository = Repository::new(&Env::default(), &format!("{}/e2e/{name}", registry.host())).unwrap();
    let store = Store::Oci(OciStore::new(repository, None));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = format!("{:#}", runtime.block_on(store.load(&sha)).unwrap_err());
    assert!(error.contains("it is no artifact of type application/vnd.weighbridge.metrics.v1+json"), "{error}");
}
