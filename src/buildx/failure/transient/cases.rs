//! Lines as BuildKit, buildx, registries and git print them, collected from public reports, and what follows from them.

use super::*;
use crate::buildx::trace::{Vertex, recorded};

/// What may pass by itself.
const PASSING: &[(Cause, &str)] = &[
    (
        Cause::Throttled,
        "failed to copy: httpReadSeeker: failed open: unexpected status code \
         https://registry-1.docker.io/v2/library/node/manifests/sha256:aa: 429 Too Many Requests - Server message: \
         toomanyrequests: You have reached your unauthenticated pull rate limit.",
    ),
    (Cause::Throttled, "toomanyrequests: retry-after: 985.86µs, allowed: 44000/minute"),
    (Cause::Throttled, "error getting credentials: toomanyrequests: Rate exceeded"),
    (
        Cause::Throttled,
        "failed to push ghcr.io/a/b:1: unexpected status from PUT request to https://ghcr.io/v2/a/b/manifests/1: 429 Too Many Requests",
    ),
    (Cause::Server, "failed to solve: rpc error: code = Unknown desc = unexpected status: 502 Bad Gateway"),
    (
        Cause::Server,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: unexpected status code \
         [manifests latest]: 503 Service Unavailable",
    ),
    (
        Cause::Server,
        "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to \
         https://auth.docker.io/token?scope=repository%3Alibrary%2Fnode%3Apull&service=registry.docker.io: \
         503 Service Unavailable",
    ),
    (
        Cause::Server,
        "unexpected status from HEAD request to https://ghcr.io/v2/a/b/blobs/sha256:aa: 504 Gateway Timeout",
    ),
    (Cause::Server, "504 Gateway Time-out"),
    (Cause::Server, "HTTP 503"),
    (Cause::Server, "unexpected status from POST request to https://r.example/v2/a/blobs/uploads/: 522 "),
    (
        Cause::Server,
        "failed to load cache key: repository does not contain ref main, output: fatal: unable to access \
         'https://github.com/a/b.git/': The requested URL returned error: 503",
    ),
    (
        Cause::Builder,
        "failed to receive status: rpc error: code = Unavailable desc = closing transport due to: connection error: desc = \
         \"error reading from server: EOF\", received prior goaway: code: NO_ERROR, debug data: \"graceful_stop\"",
    ),
    (
        Cause::Builder,
        "failed to list workers: Unavailable: connection error: desc = \"transport: Error while dialing: dial tcp \
         10.0.0.7:1234: connect: connection refused\"",
    ),
    (
        Cause::Builder,
        "failed to copy: failed to authorize: no active session for 946l7u9cqtl3kkur5pifuipi4: context deadline exceeded",
    ),
    (Cause::Builder, "Error response from daemon: container buildx_buildkit_fleet0 is not running"),
    (
        Cause::Builder,
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    ),
    (
        Cause::Name,
        "failed to do request: Head https://registry-1.docker.io/v2/continuumio/miniconda/manifests/latest: dial tcp: lookup \
         registry-1.docker.io on 192.168.1.1:53: read udp 172.17.0.2:40167->192.168.1.1:53: i/o timeout",
    ),
    (Cause::Name, "dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: server misbehaving"),
    (Cause::Name, "dial tcp: lookup ghcr.io: Temporary failure in name resolution"),
    (
        Cause::Timeout,
        "python:3.11-slim-bookworm: failed to resolve source metadata for docker.io/library/python:3.11-slim-bookworm: \
         failed to do request: Head \"https://registry-1.docker.io/v2/library/python/manifests/3.11-slim-bookworm\": \
         net/http: TLS handshake timeout",
    ),
    (Cause::Timeout, "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": context deadline exceeded"),
    (
        Cause::Timeout,
        "Get \"https://r.example/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded \
         while awaiting headers)",
    ),
    (Cause::Timeout, "DeadlineExceeded: context deadline exceeded"),
    (
        Cause::Connection,
        "failed to copy: failed to do request: Put \"https://cr.brightbox.com/v2/blobhere\": write tcp \
         172.17.0.2:48736->109.107.38.167:443: write: connection reset by peer",
    ),
    (Cause::Connection, "failed to push ghcr.io/finchsec/kali:latest: failed to copy: io: read/write on closed pipe"),
    (
        Cause::Connection,
        "failed to fetch oauth token: Get https://auth.docker.io/token?scope=repository%3Aa%2Fb%3Apull%2Cpush: EOF",
    ),
    (Cause::Connection, "failed to copy: httpReadSeeker: failed open: unexpected EOF"),
    (
        Cause::Connection,
        "failed to do request: Head \"http://r.example/v2/\": dial tcp 10.1.1.1:5000: connect: connection refused",
    ),
    (Cause::Connection, "stream error: stream ID 11; INTERNAL_ERROR; received from peer"),
    (Cause::Connection, "http2: server sent GOAWAY and closed the connection; LastStreamID=3, ErrCode=NO_ERROR"),
    (Cause::Connection, "fatal: the remote end hung up unexpectedly"),
];

/// What will be the same the next time.
const FINAL_LINES: &[&str] = &[
    "process \"/bin/sh -c make\" did not complete successfully: exit code: 2",
    "process \"/bin/sh -c curl -f https://x || echo connection reset by peer\" did not complete successfully: exit code: 1",
    "dockerfile parse error on line 3: unknown instruction: RUNN (503 Service Unavailable)",
    "failed to resolve source metadata for ghcr.io/a/b:1: failed to authorize: failed to fetch anonymous token: unexpected \
     status from GET request to https://ghcr.io/token?service=ghcr.io: 403 Forbidden",
    "unexpected status from HEAD request to https://r.example/v2/a/manifests/1: 401 Unauthorized",
    "failed to push r.example/a:1: push access denied, repository does not exist or may require authorization: server \
     message: insufficient_scope: authorization failed",
    "denied: permission_denied: write_package",
    "golang:9.99: failed to resolve source metadata for docker.io/library/golang:9.99: docker.io/library/golang:9.99: not \
     found",
    "manifest unknown",
    "no match for platform in manifest: not found",
    "failed to calculate checksum of ref 7nt3::q1c: \"/dist\": not found",
    "dial tcp: lookup regsitry.example on 127.0.0.53:53: no such host",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    "http: server gave HTTP response to HTTPS client",
    "failed to copy files: copy file range failed: no space left on device",
    "target stage \"prod\" could not be found",
    "unknown flag: --call",
    "invalid reference format",
    "Multi-platform build is not supported for the docker driver.",
    "failed to read dockerfile: open Dockerfile.prod: no such file or directory",
    "unexpected status from GET request to https://r.example/v2/a/manifests/1: 404 Not Found",
    "unexpected status from PUT request to https://r.example/v2/a/manifests/1: 400 Bad Request",
    "context canceled",
    "",
];

#[test]
fn what_may_pass_is_told_from_what_will_not() {
    for (cause, line) in PASSING {
        assert_eq!(transient(line, Request::Any).map(|passing| passing.cause), Some(*cause), "{line}");
    }
    for line in FINAL_LINES {
        assert_eq!(transient(line, Request::Any), None, "{line}");
    }
}

#[test]
fn what_was_just_pushed_may_not_be_known_everywhere_yet() {
    for line in ["manifest unknown", "ERROR: r.example/web@sha256:abc: not found"] {
        let passing = transient(line, Request::JustPushed).map(|passing| passing.cause);
        assert_eq!((passing, transient(line, Request::Any)), (Some(Cause::NotYetKnown), None), "{line}");
    }
    assert_eq!(transient("denied: manifest unknown", Request::JustPushed), None);
}

#[test]
fn a_server_that_says_how_long_is_understood() {
    for (text, millis) in [
        ("toomanyrequests: retry-after: 1.5s, allowed: 44000/minute", Some(1_500)),
        ("429 Too Many Requests: Retry-After: 7", Some(7_000)),
        ("429 Too Many Requests (retry-after: 1m2s)", Some(62_000)),
        ("toomanyrequests: retry-after: 250ms.", Some(250)),
        ("toomanyrequests: retry-after: soon", None),
        ("toomanyrequests: retry-after: 99999999999999999999h", None),
        ("toomanyrequests: retry-after: 1.2.3s", None),
        ("toomanyrequests", None),
    ] {
        let after = transient(text, Request::Any).unwrap().after;
        assert_eq!(after.map(|after| after.as_millis()), millis, "{text}");
    }
}

fn trace(vertices: &[(&str, &str)], printed: &str) -> Trace {
    let vertex = |(name, error): &(&str, &str)| {
        let log_tail = vec!["curl: (56) Recv failure: Connection reset by peer".to_owned()];
        Vertex { name: (*name).to_owned(), error: Some((*error).to_owned()), log_tail, ..Vertex::default() }
    };
    let plain_lines = vec![format!("ERROR: failed to build: failed to solve: {printed}")];
    Trace { vertices: vertices.iter().map(vertex).collect(), plain_lines, ..Trace::default() }
}

#[test]
fn a_build_may_pass_for_what_the_builder_says_and_not_for_what_a_step_prints() {
    let ran = "process \"/bin/sh -c make\" did not complete successfully: exit code: 56";
    for (vertex, printed, expected) in [
        (
            ("[1/2] FROM r.example/a", "failed to copy: unexpected EOF"),
            "failed to copy: unexpected EOF",
            Some(Cause::Connection),
        ),
        (("[internal] load metadata for r.example/a", "x: 503 Service Unavailable"), "x", Some(Cause::Server)),
        (("[internal] booting buildkit", "exit code 1"), "exit code 1", Some(Cause::Builder)),
        (("[2/2] RUN make", ran), ran, None),
        (("[2/2] RUN make", ran), "rpc error: code = Unavailable", None),
        (("exporting to image", "failed to push a: 401 Unauthorized"), "failed to push a", None),
    ] {
        let passing = transient_failure(&trace(&[vertex], printed));
        assert_eq!(passing.map(|(passing, _)| passing.cause), expected, "{vertex:?} {printed}");
    }
    assert_eq!(transient_failure(&Trace::default()), None);
    for name in ["run-failure-exit3", "gha-token-expired", "cold-build-oci-zstd"] {
        assert_eq!(transient_failure(&recorded(name)), None, "{name}");
    }
}
