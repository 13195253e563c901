use serde_json::json;

use super::*;
use crate::baseline::ancestry::tests::{FakeForge, ok};
use crate::baseline::fake::sha;
use crate::env::Env;
use crate::error::{USAGE, exit_code};
use crate::git::testing::Repository;

fn present(merge_base: Option<&str>) -> Target {
    Target::Present { name: "main".into(), merge_base: merge_base.map(str::to_owned) }
}

fn told(merge_base: &str) -> Target {
    Target::Told { name: "main".into(), merge_base: merge_base.into(), by: "GitHub" }
}

fn absent() -> Target {
    Target::Absent { name: "it's/1".into() }
}

#[test]
fn the_rule_depends_on_the_checkout_the_target_and_the_tree() {
    use Checkout::{Commit, TrialMerge};
    const CLEAN: bool = false;
    const DIRTY: bool = true;
    const MERGED: &str = "one: first parent of the merge into main";
    const SHALLOW: &str = "none: this shallow clone does not reach back to where main was left; \
        run `git fetch --deepen 50`, or check out with `fetch-depth: 0` (GitLab: `GIT_DEPTH: 0`)";
    const UNKNOWN: &str =
        "none: the default branch is not known; run `git remote set-head origin --auto`, or use --base";
    const ABSENT: &str =
        r"none: branch it's/1 is not in this clone; run `git fetch origin 'it'\''s/1:refs/remotes/origin/it'\''s/1'`";
    const FIRST: &str = "none: HEAD is the first commit";
    let one_parent: &[&str] = &["one"];
    let merge: &[&str] = &["one", "two"];
    for (checkout, parents, dirty, shallow, target, expected) in [
        (TrialMerge, merge, CLEAN, false, present(Some("old")), MERGED),
        (TrialMerge, merge, DIRTY, false, present(Some("old")), MERGED),
        (TrialMerge, merge, CLEAN, true, present(None), MERGED),
        (TrialMerge, merge, CLEAN, true, Target::Unknown, "one: first parent of the merge into the target branch"),
        (TrialMerge, merge, CLEAN, true, absent(), "one: first parent of the merge into it's/1"),
        (TrialMerge, one_parent, CLEAN, false, present(Some("old")), "old: merge base with main"),
        (TrialMerge, &["one", "two", "three"], CLEAN, false, present(Some("old")), "old: merge base with main"),
        (Commit, merge, CLEAN, false, present(Some("old")), "old: merge base with main"),
        (Commit, one_parent, CLEAN, false, present(Some("old")), "old: merge base with main"),
        (Commit, one_parent, DIRTY, false, present(Some("old")), "old: merge base with main"),
        (Commit, one_parent, CLEAN, false, present(Some("head")), "one: parent of HEAD on main"),
        (Commit, one_parent, CLEAN, true, present(Some("head")), "one: parent of HEAD on main"),
        (Commit, merge, CLEAN, false, present(Some("head")), "one: parent of HEAD on main"),
        (Commit, one_parent, DIRTY, false, present(Some("head")), "head: uncommitted changes against HEAD"),
        (Commit, &[], DIRTY, false, present(Some("head")), "head: uncommitted changes against HEAD"),
        (Commit, &[], CLEAN, false, present(Some("head")), FIRST),
        (Commit, one_parent, CLEAN, false, present(None), "none: HEAD and main have no common history"),
        (Commit, one_parent, CLEAN, true, present(None), SHALLOW),
        (Commit, one_parent, DIRTY, false, absent(), ABSENT),
        (Commit, one_parent, CLEAN, true, told("old"), "old: merge base with main, as GitHub tells"),
        (Commit, one_parent, CLEAN, true, told("head"), "one: parent of HEAD on main"),
        (TrialMerge, merge, CLEAN, true, told("old"), MERGED),
        (Commit, one_parent, CLEAN, false, Target::Unknown, UNKNOWN),
    ] {
        let parents = parents.iter().map(|&parent| parent.to_owned()).collect();
        let situation = Situation { head: "head".into(), dirty, parents, checkout, target, shallow };
        let decision = decide(&situation).unwrap_or_else(|reason| ("none".into(), reason));
        assert_eq!(format!("{}: {}", decision.0, decision.1), expected, "{situation:?}");
    }
}

fn local() -> Context {
    Context::detect(&Env::default())
}

async fn choose_in(repository: &Repository, context: &Context, explicit: Option<&str>) -> Result<Chosen> {
    let git = repository.open().await;
    let is_dirty = git.status("/elsewhere".as_ref()).await.unwrap().is_dirty;
    let head = context.head(Some(&git), is_dirty).await.unwrap();
    choose(Ok(&git), context, &head, explicit, None).await
}

