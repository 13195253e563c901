//! From variables to a [`Context`].

use anyhow::Result;

use super::payload::Payload;
use super::{About, Checkout, Context, Event, Forge, Restriction, about};
use crate::env::Env;

/// `payload` is only asked for where one is to be expected.
pub(super) fn detect(env: &Env, payload: impl FnOnce() -> Result<Payload>) -> Context {
    if env.get("GITHUB_ACTIONS").is_some() {
        github(env, payload())
    } else if env.get("GITLAB_CI").is_some() {
        gitlab(env)
    } else {
        Context {
            forge: Forge::Local,
            is_ci: env.is_ci(),
            event: if env.is_ci() { Event::Push } else { Event::Local },
            restriction: None,
            change_request: None,
            run: None,
            sha: None,
            reference: None,
            is_protected: false,
            checkout: Checkout::Commit,
            target_branch: None,
            default_branch: None,
            merge_base: None,
            about: About::default(),
        }
    }
}

/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
fn github(env: &Env, payload: Result<Payload>) -> Context {
    let full_name = env.get("GITHUB_REF").unwrap_or_default();
    let is_trial_merge = full_name.starts_with("refs/pull/") && full_name.ends_with("/merge");
    // `gh-readonly-queue/main/pr-7-…`: the merge queue tells the target branch only in the name.
    let queued = full_name.strip_prefix("refs/heads/gh-readonly-queue/").and_then(|name| name.rsplit_once("/pr-"));
    let target = env.get("GITHUB_BASE_REF").or(queued.map(|(branch, _)| branch));
    let name = env.get("GITHUB_EVENT_NAME").unwrap_or_default();
    let numbered = full_name.strip_prefix("refs/pull/").and_then(|rest| rest.split('/').next()?.parse().ok());
    let pull_request = payload.as_ref().ok().and_then(|payload| payload.pull_request.as_ref());
    let told = || pull_request?.number;
    let default_branch = payload.as_ref().ok().and_then(|payload| payload.repository.as_ref()?.default_branch.clone());
    Context {
        forge: Forge::Github,
        is_ci: true,
        event: github_event(name, full_name, queued.is_some()),
        restriction: github_restriction(name, full_name, env, &payload),
        change_request: numbered.or_else(told),
        run: number(env.get("GITHUB_RUN_ID")),
        sha: owned(env.get("GITHUB_SHA")),
        reference: owned(env.get("GITHUB_HEAD_REF").or_else(|| env.get("GITHUB_REF_NAME"))),
        is_protected: env.get("GITHUB_REF_PROTECTED") == Some("true"),
        checkout: if is_trial_merge { Checkout::TrialMerge } else { Checkout::Commit },
        target_branch: owned(target),
        default_branch,
        merge_base: None,
        about: pull_request.map(about::github).unwrap_or_default(),
    }
}

/// The reference tells more than the name: a release is a tag, a reusable workflow has the event of its caller.
fn github_event(name: &str, full_name: &str, is_queued: bool) -> Event {
    match name {
        _ if is_queued || name == "merge_group" => Event::MergeQueue,
        _ if full_name.starts_with("refs/pull/") => Event::ChangeRequest,
        "pull_request" | "pull_request_review" => Event::ChangeRequest,
        _ if full_name.starts_with("refs/tags/") => Event::Tag,
        "schedule" => Event::Schedule,
        _ => Event::Push,
    }
}

/// Outsiders can cause these events, and GitHub runs them beside the default branch.
const LOW_TRUST: [&str; 6] = [
    "pull_request_target",
    "issue_comment",
    "issues",
    "discussion",
    "discussion_comment",
    "pull_request_review_comment",
];

