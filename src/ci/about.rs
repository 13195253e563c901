//! What the forge says of a change request beside where it comes from: its labels, and whether a program opened it.

use super::payload::PullRequest;
use crate::env::Env;

/// What the forge says of a change request. Names are of the forge's users: untrusted text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// Its labels when the run was started; who may set them is the forge's to decide.
    pub labels: Vec<String>,
    /// Whether a program opened it, as Dependabot and Renovate do.
    pub is_by_bot: bool,
}

impl About {
    /// Of a pull request of GitHub, as its payloads and its API say it alike: who opened it, by name and type.
    #[must_use]
    pub fn of_github(login: &str, kind: Option<&str>, labels: Vec<String>) -> Self {
        Self { labels, is_by_bot: is_bot_of_github(login, kind) }
    }

    /// Whether it has this label. Forges do not tell labels apart by case.
    #[must_use]
    pub fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.to_lowercase() == name.to_lowercase())
    }
}

pub(super) fn github(pull_request: &PullRequest) -> About {
    let labels = pull_request.labels.iter().flatten().map(|label| label.name.clone()).collect();
    let (login, kind) = pull_request.user.as_ref().map_or(("", None), |user| (&*user.login, user.kind.as_deref()));
    About::of_github(login, kind, labels)
}

/// Apps have a type of their own. Those who run Renovate themselves give it an account like a person's.
fn is_bot_of_github(login: &str, kind: Option<&str>) -> bool {
    kind == Some("Bot") || login.ends_with("[bot]") || is_named_like_a_bot(login)
}

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>. They do not say who opened a merge request, but who
/// started the pipeline, which for a bot is the bot.
pub(super) fn gitlab(env: &Env) -> About {
    let labels = env.get("CI_MERGE_REQUEST_LABELS").unwrap_or_default().split(',').map(str::trim);
    About {
        labels: labels.filter(|label| !label.is_empty()).map(str::to_owned).collect(),
        is_by_bot: env.get("GITLAB_USER_LOGIN").is_some_and(is_bot_of_gitlab),
    }
}

fn is_bot_of_gitlab(login: &str) -> bool {
    is_of_a_token(login) || is_named_like_a_bot(login)
}

/// Access tokens act as `project_7_bot_0a1b…` or `group_7_bot_0a1b…`, older ones as `project_7_bot2`
/// (<https://docs.gitlab.com/user/project/settings/project_access_tokens/#bot-users-for-projects>).
fn is_of_a_token(login: &str) -> bool {
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let rest = login.strip_prefix("project_").or_else(|| login.strip_prefix("group_"));
    rest.and_then(|rest| rest.split_once("_bot"))
        .is_some_and(|(id, rest)| !id.is_empty() && is_number(id) && (is_number(rest) || rest.starts_with('_')))
}

/// The two that open change requests for dependencies, under the names that their guides propose.
fn is_named_like_a_bot(login: &str) -> bool {
    let login = login.to_ascii_lowercase();
    let name = ["[bot]", "-bot", "_bot"].iter().find_map(|end| login.strip_suffix(end)).unwrap_or(&login);
    ["dependabot", "renovate"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_told_by_their_type_or_their_name() {
        for (login, kind, expected) in [
            ("ann", Some("User"), false),
            ("ann", None, false),
            ("shop-helper", Some("Bot"), true),
            ("dependabot[bot]", None, true),
            ("renovate-bot", Some("User"), true),
            ("renovator", Some("User"), false),
            ("robot", Some("User"), false),
        ] {
            assert_eq!(is_bot_of_github(login, kind), expected, "{login}");
        }
        for (login, expected) in [
            ("project_7_bot_0a1b2c", true),
            ("group_7_bot", true),
            ("project_7_bot2", true),
            ("project_bot", false),
            ("project_7_bottle", false),
            ("Renovate-Bot", true),
            ("ann", false),
        ] {
            assert_eq!(is_bot_of_gitlab(login), expected, "{login}");
        }
    }

    #[test]
    fn labels_differ_by_more_than_case() {
        let about = About { labels: vec!["Allow-Size-Increase".into(), "bug".into()], ..About::default() };
        assert!(about.has_label("allow-size-increase"));
        assert!(!about.has_label("allow-size"));
    }
}