async fn shown(repository: &Repository, context: &Context, explicit: Option<&str>) -> String {
    match choose_in(repository, context, explicit).await.unwrap() {
        Chosen::Base(choice) => {
            assert_eq!(choice.candidates[0], choice.sha);
            format!("{} of {}: {}", choice.sha, choice.candidates.len(), choice.chosen_by)
        }
        Chosen::NoBase { reason } => reason,
    }
}

#[tokio::test]
async fn a_branch_is_compared_with_where_it_left_main() {
    let repository = Repository::new().await;
    let first = repository.commit("first").await;
    let fork = repository.commit("fork").await;
    repository.git(&["checkout", "--quiet", "-b", "topic"]).await;
    repository.commit("topic").await;
    repository.git(&["checkout", "--quiet", "main"]).await;
    repository.commit("later").await;
    repository.git(&["checkout", "--quiet", "topic"]).await;
    assert_eq!(shown(&repository, &local(), None).await, format!("{fork} of 2: merge base with main"));
    assert_eq!(shown(&repository, &local(), Some("main~2")).await, format!("{first} of 1: --base main~2"));
    let context = Context { target_branch: Some("release".into()), ..local() };
    assert_eq!(
        shown(&repository, &context, None).await,
        "branch release is not in this clone; run `git fetch origin release:refs/remotes/origin/release`"
    );
}

#[tokio::test]
async fn main_is_compared_with_its_own_last_state() {
    let repository = Repository::new().await;
    assert_eq!(shown(&repository, &local(), None).await, "the repository has no commits yet");
    let first = repository.commit("first").await;
    assert_eq!(shown(&repository, &local(), None).await, "HEAD is the first commit");
    let second = repository.commit("second").await;
    assert_eq!(shown(&repository, &local(), None).await, format!("{first} of 1: parent of HEAD on main"));
    repository.write("new", "");
    assert_eq!(shown(&repository, &local(), None).await, format!("{second} of 2: uncommitted changes against HEAD"));
}

/// A trial merge as a forge makes it: `main` is the first parent.
async fn trial_merge() -> (Repository, [String; 2], Context) {
    let repository = Repository::new().await;
    repository.commit("first").await;
    repository.git(&["checkout", "--quiet", "-b", "topic"]).await;
    repository.commit("topic").await;
    repository.git(&["checkout", "--quiet", "main"]).await;
    let tip = repository.commit("later").await;
    repository.git(&["checkout", "--quiet", "-b", "trial"]).await;
    let merge = repository.merge("topic").await;
    let context = Context {
        sha: Some(merge.clone()),
        checkout: Checkout::TrialMerge,
        target_branch: Some("main".into()),
        ..local()
    };
    (repository, [tip, merge], context)
}

#[tokio::test]
async fn a_trial_merge_is_compared_with_its_first_parent_even_in_a_clone_of_depth_1() {
    let (repository, [tip, _], context) = trial_merge().await;
    let expected = "first parent of the merge into main";
    assert_eq!(shown(&repository, &context, None).await, format!("{tip} of 2: {expected}"));
    repository.git(&["branch", "--delete", "--force", "main"]).await;
    let clone = Repository::shallow_clone(&repository, 1).await;
    assert_eq!(shown(&clone, &context, None).await, format!("{tip} of 1: {expected}"));
}

#[tokio::test]
async fn another_commit_than_the_forge_asked_for_is_no_trial_merge() {
    let (repository, [tip, _], context) = trial_merge().await;
    repository.git(&["commit", "--quiet", "--amend", "--allow-empty", "--message", "other"]).await;
    assert_eq!(shown(&repository, &context, None).await, format!("{tip} of 2: merge base with main"));
    repository.git(&["checkout", "--quiet", "topic"]).await;
    assert!(shown(&repository, &context, None).await.ends_with("of 1: merge base with main"));
}

#[tokio::test]
async fn a_shallow_clone_says_how_to_deepen_it() {
    let (repository, _, _) = trial_merge().await;
    repository.git(&["checkout", "--quiet", "topic"]).await;
    let clone = Repository::shallow_clone(&repository, 1).await;
    let context = Context { target_branch: Some("main".into()), ..local() };
    let reason = shown(&clone, &context, None).await;
    assert!(reason.starts_with("this shallow clone does not reach back to where main was left"), "{reason}");
    let error = choose_in(&clone, &context, Some("HEAD~1")).await.unwrap_err();
    assert_eq!(exit_code(&error), USAGE);
    insta::assert_snapshot!(
        format!("{error:#}"),
        @"--base HEAD~1: no such commit in this shallow clone; run `git fetch --deepen 50`, or check out with `fetch-depth: 0` (GitLab: `GIT_DEPTH: 0`)"
    );
}

