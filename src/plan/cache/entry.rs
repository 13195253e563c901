//! A place in a store as `--cache-from` and `--cache-to` write it. Attributes are those of docker/docs,
//! `build/cache/backends`, and of BuildKit's README, "Export cache".

use std::time::Duration;

use super::backend::{Resolved, Root};
use super::scope::Name;
use crate::config::{Backend, Cache};
use crate::plan::args::csv;

/// Where one cache is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the Actions cache, under this scope.
    Gha {
        /// The scope.
        scope: String,
    },
    /// In a registry, under this reference.
    Registry {
        /// The reference with its tag.
        reference: String,
    },
    /// In a directory of its own.
    Local {
        /// The directory.
        directory: String,
    },
    /// In S3, under this name.
    S3 {
        /// Where.
        store: crate::config::S3,
        /// The manifest's name.
        name: String,
    },
    /// In Azure Blob Storage, under this name.
    Azblob {
        /// Where.
        store: crate::config::Azblob,
        /// The manifest's name.
        name: String,
    },
    /// In the image.
    Inline {
        /// The image's first tag.
        reference: String,
    },
}

/// What all entries of a configuration have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    mode: &'static str,
    compression: Option<String>,
    compression_level: Option<String>,
    timeout: String,
}

impl Attributes {
    /// The attributes that a configuration asks for.
    #[must_use]
    pub fn of(cache: &Cache) -> Self {
        Self {
            mode: cache.mode.name(),
            compression: cache.compression.clone(),
            compression_level: cache.compression_level.map(|level| level.to_string()),
            timeout: go_duration(cache.timeout),
        }
    }
}

impl Place {
    /// The place of a cell in a store; `branch` where the store does not tell branches apart by itself.
    pub(super) fn of(resolved: &Resolved, name: &Name<'_>, branch: Option<&str>) -> Self {
        let name = name.on(branch);
        match resolved.root.clone() {
            Root::Whole => Self::Gha { scope: format!("weighbridge-{name}") },
            Root::Repository(repository) => Self::Registry { reference: format!("{repository}:cache-{name}") },
            Root::Directory(directory) => Self::Local { directory: format!("{directory}/{name}") },
            Root::S3(store) => Self::S3 { store, name },
            Root::Azblob(store) => Self::Azblob { store, name },
            Root::Tags(tags) => Self::Inline { reference: tags.into_iter().next().unwrap_or_default() },
        }
    }

    /// What stands after `--cache-from`.
    #[must_use]
    pub fn import(&self, attributes: &Attributes) -> String {
        match self {
            Self::Gha { scope } => csv(&[("type", "gha"), ("scope", scope), ("timeout", &attributes.timeout)]),
            Self::Registry { reference } | Self::Inline { reference } => {
                csv(&[("type", "registry"), ("ref", reference)])
            }
            Self::Local { directory } => csv(&[("type", "local"), ("src", directory)]),
            Self::S3 { .. } | Self::Azblob { .. } => csv(&self.blob_store()),
        }
    }

    /// What stands after `--cache-to`. A failed export never fails the build: it costs the next one, and is told.
    #[must_use]
    pub fn export(&self, attributes: &Attributes) -> String {
        let mode = ("mode", attributes.mode);
        let mut fields = match self {
            // What is inline is a part of the image's config, which is either written or not.
            Self::Inline { .. } => return csv(&[("type", "inline")]),
            Self::Gha { scope } => vec![("type", "gha"), ("scope", scope), mode, ("timeout", &attributes.timeout)],
            Self::Registry { reference } => vec![("type", "registry"), ("ref", reference), mode],
            Self::Local { directory } => vec![("type", "local"), ("dest", directory), mode],
            Self::S3 { .. } | Self::Azblob { .. } => [self.blob_store(), vec![mode]].concat(),
        };
        if let (Self::Registry { .. } | Self::Local { .. }, Some(compression)) = (self, &attributes.compression) {
            fields.push(("compression", compression));
            fields.extend(attributes.compression_level.as_deref().map(|level| ("compression-level", level)));
        }
        fields.push(("ignore-error", "true"));
        csv(&fields)
    }

    fn blob_store(&self) -> Vec<(&str, &str)> {
        match self {
            Self::S3 { store, name } => {
                let mut fields = vec![("type", "s3"), ("bucket", store.bucket.as_str()), ("region", &store.region)];
                fields.extend(store.endpoint_url.as_deref().map(|url| ("endpoint_url", url)));
                fields.extend(store.prefix.as_deref().map(|prefix| ("prefix", prefix)));
                fields.push(("name", name));
                fields
            }
            Self::Azblob { store, name } => {
                let mut fields = vec![
                    ("type", "azblob"),
                    ("account_url", store.account_url.as_str()),
                    ("container", &store.container),
                ];
                fields.extend(store.prefix.as_deref().map(|prefix| ("prefix", prefix)));
                fields.push(("name", name));
                fields
            }
            _ => Vec::new(),
        }
    }
}

