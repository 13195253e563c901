//! Which failures may pass by themselves. Registries, BuildKit and buildx tell these by their words alone, so this is a
//! table of words; `cases.rs` holds the lines that they print.
//!
//! Only what the builder says itself counts. A step that ran has said what it is, whatever its log is about: a test may
//! print `connection reset by peer` on purpose.

use std::time::Duration;

use super::{failed_vertex, final_error};
use crate::buildx::names::VertexKind;
use crate::buildx::trace::Trace;

/// Something that may be otherwise a moment later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transient {
    /// What it is.
    pub cause: Cause,
    /// How long the server wants to be left alone, where it says so.
    pub after: Option<Duration>,
}

/// What may be otherwise a moment later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A registry limits how often it is asked.
    Throttled,
    /// A server failed.
    Server,
    /// The builder was not there, or went away.
    Builder,
    /// A name was not resolved.
    Name,
    /// An answer took too long.
    Timeout,
    /// A connection broke, or was not made.
    Connection,
    /// What was pushed a moment ago is not known everywhere yet.
    NotYetKnown,
}

/// What was asked for when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Something that may not exist, such as a base image.
    Any,
    /// What was pushed a moment ago. A registry of several nodes may not know it everywhere.
    JustPushed,
}

impl Cause {
    /// What happened, as a phrase.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Throttled => "the registry asked us to slow down",
            Self::Server => "a server failed",
            Self::Builder => "the builder was not reached",
            Self::Name => "a host name was not resolved",
            Self::Timeout => "an answer took too long",
            Self::Connection => "a connection broke",
            Self::NotYetKnown => "the registry did not know yet what was pushed",
        }
    }
}

/// What makes an error final, whatever else it says: code, rights and configuration are the same the next time.
const FINAL: [&str; 16] = [
    "did not complete successfully",
    "dockerfile parse error",
    "failed to calculate checksum",
    "failed to compute cache key",
    "401 Unauthorized",
    "403 Forbidden",
    "UNAUTHORIZED",
    "unauthorized:",
    "denied: ",
    "pull access denied",
    "insufficient_scope",
    "permission denied",
    "x509: ",
    "no space left on device",
    "no match for platform in manifest",
    "server gave HTTP response to HTTPS client",
];

/// Fragments of which one set stands in the error; the first match wins. A name that does not exist (`no such host`) is
/// not among them: a resolver has answered, and most likely the name is wrong.
const TRANSIENT: [(Cause, &[&[&str]]); 6] = [
    (
        Cause::Throttled,
        &[
            &["429 Too Many Requests"],
            &["toomanyrequests"],
            &["TOOMANYREQUESTS"],
            &["HTTP 429"],
            &["returned error: 429"],
        ],
    ),
    (
        Cause::Server,
        &[
            &["500 Internal Server Error"],
            &["502 Bad Gateway"],
            &["503 Service Unavailable"],
            &["503 Service Temporarily Unavailable"],
            &["504 Gateway Time"],
            &["unexpected status", ": 52"],
            &["returned error: 50"],
            &["HTTP 50"],
        ],
    ),
    (
        Cause::Builder,
        &[
            &["failed to list workers"],
            &["closing transport"],
            &["transport is closing"],
            &["error reading from server: "],
            &["code = Unavailable"],
            &["graceful_stop"],
            &["no active session for"],
            &["failed to initialize builder"],
            &["container buildx_buildkit_", "is not running"],
            &["Cannot connect to the Docker daemon"],
        ],
    ),
    (
        Cause::Name,
        &[
            &["Temporary failure in name resolution"],
            &["server misbehaving"],
            &["Could not resolve host"],
            &["dial tcp: lookup ", "i/o timeout"],
        ],
    ),
    (
        Cause::Timeout,
        &[
            &["i/o timeout"],
            &["TLS handshake timeout"],
            &["timeout awaiting response headers"],
            &["Client.Timeout"],
            &["connection timed out"],
            &["context deadline exceeded"],
            &["DeadlineExceeded"],
        ],
    ),
    (
        Cause::Connection,
        &[
            &["connection reset by peer"],
            &["connection refused"],
            &["broken pipe"],
            &["closed pipe"],
            &["use of closed network connection"],
            &["http2: "],
            &["INTERNAL_ERROR; received from peer"],
            &["no route to host"],
            &["unexpected EOF"],
            &["early EOF"],
            &["hung up unexpectedly"],
        ],
    ),
];

/// Whether an error of a builder, of buildx or of a registry may pass by itself.
#[must_use]
pub fn transient(error: &str, request: Request) -> Option<Transient> {
    if FINAL.iter().any(|text| error.contains(text)) {
        return None;
    }
    let stands = |fragments: &&[&str]| fragments.iter().all(|text| error.contains(text));
    let known = TRANSIENT.iter().find(|(_, sets)| sets.iter().any(stands)).map(|(cause, _)| *cause);
    let cut_off = || error.trim_end().ends_with(": EOF").then_some(Cause::Connection);
    let unknown = || {
        let is_unknown = error.contains("manifest unknown") || error.contains(": not found");
        (request == Request::JustPushed && is_unknown).then_some(Cause::NotYetKnown)
    };
    let cause = known.or_else(cut_off).or_else(unknown)?;
    Some(Transient { cause, after: retry_after(error) })
}

/// Why a failed build may succeed the next time, with the builder's error.
#[must_use]
pub fn transient_failure(trace: &Trace) -> Option<(Transient, String)> {
    let printed = final_error(trace);
    let vertex = failed_vertex(trace, printed.as_deref());
    let of_vertex = vertex.and_then(|vertex| vertex.real_error());
    // To boot is buildx's own step, and its only error is often the exit code of the container.
    let is_boot = vertex.is_some_and(|vertex| vertex.name.starts_with("[internal] booting buildkit"));
    let ran = vertex.is_some_and(|vertex| {
        matches!(VertexKind::of(&vertex.name), VertexKind::Step(_))
            && of_vertex.is_some_and(|error| error.contains("exit code: "))
    });
    let errors = [of_vertex, printed.as_deref()];
    let is_final = |error: &&str| FINAL.iter().any(|text| error.contains(text));
    if ran || errors.iter().flatten().any(is_final) {
        return None;
    }
    let known = errors.iter().flatten().find_map(|error| Some((transient(error, Request::Any)?, (*error).to_owned())));
    let booting = || {
        let transient = Transient { cause: Cause::Builder, after: None };
        is_boot.then(|| (transient, of_vertex.unwrap_or_default().to_owned()))
    };
    known.or_else(booting)
}

/// `retry-after: 389.7µs, allowed: 44000/minute`, as the registry of GitHub puts it (a duration of Go), or in seconds.
fn retry_after(error: &str) -> Option<Duration> {
    let start = error.to_ascii_lowercase().find("retry-after: ")?;
    let text = error.get(start..)?.split_once(": ")?.1;
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '.')).unwrap_or(text.len());
    go_duration(text.get(..end)?.trim_end_matches('.'))
}

/// `1m3.5s`; a number alone is of seconds.
fn go_duration(mut text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    while !text.is_empty() {
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, rest) = text.split_at_checked(digits)?;
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at_checked(letters)?;
        let seconds = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" | "" => 1.0,
            "ms" => 1e-3,
            "µs" | "μs" | "us" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        text = rest;
    }
    Some(total)
}

#[cfg(test)]
mod cases;
