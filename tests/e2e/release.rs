//! The static binary as `release.yml` builds it, in a root directory that is empty but for it.
//!
//! `scripts/release` runs unchanged, with the target and the C compiler of a release; only the optimiser is switched off,
//! as it would take longer than all other tests together. So what is shown here is what the binary needs and not how fast
//! it is. The dependencies are compiled once more for this, for one to two minutes of two processors.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::repository;
use super::tls::TlsServer;

/// The binary, which is built once.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // A folder of its own: nobody should take this one for a release.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
        let mut script = Command::new(root.join("scripts/release"));
        for (setting, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "0")] {
            script.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        let printed = succeeds(script.env("CARGO_TARGET_DIR", &target));
        let path = printed.lines().last().unwrap().split(": ").next().unwrap();
        PathBuf::from(path)
    })
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// An image with the binary and nothing else, until it is dropped.
struct EmptyRoot {
    tag: String,
}

impl EmptyRoot {
    fn new(name: &str) -> Self {
        let (context, tag) = (repository(), format!("weighbridge-e2e:{name}-{}", std::process::id()));
        context.write("Dockerfile", "FROM scratch\nCOPY weighbridge /\nENTRYPOINT [\"/weighbridge\"]\n");
        std::fs::copy(binary(), context.path().join("weighbridge")).unwrap();
        let arguments = ["buildx", "build", "--quiet", "--provenance=false", "--load", "--tag", &tag];
        succeeds(Command::new("docker").args(arguments).arg(context.path()));
        Self { tag }
    }

    /// Runs the binary there.
    fn run(&self, options: &[&str], arguments: &[&str]) -> Output {
        Command::new("docker").args(["run", "--rm"]).args(options).arg(&self.tag).args(arguments).output().unwrap()
    }
}

impl Drop for EmptyRoot {
    fn drop(&mut self) {
        // A failed test must be able to end without failing a second time.
        let _ = Command::new("docker").args(["image", "rm", &self.tag]).output();
    }
}

#[test]
fn the_binary_names_no_interpreter_and_no_library() {
    let headers = succeeds(Command::new("readelf").args(["--wide", "--program-headers", "--dynamic"]).arg(binary()));
    assert!(headers.contains("LOAD"), "{headers}");
    for needed in ["INTERP", "NEEDED"] {
        assert!(!headers.contains(needed), "{needed}: {headers}");
    }
}

#[test]
fn the_binary_runs_in_an_empty_root() {
    let root = EmptyRoot::new("runs");
    let output = root.run(&[], &["--version"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), concat!("weighbridge ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// Nothing there tells what an authority is, or how names are found, but what a container has of the engine.
#[test]
fn names_are_found_and_certificates_checked_in_an_empty_root() {
    let (root, server) = (EmptyRoot::new("tls"), TlsServer::start("forge.test"));
    let authority = repository();
    authority.write("ca.pem", &server.authority);
    let mount = format!("{}:/ca:ro", authority.path().display());
    let at_server = ["--network=host", "--add-host=forge.test:127.0.0.1", "--volume", &mount];
    let trusting = [&at_server[..], &["--env", "NODE_EXTRA_CA_CERTS=/ca/ca.pem"]].concat();

    let said = asks(&root, &trusting, server.port);
    assert!(said.contains("Not Found"), "{said}");
    let expected = format!("GET /repos/acme/shop/actions/runs/42? HTTP/1.1 host: forge.test:{}", server.port);
    assert_eq!(server.requests(), [expected]);
    let said = asks(&root, &at_server, server.port);
    assert!(said.contains("certificate") && server.requests().is_empty(), "{said}");

    // The engine's own server of names knows a container of a network by its alias. Nobody listens there.
    let network = Network::new();
    let said = asks(&root, &["--network", &network.name, "--network-alias", "forge.test"], 9);
    assert!(said.contains("Connection refused"), "{said}");
    let said = asks(&root, &["--network", &network.name], 9);
    assert!(!said.contains("Connection refused") && said.contains("lookup"), "{said}");
}

/// What the binary says when it asks for a run that nobody knows.
#[track_caller]
fn asks(root: &EmptyRoot, options: &[&str], port: u16) -> String {
    let api_url = format!("GITHUB_API_URL=https://forge.test:{port}");
    let variables = ["GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=acme/shop", "GITHUB_TOKEN=token", &api_url];
    let variables = variables.iter().flat_map(|variable| ["--env", variable]);
    let options: Vec<&str> = options.iter().copied().chain(variables).collect();
    let output = root.run(&options, &["comment", "--run", "42"]);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// A network of a test's own, until it is dropped.
struct Network {
    name: String,
}

impl Network {
    fn new() -> Self {
        let name = format!("weighbridge-e2e-{}", std::process::id());
        succeeds(Command::new("docker").args(["network", "create", &name]));
        Self { name }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A failed test must be able to end without failing a second time.
        let _ = Command::new("docker").args(["network", "rm", &self.name]).output();
    }
}
