//! A platform as the OCI image index names it: `os/architecture[/variant]`.

use std::fmt;
use std::str::FromStr;

/// Where an image runs. Ordered by its printed form, so that rows sort the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Architecture in Go's spelling, such as `amd64`.
    pub architecture: String,
    /// Variant such as `v7`; `None` where the specification's default applies.
    pub variant: Option<String>,
}

impl Platform {
    /// A platform from parts, in the normal form that containerd uses: `x86_64` is `amd64`, `aarch64` and
    /// `arm64/v8` are `arm64`, plain `arm` is `arm/v7`.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let (os, architecture) = (os.to_ascii_lowercase(), architecture.to_ascii_lowercase());
        let variant = variant.map(str::to_ascii_lowercase).filter(|variant| !variant.is_empty());
        let (architecture, variant) = match (architecture.as_str(), variant.as_deref()) {
            ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64".to_owned(), None),
            ("aarch64" | "arm64", None | Some("8" | "v8")) => ("arm64".to_owned(), None),
            ("i386" | "i486" | "i586" | "i686", _) => ("386".to_owned(), None),
            ("armhf", _) | ("arm", None | Some("7")) => ("arm".to_owned(), Some("v7".to_owned())),
            ("armel", _) | ("arm", Some("6")) => ("arm".to_owned(), Some("v6".to_owned())),
            ("x86_64" | "x86-64", Some(other)) => ("amd64".to_owned(), Some(other.to_owned())),
            ("aarch64", Some(other)) => ("arm64".to_owned(), Some(other.to_owned())),
            _ => (architecture, variant),
        };
        Self { os, architecture, variant }
    }

    /// The platform in a form that is safe as one path component: `linux-arm-v7`.
    #[must_use]
    pub fn slug(&self) -> String {
        self.to_string().replace('/', "-")
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// A text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsePlatformError(String);

impl fmt::Display for ParsePlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a platform; expected os/architecture[/variant] such as linux/arm64", self.0)
    }
}

impl std::error::Error for ParsePlatformError {}

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part_is_plain = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        };
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [os, architecture] if parts.iter().all(part_is_plain) => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] if parts.iter().all(part_is_plain) => {
                Ok(Self::new(os, architecture, Some(variant)))
            }
            _ => Err(ParsePlatformError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_parse_to_their_normal_form() {
        for (text, normal) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("Linux/AArch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), normal, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_platform_is_refused() {
        for text in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux amd64", "linux/../x y"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
