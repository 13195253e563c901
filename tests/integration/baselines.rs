//! Reports to compare with: named, found in the history, built, corrupt, too new, absent.

use crate::case::Case;
use crate::fake::Build;
use crate::layout::TestImage;
use crate::support::Repository;

/// A commit that was weighed, and one after it in which `orders` is heavier.
fn grown() -> (Case, String) {
    let case = Case::new();
    case.run(&[]).expect(0);
    let base = case.repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
    case.repository.commit("grow");
    case.docker.builds("orders", &Build::ok(TestImage::of(100_000)));
    (case, base)
}

fn history(base: &str) -> String {
    format!(".weighbridge/history/{base}.json")
}

#[test]
fn a_missing_baseline_never_fails() {
    let case = Case::configured("images: { orders: { context: orders, budget: { compressed_growth: 1% } } }");
    case.repository.commit("configure");
    case.run(&[]).expect(0);
    assert!(case.comment().contains("no usable report of commit"), "{}", case.comment());
    assert_eq!(case.cell(0, "budgets")[0]["reason"], "no baseline");
    assert_eq!(case.cell(0, "budgets")[0]["verdict"], "pass");
}

#[test]
fn the_report_of_the_base_commit_is_found_in_the_history() {
    let (case, base) = grown();
    let run = case.run(&[]).expect(0);
    let found = case.repository.report()["context"]["base"].clone();
    assert_eq!((found["sha"].as_str(), found["chosen_by"].as_str()), (Some(&*base), Some("parent of HEAD on main")));
    assert!(run.stdout.contains("orders") && case.comment().contains(&base[..7]), "{}", case.comment());
    assert!(case.comment().contains("+104.4 kB"), "{}", case.comment());
}

#[test]
fn a_report_in_the_history_that_cannot_be_used_is_passed_over_with_its_reason() {
    for (content, reason) in [
        ("{\"schema_version\": 1", "not a weighbridge report: EOF while parsing"),
        ("\u{0}\u{1}garbage", "not a weighbridge report"),
        ("", "not a weighbridge report"),
        ("{\"schema_version\": 99, \"cells\": 7}", "written by a newer weighbridge (schema 99; this one reads 1)"),
        ("{\"schema_version\": 1}", "missing field"),
    ] {
        let (case, base) = grown();
        case.repository.write(&history(&base), content);
        let run = case.run(&[]).expect(0).says("baseline passed over: ").says(reason).says(&base);
        assert!(case.comment().contains("no usable report of commit"), "{}\n{}", run.stderr, case.comment());
    }
}

#[test]
fn an_older_report_stands_in_for_one_that_cannot_be_used() {
    let (case, oldest) = grown();
    let base = case.repository.git(&["rev-parse", "HEAD"]).trim().to_owned();
    case.repository.write(&history(&base), "{");
    case.repository.commit("third");
    case.run(&[]).expect(0).says("baseline passed over: ");
    let found = case.repository.report()["context"]["base"].clone();
    assert_eq!((found["sha"].as_str(), found["commits_older"].as_u64()), (Some(&*oldest), Some(1)));
}

#[test]
fn a_report_stored_under_another_commit_is_not_believed() {
    let (case, base) = grown();
    let forged = case.repository.read(&history(&base)).replace(&base, &"a".repeat(40));
    case.repository.write(&history(&base), forged);
    case.run(&[]).expect(0).says("is of commit aaaaaaaaaaaa");
    assert!(case.repository.report()["context"]["base"]["commits_older"] == 0);
    assert!(case.comment().contains("no usable report"), "{}", case.comment());
}

#[test]
fn a_named_baseline_must_be_usable() {
    for (content, code, message) in [
        (None, 2, "No such file"),
        (Some("{"), 4, "not a weighbridge report: EOF while parsing"),
        (Some("{\"schema_version\": 99}"), 4, "written by a newer weighbridge (schema 99; this one reads 1)"),
        (Some("[1]"), 4, "not a weighbridge report"),
    ] {
        let case = Case::new();
        if let Some(content) = content {
            case.repository.write("base.json", content);
        }
        case.run(&["--baseline", "base.json"]).expect(code).says("base.json").says(message);
    }
}

