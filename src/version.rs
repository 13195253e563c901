//! Versions as tools print them. Distribution builds carry no leading `v` and a suffix (`0.29.1+ds1`), or say
//! `v0.0.0+unknown`: that is unknown, never "older than everything".

use std::fmt;

/// `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

/// The oldest buildx that speaks version 2 of the GitHub Actions cache, the only one since 2025-04-15.
pub const OLDEST_BUILDX_FOR_GHA: Version = Version { major: 0, minor: 21, patch: 0 };
/// The oldest BuildKit that does.
pub const OLDEST_BUILDKIT_FOR_GHA: Version = Version { major: 0, minor: 20, patch: 0 };
/// The oldest buildx with `--progress=rawjson`, several outputs and the metadata that is read.
pub const OLDEST_BUILDX: Version = Version { major: 0, minor: 13, patch: 0 };

impl Version {
    /// Reads a version; `None` when it is unknown.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v');
        let number = text.split(['+', '-', '~']).next()?;
        let mut parts = number.split('.').map(str::parse);
        let version = Self {
            major: parts.next()?.ok()?,
            minor: parts.next()?.ok()?,
            patch: parts.next().map_or(Some(0), Result::ok)?,
        };
        let is_placeholder = version == Self { major: 0, minor: 0, patch: 0 };
        (!is_placeholder).then_some(version)
    }

    /// Reads the line of `docker buildx version`: `github.com/docker/buildx v0.29.1 <revision>`.
    #[must_use]
    pub fn parse_buildx(line: &str) -> Option<Self> {
        line.split_whitespace().nth(1).and_then(Self::parse)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_upstream_and_distributions_are_read() {
        for (line, version) in [
            ("github.com/docker/buildx v0.29.1 a1b2c3", Some("0.29.1")),
            ("github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4", Some("0.29.1")),
            ("github.com/docker/buildx v0.13.0-rc2 x", Some("0.13.0")),
            ("github.com/docker/buildx v0.0.0+unknown", None),
            ("garbage", None),
            ("", None),
        ] {
            assert_eq!(Version::parse_buildx(line).map(|v| v.to_string()).as_deref(), version, "{line}");
        }
        assert_eq!(Version::parse("20.10"), Some(Version { major: 20, minor: 10, patch: 0 }));
    }
}
