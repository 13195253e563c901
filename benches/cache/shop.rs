//! The services of `examples/shop`, each built on an engine that knows nothing, with a registry cache of its own.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::engine::Engine;
use crate::figure::Figure;
use crate::repository::Repository;

const FASTER: f64 = 10.0;
const ROUNDS: usize = 3;

/// A service: a source file with a line to add, a dependency with its change, and what no source change may run. `ID` is
/// never the same: BuildKit still knows that two inputs led to the same result when the results are pruned.
struct Service {
    name: &'static str,
    source: (&'static str, &'static str),
    dependency: (&'static str, &'static str, &'static str),
    dependency_steps: &'static [&'static str],
}

const SERVICES: [Service; 3] = [
    Service {
        name: "orders",
        source: ("services/orders/main.go", "\n// one line ID\n"),
        dependency: ("services/orders/go.mod", "\n", "\n// another dependency ID\n"),
        dependency_steps: &["apt-get", "go build -trimpath net/http", "go mod download"],
    },
    Service {
        name: "recommend",
        source: ("services/recommend/recommend.py", "\n# one line ID\n"),
        dependency: ("services/recommend/requirements.txt", "", "# another dependency ID\n"),
        dependency_steps: &["apt-get", "pip install"],
    },
    Service {
        name: "pricing",
        source: ("services/pricing/main.c", "\n/* one line ID */\n"),
        dependency: ("services/pricing/Dockerfile", "libsqlite3-dev", "libsqlite3-dev make && : ID"),
        dependency_steps: &["apt-get"],
    },
];

/// What was measured of a service, in seconds per round.
#[derive(Default)]
struct Times {
    cold: Vec<f64>,
    warm: Vec<f64>,
    source: Vec<f64>,
    dependency: Vec<f64>,
}

/// Prints the table and returns how many times faster the warm run is, per service.
pub(crate) fn services() -> Vec<Figure> {
    let engine = Engine::start();
    println!("| service | cold | warm from the registry | one source line | a dependency | cold / warm |");
    println!("|---|--:|--:|--:|--:|--:|");
    SERVICES.iter().map(|service| measured(service, &engine)).collect()
}

fn measured(service: &Service, engine: &Engine) -> Figure {
    let mut times = Times::default();
    (0..ROUNDS).for_each(|round| one_round(service, engine, round, &mut times));
    let shown = |seconds: &[f64]| {
        let mut sorted = seconds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.first().unwrap(), sorted.last().unwrap());
        format!("{:.1} s ({low:.1} to {high:.1})", sorted.get(sorted.len() / 2).unwrap())
    };
    let ratios: Vec<f64> = times.cold.iter().zip(&times.warm).map(|(cold, warm)| warm / cold * FASTER).collect();
    let columns = [&times.cold, &times.warm, &times.source, &times.dependency].map(|column| shown(column)).join(" | ");
    let faster: Vec<String> =
        times.cold.iter().zip(&times.warm).map(|(cold, warm)| format!("{:.1}x", cold / warm)).collect();
    println!("| {} | {columns} | {} |", service.name, faster.join(", "));
    // Ten times faster is a tenth of the time, so the bound is on warm / (cold / 10).
    Figure::new(&format!("{}: warm / a tenth of cold", service.name), "x", 1.0, ratios, String::new())
}

fn one_round(service: &Service, engine: &Engine, round: usize, times: &mut Times) {
    let shop = shop(service, engine, round);
    forget(engine);
    times.cold.push(run(&shop, service));
    assert!(steps(&shop).iter().all(is_cold), "the cold run was not cold: {:?}", steps(&shop));

    forget(engine);
    times.warm.push(run(&shop, service));
    assert!(steps(&shop).iter().all(|step| step["cached"] == true), "the warm run was not warm: {:?}", steps(&shop));

    shop.git(&["switch", "--quiet", "--create", "source"]);
    let (file, line) = service.source;
    shop.write(file, &format!("{}{}", shop.read(file), line.replace("ID", &id(service, round))));
    shop.commit();
    forget(engine);
    times.source.push(run(&shop, service));
    assert_eq!(ran_dependency_step(&shop, service), None, "after a source change");

    shop.git(&["switch", "--quiet", "--create", "dependency", "main"]);
    let (file, from, to) = service.dependency;
    let (text, to) = (shop.read(file), to.replace("ID", &id(service, round)));
    shop.write(file, &if from.is_empty() { format!("{text}{to}") } else { text.replacen(from, &to, 1) });
    shop.commit();
    forget(engine);
    times.dependency.push(run(&shop, service));
    assert!(ran_dependency_step(&shop, service).is_some(), "a dependency changed: {:?}", steps(&shop));
}

/// A step that ran and that only a change of a dependency may cause to run.
fn ran_dependency_step(shop: &Repository, service: &Service) -> Option<String> {
    let ran = steps(shop).into_iter().filter(|step| step["cached"] == false);
    let mut instructions = ran.filter_map(|step| step["instruction"].as_str().map(str::to_owned));
    instructions.find(|instruction| service.dependency_steps.iter().any(|part| instruction.contains(part)))
}

/// The shop with a cache that no other round has written to, in CI on its main branch.
fn shop(service: &Service, engine: &Engine, round: usize) -> Repository {
    let mut shop = Repository::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/.");
    assert!(Command::new("cp").args(["-R", example]).arg(shop.path()).status().unwrap().success());
    let registry = std::env::var("WEIGHBRIDGE_TEST_REGISTRY").unwrap();
    let id = id(service, round);
    let config = shop.read("weighbridge.yml");
    let config = config.replace("[linux/amd64, linux/arm64]", "[linux/amd64]");
    shop.write("weighbridge.yml", &format!("{config}\ncache: {{ ref: {registry}/bench/{id} }}\n"));
    shop.commit();
    shop.env.extend(engine.variables().iter().cloned());
    shop.env.insert("CI".to_owned(), "true".to_owned());
    shop
}

fn id(service: &Service, round: usize) -> String {
    format!("{}-{round}-{}", service.name, std::process::id())
}

fn run(shop: &Repository, service: &Service) -> f64 {
    // What the change adds may exceed a budget of the example.
    let wall: Duration = shop.run(&["--image", service.name], &[0, 1]);
    wall.as_secs_f64()
}

fn steps(shop: &Repository) -> Vec<Value> {
    let report = shop.report();
    report.pointer("/cells/0/steps").and_then(Value::as_array).cloned().unwrap()
}

/// Whether a step owes nothing to an earlier build. One that copies what another step of the same build has copied, with
/// nothing else in either, is served by it: BuildKit knows layers by their content.
fn is_cold(step: &Value) -> bool {
    let is_copy = step["instruction"].as_str().is_some_and(|instruction| instruction.starts_with("COPY --from="));
    step["cached"] == false || (is_copy && step["cached_from"] == "local")
}

/// Makes an engine of our own forget all that it has built and pulled.
fn forget(engine: &Engine) {
    for arguments in [["buildx", "prune", "--all", "--force"], ["image", "prune", "--all", "--force"]] {
        let mut docker = Command::new("docker");
        let output = docker.args(arguments).envs(engine.variables().iter().cloned()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
