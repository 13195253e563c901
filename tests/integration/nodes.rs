//! Cells that are spread over nodes: which builds what, and what happens when one is gone.

use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::case::Case;
use crate::fake::Build;
use crate::layout::TestImage;
use crate::support::signal;

const GONE: &str =
    "ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF\n";

/// What buildx says of a node with these platforms.
fn builder(platforms: &str) -> String {
    format!(
        "Name: b\nDriver: remote\n\nNodes:\nName: b0\nStatus: running\nBuildKit version: v0.26.2\nPlatforms: {platforms}\n"
    )
}

/// Two images for two platforms, and these nodes: name, driver and endpoint, platforms that it says it has.
fn case(nodes: &[(&str, &str, &str)], settings: &str) -> Case {
    let listed: Vec<String> = nodes.iter().map(|(name, how, _)| format!("{{ name: {name}, {how} }}")).collect();
    let platforms = "platforms: [linux/amd64, linux/arm64]";
    let case = Case::configured(&format!(
        "builder: {{ nodes: [{}]{settings} }}\nimages: {{ orders: {{ context: orders, {platforms} }}, web: {{ context: web, {platforms} }} }}\n",
        listed.join(", ")
    ));
    for (name, _, platforms) in nodes {
        case.docker.answers(&format!("created.{name}"), builder(platforms));
    }
    let arm = TestImage { architecture: "arm64", ..TestImage::of(1_000) };
    for image in ["orders", "web"] {
        case.docker.builds(&format!("{image}.linux-arm64"), &Build::ok(arm.clone()));
    }
    case
}

const AMD: (&str, &str, &str) =
    ("amd", "driver: ssh, endpoint: 'ssh://build@amd'", "linux/amd64, linux/386, linux/arm64");
const ARM: (&str, &str, &str) = (
    "arm",
    "driver: remote, endpoint: 'tcp://arm:1234', driver_opts: { cacert: ca.pem }, runner_class: large",
    "linux/arm64",
);

/// Image, platform, node, runner class and outcome of each cell.
fn cells(case: &Case) -> Vec<String> {
    let report = case.repository.report();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let show = |cell: &serde_json::Value| {
        ["image", "platform", "node", "runner_class", "outcome"].map(|key| text(&cell[key])).join(" ")
    };
    report["cells"].as_array().unwrap().iter().map(show).collect()
}

/// The node of every build that was started, sorted.
fn built_on(case: &Case) -> Vec<String> {
    let calls = case.docker.calls(&["buildx", "build"]);
    let builder = |call: &Vec<String>| call[call.iter().position(|word| word == "--builder").unwrap() + 1].clone();
    let node = |name: String| name.strip_prefix("weighbridge-").unwrap().rsplit_once('-').unwrap().0.to_owned();
    let mut nodes: Vec<String> = calls.iter().map(builder).map(node).collect();
    nodes.sort();
    nodes
}

