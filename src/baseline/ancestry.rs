//! What the forge knows of the history that a shallow clone lacks.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::is_full_sha;
use crate::ci::{Context, Forge};
use crate::env::Env;
use crate::forge::API_VERSION;
use crate::http;

const TIMEOUT: Duration = Duration::from_secs(15);
/// A comparison on GitHub comes with up to 300 changed files and their patches, but for pages after the first.
const ANSWER_LIMIT_BYTES: usize = 16 << 20;
/// Commits come in the order of their dates, so the first parents are not the first of the list.
const PAGE: &str = "100";

/// A repository on a forge, asked with the token of the job.
#[derive(Debug)]
pub struct Ancestry {
    client: Client,
    /// The address of the repository.
    root: Url,
    headers: HeaderMap,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Github,
    Gitlab,
}

/// <https://docs.github.com/en/rest/commits/commits#compare-two-commits>
#[derive(Deserialize)]
struct Compared {
    merge_base_commit: Named,
}

/// A commit in either forge's words.
#[derive(Deserialize)]
struct Named {
    #[serde(alias = "sha")]
    id: String,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(alias = "sha")]
    id: String,
    #[serde(default)]
    parents: Vec<Named>,
    #[serde(default)]
    parent_ids: Vec<String>,
}

impl Ancestry {
    /// The repository that a job runs for; `None` outside of jobs and without a token.
    #[must_use]
    pub fn of(env: &Env, context: &Context) -> Option<Self> {
        let (kind, address, header, token) = match context.forge {
            Forge::Github => {
                let root = env.get("GITHUB_API_URL").unwrap_or("https://api.github.com");
                let token = env.get("INPUT_GITHUB-TOKEN").or(env.get("GITHUB_TOKEN"))?;
                let address = format!("{}/repos/{}", root.trim_end_matches('/'), env.get("GITHUB_REPOSITORY")?);
                (Kind::Github, address, "authorization", format!("Bearer {}", token.trim()))
            }
            Forge::Gitlab => {
                let root = env.get("CI_API_V4_URL")?.trim_end_matches('/');
                // A fork's pipeline runs in a project of its own, but is about a branch of this one.
                let project = env.get("CI_MERGE_REQUEST_PROJECT_ID").or(env.get("CI_PROJECT_ID"))?;
                let address = format!("{root}/projects/{project}/repository");
                (Kind::Gitlab, address, "private-token", env.get("GITLAB_TOKEN")?.trim().to_owned())
            }
            Forge::Local => return None,
        };
        let mut token = HeaderValue::from_str(&token).ok()?;
        token.set_sensitive(true);
        let mut headers = HeaderMap::from_iter([(HeaderName::from_static(header), token)]);
        if kind == Kind::Github {
            headers.insert("x-github-api-version", HeaderValue::from_static(API_VERSION));
        }
        Some(Self { client: http::client(env).ok()?, root: Url::parse(&address).ok()?, headers, kind })
    }

    /// How the forge is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Github => "GitHub",
            Kind::Gitlab => "GitLab",
        }
    }

    /// The best common ancestor of a branch and a commit; `None` when the forge knows none.
    ///
    /// # Errors
    /// When the forge does not answer, or not with a commit.
    pub async fn merge_base(&self, branch: &str, sha: &str) -> Result<Option<String>> {
        let found = match self.kind {
            Kind::Github => {
                let address =
                    self.address(&["compare", &format!("{branch}...{sha}")], &[("per_page", "1"), ("page", "2")])?;
                self.get::<Compared>(address).await?.map(|compared| compared.merge_base_commit.id)
            }
            Kind::Gitlab => {
                let address = self.address(&["merge_base"], &[("refs[]", branch), ("refs[]", sha)])?;
                self.get::<Named>(address).await?.map(|named| named.id)
            }
        };
        if let Some(found) = &found {
            ensure!(is_full_sha(found), "{found:?} is no commit");
        }
        Ok(found)
    }

    /// A commit and its first parents, newest first, at most `count`; empty when the forge does not know it.
    ///
    /// # Errors
    /// When the forge does not answer.
    pub async fn first_parents(&self, sha: &str, count: usize) -> Result<Vec<String>> {
        let query: &[(&str, &str)] = match self.kind {
            Kind::Github => &[("sha", sha), ("per_page", PAGE)],
            Kind::Gitlab => &[("ref_name", sha), ("per_page", PAGE), ("first_parent", "true")],
        };
        let listed: Option<Vec<Listed>> = self.get(self.address(&["commits"], query)?).await?;
        Ok(line_of(&listed.unwrap_or_default(), sha, count))
    }

    fn address(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let mut address = self.root.clone();
        match address.path_segments_mut() {
            Ok(mut segments) => segments.extend(path),
            Err(()) => bail!("{} is no address of an interface", self.root),
        };
        address.query_pairs_mut().extend_pairs(query);
        Ok(address)
    }

    /// The answer; `None` for what is not there.
    async fn get<T: for<'t> Deserialize<'t>>(&self, address: Url) -> Result<Option<T>> {
        let asking = self.client.get(address).headers(self.headers.clone()).timeout(TIMEOUT).send();
        let mut response = asking.await.map_err(reqwest::Error::without_url)?;
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            status => ensure!(status.is_success(), "HTTP {}", status.as_u16()),
        }
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            content.extend_from_slice(&chunk);
            ensure!(content.len() <= ANSWER_LIMIT_BYTES, "the answer is too long");
        }
        serde_json::from_slice(&content).map(Some).context("the answer is not what the interface promises")
    }
}

/// The line of first parents as far as a list of commits has it.
fn line_of(listed: &[Listed], from: &str, count: usize) -> Vec<String> {
    let mut line = Vec::new();
    let mut next = Some(from);
    while let Some(commit) = next.and_then(|sha| listed.iter().find(|commit| commit.id == sha))
        && line.len() < count
    {
        line.push(commit.id.clone());
        next =
            commit.parents.first().map(|parent| parent.id.as_str()).or(commit.parent_ids.first().map(String::as_str));
    }
    line.retain(|sha| is_full_sha(sha));
    line
}

#[cfg(test)]
pub(super) mod tests;
