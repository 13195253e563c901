//! What a run tells the runner that started it, read by the runner's own rules.

use base64::Engine as _;
use proptest::prelude::*;
use serde_json::json;
use weighbridge::env::Env;
use weighbridge::publish::actions::command::Command;
use weighbridge::publish::actions::files::{Values, add_values};

use crate::action::log::Log;
use crate::case::Case;
use crate::fake::{Build, CLASSIC_BUILDER};
use crate::layout::TestImage;
use crate::runner::commands::{commands, values};
use crate::runner::{Runner, Step, TOKEN};

const SECRET: &str = "hunter2hunter2";

/// A job in a repository, whose docker is the fake.
struct Job {
    case: Case,
    runner: Runner,
}

impl Job {
    fn of(case: Case) -> Self {
        let mut runner = Runner::new();
        runner.env.extend(case.repository.env.clone());
        runner.set("WEIGHBRIDGE_BIN", env!("CARGO_BIN_EXE_weighbridge"));
        // Nobody is there to comment to.
        runner.give("comment", "never");
        Self { case, runner }
    }

    #[track_caller]
    fn run(&self, code: i32) -> (Step, Log) {
        let mut command = self.runner.command();
        command.current_dir(self.case.repository.path());
        let step = Step::of(command).expect(code);
        let log = Log::read(&step.stderr).ended();
        assert_eq!(Log::read(&step.stdout).names(), [""; 0], "{}", step.stdout);
        (step, log)
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.runner.path("temp").join(name)).unwrap()
    }
}

fn one_image(image: &str) -> String {
    format!("images: {{ {image}: {{ context: {image}, platforms: [linux/amd64] }} }}\n")
}

#[test]
fn one_image_is_told_as_the_incumbent_tells_it() {
    let job = Job::of(Case::configured(&one_image("orders")));
    let digest = format!("sha256:{}", "7".repeat(64));
    job.case.docker.builds("orders", &Build::ok(TestImage::of(1000)));
    job.case.docker.tells(
        "orders",
        &json!({ "containerimage.digest": digest, "buildx.build.ref": format!("b/n/{TOKEN}"),
            "buildx.build.warnings": [{ "short": "x" }] }),
    );
    job.run(0);
    let outputs = job.runner.outputs();
    let text = |name: &str| outputs[name].as_str();
    let json = |name: &str| serde_json::from_str::<serde_json::Value>(text(name)).unwrap();
    let cell = |field: &str| job.case.cell(0, field);
    assert_eq!((text("verdict"), text("digest")), ("pass", digest.as_str()));
    assert_eq!(json("metadata"), json!({ "buildx.build.ref": "b/n/***", "containerimage.digest": digest }));
    assert_eq!(text("imageid"), cell("config_digest"));
    assert!(text("imageid").starts_with("sha256:") && text("imageid") != cell("digest"));
    assert_eq!(json("digests"), json!({ "orders": { "linux/amd64": cell("digest") } }));
    assert_eq!(json("sizes"), json!({ "orders": { "linux/amd64": cell("compressed_bytes") } }));
    assert!(std::path::Path::new(text("report")).is_file() && text("report").ends_with(".weighbridge/report.json"));
    assert_eq!(outputs.len(), 7);
}

#[test]
fn several_images_are_told_by_name_and_failed_ones_are_left_out() {
    let job = Job::of(Case::new());
    job.case.docker.builds("web", &Build::failing());
    job.run(3);
    let outputs = job.runner.outputs();
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["digests", "report", "sizes", "verdict"]);
    assert_eq!(outputs["verdict"], "fail");
    assert!(outputs["digests"].contains("orders") && !outputs["digests"].contains("web"));
}

#[test]
fn the_summary_is_added_to_what_is_there() {
    let job = Job::of(Case::new());
    std::fs::write(job.runner.path("temp/step_summary"), "# Before").unwrap();
    job.run(0);
    assert_eq!(job.file("step_summary"), format!("# Before\n{}", job.case.comment()));
    std::fs::write(job.runner.path("temp/step_summary"), "x".repeat(1 << 20)).unwrap();
    let (_, log) = job.run(0);
    assert!(log.text.contains("warning: no summary: "), "{}", log.text);
    assert_eq!(job.file("step_summary").len(), 1 << 20);
}

