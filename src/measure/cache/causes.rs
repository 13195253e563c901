//! What an error of a cache means and what to do about it, told by its text: BuildKit gives nothing else.

/// A part of an error, its meaning as a phrase, and what to do.
pub(super) struct CacheCause {
    parts: &'static [&'static str],
    /// What it means, as a phrase.
    pub(super) meaning: &'static str,
    /// What to do about it.
    pub(super) fix: &'static str,
}

/// From the particular to the general: the first that fits is told.
const CAUSES: [CacheCause; 14] = [
    CacheCause {
        parts: &["failed to reserve cache"],
        meaning: "the Actions cache refused the write: a token that may only read, a full quota, or more than 200 uploads \
                  in a minute",
        fix: "write on the default branch alone, keep less (cache.mode: min), or use a registry cache",
    },
    CacheCause {
        parts: &["signature not valid in the specified time frame", "authenticationfailed"],
        meaning: "the upload took longer than its address was valid",
        fix: "keep less (cache.mode: min), or use a registry cache",
    },
    CacheCause {
        parts: &["429", "too many requests", "toomanyrequests", "rate limit", "resource_exhausted"],
        meaning: "the store throttled us",
        fix: "keep less (cache.mode: min), build fewer cells at once, or use a registry of your own",
    },
    CacheCause {
        parts: &["maximum timeout reached", "deadline exceeded", "timeout", "timed out"],
        meaning: "the time limit ended it",
        fix: "raise cache.timeout, keep less (cache.mode: min), or use a store that is nearer",
    },
    CacheCause {
        parts: &[
            "no longer exists",
            "blobnotfound",
            "blob not found",
            "from remote: not found",
            "desc = content sha256:",
            "404",
        ],
        meaning: "a part of it is gone, most likely evicted",
        fix: "let pull requests only read (cache.pull_requests: read), or use a registry cache; the next write mends it",
    },
    CacheCause {
        parts: &["short read: expected "],
        meaning: "a part of it is damaged",
        fix: "delete it; the next write replaces it",
    },
    CacheCause {
        parts: &["token is expired", "token expired", "unauthenticated"],
        meaning: "the token had expired",
        fix: "use a registry cache for jobs this long",
    },
    CacheCause {
        parts: &["401", "unauthorized", "authentication required", "no basic auth"],
        meaning: "nobody is logged in to the registry",
        fix: "log in before (`docker login`, or an action that does)",
    },
    CacheCause {
        parts: &["403", "forbidden", "denied", "not allowed", "insufficient_scope"],
        meaning: "the credentials do not allow it",
        fix: "give the job access to the repository (on GitHub `permissions: packages: write`, or `read` to read only)",
    },
    CacheCause {
        parts: &["not supported for the docker driver"],
        meaning: "this builder cannot export a cache",
        fix: "turn the containerd image store on, or use a builder with the docker-container driver",
    },
    CacheCause {
        parts: &[
            "connection refused",
            "no such host",
            "i/o timeout",
            "connection reset",
            "unreachable",
            "unexpected eof",
            ": eof",
        ],
        meaning: "the store cannot be reached",
        fix: "check its address, and the network of the builder",
    },
    CacheCause {
        parts: &["500", "502", "503", "504", "server error", "service unavailable", "bad gateway"],
        meaning: "the store failed",
        fix: "run again; if it stays so, its operator has to mend it",
    },
    CacheCause {
        parts: &[
            "invalid character",
            "unexpected end of json",
            "unmarshal",
            "failed to parse",
            "unsupported media type",
            "invalid",
            "mismatch",
            "unexpected",
        ],
        meaning: "what lies there is not a cache",
        fix: "delete it; the next write replaces it",
    },
    CacheCause {
        parts: &["no space left"],
        meaning: "there is no room left",
        fix: "make room: `docker buildx prune` frees build cache",
    },
];

/// What an error means; `None` of one that is not known.
pub(super) fn explain(error: &str) -> Option<&'static CacheCause> {
    let error = error.to_lowercase();
    CAUSES.iter().find(|cause| cause.parts.iter().any(|part| contains(&error, part)))
}

/// What an error of a cache means and what to do about it, as phrases; `None` of one that is not known.
#[must_use]
pub fn explain_cache_error(error: &str) -> Option<(&'static str, &'static str)> {
    explain(error).map(|cause| (cause.meaning, cause.fix))
}

/// Whether an error only says that nothing was ever written there.
pub(super) fn is_not_found(error: &str) -> bool {
    error.ends_with(": not found") || error.contains("MANIFEST_UNKNOWN") || error.contains("NAME_UNKNOWN")
}

/// Whether an error of a step only says that its result has to be made anew.
pub(in crate::measure) fn is_lost_layer(error: &str) -> bool {
    error.starts_with("blob sha256:") && error.ends_with(": not found")
}

/// Numbers count only as words: a digest may hold any of them.
fn contains(error: &str, part: &str) -> bool {
    if !part.chars().all(|c| c.is_ascii_digit()) {
        return error.contains(part);
    }
    error.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_errors_have_their_meaning() {
        for (error, meaning) in [
            ("error writing layer blob: failed to reserve cache", "the Actions cache refused the write"),
            (
                "failed to push r/c:x: unexpected status from POST request to https://r/v2: 401 Unauthorized",
                "nobody is logged in",
            ),
            ("denied: permission_denied: write_package", "the credentials do not allow it"),
            ("dial tcp 127.0.0.1:1: connect: connection refused", "the store cannot be reached"),
            ("unexpected status from PUT request: 500 Internal Server Error", "the store failed"),
            ("unexpected status from HEAD request: 429 Too Many Requests", "the store throttled us"),
            ("maximum timeout reached", "the time limit ended it"),
            ("maximum timeout reached: resource_exhausted", "the store throttled us"),
            ("context deadline exceeded", "the time limit ended it"),
            ("failed to copy: could not fetch content descriptor x from remote: not found", "a part of it is gone"),
            ("short read: expected 155 bytes but got 7: unexpected EOF", "a part of it is damaged"),
            ("blob sha256:5004290000000 has another length: mismatch", "what lies there is not a cache"),
        ] {
            let found = explain(error).map_or("", |cause| cause.meaning);
            assert!(found.starts_with(meaning), "{error}: {found}");
        }
        assert!(explain("something else").is_none());
        assert!(is_not_found("failed to configure registry cache importer: r/c:x: not found"));
        assert!(!is_not_found("blob sha256:0 not found in r/c:x"));
    }
}
