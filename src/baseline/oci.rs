//! The store in a registry: one artifact per commit, under a tag with its name. It works wherever images can be pushed.

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{BaselineStore, Part, REPORT_LIMIT_BYTES, Unavailable};
use crate::registry::{ArtifactKind, RegistryError, Repository};
use crate::report::{Report, v1};

const KIND: ArtifactKind = ArtifactKind {
    artifact_type: "application/vnd.weighbridge.metrics.v1+json",
    media_type: "application/vnd.weighbridge.metrics.v1+json",
};
/// A tag has at most 128 characters.
const SLUG_LIMIT_CHARS: usize = 70;

/// Reports in a repository of a registry.
pub struct OciStore {
    repository: Repository,
    moving_tag: Option<String>,
    part: Part,
}

impl OciStore {
    /// The reports in a repository. With a branch, its newest report is also under a tag of that name, for other tools:
    /// the search itself reads commits only.
    #[must_use]
    pub fn new(repository: Repository, branch: Option<&str>) -> Self {
        Self { repository, moving_tag: branch.map(moving_tag), part: Part::default() }
    }

    /// The reports of a part.
    #[must_use]
    pub fn of(self, part: &Part) -> Self {
        let moving_tag = self.moving_tag.map(|tag| tag + part.suffix());
        Self { moving_tag, part: part.clone(), ..self }
    }

    fn tag(&self, sha: &str) -> Result<String> {
        Ok(format!("weighbridge-sha-{}", self.part.entry(sha)?))
    }

    /// The name of the repository.
    #[must_use]
    pub fn repository(&self) -> &str {
        self.repository.name()
    }

    /// Brings the branch's tag to a report. Repositories whose tags are immutable refuse that, and lose nothing by it.
    pub(super) async fn move_tag(&self, sha: &str, report: &Report) -> Option<String> {
        let tag = self.moving_tag.as_deref()?;
        let moved = self.push(tag, sha, report).await;
        moved.err().map(|error| format!("the tag {tag} still shows an earlier report: {error}"))
    }

    async fn push(&self, tag: &str, sha: &str, report: &Report) -> Result<(), RegistryError> {
        let created = Timestamp::now().to_string();
        let annotations =
            [("org.opencontainers.image.created", created.as_str()), ("org.opencontainers.image.revision", sha)];
        self.repository.push(tag, &KIND, v1::to_json(report).as_bytes(), &annotations).await
    }
}

impl BaselineStore for OciStore {
    async fn load(&self, sha: &str) -> Result<Option<Report>> {
        let tag = self.tag(sha)?;
        let pulled = self.repository.pull(&tag, &KIND, REPORT_LIMIT_BYTES).await;
        let content = pulled.map_err(unavailable).with_context(|| format!("read {tag}"))?;
        content.map(|content| v1::from_json(&content)).transpose().with_context(|| format!("read {tag}"))
    }

    async fn save(&self, sha: &str, report: &Report) -> Result<()> {
        let tag = self.tag(sha)?;
        match self.push(&tag, sha, report).await {
            // An immutable tag has its report from an earlier run of the commit, which is as good.
            Err(RegistryError::Unusable(_)) if self.load(sha).await.is_ok_and(|stored| stored.is_some()) => Ok(()),
            pushed => pushed.map_err(unavailable).with_context(|| format!("write {tag}")),
        }
    }
}

impl std::fmt::Debug for OciStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OciStore({})", self.repository())
    }
}

fn unavailable(error: RegistryError) -> anyhow::Error {
    let text = error.to_string();
    match error {
        RegistryError::Denied(_) => Unavailable::Denied(text).into(),
        RegistryError::Unreachable(_) => Unavailable::Unreachable(text).into(),
        RegistryError::Unusable(_) => error.into(),
    }
}

/// A branch may be called like a commit; its tag must not be.
fn moving_tag(branch: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let slug: String = branch.chars().map(|c| if allowed(c) { c.to_ascii_lowercase() } else { '-' }).collect();
    let slug: String = slug.chars().take(SLUG_LIMIT_CHARS).collect();
    let slug = if slug.starts_with("sha-") { format!("branch-{slug}") } else { slug };
    format!("weighbridge-{slug}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::fake::{report_of, sha};
    use crate::env::Env;

    #[test]
    fn the_tag_of_a_branch_is_made_of_its_name() {
        for (branch, expected) in [
            ("main", "weighbridge-main"),
            ("Release/1.2_x", "weighbridge-release-1.2_x"),
            ("ü @x", "weighbridge----x"),
            ("sha-abc", "weighbridge-branch-sha-abc"),
        ] {
            assert_eq!(moving_tag(branch), expected);
        }
        assert!(moving_tag(&"x".repeat(300)).len() <= 128);
    }

    #[test]
    fn tags_of_commits_and_parts_never_meet_and_are_short_enough() {
        let repository = || Repository::new(&Env::default(), "127.0.0.1:1/acme").unwrap();
        let (whole, long) = (OciStore::new(repository(), None), "x".repeat(300));
        assert_eq!(whole.tag(&sha("a")).unwrap(), format!("weighbridge-sha-{}", sha("a")));
        let part = OciStore::new(repository(), Some(&long)).of(&Part::of(&long));
        assert!(part.tag(&"a".repeat(64)).unwrap().len() <= 128 && part.moving_tag.unwrap().len() <= 128);
    }

    #[tokio::test]
    async fn a_registry_that_is_down_is_a_store_that_cannot_be_asked() {
        let repository = Repository::new(&Env::default(), "127.0.0.1:1/acme").unwrap();
        let store = OciStore::new(repository, Some("main"));
        for error in
            [store.load(&sha("a")).await.unwrap_err(), store.save(&sha("a"), &report_of("a")).await.unwrap_err()]
        {
            assert!(matches!(error.downcast_ref(), Some(Unavailable::Unreachable(_))), "{error:#}");
        }
        let remark = store.move_tag(&sha("a"), &report_of("a")).await.unwrap();
        assert!(remark.starts_with("the tag weighbridge-main still shows an earlier report: not reached"), "{remark}");
    }
}
