//! The commands beside the line: schemas, completions, help, the doctor.

use crate::case::Case;

#[test]
fn the_schemas_are_the_committed_ones() {
    let case = Case::new().without_docker();
    for (kind, file) in
        [("config", "config.schema.json"), ("report", "report.schema.json"), ("inspect", "inspect.schema.json")]
    {
        let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(file);
        let printed = case.weighbridge(&["schema", kind]).expect(0).stdout;
        assert_eq!(printed, std::fs::read_to_string(committed).unwrap(), "run `make schema`");
    }
}

#[test]
fn a_report_obeys_its_schema() {
    let case = Case::new();
    case.docker.builds("web", &crate::fake::Build::failing());
    case.run(&[]).expect(3);
    let schema: serde_json::Value = serde_json::from_str(&case.weighbridge(&["schema", "report"]).stdout).unwrap();
    let faults: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&case.repository.report())
        .map(|fault| fault.to_string())
        .collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn completions_know_the_commands() {
    let case = Case::new().without_docker();
    for shell in ["bash", "zsh", "fish"] {
        let script = case.weighbridge(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("doctor") && script.contains("dry-run"), "{shell}: {script}");
    }
    case.weighbridge(&["completions", "abacus"]).expect(2).says("abacus");
}

#[test]
fn help_and_version_go_to_standard_output() {
    let case = Case::new().without_docker();
    for (arguments, part) in [
        (&["--help"][..], "Exit codes:"),
        (&["run", "--help"], "--no-rebuild-base"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["help", "compare"], "<BASE> <HEAD>"),
    ] {
        let run = case.weighbridge(arguments).expect(0);
        assert!(run.stdout.contains(part) && run.stderr.is_empty(), "{arguments:?}: {}", run.stdout);
    }
}

/// The checks of a doctor as name and health; insists on a fix for each that is not good.
fn checks(json: &str) -> Vec<(String, String)> {
    let checks: Vec<serde_json::Value> = serde_json::from_str(json).unwrap();
    let text = |check: &serde_json::Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    for check in &checks {
        assert_eq!(text(check, "health") == "good", text(check, "fix").is_empty(), "{check}");
        assert!(!text(check, "found").is_empty(), "{check}");
    }
    checks.iter().map(|check| (text(check, "name"), text(check, "health"))).collect()
}

#[test]
fn the_doctor_finds_a_good_machine_fit() {
    let case = Case::configured("images: { orders: { context: orders, platforms: [linux/amd64, linux/arm64] } }");
    let text = case.weighbridge(&["doctor"]).expect(0).stdout;
    assert!(text.contains("weighbridge.yml, images: 1") && !text.contains("FAIL"), "{text}");
    let found = checks(&case.weighbridge(&["doctor", "--format", "json"]).expect(0).stdout);
    assert!(found.contains(&("buildx".into(), "good".into())) && found.contains(&("platform".into(), "poor".into())));
}

#[test]
fn the_doctor_says_how_to_mend_everything_at_once() {
    let case = Case::configured("imagse: {}").without_docker();
    let text = case.weighbridge(&["doctor"]).expect(2).stdout;
    let lines: Vec<&str> = text.lines().collect();
    let bad: Vec<usize> = (0..lines.len()).filter(|&n| lines[n].starts_with("FAIL")).collect();
    assert!(bad.len() >= 3, "{text}");
    for (index, &start) in bad.iter().enumerate() {
        let end = bad.get(index + 1).copied().unwrap_or(lines.len());
        assert!(
            lines[start..end].iter().any(|line| line.trim_start().starts_with("fix: ")),
            "{}\n{text}",
            lines[start]
        );
    }
    let found = checks(&case.weighbridge(&["doctor", "--format", "json"]).expect(2).stdout);
    for (name, health) in
        [("config", "bad"), ("buildx", "bad"), ("docker", "poor"), ("builder", "bad"), ("git", "poor")]
    {
        assert!(found.contains(&(name.into(), health.into())), "{name} {health} in {found:?}");
    }
}

#[test]
fn the_doctor_does_not_wait_for_ever() {
    let mut case = Case::new();
    case.set("WEIGHBRIDGE_DOCKER_TIMEOUT", "3s");
    case.docker.hangs("inspect");
    case.docker.answers("version", "github.com/docker/buildx v0.12.0 x\n");
    let text = case.weighbridge(&["doctor"]).expect(3).stdout;
    assert!(text.contains("no end after 3s") && text.contains("0.12.0 is too old"), "{text}");
}
