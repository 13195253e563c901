//! Tests of the whole binary without an engine: a fake `docker` on `PATH` replays recordings and misbehaves.
#![expect(clippy::disallowed_methods, reason = "tests start programs and write files")]
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod action;
mod architecture;
mod artifacts;
mod baselines;
mod budgets;
mod builders;
mod builds;
mod caching;
mod case;
mod changing;
mod compare;
mod compare_images;
mod component;
mod configuration;
mod disk;
mod events;
mod examples;
mod fake;
mod fanning;
mod forge;
#[path = "../support/forge_server/mod.rs"]
mod forge_server;
mod gitlab;
mod hostile;
#[path = "../support/image_registry.rs"]
mod image_registry;
mod index;
mod init;
mod inspect;
mod layout;
#[path = "../support/loopback.rs"]
#[expect(dead_code, reason = "proxies alone go through more of it")]
mod loopback;
mod nodes;
#[path = "../support/pipeline/mod.rs"]
mod pipeline;
mod plan;
mod repositories;
mod retries;
mod reusable;
#[path = "../support/runner/mod.rs"]
mod runner;
mod scanners;
mod secrets;
mod signals;
#[path = "../support/mod.rs"]
mod support;
mod tested;
mod tools;
mod trust;
mod workflows;