/// The store of an entry in the user's own words; a bare word is a reference in a registry (buildx: buildflags/cache.go).
pub(super) fn backend_of(line: &str) -> Option<Backend> {
    let fields = line.split(',').map(|field| field.trim().trim_matches('"'));
    let kind = fields.filter_map(|field| field.split_once('=')).find(|(key, _)| key.eq_ignore_ascii_case("type"));
    match kind {
        Some((_, kind)) => Backend::ALL.into_iter().find(|backend| backend.name() == kind),
        None => (!line.contains('=')).then_some(Backend::Registry),
    }
}

/// An entry to be written that does not fail the build, unless it says so itself. Inline caches know no such thing.
pub(super) fn never_fatal(line: &str) -> String {
    let is_bare = !line.contains('=');
    match () {
        () if line.contains("ignore-error=") || backend_of(line) == Some(Backend::Inline) => line.to_owned(),
        () if is_bare => format!("type=registry,ref={line},ignore-error=true"),
        () => format!("{line},ignore-error=true"),
    }
}

/// A duration as Go's `time.ParseDuration` reads it.
fn go_duration(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
        .strip_suffix("000ms")
        .map_or_else(|| format!("{}ms", duration.as_millis()), |seconds| format!("{seconds}s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_reads_them() {
        for (milliseconds, text) in [(180_000, "180s"), (1_500, "1500ms"), (10_000, "10s"), (5, "5ms")] {
            assert_eq!(go_duration(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn every_store_has_its_attributes() {
        let cache = Cache { compression: Some("zstd".into()), compression_level: Some(9), ..Cache::default() };
        let attributes = Attributes::of(&cache);
        let s3 = crate::config::S3 {
            bucket: "b".into(),
            region: "eu".into(),
            endpoint_url: Some("https://s3.test".into()),
            prefix: None,
        };
        let azblob = crate::config::Azblob {
            account_url: "https://a.test".into(),
            container: "c".into(),
            prefix: Some("p/".into()),
        };
        for (place, import, export) in [
            (
                Place::Gha { scope: "x".into() },
                "type=gha,scope=x,timeout=180s",
                "type=gha,scope=x,mode=max,timeout=180s,ignore-error=true",
            ),
            (
                Place::Registry { reference: "r/c:x".into() },
                "type=registry,ref=r/c:x",
                "type=registry,ref=r/c:x,mode=max,compression=zstd,compression-level=9,ignore-error=true",
            ),
            (
                Place::Local { directory: "/a,b/x".into() },
                "type=local,\"src=/a,b/x\"",
                "type=local,\"dest=/a,b/x\",mode=max,compression=zstd,compression-level=9,ignore-error=true",
            ),
            (
                Place::S3 { store: s3, name: "x".into() },
                "type=s3,bucket=b,region=eu,endpoint_url=https://s3.test,name=x",
                "type=s3,bucket=b,region=eu,endpoint_url=https://s3.test,name=x,mode=max,ignore-error=true",
            ),
            (
                Place::Azblob { store: azblob, name: "x".into() },
                "type=azblob,account_url=https://a.test,container=c,prefix=p/,name=x",
                "type=azblob,account_url=https://a.test,container=c,prefix=p/,name=x,mode=max,ignore-error=true",
            ),
            (Place::Inline { reference: "r/i:1".into() }, "type=registry,ref=r/i:1", "type=inline"),
        ] {
            assert_eq!((place.import(&attributes).as_str(), place.export(&attributes).as_str()), (import, export));
        }
    }

    #[test]
    fn an_entry_of_the_users_own_never_fails_the_build_unless_it_says_so() {
        for (line, backend, written) in [
            ("type=gha", Some(Backend::Gha), "type=gha,ignore-error=true"),
            ("type=gha,ignore-error=false", Some(Backend::Gha), "type=gha,ignore-error=false"),
            ("acme/cache:main", Some(Backend::Registry), "type=registry,ref=acme/cache:main,ignore-error=true"),
            ("\"type=local\",dest=x", Some(Backend::Local), "\"type=local\",dest=x,ignore-error=true"),
            ("type=inline", Some(Backend::Inline), "type=inline"),
            ("type=later,x=y", None, "type=later,x=y,ignore-error=true"),
        ] {
            assert_eq!((backend_of(line), never_fatal(line).as_str()), (backend, written));
        }
    }
}
