//! The key `scan`: which scanner of vulnerabilities is asked; and the option of that name: what one said already.

use std::path::PathBuf;

use super::format::Words;
use crate::oci::Platform;
use crate::report::scan::Scanner;

/// The values of `scan`.
pub(super) const SCANNERS: Words =
    Words { list: &["auto", "off", "trivy", "grype"], expected: "one of auto, off, trivy and grype" };

/// Which scanner is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScanWith {
    /// The first that is installed; none is fine.
    #[default]
    Installed,
    /// None.
    Nothing,
    /// This one, which must be there.
    One(Scanner),
}

/// Reads the value. One that is none has been found fault with.
pub(super) fn parse(text: Option<&str>) -> ScanWith {
    match text {
        Some("off") => ScanWith::Nothing,
        Some(name) => {
            let named = Scanner::ALL.into_iter().find(|scanner| scanner.program() == name);
            named.map_or(ScanWith::Installed, ScanWith::One)
        }
        None => ScanWith::Installed,
    }
}

/// The file with what a scanner said of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenScan {
    /// The image's name in the configuration.
    pub image: String,
    /// Which of its platforms, where it has several.
    pub platform: Option<Platform>,
    /// Where the JSON is.
    pub file: PathBuf,
}

/// Reads `IMAGE[/PLATFORM]=FILE`.
///
/// # Errors
/// When it is something else, with what is.
pub fn parse_given_scan(text: &str) -> Result<GivenScan, String> {
    let parts = text.split_once('=').filter(|(image, file)| !image.is_empty() && !file.is_empty());
    let (build, file) = parts.ok_or("expected IMAGE=FILE or IMAGE/PLATFORM=FILE")?;
    let (image, platform) = match build.split_once('/') {
        Some((image, platform)) => (image, Some(platform.parse::<Platform>().map_err(|error| error.to_string())?)),
        None => (build, None),
    };
    Ok(GivenScan { image: image.to_owned(), platform, file: PathBuf::from(file) })
}

/// One of two images that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is compared with.
    Base,
    /// What is judged.
    Head,
}

/// What is known of vulnerabilities where two images are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SideScan {
    /// No scanner is asked.
    Off,
    /// The file with what a scanner said of one of them.
    Given(Side, PathBuf),
}

/// Reads `base=FILE`, `head=FILE` or `off`.
///
/// # Errors
/// When it is something else, with what is.
pub fn parse_side_scan(text: &str) -> Result<SideScan, String> {
    match text.split_once('=') {
        None if text == "off" => Ok(SideScan::Off),
        Some(("base", file)) if !file.is_empty() => Ok(SideScan::Given(Side::Base, PathBuf::from(file))),
        Some(("head", file)) if !file.is_empty() => Ok(SideScan::Given(Side::Head, PathBuf::from(file))),
        _ => Err("expected base=FILE, head=FILE or off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_scan_names_its_build() {
        for (text, image, platform, file) in [
            ("web=scan.json", "web", None, "scan.json"),
            ("web/linux/arm64=out/a=b.json", "web", Some("linux/arm64"), "out/a=b.json"),
            ("web/linux/arm/v6=/x", "web", Some("linux/arm/v6"), "/x"),
        ] {
            let given = parse_given_scan(text).unwrap();
            let said = (&*given.image, given.platform.map(|platform| platform.to_string()), given.file);
            assert_eq!(said, (image, platform.map(str::to_owned), PathBuf::from(file)), "{text}");
        }
        for text in ["", "web", "web=", "=scan.json", "web/linux=scan.json"] {
            assert!(parse_given_scan(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_scan_of_one_of_two_images_names_its_side() {
        assert_eq!(parse_side_scan("off"), Ok(SideScan::Off));
        assert_eq!(parse_side_scan("base=a.json"), Ok(SideScan::Given(Side::Base, "a.json".into())));
        assert_eq!(parse_side_scan("head=a=b.json"), Ok(SideScan::Given(Side::Head, "a=b.json".into())));
        for text in ["", "on", "base", "base=", "web=a.json", "Head=a.json"] {
            assert!(parse_side_scan(text).is_err(), "{text}");
        }
    }
}
