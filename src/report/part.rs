//! What tells apart the reports of one commit: jobs of one repository may each weigh other images of it, and the report of
//! one is no baseline for another.

use sha2::{Digest, Sha256};

/// The key of a report of everything that a repository's configuration has.
pub const WHOLE: &str = "weighbridge";
const SLUG_LIMIT_CHARS: usize = 24;
/// Of the digest, enough for the jobs of a repository.
const DIGEST_CHARS: usize = 8;

/// What is added to the names of files, tags and artifacts for the part of a repository that a report's key names; nothing
/// for the whole. Keys that differ give suffixes that differ: where a key is not fit for names as it is, its digest is added.
#[must_use]
pub fn suffix(report_key: &str) -> String {
    if report_key == WHOLE {
        return String::new();
    }
    let is_kept = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    let slug: String = report_key.chars().map(|c| if is_kept(c) { c } else { '-' }).take(SLUG_LIMIT_CHARS).collect();
    // Some file systems do not tell letters apart by case.
    if slug == report_key && !slug.contains(|c: char| c.is_ascii_uppercase()) {
        return format!("-{slug}");
    }
    let digest = Sha256::digest(report_key.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("-{slug}-{}", digest.chars().take(DIGEST_CHARS).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_have_suffixes_that_differ() {
        let long = "x".repeat(300);
        let keys =
            ["weighbridge", "backend", "Backend", "services/web", "services-web", "weighbridge@web", "ä", "ö", &long];
        let mut suffixes = keys.map(suffix);
        assert_eq!(suffixes[..2], ["", "-backend"]);
        assert_eq!((&*suffixes[3], &*suffixes[4]), ("-services-web-ae4b4ef8", "-services-web"));
        assert!(suffixes.iter().all(|suffix| suffix.len() <= 34), "{suffixes:?}");
        suffixes.sort();
        assert!(suffixes.windows(2).all(|pair| pair[0] != pair[1]), "{suffixes:?}");
    }
}
