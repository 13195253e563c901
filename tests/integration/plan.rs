//! `plan` and `run --dry-run`: everything is said, nothing is done, no engine is needed.

use crate::case::Case;

const YAML: &str = "images:
  orders: { context: orders, platforms: [linux/amd64, linux/arm64], labels: { title: 'it''s \"x\" $HOME' } }
  web: { context: web, platforms: [linux/amd64], tags: ['acme/web:1'] }
";

/// The commands that a text shows.
fn commands(shown: &str) -> Vec<Vec<String>> {
    let lines = shown.lines().filter(|line| line.contains("buildx build"));
    let words = lines.map(|line| shell_words::split(line).unwrap());
    let mut commands: Vec<Vec<String>> =
        words.map(|words| words.into_iter().skip_while(|word| word != "docker").skip(1).collect()).collect();
    commands.sort();
    commands
}

#[test]
fn no_engine_is_needed_to_say_what_would_be_done() {
    let case = Case::configured(YAML).without_docker();
    let shown = case.run(&["--dry-run"]).expect(0).stdout;
    for part in [
        "3 cells from weighbridge.yml",
        "\norders linux/amd64",
        "\norders linux/arm64",
        "\nweb linux/amd64",
        "--tag acme/web:1",
        "\nBaseline\n  none: git is not installed",
        "\nResults\n",
        ".weighbridge/report.json",
        ".weighbridge/report.md",
        ".weighbridge/history",
    ] {
        assert!(shown.contains(part), "{part:?} in:\n{shown}");
    }
    assert!(!case.repository.path().join(".weighbridge").exists());
    let plan = case.weighbridge(&["plan"]).expect(0).stdout;
    assert_eq!(commands(&plan), commands(&shown));
}

#[test]
fn where_images_go_is_said() {
    let case = Case::configured("images: { web: { context: web, tags: ['acme/web:1'] } }").without_docker();
    let shown = case.run(&["--dry-run", "--push", "--load"]).expect(0).stdout;
    assert!(
        shown.contains("images are pushed to their tags") && shown.contains("loaded into the local engine"),
        "{shown}"
    );
    assert!(commands(&shown)[0].contains(&"type=registry".to_owned()));
}

#[test]
fn the_baseline_that_would_be_used_is_said() {
    let case = Case::new();
    let base = case.repository.commit("weighed");
    case.run(&[]).expect(0);
    case.repository.commit("next");
    let shown = case.run(&["--dry-run"]).expect(0).stdout;
    assert!(
        shown.contains(&format!("Baseline\n  {base} (parent of HEAD on main; from the history directory)")),
        "{shown}"
    );
    case.run(&["--dry-run", "--base", "nope"]).expect(2).says("--base nope: no such commit");
    case.run(&["--dry-run", "--baseline", "nope.json"]).expect(2).says("nope.json");
}

#[test]
fn the_commands_are_those_that_a_run_gives() {
    let case = Case::configured(YAML);
    case.docker.answers("inspect.fleet", crate::fake::CONTAINER_BUILDER);
    let arm = crate::layout::TestImage { architecture: "arm64", ..crate::layout::TestImage::of(10) };
    case.docker.builds("orders.linux-arm64", &crate::fake::Build::ok(arm));
    let shown = case.run(&["--dry-run", "--builder", "fleet"]).expect(0).stdout;
    assert_eq!(case.docker.calls(&[]).len(), 0);
    let plan = case.weighbridge(&["plan", "--format", "json", "--builder", "fleet"]).expect(0).stdout;
    case.run(&["--builder", "fleet"]).expect(0);
    let run = case.docker.calls(&["buildx", "build"]);
    assert_eq!(run.len(), 3);
    assert_eq!(commands(&shown), run);

    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let words = |cell: &serde_json::Value| -> Vec<String> {
        cell["command"].as_array().unwrap().iter().skip(1).map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut planned: Vec<Vec<String>> = plan["cells"].as_array().unwrap().iter().map(words).collect();
    planned.sort();
    assert_eq!(planned, run);
}
