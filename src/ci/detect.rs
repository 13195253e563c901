//! From variables to a [`Context`].

use super::{Checkout, Context, Forge};
use crate::env::Env;

pub(super) fn detect(env: &Env) -> Context {
    if env.get("GITHUB_ACTIONS").is_some() {
        github(env)
    } else if env.get("GITLAB_CI").is_some() {
        gitlab(env)
    } else {
        Context {
            forge: Forge::Local,
            is_ci: env.is_ci(),
            sha: None,
            reference: None,
            checkout: Checkout::Commit,
            target_branch: None,
            default_branch: None,
        }
    }
}

/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
fn github(env: &Env) -> Context {
    let full_name = env.get("GITHUB_REF").unwrap_or_default();
    let is_trial_merge = full_name.starts_with("refs/pull/") && full_name.ends_with("/merge");
    // `gh-readonly-queue/main/pr-7-…`: the merge queue tells the target branch only in the name.
    let queued = full_name.strip_prefix("refs/heads/gh-readonly-queue/").and_then(|name| name.rsplit_once("/pr-"));
    let target = env.get("GITHUB_BASE_REF").or(queued.map(|(branch, _)| branch));
    Context {
        forge: Forge::Github,
        is_ci: true,
        sha: owned(env.get("GITHUB_SHA")),
        reference: owned(env.get("GITHUB_HEAD_REF").or_else(|| env.get("GITHUB_REF_NAME"))),
        checkout: if is_trial_merge { Checkout::TrialMerge } else { Checkout::Commit },
        target_branch: owned(target),
        default_branch: None,
    }
}

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
fn gitlab(env: &Env) -> Context {
    let is_trial_merge = matches!(env.get("CI_MERGE_REQUEST_EVENT_TYPE"), Some("merged_result" | "merge_train"));
    let source_branch = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME");
    Context {
        forge: Forge::Gitlab,
        is_ci: true,
        sha: owned(env.get("CI_COMMIT_SHA")),
        reference: owned(source_branch.or_else(|| env.get("CI_COMMIT_REF_NAME"))),
        checkout: if is_trial_merge { Checkout::TrialMerge } else { Checkout::Commit },
        target_branch: owned(env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")),
        default_branch: owned(env.get("CI_DEFAULT_BRANCH")),
    }
}

fn owned(value: Option<&str>) -> Option<String> {
    value.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(variables: &[(&str, &str)]) -> Context {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        detect(&Env { variables, ..Env::default() })
    }

    fn show(variables: &[(&str, &str)]) -> String {
        let Context { forge, is_ci, sha, reference, checkout, target_branch, default_branch } = context(variables);
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let names = [sha, reference, target_branch, default_branch].map(text).join(" ");
        format!("{forge:?} ci={is_ci} {checkout:?} {names}")
    }

    #[test]
    fn github_events_are_told_by_their_variables() {
        let actions = ("GITHUB_ACTIONS", "true");
        let sha = ("GITHUB_SHA", "abc");
        for (variables, expected) in [
            (vec![], "Github ci=true Commit - - - -"),
            (
                vec![sha, ("GITHUB_REF", "refs/heads/main"), ("GITHUB_REF_NAME", "main"), ("GITHUB_BASE_REF", "")],
                "Github ci=true Commit abc main - -",
            ),
            (
                vec![
                    sha,
                    ("GITHUB_REF", "refs/pull/7/merge"),
                    ("GITHUB_REF_NAME", "7/merge"),
                    ("GITHUB_HEAD_REF", "topic"),
                    ("GITHUB_BASE_REF", "main"),
                ],
                "Github ci=true TrialMerge abc topic main -",
            ),
            (vec![sha, ("GITHUB_REF", "refs/pull/7/head")], "Github ci=true Commit abc - - -"),
            (
                vec![sha, ("GITHUB_REF", "refs/heads/gh-readonly-queue/release/1/pr-7-def"), ("GITHUB_REF_NAME", "q")],
                "Github ci=true Commit abc q release/1 -",
            ),
            (vec![sha, ("GITHUB_REF", "refs/tags/v1"), ("GITHUB_REF_NAME", "v1")], "Github ci=true Commit abc v1 - -"),
        ] {
            assert_eq!(show(&[variables.clone(), vec![actions]].concat()), expected, "{variables:?}");
        }
    }

    #[test]
    fn gitlab_pipelines_are_told_by_their_variables() {
        let common = [("GITLAB_CI", "true"), ("CI", "true"), ("CI_COMMIT_SHA", "abc"), ("CI_DEFAULT_BRANCH", "trunk")];
        let request = [
            ("CI_COMMIT_REF_NAME", "refs/merge-requests/3/merge"),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "release"),
        ];
        let event = |kind| [common.as_slice(), &request, &[("CI_MERGE_REQUEST_EVENT_TYPE", kind)]].concat();
        for (variables, expected) in [
            ([common.as_slice(), &[("CI_COMMIT_REF_NAME", "topic")]].concat(), "Commit abc topic - trunk"),
            (event("detached"), "Commit abc topic release trunk"),
            (event("merged_result"), "TrialMerge abc topic release trunk"),
            (event("merge_train"), "TrialMerge abc topic release trunk"),
        ] {
            assert_eq!(show(&variables), format!("Gitlab ci=true {expected}"), "{variables:?}");
        }
    }

    #[test]
    fn other_systems_are_local() {
        assert_eq!(show(&[]), "Local ci=false Commit - - - -");
        assert_eq!(show(&[("CI", "true"), ("GITHUB_SHA", "abc")]), "Local ci=true Commit - - - -");
    }
}
