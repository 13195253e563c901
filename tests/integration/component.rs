//! The component for GitLab that fans out, `templates/fan-out.yml`: what GitLab makes of it, and its jobs and those of the
//! child pipeline run one by one, beside a fake `docker` and a GitLab with a model behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::case::Case;
use crate::fake::Build;
use crate::fanning;
use crate::forge_server::model::TOKEN;
use crate::forge_server::{Kind, Server};
use crate::layout::TestImage;
use crate::pipeline::{Pipeline, jobs, rendered};

const COMPONENT: &str = "fan-out.yml";
const IMAGE: &str = "registry.acme.test/tools/weighbridge:v0";
const PASSWORD: &str = "pass $HOME `word`";
const YAML: &str = "\
images:
  orders: { context: orders, platforms: [linux/amd64] }
  site: { context: ., dockerfile: site/Dockerfile, platforms: [linux/amd64] }
  web: { context: web, platforms: [linux/amd64, linux/arm64] }
cache: { backend: none }
baseline: { branch: weights }
";

const TRIAL_MERGE: &str = "refs/merge-requests/7/merge";

/// A GitLab, and a project on it that includes the component.
struct World {
    server: Server,
    case: Case,
}

fn arm64() -> Build {
    Build::ok(TestImage { architecture: "arm64", ..TestImage::of(1_000) })
}

impl World {
    async fn of(case: Case) -> Self {
        Self { server: Server::start(Kind::Gitlab).await, case }
    }

    async fn new() -> Self {
        let case = Case::configured(YAML);
        case.docker.builds("web.linux-arm64", &arm64());
        case.repository.write(".dockerignore", "orders\nweb\n.git\n.weighbridge\n");
        case.repository.write("site/Dockerfile", "FROM scratch\nCOPY . /\n");
        case.repository.commit("configure");
        Self::of(case).await
    }

    fn pipeline(&self, event: &str, reference: &str, number: &str, inputs: &[(&str, &str)]) -> Pipeline {
        let text = rendered(COMPONENT, &[&[("image", IMAGE)], inputs].concat()).unwrap();
        let fixture = format!("tests/fixtures/gitlab/{event}.env");
        let fixture = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture)).unwrap();
        let pairs = fixture.lines().filter_map(|line| line.split_once('='));
        let mut env: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let program = Path::new(env!("CARGO_BIN_EXE_weighbridge")).parent().unwrap().display().to_string();
        let search_path =
            format!("{}:{program}:{}", self.case.docker.path("over").display(), self.case.docker.search_path());
        let (sha, api_url) = (self.case.repository.git(&["rev-parse", reference]), self.server.api_url());
        let actions = &mut self.server.model().actions;
        for line in self.case.repository.git(&["log", "--all", "--format=%H %P"]).lines() {
            let mut words = line.split_whitespace().map(str::to_owned);
            actions.commits.insert(words.next().unwrap(), words.collect());
        }
        let main = self.case.repository.git(&["rev-parse", "main"]);
        actions.branches.insert("main".to_owned(), main.trim().to_owned());
        for (name, value) in [
            ("PATH", search_path.as_str()),
            ("FAKE_DOCKER", &self.case.docker.path("").display().to_string()),
            ("NO_PROXY", "127.0.0.1"),
            ("GITLAB_TOKEN", TOKEN),
            ("CI_API_V4_URL", &api_url),
            ("CI_COMMIT_SHA", sha.trim()),
            ("CI_PIPELINE_ID", number),
            ("CI_REGISTRY_USER", "gitlab-ci-token"),
            ("CI_REGISTRY_PASSWORD", PASSWORD),
        ] {
            env.insert(name.to_owned(), value.to_owned());
        }
        Pipeline::of(&text, self.case.repository.path(), reference, env)
    }

    fn pushed(&self, inputs: &[(&str, &str)]) -> Pipeline {
        self.pipeline("default_branch", "main", "40", inputs)
    }

    /// The pipeline of a merge request that changes these files.
    fn requested(&self, files: &[&str], inputs: &[(&str, &str)]) -> Pipeline {
        self.changed(files);
        self.pipeline("merge_request", "topic", "50", inputs)
    }

    /// The same for merged results.
    fn merged(&self, files: &[&str], inputs: &[(&str, &str)]) -> Pipeline {
        self.changed(files);
        let git = &self.case.repository;
        git.git(&["checkout", "--quiet", "--detach", "main"]);
        git.git(&["merge", "--quiet", "--no-ff", "--message", "try", "topic"]);
        git.git(&["update-ref", TRIAL_MERGE, "HEAD"]);
        git.git(&["checkout", "--quiet", "main"]);
        self.pipeline("merged_result", TRIAL_MERGE, "50", inputs)
    }

    fn changed(&self, files: &[&str]) {
        let git = &self.case.repository;
        git.git(&["checkout", "--quiet", "-b", "topic"]);
        files.iter().for_each(|file| drop(git.write(file, "changed")));
        git.commit("change");
        git.git(&["checkout", "--quiet", "main"]);
    }

    /// Puts a program before weighbridge, which is killed where it is called with arguments of this pattern.
    fn kills(&self, pattern: &str) {
        let program = self.case.docker.path("over").join("weighbridge");
        let pattern = pattern.replace(' ', "\\ ");
        let script = "#!/bin/sh\ncase $* in PATTERN) kill -KILL $$ ;; esac\nexec 'PROGRAM' \"$@\"\n";
        let script = script.replace("PATTERN", &pattern).replace("PROGRAM", env!("CARGO_BIN_EXE_weighbridge"));
        std::fs::create_dir_all(program.parent().unwrap()).unwrap();
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The text of the only note.
    fn note(&self) -> String {
        let model = self.server.model();
        let [note] = model.comments.as_slice() else { panic!("{:#?}", model.comments) };
        note.body.split_once('\n').unwrap().1.trim().to_owned()
    }
}

