//! Comments on a pull request of GitHub. <https://docs.github.com/en/rest/issues/comments>

use jiff::Timestamp;
use octocrab::{Octocrab, Page};
use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::{Forge, ForgeError, Listing, Token};
use crate::forge::{Advice, message};
use crate::publish::comment::{Author, Existing, Ours};

const API_VERSION: &str = "2022-11-28";
const PER_PAGE: u8 = 100;
/// Ten thousand comments; GitHub itself gives up sooner.
const PAGES: u32 = 100;
const ADVICE: Advice = Advice {
    token: "the token is not valid any more",
    permission: "give the job `permissions: pull-requests: write`; for the pull request of a fork GitHub gives a token \
                 that may only read, whatever the job says",
    locked: "the conversation is locked, and this token may not write in it",
};

/// The comments of one pull request. They are the same as those of an issue with its number.
#[derive(Debug)]
pub struct Github {
    rest: Octocrab,
    /// Another root on servers of one's own, so another client.
    graphql: Octocrab,
    token: Token,
    repository: String,
    number: u64,
    ours: OnceCell<Ours>,
}

/// Where a pull request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// The root of the REST interface, without a slash at the end.
    pub api_url: String,
    /// The GraphQL interface.
    pub graphql_url: String,
    /// `owner/name`.
    pub repository: String,
    /// The number.
    pub number: u64,
}

#[derive(Deserialize)]
struct CommentDto {
    id: u64,
    /// `None` when the account was deleted.
    user: Option<UserDto>,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct UserDto {
    login: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct ViewerAnswer {
    data: Option<ViewerData>,
}

#[derive(Deserialize)]
struct ViewerData {
    viewer: Option<Viewer>,
}

#[derive(Deserialize)]
struct Viewer {
    login: String,
}

#[derive(Deserialize)]
struct CreatedDto {
    id: u64,
}

impl Github {
    /// A client for one pull request.
    ///
    /// # Errors
    /// When one of the addresses is none.
    pub fn new(client: &Client, place: &PullRequest, token: Token) -> anyhow::Result<Self> {
        let graphql_root = place.graphql_url.trim_end_matches("/graphql");
        Ok(Self {
            rest: octocrab(client, &place.api_url, &token)?,
            graphql: octocrab(client, graphql_root, &token)?,
            token,
            repository: place.repository.clone(),
            number: place.number,
            ours: OnceCell::new(),
        })
    }

    fn of_comment(&self, id: u64) -> String {
        format!("/repos/{}/issues/comments/{id}", self.repository)
    }

    fn of_pull_request(&self) -> String {
        format!("/repos/{}/issues/{}/comments", self.repository, self.number)
    }

    /// The token of a job is not told who it is by REST, but by GraphQL. Where even that fails for good, any program
    /// may be us; it must not be guessed while the forge is merely busy, or a second comment would be made.
    async fn ours(&self) -> Result<Ours, ForgeError> {
        let query = json!({ "query": "{ viewer { login } }" });
        let answer = self.graphql.post::<_, ViewerAnswer>("/graphql", Some(&query)).await;
        match answer.map_err(|error| self.error(&error)) {
            Ok(answer) => {
                let viewer = answer.data.and_then(|data| data.viewer);
                Ok(viewer.map_or(Ours::AnyBot, |viewer| Ours::Login(viewer.login)))
            }
            Err(ForgeError::Denied { .. } | ForgeError::NotFound(_) | ForgeError::Refused(_)) => Ok(Ours::AnyBot),
            Err(error) => Err(error),
        }
    }

    fn error(&self, error: &octocrab::Error) -> ForgeError {
        let octocrab::Error::GitHub { source, .. } = error else {
            return ForgeError::unreachable(message(&root(error), &self.token));
        };
        let details = source.errors.iter().flatten().map(|detail| format!(" {detail}"));
        let text = message(&(source.message.clone() + &details.collect::<String>()), &self.token);
        let none = HeaderMap::new();
        let headers = source.headers.as_ref().unwrap_or(&none);
        ForgeError::of(source.status_code.as_u16(), headers, &text, ADVICE, Timestamp::now())
    }
}

/// Its own retries stay switched off: they would repeat a request that may have been served.
fn octocrab(client: &Client, root: &str, token: &Token) -> octocrab::Result<Octocrab> {
    Octocrab::builder()
        .base_uri(root)?
        .add_header(HeaderName::from_static("x-github-api-version"), API_VERSION.to_owned())
        .personal_token(token.expose().to_owned())
        .build_with_reqwest(client.clone())
}

/// The innermost reason; the outer ones add a backtrace and no more than that something failed.
fn root(error: &octocrab::Error) -> String {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl Forge for Github {
    async fn list(&self) -> Result<Listing, ForgeError> {
        let ours = self.ours.get_or_try_init(|| self.ours()).await?.clone();
        let mut comments = Vec::new();
        for page in 1..=PAGES {
            let query = [("per_page", u32::from(PER_PAGE)), ("page", page)];
            let answer = self.rest.get::<Page<CommentDto>, _, _>(self.of_pull_request(), Some(&query)).await;
            let answer = answer.map_err(|error| self.error(&error).or_hidden(ADVICE))?;
            comments.extend(answer.items.into_iter().filter_map(existing));
            if answer.next.is_none() {
                break;
            }
        }
        Ok(Listing { ours, comments })
    }

    async fn create(&self, body: &str) -> Result<u64, ForgeError> {
        let answer = self.rest.post::<_, CreatedDto>(self.of_pull_request(), Some(&json!({ "body": body }))).await;
        answer.map(|created| created.id).map_err(|error| self.error(&error).or_hidden(ADVICE))
    }

    async fn update(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        let answer = self.rest.patch::<CreatedDto, _, _>(self.of_comment(id), Some(&json!({ "body": body }))).await;
        answer.map(drop).map_err(|error| self.error(&error))
    }

    async fn delete(&self, id: u64) -> Result<(), ForgeError> {
        let answer = self.rest._delete(self.of_comment(id), None::<&()>).await;
        let answer = match answer {
            Ok(response) => octocrab::map_github_error(response).await,
            Err(error) => Err(error),
        };
        answer.map(drop).map_err(|error| self.error(&error))
    }
}

fn existing(comment: CommentDto) -> Option<Existing> {
    let body = comment.body.filter(|body| Existing::is_marked(body))?;
    let user = comment.user?;
    let author = Author { login: user.login, is_bot: user.kind.as_deref() == Some("Bot") };
    Some(Existing { id: comment.id, author, body })
}
