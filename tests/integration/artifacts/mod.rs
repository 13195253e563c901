//! Reports as artifacts of GitHub: left by runs, found as baselines, and made into the comment on a fork's pull request.

mod comment;
mod leave;
mod store;

use std::io::Write as _;

use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::action::log::Log;
use crate::case::Case;
use crate::fake::Build;
use crate::forge_server::artifacts::{FORK, OWN, PullRequest, RUNTIME_TOKEN, Run};
use crate::forge_server::model::TOKEN;
use crate::forge_server::{Kind, Server};
use crate::layout::TestImage;
use crate::support;

/// The run of the pull request, and the one before it on `main`.
const RUN: u64 = 50;
const MAIN_RUN: u64 = 40;

/// A GitHub with pull request 7, whose trial merge is checked out here, and what it is merged into.
struct World {
    server: Server,
    case: Case,
    base: String,
    head: String,
    merge: String,
    /// The report of the base, as its run wrote it.
    base_report: Vec<u8>,
}

impl World {
    /// The pull request makes `orders` heavier. It is of a fork if `head` says so.
    async fn new(head_repository: u64) -> Self {
        let server = Server::start(Kind::Github).await;
        let case =
            Case::configured("{images: {orders: {context: orders}, web: {context: web}}, cache: {backend: none}}");
        let base = case.repository.commit("configure");
        case.run(&[]).expect(0);
        let base_report = case.repository.read(".weighbridge/report.json").into_bytes();
        std::fs::remove_dir_all(case.repository.path().join(".weighbridge")).unwrap();
        case.repository.git(&["checkout", "--quiet", "-b", "topic"]);
        let head = case.repository.commit("grow");
        case.repository.git(&["checkout", "--quiet", "--detach", "main"]);
        case.repository.git(&["merge", "--quiet", "--no-ff", "--message", "try", "topic"]);
        let merge = case.repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
        case.docker.builds("orders", &Build::ok(TestImage::of(100_000)));
        let mut world = Self { server, case, base, head, merge, base_report };
        world.fill(head_repository);
        world.become_a_job(head_repository);
        world
    }

    fn fill(&self, head_repository: u64) {
        let mut model = self.server.model();
        let log = self.case.repository.git(&["log", "--all", "HEAD", "--format=%H %P"]);
        for line in log.lines() {
            let mut words = line.split_whitespace().map(str::to_owned);
            model.actions.commits.insert(words.next().unwrap(), words.collect());
        }
        model.actions.branches.insert("main".to_owned(), self.base.clone());
        model.actions.runs = vec![
            run(MAIN_RUN, "push", "main", &self.base, OWN),
            run(RUN, "pull_request", "topic", &self.head, head_repository),
        ];
        model.actions.current_run = RUN;
        model.actions.pull_requests.push(PullRequest {
            number: 7,
            is_open: true,
            opened_by: ("somebody", "User"),
            labels: Vec::new(),
            head_sha: self.head.clone(),
            head_branch: "topic".to_owned(),
            head_repository,
            base: "main".to_owned(),
        });
    }

    fn become_a_job(&mut self, head_repository: u64) {
        let name = if head_repository == OWN { "acme/shop" } else { "someone/shop" };
        let payload = json!({
            "repository": { "full_name": "acme/shop", "default_branch": "main" },
            "pull_request": { "number": 7, "head": { "repo": { "full_name": name } } },
        });
        let payload = self.case.repository.write(".git/event.json", payload.to_string());
        let (api_url, graphql_url, results_url) =
            (self.server.api_url(), self.server.graphql_url(), self.server.results_url());
        for (name, value) in [
            ("CI", "true"),
            ("NO_PROXY", "127.0.0.1"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_API_URL", &api_url),
            ("GITHUB_GRAPHQL_URL", &graphql_url),
            ("GITHUB_TOKEN", TOKEN),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_EVENT_PATH", payload.to_str().unwrap()),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_BASE_REF", "main"),
            ("GITHUB_HEAD_REF", "topic"),
            ("GITHUB_SHA", &self.merge.clone()),
            ("GITHUB_RUN_ID", &RUN.to_string()),
            ("ACTIONS_RUNTIME_TOKEN", RUNTIME_TOKEN),
            ("ACTIONS_RESULTS_URL", &results_url),
        ] {
            self.case.set(name, value);
        }
    }

    /// The run on `main` has left this.
    fn left_on_main(&self, content: Vec<u8>) -> u64 {
        self.server.model().actions.leave(MAIN_RUN, "weighbridge", content)
    }

    /// Runs, and sees to it that nobody gets to know a token or a signature.
    fn run(&self, arguments: &[&str]) -> support::Run {
        let run = self.case.run(&[&["--comment", "never"], arguments].concat());
        tells_no_secret(&run);
        run
    }
}

fn tells_no_secret(run: &support::Run) {
    // The runner takes its commands, the masks among them, out of the log.
    let told = format!("{}\n{}", run.stdout, Log::read(&run.stderr).text);
    for secret in [TOKEN, RUNTIME_TOKEN, "signature-that-nobody-may-see"] {
        assert!(!told.contains(secret), "{told}");
    }
}

pub(crate) fn run(id: u64, event: &str, branch: &str, sha: &str, head_repository: u64) -> Run {
    Run {
        id,
        event: event.to_owned(),
        conclusion: "success".to_owned(),
        head_branch: branch.to_owned(),
        head_sha: sha.to_owned(),
        head_repository: Some(head_repository),
    }
}

pub(crate) fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Contents that are no report, and why.
fn hostile(report: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let whole = zipped(&[("report.json", report)]);
    let text = std::str::from_utf8(report).unwrap();
    let twice = zipped(&[("report.json", report), ("repost.json", report)]);
    let twice = replaced(&replaced(&twice, b"repost", b"report"), b"repost", b"report");
    let mut encrypted = whole.clone();
    let entry = whole.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    (encrypted[6], encrypted[entry + 8]) = (1, 1);
    vec![
        (Vec::new(), "not a weighbridge report: EOF"),
        (b"<html>Sign in</html>".to_vec(), "not a weighbridge report"),
        (b"\x00\xff\xfe".to_vec(), "not a weighbridge report"),
        (b"{\"schema_version\": 99}".to_vec(), "written by a newer weighbridge"),
        (format!("{{\"schema_version\": 1, \"x\": {}", "[".repeat(100_000)).into_bytes(), "not a weighbridge report"),
        (text.replace("\"compressed_bytes\": ", "\"compressed_bytes\": -").into_bytes(), "not a weighbridge report"),
        (text.replace("linux/amd64", "::error::").into_bytes(), "expected os/architecture"),
        (zipped(&[]), "holds no report.json"),
        (zipped(&[("../../report.json", report)]), "holds no report.json"),
        (zipped(&[("a/report.json", report), ("b/report.json", report)]), "more than one report.json"),
        (zipped(&[("report.json", b"null")]), "not a weighbridge report"),
        (zipped(&[("report.json", &vec![b' '; 80 << 20])]), "refused as a decompression bomb"),
        (twice, "two entries of one name"),
        (encrypted, "assword"),
        (whole[..whole.len() - 30].to_vec(), "the archive: "),
        (replaced(&whole, &whole[80..90], &[0; 10]), "the archive: "),
    ]
}

fn replaced(content: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut content = content.to_owned();
    let at = content.windows(from.len()).position(|window| window == from).unwrap();
    content[at..at + to.len()].copy_from_slice(to);
    content
}
