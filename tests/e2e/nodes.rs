//! Cells on two nodes: the BuildKit of the engine behind two ports, of which one goes away in the middle of a build.

use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::joining::pump;
use super::repository;
use super::support::Repository;

/// A BuildKit that listens. What comes goes through `docker buildx dial-stdio`.
struct Node {
    address: SocketAddr,
    line: Arc<Line>,
}

/// Everything that a node has open.
#[derive(Default)]
struct Line {
    is_cut: AtomicBool,
    open: Mutex<Vec<(TcpStream, Child)>>,
}

impl Node {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, line) = (listener.local_addr().unwrap(), Arc::<Line>::default());
        let (config, accepting) = (tempfile::tempdir().unwrap(), Arc::clone(&line));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if accepting.is_cut.load(Ordering::SeqCst) {
                    return;
                }
                accepting.dial(connection.unwrap(), config.path());
            }
        });
        Self { address, line }
    }

    /// Answers nobody any more, and breaks off what it was doing.
    fn die(&self) {
        self.line.is_cut.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        for (connection, mut child) in self.line.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.die();
    }
}

impl Line {
    fn dial(&self, mut connection: TcpStream, config: &Path) {
        let mut command = Command::new("docker");
        command.args(["buildx", "--builder", "default", "dial-stdio"]).env("BUILDX_CONFIG", config);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut requests = connection.try_clone().unwrap();
        self.open.lock().unwrap().push((connection.try_clone().unwrap(), child));
        std::thread::spawn(move || pump(&mut requests, &mut to));
        std::thread::spawn(move || {
            pump(&mut from, &mut connection);
            let _ = connection.shutdown(Shutdown::Both);
        });
    }
}

/// A repository with these images, on two nodes that build these platforms.
fn configured(nodes: [(&Node, &str); 2], images: &str) -> Repository {
    let repository = repository();
    let [one, two] = nodes.map(|(node, platforms)| {
        format!("driver: remote, endpoint: 'tcp://{}', platforms: [{platforms}]", node.address)
    });
    let builder = format!("builder: {{ nodes: [{{ name: one, {one} }}, {{ name: two, {two} }}] }}");
    repository.write("weighbridge.yml", format!("{builder}\nimages: {{ {images} }}\n"));
    repository
}

fn texts(report: &Value, key: &str) -> Vec<String> {
    let cells = report["cells"].as_array().unwrap().iter();
    cells.map(|cell| cell[key].as_str().unwrap_or_default().to_owned()).collect()
}

/// The builders of this process's kind that buildx still has.
fn builders_left() -> String {
    let mut left = String::new();
    let listed = Command::new("docker").args(["buildx", "ls", "--format", "{{.Name}}"]).stdout(Stdio::piped()).spawn();
    listed.unwrap().stdout.unwrap().read_to_string(&mut left).unwrap();
    left.lines().filter(|name| name.starts_with("weighbridge-one-") || name.starts_with("weighbridge-two-")).collect()
}

#[test]
fn every_platform_is_built_on_its_node() {
    let (one, two) = (Node::start(), Node::start());
    let repository = configured(
        [(&one, "linux/amd64"), (&two, "linux/arm64")],
        "app: { context: app, platforms: [linux/amd64, linux/arm64] }",
    );
    repository.write("app/Dockerfile", "FROM scratch\nCOPY text /text\n");
    repository.write("app/text", "words ".repeat(1_000));
    repository.commit("base");
    repository.weighbridge(&["run"]).expect(0);
    let report = repository.report();
    assert_eq!(texts(&report, "node"), ["one", "two"]);
    assert_eq!(texts(&report, "runner_class"), ["node one", "node two"]);
    assert!(texts(&report, "build_ref")[1].starts_with("weighbridge-two-"), "{:?}", texts(&report, "build_ref"));
    assert_eq!(builders_left(), "");
}

#[test]
fn a_node_that_dies_in_the_middle_of_a_build_fails_nothing_that_the_other_can_build() {
    let (one, two) = (Node::start(), Node::start());
    let images = "a: { context: a, platforms: [linux/amd64] }, b: { context: b, platforms: [linux/amd64] }";
    let repository = configured([(&one, "linux/amd64"), (&two, "linux/amd64")], images);
    for name in ["a", "b"] {
        let unique = format!("{name} {}", std::process::id());
        let dockerfile =
            format!("FROM debian:bookworm-slim\nRUN echo begun {unique} && sleep 20 && echo {name} >/name\n");
        repository.write(&format!("{name}/Dockerfile"), dockerfile);
    }
    repository.commit("base");
    let log = repository.path().join(".weighbridge/cells/a/linux-amd64/build.log");
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            let patience = Instant::now() + Duration::from_secs(120);
            while !log.exists() && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(100));
            }
            // The step takes longer than this, and does not begin earlier than the log.
            std::thread::sleep(Duration::from_secs(6));
            one.die();
        });
        repository.weighbridge(&["run"]).expect(0)
    });
    run.says("a linux/amd64: node one was lost: ");
    let report = repository.report();
    assert_eq!((texts(&report, "node"), texts(&report, "outcome")), (vec!["two".into(); 2], vec!["built".into(); 2]));
    let rules = |cell: usize| {
        let findings = report["cells"][cell]["findings"].as_array().unwrap().iter();
        findings.filter(|finding| finding["rule"] == "node-lost").count()
    };
    assert_eq!((rules(0), rules(1)), (1, 0));
    assert_eq!(builders_left(), "");
}
