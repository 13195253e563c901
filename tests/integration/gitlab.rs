//! The component for GitLab CI, and its documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::case::Case;
use crate::fake::Build;

/// A file of this repository.
fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The inputs of the component with what it says of each, and the text in which they are put.
fn component() -> (BTreeMap<String, Value>, String) {
    let text = file("templates/weighbridge.yml");
    let (head, body) = text.split_once("\n---\n").unwrap();
    let head: Value = serde_yaml::from_str(head).unwrap();
    (serde_json::from_value(head["spec"]["inputs"].clone()).unwrap(), body.to_owned())
}

/// What becomes of a value in the text, as GitLab puts it there.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn every_input_is_used_and_no_other() {
    let (inputs, body) = component();
    let used = body.split("$[[ inputs.").skip(1).map(|rest| rest.split(" ]]").next().unwrap().to_owned());
    assert_eq!(used.collect::<BTreeSet<_>>(), inputs.into_keys().collect());
}

#[test]
fn the_job_has_the_engine_that_was_chosen() {
    let (inputs, body) = component();
    for (engine, host) in [("dind", "tcp://docker:2376"), ("socket", "unix:///var/run/docker.sock")] {
        let chosen = |name: &str, input: &Value| match name {
            "engine" => engine.to_owned(),
            "image" => "registry.example.com/weighbridge".to_owned(),
            _ => text(&input["default"]),
        };
        let written = inputs.iter().fold(body.clone(), |body, (name, input)| {
            body.replace(&format!("$[[ inputs.{name} ]]"), &chosen(name, input))
        });
        let jobs: Value = serde_yaml::from_str(&written).unwrap();
        let base = jobs["weighbridge"]["extends"].as_str().unwrap();
        assert_eq!(jobs[base]["variables"]["DOCKER_HOST"], host);
        assert_eq!(jobs["weighbridge"]["script"][0], "weighbridge run --rebuild-base");
    }
}

#[test]
fn the_example_is_the_component_written_out() {
    let (_, body) = component();
    let example: Value = serde_yaml::from_str(&file("examples/gitlab-ci.yml")).unwrap();
    let component: Value = serde_yaml::from_str(&body.replace("$[[", "").replace("]]", "")).unwrap();
    let job = &component[" inputs.job-name "];
    for key in ["rules", "before_script", "artifacts"] {
        assert_eq!(example[".weighbridge"][key], job[key], "{key}");
    }
    for (name, hidden) in [("weighbridge in docker", "dind"), ("weighbridge on the socket", "socket")] {
        let hidden = &component[format!(". inputs.job-name :{hidden}")];
        assert_eq!(example[name]["variables"], hidden["variables"], "{name}");
    }
}

#[test]
fn every_input_is_documented_as_the_component_describes_it() {
    let document = file("docs/gitlab.md");
    for (name, input) in component().0 {
        let default = input.get("default").map_or_else(|| "required".to_owned(), |value| format!("`{}`", text(value)));
        let description = input["description"].as_str().unwrap().trim_end_matches('.');
        let row = format!("| `{name}` | {default} | {description} |\n");
        assert!(document.contains(&row), "docs/gitlab.md lacks {row}");
    }
}

/// A run with one image that was built and one that was not.
fn run(variable: Option<&str>) -> (Case, String) {
    let mut case = Case::new();
    case.docker.builds("web", &Build::failing());
    if let Some(variable) = variable {
        case.set(variable, "true");
    }
    let run = case.run(&["--comment", "never"]).expect(3);
    (case, run.stderr)
}

#[test]
fn the_results_are_where_the_component_looks_for_them() {
    let (_, body) = component();
    let component: Value = serde_yaml::from_str(&body.replace("$[[", "").replace("]]", "")).unwrap();
    let artifacts = &component[" inputs.job-name "]["artifacts"];
    for variable in [Some("GITLAB_CI"), None] {
        let (case, _) = run(variable);
        for path in artifacts["paths"].as_array().unwrap() {
            assert!(!case.repository.read(path.as_str().unwrap()).is_empty(), "{path}");
        }
        let report = |kind: &str| case.repository.read(artifacts["reports"][kind].as_str().unwrap());
        let metrics = report("metrics");
        assert!(metrics.contains("image_compressed_bytes{image=\"orders\",platform=\"linux/amd64\"} "), "{metrics}");
        assert!(!metrics.contains("image_compressed_bytes{image=\"web\"") && metrics.ends_with("# EOF\n"), "{metrics}");
        let quality: Value = serde_json::from_str(&report("codequality")).unwrap();
        assert_eq!((&quality[0]["check_name"], &quality[0]["severity"]), (&"build-failed".into(), &"critical".into()));
        assert_eq!(quality[0]["location"]["path"], "web/Dockerfile");
        assert!(report("dotenv").starts_with("WEIGHBRIDGE_VERDICT=fail\nWEIGHBRIDGE_REPORT=/"));
    }
}

#[test]
fn results_of_an_earlier_run_do_not_outlive_it() {
    let (case, _) = run(None);
    case.repository.write("weighbridge.yml", "images: 7\n");
    case.run(&[]).expect(2);
    for name in ["report.json", "report.md", "metrics.txt", "codequality.json", "outputs.env"] {
        assert!(!case.repository.path().join(".weighbridge").join(name).exists(), "{name}");
    }
}

#[test]
fn builds_fold_in_the_log_of_gitlab_and_nowhere_else() {
    let (_, log) = run(Some("GITLAB_CI"));
    let lines: Vec<&str> = log.lines().collect();
    let is_section = |line: &&str| line.contains("section_");
    let start = lines.iter().position(is_section).unwrap();
    let end = lines.iter().rposition(is_section).unwrap();
    let time = |line: &str| line.split(':').nth(1).unwrap().parse::<u64>().unwrap();
    assert!(lines[start].starts_with("\u{1b}[0Ksection_start:") && lines[end].starts_with("\u{1b}[0Ksection_end:"));
    assert!(lines[start].ends_with(":weighbridge_builds[collapsed=true]\r\u{1b}[0KBuilds"), "{:?}", lines[start]);
    assert!(lines[end].ends_with(":weighbridge_builds\r\u{1b}[0K") && time(lines[start]) <= time(lines[end]));
    let built = lines.iter().position(|line| line.contains("orders linux/amd64: built")).unwrap();
    assert!(start < built && built < end, "{log}");
    assert!(!run(None).1.contains("section_"));
}
