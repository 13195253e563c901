//! Tests on a real engine with the real `docker buildx`: `make e2e`, or `scripts/engine run -- cargo test --features
//! e2e --test e2e`. They never skip: without an engine they fail and say so.
#![expect(clippy::disallowed_methods, reason = "tests start programs and write files")]
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod action;
mod bearing;
#[path = "../support/cache_service/mod.rs"]
mod cache_service;
mod caching;
mod caching_gha;
mod caching_gha_faults;
mod caching_registry;
mod caching_registry_faults;
mod delivery;
mod engine;
mod explaining;
mod failing;
mod fakes;
mod fanning;
mod fanning_faults;
#[path = "../support/faulty_registry.rs"]
mod faulty_registry;
#[path = "../support/forge_server/mod.rs"]
#[expect(dead_code, reason = "tests of the comment alone go through more of it")]
mod forge_server;
mod growth;
mod ignoring;
mod independent;
mod inputs;
mod inspecting;
mod job;
mod joining;
mod keeping;
#[path = "../support/loopback.rs"]
mod loopback;
mod nodes;
mod nodes_tls;
mod packages;
mod release;
mod retrying;
mod review;
#[path = "../support/runner/mod.rs"]
#[expect(dead_code, reason = "tests of the scripts alone go through more of it")]
mod runner;
mod shop;
mod solve;
mod starting;
#[path = "../support/mod.rs"]
mod support;

mod testing;
mod tls;
mod workflow;

use support::Repository;

/// A repository for a test, after making sure that there is an engine.
fn repository() -> Repository {
    let engine = std::process::Command::new("docker").args(["info", "--format", "{{.ServerVersion}}"]).output();
    let answers = engine.is_ok_and(|output| output.status.success());
    assert!(answers, "NO CONTAINER ENGINE: run these tests with `make e2e`, which brings one");
    Repository::new()
}