#[test]
fn annotations_stand_at_the_lines_of_dockerfiles() {
    let mut job = Job::of(Case::new());
    job.runner.give("working-directory", "shop");
    for file in ["orders/Dockerfile", "web/Dockerfile", "orders/app", "web/app"] {
        let text = job.case.repository.read(file);
        job.case.repository.write(&format!("shop/{file}"), text);
    }
    job.case.repository.write(
        "shop/weighbridge.yml",
        "images: { orders: { context: orders, budget: { compressed: 1 kB } }, web: { context: web } }\n",
    );
    let image = TestImage::of(5_000);
    job.case.docker.builds("orders", &Build::ok(image));
    job.case.docker.builds("web", &Build::failing());
    let (_, log) = job.run(3);
    let errors: Vec<_> = log.commands.iter().filter(|command| command.name == "error").collect();
    let place = |index: usize| {
        let of = |property: &str| errors[index].properties.get(property).map_or("", String::as_str);
        format!("{}:{} {}", of("file"), of("line"), of("title"))
    };
    assert_eq!(place(0), "shop/web/Dockerfile:3 web linux/amd64 failed");
    assert_eq!(place(1), "shop/orders/Dockerfile:2 orders linux/amd64 over budget");
    assert!(errors[1].text.contains("limit 1.0 kB, mostly by COPY app /app"), "{}", errors[1].text);
    assert_eq!(errors.len(), 2);
    assert_eq!(log.names()[..2], ["add-mask", "group"]);
}

#[test]
fn only_a_builder_that_was_made_is_left_to_be_removed() {
    let job = Job::of(Case::new());
    job.run(0);
    assert_eq!(job.file("save_state"), "");
    job.case.docker.answers("inspect", CLASSIC_BUILDER);
    std::fs::remove_file(job.case.repository.path().join(".weighbridge/builder.json")).unwrap();
    job.run(0);
    let state = job.file("save_state");
    assert_eq!(
        values(&state).unwrap().into_iter().collect::<Vec<_>>(),
        [("builder".to_owned(), "weighbridge".to_owned())]
    );
    // One that is there already belongs to somebody else, if only to an earlier step.
    job.run(0);
    assert_eq!(job.file("save_state"), state);
    job.runner.post().expect(0);
    assert_eq!(job.case.docker.calls(&["buildx", "rm"]), [["buildx", "rm", "weighbridge"]]);
}

/// A build whose log holds this text.
fn printing(text: &str) -> Build {
    let digest = format!("sha256:{}", "1".repeat(64));
    let data = base64::engine::general_purpose::STANDARD.encode(text);
    let vertex = |end: Option<&str>| {
        json!({ "vertexes": [{ "digest": digest, "name": "[1/1] COPY app /app", "started": "2026-11-20T15:00:01Z",
            "completed": end }] })
    };
    let log = json!({ "logs": [{ "vertex": digest, "stream": 1, "timestamp": "2026-11-20T15:00:02Z", "data": data }] });
    let stream = format!("{}\n{log}\n{}\n", vertex(None), vertex(Some("2026-11-20T15:00:03Z")));
    Build { stream: stream.into_bytes(), ..Build::ok(TestImage::of(1000)) }
}

#[test]
fn a_log_of_a_build_commands_nothing_whatever_it_prints() {
    let mut job = Job::of(Case::new());
    let evil =
        "::error::pwned\n  ::add-mask::a\n##[error]pwned\nx ##[group]pwned\r::notice::pwned\n::stop-commands::x\n";
    job.case.docker.builds("default", &printing(evil));
    for debug in ["", "1"] {
        job.runner.set("RUNNER_DEBUG", debug);
        let (step, log) = job.run(0);
        assert_eq!(step.stderr.contains("pwned"), debug == "1", "{}", step.stderr);
        assert!(!log.said().contains("pwned"), "{log:?}");
        assert!(log.names().iter().all(|name| ["add-mask", "group", "endgroup", "warning"].contains(name)), "{log:?}");
        // Even were commands not stopped, there is none.
        let shown: String = log.text.lines().map(|line| format!("{line}\n")).collect();
        assert_eq!(Log::read(&shown).names(), [""; 0], "{shown}");
    }
}

