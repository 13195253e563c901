//! The section `cache`: where the build cache is kept, and who may write it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fs;
use crate::units::parse_duration;

use super::fault::{Faults, KeyPath};
use super::image::Fields;
use super::node::Node;

/// Long enough for a large layer, and short of the ten minutes that BuildKit waits by itself while throttled.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(180);

/// What the configuration says about the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Where it is kept, in this order; `None` means that the surroundings decide. Empty is no cache at all.
    pub backends: Option<Vec<Backend>>,
    /// Repository of the registry cache, without a tag.
    pub repository: Option<String>,
    /// Directory of the local cache, absolute.
    pub directory: Option<PathBuf>,
    /// Where the S3 cache is.
    pub s3: Option<S3>,
    /// Where the Azure cache is.
    pub azblob: Option<Azblob>,
    /// How much is kept.
    pub mode: CacheMode,
    /// What change requests do with it.
    pub pull_requests: PullRequests,
    /// Patterns of branches that write it beside the default branch and protected ones; `*` is any text.
    pub branches: Vec<String>,
    /// Compression of new layers in it, as BuildKit names it; BuildKit's own choice when `None`.
    pub compression: Option<String>,
    /// Level of that compression.
    pub compression_level: Option<u32>,
    /// Longest time of one import or export, where the backend knows such a limit.
    pub timeout: Duration,
    /// More sources for every image, as buildx writes them.
    pub from: Vec<String>,
    /// More targets for every image, as buildx writes them.
    pub to: Vec<String>,
    /// Whether `from` and `to` stand alone.
    pub replace: bool,
    /// Whether a cache that does not do what was planned fails the run.
    pub require: bool,
}

/// A kind of cache store. The names are buildx's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backend {
    /// The GitHub Actions cache.
    Gha,
    /// Tags of a registry's repository.
    Registry,
    /// A directory beside the client.
    Local,
    /// Amazon S3 or alike.
    S3,
    /// Azure Blob Storage.
    Azblob,
    /// Inside of the pushed image itself.
    Inline,
}

/// How much of a build is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CacheMode {
    /// The steps of all stages.
    #[default]
    Max,
    /// The steps whose layers are in the image.
    Min,
}

/// What change requests do with the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PullRequests {
    /// They read it.
    #[default]
    Read,
    /// They also write a place of their own.
    Write,
    /// Neither.
    None,
}

/// An S3 cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3 {
    /// Bucket.
    pub bucket: String,
    /// Region.
    pub region: String,
    /// Endpoint of a store other than AWS.
    pub endpoint_url: Option<String>,
    /// What all names start with.
    pub prefix: Option<String>,
}

/// An Azure Blob Storage cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Azblob {
    /// URL of the storage account.
    pub account_url: String,
    /// Container.
    pub container: String,
    /// What all names start with.
    pub prefix: Option<String>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            backends: None,
            repository: None,
            directory: None,
            s3: None,
            azblob: None,
            mode: CacheMode::default(),
            pull_requests: PullRequests::default(),
            branches: Vec::new(),
            compression: None,
            compression_level: None,
            timeout: DEFAULT_TIMEOUT,
            from: Vec::new(),
            to: Vec::new(),
            replace: false,
            require: false,
        }
    }
}

impl Backend {
    /// All of them, in the order in which a list of them is explained.
    pub const ALL: [Self; 6] = [Self::Gha, Self::Registry, Self::Local, Self::S3, Self::Azblob, Self::Inline];

    /// As buildx writes it after `type=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gha => "gha",
            Self::Registry => "registry",
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Azblob => "azblob",
            Self::Inline => "inline",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.name() == text)
    }
}

