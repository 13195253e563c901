//! Under which name the report of a commit is stored.

use anyhow::{Result, bail};

use super::is_full_sha;
use crate::report::part;

/// The part of a repository that a report is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part(String);

impl Part {
    /// The part that a report's key names. Keys that differ give parts that differ.
    #[must_use]
    pub fn of(report_key: &str) -> Self {
        Self(part::suffix(report_key))
    }

    /// What is added to names that belong to this part.
    pub(super) fn suffix(&self) -> &str {
        &self.0
    }

    /// The name under which the report of a commit is stored, fit for files and tags.
    ///
    /// # Errors
    /// When it is not a commit's full name: that comes from git, a forge or a report.
    pub(super) fn entry(&self, sha: &str) -> Result<String> {
        if !is_full_sha(sha) {
            bail!("{sha:?} is not a commit; expected 40 or 64 lowercase hexadecimal digits");
        }
        Ok(format!("{sha}{}", self.0))
    }
}

/// Whether a name is one that [`Part::entry`] gives.
pub(super) fn is_entry(name: &str) -> bool {
    let (sha, part) = name.split_once('-').map_or((name, None), |(sha, part)| (sha, Some(part)));
    is_full_sha(sha) && part.is_none_or(|part| part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::fake::sha;

    #[test]
    fn parts_have_names_of_their_own() {
        let entry = |key: &str| Part::of(key).entry(&sha("a")).unwrap();
        assert_eq!(entry("weighbridge"), sha("a"));
        let mut entries: Vec<String> =
            ["weighbridge", "services/web", "services-web", "weighbridge@web", "ä", "ö", &"x".repeat(300)]
                .iter()
                .map(|key| entry(key))
                .collect();
        assert!(entries.iter().all(|entry| is_entry(entry) && entry.len() <= 100), "{entries:?}");
        entries.sort();
        entries.dedup();
        assert_eq!(entries.len(), 7);
        assert!(entry("services/web").starts_with(&format!("{}-services-web-", sha("a"))));
    }

    #[test]
    fn what_is_no_commit_is_no_entry() {
        for text in ["", "main", "../x", "a:b"] {
            assert!(Part::default().entry(text).is_err() && !is_entry(text), "{text}");
        }
        assert!(!is_entry(&format!("{}-../x", sha("a"))));
    }
}
