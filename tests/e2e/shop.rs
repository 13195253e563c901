//! `examples/shop`: six cells, three of them under emulation, and the pull request on it.

use std::process::Command;

use super::independent::{reported, weigh};
use super::repository;
use super::support::Repository;

fn shop() -> Repository {
    let repository = repository();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/.");
    let copied = Command::new("cp").args(["-R", example]).arg(repository.path()).status().unwrap();
    assert!(copied.success());
    repository
}

fn cells(report: &serde_json::Value) -> &Vec<serde_json::Value> {
    report["cells"].as_array().unwrap()
}

#[test]
fn the_shop_is_weighed_to_the_byte_and_a_second_run_is_all_cached() {
    let shop = shop();
    shop.commit("shop");
    shop.weighbridge(&["run", "--keep-layouts", "--no-rebuild-base"]).expect(0);
    let first = shop.report();
    assert_eq!(cells(&first).len(), 6);
    assert_eq!(cells(&first).iter().filter(|cell| cell["emulated"] == true).count(), 3);
    for cell in cells(&first) {
        let (image, platform) = (cell["image"].as_str().unwrap(), cell["platform"].as_str().unwrap());
        let layout = shop.path().join(".weighbridge/cells").join(image).join(platform.replace('/', "-")).join("layout");
        assert_eq!(reported(cell), weigh(&layout), "{image} {platform}");
        assert!(
            cell["layers"].as_array().unwrap().iter().all(|layer| layer["base"].is_boolean()),
            "{image} {platform}"
        );
        let own = cell["layers"].as_array().unwrap().iter().filter(|layer| layer["base"] == false);
        for layer in own {
            assert!(layer["dockerfile_line"].is_u64(), "{image} {platform}: {layer}");
        }
    }

    shop.weighbridge(&["run"]).expect(0);
    let second = shop.report();
    for (before, cell) in cells(&first).iter().zip(cells(&second)) {
        assert_eq!(cell["cached_steps"], cell["total_steps"], "{cell:#}");
        assert!(cell["total_steps"].as_u64().unwrap() > 0);
        assert_eq!(reported(cell), reported(before));
    }
}

#[test]
fn the_pull_request_names_the_dockerfile_line_that_grew() {
    let shop = shop();
    let base = shop.commit("shop");
    shop.weighbridge(&["run"]).expect(0);
    shop.git(&["switch", "--quiet", "--create", "change"]);
    shop.git(&["apply", "pull-request/search-with-mistakes.patch"]);
    shop.commit("change");
    let run = shop.weighbridge(&["run", "--format", "markdown"]).expect(1);
    let report = shop.report();
    assert_eq!(report["context"]["base"]["sha"], base.as_str());
    assert_eq!(report["verdict"], "fail");
    assert_eq!(run.stdout, shop.read(".weighbridge/report.md"));
    assert!(run.stdout.contains("`recommend`"), "{}", run.stdout);
    let dockerfile = shop.read("services/recommend/Dockerfile");
    let line = 1 + dockerfile.lines().position(|line| line.starts_with("COPY --from=")).unwrap();
    assert!(run.stdout.contains(&format!("Dockerfile:{line}")), "{}", run.stdout);
}
