//! Secret values stay where they are: not in commands, logs, reports or on the terminal.

use base64::Engine as _;
use serde_json::json;

use crate::action::log::Log;
use crate::case::Case;
use crate::fake::{Build, recorded};
use crate::layout::TestImage;

const TOKEN: &str = "npm-hunter2hunter2";
const KEY: &str = "deploy-correct-horse";

const YAML: &str = "images:
  orders:
    context: orders
    platforms: [linux/amd64]
    build_args: { NPM_TOKEN: npm-hunter2hunter2, VERSION: 1.4.0 }
    secrets: ['id=key,env=DEPLOY_KEY']
";

fn case() -> Case {
    let mut case = Case::configured(YAML);
    case.set("DEPLOY_KEY", KEY);
    case.set("INPUT_SECRET", "of-an-action");
    case
}

/// A build that prints its secrets in every way that a build can.
fn leaking(end: &'static str) -> Build {
    let digest = format!("sha256:{}", "1".repeat(64));
    let log = |data: &str| {
        json!({ "logs": [{ "vertex": digest, "stream": 1, "timestamp": "2026-11-20T15:00:02Z",
        "data": base64::engine::general_purpose::STANDARD.encode(data) }] })
    };
    let step = json!({ "digest": digest, "name": format!("[1/1] RUN login {TOKEN} {KEY}"),
        "started": "2026-11-20T15:00:01Z", "completed": "2026-11-20T15:00:03Z",
        "error": (end != "0").then(|| format!("process login {TOKEN} {KEY} failed")) });
    let mut stream = Vec::new();
    // The second value comes in two pieces.
    for line in
        [log(&format!("token {TOKEN}\n")), log("key deploy-corr"), log("ect-horse\n"), json!({ "vertexes": [step] })]
    {
        stream.extend_from_slice(format!("{line}\n").as_bytes());
    }
    if end != "0" {
        stream.extend_from_slice(format!("Dockerfile:2\n>>> RUN {TOKEN}\nERROR: login {TOKEN} {KEY}\n").as_bytes());
    }
    let layers = vec![(format!("RUN |1 NPM_TOKEN={TOKEN} login {KEY}"), vec![b'x'; 100])];
    Build { stream, end, image: Some(TestImage { layers, ..TestImage::of(1) }) }
}

fn files_below(directory: &std::path::Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files_below(&path, text),
            false => text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap())),
        }
    }
}

#[test]
fn no_secret_value_is_shown_or_written() {
    for (end, code) in [("0", 0), ("1", 3)] {
        let case = case();
        case.docker.builds("default", &leaking(end));
        for format in ["text", "markdown", "json"] {
            let run = case.run(&["--verbose", "--format", format]).expect(code);
            let mut all = format!("{}{}{:?}", run.stdout, run.stderr, case.docker.calls(&[]));
            files_below(&case.repository.path().join(".weighbridge"), &mut all);
            for secret in [TOKEN, KEY] {
                assert!(!all.contains(secret), "{secret} in:\n{all}");
            }
            assert!(all.contains("***"));
        }
    }
}

#[test]
fn no_secret_value_that_an_input_gave_is_shown_or_written() {
    for (end, code) in [("0", 0), ("1", 3)] {
        let mut case = Case::new();
        let secrets = format!("NPM={TOKEN}\n\"KEY={KEY}\nand more of it\"");
        for (name, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("INPUT_CONTEXT", "orders"),
            ("INPUT_SECRETS", &secrets),
            ("INPUT_GITHUB-TOKEN", TOKEN),
            ("INPUT_PLATFORMS", "linux/amd64"),
        ] {
            case.set(name, value);
        }
        case.docker.builds("default", &leaking(end));
        let run = case.run(&["--verbose", "--format", "json"]).expect(code);
        // The runner takes masks out of the log.
        let log = Log::read(&run.stderr).text;
        let mut all = format!("{}{log}{:?}", run.stdout, case.docker.calls(&[]));
        files_below(&case.repository.path().join(".weighbridge"), &mut all);
        assert!(!all.contains(TOKEN) && !all.contains(KEY) && all.contains("***"), "{all}");
        let env = std::fs::read_to_string(&case.docker.files("env")[0]).unwrap();
        assert!(env.contains(&format!("={TOKEN}\n")) && env.contains(&format!("={KEY}\nand more of it\n")), "{env}");
        assert!(!env.contains("INPUT_"), "{env}");
    }
}

#[test]
fn a_plan_shows_no_secret_value() {
    let case = case();
    for arguments in [&["run", "--dry-run"][..], &["plan"], &["plan", "--format", "json"]] {
        let run = case.weighbridge(arguments).expect(0);
        assert!(run.stdout.contains("NPM_TOKEN") && run.stdout.contains("VERSION=1.4.0"), "{}", run.stdout);
        assert!(!run.stdout.contains(TOKEN) && !run.stdout.contains(KEY), "{}", run.stdout);
    }
}

#[test]
fn the_build_gets_its_secrets_by_environment_and_no_inputs_of_an_action() {
    let case = case();
    case.docker.builds("default", &Build { stream: recorded("cold-build-oci-zstd"), ..leaking("0") });
    case.run(&[]).expect(0);
    let env = std::fs::read_to_string(&case.docker.files("env")[0]).unwrap();
    assert!(env.contains(&format!("NPM_TOKEN={TOKEN}")) && env.contains(&format!("DEPLOY_KEY={KEY}")));
    assert!(!env.contains("INPUT_SECRET"));
}

#[test]
fn a_bake_file_cannot_read_the_inputs_of_an_action() {
    let mut case = Case::configured("bake: docker-bake.hcl");
    case.repository.write("docker-bake.hcl", "variable \"INPUT_SECRETS\" {}");
    case.docker.refuses("bake", 1, "ERROR: failed to find target default");
    case.set("INPUT_SECRETS", TOKEN);
    case.run(&[]).expect(2);
    let env = std::fs::read_to_string(&case.docker.files("env")[0]).unwrap();
    assert!(env.contains("FAKE_DOCKER=") && !env.contains("INPUT_"), "{env}");
}

#[test]
fn a_secret_that_does_not_resolve_is_refused_before_any_build() {
    for (secret, message) in [
        ("id=key,env=NOWHERE", "image `orders`, secret `key`: environment variable NOWHERE is unset or empty"),
        ("id=key,src=nowhere.txt", "image `orders`, secret `key`: no file "),
        ("id=nowhere", "image `orders`, secret `nowhere`: no file "),
        ("env=TOKEN", "no `id=`; expected a secret such as id=token,env=TOKEN"),
    ] {
        let case = Case::configured(&format!("images: {{ orders: {{ context: orders, secrets: ['{secret}'] }} }}"));
        case.run(&[]).expect(2).says(message);
        assert_eq!(case.docker.builds_run(), 0);
    }
}