/// Runs the plan and what it planned.
fn fan_out(parent: &mut Pipeline) -> Pipeline {
    parent.run();
    assert!(parent.failed().is_empty(), "{}", parent.job("weighbridge:plan").log);
    let mut child = parent.child("weighbridge:run", "51");
    child.run();
    child
}

#[track_caller]
fn expect(child: &Pipeline, failed: &[&str]) {
    let logs = || child.names().iter().map(|name| child.job(name).log.clone()).collect::<Vec<_>>().join("\n----\n");
    assert_eq!(child.failed(), failed.iter().copied().collect::<BTreeSet<_>>(), "{}", logs());
}

fn report(child: &Pipeline) -> Value {
    serde_json::from_str(&child.artifact("report", ".weighbridge/report.json")).unwrap()
}

#[tokio::test]
async fn a_merge_request_is_built_where_it_changed_and_reported_in_a_note() {
    type Requested = fn(&World, &[&str], &[(&str, &str)]) -> Pipeline;
    for (shell, requested) in [("bash", World::requested as Requested), ("sh", World::merged)] {
        let world = World::new().await;
        let mut main = world.pushed(&[]).with_shell(shell);
        let built = fan_out(&mut main);
        expect(&built, &[]);
        let names =
            ["carried", "orders linux/amd64", "report", "site linux/amd64", "web linux/amd64", "web linux/arm64"];
        assert_eq!(built.names(), names);
        assert_eq!(built.jobs["web linux/arm64"]["tags"], json!(["saas-linux-small-arm64"]));
        let kept = world.case.repository.git(&["ls-tree", "--name-only", "weights"]);
        assert!(kept.contains("reports"), "{}", built.job("report").log);

        world.case.docker.builds("orders", &Build::ok(TestImage::of(1_000_000)));
        let mut parent = requested(&world, &["orders/app"], &[("plan-args", "--changed")]).with_shell(shell);
        let child = fan_out(&mut parent);
        expect(&child, &[]);
        parent.job("weighbridge:plan").says("carried over from the baseline: 3 of 4 cells");
        assert_eq!(child.names(), ["carried", "orders linux/amd64", "report"]);
        let report = report(&child);
        let carried = report["cells"].as_array().unwrap().iter().map(|cell| cell["carried_over"].is_string());
        assert_eq!(carried.collect::<Vec<_>>(), [false, true, true, true]);
        assert!(!report["context"]["head"]["dirty"].as_bool().unwrap_or_default(), "{report}");
        let note = world.note();
        assert!(note.contains("`orders` +") && note.contains("3 builds carried over"), "{note}");
        assert_eq!(child.artifact("report", ".weighbridge/report.md").trim(), note);
        let metrics = child.artifact("report", ".weighbridge/metrics.txt");
        assert!(metrics.contains("image_compressed_bytes{image=\"web\",platform=\"linux/arm64\"} "), "{metrics}");
        assert!(child.artifact("report", ".weighbridge/codequality.json").starts_with('['));
    }
}

#[tokio::test]
async fn what_is_pushed_gets_its_tags_from_the_report_and_nobody_gets_the_password() {
    let world = World::of(fanning::case()).await;
    let mut parent = world.pushed(&[("build-args", "--push"), ("plan-args", "--shards 2")]);
    let child = fan_out(&mut parent);
    expect(&child, &[]);
    assert_eq!(fanning::moved(&world.case).len(), 1);
    assert!(report(&child)["indexes"]["web"].is_string());
    assert_eq!(child.jobs["web linux/arm64"]["tags"], json!(["self-hosted", "arm"]));
    let login = ["login", "--username", "gitlab-ci-token", "--password-stdin", "registry.acme.test"];
    assert_eq!(world.case.docker.calls(&["login"]), vec![login; 4]);
    assert_eq!(std::fs::read_to_string(world.case.docker.path("answers/password")).unwrap(), PASSWORD);
    let text = parent.artifact("weighbridge:plan", "weighbridge-child/pipeline.yml");
    assert!(text.contains("$CI_REGISTRY_PASSWORD") && !text.contains("pass "), "{text}");
}

