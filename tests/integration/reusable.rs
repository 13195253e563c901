//! The workflow that others call, `.github/workflows/build.yml`, run step by step: every job on a runner with a checkout of
//! its own, beside a fake `docker` and a GitHub with a model behind it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::artifacts::{run, zipped};
use crate::case::Case;
use crate::fake::{Build, CONTAINER_BUILDER};
use crate::fanning;
use crate::forge_server::artifacts::{OWN, PullRequest};
use crate::forge_server::model::TOKEN;
use crate::forge_server::{Kind, Server};
use crate::layout::TestImage;
use crate::runner::manifest::root;
use crate::runner::workflow::{Leg, Workflow};

const IMAGE: &str = "ghcr.io/acme/weighbridge@sha256:1234";
const YAML: &str = "\
images:
  orders: { context: orders, platforms: [linux/amd64] }
  web: { context: web, platforms: [linux/amd64, linux/arm64] }
cache: { backend: none }
";
const TRIAL_MERGE: &str = "refs/pull/7/merge";

/// A GitHub, and a repository on it that calls the workflow.
struct World {
    server: Server,
    case: Case,
}

impl World {
    async fn of(case: Case) -> Self {
        case.docker.answers("container", "f00d\n");
        case.docker.answers("holds.weighbridge", env!("CARGO_BIN_EXE_weighbridge"));
        let world = Self { server: Server::start(Kind::Github).await, case };
        world.runs(40, "push", "main", &world.commit_of("HEAD"));
        world
    }

    async fn new() -> Self {
        let case = Case::configured(YAML);
        case.docker.builds("web.linux-arm64", &arm64());
        case.repository.commit("configure");
        Self::of(case).await
    }

    /// Kills weighbridge where it is called with arguments of this pattern.
    fn kills(&self, pattern: &str) {
        let program = self.case.docker.path("weighbridge");
        let pattern = pattern.replace(' ', "\\ ");
        let script = "#!/bin/sh\ncase $* in PATTERN) kill -KILL $$ ;; esac\nexec 'PROGRAM' \"$@\"\n";
        let script = script.replace("PATTERN", &pattern).replace("PROGRAM", env!("CARGO_BIN_EXE_weighbridge"));
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.case.docker.answers("holds.weighbridge", program.display().to_string());
    }

    fn commit_of(&self, reference: &str) -> String {
        self.case.repository.git(&["rev-parse", reference]).trim().to_owned()
    }

    /// GitHub starts a run of a branch.
    fn runs(&self, id: u64, event: &str, branch: &str, sha: &str) {
        let mut model = self.server.model();
        for line in self.case.repository.git(&["log", "--all", "--format=%H %P"]).lines() {
            let mut words = line.split_whitespace().map(str::to_owned);
            model.actions.commits.insert(words.next().unwrap(), words.collect());
        }
        model.actions.branches.insert("main".to_owned(), self.commit_of("main"));
        model.actions.runs.push(run(id, event, branch, sha, OWN));
        model.actions.current_run = id;
    }

    /// The workflow, called by a push to `main`.
    fn pushed(&self) -> Workflow {
        let event = json!({ "repository": { "full_name": "acme/shop", "default_branch": "main" } });
        let mut workflow = self.called("refs/heads/main", "push", 40, &event);
        for (name, value) in [("GITHUB_BASE_REF", ""), ("GITHUB_HEAD_REF", ""), ("GITHUB_REF_NAME", "main")] {
            workflow.set(name, value);
        }
        workflow
    }

