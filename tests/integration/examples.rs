//! The workflows in `examples/`, which the documents show as they are, and the jobs of GitLab, which are three of a kind.

use std::path::Path;

use clap::Parser;
use serde_json::Value;
use weighbridge::cli::{Cli, Command};

const FILES: [&str; 2] = ["images.yml", "comment.yml"];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn workflow(name: &str) -> Value {
    serde_yaml::from_str(&read(&format!("examples/github/{name}"))).unwrap()
}

fn job<'w>(workflow: &'w Value, name: &str) -> &'w Value {
    &workflow["jobs"][name]
}

#[test]
fn the_document_shows_the_workflows_as_they_are() {
    let document = read("docs/forks.md");
    for name in FILES {
        let block = format!("```yaml\n{}```\n", read(&format!("examples/github/{name}")));
        assert!(document.contains(&block), "docs/forks.md lacks examples/github/{name}:\n{block}");
    }
}

#[test]
fn the_workflow_that_builds_may_write_nothing() {
    let workflow = workflow("images.yml");
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    let permissions = job(&workflow, "weigh")["permissions"].as_object().unwrap();
    assert!(permissions.values().all(|level| level == "read"), "{permissions:?}");
    assert_eq!(workflow["on"].as_object().unwrap().keys().collect::<Vec<_>>(), ["pull_request", "push"]);
}

#[test]
fn the_workflow_that_comments_runs_nothing_of_the_pull_request() {
    let workflow = workflow("comment.yml");
    assert_eq!(workflow["on"].as_object().unwrap().keys().collect::<Vec<_>>(), ["workflow_run"]);
    assert_eq!(workflow["on"]["workflow_run"]["workflows"][0], self::workflow("images.yml")["name"]);
    let [step] = &job(&workflow, "comment")["steps"].as_array().unwrap()[..] else { panic!("{workflow}") };
    assert!(step["uses"].as_str().unwrap().starts_with("docker://") && step.get("run").is_none(), "{step}");
    let line = step["with"]["args"].as_str().unwrap().replace("${{ github.event.workflow_run.id }}", "50");
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    assert!(matches!(cli.command, Command::Comment(args) if args.run == 50), "{line}");
}

#[test]
fn the_jobs_of_gitlab_give_it_the_same() {
    let jobs = [
        ("src/app/init/gitlab.yml", "weighbridge"),
        ("templates/weighbridge.yml", "$[[ inputs.job-name ]]"),
        ("examples/gitlab-ci.yml", ".weighbridge"),
    ];
    let jobs = jobs.map(|(path, name)| {
        let text = read(path);
        // A component has its inputs in a document before.
        let document = text.split("\n---\n").last().unwrap();
        let job = serde_yaml::from_str::<Value>(document).unwrap()[name].clone();
        ["artifacts", "rules", "before_script"].map(|key| job[key].clone())
    });
    assert!(jobs[0].iter().all(|part| !part.is_null()), "{jobs:?}");
    assert!(jobs[0] == jobs[1] && jobs[1] == jobs[2], "{jobs:#?}");
}
