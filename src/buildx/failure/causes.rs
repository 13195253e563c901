//! Known causes of failed builds, recognised by what the builder or a step prints.
//!
//! A cause is found when one line holds all of its fragments. The first match of the table wins, so the specific
//! stands above the general.

/// What is printed, and what it means with what to do.
struct Cause {
    /// Fragments that stand in one line; any of these sets will do.
    fragments: &'static [&'static [&'static str]],
    /// The meaning and the fix.
    explanation: &'static str,
}

const CAUSES: &[Cause] = &[
    Cause {
        fragments: &[&["no space left on device"], &["No space left on device"]],
        explanation: "The builder's disk is full. Build fewer platforms in one job, free space before the build, \
                      or prune the builder with `docker buildx prune`.",
    },
    Cause {
        fragments: &[&["unexpected status", "429 Too Many Requests"], &["toomanyrequests"]],
        explanation: "The registry limits how often images may be pulled. Log in before the build, or use a mirror \
                      of the base image.",
    },
    Cause {
        fragments: &[&["exec format error"], &["Exec format error"]],
        explanation: "A program for another architecture was started and nothing emulates it. Register QEMU before \
                      the build (`docker run --privileged --rm tonistiigi/binfmt --install all`, or \
                      docker/setup-qemu-action), build on a runner of that architecture, or cross-compile in a \
                      stage with `FROM --platform=$BUILDPLATFORM`.",
    },
    Cause {
        fragments: &[&["exit code: 137"], &["cannot allocate memory"], &["signal: killed"]],
        explanation: "The step was killed, most likely because memory ran out (exit code 137). Run fewer builds \
                      or compiler jobs at a time, or use a larger runner.",
    },
    Cause {
        fragments: &[&["secret ", ": not found"], &["failed to stat", "secret"]],
        explanation: "The Dockerfile asks for a build secret that the build was not given. Add it to `secrets` of \
                      the image, with the id that `RUN --mount=type=secret` names.",
    },
    Cause {
        fragments: &[
            &["failed to calculate checksum of ref", ": not found"],
            &["failed to compute cache key", ": not found"],
        ],
        explanation: "A file named in COPY or ADD is not in the build context. Check the path relative to the \
                      context, whether .dockerignore excludes it, and whether it is generated and not committed.",
    },
    Cause {
        fragments: &[&["failed to read dockerfile"], &["unable to evaluate symlinks in Dockerfile path"]],
        explanation: "There is no Dockerfile at this path. Check `dockerfile` of the image; it is relative to the \
                      configuration file.",
    },
    Cause {
        fragments: &[&["unable to prepare context", "not found"]],
        explanation: "The build context does not exist. Check `context` of the image; it is relative to the \
                      configuration file.",
    },
    Cause {
        fragments: &[&["target stage", "could not be found"]],
        explanation: "The Dockerfile has no stage of this name. Check `target` of the image.",
    },
    Cause {
        fragments: &[
            &["Temporary failure in name resolution"],
            &["Temporary failure resolving"],
            &["Could not resolve host"],
            &["no such host"],
            &["server misbehaving"],
            &["wget: bad address"],
        ],
        explanation: "A host name could not be resolved. Check the spelling of the host and the builder's network \
                      and DNS; if it comes and goes, run the build again.",
    },
    Cause {
        fragments: &[
            &["unexpected status", "401 Unauthorized"],
            &["unexpected status", "403 Forbidden"],
            &["denied: permission_denied"],
            &["not allowed to Write organization package"],
        ],
        explanation: "The registry refused the credentials. Log in before the build and check that the token may \
                      do what was asked; the token of a pull request from a fork may not push or write a cache.",
    },
    Cause {
        fragments: &[
            &["failed to resolve source metadata", "not found"],
            &["pull access denied"],
            &["manifest unknown"],
            &["no match for platform in manifest"],
        ],
        explanation: "A base image does not exist under this name, or not for this platform, or needs a login. \
                      Check the name and tag in FROM, and log in to its registry if it is private.",
    },
    Cause {
        fragments: &[&["failed to reserve cache"]],
        explanation: "The GitHub Actions cache refused to be written: the token is read-only, as in a pull request \
                      from a fork, or a quota or rate limit is reached. Add `ignore-error=true` to `cache_to`, or \
                      write the cache on the default branch only.",
    },
    Cause {
        fragments: &[&["Signature not valid in the specified time frame"], &["maximum timeout reached"]],
        explanation: "Writing the cache took longer than the cache service allows. Use `mode=min`, or a registry \
                      cache.",
    },
    Cause {
        fragments: &[&["Cache export is not supported for the"]],
        explanation: "The docker driver writes no cache. Create a builder with `docker buildx create --use` \
                      (docker/setup-buildx-action does), or turn on the containerd image store.",
    },
    Cause {
        fragments: &[&["is not supported for the", "driver"], &["multiple outputs currently unsupported"]],
        explanation: "The builder cannot write what was asked for. Create a builder with \
                      `docker buildx create --use` (docker/setup-buildx-action does), or turn on the containerd \
                      image store.",
    },
    Cause {
        fragments: &[&["unknown command: docker buildx"], &["'buildx' is not a docker command"]],
        explanation: "Docker has no buildx plugin here. Install docker-buildx-plugin, or use \
                      docker/setup-buildx-action.",
    },
    Cause {
        fragments: &[&["unknown flag:"], &["unknown shorthand flag:"]],
        explanation: "The installed docker buildx does not know an option. Update it; `weighbridge doctor` says \
                      which version is needed.",
    },
    Cause {
        fragments: &[
            &["Cannot connect to the Docker daemon"],
            &["closing transport"],
            &["transport is closing"],
            &["error reading from server: EOF"],
            &["dial unix", "connect:"],
            &["failed to list workers"],
            &["graceful_stop"],
        ],
        explanation: "The connection to the builder was lost or never came up. Check that the Docker daemon runs \
                      and that `docker buildx inspect --bootstrap` succeeds; a builder that dies during a build \
                      often ran out of memory.",
    },
    Cause {
        fragments: &[&["connection refused"]],
        explanation: "Nothing answered at the other end of a connection. Check the address, and that the registry, \
                      proxy or service behind it runs and can be reached from the builder.",
    },
];

/// The explanation of the first cause that is found in these lines.
pub(super) fn explain<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let stands = |fragments: &&[&str]| lines.clone().any(|line| fragments.iter().all(|one| line.contains(one)));
    CAUSES.iter().find(|cause| cause.fragments.iter().any(&stands)).map(|cause| cause.explanation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as builders and programs print them, with the start of the explanation that belongs to them.
    const PRINTED: &[(&str, &str)] = &[
        (
            "ResourceExhausted: failed to copy files: copy file range failed: no space left on device",
            "The builder's disk",
        ),
        ("cp: error writing '/out/blob': No space left on device", "The builder's disk"),
        (
            "docker.io/library/alpine:3: failed to copy: httpReadSeeker: failed open: unexpected status code \
             https://registry-1.docker.io/v2/library/alpine/manifests/sha256:aa: 429 Too Many Requests - Server \
             message: toomanyrequests: You have reached your unauthenticated pull rate limit.",
            "The registry limits",
        ),
        ("exec /bin/sh: exec format error", "A program for another architecture"),
        ("/bin/sh: 1: /usr/local/bin/tool: Exec format error", "A program for another architecture"),
        ("process \"/bin/sh -c make\" did not complete successfully: exit code: 137", "The step was killed"),
        ("process \"/bin/sh -c make\" did not complete successfully: exit code: 1", ""),
        ("failed to solve: secret npmrc: not found", "The Dockerfile asks for a build secret"),
        (
            "failed to compute cache key: failed to calculate checksum of ref 7nt3::q1c: \"/dist\": not found",
            "A file named in COPY or ADD",
        ),
        ("failed to read dockerfile: open Dockerfile.prod: no such file or directory", "There is no Dockerfile"),
        ("ERROR: failed to build: unable to prepare context: path \"./nowhere\" not found", "The build context"),
        ("target stage \"prod\" could not be found", "The Dockerfile has no stage"),
        ("Temporary failure resolving 'archive.example'", "A host name"),
        ("curl: (6) Could not resolve host: example.com", "A host name"),
        ("wget: bad address 'example.com'", "A host name"),
        ("dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: server misbehaving", "A host name"),
        (
            "failed to resolve source metadata for ghcr.io/a/b:1: failed to authorize: failed to fetch anonymous \
             token: unexpected status from GET request to https://ghcr.io/token?service=ghcr.io: 403 Forbidden",
            "The registry refused",
        ),
        (
            "failed to push ghcr.io/a/b:1: unexpected status from POST request to \
             https://ghcr.io/v2/a/b/blobs/uploads/: 403 Forbidden",
            "The registry refused",
        ),
        (
            "golang:9.99: failed to resolve source metadata for docker.io/library/golang:9.99: \
             docker.io/library/golang:9.99: not found",
            "A base image does not exist",
        ),
        (
            "failed to resolve source metadata for docker.io/library/nosuch:latest: pull access denied, repository \
             does not exist or may require authorization: server message: insufficient_scope: authorization failed",
            "A base image does not exist",
        ),
        ("error writing layer blob: failed to reserve cache", "The GitHub Actions cache"),
        ("AuthenticationFailed: Signature not valid in the specified time frame", "Writing the cache took longer"),
        ("ERROR: failed to build: Cache export is not supported for the docker driver.", "The docker driver writes"),
        ("ERROR: failed to build: OCI exporter is not supported for the docker driver.", "The builder cannot write"),
        ("ERROR: Multi-platform build is not supported for the docker driver.", "The builder cannot write"),
        ("docker: unknown command: docker buildx", "Docker has no buildx plugin"),
        ("unknown flag: --call", "The installed docker buildx"),
        (
            "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "The connection to the builder",
        ),
        (
            "ERROR: failed to receive status: rpc error: code = Unavailable desc = closing transport due to: \
             connection error: desc = \"error reading from server: EOF\", received prior goaway: code: NO_ERROR",
            "The connection to the builder",
        ),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "Nothing answered"),
        ("E: Failed to fetch http://deb.example.com/x.deb  403  Forbidden", ""),
        ("ERROR 404: Not Found.", ""),
    ];

    #[test]
    fn printed_lines_are_explained_and_others_are_not() {
        for (line, start) in PRINTED {
            let explanation = explain([*line].into_iter());
            assert_eq!(explanation.is_some(), !start.is_empty(), "{line}: {explanation:?}");
            assert!(explanation.unwrap_or_default().starts_with(start), "{line}: {explanation:?}");
        }
    }

    #[test]
    fn every_cause_has_a_printed_line() {
        for cause in CAUSES {
            let met = PRINTED.iter().any(|(line, _)| explain([*line].into_iter()) == Some(cause.explanation));
            assert!(met, "{}", cause.explanation);
        }
    }

    #[test]
    fn fragments_must_stand_in_one_line() {
        assert_eq!(explain(["secret handshake", "x: not found"].into_iter()), None);
    }
}