    /// The workflow, called by a pull request that changes these files.
    fn requested(&self, files: &[&str]) -> Workflow {
        let git = &self.case.repository;
        git.git(&["checkout", "--quiet", "-b", "topic"]);
        for file in files {
            git.write(file, "changed");
        }
        let topic = git.commit("change");
        git.git(&["checkout", "--quiet", "--detach", "main"]);
        git.git(&["merge", "--quiet", "--no-ff", "--message", "try", "topic"]);
        git.git(&["update-ref", TRIAL_MERGE, "HEAD"]);
        git.git(&["checkout", "--quiet", "main"]);
        self.runs(50, "pull_request", "topic", &topic);
        let head = json!({ "ref": "topic", "sha": topic, "repo": { "full_name": "acme/shop" } });
        let event = json!({
            "repository": { "full_name": "acme/shop", "default_branch": "main" },
            "pull_request": { "number": 7, "head": head },
        });
        self.server.model().actions.pull_requests.push(PullRequest {
            number: 7,
            is_open: true,
            opened_by: ("somebody", "User"),
            labels: Vec::new(),
            head_sha: topic,
            head_branch: "topic".to_owned(),
            head_repository: OWN,
            base: "main".to_owned(),
        });
        self.called(TRIAL_MERGE, "pull_request", 50, &event)
    }

    fn called(&self, reference: &str, event: &str, run: u64, payload: &Value) -> Workflow {
        let mut workflow = Workflow::called("build.yml", self.case.repository.path(), reference);
        workflow.give("image", IMAGE);
        self.tells(&mut workflow, reference, event, run, payload);
        workflow
    }

    /// Says to all jobs of a workflow what GitHub would.
    fn tells(&self, workflow: &mut Workflow, reference: &str, event: &str, run: u64, payload: &Value) {
        workflow.token = TOKEN.to_owned();
        let payload = self.case.repository.write(&format!(".git/event-{run}.json"), payload.to_string());
        for (name, value) in [
            ("PATH", &self.case.docker.search_path()),
            ("FAKE_DOCKER", &self.case.docker.path("").display().to_string()),
            ("NO_PROXY", &"127.0.0.1".to_owned()),
            ("GITHUB_API_URL", &self.server.api_url()),
            ("GITHUB_GRAPHQL_URL", &self.server.graphql_url()),
            ("GITHUB_EVENT_NAME", &event.to_owned()),
            ("GITHUB_EVENT_PATH", &payload.display().to_string()),
            ("GITHUB_REF", &reference.to_owned()),
            ("GITHUB_RUN_ID", &run.to_string()),
            ("GITHUB_SHA", &self.commit_of(reference)),
        ] {
            workflow.set(name, value);
        }
    }

    /// Gives GitHub what a run has left as its report.
    fn keep(&self, workflow: &Workflow, run: u64) {
        let report = workflow.artifact("weighbridge", "report.json");
        self.server.model().actions.leave(run, "weighbridge", zipped(&[("report.json", &report)]));
    }

    /// The text of the only comment.
    fn comment(&self) -> String {
        let model = self.server.model();
        let [comment] = model.comments.as_slice() else { panic!("{:#?}", model.comments) };
        comment.body.split_once('\n').unwrap().1.to_owned()
    }
}

fn arm64() -> Build {
    Build::ok(TestImage { architecture: "arm64", ..TestImage::of(1_000) })
}

fn results(workflow: &Workflow) -> [&'static str; 3] {
    ["plan", "build", "report"].map(|job| workflow.job_of(job).result())
}

#[track_caller]
fn expect(workflow: &Workflow, expected: [&str; 3]) {
    let logs = || {
        ["plan", "build", "report"]
            .map(|job| workflow.job_of(job).legs().map(|leg| leg.log.clone()).collect::<String>())
    };
    assert_eq!(results(workflow), expected, "{}", logs().join("\n----\n"));
}

/// The only leg of a job.
fn only<'w>(workflow: &'w Workflow, job: &str) -> &'w Leg {
    let mut legs = workflow.job_of(job).legs();
    let leg = legs.next().unwrap();
    assert!(legs.next().is_none());
    leg
}

fn report(workflow: &Workflow, artifact: &str) -> Value {
    serde_json::from_slice(&workflow.artifact(artifact, "report.json")).unwrap()
}

