//! Runs of workflows and their artifacts. <https://docs.github.com/en/rest/actions/artifacts>

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::artifact::COMPRESSED_LIMIT_BYTES;
use super::{ForgeError, Rest};

/// What to do where a token may not read them.
pub const PERMISSION: &str = "give the job `permissions: actions: read`";

const PER_PAGE: usize = 100;
/// Five hundred artifacts, which every run leaves one of.
const PAGES: usize = 5;

/// An artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Artifact {
    /// Its number; a greater one was given later.
    pub id: u64,
    /// Its name, which runs share.
    pub name: String,
    /// As it is stored.
    pub size_in_bytes: u64,
    /// Whether its content is gone.
    #[serde(default)]
    pub expired: bool,
    /// Of what is stored, such as `sha256:…`; older ones have none.
    #[serde(default)]
    pub digest: Option<String>,
    /// Where it is from.
    #[serde(default)]
    pub workflow_run: Option<Origin>,
}

/// The run that an artifact is of, as the artifact knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Origin {
    /// The number of the run.
    pub id: u64,
    /// The repository of the workflow.
    pub repository_id: Option<u64>,
    /// The repository of the commit, which is another one for a fork.
    pub head_repository_id: Option<u64>,
    /// The branch or tag.
    pub head_branch: Option<String>,
    /// The commit; for a pull request its head, not the trial merge.
    pub head_sha: Option<String>,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Run {
    /// Its number; a greater one was started later.
    pub id: u64,
    /// What started it.
    pub event: String,
    /// How it ended.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// The branch or tag.
    #[serde(default)]
    pub head_branch: Option<String>,
    /// The commit; for a pull request its head, not the trial merge.
    pub head_sha: String,
    /// The repository of the workflow.
    pub repository: Owned,
    /// The repository of the commit; `None` when the fork was deleted.
    #[serde(default)]
    pub head_repository: Option<Owned>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Owned {
    /// Its number, which it keeps when it is renamed.
    pub id: u64,
    /// `owner/name`.
    pub full_name: String,
}

#[derive(Deserialize)]
struct ArtifactsDto {
    artifacts: Vec<Artifact>,
}

impl Rest {
    /// The artifacts of this name in all runs, the newest first, as far as a bounded number of pages goes.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn artifacts(&self, name: &str) -> Result<Vec<Artifact>, ForgeError> {
        self.list("/actions/artifacts", name).await
    }

    /// The artifacts of this name of one run, the newest first: a run that is repeated may have several.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn artifacts_of_run(&self, run: u64, name: &str) -> Result<Vec<Artifact>, ForgeError> {
        self.list(&format!("/actions/runs/{run}/artifacts"), name).await
    }

    async fn list(&self, path: &str, name: &str) -> Result<Vec<Artifact>, ForgeError> {
        let mut all = Vec::new();
        for page in 1..=PAGES {
            let (per_page, page) = (PER_PAGE.to_string(), page.to_string());
            let query = [("name", name), ("per_page", &per_page), ("page", &page)];
            let mut artifacts = self.json::<ArtifactsDto>(path, &query).await?.artifacts;
            let is_last = artifacts.len() < PER_PAGE;
            // A server that does not know the parameter sends them all.
            artifacts.retain(|artifact| artifact.name == name);
            all.extend(artifacts);
            if is_last {
                break;
            }
        }
        all.sort_by_key(|artifact| std::cmp::Reverse(artifact.id));
        Ok(all)
    }

    /// A run of this repository.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn run(&self, id: u64) -> Result<Run, ForgeError> {
        self.json(&format!("/actions/runs/{id}"), &[]).await
    }

    /// The content of an artifact, as it is stored. GitHub answers with the address of a store, which is not told the
    /// token.
    ///
    /// # Errors
    /// [`ForgeError`], [`ForgeError::NotFound`] when it has expired.
    pub async fn download(&self, artifact: &Artifact) -> Result<Vec<u8>, ForgeError> {
        let limit = COMPRESSED_LIMIT_BYTES;
        if artifact.size_in_bytes > limit as u64 {
            return Err(ForgeError::Refused(format!("{} bytes; at most {limit} are read", artifact.size_in_bytes)));
        }
        let content = self.bytes(&format!("/actions/artifacts/{}/zip", artifact.id), &[], limit).await?;
        match artifact.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:")) {
            Some(digest) if !digest.eq_ignore_ascii_case(&sha256(&content)) => {
                Err(ForgeError::Refused("what was downloaded does not have the digest of the artifact".to_owned()))
            }
            _ => Ok(content),
        }
    }
}

pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
