//! The fakes of remote caches hold what they promise to the real engine: what was exported to them is imported by an
//! engine that knows nothing of it, and each of their faults does to a build what `BuildKit` makes of it.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::cache_service::{CacheService, mint_token};
use super::delivery::registry;
use super::engine::{Engine, forget};
use super::faulty_registry::{Fault, FaultyRegistry};
use super::repository;
use super::solve::Solve;
use super::support::Repository;

const STEPS: usize = 3;
const MAIN: (&str, u8) = ("refs/heads/main", 3);
const FEATURE: [(&str, u8); 2] = [("refs/heads/feature", 3), ("refs/heads/main", 1)];
const GHA_FROM: &str = "--cache-from=type=gha,scope=app";
const GHA_TO: &str = "--cache-to=type=gha,scope=app,mode=max,ignore-error=true,timeout=3s";

type Misbehave = fn(&CacheService);

/// An image of a test's own: two stages, three steps, and a layer that is larger than one block of an upload.
struct Image {
    directory: Repository,
    /// Part of every step.
    name: String,
}

impl Image {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("file-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = repository();
        directory.write("Dockerfile", dockerfile(&name));
        directory.write(&name, noise(&name, 1_500_000));
        directory.write(&format!("{name}.small"), &name);
        Self { directory, name }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn gha(&self, service: &CacheService, token: &str, arguments: &[&str]) -> Solve {
        Solve::run(self.path(), arguments, &service.variables(token))
    }

    /// Fills the cache of a service and lets the engine forget what is in it.
    fn exported(service: &CacheService, token: &str) -> Self {
        let image = Self::new();
        let solve = image.gha(service, token, &[GHA_TO]).expect(0);
        assert_eq!(solve.error("exporting to GitHub Actions Cache"), None);
        forget(&[&image.name]);
        image
    }
}

fn dockerfile(name: &str) -> String {
    format!(
        "FROM scratch AS build\nCOPY {name} /{name}\n\
         FROM scratch\nCOPY --from=build /{name} /{name}\nCOPY {name}.small /{name}.small\n"
    )
}

/// Bytes that do not compress, the same for the same name.
fn noise(name: &str, bytes: usize) -> Vec<u8> {
    let seed = name.bytes().fold(1_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Some(state.to_be_bytes()[0])
    };
    std::iter::repeat(()).scan(seed, |state, ()| next(state)).take(bytes).collect()
}

fn blobs(service: &CacheService, method: &str) -> usize {
    let of_layer = |key: &str| key.starts_with("buildkit-blob-");
    service.requests().iter().filter(|request| request.method == method && of_layer(&request.key)).count()
}

#[test]
fn what_was_exported_to_the_service_is_imported_by_an_engine_that_forgot_it() {
    let service = CacheService::start();
    let token = mint_token(&FEATURE, 3600);
    let image = Image::exported(&service, &token);
    assert!(blobs(&service, "PUT") > STEPS, "no layer was sent in blocks");
    assert_eq!(Solve::run(image.path(), &[], &[]).expect(0).cached_of_steps(), (0, STEPS), "it was not forgotten");
    forget(&[&image.name]);
    let solve = image.gha(&service, &token, &[GHA_FROM]).expect(0);
    assert_eq!(solve.cached_of_steps(), (STEPS, STEPS));
    let fetched = blobs(&service, "GET");
    assert!(fetched >= 2, "the layers of the last stage: {:?}", service.requests());
}

#[test]
fn a_branch_imports_what_its_base_exported_and_not_the_other_way_round() {
    let base = mint_token(&[MAIN], 3600);
    let branch = mint_token(&FEATURE, 3600);
    for (writer, reader, cached) in [(&base, &branch, STEPS), (&branch, &base, 0)] {
        let service = CacheService::start();
        let image = Image::exported(&service, writer);
        let solve = image.gha(&service, reader, &[GHA_FROM]).expect(0);
        assert_eq!(solve.cached_of_steps(), (cached, STEPS));
    }
}

#[test]
fn another_engine_imports_what_this_one_exported() {
    let (service, token, image) = (CacheService::start(), mint_token(&FEATURE, 3600), Image::new());
    image.gha(&service, &token, &[GHA_TO]).expect(0);
    let engine = Engine::start();
    let variables = [engine.variables(), &service.variables(&token)].concat();
    assert_eq!(Solve::run(image.path(), &[GHA_FROM], &variables).expect(0).cached_of_steps(), (STEPS, STEPS));
    assert_eq!(blobs(&service, "GET"), 2, "the layers of the last stage: {:?}", service.requests());
}

#[test]
fn a_refused_export_does_not_break_the_build() {
    let cases: [(Misbehave, u16, &str); 2] = [
        (CacheService::deny_writes, 200, "error writing layer blob: failed to reserve cache"),
        (|service| service.throttle_writes(1), 429, "error writing layer blob: maximum timeout reached: "),
    ];
    for (misbehave, status, text) in cases {
        let service = CacheService::start();
        misbehave(&service);
        let solve = Image::new().gha(&service, &mint_token(&FEATURE, 3600), &[GHA_TO]).expect(0);
        let error = solve.error("exporting to GitHub Actions Cache").unwrap();
        assert!(error.starts_with(text), "{error}");
        let created = service.requests().into_iter().find(|request| request.method == "CreateCacheEntry").unwrap();
        assert_eq!(created.status, Some(status));
    }
}

#[test]
fn a_service_that_hangs_holds_up_the_build_until_it_hangs_up() {
    let service = CacheService::start();
    service.hang();
    let image = Image::new();
    let variables = service.variables(&mint_token(&FEATURE, 3600));
    std::thread::scope(|scope| {
        let build = scope.spawn(|| Solve::run(image.path(), &[GHA_FROM], &variables));
        while service.requests().len() < FEATURE.len() {
            assert!(!build.is_finished(), "the build did not wait");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(service.requests().iter().all(|request| request.status.is_none()));
        std::thread::sleep(Duration::from_secs(1));
        assert!(!build.is_finished(), "the build did not wait");
        drop(service);
        let error = build.join().unwrap().expect(0).error("importing cache manifest from gha:").unwrap();
        assert!(error.ends_with("GetCacheEntryDownloadURL\": EOF"), "{error}");
    });
}

#[test]
fn an_entry_that_is_gone_makes_steps_run_and_a_blob_that_is_gone_breaks_the_build() {
    let token = mint_token(&FEATURE, 3600);
    let service = CacheService::start();
    let image = Image::exported(&service, &token);
    service.lose_blobs(1);
    let solve = image.gha(&service, &token, &[GHA_FROM]).expect(1);
    assert!(solve.stderr.contains("RESPONSE 404: 404 Not Found"), "{}", solve.stderr);
    service.lose_entries(0);
    let solve = image.gha(&service, &token, &[GHA_FROM]).expect(0);
    assert!(solve.stderr.contains("\"error\":\"blob sha256:"), "{}", solve.stderr);
    assert_eq!(solve.error("[stage-1 2/2] COPY"), None);
}

#[test]
fn a_token_that_has_expired_breaks_the_build_before_the_service_hears_of_it() {
    let service = CacheService::start();
    let solve = Image::new().gha(&service, &mint_token(&FEATURE, -60), &[GHA_TO]).expect(1);
    assert!(solve.stderr.contains("failed to configure gha cache exporter: cache token expired at"), "{solve:?}");
    assert_eq!(service.requests(), []);
}

fn registry_cache(registry: &FaultyRegistry, image: &Image) -> (String, [String; 2]) {
    let repository = format!("e2e/cache-{}", image.name);
    let reference = format!("{}/{repository}:cache", registry.host());
    let from = format!("--cache-from=type=registry,ref={reference}");
    let to = format!("--cache-to=type=registry,ref={reference},mode=max,ignore-error=true");
    (format!("/v2/{repository}/"), [from, to])
}

#[test]
fn what_was_exported_to_the_registry_is_imported_by_an_engine_that_forgot_it() {
    let (registry, image) = (FaultyRegistry::start(registry()), Image::new());
    let (path, [from, to]) = registry_cache(&registry, &image);
    let solve = Solve::run(image.path(), &[&to], &[]).expect(0);
    assert_eq!(solve.error("exporting cache to registry"), None);
    forget(&[&image.name]);
    assert_eq!(Solve::run(image.path(), &[&from], &[]).expect(0).cached_of_steps(), (STEPS, STEPS));
    let requests = registry.requests();
    assert!(requests.iter().all(|request| request.path.starts_with(&path)), "{requests:?}");
    assert!(requests.iter().any(|request| request.method == "PUT" && request.status == Some(201)), "{requests:?}");
}

#[test]
fn a_registry_that_refuses_does_not_break_the_build() {
    for (status, text) in [(401, "401 Unauthorized"), (403, "403 Forbidden"), (429, "429 Too Many Requests")] {
        let (registry, image) = (FaultyRegistry::start(registry()), Image::new());
        let (path, [from, to]) = registry_cache(&registry, &image);
        registry.fault("*", &path, 1, Fault::Refuse(status));
        let solve = Solve::run(image.path(), &[&from, &to], &[]).expect(0);
        for vertex in ["importing cache manifest from", "exporting cache to registry"] {
            let error = solve.error(vertex).unwrap();
            assert!(error.ends_with(text), "{vertex}: {error}");
        }
    }
}

#[test]
fn a_registry_that_drops_uploads_does_not_break_the_build_and_the_first_ones_arrive() {
    let (registry, image) = (FaultyRegistry::start(registry()), Image::new());
    let (path, [_, to]) = registry_cache(&registry, &image);
    registry.fault("PUT", &path, 2, Fault::Drop);
    let solve = Solve::run(image.path(), &[&to], &[]).expect(0);
    let error = solve.error("exporting cache to registry").unwrap();
    assert!(error.ends_with("EOF"), "{error}");
    let puts = registry.requests().into_iter().filter(|request| request.method == "PUT");
    let statuses: Vec<_> = puts.map(|request| request.status).collect();
    assert_eq!((statuses[0], statuses[1]), (Some(201), None));
}

#[test]
fn a_registry_that_is_late_delays_the_import() {
    let (registry, image) = (FaultyRegistry::start(registry()), Image::new());
    let (path, [from, _]) = registry_cache(&registry, &image);
    registry.fault("HEAD", &path, 1, Fault::Delay(Duration::from_secs(2)));
    let start = std::time::Instant::now();
    let solve = Solve::run(image.path(), &[&from], &[]).expect(0);
    assert!(start.elapsed() > Duration::from_secs(2));
    assert!(solve.error("importing cache manifest from").unwrap().ends_with(": not found"));
}