impl CacheMode {
    /// As buildx writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}

/// Understands the section. Malformed values were reported by the check of the tree and count as absent here.
pub(super) fn resolve(node: &Node, root: &Path, faults: &mut Faults) -> Cache {
    let path = KeyPath::default().key("cache");
    let fields = Fields(node);
    let default = Cache::default();
    let text = |key: &str| fields.text(key);
    let cache = Cache {
        backends: backends(node, &path, faults),
        repository: text("ref"),
        directory: text("directory").map(|directory| fs::normalize(&root.join(directory))),
        s3: node.get("s3").and_then(|node| s3(node, &path.key("s3"), faults)),
        azblob: node.get("azblob").and_then(|node| azblob(node, &path.key("azblob"), faults)),
        mode: if text("mode").as_deref() == Some("min") { CacheMode::Min } else { default.mode },
        pull_requests: match text("pull_requests").as_deref() {
            Some("write") => PullRequests::Write,
            Some("none") => PullRequests::None,
            _ => default.pull_requests,
        },
        branches: fields.texts("branches"),
        compression: text("compression"),
        compression_level: text("compression_level").and_then(|level| level.parse().ok()),
        timeout: text("timeout").and_then(|text| parse_duration(&text).ok()).unwrap_or(default.timeout),
        from: fields.texts("from"),
        to: fields.texts("to"),
        replace: fields.flag("replace"),
        require: fields.flag("require"),
    };
    check(node, &cache, &path, faults);
    cache
}

fn backends(node: &Node, path: &KeyPath, faults: &mut Faults) -> Option<Vec<Backend>> {
    let node = node.get("backend")?;
    let words: Vec<&str> = node.text().into_iter().chain(node.list().iter().filter_map(Node::text)).collect();
    if words.len() > 1 && words.iter().any(|word| matches!(*word, "auto" | "none")) {
        faults.push(
            &node.place,
            &path.key("backend"),
            "`auto` and `none` stand alone; expected one of them, or a list of others",
        );
    }
    match words.as_slice() {
        ["auto"] => None,
        words => Some(words.iter().filter_map(|word| Backend::parse(word)).collect()),
    }
}

fn s3(node: &Node, path: &KeyPath, faults: &mut Faults) -> Option<S3> {
    let fields = Fields(node);
    let (bucket, region) = (required(node, "bucket", path, faults), required(node, "region", path, faults));
    let (endpoint_url, prefix) = (fields.text("endpoint_url"), fields.text("prefix"));
    Some(S3 { bucket: bucket?, region: region?, endpoint_url, prefix })
}

fn azblob(node: &Node, path: &KeyPath, faults: &mut Faults) -> Option<Azblob> {
    let account_url = required(node, "account_url", path, faults);
    let container = required(node, "container", path, faults);
    Some(Azblob { account_url: account_url?, container: container?, prefix: Fields(node).text("prefix") })
}

fn required(node: &Node, key: &str, path: &KeyPath, faults: &mut Faults) -> Option<String> {
    let text = Fields(node).text(key);
    if text.is_none() {
        faults.push(&node.place, path, format!("no `{key}`; expected one"));
    }
    text
}

/// A backend that was named must have its place, and a setting without its partner would be ignored in silence.
fn check(node: &Node, cache: &Cache, path: &KeyPath, faults: &mut Faults) {
    let named = |backend| cache.backends.iter().flatten().any(|named| *named == backend);
    let missing = [
        (Backend::Local, "directory", cache.directory.is_none()),
        (Backend::S3, "s3", cache.s3.is_none() && node.get("s3").is_none()),
        (Backend::Azblob, "azblob", cache.azblob.is_none() && node.get("azblob").is_none()),
    ];
    for (backend, key, is_missing) in missing {
        if named(backend) && is_missing {
            faults.push(&node.place, path, format!("the backend `{}` needs `{key}` beside it", backend.name()));
        }
    }
    let place = |key: &str| node.get(key).map_or(&node.place, |node| &node.place);
    if cache.replace && cache.from.is_empty() && cache.to.is_empty() {
        faults.push(
            place("replace"),
            &path.key("replace"),
            "there is neither `from` nor `to` to put in the place of the cache; expected one, or `backend: none`",
        );
    }
    if cache.compression_level.is_some() && cache.compression.is_none() {
        faults.push(
            place("compression_level"),
            &path.key("compression_level"),
            "the level of no `compression`; expected one beside it",
        );
    }
}
