//! What a vertex stands for, told by its name: BuildKit sends nothing else to tell it by.
//!
//! Steps are `[platform stage 2/5] RUN …`: the platform only in builds for several, the stage only when there are
//! several, the index padded with blanks, `ONBUILD ` and `LINK ` before the instruction where they apply. buildx puts
//! the target of a bake build in front of it all. Sources: BuildKit's `dockerfile2llb/convert.go` (`prefixCommand`),
//! buildx's `util/progress/multiwriter.go`, `metricwriter.go`.

/// What a vertex stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VertexKind<'a> {
    /// A step of the Dockerfile other than `FROM`.
    Step(StepName<'a>),
    /// Pulling an image named in `FROM` or `COPY --from`.
    BasePull {
        /// The image reference as the builder resolved it: `docker.io/library/alpine:3@sha256:…`.
        reference: &'a str,
    },
    /// Resolving an image, or pulling the image of the Dockerfile frontend or of a named context.
    ImageSource,
    /// Sending or fetching the build context or a named context.
    Context,
    /// Sending the Dockerfile or `.dockerignore`.
    Definition,
    /// Asking for a registry token.
    Auth,
    /// Writing the image, pushing included.
    Export,
    /// Pushing outside of an export.
    Push,
    /// Reading a remote cache.
    CacheImport,
    /// Writing a cache.
    CacheExport,
    /// The look-up that buildx adds for its metadata file after the build.
    Provenance,
    /// Anything else.
    Other,
}

/// The parts of a step's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepName<'a> {
    /// The bake target, in builds of several.
    pub target: Option<&'a str>,
    /// The platform, in builds for several; `linux/amd64->arm64` when cross-compiling.
    pub platform: Option<&'a str>,
    /// The stage's name or `stage-N`; empty in a Dockerfile of one stage.
    pub stage: &'a str,
    /// The step's number in its stage, from 1, as displayed.
    pub index: u32,
    /// Steps of the stage.
    pub total: u32,
    /// Whether it comes from `ONBUILD` of the base image.
    pub on_build: bool,
    /// The instruction.
    pub instruction: &'a str,
}

impl StepName<'_> {
    /// Whether it runs a program, as opposed to placing files.
    #[must_use]
    pub fn is_run(&self) -> bool {
        self.instruction.split_whitespace().next() == Some("RUN")
    }
}

impl<'a> VertexKind<'a> {
    /// What the vertex of this name stands for.
    #[must_use]
    pub fn of(name: &'a str) -> Self {
        let Some((bracket, rest)) = name.strip_prefix('[').and_then(|name| name.split_once("] ")) else {
            return plain_kind(name);
        };
        let words: Vec<&str> = bracket.split_whitespace().collect();
        match words.as_slice() {
            [prefix @ .., counter] if counter.contains('/') && !rest.is_empty() => step_kind(prefix, counter, rest),
            [.., "internal"] => internal_kind(rest),
            [.., "context", _] => context_kind(rest),
            [.., "auth"] => Self::Auth,
            // A bake target in front of a name that has no brackets of its own.
            [_] => plain_kind(rest),
            _ => Self::Other,
        }
    }
}

fn step_kind<'a>(prefix: &[&'a str], counter: &str, rest: &'a str) -> VertexKind<'a> {
    let is_platform = |word: &&str| word.contains('/');
    let (target, platform, stage) = match prefix {
        [] => (None, None, ""),
        [platform] if is_platform(platform) => (None, Some(*platform), ""),
        [stage] => (None, None, *stage),
        [platform, stage] if is_platform(platform) => (None, Some(*platform), *stage),
        [target, platform] if is_platform(platform) => (Some(*target), Some(*platform), ""),
        [target, stage] => (Some(*target), None, *stage),
        [target, platform, stage] if is_platform(platform) => (Some(*target), Some(*platform), *stage),
        _ => return VertexKind::Other,
    };
    let numbers = counter.split_once('/').and_then(|(index, total)| Some((index.parse().ok()?, total.parse().ok()?)));
    let Some((index, total)) = numbers else { return VertexKind::Other };
    let (on_build, rest) = strip(rest, "ONBUILD ");
    let (_, instruction) = strip(rest, "LINK ");
    match instruction.strip_prefix("FROM ") {
        Some(reference) => VertexKind::BasePull { reference },
        None => VertexKind::Step(StepName { target, platform, stage, index, total, on_build, instruction }),
    }
}

fn strip<'a>(text: &'a str, prefix: &str) -> (bool, &'a str) {
    text.strip_prefix(prefix).map_or((false, text), |rest| (true, rest))
}

fn internal_kind(rest: &str) -> VertexKind<'_> {
    let starts = |prefix: &str| rest.starts_with(prefix);
    match rest {
        "load build context" | "load remote build context" => VertexKind::Context,
        _ if starts("load git source ") => VertexKind::Context,
        "load .dockerignore" => VertexKind::Definition,
        _ if starts("load build definition from ") || starts("load http") => VertexKind::Definition,
        _ if starts("load metadata for ") => VertexKind::ImageSource,
        _ => VertexKind::Other,
    }
}

fn context_kind(rest: &str) -> VertexKind<'_> {
    match rest {
        "load .dockerignore" => VertexKind::Definition,
        "load from client" | "OCI load from client" => VertexKind::Context,
        _ if rest.starts_with("http") || rest.starts_with("git") => VertexKind::Context,
        _ => VertexKind::ImageSource,
    }
}

