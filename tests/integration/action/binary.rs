//! Finding the binary: nothing is executed whose checksum is not committed beside the action, and what is there is not
//! downloaded again.

use std::path::PathBuf;

use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::runner::manifest::root;
use crate::runner::{Runner, node, stand_in};

const VERSION: &str = "1.2.3";

/// A runner without a binary, and a server that may have one.
struct Release {
    runner: Runner,
    runtime: tokio::runtime::Runtime,
    server: MockServer,
}

impl Release {
    /// A release whose binary is the stand-in.
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = runtime.block_on(MockServer::start());
        let mut runner = Runner::new();
        runner.set("STAND_IN", "echo executed; exit 7");
        let release = Self { runner, runtime, server };
        release.publish_with_script();
        release
    }

    /// Writes the checksums as `release.yml` does.
    fn publish_with_script(&self) {
        let script = self.runner.path("action/scripts/checksums");
        std::fs::create_dir_all(script.parent().unwrap()).unwrap();
        std::fs::copy(root().join("scripts/checksums"), &script).unwrap();
        let binary = self.runner.path("temp").join(asset());
        std::fs::copy(stand_in(), &binary).unwrap();
        let mut command = std::process::Command::new(node());
        let status = command.arg(script).args([VERSION, &self.server.uri()]).arg(binary).status().unwrap();
        assert!(status.success());
    }

    /// Writes the checksums that a commit of the action carries.
    fn publish(&self, checksums: &serde_json::Value) {
        let release = serde_json::json!({ "version": VERSION, "url": self.server.uri(), "sha256": checksums });
        std::fs::write(self.runner.path("action/dist/checksums.json"), release.to_string()).unwrap();
    }

    /// Answers this many downloads, and insists on them.
    fn serves(&self, answer: ResponseTemplate, times: u64) {
        let place = path(format!("/v{VERSION}/{}", asset()));
        let mock = Mock::given(method("GET")).and(place).respond_with(answer).up_to_n_times(times).expect(times);
        self.runtime.block_on(mock.mount(&self.server));
    }

    fn cached(&self) -> PathBuf {
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
        self.runner.path(&format!("tools/weighbridge/{VERSION}/{architecture}/weighbridge"))
    }

    /// Runs the action, which has to find the binary.
    #[track_caller]
    fn executes(&self) {
        assert_eq!(self.runner.main().expect(7).stdout, "executed\n");
    }

    /// Runs the action, which must not execute anything, and returns its error.
    #[track_caller]
    fn refuses(&self) -> String {
        self.runner.main().expect(3).says_only("error")
    }
}

fn asset() -> String {
    format!("weighbridge-{}-unknown-linux-musl", std::env::consts::ARCH)
}

fn binary() -> Vec<u8> {
    std::fs::read(stand_in()).unwrap()
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes(binary())
}

#[test]
fn a_download_is_verified_kept_and_not_repeated() {
    let release = Release::new();
    release.serves(ok(), 1);
    release.executes();
    release.executes();
    assert_eq!(std::fs::read(release.cached()).unwrap(), binary());
    let beside = std::fs::read_dir(release.cached().parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "an unfinished file is left");
}

#[test]
fn a_wrong_checksum_is_refused_and_nothing_is_executed() {
    let release = Release::new();
    release.publish(&serde_json::json!({ asset(): "0".repeat(64) }));
    release.serves(ok(), 1);
    let text = release.refuses();
    assert!(text.contains("sha256") && text.contains(&"0".repeat(64)), "{text}");
    assert!(!release.cached().exists());
}

#[test]
fn a_cached_binary_that_is_not_the_release_is_replaced() {
    let release = Release::new();
    release.serves(ok(), 1);
    std::fs::create_dir_all(release.cached().parent().unwrap()).unwrap();
    std::fs::write(release.cached(), "#!/bin/sh\necho another\n").unwrap();
    release.executes();
    release.executes();
}

#[test]
fn a_server_that_lacks_the_release_is_asked_once() {
    let release = Release::new();
    release.serves(ResponseTemplate::new(404), 1);
    let text = release.refuses();
    assert!(text.contains(&release.server.uri()) && text.ends_with("HTTP 404"), "{text}");
    assert_eq!(release.runtime.block_on(release.server.received_requests()).unwrap().len(), 1);
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let release = Release::new();
    release.serves(ResponseTemplate::new(503), 1);
    release.serves(ok(), 1);
    release.executes();
}

#[test]
fn a_server_that_cannot_be_reached_is_one_error() {
    let mut release = Release::new();
    release.runner.give("download-url", "http://127.0.0.1:1");
    let text = release.refuses();
    assert!(text.contains("cannot download http://127.0.0.1:1/v1.2.3/weighbridge-"), "{text}");
}

#[test]
fn a_mirror_is_asked_instead_of_the_committed_address() {
    let mut release = Release::new();
    release.serves(ok(), 1);
    let mirror = format!("{}//", release.server.uri());
    release.runner.give("download-url", &mirror);
    let release_file = release.runner.path("action/dist/checksums.json");
    let committed = std::fs::read_to_string(&release_file).unwrap();
    std::fs::write(&release_file, committed.replace(&release.server.uri(), "http://127.0.0.1:1")).unwrap();
    release.executes();
}

#[test]
fn a_binary_beside_the_action_needs_no_download() {
    let release = Release::new();
    let vendored = release.runner.path(&format!("action/bin/{}", asset().replacen("weighbridge-", "", 1)));
    std::fs::create_dir_all(&vendored).unwrap();
    std::os::unix::fs::symlink(stand_in(), vendored.join("weighbridge")).unwrap();
    release.executes();
    assert!(!release.cached().exists());
}

#[test]
fn a_commit_that_is_no_release_says_so() {
    let release = Release::new();
    release.publish(&serde_json::json!({}));
    let text = release.refuses();
    assert!(text.contains("no release") && text.contains("WEIGHBRIDGE_BIN"), "{text}");
}
