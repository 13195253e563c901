//! How builds and places are named.

use super::line::Line;
use crate::report::{CellId, CellReport, Compression};

/// A build: `orders` linux/amd64.
#[must_use]
pub fn cell_name(id: &CellId) -> Line {
    image_name(&id.image, [id])
}

/// Builds of one image: `orders` linux/amd64, linux/arm64.
pub fn image_name<'a>(image: &str, ids: impl IntoIterator<Item = &'a CellId>) -> Line {
    let platforms = ids.into_iter().map(|id| Line::default().text(&id.platform.to_string()));
    Line::default().code(image).then(" ").list(platforms, ", ")
}

/// A line of a build's Dockerfile: `services/orders/Dockerfile:7`; `Dockerfile:7` where the file is not known.
#[must_use]
pub fn dockerfile_line(cell: Option<&CellReport>, line: u32) -> Line {
    let file = cell.and_then(|cell| cell.dockerfile.as_deref()).unwrap_or("Dockerfile");
    Line::default().code(&format!("{file}:{line}"))
}

/// The name of a compression, as image media types have it.
#[must_use]
pub fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "plain tar",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

/// The first seven characters of a commit.
#[must_use]
pub fn short_sha(sha: &str) -> String {
    sha.chars().take(7).collect()
}

/// The version in what a tool prints of itself, which may be its path and a revision as well.
#[must_use]
pub fn version(printed: &str) -> &str {
    let number = |word: &'_ str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    printed.split_whitespace().find(|word| number(word)).map_or(printed, |word| word.trim_start_matches('v'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_line_is_named_with_its_file_which_may_be_unknown() {
        let mut cell = sample::cell("orders", "linux/amd64", vec![]);
        for (file, expected) in [
            (Some("services/orders/Dockerfile".to_owned()), "services/orders/Dockerfile:7"),
            (Some("Dockerfile".to_owned()), "Dockerfile:7"),
            (None, "Dockerfile:7"),
        ] {
            cell.dockerfile = file;
            assert_eq!(dockerfile_line(Some(&cell), 7).terminal(), expected);
        }
        assert_eq!(dockerfile_line(None, 7).terminal(), "Dockerfile:7");
        cell.dockerfile = Some("deep/".repeat(100) + "Dockerfile");
        let named = dockerfile_line(Some(&cell), 1_234).terminal();
        assert!(named.chars().count() <= 60 && named.ends_with("/Dockerfile:1234"), "{named}");
    }

    #[test]
    fn a_version_stands_without_what_tools_print_around_it() {
        for (printed, shown) in [
            ("github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4", "0.29.1+ds1"),
            ("github.com/docker/buildx v0.29.1 a28f31c", "0.29.1"),
            ("v0.32.2", "0.32.2"),
            ("28.5.2+dfsg4", "28.5.2+dfsg4"),
            ("unknown", "unknown"),
            ("", ""),
        ] {
            assert_eq!(version(printed), shown);
        }
    }
}