#[tokio::test]
async fn a_base_that_was_asked_for_must_exist() {
    let repository = Repository::new().await;
    repository.commit("first").await;
    for revision in ["nope", "--all", ""] {
        let error = choose_in(&repository, &local(), Some(revision)).await.unwrap_err();
        assert_eq!(exit_code(&error), USAGE);
        let expected = format!("--base {revision}: no such commit in this repository; fetch it, or name another");
        assert_eq!(format!("{error:#}"), expected);
    }
}

#[tokio::test]
async fn without_git_there_is_no_base_unless_one_was_asked_for() {
    let head = Head { sha: Some("0".repeat(40)), ..Head::default() };
    let chosen = choose(Err(&GitError::NoGit), &local(), &head, None, None).await.unwrap();
    assert_eq!(chosen, Chosen::NoBase { reason: "git is not installed".into() });
    let error = choose(Err(&GitError::NoGit), &local(), &head, Some("main"), None).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "--base main: git is not installed");
}

#[tokio::test]
async fn the_search_goes_back_a_bounded_number_of_commits() {
    let repository = Repository::new().await;
    for number in 0..CANDIDATES + 2 {
        repository.commit(&number.to_string()).await;
    }
    let expected = format!("of {CANDIDATES}: parent of HEAD on main");
    assert!(shown(&repository, &local(), None).await.ends_with(&expected));
}

/// What is chosen in a clone of depth 1 of a topic with a forge at hand.
async fn chosen_with(forge: &FakeForge, clone: &Repository) -> String {
    let git = clone.open().await;
    let context = Context { target_branch: Some("main".into()), ..local() };
    let is_dirty = git.status("/elsewhere".as_ref()).await.unwrap().is_dirty;
    let head = context.head(Some(&git), is_dirty).await.unwrap();
    match choose(Ok(&git), &context, &head, None, Some(&forge.ancestry())).await.unwrap() {
        Chosen::Base(Choice { sha, chosen_by, candidates }) => format!("{sha} of {}: {chosen_by}", candidates.len()),
        Chosen::NoBase { reason } => reason,
    }
}

#[tokio::test]
async fn the_forge_tells_what_a_shallow_clone_lacks() {
    let (repository, _, _) = trial_merge().await;
    repository.git(&["checkout", "--quiet", "topic"]).await;
    let topic = repository.git(&["rev-parse", "HEAD"]).await;
    let first = repository.git(&["rev-parse", "topic~1"]).await;
    let list = json!([{"sha": first, "parents": [{"sha": sha("e")}]}, {"sha": sha("e"), "parents": []}]);
    for with_main in [true, false] {
        let clone = Repository::shallow_clone(&repository, 1).await;
        if !with_main {
            clone.git(&["update-ref", "-d", "refs/remotes/origin/main"]).await;
        }
        let forge = FakeForge::github().await;
        let reason = chosen_with(&forge, &clone).await;
        assert!(reason.contains("git fetch") && !reason.contains("GitHub"), "{reason}");
        let place = format!("compare/main...{topic}");
        forge.answers(&place, &[], ok(&json!({"merge_base_commit": {"sha": first}}))).await;
        let expected = format!("{first} of 1: merge base with main, as GitHub tells");
        assert_eq!(chosen_with(&forge, &clone).await, expected);
        forge.answers("commits", &[("sha", &first)], ok(&list)).await;
        assert_eq!(chosen_with(&forge, &clone).await, expected.replace("of 1", "of 2"));
        let broken = FakeForge::github().await;
        broken.answers(&place, &[], wiremock::ResponseTemplate::new(502)).await;
        let reason = chosen_with(&broken, &clone).await;
        assert!(reason.ends_with("(GitHub was asked: HTTP 502)"), "{reason}");
    }
}

#[tokio::test]
async fn the_merge_base_of_the_diff_that_the_job_is_told_is_taken_where_the_clone_has_none() {
    let (repository, _, _) = trial_merge().await;
    repository.git(&["checkout", "--quiet", "topic"]).await;
    let [head, first] = [repository.git(&["rev-parse", "HEAD"]).await, repository.git(&["rev-parse", "topic~1"]).await];
    let clone = Repository::shallow_clone(&repository, 1).await;
    clone.git(&["update-ref", "-d", "refs/remotes/origin/main"]).await;
    let told = |sha: &str| Context {
        target_branch: Some("main".into()),
        merge_base: Some(first.clone()),
        sha: Some(sha.to_owned()),
        ..local()
    };
    assert_eq!(shown(&clone, &told(&head), None).await, format!("{first} of 1: merge base with main, as GitLab tells"));
    // Another commit than the forge asked for was checked out.
    assert!(shown(&clone, &told(&first), None).await.contains("branch main is not in this clone"));
    // What git knows goes before.
    assert!(!shown(&repository, &told(&head), None).await.contains("GitLab"));
}
