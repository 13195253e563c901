//! What the runtime token of GitHub Actions allows with the cache: its claim `ac`, decoded and not verified, as BuildKit
//! reads it too (tonistiigi/go-actions-cache, `cache.go`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

/// Bits of a permission.
const READ: u64 = 1;
const WRITE: u64 = 2;

/// The runtime token as far as the cache is concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheToken {
    /// There is none.
    Absent,
    /// It cannot be read, for this reason, which does not repeat it.
    Unreadable(&'static str),
    /// It is not valid any more.
    Expired,
    /// It grants access to these scopes, in its own order.
    Scopes(Vec<Scope>),
}

/// A scope of the Actions cache: a branch or pull request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The full reference, such as `refs/heads/main`.
    pub name: String,
    /// Whether entries of it may be read.
    pub can_read: bool,
    /// Whether entries may be added to it.
    pub can_write: bool,
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    /// JSON inside of the JSON.
    ac: Option<String>,
}

#[derive(Deserialize)]
struct ScopeClaim {
    #[serde(alias = "Scope")]
    scope: String,
    #[serde(alias = "Permission")]
    permission: u64,
}

impl CacheToken {
    /// Reads `ACTIONS_RUNTIME_TOKEN` as of an instant.
    #[must_use]
    pub fn read(token: Option<&str>, now: Timestamp) -> Self {
        let Some(token) = token else { return Self::Absent };
        match claims(token) {
            Ok((exp, _)) if exp <= now => Self::Expired,
            Ok((_, scopes)) => Self::Scopes(scopes),
            Err(reason) => Self::Unreadable(reason),
        }
    }

    /// Whether any scope may be written; `None` when the token does not say.
    #[must_use]
    pub fn can_write(&self) -> Option<bool> {
        match self {
            Self::Scopes(scopes) => Some(scopes.iter().any(|scope| scope.can_write)),
            Self::Absent | Self::Unreadable(_) | Self::Expired => None,
        }
    }
}

fn claims(token: &str) -> Result<(Timestamp, Vec<Scope>), &'static str> {
    let [_, payload, _] = token.split('.').collect::<Vec<_>>()[..] else { return Err("it is no JSON Web Token") };
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| "its payload is not base64")?;
    let claims: Claims = serde_json::from_slice(&json).map_err(|_| "its payload is not the JSON of a token")?;
    let exp = claims.exp.ok_or("it does not say when it expires")?;
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds; what is out of range is refused below")]
    let exp = Timestamp::from_second(exp as i64).map_err(|_| "it expires at an impossible time")?;
    let scopes = claims.ac.ok_or("it has no access controls for the cache")?;
    let scopes: Vec<ScopeClaim> = serde_json::from_str(&scopes).map_err(|_| "its access controls are not JSON")?;
    let scope = |claim: ScopeClaim| Scope {
        name: claim.scope,
        can_read: claim.permission & READ != 0,
        can_write: claim.permission & WRITE != 0,
    };
    Ok((exp, scopes.into_iter().map(scope).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("{}.{}.sig", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(payload))
    }

    fn read(payload: &str) -> CacheToken {
        CacheToken::read(Some(&token(payload)), Timestamp::from_second(1_000).unwrap())
    }

    #[test]
    fn scopes_and_their_permissions_are_read_in_either_spelling() {
        let payload = r#"{"exp": 2000, "nbf": 1, "ac": "[{\"Scope\":\"refs/heads/topic\",\"Permission\":3},{\"scope\":\"refs/heads/main\",\"permission\":1}]"}"#;
        let scope = |name: &str, can_write| Scope { name: name.into(), can_read: true, can_write };
        let read = read(payload);
        assert_eq!(read, CacheToken::Scopes(vec![scope("refs/heads/topic", true), scope("refs/heads/main", false)]));
        assert_eq!(read.can_write(), Some(true));
    }

    #[test]
    fn a_token_that_cannot_be_used_says_why_without_being_repeated() {
        assert_eq!(CacheToken::read(None, Timestamp::UNIX_EPOCH), CacheToken::Absent);
        assert_eq!(read(r#"{"exp": 1000, "ac": "[]"}"#), CacheToken::Expired);
        for (payload, reason) in [
            ("nonsense", "its payload is not the JSON of a token"),
            ("{}", "it does not say when it expires"),
            (r#"{"exp": 1e300}"#, "it expires at an impossible time"),
            (r#"{"exp": 2000}"#, "it has no access controls for the cache"),
            (r#"{"exp": 2000, "ac": "x"}"#, "its access controls are not JSON"),
        ] {
            assert_eq!(read(payload), CacheToken::Unreadable(reason), "{payload}");
        }
        for (text, reason) in [("hunter2", "it is no JSON Web Token"), ("a.%.c", "its payload is not base64")] {
            let read = CacheToken::read(Some(text), Timestamp::UNIX_EPOCH);
            assert_eq!(read, CacheToken::Unreadable(reason));
            assert_eq!(read.can_write(), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_token_is_too_strange(token in ".{0,60}", payload in ".{0,60}") {
            drop(CacheToken::read(Some(&token), Timestamp::UNIX_EPOCH));
            drop(read(&payload));
        }
    }
}
