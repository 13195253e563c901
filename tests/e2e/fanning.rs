//! The shop on two runners, each with an engine and a checkout of its own, and a third process that reports.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::delivery::registry;
use super::engine::Engine;
use super::joining::{RemoteBuilder, images, manifest};
use super::repository;
use super::support::{Repository, Run};

const IMAGES: [&str; 3] = ["orders", "pricing", "recommend"];

/// The shop with tags that no other test uses.
fn shop(name: &str) -> Repository {
    let repository = repository();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/.");
    assert!(Command::new("cp").args(["-R", example]).arg(repository.path()).status().unwrap().success());
    let mut yaml = repository.read("weighbridge.yml");
    for image in IMAGES {
        let tag = format!("  {image}:\n    tags: [\"{}/{name}/{image}:1\"]", registry());
        yaml = yaml.replace(&format!("  {image}:"), &tag);
    }
    repository.write("weighbridge.yml", yaml);
    repository.commit("shop");
    repository
}

/// A runner of one platform.
struct Runner {
    checkout: Repository,
    builder: RemoteBuilder,
    cells: String,
    _engine: Engine,
}

impl Runner {
    fn of(shop: &Repository, platform: &str) -> Self {
        let engine = Engine::start();
        let builder = RemoteBuilder::of(engine.variables());
        let mut checkout = Repository::without_git();
        checkout.git(&["clone", "--quiet", &shop.path().display().to_string(), "."]);
        checkout.env.extend(engine.variables().iter().cloned());
        checkout.env.insert("WEIGHBRIDGE_RUN".into(), "17".into());
        let cells = IMAGES.map(|image| format!("{image}@{platform}")).join(",");
        Self { checkout, builder, cells, _engine: engine }
    }

    fn arguments(&self) -> [&str; 6] {
        ["build", "--push", "--builder", &self.builder.name, "--cell", &self.cells]
    }

    fn build(&self) -> Run {
        self.checkout.weighbridge(&self.arguments()).expect(0)
    }

    /// What the CI system does with the parts.
    fn bring(&self, shop: &Repository) {
        let target = parts(shop);
        std::fs::create_dir_all(&target).unwrap();
        let from = self.checkout.path().join(".weighbridge/parts/.");
        assert!(Command::new("cp").arg("-R").arg(from).arg(&target).status().unwrap().success());
    }
}

/// Where the CI system keeps parts.
fn parts(shop: &Repository) -> PathBuf {
    let name = format!("{}-parts", shop.path().file_name().unwrap().display());
    shop.path().with_file_name(name)
}

fn report(shop: &Repository) -> Run {
    shop.weighbridge(&["report", &parts(shop).display().to_string()])
}

fn tags(name: &str) -> Vec<(String, String, Value)> {
    IMAGES.map(|image| manifest(&format!("{name}/{image}"), "1")).to_vec()
}

#[test]
fn two_runners_build_one_platform_each_and_a_third_process_reports() {
    let name = format!("e2e/fanned-{}", std::process::id());
    let mut shop = shop(&name);
    shop.env.insert("WEIGHBRIDGE_RUN".into(), "17".into());
    let (mut amd64, mut arm64) = (Runner::of(&shop, "linux/amd64"), Runner::of(&shop, "linux/arm64"));
    // One leg is killed before it leaves anything, and run again.
    let mut killed = arm64.checkout.command(&arm64.arguments()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    killed.kill().unwrap();
    killed.wait().unwrap();
    arm64.checkout.env.insert("WEIGHBRIDGE_ATTEMPT".into(), "2".into());
    std::thread::scope(|scope| {
        scope.spawn(|| arm64.build());
        amd64.build();
        amd64.bring(&shop);
        // Until it is there again, the run has a gap.
        report(&shop)
            .expect(3)
            .says("no part of orders linux/arm64 came")
            .says("were not moved: linux/arm64 was not built");
        assert!(tags(&name).iter().all(|(status, ..)| status == "404"));
        assert!(shop.read(".weighbridge/report.md").contains("no part of it came"));
    });
    arm64.bring(&shop);
    report(&shop).expect(0);
    let (first, comment) = (shop.report(), shop.read(".weighbridge/report.md"));
    let cells = first["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 6);
    for (image, (status, digest, index)) in IMAGES.iter().zip(tags(&name)) {
        assert_eq!((status.as_str(), Some(digest.as_str())), ("200", first["indexes"][*image].as_str()), "{image}");
        let own = cells.iter().filter(|cell| cell["image"] == *image);
        let expected: Vec<(String, String)> = own
            .map(|cell| {
                let platform = cell["platform"].as_str().unwrap().trim_start_matches("linux/").to_owned();
                (platform, cell["digest"].as_str().unwrap().to_owned())
            })
            .collect();
        assert_eq!(images(&index), expected, "{image}");
        assert!(comment.contains(&format!("`{image}`")), "{comment}");
    }
    // Once more changes nothing.
    let before = tags(&name);
    report(&shop).expect(0);
    assert_eq!((shop.report(), shop.read(".weighbridge/report.md"), tags(&name)), (first, comment, before));
    std::fs::remove_dir_all(parts(&shop)).unwrap();

    // The next commit is compared with what the parts of this one were put together to.
    let baskets = "services/recommend/baskets.json";
    shop.write(baskets, shop.read(baskets) + &" ".repeat(50_000));
    shop.commit("baskets");
    shop.env.insert("WEIGHBRIDGE_RUN".into(), "18".into());
    for runner in [&mut amd64, &mut arm64] {
        runner.checkout.git(&["pull", "--quiet"]);
        runner.checkout.env.insert("WEIGHBRIDGE_RUN".into(), "18".into());
        runner.build();
        runner.bring(&shop);
    }
    report(&shop).expect(0);
    let comment = shop.read(".weighbridge/report.md");
    for said in ["6 builds without notable change", "`baskets.json` changed", "`recommend` linux/amd64"] {
        assert!(comment.contains(said), "{said}: {comment}");
    }
    std::fs::remove_dir_all(parts(&shop)).unwrap();
}