fn github_restriction(name: &str, full_name: &str, env: &Env, payload: &Result<Payload>) -> Option<Restriction> {
    let concerns_change_request = full_name.starts_with("refs/pull/") || name.starts_with("pull_request");
    if LOW_TRUST.contains(&name) {
        return Some(Restriction::LowTrust(name.to_owned()));
    }
    let payload = match payload {
        Ok(payload) => payload,
        Err(error) if concerns_change_request || name == "workflow_run" => {
            return Some(Restriction::Unknown(format!("{error:#}")));
        }
        Err(_) => return None,
    };
    let own = payload.repository.as_ref().map(|repository| &repository.full_name);
    if let Some(run) = &payload.workflow_run {
        let is_own = run.head_repository.as_ref().is_some_and(|head| Some(&head.full_name) == own);
        return (!is_own).then(|| Restriction::LowTrust("workflow_run of a fork".to_owned()));
    }
    let Some(pull_request) = &payload.pull_request else {
        return concerns_change_request
            .then(|| Restriction::Unknown("the event payload has no pull request".to_owned()));
    };
    // Of a deleted fork nothing is left but the pull request.
    let is_own = pull_request.head.repo.as_ref().is_some_and(|head| Some(&head.full_name) == own);
    let opened_by = pull_request.user.as_ref().map(|user| user.login.as_str());
    match opened_by {
        _ if !is_own => Some(Restriction::Fork),
        Some("dependabot[bot]") => Some(Restriction::Dependabot),
        _ if env.get("GITHUB_ACTOR") == Some("dependabot[bot]") => Some(Restriction::Dependabot),
        _ => None,
    }
}

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
fn gitlab(env: &Env) -> Context {
    let is_trial_merge = matches!(env.get("CI_MERGE_REQUEST_EVENT_TYPE"), Some("merged_result" | "merge_train"));
    let source_branch = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME");
    let project = |name| env.get(name);
    let is_fork = project("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") != project("CI_MERGE_REQUEST_PROJECT_ID");
    Context {
        forge: Forge::Gitlab,
        is_ci: true,
        event: gitlab_event(env),
        restriction: is_fork.then_some(Restriction::Fork),
        change_request: number(env.get("CI_MERGE_REQUEST_IID")),
        run: number(env.get("CI_PIPELINE_ID")),
        sha: owned(env.get("CI_COMMIT_SHA")),
        reference: owned(source_branch.or_else(|| env.get("CI_COMMIT_REF_NAME"))),
        is_protected: env.get("CI_COMMIT_REF_PROTECTED") == Some("true"),
        checkout: if is_trial_merge { Checkout::TrialMerge } else { Checkout::Commit },
        target_branch: owned(env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")),
        default_branch: owned(env.get("CI_DEFAULT_BRANCH")),
        merge_base: owned(env.get("CI_MERGE_REQUEST_DIFF_BASE_SHA").filter(|sha| is_sha(sha))),
        about: about::gitlab(env),
    }
}

fn gitlab_event(env: &Env) -> Event {
    match () {
        () if env.get("CI_MERGE_REQUEST_EVENT_TYPE") == Some("merge_train") => Event::MergeQueue,
        () if env.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME").is_some() => Event::ChangeRequest,
        () if env.get("CI_COMMIT_TAG").is_some() => Event::Tag,
        () if env.get("CI_PIPELINE_SOURCE") == Some("schedule") => Event::Schedule,
        () => Event::Push,
    }
}

/// Whether a text is a whole commit's name, and so nothing that git takes for an option.
fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn number(value: Option<&str>) -> Option<u64> {
    value.and_then(|value| value.parse().ok())
}

fn owned(value: Option<&str>) -> Option<String> {
    value.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(variables: &[(&str, &str)], payload: &str) -> Context {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        detect(&Env { variables, ..Env::default() }, || Ok(serde_json::from_str(payload)?))
    }

    fn show(variables: &[(&str, &str)]) -> String {
        let Context { forge, is_ci, sha, reference, checkout, target_branch, default_branch, .. } =
            context(variables, "{}");
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
    fn the_number_of_the_change_request_and_of_the_run_is_told() {
        let github = |reference| vec![("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "99"), ("GITHUB_REF", reference)];
        let gitlab = vec![("GITLAB_CI", "true"), ("CI_PIPELINE_ID", "99")];
        let pull_request = r#"{"pull_request": {"number": 8, "head": {"repo": null}}}"#;
        for (variables, payload, expected) in [
            (github("refs/pull/7/merge"), "{}", (Some(7), Some(99))),
            (github("refs/pull/7/merge"), pull_request, (Some(7), Some(99))),
            (github("refs/heads/main"), pull_request, (Some(8), Some(99))),
            (github("refs/heads/main"), "nonsense", (None, Some(99))),
            (github("refs/pull/x/merge"), "{}", (None, Some(99))),
            (gitlab.clone(), "", (None, Some(99))),
            ([gitlab, vec![("CI_MERGE_REQUEST_IID", "5")]].concat(), "", (Some(5), Some(99))),
            (vec![("CI", "true")], "", (None, None)),
        ] {
            let context = context(&variables, payload);
            assert_eq!((context.change_request, context.run), expected, "{variables:?} {payload}");
        }
    }

    #[test]
    fn other_systems_are_local() {
        assert_eq!(show(&[]), "Local ci=false Commit - - - -");
        assert_eq!(show(&[("CI", "true"), ("GITHUB_SHA", "abc")]), "Local ci=true Commit - - - -");
    }

    /// Event, restriction, and whether the branch is protected, with the default branch.
    fn started_by(variables: &[(&str, &str)], payload: &str) -> String {
        let context = context(variables, payload);
        let restriction = context.restriction.map_or("-".to_owned(), |restriction| format!("{restriction:?}"));
        let protected = if context.is_protected { " protected" } else { "" };
        format!("{:?} {restriction} {}{protected}", context.event, context.default_branch.as_deref().unwrap_or("-"))
    }

    #[test]
    fn github_payloads_tell_forks_and_the_default_branch() {
        let repository = r#""repository": {"full_name": "acme/shop", "default_branch": "trunk"}"#;
        let pull_request = |head: &str, user: &str| {
            format!(
                r#"{{{repository}, "pull_request": {{"head": {{"repo": {head}}}, "user": {{"login": "{user}"}}}}}}"#
            )
        };
        let (own, other) = (r#"{"full_name": "acme/shop"}"#, r#"{"full_name": "someone/shop"}"#);
        let plain = format!("{{{repository}}}");
        let run = |head: &str| format!(r#"{{{repository}, "workflow_run": {{"head_repository": {head}}}}}"#);
        let on = |name, reference| vec![("GITHUB_EVENT_NAME", name), ("GITHUB_REF", reference)];
        let change = || on("pull_request", "refs/pull/7/merge");
        let branch = "refs/heads/topic";
        for (variables, payload, expected) in [
            (on("push", branch), plain.clone(), "Push - trunk"),
            (
                [on("push", branch), vec![("GITHUB_REF_PROTECTED", "true")]].concat(),
                plain.clone(),
                "Push - trunk protected",
            ),
            (on("workflow_dispatch", branch), plain.clone(), "Push - trunk"),
            (on("push", branch), "nonsense".into(), "Push - -"),
            (on("schedule", "refs/heads/trunk"), "{}".into(), "Schedule - -"),
            (on("push", "refs/tags/v1"), plain.clone(), "Tag - trunk"),
            (on("release", "refs/tags/v1"), plain.clone(), "Tag - trunk"),
            (on("merge_group", "refs/heads/gh-readonly-queue/trunk/pr-7-a"), plain.clone(), "MergeQueue - trunk"),
            (change(), pull_request(own, "somebody"), "ChangeRequest - trunk"),
            (change(), pull_request(other, "somebody"), "ChangeRequest Fork trunk"),
            (change(), pull_request("null", "somebody"), "ChangeRequest Fork trunk"),
            (change(), pull_request(own, "dependabot[bot]"), "ChangeRequest Dependabot trunk"),
            (
                [change(), vec![("GITHUB_ACTOR", "dependabot[bot]")]].concat(),
                pull_request(own, "x"),
                "ChangeRequest Dependabot trunk",
            ),
            (change(), plain.clone(), r#"ChangeRequest Unknown("the event payload has no pull request") trunk"#),
            (change(), "[".into(), r#"ChangeRequest Unknown("EOF while parsing a list at line 1 column 1") -"#),
            (
                on("pull_request_target", "refs/heads/trunk"),
                pull_request(other, "x"),
                r#"Push LowTrust("pull_request_target") trunk"#,
            ),
            (on("issue_comment", "refs/heads/trunk"), plain.clone(), r#"Push LowTrust("issue_comment") trunk"#),
            (on("workflow_run", "refs/heads/trunk"), run(own), "Push - trunk"),
            (on("workflow_run", "refs/heads/trunk"), run(other), r#"Push LowTrust("workflow_run of a fork") trunk"#),
            (on("workflow_run", "refs/heads/trunk"), run("null"), r#"Push LowTrust("workflow_run of a fork") trunk"#),
        ] {
            let variables = [variables, vec![("GITHUB_ACTIONS", "true")]].concat();
            assert_eq!(started_by(&variables, &payload), expected, "{variables:?} {payload}");
        }
    }

    #[test]
    fn gitlab_variables_tell_forks_tags_and_trains() {
        let request = [("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"), ("CI_MERGE_REQUEST_PROJECT_ID", "1")];
        for (variables, expected) in [
            (vec![], "Push - -"),
            (vec![("CI_COMMIT_REF_PROTECTED", "true"), ("CI_DEFAULT_BRANCH", "trunk")], "Push - trunk protected"),
            (vec![("CI_PIPELINE_SOURCE", "schedule")], "Schedule - -"),
            (vec![("CI_COMMIT_TAG", "v1")], "Tag - -"),
            ([&request[..], &[("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "1")]].concat(), "ChangeRequest - -"),
            ([&request[..], &[("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "2")]].concat(), "ChangeRequest Fork -"),
            (
                [
                    &request[..],
                    &[("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "1"), ("CI_MERGE_REQUEST_EVENT_TYPE", "merge_train")],
                ]
                .concat(),
                "MergeQueue - -",
            ),
        ] {
            let variables = [variables, vec![("GITLAB_CI", "true")]].concat();
            assert_eq!(started_by(&variables, ""), expected, "{variables:?}");
        }
    }

    #[test]
    fn elsewhere_a_run_is_a_push_in_ci_and_a_person_otherwise() {
        assert_eq!(started_by(&[("CI", "true")], ""), "Push - -");
        assert_eq!(started_by(&[], ""), "Local - -");
    }

    #[test]
    fn the_merge_base_of_a_merge_request_is_a_whole_commit_or_none() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        for (told, expected) in [(sha, Some(sha)), ("", None), ("--exec=x", None), (&sha[1..], None)] {
            let variables = [("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_DIFF_BASE_SHA", told)];
            assert_eq!(context(&variables, "{}").merge_base.as_deref(), expected, "{told}");
        }
    }
}
