//! Notes on a merge request of GitLab. <https://docs.gitlab.com/api/notes/#merge-requests>

use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Forge, ForgeError, Listing, Token};
use crate::forge::{Advice, message};
use crate::publish::comment::{Author, Existing, Ours};

/// Ten thousand notes.
const PAGES: u32 = 100;
const ADVICE: Advice = Advice {
    token: "the token in GITLAB_TOKEN is not valid any more",
    permission: "give GITLAB_TOKEN a project access token with the scope `api` and at least the role Reporter; the \
                 token of the job itself may not write notes",
    locked: "the discussion is locked, and this token may not write in it",
};

/// The notes of one merge request.
#[derive(Debug)]
pub struct Gitlab {
    client: Client,
    token: Token,
    place: MergeRequest,
    ours: OnceCell<Ours>,
}

/// Where a merge request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    /// The root of the interface, without a slash at the end.
    pub api_url: String,
    /// The project that it is to be merged into; the pipeline may run in a fork.
    pub project: u64,
    /// Its number in that project.
    pub number: u64,
}

#[derive(Deserialize)]
struct NoteDto {
    id: u64,
    #[serde(default)]
    body: String,
    author: Option<UserDto>,
    /// Written by GitLab, about what happened.
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
struct UserDto {
    username: String,
}

#[derive(Deserialize)]
struct CreatedDto {
    id: u64,
}

impl Gitlab {
    /// A client for one merge request.
    #[must_use]
    pub fn new(client: &Client, place: &MergeRequest, token: Token) -> Self {
        Self { client: client.clone(), token, place: place.clone(), ours: OnceCell::new() }
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ForgeError> {
        let token = self.token.header().map_err(|error| ForgeError::Refused(error.to_string()))?;
        let url = format!("{}{path}", self.place.api_url);
        Ok(self.client.request(method, url).header("PRIVATE-TOKEN", token))
    }

    fn notes(&self) -> String {
        format!("/projects/{}/merge_requests/{}/notes", self.place.project, self.place.number)
    }

    fn note(&self, id: u64) -> String {
        format!("{}/{id}", self.notes())
    }

    /// The answer, if it is a success.
    async fn send(&self, request: RequestBuilder) -> Result<Response, ForgeError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_default();
        Err(ForgeError::of(status, &headers, &message(&said(&text), &self.token), ADVICE, Timestamp::now()))
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ForgeError> {
        response.json().await.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> ForgeError {
        let mut error: &dyn std::error::Error = error;
        while let Some(source) = error.source() {
            error = source;
        }
        ForgeError::unreachable(message(&error.to_string(), &self.token))
    }

    async fn ours(&self) -> Result<Ours, ForgeError> {
        let response = self.send(self.request(Method::GET, "/user")?).await;
        let user: UserDto = self.read(response.map_err(|error| error.or_hidden(ADVICE))?).await?;
        Ok(Ours::Login(user.username))
    }
}

/// GitLab explains itself under one of two names, in text or in a structure; a proxy does otherwise.
fn said(text: &str) -> String {
    let json = serde_json::from_str::<Value>(text).unwrap_or_default();
    match json.get("message").or_else(|| json.get("error")) {
        Some(Value::String(message)) => message.clone(),
        Some(structure) => structure.to_string(),
        None => text.to_owned(),
    }
}

impl Forge for Gitlab {
    async fn list(&self) -> Result<Listing, ForgeError> {
        let ours = self.ours.get_or_try_init(|| self.ours()).await?.clone();
        let mut comments = Vec::new();
        let mut page = "1".to_owned();
        for _ in 0..PAGES {
            // The oldest first, so that a note that is added meanwhile moves none to a page that was read already.
            let path = format!("{}?per_page=100&order_by=created_at&sort=asc&page={page}", self.notes());
            let response = self.send(self.request(Method::GET, &path)?).await;
            let response = response.map_err(|error| error.or_hidden(ADVICE))?;
            let next = response.headers().get("x-next-page").and_then(|next| next.to_str().ok()).map(str::to_owned);
            let notes: Vec<NoteDto> = self.read(response).await?;
            comments.extend(notes.into_iter().filter_map(existing));
            match next.filter(|next| next.parse::<u32>().is_ok()) {
                Some(next) => page = next,
                None => break,
            }
        }
        Ok(Listing { ours, comments })
    }

    async fn create(&self, body: &str) -> Result<u64, ForgeError> {
        let request = self.request(Method::POST, &self.notes())?.json(&json!({ "body": body }));
        let response = self.send(request).await.map_err(|error| error.or_hidden(ADVICE))?;
        Ok(self.read::<CreatedDto>(response).await?.id)
    }

    async fn update(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        let request = self.request(Method::PUT, &self.note(id))?.json(&json!({ "body": body }));
        self.send(request).await.map(drop)
    }

    async fn delete(&self, id: u64) -> Result<(), ForgeError> {
        self.send(self.request(Method::DELETE, &self.note(id))?).await.map(drop)
    }
}

fn existing(note: NoteDto) -> Option<Existing> {
    let is_candidate = !note.system && Existing::is_marked(&note.body);
    // Whether an account belongs to a program is not needed: GitLab always tells who we are.
    let author = Author { login: note.author?.username, is_bot: false };
    is_candidate.then_some(Existing { id: note.id, author, body: note.body })
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn what_gitlab_says_is_found_wherever_it_stands() {
        for (text, expected) in [
            (r#"{"message":"403 Forbidden"}"#, "403 Forbidden"),
            (r#"{"error":"insufficient_scope"}"#, "insufficient_scope"),
            (r#"{"message":{"note":["too long"]}}"#, r#"{"note":["too long"]}"#),
            ("<html>", "<html>"),
            ("[]", "[]"),
        ] {
            assert_eq!(said(text), expected);
        }
    }
}