fn names(workflow: &Workflow) -> Vec<&str> {
    workflow.job_of("build").legs().map(|leg| leg.name.as_str()).collect()
}

fn actions(leg: &Leg) -> Vec<&str> {
    leg.noted.iter().map(|(action, _)| action.as_str()).collect()
}

#[tokio::test]
async fn what_is_pushed_to_main_is_built_on_runners_of_its_kind_and_tagged_by_the_report() {
    let world = World::of(fanning::case()).await;
    let mut workflow = world.pushed();
    workflow.give("push", true);
    workflow.give("shards", 2);
    workflow.run();
    expect(&workflow, ["success"; 3]);
    let runs_on: Vec<Value> = workflow.job_of("build").legs().map(|leg| leg.runs_on.clone()).collect();
    assert_eq!(
        (names(&workflow), runs_on),
        (vec!["web linux/arm64", "web linux/amd64"], vec![json!(["self-hosted", "arm"]), json!(["ubuntu-latest"])])
    );
    assert_eq!(fanning::moved(&world.case).len(), 1);
    assert!(only(&workflow, "plan").noted.is_empty());
    for leg in workflow.job_of("build").legs().chain(workflow.job_of("report").legs()) {
        let [(action, inputs)] = leg.noted.as_slice() else { panic!("{:?}", leg.noted) };
        let given = ["registry", "username", "password"].map(|input| inputs[input].as_str());
        assert_eq!((action.as_str(), given), ("docker/login-action", ["ghcr.io", "ann", TOKEN]));
    }
    let artifacts = ["weighbridge", "weighbridge-parts@@0.1", "weighbridge-parts@@1.1"];
    assert_eq!(workflow.artifact_names(), artifacts);
    assert!(report(&workflow, "weighbridge")["indexes"]["web"].is_string());
    assert_eq!(world.case.docker.calls(&["create"]), vec![["create", IMAGE]; 4]);
    assert_eq!(world.server.model().comments, []);
}

#[tokio::test]
async fn a_pull_request_is_built_where_it_changed_and_carries_over_the_rest() {
    let world = World::new().await;
    let mut main = world.pushed();
    main.run();
    expect(&main, ["success"; 3]);
    assert_eq!(names(&main).len(), 3);
    world.keep(&main, 40);
    assert_eq!(world.case.docker.builds_run(), 3);

    let mut workflow = world.requested(&["orders/app"]);
    workflow.give("changed", true);
    world.case.docker.builds("orders", &Build::ok(TestImage::of(1_000_000)));
    workflow.run();
    expect(&workflow, ["success"; 3]);
    only(&workflow, "plan").says("carried over from the baseline: 2 of 3 cells");
    assert_eq!((names(&workflow), world.case.docker.builds_run()), (vec!["orders linux/amd64"], 4));
    assert!(actions(only(&workflow, "build")).is_empty());
    let artifacts = ["weighbridge", "weighbridge-parts@@0.1", "weighbridge-parts@@carried.1"];
    assert_eq!(workflow.artifact_names(), artifacts);
    let report = report(&workflow, "weighbridge");
    let carried = report["cells"].as_array().unwrap().iter().map(|cell| cell["carried_over"].is_string());
    assert_eq!(carried.collect::<Vec<_>>(), [false, true, true]);
    assert!(!report["context"]["head"]["dirty"].as_bool().unwrap_or_default(), "{report}");
    let comment = world.comment();
    assert!(comment.contains("`orders` +") && comment.contains("2 builds carried over"), "{comment}");
    assert_eq!(only(&workflow, "report").read(".weighbridge/report.md").trim(), comment.trim());
    // All of it once more, beside what the first attempt left.
    workflow.run_again();
    expect(&workflow, ["success"; 3]);
    assert_eq!(workflow.artifact_names().len(), 5);
    assert_eq!(self::report(&workflow, "weighbridge")["cells"].as_array().unwrap().len(), 3);
    assert!(world.comment().contains("2 builds carried over"));
}

