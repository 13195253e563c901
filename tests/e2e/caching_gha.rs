//! The cache of GitHub Actions: who reads and writes what, as the service sees it.

use super::cache_service::{CacheService, mint_token};
use super::job::Job;

pub(crate) const MAIN: (&str, u8) = ("refs/heads/main", 3);
pub(crate) const FEATURE: [(&str, u8); 2] = [("refs/heads/feature", 3), ("refs/heads/main", 1)];

/// A push to main with a token for these scopes.
pub(crate) fn job(service: &CacheService, settings: &str, scopes: &[(&str, u8)]) -> Job {
    let mut job = Job::new(settings);
    job.pushes("main");
    job.set(service.variables(&mint_token(scopes, 3600)));
    job
}

/// How often a method of the service was called.
fn calls(service: &CacheService, method: &str) -> usize {
    service.requests().iter().filter(|request| request.method == method).count()
}

#[test]
fn what_main_wrote_is_read_after_everything_was_forgotten() {
    let service = CacheService::start();
    let job = job(&service, "mode: max", &[MAIN]);
    let cold = job.run().finds(&[]);
    assert_eq!((cold.remote_and_cached(), cold.exports().join(", ")), ((0, 0), "gha done".into()));
    job.forget();
    let warm = job.run().finds(&[]).all_remote();
    assert_eq!((warm.imports().join(", "), warm.exports().join(", ")), ("gha done".into(), "gha done".into()));
    assert!(warm.cell["cache"]["imported_bytes"].as_u64().unwrap() > 0, "{:#}", warm.cell);
}

#[test]
fn a_pull_request_reads_what_its_base_wrote() {
    let service = CacheService::start();
    let mut job = job(&service, "", &[MAIN]);
    job.run();
    job.forget();
    let created = calls(&service, "CreateCacheEntry");
    job.requests("feature", "main");
    job.set(service.variables(&mint_token(&FEATURE, 3600)));
    let read = job.run().finds(&[]).all_remote();
    assert_eq!(read.imports(), ["gha done"]);
    assert_eq!(calls(&service, "CreateCacheEntry"), created, "a pull request wrote");
}

#[test]
fn with_a_token_that_may_only_read_nothing_is_tried_in_vain() {
    let service = CacheService::start();
    let built = job(&service, "", &[("refs/heads/main", 1)]).run().finds(&[]);
    assert!(built.left_out().contains("no cache-to: the token has no writable scope"), "{}", built.left_out());
    assert_eq!((built.exports().len(), calls(&service, "CreateCacheEntry")), (0, 0));
    assert!(calls(&service, "GetCacheEntryDownloadURL") > 0, "nothing was read");
}

#[test]
fn the_service_sees_what_the_mode_of_the_workflow_allows() {
    let service = CacheService::start();
    let mut job = job(&service, "", &[MAIN]);
    let created = || calls(&service, "CreateCacheEntry");
    let fetched = || calls(&service, "GET");
    job.set([("ACTIONS_CACHE_MODE", "write")]);
    job.run().finds(&[]);
    let (written, read) = (created(), fetched());
    assert!(written > 0);

    job.forget();
    job.set([("ACTIONS_CACHE_MODE", "write-only")]);
    let built = job.run().finds(&[]);
    assert_eq!((built.remote_and_cached(), built.imports().len(), built.exports().len()), ((0, 0), 0, 1));

    job.forget();
    job.set([("ACTIONS_CACHE_MODE", "none")]);
    let (requests, written) = (service.requests().len(), created());
    assert_eq!(job.run().finds(&[]).remote_and_cached(), (0, 0));
    assert_eq!(service.requests().len(), requests, "the service was asked");

    job.forget();
    job.set([("ACTIONS_CACHE_MODE", "read")]);
    job.run().finds(&[]).all_remote();
    assert_eq!(created(), written, "it was written");
    assert!(fetched() > read);
}

#[test]
fn the_images_of_a_matrix_do_not_overwrite_each_other() {
    let service = CacheService::start();
    let mut job = Job::of(&["app", "web"], "");
    job.pushes("main");
    job.set(service.variables(&mint_token(&[MAIN], 3600)));
    for image in ["app", "web"] {
        assert_eq!(job.run_to(&["--image", image], 0).exports(), ["gha done"]);
    }
    job.forget();
    for image in ["app", "web"] {
        job.run_to(&["--image", image], 0).finds(&[]).all_remote();
    }
}
