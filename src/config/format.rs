//! The forms that a text of the configuration may have: how each is checked, described and put into the schema.

use crate::oci::Platform;
use crate::units::{Bytes, Percent, parse_duration};

use super::Growth;
use super::baseline::{artifact_is_plausible, branch_is_plausible};
use super::fault::shown;
use super::secret::SecretSpec;
use super::{csv, secret, test};

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Any text.
    Any,
    /// Text on one line, not empty.
    Line,
    /// The name of an image.
    ImageName,
    /// The name of a build argument, a label or a build context.
    MapKey,
    /// `os/architecture[/variant]`.
    Platform,
    /// An image reference.
    Tag,
    /// `key=value`.
    Assignment,
    /// What `--secret` takes.
    Secret,
    /// Bytes in decimal or binary units.
    Bytes,
    /// Bytes where `m` means MiB, as Docker's own options take them.
    DockerBytes,
    /// A percentage or bytes.
    Growth,
    /// A percentage.
    Percent,
    /// A percentage of a whole.
    Share,
    /// A whole number above zero.
    Count,
    /// `90s`, `10m`.
    Duration,
    /// A repository of a registry, without tag and digest.
    Repository,
    /// What `--cache-from` and `--cache-to` take.
    CacheEntry,
    /// The name of an artifact of workflows, or `false`.
    ArtifactName,
    /// The name of a branch.
    Branch,
    /// The name of a node, which becomes a part of names of builders, containers and deployments.
    NodeName,
    /// A program and its arguments.
    Command,
    /// One of these words.
    OneOf(&'static Words),
}

/// The words of which one may stand somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// The words.
    pub(super) list: &'static [&'static str],
    /// The same, for "expected …".
    pub(super) expected: &'static str,
}

impl Format {
    /// What should have been written.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Any => "text",
            Self::Line => "text on one line",
            Self::ImageName => {
                "a name of letters, digits, `.`, `_` and `-`, starting with a letter or digit, at most 128 long"
            }
            Self::MapKey => "a name without `=` and blanks",
            Self::Platform => "a platform such as linux/arm64",
            Self::Tag => "an image reference such as ghcr.io/acme/orders:latest",
            Self::Assignment => "an assignment such as key=value",
            Self::Secret => "a secret such as id=token,env=TOKEN or id=token,src=token.txt",
            Self::Bytes => "a number of bytes such as 60MB, 60MiB or 62914560",
            Self::DockerBytes => "a number of bytes such as 64m, 1g or 67108864",
            Self::Growth => "a percentage such as 5% or a number of bytes such as 2MB",
            Self::Percent => "a percentage such as 0.5%",
            Self::Share => "a percentage up to 100% such as 95%",
            Self::Count => "a whole number above zero",
            Self::Duration => "a duration such as 90s, 10m or 1h 30m",
            Self::Repository => "a repository without tag such as ghcr.io/acme/shop/cache",
            Self::CacheEntry => "a cache such as type=registry,ref=ghcr.io/acme/shop/cache:main",
            Self::ArtifactName => "the name of an artifact such as weighbridge, or false",
            Self::Branch => "the name of a branch such as weighbridge",
            Self::NodeName => "a name such as arm-1: up to 30 lower case letters, digits and hyphens",
            Self::Command => "a command such as orders --version",
            Self::OneOf(words) => words.expected,
        }
    }

    /// The JSON Schema pattern: never stricter than [`Format::fault`], often less.
    pub(super) fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Any | Self::Count | Self::OneOf(_) => None,
            Self::Repository => Some("^[A-Za-z0-9][^\\s@]*$"),
            Self::ArtifactName => Some(r#"^[^"':<>|*?\\/\r\n]+$"#),
            Self::Branch => Some("^[A-Za-z0-9][A-Za-z0-9._/-]*$"),
            Self::CacheEntry => Some(r"^[^\s][^\r\n]*$"),
            Self::Line => Some(r"^[^\r\n]+$"),
            Self::NodeName => Some("^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$"),
            Self::Command => Some(r"[^\s]"),
            Self::ImageName => Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"),
            Self::MapKey => Some(r"^[^=\s]+$"),
            Self::Platform => Some("^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$"),
            Self::Tag => Some(r"^[A-Za-z0-9][^\s]*$"),
            Self::Assignment => Some("^[^=]+="),
            Self::Secret => Some(r#"(^|,)"?[iI][dD]="#),
            Self::Bytes => Some("^[0-9.]+ *([kKmMgGtTpPeE]?[iI]?[bB]?)$"),
            Self::DockerBytes => Some("^[0-9.]+ ?([kKmMgGtTpP]?[iI]?[bB]?)$"),
            Self::Percent | Self::Share => Some("^[0-9.]+ *%$"),
            Self::Growth => Some("^[0-9.]+ *(%|[kKmMgGtTpPeE]?[iI]?[bB]?)$"),
            Self::Duration => Some("^ *([0-9]+ *[a-zA-Zµ]+ *)+$"),
        }
    }

    /// What is wrong with a text, `None` when nothing is.
    pub(super) fn fault(self, text: &str) -> Option<String> {
        let good = match self {
            Self::Any => !text.contains('\0'),
            Self::Line => !text.is_empty() && !text.contains(char::is_control),
            Self::ImageName => {
                text.len() <= 128
                    && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            }
            Self::MapKey => {
                !text.is_empty() && !text.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control())
            }
            Self::Platform => text.parse::<Platform>().is_ok(),
            Self::Tag => tag_is_plausible(text),
            Self::Assignment => !text.starts_with('=') && text.contains('=') && !text.contains(char::is_control),
            Self::Secret => {
                let reason = SecretSpec::parse(text).err()?;
                return Some(format!("{reason}; expected {}", self.expected()));
            }
            Self::Bytes => text.parse::<Bytes>().is_ok(),
            Self::DockerBytes => docker_bytes(text).is_some(),
            Self::Growth => growth(text).is_some(),
            Self::Percent => text.parse::<Percent>().is_ok(),
            Self::Share => text.parse::<Percent>().is_ok_and(|percent| percent.0 <= 100.0),
            Self::Count => text.parse::<u32>().is_ok_and(|count| count > 0),
            Self::Duration => parse_duration(text).is_ok(),
            Self::Repository => repository_is_plausible(text),
            Self::CacheEntry => {
                let reason = cache_entry_fault(text)?;
                return Some(format!("{reason}; expected {}", self.expected()));
            }
            Self::ArtifactName => artifact_is_plausible(text),
            Self::Branch => branch_is_plausible(text),
            Self::NodeName => node_name_is_plausible(text),
            Self::Command => !text.contains('\0') && test::split(text).is_some(),
            Self::OneOf(words) => words.list.contains(&text),
        };
        (!good).then(|| format!("{} is not {}", shown(text), self.expected()))
    }
}

