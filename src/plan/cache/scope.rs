//! The name of a cell's place in a cache: readable, stable, and never that of another cell.
//!
//! The readable part loses characters that stores do not take and what makes it too long, so a digest over the exact
//! parts ends it. Registries allow 128 characters in a tag (OCI distribution spec, "Pulling manifests").

use sha2::{Digest, Sha256};

use crate::report::CellId;

/// Bytes of the digest, written as hexadecimal digits: enough for a thousand cells on a thousand branches to differ.
const DIGEST_BYTES: usize = 6;
/// Characters of the image's name, and of the branch's.
const PART_CHARS: usize = 40;

/// The parts of a name.
pub(super) struct Name<'a> {
    pub(super) cell: &'a CellId,
    /// The directory of the configuration in its repository.
    pub(super) project: &'a str,
}

impl Name<'_> {
    /// Image, platform and branch: `orders-linux-amd64-main-3f2a9c1d44ab`.
    pub(super) fn on(&self, branch: Option<&str>) -> String {
        let image = readable(&self.cell.image);
        let platform = self.cell.platform.slug();
        let readable: Vec<String> = [image, platform].into_iter().chain(branch.map(readable)).collect();
        let exact = [self.project, &self.cell.image, &self.cell.platform.to_string()];
        format!("{}-{}", readable.join("-"), digest(exact.into_iter().chain(branch)))
    }
}

/// What is left of a text in a tag.
fn readable(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c.to_ascii_lowercase() } else { '-' };
    text.chars().take(PART_CHARS).map(keep).collect::<String>().trim_matches(['-', '.']).to_owned()
}

/// A digest of parts, in which no part can pass for two.
fn digest<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().take(DIGEST_BYTES).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn name(project: &str, image: &str, platform: &str, branch: Option<&str>) -> String {
        let cell = CellId { image: image.to_owned(), platform: platform.parse().unwrap() };
        Name { cell: &cell, project }.on(branch)
    }

    #[test]
    fn a_name_can_be_read_and_does_not_change() {
        assert_eq!(name("", "orders", "linux/amd64", Some("main")), "orders-linux-amd64-main-da5f4be42158");
        assert_eq!(name("", "orders", "linux/arm/v7", None), "orders-linux-arm-v7-0d6f9dadd351");
        assert!(
            name("", "orders", "linux/amd64", Some("feature/Überholen"))
                .starts_with("orders-linux-amd64-feature--berholen-")
        );
    }

    proptest! {
        #[test]
        fn no_two_cells_and_branches_share_a_name(
            parts in prop::collection::vec(
                ("[a-b-]{0,3}", "[a-c.-]{1,4}|[a-z]{50,128}", prop::sample::select(vec!["linux/amd64", "linux/arm/v7", "linux/arm64"]),
                 prop::option::of("[a-b/-]{0,4}|.{0,200}")), 1..60)
        ) {
            let mut seen = BTreeMap::new();
            for (project, image, platform, branch) in parts {
                let name = name(&project, &image, platform, branch.as_deref());
                let tag = format!("cache-{name}");
                prop_assert!(tag.len() <= 128 && tag.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{}", tag);
                let parts = (project, image, platform, branch);
                let first = seen.entry(name).or_insert_with(|| parts.clone());
                prop_assert_eq!(first.clone(), parts);
            }
        }
    }
}