#[tokio::test]
async fn nothing_to_build_is_reported_as_well() {
    let world = World::new().await;
    let mut main = world.pushed();
    main.run();
    world.keep(&main, 40);
    let mut workflow = world.requested(&["README.md"]);
    workflow.give("changed", true);
    workflow.run();
    expect(&workflow, ["success", "skipped", "success"]);
    assert_eq!(workflow.artifact_names(), ["weighbridge", "weighbridge-parts@@carried.1"]);
    assert_eq!(report(&workflow, "weighbridge")["cells"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_leg_that_fails_is_reported_and_counts_as_it_ends_when_it_is_run_again() {
    let world = World::new().await;
    world.case.docker.builds("web.linux-arm64", &Build::failing());
    let mut workflow = world.requested(&["web/app"]);
    workflow.run();
    expect(&workflow, ["success", "failure", "failure"]);
    let succeeded: Vec<bool> = workflow.job_of("build").legs().map(|leg| leg.is_successful).collect();
    assert_eq!(succeeded.iter().filter(|done| !**done).count(), 1);
    let comment = world.comment();
    assert!(comment.contains("failed to build") && !comment.contains("no part of it came"), "{comment}");
    assert_eq!(report(&workflow, "weighbridge")["verdict"], "fail");

    world.case.docker.builds("web.linux-arm64", &arm64());
    let builds = world.case.docker.builds_run();
    workflow.run_failed_again();
    expect(&workflow, ["success"; 3]);
    assert_eq!(world.case.docker.builds_run(), builds + 1);
    let parts: Vec<String> = workflow.artifact_names().into_iter().filter(|name| name.ends_with(".2")).collect();
    assert_eq!(parts.len(), 1, "{:?}", workflow.artifact_names());
    assert!(!world.comment().contains("failed"), "{}", world.comment());
    assert_eq!(report(&workflow, "weighbridge")["verdict"], "pass");
}

#[tokio::test]
async fn legs_that_leave_nothing_are_named_by_the_report() {
    for arm in [true, false] {
        let world = World::new().await;
        let mut workflow = world.requested(&["web/app"]);
        workflow.give("shards", 2);
        world.kills(if arm { "build --cell web@linux/arm64" } else { "build *" });
        workflow.run();
        expect(&workflow, ["success", "failure", "failure"]);
        only(&workflow, "report").says("no part of web linux/arm64 came");
        assert!(world.comment().contains("no part of it came"), "{}", world.comment());
    }
}

#[tokio::test]
async fn a_platform_of_no_runner_is_emulated() {
    let case =
        Case::configured("{ images: { web: { context: web, platforms: [linux/riscv64] } }, cache: { backend: none } }");
    case.repository.commit("configure");
    case.docker.answers("inspect", CONTAINER_BUILDER.replace("linux/386", "linux/riscv64"));
    case.docker.builds("web", &Build::ok(TestImage { architecture: "riscv64", ..TestImage::of(1_000) }));
    let world = World::of(case).await;
    let mut workflow = world.pushed();
    workflow.run();
    expect(&workflow, ["success"; 3]);
    assert_eq!(actions(only(&workflow, "build")), ["docker/setup-qemu-action"]);
}

#[tokio::test]
async fn a_report_with_a_name_has_artifacts_and_a_comment_of_its_own() {
    let world = World::new().await;
    world.case.docker.builds("web", &Build::failing());
    let mut workflow = world.requested(&["web/app"]);
    workflow.give("report-name", "back.end");
    workflow.run();
    assert!(workflow.artifact_names().contains(&"weighbridge-back.end".to_owned()), "{:?}", workflow.artifact_names());
    let parts = workflow.artifact_names().into_iter().filter(|name| name.starts_with("weighbridge-parts@back.end@"));
    assert_eq!(parts.count(), 3);
    assert!(world.server.model().comments[0].body.starts_with("<!-- weighbridge:key=back.end;"));
}

#[tokio::test]
async fn what_is_no_name_stops_the_run_and_is_never_executed() {
    let world = World::new().await;
    let witness = world.case.repository.path().join(".git/executed");
    let mut inputs = vec!["a/b".to_owned(), "--push".to_owned(), "*".to_owned(), "a\nb".to_owned()];
    for template in
        ["$(touch 'FILE')", "\"; touch 'FILE'; \"", "`touch 'FILE'`", "'; touch 'FILE' #", "${{ github.token }}"]
    {
        inputs.push(template.replace("FILE", &witness.display().to_string()));
    }
    for name in inputs {
        let mut workflow = world.pushed();
        workflow.give("report-name", name.as_str());
        workflow.run();
        expect(&workflow, ["failure", "skipped", "skipped"]);
        assert!(!witness.exists(), "{name}");
        assert!(workflow.artifact_names().is_empty() && !only(&workflow, "plan").log.contains(TOKEN), "{name}");
    }
}

#[tokio::test]
async fn the_workflow_by_hand_of_the_document_does_the_same() {
    let document = std::fs::read_to_string(root().join("docs/fan-out.md")).unwrap();
    let by_hand = document.split("```yaml\n").nth(2).unwrap().split("```").next().unwrap();
    let world = World::of(fanning::case()).await;
    let mut workflow = Workflow::of(by_hand, world.case.repository.path(), "refs/heads/main");
    world.tells(
        &mut workflow,
        "refs/heads/main",
        "push",
        40,
        &json!({ "repository": { "full_name": "acme/shop", "default_branch": "main" } }),
    );
    let program = Path::new(env!("CARGO_BIN_EXE_weighbridge")).parent().unwrap();
    workflow.set("PATH", &format!("{}:{}", program.display(), world.case.docker.search_path()));
    workflow.run();
    expect(&workflow, ["success"; 3]);
    assert_eq!(fanning::moved(&world.case).len(), 1);
    assert_eq!(workflow.artifact_names(), ["parts@0.1", "parts@1.1", "weighbridge"]);

    // It comments as well: a job is told its token.
    let world = World::new().await;
    world.case.docker.builds("web", &Build::failing());
    let request = world.requested(&["web/app"]);
    let mut workflow = Workflow::of(&by_hand.replace(" --push", ""), world.case.repository.path(), TRIAL_MERGE);
    workflow.env = request.env;
    workflow.token = TOKEN.to_owned();
    workflow.set("PATH", &format!("{}:{}", program.display(), world.case.docker.search_path()));
    workflow.run();
    expect(&workflow, ["success", "failure", "failure"]);
    assert!(world.comment().contains("failed to build"), "{}", world.comment());
}

#[test]
fn the_document_calls_it_with_its_inputs_and_gives_it_what_its_jobs_need() {
    let document = std::fs::read_to_string(root().join("docs/fan-out.md")).unwrap();
    let workflow = std::fs::read_to_string(root().join(".github/workflows/build.yml")).unwrap();
    let workflow: Value = serde_yaml::from_str(&workflow).unwrap();
    let inputs = &workflow["on"]["workflow_call"]["inputs"];
    for (name, input) in inputs.as_object().unwrap() {
        let default = match &input["default"] {
            Value::Null => "required".to_owned(),
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let row = format!("| `{name}` | {default} | {}", input["description"].as_str().unwrap()).replace("|  |", "| |");
        assert!(document.contains(&row), "docs/fan-out.md lacks {row}");
    }
    let example = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let example: Value = serde_yaml::from_str(example).unwrap();
    let call = &example["jobs"]["images"];
    assert!(call["with"].as_object().unwrap().keys().all(|name| inputs.get(name).is_some()), "{call}");
    for job in workflow["jobs"].as_object().unwrap().values() {
        for (scope, level) in job["permissions"].as_object().unwrap() {
            let given = &call["permissions"][scope];
            assert!(given == level || given == "write", "{scope}: {level}");
        }
    }
}