/// Parses a limit of growth: `5%` or `2MB`.
pub(super) fn growth(text: &str) -> Option<Growth> {
    if text.trim_end().ends_with('%') {
        return text.trim_end().parse::<Percent>().ok().map(Growth::Relative);
    }
    text.parse::<Bytes>().ok().map(Growth::Absolute)
}

/// Parses bytes as Docker does for `--shm-size`: every unit is binary, whether `m`, `mb`, `MB` or `MiB`.
pub(super) fn docker_bytes(text: &str) -> Option<Bytes> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start_matches(' ').to_ascii_lowercase();
    let scale = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
    let factor = match scale {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1_u64 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).map(Bytes)
}

/// Catches what is certainly no reference; the rest is buildx's to judge.
fn tag_is_plausible(text: &str) -> bool {
    let name = text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(text, |(name, _)| name);
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '$')
        && !name.split('/').skip(1).any(|part| part.is_empty() || part.contains(char::is_uppercase))
}

/// As kubernetes takes them (RFC 1123), and short enough for what is put before and behind.
fn node_name_is_plausible(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=30).contains(&text.len()) && text.chars().all(is_part) && !text.starts_with('-') && !text.ends_with('-')
}

/// Tags are ours to choose, one per cell and branch.
fn repository_is_plausible(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or(text);
    tag_is_plausible(text) && !text.contains('@') && text.contains('/') && !last.contains(':')
}

