//! Where the comment of a run goes, as its variables tell.

use std::fmt;

use anyhow::Result;

use super::github::{Github, PullRequest};
use super::gitlab::{Gitlab, MergeRequest};
use super::{Patience, Published, Token, upsert};
use crate::ci::{Context, Event, Forge};
use crate::env::Env;
use crate::forge::{Repository, TOKEN_ADVICE, TOKEN_VARIABLES};
use crate::http;
use crate::publish::calm::Calm;
use crate::publish::comment::Comment;

const GITLAB_ADVICE: &str = "make it a project access token with the scope `api`, in a masked variable";

/// Where the comment of a run goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The change request.
    pub place: Place,
    /// The number of the run.
    pub run: u64,
    token: Token,
}

/// A change request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Of GitHub.
    Github(PullRequest),
    /// Of GitLab.
    Gitlab(MergeRequest),
}

/// Why there is no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoTarget {
    /// There is nothing to comment on.
    NoChangeRequest(&'static str),
    /// There is, and this run was given nothing to reach it with.
    NoToken(String),
    /// There is, but it cannot be reached.
    Unusable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Github(PullRequest { api_url, repository, number, .. }) => {
                write!(f, "pull request {number} of {repository} at {api_url}")
            }
            Self::Gitlab(MergeRequest { api_url, project, number }) => {
                write!(f, "merge request {number} of project {project} at {api_url}")
            }
        }
    }
}

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChangeRequest(reason) => f.write_str(reason),
            Self::NoToken(reason) | Self::Unusable(reason) => f.write_str(reason),
        }
    }
}

impl Target {
    /// Finds it.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find(env: &Env, context: &Context) -> Result<Self, NoTarget> {
        let number = match (context.forge, context.event, context.change_request) {
            (Forge::Local, ..) => return Err(NoTarget::NoChangeRequest("this is no job of GitHub or GitLab")),
            (_, Event::MergeQueue, _) => return Err(NoTarget::NoChangeRequest("this run tries a merge for a queue")),
            (_, _, None) => return Err(NoTarget::NoChangeRequest("this run is not about a pull or merge request")),
            (_, _, Some(number)) => number,
        };
        let token = match context.forge {
            Forge::Github => Token::find(env, &TOKEN_VARIABLES, TOKEN_ADVICE),
            Forge::Gitlab | Forge::Local => Token::find(env, &["GITLAB_TOKEN"], GITLAB_ADVICE),
        };
        let token = token.map_err(NoTarget::NoToken)?;
        let run = context.run.ok_or_else(|| NoTarget::Unusable("the number of this run is not known".to_owned()))?;
        let place = if context.forge == Forge::Github { github(env, number) } else { gitlab(env, number) };
        Ok(Self { place: place.map_err(NoTarget::Unusable)?, run, token })
    }

    /// Brings a comment there.
    ///
    /// # Errors
    /// When no client can be made, or of [`super::ForgeError`].
    pub async fn publish(self, env: &Env, comment: &Comment, calm: Calm) -> Result<Published> {
        let client = http::client(env)?;
        let patience = Patience::default();
        Ok(match &self.place {
            Place::Github(place) => upsert(&Github::new(&client, place, self.token)?, comment, calm, patience).await?,
            Place::Gitlab(place) => upsert(&Gitlab::new(&client, place, self.token), comment, calm, patience).await?,
        })
    }
}

fn github(env: &Env, number: u64) -> Result<Place, String> {
    let Repository { api_url, graphql_url, name } = Repository::of(env)?;
    Ok(Place::Github(PullRequest { api_url, graphql_url, repository: name, number }))
}

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
fn gitlab(env: &Env, number: u64) -> Result<Place, String> {
    let project = env.get("CI_MERGE_REQUEST_PROJECT_ID").and_then(|project| project.parse().ok());
    let api_url = env.get("CI_API_V4_URL").ok_or("CI_API_V4_URL is not set")?;
    Ok(Place::Gitlab(MergeRequest {
        api_url: api_url.trim_end_matches('/').to_owned(),
        project: project.ok_or("CI_MERGE_REQUEST_PROJECT_ID names no project")?,
        number,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: [(&str, &str); 5] = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_RUN_ID", "99"),
        ("GITHUB_TOKEN", "hunter22"),
    ];
    const GITLAB: [(&str, &str); 6] = [
        ("GITLAB_CI", "true"),
        ("CI_API_V4_URL", "https://gitlab.acme.test/api/v4"),
        ("CI_MERGE_REQUEST_PROJECT_ID", "42"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_PIPELINE_ID", "99"),
        ("GITLAB_TOKEN", "hunter22"),
    ];

    fn find(variables: &[&[(&str, &str)]]) -> Result<Target, NoTarget> {
        let variables = variables.concat().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env = Env { variables: variables.collect(), ..Env::default() };
        Target::find(&env, &Context::detect(&env))
    }

    #[test]
    fn the_variables_of_a_job_tell_where_its_comment_goes() {
        for (variables, expected) in [
            ([&GITHUB[..], &[]], "pull request 7 of acme/shop at https://api.github.com"),
            (
                [&GITHUB, &[("GITHUB_API_URL", "https://github.acme.test/api/v3/")]],
                "pull request 7 of acme/shop at https://github.acme.test/api/v3",
            ),
            ([&GITLAB, &[]], "merge request 7 of project 42 at https://gitlab.acme.test/api/v4"),
            ([&GITHUB, &[("GITHUB_REF", "refs/heads/main")]], "this run is not about a pull or merge request"),
            ([&GITHUB, &[("GITHUB_EVENT_NAME", "merge_group")]], "this run tries a merge for a queue"),
            ([&GITLAB, &[("CI_MERGE_REQUEST_EVENT_TYPE", "merge_train")]], "this run tries a merge for a queue"),
            ([&[], &[]], "this is no job of GitHub or GitLab"),
            (
                [&GITHUB, &[("GITHUB_TOKEN", "")]],
                "GITHUB_TOKEN is not set; give the step `env: GITHUB_TOKEN: ${{ github.token }}`",
            ),
            (
                [&GITLAB, &[("GITLAB_TOKEN", "")]],
                "GITLAB_TOKEN is not set; make it a project access token with the scope `api`, in a masked variable",
            ),
            (
                [&GITHUB, &[("GITHUB_TOKEN", "two words")]],
                "GITHUB_TOKEN: the token is empty, or holds characters that no token has",
            ),
            ([&GITHUB, &[("GITHUB_REPOSITORY", "acme/../x")]], "GITHUB_REPOSITORY names no repository"),
            ([&GITHUB, &[("GITHUB_RUN_ID", "")]], "the number of this run is not known"),
        ] {
            let found = find(&variables);
            assert!(!format!("{found:?}").contains("hunter22"));
            let found = found.map_or_else(|reason| reason.to_string(), |target| target.place.to_string());
            assert_eq!(found, expected, "{variables:?}");
        }
    }

    #[test]
    fn a_server_of_ones_own_has_graphql_elsewhere_and_the_token_of_the_action_goes_first() {
        let target = find(&[&GITHUB, &[("GITHUB_API_URL", "https://g.test/api/v3"), ("INPUT_GITHUB-TOKEN", "input")]]);
        let Target { place: Place::Github(place), token, run: 99 } = target.unwrap() else { panic!() };
        assert_eq!(place.graphql_url, "https://g.test/api/graphql");
        assert_eq!(token, Token::new("input").unwrap());
        let Place::Github(place) = find(&[&GITHUB]).unwrap().place else { panic!() };
        assert_eq!(place.graphql_url, "https://api.github.com/graphql");
    }
}
