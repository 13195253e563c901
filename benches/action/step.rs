//! The action in a job for a pull request that leaves a small image as it is, with a baseline and a forge.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::figure::{Figure, pairs};
use crate::forge_server::model::TOKEN;
use crate::forge_server::{Kind, Server};
use crate::runner::Runner;
use crate::support::Repository;

const BOUND: f64 = 1.5;
const SAMPLES: usize = 15;
const DOCKERFILE: &str =
    "FROM scratch AS parts\nCOPY data /data\nFROM scratch\nCOPY --from=parts /data /data\nCOPY text /text\n";
/// Variables that send a client to one engine.
const ENGINE: [&str; 4] = ["BUILDX_BUILDER", "BUILDX_CONFIG", "DOCKER_CONFIG", "DOCKER_HOST"];

/// A repository on a forge, and what is known of its base commit.
struct Forge {
    upstream: Repository,
    server: Server,
    baseline: tempfile::NamedTempFile,
}

pub(crate) fn against_docker() -> [Figure; 2] {
    let forge = Forge::new();
    let first = pairs("first step of a job: action / docker buildx build", BOUND, SAMPLES, || {
        let job = forge.job();
        (act(&job), build(&job.path("work")))
    });
    let job = forge.job();
    act(&job);
    let later = pairs("later step of a job: action / docker buildx build", BOUND, SAMPLES, || {
        (act(&job), build(&job.path("work")))
    });
    [first, later]
}

impl Forge {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (upstream, server) = (Repository::new(), runtime.block_on(Server::start(Kind::Github)));
        upstream.write("web/Dockerfile", DOCKERFILE);
        upstream.write("web/data", crate::layout::noise(300_000));
        upstream.write("web/text", "text");
        upstream.write("weighbridge.yml", "{ images: { web: { context: web } }, cache: { backend: none } }\n");
        upstream.commit("base");
        upstream.git(&["switch", "--quiet", "--create", "topic"]);
        upstream.write("README.md", "words");
        upstream.commit("words");
        upstream.git(&["switch", "--quiet", "--detach", "main"]);
        upstream.git(&["merge", "--quiet", "--no-ff", "--message", "Merge topic into main", "topic"]);
        let forge = Self { upstream, server, baseline: tempfile::NamedTempFile::new().unwrap() };
        let job = forge.job();
        act(&job);
        std::fs::write(forge.baseline.path(), job.read(".weighbridge/report.json")).unwrap();
        forge
    }

    /// A new job: a workspace with nothing in it but the trial merge.
    fn job(&self) -> Runner {
        let mut job = Runner::new();
        let clone = ["clone", "--quiet", self.upstream.path().to_str().unwrap(), "."];
        assert!(Command::new("git").args(clone).current_dir(job.path("work")).output().unwrap().status.success());
        let repository = json!({ "full_name": "acme/shop", "default_branch": "main" });
        let event = json!({
            "repository": repository,
            "pull_request": { "number": 7, "user": { "login": "ann" }, "head": { "repo": repository } },
        });
        std::fs::write(job.path("temp/event.json"), event.to_string()).unwrap();
        for name in ENGINE {
            job.set(name, &std::env::var(name).unwrap_or_default());
        }
        job.set("GITHUB_SHA", self.upstream.git(&["rev-parse", "HEAD"]).trim());
        job.set("GITHUB_API_URL", &self.server.api_url());
        job.set("GITHUB_GRAPHQL_URL", &self.server.graphql_url());
        job.set("WEIGHBRIDGE_BIN", env!("CARGO_BIN_EXE_weighbridge"));
        job.give("github-token", TOKEN);
        if self.baseline.as_file().metadata().unwrap().len() > 0 {
            job.give("baseline", self.baseline.path().to_str().unwrap());
        }
        job
    }
}

/// Wall time of the action, which has nothing to say.
fn act(job: &Runner) -> Duration {
    let start = Instant::now();
    let step = job.main();
    let wall = start.elapsed();
    step.expect(0);
    wall
}

/// Wall time of the same image built without the action, to a layout as well.
fn build(workspace: &Path) -> Duration {
    let layout = tempfile::tempdir().unwrap();
    let output = format!("type=oci,tar=false,dest={}", layout.path().join("layout").display());
    let mut command = Command::new("docker");
    command.args(["buildx", "build", "--progress=plain", "--output", &output, "web"]).current_dir(workspace);
    let start = Instant::now();
    let built = command.stdin(Stdio::null()).output().unwrap();
    let wall = start.elapsed();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    wall
}
