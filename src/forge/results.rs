//! The service that keeps the artifacts of a run, spoken to as actions/toolkit does (`packages/artifact`). GitHub has no
//! public interface for it, so it may end any day; `actions/upload-artifact` is the way that is promised.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::sha256;
use super::request::{answer, patiently};
use super::{Advice, ForgeError, Token, is_enterprise_server};
use crate::env::Env;
use crate::http;

/// Of the interface, since artifacts say what they hold.
const VERSION: u64 = 7;
const MIME_TYPE: &str = "application/zip";
const ANSWER_LIMIT_BYTES: usize = 1 << 20;
const SERVICE: &str = "/twirp/github.actions.results.api.v1.ArtifactService";
const ADVICE: Advice = Advice { token: REFUSED, permission: REFUSED, locked: REFUSED };
const REFUSED: &str = "use actions/upload-artifact instead";

/// The artifacts of the run that we are a part of.
#[derive(Debug)]
pub struct ResultsService {
    client: Client,
    origin: String,
    token: Token,
    run: String,
    job: String,
}

#[derive(Deserialize)]
struct Claims {
    scp: String,
}

#[derive(Deserialize)]
struct Created {
    #[serde(alias = "signedUploadUrl")]
    signed_upload_url: String,
}

#[derive(Deserialize)]
struct Finalized {
    ok: bool,
}

impl ResultsService {
    /// The service that the variables of a job name. Servers of one's own have none, nor has a step that is no action.
    ///
    /// # Errors
    /// When the variables make no sense.
    pub fn of(env: &Env) -> Result<Option<Self>> {
        let variables = (env.get("ACTIONS_RUNTIME_TOKEN"), env.get("ACTIONS_RESULTS_URL"));
        let (Some(token), Some(url)) = variables else { return Ok(None) };
        if is_enterprise_server(env) {
            return Ok(None);
        }
        let origin = Url::parse(url).context("ACTIONS_RESULTS_URL")?.origin().ascii_serialization();
        let token = Token::new(token).context("ACTIONS_RUNTIME_TOKEN")?;
        let (run, job) = backend(&token).context("ACTIONS_RUNTIME_TOKEN does not name its run and job")?;
        Ok(Some(Self { client: http::client(env)?, origin, token, run, job }))
    }

    /// Leaves an artifact. Its name is taken when this run has left one already.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn upload(&self, name: &str, content: &[u8]) -> Result<(), ForgeError> {
        let asked = json!({ "version": VERSION, "mime_type": MIME_TYPE });
        let created: Created = self.call("CreateArtifact", name, &asked).await?;
        patiently(async || {
            // The address is signed, and the token is not for this store.
            let request = self.client.put(&created.signed_upload_url).body(content.to_owned());
            let request = request.header("x-ms-blob-type", "BlockBlob").header("content-type", MIME_TYPE);
            answer(request, ANSWER_LIMIT_BYTES, &self.token, ADVICE).await
        })
        .await?;
        let hash = format!("sha256:{}", sha256(content));
        let asked = json!({ "size": content.len().to_string(), "hash": hash });
        let finalized: Finalized = self.call("FinalizeArtifact", name, &asked).await?;
        if finalized.ok { Ok(()) } else { Err(ForgeError::Refused("it was not finished".to_owned())) }
    }

    /// <https://twitchtv.github.io/twirp/docs/spec_v7.html>
    async fn call<T: for<'d> Deserialize<'d>>(&self, method: &str, name: &str, more: &Value) -> Result<T, ForgeError> {
        let mut asked = json!({
            "workflow_run_backend_id": self.run, "workflow_job_run_backend_id": self.job, "name": name,
        });
        if let (Some(asked), Some(more)) = (asked.as_object_mut(), more.as_object()) {
            asked.extend(more.clone());
        }
        let url = format!("{}{SERVICE}/{method}", self.origin);
        let answer = patiently(async || {
            let request = self.client.post(&url).bearer_auth(self.token.expose()).json(&asked);
            answer(request, ANSWER_LIMIT_BYTES, &self.token, ADVICE).await
        });
        let unreadable = |error: serde_json::Error| ForgeError::Refused(format!("the answer to {method}: {error}"));
        serde_json::from_slice(&answer.await?).map_err(unreadable)
    }
}

/// The run and the job, by the names that the service has for them: one of the scopes is `Actions.Results:<run>:<job>`.
fn backend(token: &Token) -> Result<(String, String)> {
    let payload = token.expose().split('.').nth(1).unwrap_or_default();
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).context("its payload is not base64")?;
    let claims = serde_json::from_slice::<Claims>(&json).ok();
    let scopes = claims.as_ref().map(|claims| claims.scp.as_str()).unwrap_or_default();
    let mut scopes = scopes.split(' ').filter_map(|scope| scope.strip_prefix("Actions.Results:")?.split_once(':'));
    let (run, job) = scopes.next().context("it has no such scope")?;
    ensure!(!run.is_empty() && !job.is_empty(), "its scope is empty");
    Ok((run.to_owned(), job.split(':').next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload))
    }

    fn of(variables: &[(&str, &str)]) -> Result<Option<ResultsService>> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ResultsService::of(&Env { variables: variables.collect(), ..Env::default() })
    }

    #[test]
    fn the_token_says_which_run_and_job_it_is_of() {
        let token = token(r#"{"scp": "Actions.Example Actions.Results:run-1:job-2"}"#);
        let url = ("ACTIONS_RESULTS_URL", "https://results.acme.test/a/b?c");
        let service = of(&[("ACTIONS_RUNTIME_TOKEN", &token), url]).unwrap().unwrap();
        assert_eq!((&*service.origin, &*service.run, &*service.job), ("https://results.acme.test", "run-1", "job-2"));
        assert!(!format!("{service:?}").contains(&token));
        let own = ("GITHUB_SERVER_URL", "https://github.acme.test");
        assert!(of(&[("ACTIONS_RUNTIME_TOKEN", &token), url, own]).unwrap().is_none());
        assert!(of(&[("ACTIONS_RUNTIME_TOKEN", &token)]).unwrap().is_none());
        assert!(of(&[url]).unwrap().is_none());
    }

    #[test]
    fn a_token_that_cannot_be_used_says_why_without_being_repeated() {
        for (payload, expected) in [
            ("nonsense", "it has no such scope"),
            (r#"{"scp": "Actions.Results"}"#, "it has no such scope"),
            (r#"{"scp": "Actions.Results::"}"#, "its scope is empty"),
        ] {
            let token = token(payload);
            let url = ("ACTIONS_RESULTS_URL", "https://results.acme.test/");
            let error = format!("{:#}", of(&[("ACTIONS_RUNTIME_TOKEN", &token), url]).unwrap_err());
            assert!(error.contains(expected) && !error.contains(&token), "{error}");
        }
    }
}
