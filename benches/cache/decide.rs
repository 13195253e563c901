//! The decision alone: 500 images on four platforms.

use std::time::Instant;

use weighbridge::ci::{About, CacheToken, Checkout, Context, Event, Forge, Scope};
use weighbridge::config::{Backend, Cache, Config, Request, resolve};
use weighbridge::env::Env;
use weighbridge::plan::Delivery;
use weighbridge::plan::cache::{Actions, Credentials, Features, Purpose, Situation, decide};
use weighbridge::report::CellId;

use crate::figure::Figure;

struct NoBake;

impl weighbridge::config::BakePrinter for NoBake {
    fn print(&self, _: &[std::path::PathBuf], _: &[String], _: &std::path::Path) -> anyhow::Result<Vec<u8>> {
        anyhow::bail!("not asked")
    }
}

/// How long the decision for 2,000 cells takes, with three branches to read and one to write in two stores.
pub(crate) fn two_thousand_cells() -> Figure {
    let directory = tempfile::tempdir().unwrap();
    let config = images(directory.path());
    let cache = Cache {
        backends: Some(vec![Backend::Gha, Backend::Registry]),
        repository: Some("ghcr.io/acme/shop/cache".to_owned()),
        ..Cache::default()
    };
    let (situation, delivery) = (situation(), Delivery::default());
    let platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"];
    let platforms = platforms.map(|platform| platform.parse().unwrap());
    let once = || {
        let start = Instant::now();
        let mut entries = 0;
        for image in &config.images {
            for platform in &platforms {
                let id = CellId { image: image.name.clone(), platform: weighbridge::oci::Platform::clone(platform) };
                let plan = decide(&id, image, &cache, &delivery, &situation);
                entries += plan.from.len() + plan.to.len();
            }
        }
        assert_eq!(entries, 2_000 * 5);
        start.elapsed().as_secs_f64() * 1000.0
    };
    once();
    Figure::new("decide the caches of 2,000 cells", " ms", 20.0, (0..25).map(|_| once()).collect(), String::new())
}

fn images(directory: &std::path::Path) -> Config {
    std::fs::write(directory.join("Dockerfile"), "FROM scratch\n").unwrap();
    let names: String = (0..500).map(|index| format!("  service{index}: {{ context: . }}\n")).collect();
    std::fs::write(directory.join("weighbridge.yml"), format!("images:\n{names}")).unwrap();
    let env = Env { directory: directory.to_owned(), ..Env::default() };
    resolve(&Request::default(), &env, &NoBake).unwrap()
}

fn situation() -> Situation {
    let scope = Scope { name: "refs/heads/release".to_owned(), can_read: true, can_write: true };
    let name = |name: &str| Some(name.to_owned());
    Situation {
        context: Context {
            forge: Forge::Github,
            is_ci: true,
            event: Event::Push,
            restriction: None,
            change_request: None,
            run: None,
            sha: None,
            reference: name("release"),
            is_protected: true,
            checkout: Checkout::Commit,
            target_branch: None,
            default_branch: name("main"),
            merge_base: None,
            about: About::default(),
        },
        actions: Actions { token: CacheToken::Scopes(vec![scope]), has_results_url: true, ..Actions::absent() },
        gitlab_repository: None,
        features: Features::default(),
        credentials: Credentials { has_store: true, ..Credentials::default() },
        project: String::new(),
        purpose: Purpose::Head,
    }
}