/// What is wrong with a cache entry. A secret in it would stand on the command line for every process to read, so it is
/// neither taken nor repeated; buildx finds each of them in the environment.
fn cache_entry_fault(text: &str) -> Option<String> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Some("not a cache entry on one line".to_owned());
    }
    let Some(fields) = csv::split(text) else { return Some("a quote is not closed".to_owned()) };
    let named: Vec<(String, &str)> = fields
        .iter()
        .filter_map(|field| field.split_once('='))
        .map(|(key, value)| (key.trim().to_ascii_lowercase(), value))
        .collect();
    if let Some((key, _)) = named.iter().find(|(key, _)| secret::CACHE_SECRETS.iter().any(|(name, _)| key == name)) {
        let variable = secret::CACHE_SECRETS.iter().find(|(name, _)| key == name).map_or("", |(_, variable)| *variable);
        return Some(format!("`{key}` would stand on the command line; {variable}"));
    }
    if fields.len() != named.len() && fields.len() > 1 {
        return Some("a field is not key=value".to_owned());
    }
    (fields.len() == named.len() && !named.iter().any(|(key, value)| key == "type" && !value.is_empty()))
        .then(|| "no `type=`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(Format, &[&str], &[&str])] = &[
        (Format::Any, &["", "a\nb", "no"], &["\0"]),
        (Format::Line, &["a", "a b"], &["", "a\nb", "\0"]),
        (Format::ImageName, &["orders", "1a", "a.b_c-d"], &["", "-a", "a/b", "a b", "é"]),
        (Format::MapKey, &["VERSION", "org.opencontainers.image.title"], &["", "A=B", "A B"]),
        (Format::Platform, &["linux/amd64", "linux/arm/v7"], &["linux", "linux/", "a b/c"]),
        (
            Format::Tag,
            &["orders", "ghcr.io/acme/orders:1.4", "127.0.0.1:5000/x", "Host.test/x:Latest", "a@sha256:00"],
            &["", "a b", "-a", "acme/Orders", "acme//x", "acme/x:${V}"],
        ),
        (Format::Assignment, &["a=", "a=b=c", "index:a=b"], &["", "a", "=b", "a=\n"]),
        (Format::Secret, &["id=a", "id=a,env=B", "type=file,id=a,src=b"], &["", "a", "env=B", "id=a,x=y"]),
        (Format::Bytes, &["60MB", "1.5 GiB", "0", "62914560"], &["", "-1", "60XB", "MB", "5%"]),
        (Format::DockerBytes, &["64m", "64MiB", "64 mb", "1g", "67108864"], &["", "m", "-1m", "99999999999999t", "6x"]),
        (Format::Growth, &["5%", "2.5 %", "2MB", "0%"], &["", "%", "-5%", "five"]),
        (Format::Percent, &["5%", "0.5 %", "0%"], &["", "%", "-5%", "0.5", "1MB"]),
        (Format::Share, &["95%", "100%", "0 %"], &["", "95", "100.1%", "-1%"]),
        (Format::Count, &["1", "15"], &["", "0", "-1", "1.5", "4294967296"]),
        (Format::Duration, &["90s", "10m", "1h 30m"], &["", "0s", "10", "ten"]),
        (
            Format::Repository,
            &["ghcr.io/acme/shop/cache", "127.0.0.1:5000/cache", "acme/cache"],
            &["", "cache", "ghcr.io/acme/cache:main", "acme/cache@sha256:00", "acme/Cache", "acme cache/x"],
        ),
        (
            Format::CacheEntry,
            &["type=gha", "type=gha,scope=a,mode=max", r#"type=local,"src=a,b""#, "ghcr.io/acme/cache:main"],
            &["", " ", "scope=a", "type=", "type=gha,max", "type=gha,token=x", "type=s3,Secret_Access_Key=x", "a\nb"],
        ),
        (Format::ArtifactName, &["weighbridge", "false", "a b"], &["", " ", "a/b", "a:b", "true", "a\nb"]),
        (
            Format::Branch,
            &["weighbridge", "metrics/weights-1.x"],
            &["", "-x", "a..b", "a//b", "/a", "a/", "a b", "a.lock", "a.lock/b", "a/.b", "a.", "a^b", "@"],
        ),
        (
            Format::NodeName,
            &["arm", "1", "arm-64-b"],
            &["", "-a", "a-", "Arm", "a.b", "a_b", "é", "a123456789b123456789c123456789d"],
        ),
        (Format::Command, &["orders --version", "sh -c 'a b'", "a\n"], &["", " ", "a '", "\0"]),
        (
            Format::OneOf(&Words { list: &["max", "min"], expected: "max or min" }),
            &["max", "min"],
            &["", "Max", "maxi"],
        ),
    ];

    #[test]
    fn every_format_takes_what_is_right_and_names_what_is_wrong() {
        for (format, good, bad) in TABLE {
            for text in *good {
                assert_eq!(format.fault(text), None, "{format:?} {text:?}");
            }
            for text in *bad {
                let fault = format.fault(text).unwrap_or_else(|| panic!("{format:?} takes {text:?}"));
                assert!(fault.contains(format.expected()), "{fault}");
            }
        }
    }

    #[test]
    fn the_schema_takes_every_text_that_the_reader_takes() {
        for (format, good, _) in TABLE {
            let Some(pattern) = format.pattern() else { continue };
            let pattern = regex::Regex::new(pattern).unwrap();
            for text in *good {
                assert!(pattern.is_match(text), "{format:?} {text:?}");
            }
        }
    }

    #[test]
    fn bytes_of_docker_options_are_binary() {
        for text in ["64m", "64M", "64mb", "64MiB", "64 mb", "67108864", "65536k"] {
            assert_eq!(docker_bytes(text), Some(Bytes(64 << 20)), "{text}");
        }
    }

    #[test]
    fn growth_is_relative_or_absolute() {
        assert_eq!(growth("5 %"), Some(Growth::Relative(Percent(5.0))));
        assert_eq!(growth("2MB"), Some(Growth::Absolute(Bytes(2_000_000))));
    }

    #[test]
    fn a_secret_of_a_cache_is_refused_and_not_echoed() {
        let fault = Format::CacheEntry.fault("type=gha,ghtoken=hunter2").unwrap();
        assert!(fault.contains("`ghtoken`") && fault.contains("command line") && !fault.contains("hunter2"), "{fault}");
    }

    #[test]
    fn a_secret_is_not_echoed() {
        let fault = Format::Secret.fault("id=a,value=hunter2").unwrap();
        assert!(!fault.contains("hunter2"), "{fault}");
        let fault = Format::Platform.fault("ghp_0123456789").unwrap();
        assert!(!fault.contains("0123456789"), "{fault}");
    }
}