fn lost(case: &Case, index: usize) -> Vec<String> {
    let findings = case.cell(index, "findings");
    let lost = findings.as_array().unwrap().iter().filter(|finding| finding["rule"] == "node-lost");
    lost.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_cell_is_built_on_the_node_of_its_platform_and_the_builders_are_removed() {
    let case = case(&[AMD, ARM], "");
    case.run(&[]).expect(0);
    assert_eq!(
        cells(&case),
        [
            "orders linux/amd64 amd node amd built",
            "orders linux/arm64 arm large built",
            "web linux/amd64 amd node amd built",
            "web linux/arm64 arm large built",
        ]
    );
    assert_eq!(built_on(&case), ["amd", "amd", "arm", "arm"]);
    let created: Vec<String> =
        case.docker.calls(&["buildx", "create"]).iter().map(|call| call[4..].join(" ")).collect();
    let ca = case.repository.path().join("ca.pem");
    assert_eq!(
        created,
        [
            "--driver docker-container ssh://build@amd".to_owned(),
            format!("--driver remote --driver-opt cacert={} tcp://arm:1234", ca.display()),
        ]
    );
    let removed = case.docker.calls(&["buildx", "rm"]);
    assert_eq!(removed.len(), 2);
    assert!(removed[0].last().unwrap().starts_with("weighbridge-amd-"), "{removed:?}");
    assert_eq!(case.repository.report()["environment"]["builder"], "amd, arm");
}

#[test]
fn a_runner_may_have_nodes_as_well() {
    let case = case(&[AMD, ARM], "");
    case.weighbridge(&["build", "--cell", "web@linux/arm64"]).expect(0);
    assert_eq!((built_on(&case), case.docker.calls(&["buildx", "rm"]).len()), (vec!["arm".to_owned()], 2));
}

#[test]
fn a_signal_leaves_no_builder_behind() {
    let case = case(&[AMD, ARM], "");
    case.docker.builds("web.linux-amd64", &Build::hanging());
    let mut child = case.repository.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    case.docker.wait_for_hanging(1);
    assert!(signal(&child.id().to_string(), Some(Signal::SIGINT)));
    assert_eq!((child.wait().unwrap().code(), case.docker.calls(&["buildx", "rm"]).len()), (Some(130), 2));
}

#[test]
fn builders_that_are_kept_are_used_again() {
    let case = case(&[AMD, ARM], ", keep: true");
    case.run(&[]).expect(0);
    case.run(&[]).expect(0);
    assert_eq!((case.docker.calls(&["buildx", "create"]).len(), case.docker.calls(&["buildx", "rm"]).len()), (2, 0));
}

#[test]
fn the_cells_of_a_node_that_dies_are_built_on_another_and_told() {
    let case = case(&[AMD, ARM], "");
    case.docker.answers("dies.arm", GONE);
    let run = case.run(&["--jobs", "1"]).expect(0);
    run.says("orders linux/arm64: node arm was lost: ").says("building on node amd");
    assert_eq!(
        cells(&case),
        [
            "orders linux/amd64 amd node amd built",
            "orders linux/arm64 amd node amd built",
            "web linux/amd64 amd node amd built",
            "web linux/arm64 amd node amd built",
        ]
    );
    // What had not begun on it never did.
    assert_eq!(built_on(&case), ["amd", "amd", "amd", "amd", "arm"]);
    assert!(case.cell(1, "emulated").as_bool().unwrap());
    assert!(
        lost(&case, 1)[0].starts_with("built on node amd, as node arm was lost: failed to list workers"),
        "{:?}",
        lost(&case, 1)
    );
    assert_eq!((lost(&case, 0).len(), lost(&case, 3).len()), (0, 1));
    assert!(case.comment().contains("built on node amd, as node arm was lost"), "{}", case.comment());
    assert_eq!(case.docker.calls(&["buildx", "rm"]).len(), 2);
}

#[test]
fn a_node_that_dies_fails_only_what_no_other_can_build() {
    let amd = ("amd", AMD.1, "linux/amd64");
    let case = case(&[amd, ARM], "");
    case.docker.answers("dies.arm", GONE);
    let run = case.run(&["--jobs", "1", "--retries", "1"]).expect(3);
    run.says("no other node builds linux/arm64");
    assert_eq!(
        cells(&case),
        [
            "orders linux/amd64 amd node amd built",
            "orders linux/arm64 arm large failed",
            "web linux/amd64 amd node amd built",
            "web linux/arm64 arm large failed",
        ]
    );
    let failure = case.cell(1, "failure");
    assert!(failure["message"].as_str().unwrap().contains("code = Unavailable"), "{failure}");
    assert!(
        failure["explanation"]
            .as_str()
            .unwrap()
            .starts_with("no other node builds linux/arm64, and node arm was lost: "),
        "{failure}"
    );
    // It was given time to come back once, and not by every cell.
    assert_eq!(built_on(&case), ["amd", "amd", "arm", "arm"]);
    assert!(
        case.cell(3, "failure")["message"]
            .as_str()
            .unwrap()
            .starts_with("no other node builds linux/arm64, and node arm was lost: ")
    );
}

#[test]
fn a_node_that_still_answers_is_not_lost() {
    let case = case(&[AMD, ARM], "");
    case.docker.builds_badly_once("web.linux-arm64", GONE);
    case.run(&[]).expect(0).says("web linux/arm64: the builder was not reached; building again in ");
    assert_eq!(built_on(&case), ["amd", "amd", "arm", "arm", "arm"]);
    assert!(lost(&case, 3).is_empty());
}

#[test]
fn a_node_that_cannot_be_used_from_the_start_is_done_without() {
    let case = case(&[AMD, ARM], "");
    case.docker.refuses("create.arm", 1, "ERROR: no such host\n");
    case.run(&[]).expect(0).says("warning: node arm cannot be used: ").says("no such host");
    assert_eq!(built_on(&case), ["amd"; 4]);
    let alone = self::case(&[ARM], "");
    alone.docker.refuses("create.arm", 1, "ERROR: no such host\n");
    alone.run(&[]).expect(3).says("no node can be used").says("arm: ");
    assert!(built_on(&alone).is_empty());
}

#[test]
fn a_plan_shows_which_node_builds_what_without_asking_any() {
    let arm = (ARM.0, "driver: remote, endpoint: 'tcp://arm:1234', platforms: [linux/arm64]", "");
    let amd = (AMD.0, "driver: ssh, endpoint: 'ssh://build@amd', platforms: [linux/amd64, linux/arm64]", "");
    let case = case(&[amd, arm], "");
    let shown = case.weighbridge(&["plan"]).expect(0).stdout;
    assert!(shown.contains("\norders linux/arm64\n  node arm\n  "), "{shown}");
    assert!(shown.contains("--builder weighbridge-arm-"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&case.weighbridge(&["plan", "--format", "json"]).expect(0).stdout).unwrap();
    let nodes: Vec<&str> =
        json["cells"].as_array().unwrap().iter().map(|cell| cell["node"].as_str().unwrap()).collect();
    assert_eq!(nodes, ["amd", "arm", "amd", "arm"]);
    assert!(
        case.docker.calls(&["buildx", "create"]).is_empty() && case.docker.calls(&["buildx", "inspect"]).is_empty()
    );
    let doctor = case.weighbridge(&["doctor"]).expect(0).stdout;
    assert!(doctor.contains("arm: remote at tcp://arm:1234, for linux/arm64; a run asks it"), "{doctor}");
    assert!(case.docker.calls(&["buildx", "inspect"]).is_empty());
    assert!(case.weighbridge(&["run", "--dry-run"]).expect(0).stdout.contains("  node amd\n"));
}

#[test]
fn a_builder_that_is_named_is_used_instead_of_nodes() {
    let case = case(&[AMD, ARM], "");
    case.docker.answers("inspect.fleet", crate::fake::CONTAINER_BUILDER);
    case.run(&["--builder", "fleet"]).expect(0);
    assert!(case.docker.calls(&["buildx", "create"]).is_empty());
    assert_eq!(cells(&case)[0], "orders linux/amd64 - - built");
    let case = Case::configured("builder: fleet\nimages: { web: { context: web } }\n");
    case.docker.answers("inspect.fleet", crate::fake::CONTAINER_BUILDER);
    case.run(&[]).expect(0);
    assert!(case.docker.calls(&["buildx", "build"])[0].windows(2).any(|pair| pair == ["--builder", "fleet"]));
}

#[test]
fn nodes_that_cannot_work_are_refused_before_anything_is_asked() {
    for (nodes, message) in [
        (&[("a", "driver: docker", "")][..], "is not one of remote, kubernetes, ssh and docker-container"),
        (&[("a", "driver: remote", "")], "expected where BuildKit listens"),
        (&[("a", "driver: kubernetes", ""), ("a", "driver: kubernetes", "")], "the name of another node as well"),
        (&[("a", "driver: kubernetes, driver_opts: { env.API_TOKEN: hunter2 }", "")], "looks like a secret"),
    ] {
        let case = case(nodes, "");
        let run = case.run(&[]).expect(2).says(message);
        assert!(!run.stderr.contains("hunter2") && case.docker.calls(&["buildx", "create"]).is_empty());
    }
    let case = case(&[("arm", "driver: kubernetes, platforms: [linux/arm64]", "linux/arm64")], "");
    case.run(&[]).expect(2).says("orders: no node can build linux/amd64 (arm builds linux/arm64)");
    assert_eq!(case.docker.calls(&["buildx", "rm"]).len(), 1);
    case.weighbridge(&["plan"]).expect(2).says("no node can build linux/amd64");
}
