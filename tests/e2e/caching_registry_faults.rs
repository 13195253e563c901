//! Registries that misbehave: no build fails for its cache or waits for it without an end, and each trouble is told
//! once, with what to do.

use std::time::{Duration, Instant};

use super::delivery::registry;
use super::engine::Engine;
use super::faulty_registry::{Fault, FaultyRegistry};
use super::job::{Built, Job};

const NEVER: Fault = Fault::Delay(Duration::from_secs(600));
/// The time limit of 3 s, and what the builds before and after it take on a slow machine.
const SOON: Duration = Duration::from_secs(60);
const SILENT: [&str; 2] = ["the store of the cache did not answer within 3.00s", "check the store"];
/// The first blob that is asked for is the config, which promises the others.
const LAYERS: usize = 2;

fn job(registry: &FaultyRegistry, settings: &str) -> Job {
    Job::new(&format!("ref: {}/e2e/NAME{settings}", registry.host()))
}

/// The repository and the tag of the cache that a run has written.
fn place(built: &Built) -> (String, String) {
    let entry = built.cell["cache"]["exports"][0]["entry"].as_str().unwrap();
    let reference = entry.split(',').find_map(|field| field.strip_prefix("ref=")).unwrap();
    let (host_and_repository, tag) = reference.rsplit_once(':').unwrap();
    (host_and_repository.split_once('/').unwrap().1.to_owned(), tag.to_owned())
}

/// The path below which the registry keeps the caches of a job.
fn path(job: &Job, rest: &str) -> String {
    format!("/v2/e2e/{}/{rest}", job.name)
}

#[test]
fn a_registry_that_refuses_is_told_with_what_to_do() {
    for (status, texts) in [
        (401, ["nobody is logged in to the registry", "`docker login`"]),
        (403, ["the credentials do not allow it", "permissions: packages: write"]),
        (429, ["the store throttled us", "cache.mode: min"]),
    ] {
        let registry = FaultyRegistry::start(registry());
        let job = job(&registry, "");
        registry.fault("*", &path(&job, ""), 1, Fault::Refuse(status));
        job.run().finds(&[("cache-import-failed", &texts), ("cache-export-failed", &texts)]);
    }
}

#[test]
fn a_registry_that_is_down_is_told_with_what_to_do() {
    let texts = &["the store cannot be reached", "check its address"];
    let built = Job::new("ref: 127.0.0.1:1/e2e/NAME").run();
    built.finds(&[("cache-import-failed", texts), ("cache-export-failed", texts)]);
}

#[test]
fn a_registry_that_fails_in_the_middle_of_an_export_is_told() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, "");
    registry.fault("PUT", &path(&job, ""), 2, Fault::Refuse(500));
    let built = job.run().finds(&[("cache-export-failed", &["the store failed", "run again"])]);
    assert_eq!(built.exports(), ["main failed"]);
}

#[test]
fn a_registry_that_is_slow_costs_time_and_nothing_else() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, ", timeout: 5s");
    job.run();
    job.forget();
    registry.fault("HEAD", &path(&job, "manifests/"), 1, Fault::Delay(Duration::from_secs(1)));
    let built = job.run().finds(&[]).all_remote();
    assert!(built.cell["cache"]["imports"][0]["seconds"].as_f64().unwrap() >= 1.0, "{:#}", built.cell["cache"]);
}

#[test]
fn a_registry_that_stops_answering_while_it_is_written_is_not_waited_for() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, ", timeout: 3s");
    registry.fault("POST", &path(&job, ""), 1, NEVER);
    let start = Instant::now();
    let texts = &["writing the cache came to a halt for 3.00s", "raise cache.timeout"];
    let built = job.run().finds(&[("cache-dropped", texts)]);
    assert!(built.cell["compressed_bytes"].is_u64(), "{:#}", built.cell);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_registry_that_stops_answering_while_layers_are_fetched_is_not_waited_for() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, ", timeout: 3s");
    job.run();
    job.forget();
    registry.fault("GET", &path(&job, "blobs/"), LAYERS, NEVER);
    let start = Instant::now();
    let built = job.run().finds(&[("cache-dropped", &SILENT)]);
    assert!(built.cell["compressed_bytes"].is_u64(), "{:#}", built.cell);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_registry_that_never_answers_is_left_out() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, ", timeout: 3s");
    registry.fault("*", "/v2/", 1, NEVER);
    let start = Instant::now();
    let texts = [registry.host(), "did not answer within 3.00s".to_owned()];
    let built = job.run().finds(&[("cache-dropped", &texts.each_ref().map(String::as_str))]);
    assert_eq!((built.imports().len(), built.exports().len()), (0, 0));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// One that answered a moment before. BuildKit asks for a cache's manifest while its solver waits, and nothing but the store ends that: the build without