#[test]
fn secrets_are_masked_first_and_stand_nowhere_else() {
    let case = Case::configured(
        "images: { orders: { context: orders, build_args: {AUTH: 'true', API_TOKEN: guessed}, \
         secrets: ['id=a,env=DEPLOY_KEY', 'id=b,src=key.pem'] } }\n",
    );
    case.repository.write("key.pem", format!("-----BEGIN-----\n{SECRET}-of-a-file\nabc\n"));
    let mut job = Job::of(case);
    job.runner.set("DEPLOY_KEY", &format!("{SECRET}\nsecond line"));
    job.runner.set("ACTIONS_RUNTIME_TOKEN", "runtime-token");
    job.runner.set("RUNNER_DEBUG", "1");
    job.case.docker.builds("orders", &printing(&format!("{SECRET} runtime-token {TOKEN}\n")));
    let (step, log) = job.run(0);
    let masks = log.of("add-mask");
    for secret in [TOKEN, "runtime-token", SECRET, "second line", &format!("{SECRET}-of-a-file"), "-----BEGIN-----"] {
        assert!(masks.contains(&secret), "{secret} is not masked: {masks:?}");
    }
    for other in ["abc", "true", "guessed"] {
        assert!(!masks.contains(&other), "{other} is masked for the whole job: {masks:?}");
    }
    let first = step.stderr.lines().position(|line| !line.starts_with("::add-mask::")).unwrap();
    assert!(first >= 2 && step.stderr.lines().nth(first).unwrap().starts_with("::stop-commands::"), "{}", step.stderr);
    let files = [job.file("set_output"), job.file("step_summary"), job.file("save_state")].concat();
    let directory = job.case.repository.path().join(".weighbridge");
    let written = ["report.json", "report.md", "metrics.txt", "codequality.json", "outputs.env"];
    let written: String = written.iter().map(|name| std::fs::read_to_string(directory.join(name)).unwrap()).collect();
    let other = log.commands.iter().filter(|command| command.name != "add-mask").map(|command| &command.text);
    let said: String = other.map(|text| format!("{text}\n")).collect();
    for secret in [TOKEN, "runtime-token", SECRET, "second line"] {
        for (place, text) in [
            ("stdout", &step.stdout),
            ("log", &log.text),
            ("files", &files),
            ("results", &written),
            ("commands", &said),
        ] {
            assert!(!text.contains(secret), "{secret} in {place}:\n{text}");
        }
    }
}

#[test]
fn a_step_that_is_a_script_writes_no_secret_into_its_log() {
    let mut case = Case::new();
    for (name, value) in [("GITHUB_ACTIONS", "true"), ("GITHUB_TOKEN", SECRET)] {
        case.set(name, value);
    }
    let run = case.run(&["--comment", "never"]).expect(0);
    assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
    assert_eq!(Log::read(&run.stderr).ended().names()[..1], ["group"]);
}

#[test]
fn files_that_cannot_be_written_are_warnings() {
    let mut job = Job::of(Case::new());
    for variable in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        job.runner.set(variable, "/nonexistent/file");
    }
    let (_, log) = job.run(0);
    for what in ["warning: no outputs: write /nonexistent/file", "warning: no summary: "] {
        assert!(log.text.contains(what), "{}", log.text);
    }
}

#[test]
fn what_stops_the_whole_run_is_one_error() {
    let job = Job::of(Case::configured("images: { orders: { context: orders, colour: red } }\n"));
    let (_, log) = job.run(2);
    let errors = log.of("error");
    assert!(errors.len() == 1 && errors[0].contains("colour"), "{log:?}");
    assert_eq!(log.text, "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_runner_reads_a_command_as_it_was_given(
        title in "[%:,=\r\n0-9A-F;|]{0,20}|\\PC{0,20}",
        text in "[%:,=\r\n0-9A-F#\\[\\]]{0,30}|\\PC{0,30}",
    ) {
        let line = Command::new("error", text.clone()).with("title", title.clone()).with("line", "7").to_string();
        let found = commands(&line);
        prop_assert_eq!(line.lines().count(), 1);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!((&found[0].name, &found[0].text), (&"error".to_owned(), &text));
        let properties = [("line".to_owned(), "7".to_owned()), ("title".to_owned(), title)];
        prop_assert_eq!(&found[0].properties, &properties.into());
    }

    #[test]
    fn the_runner_reads_values_as_they_were_given(
        given in proptest::collection::vec("[a<=\r\n%]{0,12}|\\PC{0,12}", 1..4), before in "(a=b\n)?(c=d)?",
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("output");
        std::fs::write(&path, &before).unwrap();
        let variables = [("GITHUB_OUTPUT".to_owned(), path.to_string_lossy().into_owned())].into();
        let file = Values::outputs(&Env { variables, ..Env::default() }).unwrap();
        let names = ["imageid", "digest", "sizes"];
        let pairs: Vec<(&str, String)> = names.into_iter().zip(given).collect();
        add_values(&file, &pairs, "a-word-of-nobody").unwrap();
        let found = values(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for (name, value) in pairs {
            prop_assert_eq!(&found[name], &value);
        }
    }
}