fn plain_kind(name: &str) -> VertexKind<'_> {
    let starts = |prefix: &str| name.starts_with(prefix);
    if let Some(reference) = name.strip_prefix("FROM ") {
        return VertexKind::BasePull { reference };
    }
    if name == "resolving provenance for metadata file" {
        return VertexKind::Provenance;
    }
    if starts("importing cache manifest from ") {
        return VertexKind::CacheImport;
    }
    let cache_exports = ["exporting cache", "exporting content cache", "exporting inline cache"];
    if cache_exports.iter().any(|prefix| starts(prefix))
        || name == "exporting to GitHub Actions Cache"
        || starts("preparing layers for inline cache")
    {
        return VertexKind::CacheExport;
    }
    if starts("exporting to ") || name == "importing to docker" {
        return VertexKind::Export;
    }
    if starts("pushing ") || starts("merging manifest list ") {
        return VertexKind::Push;
    }
    if starts("resolve image config for ") || starts("docker-image://") {
        return VertexKind::ImageSource;
    }
    VertexKind::Other
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts<'a> = (Option<&'a str>, Option<&'a str>, &'a str, u32, u32, &'a str);

    fn step(name: &str) -> Option<Parts<'_>> {
        match VertexKind::of(name) {
            VertexKind::Step(step) => {
                Some((step.target, step.platform, step.stage, step.index, step.total, step.instruction))
            }
            _ => None,
        }
    }

    #[test]
    fn a_step_is_taken_apart_with_every_prefix_there_is() {
        for (name, expected) in [
            ("[2/3] RUN make", (None, None, "", 2, 3, "RUN make")),
            ("[stage-1 2/4] RUN make", (None, None, "stage-1", 2, 4, "RUN make")),
            ("[stage-1  2/12] COPY a b", (None, None, "stage-1", 2, 12, "COPY a b")),
            ("[linux/amd64 base 1/1] ADD a /", (None, Some("linux/amd64"), "base", 1, 1, "ADD a /")),
            ("[linux/arm/v7 1/2] WORKDIR /x", (None, Some("linux/arm/v7"), "", 1, 2, "WORKDIR /x")),
            ("[linux/amd64->arm64 go 3/4] RUN x", (None, Some("linux/amd64->arm64"), "go", 3, 4, "RUN x")),
            ("[web build 2/5] RUN x", (Some("web"), None, "build", 2, 5, "RUN x")),
            ("[web linux/amd64 2/5] RUN x", (Some("web"), Some("linux/amd64"), "", 2, 5, "RUN x")),
            ("[web linux/amd64 b 2/5] RUN x", (Some("web"), Some("linux/amd64"), "b", 2, 5, "RUN x")),
            ("[final 2/3] LINK COPY --link a b", (None, None, "final", 2, 3, "COPY --link a b")),
            ("[internal 1/2] RUN x", (None, None, "internal", 1, 2, "RUN x")),
        ] {
            assert_eq!(step(name), Some(expected), "{name}");
        }
        let VertexKind::Step(step) = VertexKind::of("[2/3] ONBUILD RUN make") else { panic!("not a step") };
        assert!(step.on_build && step.is_run());
    }

    #[test]
    fn every_other_vertex_has_its_kind() {
        use VertexKind::*;
        for (name, kind) in [
            (
                "[1/3] FROM docker.io/library/alpine:3@sha256:aa",
                BasePull { reference: "docker.io/library/alpine:3@sha256:aa" },
            ),
            ("[linux/arm64 base 1/2] FROM alpine", BasePull { reference: "alpine" }),
            ("FROM docker.io/library/nginx:1@sha256:bb", BasePull { reference: "docker.io/library/nginx:1@sha256:bb" }),
            ("[internal] load build context", Context),
            ("[web internal] load build context", Context),
            ("[context assets] load from client", Context),
            ("[internal] load git source https://example.com/x.git", Context),
            ("[internal] load build definition from Dockerfile", Definition),
            ("[internal] load https://example.com/Dockerfile", Definition),
            ("[internal] load .dockerignore", Definition),
            ("[context assets] load .dockerignore", Definition),
            ("[internal] load metadata for docker.io/library/alpine:3", ImageSource),
            ("[linux/amd64 internal] load metadata for docker.io/library/alpine:3", ImageSource),
            ("[context base] load metadata for docker.io/library/alpine:3", ImageSource),
            ("resolve image config for docker-image://docker.io/docker/dockerfile:1", ImageSource),
            ("docker-image://docker.io/docker/dockerfile:1@sha256:cc", ImageSource),
            ("[auth] library/alpine:pull token for registry-1.docker.io", Auth),
            ("exporting to image", Export),
            ("[web] exporting to image", Export),
            ("exporting to oci image format", Export),
            ("exporting to docker image format", Export),
            ("exporting to client directory", Export),
            ("exporting to GitHub Actions Cache", CacheExport),
            ("exporting cache to registry", CacheExport),
            ("exporting cache to Amazon S3", CacheExport),
            ("importing cache manifest from gha:211", CacheImport),
            ("pushing example.com/x with docker", Push),
            ("resolving provenance for metadata file", Provenance),
            ("[internal] booting buildkit", Other),
            ("[a b c d 1/2] RUN x", Other),
            ("[x/y] RUN x", Other),
            ("[99999999999/1] RUN x", Other),
            ("[] x", Other),
            ("", Other),
        ] {
            assert_eq!(VertexKind::of(name), kind, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_name_is_too_strange(name in r"\[?[a-z/ 0-9>-]{0,12}\]? ?(FROM|RUN|ONBUILD|LINK)? ?.{0,9}") {
            if let VertexKind::Step(step) = VertexKind::of(&name) {
                prop_assert!(name.ends_with(step.instruction));
            }
        }
    }
}
