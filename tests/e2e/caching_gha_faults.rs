//! The cache of GitHub Actions where it misbehaves or cannot be used: no build fails for it or waits for it without an
//! end, each trouble is told once with what to do, and the token is told to nobody.

use std::time::{Duration, Instant};

use super::cache_service::{CacheService, mint_token};
use super::caching_gha::{FEATURE, MAIN, job};
use super::engine::Engine;
use super::job::STEPS;

/// The time limit of 3 s, and what the builds before and after it take on a slow machine.
const SOON: Duration = Duration::from_secs(60);

type Misbehave = fn(&CacheService);

#[test]
fn a_write_that_is_denied_is_told_with_what_to_do() {
    let service = CacheService::start();
    service.deny_writes();
    let texts = &["the Actions cache refused the write", "write on the default branch alone"];
    let built = job(&service, "", &[MAIN]).run().finds(&[("cache-export-failed", texts)]);
    assert_eq!(built.exports(), ["gha failed"]);
}

/// An engine of its own, as the waiting after 429 is shared by all builds of one.
#[test]
fn a_service_that_throttles_is_told_and_is_not_waited_for() {
    let (service, engine) = (CacheService::start(), Engine::start());
    service.throttle_writes(30);
    let mut job = job(&service, "timeout: 3s", &[MAIN]);
    job.set(engine.variables().to_vec());
    let start = Instant::now();
    job.run().finds(&[("cache-export-failed", &["the store throttled us", "cache.mode: min"])]);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_token_that_is_of_no_use_is_left_aside_and_told_with_what_to_do() {
    let expired = mint_token(&[MAIN], -60);
    for (token, texts) in [
        (expired.as_str(), ["ACTIONS_RUNTIME_TOKEN has expired", "use a registry cache for jobs this long"]),
        ("not-a-token", ["cannot be read, as it is no JSON Web Token", "run weighbridge as an action"]),
        ("", ["no ACTIONS_RUNTIME_TOKEN", "run weighbridge as an action or use a registry cache"]),
    ] {
        let service = CacheService::start();
        let mut job = job(&service, "", &[MAIN]);
        job.set([("ACTIONS_RUNTIME_TOKEN", token)]);
        job.run().finds(&[("cache-dropped", &texts)]);
        assert_eq!(service.requests(), []);
    }
}

#[test]
fn entries_that_are_gone_make_their_steps_run() {
    let service = CacheService::start();
    let mut job = job(&service, "", &[MAIN]);
    job.run();
    job.forget();
    job.requests("feature", "main");
    job.set(service.variables(&mint_token(&FEATURE, 3600)));
    service.lose_entries(1);
    let texts = &["in the cache that was read, but", "the next write mends it"];
    let built = job.run().finds(&[("cache-import-failed", texts)]);
    assert!(built.remote_and_cached().1 < STEPS, "{:#}", built.cell);
}

#[test]
fn a_build_whose_cache_has_lost_its_layers_is_built_without_it() {
    let service = CacheService::start();
    let job = job(&service, "", &[MAIN]);
    job.run();
    job.forget();
    service.lose_blobs(1);
    let texts = &["a part of it is gone", "the next write mends it"];
    let built = job.run().finds(&[("cache-dropped", texts)]);
    assert!(built.cell["compressed_bytes"].is_u64(), "{:#}", built.cell);
    assert_eq!((built.remote_and_cached().0, built.exports().join(", ")), (0, "gha done".into()));
}

#[test]
fn a_service_that_never_answers_is_left_out() {
    let service = CacheService::start();
    service.hang();
    let job = job(&service, "timeout: 3s", &[MAIN]);
    let start = Instant::now();
    let texts = &["the Actions cache did not answer within 3.00s", "check the store"];
    let built = job.run().finds(&[("cache-dropped", texts)]);
    assert_eq!((built.imports().len(), built.exports().len()), (0, 0));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_service_that_never_answers_a_write_is_not_waited_for() {
    let service = CacheService::start();
    service.hang();
    let mut job = job(&service, "timeout: 3s", &[MAIN]);
    job.set([("ACTIONS_CACHE_MODE", "write-only")]);
    let start = Instant::now();
    job.run().finds(&[("cache-dropped", &["writing the cache came to a halt for 3.00s", "raise cache.timeout"])]);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// Every run of a job insists on it; these say as much as can be said.
#[test]
fn the_token_is_told_to_nobody() {
    let misbehaviours: [Misbehave; 3] = [|_| (), CacheService::deny_writes, |service| service.lose_blobs(0)];
    for misbehave in misbehaviours {
        let service = CacheService::start();
        let job = job(&service, "", &[MAIN]);
        job.run_to(&["-vv"], 0);
        job.forget();
        misbehave(&service);
        let run = job.run_to(&["-vv"], 0).run;
        assert!(job.has_told(&run, "gha") && !job.has_told(&run, &job.repository.env["ACTIONS_RUNTIME_TOKEN"]));
    }
}
