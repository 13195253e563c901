//! The runtime token of a job: a JWT whose claims say which scopes it may read and write.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::header;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::loopback::Request;

const READ: u8 = 1;
const WRITE: u8 = 2;

/// One item of a token's `ac` claim.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Scope {
    pub(super) scope: String,
    pub(super) permission: u8,
}

impl Scope {
    pub(super) fn is_readable(&self) -> bool {
        self.permission & READ != 0
    }

    pub(super) fn is_writable(&self) -> bool {
        self.permission & WRITE != 0
    }
}

/// A token that the service and `BuildKit` accept: `BuildKit` reads the claims and never checks a signature. With a
/// negative number of seconds it has expired. Permissions are the sum of 1 for reading and 2 for writing.
pub(crate) fn mint_token(scopes: &[(&str, u8)], expires_in_seconds: i64) -> String {
    let access: Vec<Value> =
        scopes.iter().map(|(scope, permission)| json!({"Scope": scope, "Permission": permission})).collect();
    let expires = jiff::Timestamp::now().as_second() + expires_in_seconds;
    let claims = json!({"nbf": expires - 86400, "exp": expires, "ac": json!(access).to_string()});
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&header), part(&claims), BASE64_URL_SAFE_NO_PAD.encode("sig"))
}

/// The scopes of a request's token, if it has one that has not expired.
pub(super) fn scopes(request: &Request) -> Option<Vec<Scope>> {
    let token = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let valid = claims["exp"].as_i64()? > jiff::Timestamp::now().as_second();
    serde_json::from_str(claims["ac"].as_str()?).ok().filter(|_| valid)
}
