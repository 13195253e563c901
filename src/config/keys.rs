//! Every key of `weighbridge.yml`: the one table that the reader, the schema and the documentation come from.

use super::format::{Format, Words};
use super::{builder, comment, review, scan};

/// A key of a mapping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// What may stand there.
    pub(super) kind: Kind,
    /// A value, as YAML.
    pub(super) example: &'static str,
    /// What it does, as a sentence.
    pub(super) doc: &'static str,
}

/// What may stand under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Flag,
    /// One text.
    Text(Format),
    /// A list of texts.
    List(Format),
    /// One text or a list of them.
    TextOrList(Format),
    /// One text or a list of such and of lists of words.
    Commands,
    /// A mapping from names of the user's choice to texts.
    Map(Format),
    /// Like `Map`, where a name without a value takes it from the environment.
    MapOrEnvironment(Format),
    /// A mapping with these keys.
    Section(&'static [Key]),
    /// One text or a mapping with these keys.
    TextOrSection(Format, &'static [Key]),
    /// A list of mappings with these keys.
    Sections(&'static [Key]),
    /// A mapping from image names to mappings with these keys.
    Images(&'static [Key]),
}

impl Kind {
    /// What should have been written, for "expected …".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Text(format) => format.expected().to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::TextOrList(format) => format!("{} or a list of such", format.expected()),
            Self::Commands => format!("{} or a list of such", Format::Command.expected()),
            Self::Map(_) | Self::MapOrEnvironment(_) => "a mapping of names to text".to_owned(),
            Self::Section(keys) => match keys {
                [first, second, ..] => format!("a mapping with keys such as `{}` and `{}`", first.name, second.name),
                _ => "a mapping".to_owned(),
            },
            Self::TextOrSection(format, keys) => {
                format!("{} or {}", format.expected(), Self::Section(keys).expected())
            }
            Self::Sections(_) => "a list of mappings".to_owned(),
            Self::Images(_) => "a mapping of image names to their settings".to_owned(),
        }
    }
}

const fn key(name: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Key {
    Key { name, kind, example, doc }
}

/// The top of the file.
pub(super) const FILE: &[Key] = &[
    key(
        "images",
        Kind::Images(IMAGE),
        "{orders: {context: services/orders}}",
        "Images by name. Beside `bake` or `compose`: what is added to the target or service of that name.",
    ),
    key(
        "defaults",
        Kind::Section(IMAGE),
        "{platforms: [linux/amd64]}",
        "Values for every image that does not set them itself. Mappings merge, lists replace.",
    ),
    key(
        "bake",
        Kind::TextOrList(Format::Line),
        "docker-bake.hcl",
        "Bake file or files to take images from, as `docker buildx bake --print` resolves them.",
    ),
    key(
        "compose",
        Kind::TextOrList(Format::Line),
        "compose.yaml",
        "Compose file or files to take images from, as `docker buildx bake --print` resolves them.",
    ),
    key(
        "targets",
        Kind::List(Format::Line),
        "[orders]",
        "Targets or groups of the bake or Compose files; the group `default` when absent.",
    ),
    key(
        "builder",
        BUILDER_KIND,
        "{nodes: [{name: arm, driver: remote, endpoint: 'tcp://arm.internal:1234', platforms: [linux/arm64]}]}",
        "Name of the buildx builder, or the nodes that builds are spread over. `--builder` and `BUILDX_BUILDER` win.",
    ),
    key(
        "cache",
        Kind::Section(CACHE),
        "{backend: auto}",
        "The build cache. Every cell (image and platform) has a place of its own in it.",
    ),
    key(
        "baseline",
        Kind::Section(BASELINE),
        "{ref: ghcr.io/acme/shop/weighbridge}",
        "Where reports are kept for later runs, beside the output directory. Only runs of the default branch and of \
         protected ones write them.",
    ),
    key(
        "comment",
        Kind::Text(Format::OneOf(&comment::MODES)),
        "always",
        "When a pull or merge request gets a comment. `auto`, the default: when there is something to say, or an earlier \
         comment to be put right; `always`, in every run, which fails when it cannot be published; or `never`.",
    ),
    key(
        "noise",
        Kind::Section(NOISE),
        "{bytes: 50kB, percent: 0.5%}",
        "Differences that count as none: up to `bytes` or `percent` of the baseline, whichever is larger.",
    ),
    key(
        "scan",
        Kind::Text(Format::OneOf(&scan::SCANNERS)),
        "off",
        "Which scanner of vulnerabilities is asked about each image: `trivy`, `grype`, `auto`, the default, for the first \
         of them that is installed, or `off`. What it finds is compared with what it found in the baseline.",
    ),
    key(
        "bots",
        Kind::Text(Format::OneOf(&review::BOTS)),
        "comment",
        "What the change requests of bots get with `comment: auto`: `summary`, the default, which is no comment, or \
         `comment`, as everybody's.",
    ),
    key(
        "override_label",
        Kind::Text(Format::Line),
        "heavier-on-purpose",
        "Label of a change request with which an image may be over the limits of its size; `allow-size-increase` when \
         absent. Limits of time are not affected.",
    ),
    key(
        "runners",
        Kind::Map(Format::Line),
        "{linux/arm64: 'self-hosted, arm64'}",
        "Labels of the runners that build a platform, separated by commas, where `weighbridge plan` spreads the builds \
         over runners; the ones that the CI system offers when absent.",
    ),
    key(
        "report_name",
        Kind::Text(Format::ImageName),
        "backend",
        "Name of the report, where several jobs report on the same change request. Each name has a comment of its own.",
    ),
];

/// A name or the nodes.
pub(super) const BUILDER_KIND: Kind = Kind::TextOrSection(Format::Line, BUILDER);

const BUILDER: &[Key] = &[
    key(
        "nodes",
        Kind::Sections(NODE),
        "[{name: arm, driver: remote, endpoint: 'tcp://arm.internal:1234'}]",
        "What builds. Each build has one node: one that need not emulate its platform where there is such a node.",
    ),
    key(
        "keep",
        Kind::Flag,
        "true",
        "Keep the builders of the nodes when the run is over, and so the containers or deployments and their caches.",
    ),
];

/// A node of a builder.
const NODE: &[Key] = &[
    key("name", Kind::Text(Format::NodeName), "arm", "Its name, by which plan and report tell what it builds."),
    key(
        "driver",
        Kind::Text(Format::OneOf(&builder::DRIVERS)),
        "remote",
        "How it is reached: `remote` is a BuildKit that listens somewhere, `kubernetes` a deployment in the cluster of \
         `KUBECONFIG`, `ssh` the engine of another machine, `docker-container` an engine.",
    ),
    key(
        "endpoint",
        Kind::Text(Format::Line),
        "tcp://arm.internal:1234",
        "Where it is: the address of BuildKit (`remote`), a machine such as `ssh://build@arm.internal` (`ssh`), or a context \
         of docker or its address (`docker-container`, the current one when absent). `kubernetes` takes none.",
    ),
    key(
        "platforms",
        Kind::List(Format::Platform),
        "[linux/arm64]",
        "What it builds, its own platform first; whatever it can when absent.",
    ),
    key(
        "driver_opts",
        Kind::Map(Format::Line),
        "{cacert: tls/ca.pem, cert: tls/cert.pem, key: tls/key.pem}",
        "Options of the driver, as `docker buildx create --driver-opt` takes them. The files of TLS are relative to this \
         file.",
    ),
    key(
        "runner_class",
        Kind::Text(Format::Line),
        "'linux/arm64, 16 CPUs'",
        "Class of machine. Durations are compared only within a class; each node is one of its own when absent.",
    ),
];

/// What counts as no difference.
pub(super) const NOISE: &[Key] = &[
    key("bytes", Kind::Text(Format::Bytes), "50kB", "Bytes, whatever the image weighs; 10 kB when absent."),
    key("percent", Kind::Text(Format::Percent), "0.5%", "Part of the baseline; 0.1 % when absent."),
];

const BACKENDS: Words = Words {
    list: &["auto", "gha", "registry", "local", "s3", "azblob", "inline", "none"],
    expected: "one of auto, gha, registry, local, s3, azblob, inline and none",
};
const MODES: Words = Words { list: &["max", "min"], expected: "max or min" };
const PULL_REQUESTS: Words = Words { list: &["read", "write", "none"], expected: "read, write or none" };
const COMPRESSIONS: Words = Words {
    list: &["gzip", "zstd", "estargz", "uncompressed"],
    expected: "one of gzip, zstd, estargz and uncompressed",
};

/// The stores of reports.
pub(super) const BASELINE: &[Key] = &[
    key(
        "artifact",
        Kind::Text(Format::ArtifactName),
        "weighbridge",
        "Name of the artifacts of workflows that are looked at on GitHub, `weighbridge` when absent; `false` for none.",
    ),
    key(
        "ref",
        Kind::Text(Format::Repository),
        "ghcr.io/acme/shop/weighbridge",
        "Repository of a registry, without a tag: commits are its tags. When absent, `$CI_REGISTRY_IMAGE/weighbridge` on \
         GitLab where the job is logged in to it, and none elsewhere.",
    ),
    key(
        "moving_tag",
        Kind::Flag,
        "true",
        "Also keep the newest report of a branch under the tag `weighbridge-BRANCH`, for other tools. Not for repositories \
         whose tags are immutable.",
    ),
    key(
        "branch",
        Kind::Text(Format::Branch),
        "weighbridge",
        "Branch of this repository that holds reports and nothing else; made when it is not there. None when absent.",
    ),
];

/// The cache.
pub(super) const CACHE: &[Key] = &[
    key(
        "backend",
        Kind::TextOrList(Format::OneOf(&BACKENDS)),
        "registry",
        "Where the cache is kept, or several places in order. `auto`, the default: the Actions cache on GitHub Actions, \
         else a registry where a repository is known, else `directory` in CI, and nothing on a laptop, whose builder \
         keeps its own cache.",
    ),
    key(
        "ref",
        Kind::Text(Format::Repository),
        "ghcr.io/acme/shop/cache",
        "Repository of the registry cache, without a tag: cells and branches are its tags.",
    ),
    key("directory", Kind::Text(Format::Line), ".cache/build", "Directory of the local cache, relative to this file."),
    key("s3", Kind::Section(S3), "{bucket: builds, region: eu-central-1}", "Where the S3 cache is."),
    key(
        "azblob",
        Kind::Section(AZBLOB),
        "{account_url: 'https://builds.blob.core.windows.net', container: cache}",
        "Where the Azure Blob Storage cache is.",
    ),
    key(
        "mode",
        Kind::Text(Format::OneOf(&MODES)),
        "min",
        "`max`, the default, keeps the steps of all stages; `min` only those whose layers are in the image.",
    ),
    key(
        "pull_requests",
        Kind::Text(Format::OneOf(&PULL_REQUESTS)),
        "write",
        "What pull and merge requests do with the cache: `read`, the default, `write` a place of their own too, or `none`. \
         Those from forks never write.",
    ),
    key(
        "branches",
        Kind::List(Format::Line),
        "[develop, 'release/*']",
        "Branches that write the cache beside the default branch and protected ones; `*` stands for any characters.",
    ),
    key(
        "compression",
        Kind::Text(Format::OneOf(&COMPRESSIONS)),
        "zstd",
        "Compression of new layers in a registry or local cache; BuildKit's own, gzip, when absent. Another one than the \
         image's ends up in the image as well, as BuildKit writes no layer twice.",
    ),
    key("compression_level", Kind::Text(Format::Count), "3", "Level of that compression."),
    key(
        "timeout",
        Kind::Text(Format::Duration),
        "5m",
        "Longest time that an import from or an export to the Actions cache may take; 3 minutes when absent.",
    ),
    key(
        "from",
        Kind::List(Format::CacheEntry),
        "['type=registry,ref=ghcr.io/acme/shop/cache:seed']",
        "More cache sources for every image, as `--cache-from` takes them.",
    ),
    key(
        "to",
        Kind::List(Format::CacheEntry),
        "['type=registry,ref=ghcr.io/acme/shop/cache:seed,mode=max']",
        "More cache targets for every image, as `--cache-to` takes them.",
    ),
    key("replace", Kind::Flag, "true", "Use `from` and `to` instead of what is decided here."),
    key("require", Kind::Flag, "true", "Fail the run where the cache does not do what was planned."),
];

/// S3.
pub(super) const S3: &[Key] = &[
    key("bucket", Kind::Text(Format::Line), "builds", "Bucket."),
    key("region", Kind::Text(Format::Line), "eu-central-1", "Region."),
    key("endpoint_url", Kind::Text(Format::Line), "https://s3.example.com", "Endpoint of a store other than AWS."),
    key("prefix", Kind::Text(Format::Line), "cache/", "What all names start with."),
];

/// Azure Blob Storage.
pub(super) const AZBLOB: &[Key] = &[
    key("account_url", Kind::Text(Format::Line), "https://builds.blob.core.windows.net", "URL of the storage account."),
    key("container", Kind::Text(Format::Line), "cache", "Container."),
    key("prefix", Kind::Text(Format::Line), "cache/", "What all names start with."),
];

/// An image.
pub(super) const IMAGE: &[Key] = &[
    key(
        "context",
        Kind::Text(Format::Line),
        "services/orders",
        "Build context: a directory, relative to the directory of this file (of the repository when this file is \
         in `.github`), or a git or tarball URL.",
    ),
    key(
        "dockerfile",
        Kind::Text(Format::Line),
        "Dockerfile.release",
        "Dockerfile inside of the context, relative to it. `Dockerfile` when absent.",
    ),
    key("dockerfile_inline", Kind::Text(Format::Any), "FROM scratch", "The text of the Dockerfile itself."),
    key("target", Kind::Text(Format::Line), "runtime", "Stage to build; the last one when absent."),
    key(
        "platforms",
        Kind::List(Format::Platform),
        "[linux/amd64, linux/arm64]",
        "Platforms to build; the builder's own when absent.",
    ),
    key(
        "build_args",
        Kind::MapOrEnvironment(Format::Any),
        "{VERSION: 1.4.0}",
        "Build arguments. One without a value is taken from the environment. Never put a secret here.",
    ),
    key(
        "build_contexts",
        Kind::Map(Format::Line),
        "{alpine: 'docker-image://alpine:3.20'}",
        "Additional build contexts: directories, URLs, `docker-image://` or `oci-layout://` references.",
    ),
    key("labels", Kind::Map(Format::Any), "{org.opencontainers.image.title: orders}", "Labels of the image."),
    key(
        "annotations",
        Kind::List(Format::Assignment),
        "['index:org.opencontainers.image.title=orders']",
        "Annotations, as `docker buildx build --annotation` takes them.",
    ),
    key("tags", Kind::List(Format::Tag), "['ghcr.io/acme/orders:latest']", "Names of the image; unique to it."),
    key(
        "secrets",
        Kind::List(Format::Secret),
        "['id=token,env=TOKEN']",
        "Build secrets by reference, as `docker buildx build --secret` takes them. Their values are never read.",
    ),
    key("ssh", Kind::List(Format::Line), "[default]", "SSH agent sockets or keys, as `--ssh` takes them."),
    key(
        "cache_from",
        Kind::List(Format::CacheEntry),
        "['type=gha']",
        "Cache sources, as `--cache-from` takes them. An image with entries of its own gets none by `cache.backend: auto`.",
    ),
    key(
        "cache_to",
        Kind::List(Format::CacheEntry),
        "['type=gha,mode=max']",
        "Cache targets, as `--cache-to` takes them. An image with entries of its own gets none by `cache.backend: auto`.",
    ),
    key("outputs", Kind::List(Format::Line), "['type=image,push=true']", "Outputs, as `--output` takes them."),
    key("no_cache", Kind::Flag, "true", "Build without cache."),
    key("no_cache_filter", Kind::List(Format::Line), "[deps]", "Stages to build without cache."),
    key("pull", Kind::Flag, "true", "Always look for newer base images."),
    key("network", Kind::Text(Format::Line), "none", "Network of `RUN` steps: `default`, `none` or `host`."),
    key("cgroup_parent", Kind::Text(Format::Line), "build.slice", "Parent control group of `RUN` steps."),
    key("add_hosts", Kind::List(Format::Line), "['registry.test:10.0.0.5']", "Lines for `/etc/hosts`: `host:ip`."),
    key("ulimits", Kind::List(Format::Assignment), "['nofile=1024:1024']", "Limits of `RUN` steps."),
    key("shm_size", Kind::Text(Format::DockerBytes), "128m", "Size of `/dev/shm` in `RUN` steps, as Docker reads it."),
    key("allow", Kind::List(Format::Line), "[network.host]", "Entitlements, as `--allow` takes them."),
    key(
        "provenance",
        Kind::Text(Format::Line),
        "mode=max",
        "Provenance attestation, as `--provenance` takes it. When absent, an image that is pushed gets what buildx adds \
         by default, and one that is only measured gets none.",
    ),
    key(
        "sbom",
        Kind::Text(Format::Line),
        "true",
        "SBOM attestation, as `--sbom` takes it; when absent, as with `provenance`.",
    ),
    key(
        "test",
        Kind::Commands,
        "['orders --version', [sh, -c, 'test -s /etc/orders.toml']]",
        "Commands that have to succeed in the image before it is pushed: programs of the image, which take the place of its \
         entrypoint, with their arguments. No shell is between; a text is split into words as one would do it.",
    ),
    key("test_timeout", Kind::Text(Format::Duration), "2m", "Longest time of each of these; 5 minutes when absent."),
    key(
        "test_emulated",
        Kind::Flag,
        "true",
        "Also test on platforms that this machine has to emulate. Images of these are pushed untested when absent.",
    ),
    key("budget", Kind::Section(BUDGET), "{compressed: 60MB}", "Limits, each applied to every platform."),
];

const STARTS: Words = Words { list: &["required", "optional"], expected: "required or optional" };

/// A budget.
pub(super) const BUDGET: &[Key] = &[
    key("compressed", Kind::Text(Format::Bytes), "60MB", "Most bytes that a client may have to pull."),
    key("uncompressed", Kind::Text(Format::Bytes), "180MB", "Most bytes that the unpacked layers may have."),
    key(
        "compressed_growth",
        Kind::Text(Format::Growth),
        "5%",
        "Most growth of the compressed bytes against the base commit, relative or in bytes.",
    ),
    key("layers", Kind::Text(Format::Count), "15", "Most layers."),
    key(
        "wasted",
        Kind::Text(Format::Bytes),
        "5MB",
        "Most bytes of files that layers write and later ones delete or write again.",
    ),
    key(
        "wasted_growth",
        Kind::Text(Format::Growth),
        "1MB",
        "Most bytes that more are wasted than in the base commit's image, or a part of what that wastes.",
    ),
    key(
        "efficiency",
        Kind::Text(Format::Share),
        "95%",
        "Least part of the bytes of all files in layers that is still there in the end.",
    ),
    key(
        "pull",
        Kind::Text(Format::Growth),
        "20MB",
        "Most bytes, or the largest part of the image, that a node may have to pull which has the image of the base \
         commit.",
    ),
    key(
        "starts",
        Kind::Text(Format::OneOf(&STARTS)),
        "required",
        "`required`: a container of the image has to be able to start, as far as the image alone tells. `optional`, the \
         default, for an image that is no program.",
    ),
    key("wall", Kind::Text(Format::Duration), "10m", "Longest time that the build may take."),
];
