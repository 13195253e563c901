//! GitHub's REST interface, as far as it is read.

use anyhow::Result;
use reqwest::{Client, Url};
use serde::de::DeserializeOwned;

use super::request::{answer, patiently};
use super::{Advice, ForgeError, Token};
use crate::env::Env;
use crate::http;

/// Where the token of a job is looked for: the input of the action goes first.
pub const TOKEN_VARIABLES: [&str; 2] = ["INPUT_GITHUB-TOKEN", "GITHUB_TOKEN"];
/// What to do where there is none.
pub const TOKEN_ADVICE: &str = "give the step `env: GITHUB_TOKEN: ${{ github.token }}`";

/// The version of the REST interface that is spoken.
pub(crate) const API_VERSION: &str = "2022-11-28";
/// A page of a hundred runs or artifacts is a tenth of this.
const ANSWER_LIMIT_BYTES: usize = 8 << 20;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The root of the REST interface, without a slash at the end.
    pub api_url: String,
    /// The GraphQL interface.
    pub graphql_url: String,
    /// `owner/name`.
    pub name: String,
}

impl Repository {
    /// The repository of the job. <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
    ///
    /// # Errors
    /// When its variable names none.
    pub fn of(env: &Env) -> Result<Self, String> {
        let api_url = env.get("GITHUB_API_URL").unwrap_or("https://api.github.com").trim_end_matches('/').to_owned();
        // A server of one's own has its interfaces below /api/v3 and /api/graphql.
        let graphql_url = || format!("{}/graphql", api_url.trim_end_matches("/v3"));
        let name = env.get("GITHUB_REPOSITORY").filter(|repository| is_repository(repository));
        Ok(Self {
            graphql_url: env.get("GITHUB_GRAPHQL_URL").map_or_else(graphql_url, str::to_owned),
            name: name.ok_or("GITHUB_REPOSITORY names no repository")?.to_owned(),
            api_url,
        })
    }
}

/// Whether the job runs on a server of one's own, as actions/toolkit tells it.
#[must_use]
pub fn is_enterprise_server(env: &Env) -> bool {
    let server = env.get("GITHUB_SERVER_URL").unwrap_or("https://github.com");
    let host = server.split("//").nth(1).unwrap_or(server).split(['/', ':']).next().unwrap_or_default();
    !(host == "github.com" || host.ends_with(".ghe.com") || host.ends_with(".localhost"))
}

/// `owner/name`, which becomes a part of addresses.
fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name != ".." && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    text.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

/// Reads what GitHub knows of one repository.
#[derive(Debug, Clone)]
pub struct Rest {
    client: Client,
    /// Which repository.
    pub repository: Repository,
    token: Token,
    advice: Advice,
}

impl Rest {
    /// Reads with the token of the job; `permission` is what to do where that is not allowed to.
    ///
    /// # Errors
    /// When a variable is missing or makes no sense, or no client can be made.
    pub fn of(env: &Env, permission: &'static str) -> Result<Self> {
        let repository = Repository::of(env).map_err(anyhow::Error::msg)?;
        let token = Token::find(env, &TOKEN_VARIABLES, TOKEN_ADVICE).map_err(anyhow::Error::msg)?;
        let advice = Advice { token: "the token is not valid any more", permission, locked: permission };
        Ok(Self { client: http::client(env)?, repository, token, advice })
    }

    /// An answer in JSON, from below the repository.
    pub(super) async fn json<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ForgeError> {
        let bytes = self.bytes(path, query, ANSWER_LIMIT_BYTES).await?;
        let unreadable = |error: serde_json::Error| ForgeError::Refused(format!("the answer for {path}: {error}"));
        serde_json::from_slice(&bytes).map_err(unreadable)
    }

    /// An answer as it is, of at most so many bytes. A redirection to another server is followed without the token.
    pub(super) async fn bytes(&self, path: &str, query: &[(&str, &str)], limit: usize) -> Result<Vec<u8>, ForgeError> {
        let Repository { api_url, name, .. } = &self.repository;
        let url = Url::parse_with_params(&format!("{api_url}/repos/{name}{path}"), query);
        let url = url.map_err(|error| ForgeError::Refused(format!("{api_url}: {error}")))?;
        patiently(async || {
            let request = self.client.get(url.clone()).bearer_auth(self.token.expose());
            let request = request.header("accept", "application/vnd.github+json");
            answer(request.header("x-github-api-version", API_VERSION), limit, &self.token, self.advice).await
        })
        .await
    }
}
