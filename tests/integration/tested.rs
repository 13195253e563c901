//! Images with tests: what runs in them, and that nothing is pushed of one that fails.

use crate::case::Case;
use crate::fake::Build;
use crate::layout::TestImage;

const YAML: &str =
    "images: { web: { context: web, platforms: [linux/amd64], tags: ['127.0.0.1:1/web:1'], test: SETTINGS } }";

fn case(settings: &str) -> Case {
    Case::configured(&YAML.replace("SETTINGS", settings))
}

/// The commands that were run in containers, from the program on.
fn ran(case: &Case) -> Vec<String> {
    let calls = case.docker.calls(&["run"]);
    let program = |call: &Vec<String>| call.iter().position(|word| word == "--entrypoint").unwrap() + 1;
    calls.iter().map(|call| format!("{} {}", call[program(call)], call[program(call) + 2..].join(" "))).collect()
}

#[test]
fn commands_are_run_by_digest_without_a_shell_and_nothing_is_left_behind() {
    let case = case("['web --version', [sh, -c, 'a && b']]");
    let run = case.run(&[]).expect(0).says("web linux/amd64: tested as sha256:");
    assert_eq!(ran(&case), ["sh -c a && b", "web --version"]);
    let digest = case.cell(0, "digest").as_str().unwrap().to_owned();
    assert!(case.docker.calls(&["run"]).iter().all(|call| call.contains(&digest)), "{}", run.stderr);
    let name = case.docker.calls(&["image", "inspect"])[0].last().unwrap().clone();
    assert_eq!(case.docker.calls(&["image", "rm"])[0].last(), Some(&name));
    // Nothing was to be pushed, and the builder is not asked to.
    assert!(case.docker.calls(&["buildx", "build"])[0].iter().all(|word| !word.contains("type=registry")));
    assert!(!case.repository.path().join(".weighbridge/cells/web/linux-amd64/image.tar").exists());
}

#[test]
fn a_test_that_fails_fails_its_cell_with_its_log_and_nothing_is_pushed() {
    let case = case("['web check', 'web never']");
    case.docker.refuses("run.web", 127, "no such program\n");
    let run = case.run(&["--push"]).expect(3).says("the test `web check` failed: exit status 127");
    assert_eq!(ran(&case), ["web check"]);
    let cell = case.repository.report()["cells"][0].clone();
    assert_eq!((&cell["outcome"], &cell["failure"]["log_tail"][0]), (&"failed".into(), &"no such program".into()));
    assert!(cell["failure"]["explanation"].as_str().unwrap().starts_with("The program is not in the image"));
    assert!(cell["pushed_digest"].is_null() && cell["digest"].is_null());
    assert!(
        case.repository.read(".weighbridge/cells/web/linux-amd64/build.log").contains("$ web check\nno such program")
    );
    assert!(!run.stderr.contains("127.0.0.1:1"), "{}", run.stderr);
    assert_eq!(case.docker.calls(&["image", "rm"]).len(), 1);
}

#[test]
fn a_test_over_its_time_limit_is_stopped_with_its_container() {
    let case = case("[web], test_timeout: 1s");
    case.docker.hangs("run.web");
    case.run(&["--push"]).expect(3).says("the test `web` was stopped after 1.00s");
    assert!(case.docker.calls(&["rm", "--force"])[0].last().unwrap().starts_with("weighbridge-test-"));
}

#[test]
fn an_emulated_platform_is_tested_only_where_that_is_asked_for() {
    let yaml = "images: { web: { context: web, platforms: [linux/arm64], test: [web]SETTINGS } }";
    let image = TestImage { architecture: "arm64", ..TestImage::of(1_000) };
    for (settings, runs) in [("", 0), (", test_emulated: true", 1)] {
        let case = Case::configured(&yaml.replace("SETTINGS", settings));
        case.docker.builds("web", &Build::ok(image.clone()));
        case.run(&[]).expect(0);
        assert_eq!(ran(&case).len(), runs);
        let findings = case.cell(0, "findings");
        assert_eq!(findings.as_array().unwrap().iter().any(|one| one["rule"] == "not-tested"), runs == 0);
    }
}

#[test]
fn an_engine_that_holds_another_image_is_not_believed() {
    let case = case("[web]");
    case.docker.answers("load", "");
    case.docker.answers("loaded.once", "ERROR: no such image\n");
    case.run(&["--push"]).expect(3).says("find the loaded image");
    assert!(ran(&case).is_empty());
    let case = case_without_engine();
    case.run(&["--push"]).expect(3).says("ask the engine that runs the tests");
}

fn case_without_engine() -> Case {
    let case = case("[web]");
    case.docker.refuses("platform", 1, "Cannot connect to the Docker daemon\n");
    case
}

#[test]
fn a_command_that_is_none_is_refused_and_a_plan_shows_the_others() {
    for (settings, message) in [
        ("['web \"']", "is not a command such as orders --version"),
        ("['']", "is not a command such as"),
        ("[[]]", "names no program"),
        ("{web: 1}", "expected a command such as"),
    ] {
        case(settings).run(&[]).expect(2).says(message);
    }
    let shown = case("web --version").run(&["--dry-run", "--push"]).expect(0).stdout;
    assert!(shown.contains("\n  test web --version\n") && !shown.contains("type=registry"), "{shown}");
}

#[test]
fn a_push_that_fails_fails_the_cell() {
    let case = case("[web]");
    case.run(&["--push"]).expect(3).says("push 127.0.0.1:1/web: not reached");
    assert_eq!(case.outcomes()[0].1, "failed");
}