#[tokio::test]
async fn nothing_to_build_is_reported_as_well() {
    let world = World::new().await;
    expect(&fan_out(&mut world.pushed(&[])), &[]);
    let mut parent = world.requested(&["orders/README.md"], &[("plan-args", "--changed")]);
    let child = fan_out(&mut parent);
    expect(&child, &[]);
    assert_eq!(child.names(), ["carried", "report"]);
    assert_eq!(report(&child)["cells"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_job_that_fails_is_reported_and_counts_as_it_ends_when_it_is_run_again() {
    let world = World::new().await;
    world.case.docker.builds("web.linux-arm64", &Build::failing());
    let mut child = fan_out(&mut world.requested(&["web/app"], &[]));
    expect(&child, &["report", "web linux/arm64"]);
    let note = world.note();
    assert!(note.contains("failed to build") && !note.contains("no part of it came"), "{note}");
    let quality: Value = serde_json::from_str(&child.artifact("report", ".weighbridge/codequality.json")).unwrap();
    assert_eq!(quality[0]["check_name"], "build-failed");
    world.case.docker.builds("web.linux-arm64", &arm64());
    child.run_job("web linux/arm64");
    child.run_job("report");
    expect(&child, &[]);
    assert!(!world.note().contains("failed"), "{}", world.note());
}

#[tokio::test]
async fn jobs_that_leave_nothing_are_named_by_the_report() {
    for pattern in ["build --cell web@linux/arm64", "build *"] {
        let world = World::new().await;
        world.kills(pattern);
        let child = fan_out(&mut world.requested(&["web/app"], &[]));
        child.job("report").says("no part of web linux/arm64 came");
        assert!(child.failed().contains("report") && world.note().contains("no part of it came"), "{}", world.note());
    }
}

#[tokio::test]
async fn a_shell_reads_arguments_once_and_where_they_are_meant() {
    let world = World::new().await;
    let witness = world.case.docker.path("answers/executed").display().to_string();
    let arguments = "--timeout '30m' --scan \"web=a: $HOME #b\" --retries \"$(touch FILE; echo 2)\" --jobs 1";
    let arguments = arguments.replace("FILE", &witness);
    let mut parent = world.requested(
        &["web/app"],
        &[("build-args", &arguments), ("plan-args", "--shards \"$(echo 2)\" ${NOTHING:+a: b #c}")],
    );
    parent.run();
    let plan = parent.job("weighbridge:plan");
    assert!(plan.is_successful && !Path::new(&witness).exists(), "{}", plan.log);
    let child = parent.child("weighbridge:run", "51");
    let script = child.jobs["web linux/arm64"]["script"].as_array().unwrap();
    assert_eq!(script, &[json!(format!("weighbridge build {arguments} --cell $WEIGHBRIDGE_CELLS"))]);
    assert_eq!(child.jobs.len(), 4);
}

#[test]
fn names_that_would_be_more_than_names_are_refused() {
    for (input, value) in [
        ("job-name", "$(touch x)"),
        ("job-name", "a\" b"),
        ("job-name", "`touch x`"),
        ("job-name", "a\nb"),
        ("job-name", ""),
        ("image", "a b"),
        ("image", "a\"b"),
        ("dind-image", "a: b\n"),
        ("stage", "a\"b"),
    ] {
        let given = [("image", IMAGE), (input, value)];
        let given = if input == "image" { &given[1..] } else { &given };
        assert!(rendered(COMPONENT, given).is_err(), "{input}: {value:?}");
    }
    for name in ["weigh", "images: weigh", "web/api v1.0"] {
        let text = rendered(COMPONENT, &[("image", "$CI_REGISTRY_IMAGE/w:1"), ("job-name", name)]).unwrap();
        let jobs = jobs(&text).unwrap();
        assert_eq!(jobs.keys().collect::<Vec<_>>(), [&format!("{name}:plan"), &format!("{name}:run")]);
    }
}

/// The inputs of the component, and the text in which they are put.
fn component() -> (BTreeMap<String, Value>, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(COMPONENT);
    let text = std::fs::read_to_string(path).unwrap();
    let (head, body) = text.split_once("\n---\n").unwrap();
    let head: Value = serde_yaml::from_str(head).unwrap();
    (serde_json::from_value(head["spec"]["inputs"].clone()).unwrap(), body.to_owned())
}

#[test]
fn every_input_is_used_and_documented_as_the_component_describes_it() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fan-out.md")).unwrap();
    let (inputs, body) = component();
    let used = body.split("$[[ inputs.").skip(1).map(|rest| rest.split(" ]]").next().unwrap());
    assert_eq!(used.collect::<BTreeSet<_>>(), inputs.keys().map(String::as_str).collect());
    for (name, input) in &inputs {
        let default = match &input["default"] {
            Value::Null => " required ".to_owned(),
            Value::String(text) if text.is_empty() => " ".to_owned(),
            Value::String(text) => format!(" `{text}` "),
            other => format!(" `{other}` "),
        };
        let description = input["description"].as_str().unwrap().trim_end_matches('.');
        let description = description.split(", as the").next().unwrap().split(". A shell").next().unwrap();
        let row = format!("| `{name}` |{default}| {description}");
        assert!(document.contains(&row), "docs/fan-out.md lacks {row}");
    }
}