/// the cache goes on when the store hangs up, or as here answers after all.
#[test]
fn a_registry_that_answers_too_late_is_left_out() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, ", timeout: 3s");
    registry.fault("HEAD", &path(&job, "manifests/"), 1, Fault::Delay(Duration::from_secs(7)));
    let start = Instant::now();
    let built = job.run().finds(&[("cache-dropped", &SILENT)]);
    assert_eq!((built.imports().len(), built.exports().len()), (0, 0));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_build_whose_cache_has_lost_its_layers_is_built_without_it_and_mends_it() {
    let registry = FaultyRegistry::start(registry());
    let mut job = job(&registry, "");
    let (repository, tag) = place(&job.run());
    registry.delete_layers(&repository, &tag);
    job.forget();
    let built = job.run().finds(&[("cache-dropped", &["a part of it is gone", "the next write mends it"])]);
    assert!(built.cell["compressed_bytes"].is_u64(), "{:#}", built.cell);
    assert_eq!((built.remote_and_cached().0, built.exports().join(", ")), (0, "main done".into()));
    // The first one keeps what it has imported.
    let engine = Engine::start();
    job.set(engine.variables().to_vec());
    job.run().finds(&[]).all_remote();
}

#[test]
fn a_build_whose_layers_are_refused_is_built_without_the_cache_and_says_why() {
    for (status, text) in [(403, "the credentials do not allow it"), (429, "the store throttled us")] {
        let registry = FaultyRegistry::start(registry());
        let job = job(&registry, "");
        job.run();
        job.forget();
        registry.fault("GET", &path(&job, "blobs/"), LAYERS, Fault::Refuse(status));
        let built = job.run().finds(&[("cache-dropped", &["could not be fetched", text])]);
        assert!(built.cell["compressed_bytes"].is_u64(), "{:#}", built.cell);
    }
}

#[test]
fn something_else_under_the_tag_is_told_and_the_next_write_replaces_it() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, "");
    let (repository, tag) = place(&job.run());
    registry.put_garbage(&repository, &tag);
    job.forget();
    let texts = &["what lies there is not a cache", "the next write replaces it"];
    let built = job.run().finds(&[("cache-import-failed", texts)]);
    assert_eq!((built.remote_and_cached(), built.exports().join(", ")), ((0, 0), "main done".into()));
    job.forget();
    job.run().finds(&[]).all_remote();
}

/// An entry that nobody could use, written by the user: what the builder says of it is all that there is to tell.
#[test]
fn a_cache_that_cannot_be_set_up_is_left_out_and_the_builder_is_quoted() {
    let job = Job::new("backend: none, to: ['type=s3,region=eu']");
    let built =
        job.run().finds(&[("cache-dropped", &["the builder could not set the cache up", "unknown cache exporter"])]);
    assert!(built.cell["compressed_bytes"].is_u64(), "{:#}", built.cell);
}

#[test]
fn a_required_cache_that_fails_fails_the_run() {
    let registry = FaultyRegistry::start(registry());
    let job = job(&registry, ", require: true");
    job.run().finds(&[]);
    job.forget();
    registry.fault("*", &path(&job, ""), 1, Fault::Refuse(403));
    let built = job.run_to(&[], 1);
    let findings = built.cell["findings"].as_array().unwrap();
    assert!(findings.iter().all(|one| one["severity"] == "error"), "{findings:#?}");
    assert_eq!(built.remote_and_cached(), (0, 0));
    built.finds(&[("cache-import-failed", &[]), ("cache-export-failed", &[])]);
}
