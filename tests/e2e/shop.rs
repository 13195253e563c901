//! `examples/shop`: six cells, three of them under emulation, and the pull request on it.

use std::process::Command;

use weighbridge::units::Bytes;

use super::delivery::registry;
use super::engine::Engine;
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
    let cause = run.stdout.lines().find(|text| text.contains(&format!("Dockerfile:{line}"))).unwrap_or_default();
    let packages =
        cells(&report).iter().find(|cell| cell["image"] == "recommend").unwrap()["contents"]["packages"].clone();
    let added = packages.as_array().unwrap().iter().find(|package| package["name"] == "RapidFuzz").unwrap();
    let bytes = Bytes(added["bytes"].as_u64().unwrap());
    assert!(bytes.0 > 5_000_000, "{added}");
    let told = format!(", wrote `RapidFuzz` {} (new, +{bytes} unpacked)", added["version"].as_str().unwrap());
    assert!(cause.contains(&told), "{told} in {}", run.stdout);
    let first_screen = run.stdout.split("<details>").next().unwrap();
    assert!(first_screen.contains(cause) && !first_screen.contains("will not start"), "{}", run.stdout);
}

/// A position-independent binary of Go wants an interpreter, though it is linked with nothing.
#[test]
fn a_service_that_lost_its_interpreter_is_the_first_line_and_indeed_does_not_start() {
    let shop = shop();
    let tag = format!("weighbridge-e2e-shop:{}", std::process::id());
    let config = shop.read("weighbridge.yml").replace("[linux/amd64, linux/arm64]", "[linux/amd64]");
    shop.write(
        "weighbridge.yml",
        config.replace("    target: runtime\n", &format!("    target: runtime\n    tags: ['{tag}']\n")),
    );
    shop.commit("shop");
    shop.weighbridge(&["run", "--load"]).expect(0);
    for cell in cells(&shop.report()) {
        assert_eq!(cell["contents"]["start"]["verdict"], "starts", "{}", cell["contents"]["start"]);
    }
    assert!(health(&tag).0, "{}", health(&tag).1);

    let dockerfile = shop.read("services/orders/Dockerfile");
    let dynamic = dockerfile
        .replace("go build -trimpath -ldflags", "go build -buildmode=pie -trimpath -ldflags")
        .replace("COPY --from=verify /orders /orders", "COPY --from=build /out/orders /orders");
    shop.write("services/orders/Dockerfile", &dynamic);
    shop.commit("harden");
    let run = shop.weighbridge(&["run", "--load", "--format", "markdown"]);
    let start = cells(&shop.report())[0]["contents"]["start"].clone();
    assert_eq!(start["verdict"], "will_not_start", "{start}");
    let line = 1 + dynamic.lines().position(|line| line.starts_with("ENTRYPOINT")).unwrap();
    assert_eq!(start["findings"][0]["dockerfile_line"], line, "{start}");
    let mut lines = run.stdout.lines().filter(|line| !line.is_empty());
    let (title, first) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(title.contains("1 of 3 images will not start"), "{title}");
    assert!(
        first.starts_with("- ❌ **`orders` linux/amd64 will not start:** ") && first.contains("is missing"),
        "{first}"
    );
    assert!(!health(&tag).0, "it starts");

    shop.write("weighbridge.yml", shop.read("weighbridge.yml").replace("layers: 3 }", "layers: 3, starts: required }"));
    shop.weighbridge(&["run"]).expect(1);
    let removed = Command::new("docker").args(["image", "rm", "--force", &tag]).output().unwrap();
    assert!(removed.status.success());
}

/// Starts the service to test itself, and tells whether it did.
fn health(tag: &str) -> (bool, String) {
    let mut run = Command::new("docker");
    let output = run.args(["run", "--rm", "--pull=never", tag, "--self-test"]).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_pull_request_tells_where_its_cache_came_from_what_it_earned_and_why_steps_ran() {
    let mut shop = shop();
    let config = shop.read("weighbridge.yml").replace("[linux/amd64, linux/arm64]", "[linux/amd64]");
    let reference = format!("{}/e2e/shop-{}", registry(), std::process::id());
    shop.write("weighbridge.yml", format!("{config}\ncache: {{ ref: {reference} }}\n"));
    shop.commit("shop");
    shop.env.insert("CI".to_owned(), "true".to_owned());

    let main_runner = Engine::start();
    shop.env.extend(main_runner.variables().iter().cloned());
    shop.weighbridge(&["run"]).expect(0);
    for cell in cells(&shop.report()) {
        assert_eq!(cell["cache"]["exports"][0]["end"], "done", "{cell:#}");
        for step in all_steps(cell) {
            // A step that copies what the engine has under another name is a hit even on an engine that knows nothing.
            assert_eq!(step["last_ran_seconds"].is_f64(), step["cached"] == false, "{step:#}");
        }
    }
    drop(main_runner);

    shop.git(&["switch", "--quiet", "--create", "change"]);
    shop.git(&["apply", "pull-request/search-with-mistakes.patch"]);
    shop.commit("change");
    let other_runner = Engine::start();
    shop.env.extend(other_runner.variables().iter().cloned());
    let run = shop.weighbridge(&["run", "--format", "markdown"]).expect(1);
    let report = shop.report();
    for cell in cells(&report) {
        let imports = cell["cache"]["imports"].as_array().unwrap();
        let ends: Vec<_> =
            imports.iter().map(|used| (used["branch"].as_str().unwrap(), used["end"].as_str().unwrap())).collect();
        assert_eq!(ends, [("change", "not_found"), ("main", "done")], "{cell:#}");
        assert_eq!(cell["cache"]["exports"], serde_json::json!([]), "{cell:#}");
        assert!(all_steps(cell).iter().any(|step| step["cached_from"] == "remote"), "{cell:#}");
        for step in all_steps(cell) {
            let (cached, causes) = (step["cached"] == true, step["causes"].as_array().map_or(0, Vec::len));
            assert_eq!(cached, causes == 0, "{step:#}");
        }
    }
    let recommend = cells(&report).iter().find(|cell| cell["image"] == "recommend").unwrap();
    let told = all_steps(recommend)
        .iter()
        .flat_map(|step| step["causes"].as_array().into_iter().flatten())
        .collect::<Vec<_>>();
    assert!(told.iter().any(|cause| cause["examples"][0] == "requirements.txt"), "{told:?}");
    assert!(run.stdout.contains("- Cache earned "), "{}", run.stdout);
    assert!(run.stdout.contains("`registry` of `main` (default branch, in cache.ref) read in "), "{}", run.stdout);
}

fn all_steps(cell: &serde_json::Value) -> &Vec<serde_json::Value> {
    cell["steps"].as_array().unwrap()
}
