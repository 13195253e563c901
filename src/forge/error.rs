//! Why a forge did not do what it was asked, as far as that decides what is done next.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>,
//! <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

use super::Token;

/// Longest message of a forge that is repeated.
const MESSAGE_CHARS: usize = 300;

/// Why a forge did not do what it was asked. What it says itself is untrusted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgeError {
    /// We may not.
    Denied {
        /// What the user can do about it.
        advice: &'static str,
        /// What the forge says.
        message: String,
    },
    /// There is no such thing, or none that we may see.
    NotFound(String),
    /// We ask too often.
    Throttled {
        /// How long the forge wants to be left alone.
        after: Option<Duration>,
        /// What it says.
        message: String,
    },
    /// The forge or the way to it is in trouble. What was asked for may have been done nevertheless.
    Unavailable {
        /// How long the forge wants to be left alone.
        after: Option<Duration>,
        /// What it says.
        message: String,
    },
    /// The forge does not accept it, and never will.
    Refused(String),
}

impl fmt::Display for ForgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { advice, message } => write!(f, "not allowed to ({message}); {advice}"),
            Self::NotFound(message) => write!(f, "not found ({message})"),
            Self::Throttled { message, .. } => write!(f, "too many requests ({message})"),
            Self::Unavailable { message, .. } => write!(f, "not reached ({message})"),
            Self::Refused(message) => write!(f, "refused ({message})"),
        }
    }
}

impl std::error::Error for ForgeError {}

/// What the user can do where we may not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Advice {
    /// When the token itself is refused.
    pub(crate) token: &'static str,
    /// When the token may not do this.
    pub(crate) permission: &'static str,
    /// When nobody may, because the conversation is locked.
    pub(crate) locked: &'static str,
}

impl ForgeError {
    /// From an answer that is no success.
    pub(crate) fn of(status: u16, headers: &HeaderMap, message: &str, advice: Advice, now: Timestamp) -> Self {
        let after = wait(headers, now);
        let is_spent = header(headers, &["x-ratelimit-remaining", "ratelimit-remaining"]) == Some("0");
        let says = |words: &str| message.to_ascii_lowercase().contains(words);
        let message = format!("HTTP {status}: {message}");
        match status {
            429 => Self::Throttled { after, message },
            403 if is_spent || headers.contains_key("retry-after") || says("rate limit") => {
                Self::Throttled { after, message }
            }
            401 => Self::Denied { advice: advice.token, message },
            403 if says("locked") => Self::Denied { advice: advice.locked, message },
            403 => Self::Denied { advice: advice.permission, message },
            404 | 410 => Self::NotFound(message),
            408 | 500..=599 => Self::Unavailable { after, message },
            _ => Self::Refused(message),
        }
    }

    /// No answer, or one that cannot be read.
    pub(crate) fn unreachable(message: String) -> Self {
        Self::Unavailable { after: None, message }
    }

    /// Where what is asked for is surely there, not being found means not being allowed to see it.
    pub(crate) fn or_hidden(self, advice: Advice) -> Self {
        match self {
            Self::NotFound(message) => Self::Denied { advice: advice.permission, message },
            other => other,
        }
    }
}

/// What a forge or a library says, without the token and in one bounded line.
pub(crate) fn message(text: &str, token: &Token) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    token.scrub(&words).chars().take(MESSAGE_CHARS).collect()
}

fn header<'h>(headers: &'h HeaderMap, names: &[&str]) -> Option<&'h str> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok())
}

/// How long the forge wants to be left alone: it says so, or when our allowance begins anew.
fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let number = |names: &[&str]| header(headers, names)?.trim().parse::<u64>().ok();
    let reset = || {
        let reset = i64::try_from(number(&["x-ratelimit-reset", "ratelimit-reset"])?).ok()?;
        let seconds = u64::try_from(reset.checked_sub(now.as_second())?).unwrap_or_default();
        // The forge's second has to be over.
        Some(Duration::from_secs(seconds.saturating_add(1)))
    };
    let is_spent = header(headers, &["x-ratelimit-remaining", "ratelimit-remaining"]) == Some("0");
    number(&["retry-after"]).map(Duration::from_secs).or_else(|| if is_spent { reset() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADVICE: Advice = Advice { token: "T", permission: "P", locked: "L" };

    fn told(status: u16, headers: &[(&'static str, &str)], message: &str) -> String {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now = Timestamp::from_second(1_000).unwrap();
        match ForgeError::of(status, &headers, message, ADVICE, now) {
            ForgeError::Denied { advice, .. } => format!("denied {advice}"),
            ForgeError::NotFound(_) => "not found".to_owned(),
            ForgeError::Throttled { after, .. } => format!("throttled {after:?}"),
            ForgeError::Unavailable { after, .. } => format!("unavailable {after:?}"),
            ForgeError::Refused(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn an_answer_is_told_by_status_headers_and_words() {
        let spent = ("x-ratelimit-remaining", "0");
        for (status, headers, message, expected) in [
            (401, vec![], "Bad credentials", "denied T"),
            (403, vec![], "Resource not accessible by integration", "denied P"),
            (403, vec![], "Unable to create comment because issue is locked.", "denied L"),
            (403, vec![("x-ratelimit-remaining", "12")], "no", "denied P"),
            (403, vec![spent, ("x-ratelimit-reset", "1030")], "API rate limit exceeded", "throttled Some(31s)"),
            (403, vec![spent, ("x-ratelimit-reset", "990")], "API rate limit exceeded", "throttled Some(1s)"),
            (403, vec![("retry-after", "60")], "abuse", "throttled Some(60s)"),
            (403, vec![], "You have exceeded a secondary rate limit", "throttled None"),
            (429, vec![], "Retry later", "throttled None"),
            (429, vec![("retry-after", "soon")], "Retry later", "throttled None"),
            (429, vec![("ratelimit-remaining", "0"), ("ratelimit-reset", "1002")], "Retry later", "throttled Some(3s)"),
            (404, vec![], "Not Found", "not found"),
            (410, vec![], "Gone", "not found"),
            (422, vec![], "Validation Failed", "refused"),
            (500, vec![], "", "unavailable None"),
            (503, vec![("retry-after", "5")], "", "unavailable Some(5s)"),
        ] {
            assert_eq!(told(status, &headers, message), expected, "{status} {headers:?} {message}");
        }
    }

    #[test]
    fn what_is_repeated_is_short_and_without_the_token() {
        let token = Token::new("hunter22").unwrap();
        assert_eq!(message("bad\n  token: hunter22", &token), "bad token: ***");
        assert_eq!(message(&"a".repeat(1_000), &token).len(), MESSAGE_CHARS);
    }
}
