//! What a change request could bring to fool a run, and what runs could do to each other and to files of others.

use crate::case::Case;

fn cells(report: &serde_json::Value) -> Vec<String> {
    report["cells"].as_array().unwrap().iter().map(|cell| cell["image"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_committed_history_is_refused_before_any_build() {
    let case = Case::new();
    case.run(&[]).expect(0);
    case.repository.git(&["add", "--force", ".weighbridge/history"]);
    case.repository.commit("bring a baseline");
    let builds = case.docker.builds_run();
    case.run(&[]).expect(2).says("is committed").says("git rm --cached");
    assert_eq!(case.docker.builds_run(), builds);
}

#[test]
fn a_directory_of_somebody_else_is_not_taken_for_output() {
    let case = Case::new();
    case.repository.write("docs/report.md", "mine");
    case.run(&["--output-dir", "docs"]).expect(2).says("docs holds \"report.md\"").says("--output-dir");
    case.run(&["--output-dir", "."]).expect(2).says("is committed").says("--output-dir");
    assert_eq!(case.repository.read("docs/report.md"), "mine");
    assert!(!case.repository.path().join(".gitignore").exists());
}

#[test]
fn the_last_report_may_be_the_baseline() {
    let case = Case::new();
    case.run(&[]).expect(0);
    let run = case.run(&["--baseline", ".weighbridge/report.json", "--format", "markdown"]).expect(0);
    assert!(run.stdout.contains("--baseline"), "{}", run.stdout);
}

#[test]
fn a_run_that_ends_early_leaves_no_results_of_an_earlier_one() {
    let case = Case::new();
    case.run(&[]).expect(0);
    case.repository.write("weighbridge.yml", "images: {}");
    case.run(&[]).expect(2);
    assert!(!case.repository.path().join(".weighbridge/report.json").exists());
    assert!(!case.repository.path().join(".weighbridge/report.md").exists());
}

#[test]
fn images_chosen_by_environment_make_a_partial_run_as_well() {
    let mut case = Case::new();
    let base = case.repository.commit("weighed");
    case.run(&[]).expect(0);
    case.repository.commit("next");
    case.set("WEIGHBRIDGE_IMAGE", "web");
    let run = case.run(&["--format", "markdown"]).expect(0);
    assert!(!run.stdout.contains("removed"), "{}", run.stdout);
    let report = case.repository.report();
    assert_eq!(cells(&report), ["web"]);
    assert_eq!(report["context"]["base"]["sha"], base.as_str());
    let history = std::fs::read_dir(case.repository.path().join(".weighbridge/history")).unwrap();
    assert_eq!(history.count(), 1, "a partial run was kept as a baseline");
}

#[test]
fn the_base_is_read_from_its_own_tree_under_the_same_names() {
    let case = Case::new();
    case.repository.write("weighbridge.yml", "images: { web: { context: web } }");
    let base = case.repository.commit("one image");
    case.repository.write("weighbridge.yml", "images: { web: { context: web }, orders: { context: orders } }");
    case.repository.commit("two images");
    let config = case.repository.path().join("weighbridge.yml");
    case.weighbridge(&["run", "--config", config.to_str().unwrap()]).expect(0);
    let history = std::fs::read_dir(case.repository.path().join(".weighbridge/history")).unwrap();
    let names = history.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names.into_iter().find(|name| name.starts_with(&base)).unwrap();
    let kept: serde_json::Value =
        serde_json::from_str(&case.repository.read(&format!(".weighbridge/history/{name}"))).unwrap();
    assert_eq!(cells(&kept), ["web"]);
    assert_eq!(cells(&case.repository.report()), ["orders", "web"]);
}

#[test]
fn the_image_of_the_root_keeps_its_name_when_the_base_is_built() {
    let case = Case::new();
    case.repository.git(&["rm", "-r", "--quiet", "orders", "web"]);
    case.repository.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    case.repository.commit("one image at the root");
    case.repository.commit("next");
    let run = case.weighbridge(&["run", "--format", "markdown"]).expect(0);
    assert!(!run.stdout.contains("removed") && !run.stdout.contains("new"), "{}", run.stdout);
}

#[test]
fn the_base_is_weighed_and_never_delivered() {
    let case = Case::new();
    let settings = "outputs: ['type=registry'], tags: ['registry.invalid/web:1'], cache_to: ['type=inline']";
    case.repository.write("weighbridge.yml", format!("images: {{ web: {{ context: web, {settings} }} }}"));
    case.repository.commit("base");
    case.repository.commit("head");
    case.weighbridge(&["run"]).expect(0);
    let pushing = case
        .docker
        .calls(&["buildx", "build"])
        .iter()
        .filter(|call| call.iter().any(|word| word == "type=registry"))
        .count();
    assert_eq!((case.docker.builds_run(), pushing), (2, 1));
}

#[test]
fn an_image_that_the_base_does_not_have_is_new_also_when_it_alone_is_chosen() {
    let case = Case::new();
    case.repository.write("weighbridge.yml", "images: { web: { context: web } }");
    case.repository.commit("one image");
    let budget = "budget: { compressed_growth: 1% }";
    let images = format!("images: {{ web: {{ context: web }}, orders: {{ context: orders, {budget} }} }}");
    case.repository.write("weighbridge.yml", images);
    case.repository.commit("two images");
    let run = case.weighbridge(&["run", "--image", "orders", "--format", "markdown"]).expect(0);
    assert!(run.stdout.contains("new"), "{}", run.stdout);
    assert_eq!(cells(&case.repository.report()), ["orders"]);
}

#[test]
fn a_committed_link_in_the_place_of_our_files_is_refused_and_not_followed() {
    let case = Case::new();
    case.repository.write("precious", "words");
    std::fs::create_dir(case.repository.path().join(".weighbridge")).unwrap();
    let marker = case.repository.path().join(".weighbridge/.weighbridge-output");
    std::os::unix::fs::symlink("../precious", marker).unwrap();
    case.repository.commit("a link");
    case.run(&[]).expect(2).says("is committed");
    assert_eq!(case.repository.read("precious"), "words");
}

#[test]
fn a_dry_run_answers_programs_as_well() {
    let case = Case::new();
    let shown = case.run(&["--dry-run", "--format", "json"]).expect(0).stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["cells"].as_array().unwrap().len(), 2);
    assert_eq!(shown["baseline"][0], "none: HEAD is the first commit");
}

#[test]
fn the_very_base_is_built_when_it_is_asked_for_and_an_older_report_is_not_enough() {
    let case = Case::new();
    case.run(&[]).expect(0);
    let base = case.repository.commit("not weighed");
    case.repository.commit("head");
    case.weighbridge(&["run", "--rebuild-base"]).expect(0);
    let report = case.repository.report();
    assert_eq!(report["context"]["base"]["sha"], base.as_str());
    assert_eq!(report["context"]["base"]["commits_older"], 0);
}