#[test]
fn a_named_baseline_is_compared_with() {
    let (case, base) = grown();
    std::fs::copy(case.repository.path().join(history(&base)), case.repository.path().join(".weighbridge/b.json"))
        .unwrap();
    case.run(&["--baseline", ".weighbridge/b.json"]).expect(0);
    let chosen_by = case.repository.report()["context"]["base"]["chosen_by"].as_str().unwrap().to_owned();
    assert!(chosen_by.starts_with("--baseline "), "{chosen_by}");
    assert!(case.comment().contains("+104.4 kB"), "{}", case.comment());
}

#[test]
fn the_base_is_built_by_itself_only_outside_of_ci() {
    for (ci, option, builds) in
        [(false, None, 4), (true, None, 2), (true, Some("--rebuild-base"), 4), (false, Some("--no-rebuild-base"), 2)]
    {
        let mut case = Case::new();
        case.repository.commit("head");
        if ci {
            case.set("CI", "true");
        }
        let arguments: Vec<&str> = ["run"].into_iter().chain(option).collect();
        case.weighbridge(&arguments).expect(0);
        assert_eq!(case.docker.builds_run(), builds, "{ci} {option:?}");
    }
}

#[test]
fn a_base_that_cannot_be_built_is_a_reason_and_no_failure() {
    let case = Case::new();
    case.repository.commit("head");
    for cell in ["base.orders", "base.web"] {
        case.docker.builds(cell, &Build::failing());
    }
    case.weighbridge(&["run"]).expect(0);
    assert!(case.comment().contains("building it failed"), "{}", case.comment());
}

#[test]
fn a_run_of_some_cells_is_no_baseline() {
    let case = Case::new();
    case.run(&["--image", "orders"]).expect(0);
    assert!(!case.repository.path().join(".weighbridge/history").exists());
}

/// A clone of an origin with one commit of its own on main, in CI, that keeps its reports in a branch.
fn clone(origin: &Repository, name: &str) -> Case {
    let repository = Repository::without_git();
    repository.git(&["clone", "--quiet", &format!("file://{}", origin.path().display()), "."]);
    let mut case = Case::of(repository);
    let image = "{ context: orders }";
    case.repository.write("weighbridge.yml", format!("baseline: {{ branch: weights }}\nimages: {{ orders: {image} }}"));
    case.repository.commit(name);
    case.set("CI", "true");
    case
}

fn origin() -> Repository {
    let origin = Repository::new();
    origin.commit("first");
    origin
}

fn head(case: &Case) -> String {
    case.repository.git(&["rev-parse", "HEAD"]).trim().to_owned()
}

#[test]
fn what_main_left_in_a_branch_is_found_without_any_history() {
    let origin = origin();
    let case = clone(&origin, "second");
    case.run(&[]).expect(0);
    let (main, tip) = (head(&case), origin.git(&["rev-parse", "weights"]));
    std::fs::remove_dir_all(case.repository.path().join(".weighbridge")).unwrap();
    case.repository.git(&["checkout", "--quiet", "-b", "topic"]);
    case.repository.git(&["update-ref", "refs/remotes/origin/main", &main]);
    case.repository.commit("topic");
    let dry = case.run(&["--dry-run"]).expect(0);
    let told = format!("{main} (merge base with main; from the branch weights)");
    assert!(dry.stdout.contains(&told), "{}", dry.stdout);
    case.run(&[]).expect(0);
    let base = case.repository.report()["context"]["base"].clone();
    assert_eq!((base["sha"].as_str(), base["store"].as_str()), (Some(&*main), Some("the branch weights")));
    assert!(case.comment().contains("its report is from the branch weights"), "{}", case.comment());
    assert_eq!(origin.git(&["rev-parse", "weights"]), tip);
}

#[test]
fn runs_at_the_same_time_lose_nothing_in_a_branch() {
    let origin = origin();
    let cases = ["one", "two", "three", "four"].map(|name| clone(&origin, name));
    let quiet = std::process::Stdio::null;
    let running = cases.each_ref().map(|case| case.repository.command(&["run"]).stdout(quiet()).spawn().unwrap());
    running.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let kept = origin.git(&["ls-tree", "--name-only", "weights", "reports/"]);
    for case in &cases {
        assert!(kept.contains(&format!("reports/{}.json", head(case))), "{kept}");
    }
}

#[test]
fn a_branch_that_cannot_be_pushed_is_a_warning() {
    let case = clone(&origin(), "second");
    case.repository.git(&["remote", "set-url", "origin", "file:///nonexistent"]);
    let run = case.run(&[]).expect(0);
    let run = run.says("baseline passed over: the branch weights: cannot be fetched: ");
    run.says("warning: not kept as a baseline in the branch weights: cannot be fetched: ");
}
