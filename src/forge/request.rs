//! One question to a server and its bounded answer, and a bounded number of questions.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;

use super::{Advice, ForgeError, Token, Waits, message};
use crate::patience::{Patience, Spread};

/// A server that sends a byte now and then must not hold a job up.
const TIMEOUT: Duration = Duration::from_secs(120);
/// None of this is worth as long a wait as the comment is.
const PATIENCE: Patience =
    Patience { attempts: 4, first: Duration::from_millis(500), total: Duration::from_secs(60), spread: Spread::Random };

/// How GitHub and Twirp explain themselves.
#[derive(Deserialize)]
struct ErrorDto {
    #[serde(alias = "msg")]
    message: String,
}

/// Asks again where that may help.
pub(super) async fn patiently<T>(ask: impl AsyncFn() -> Result<T, ForgeError>) -> Result<T, ForgeError> {
    let mut waits = Waits::from(PATIENCE);
    loop {
        match ask().await {
            // It is not as for a comment, which somebody may have deleted this moment.
            Err(error @ ForgeError::NotFound(_)) => return Err(error),
            Err(error) => match waits.after(&error) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            },
            done @ Ok(_) => return done,
        }
    }
}

/// The answer to one request, of at most so many bytes. Errors are told without the token.
pub(super) async fn answer(
    request: RequestBuilder,
    limit: usize,
    token: &Token,
    advice: Advice,
) -> Result<Vec<u8>, ForgeError> {
    let response = request.timeout(TIMEOUT).send().await.map_err(|error| unreachable(&error, token))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = body(response, limit, token).await?;
    if status.is_success() {
        return Ok(body);
    }
    // A store of blobs explains itself in XML, of which the status says enough.
    let said = serde_json::from_slice::<ErrorDto>(&body).map(|error| error.message);
    let said = said.unwrap_or_else(|_| status.canonical_reason().unwrap_or_default().to_owned());
    Err(ForgeError::of(status.as_u16(), &headers, &message(&said, token), advice, Timestamp::now()))
}

async fn body(mut response: Response, limit: usize, token: &Token) -> Result<Vec<u8>, ForgeError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error, token))? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(ForgeError::Refused(format!("more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost reason; the outer ones repeat the address, which may be signed.
fn unreachable(error: &reqwest::Error, token: &Token) -> ForgeError {
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    ForgeError::unreachable(message(&error.to_string(), token))
}
