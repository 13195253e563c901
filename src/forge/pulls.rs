//! Pull requests and commits, as far as they say what a run was about.
//! <https://docs.github.com/en/rest/pulls/pulls>, <https://docs.github.com/en/rest/commits/commits>

use serde::Deserialize;

use super::{ForgeError, Rest};

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// What is to be merged.
    pub head: Side,
    /// Into what.
    pub base: Side,
    /// Who opened it.
    #[serde(default)]
    pub user: Option<User>,
    /// What somebody with the right to triage has put on it.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// The trial merge of this moment.
    #[serde(default)]
    pub merge_commit_sha: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// Its name.
    pub login: String,
    /// `Bot` for a program.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// What it says.
    pub name: String,
}

/// One side of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Side {
    /// The commit.
    pub sha: String,
    /// The branch.
    #[serde(rename = "ref")]
    pub branch: String,
    /// `None` when the fork was deleted.
    pub repo: Option<Numbered>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Numbered {
    /// Its number.
    pub id: u64,
}

/// A commit with its parents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Commit {
    /// The commit.
    pub sha: String,
    /// The first one first.
    pub parents: Vec<Parent>,
}

/// A parent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Parent {
    /// The commit.
    pub sha: String,
}

/// How one commit stands to another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comparison {
    /// `ahead`, `behind`, `identical` or `diverged`.
    pub status: String,
    /// The last commit that both have.
    pub merge_base_commit: Parent,
}

impl Rest {
    /// The open pull requests that want to merge this branch of this owner.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn open_pull_requests(&self, owner: &str, branch: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let head = format!("{owner}:{branch}");
        self.json("/pulls", &[("state", "open"), ("head", &head), ("per_page", "100")]).await
    }

    /// A commit by its full name, whose digits the caller has checked.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn commit(&self, sha: &str) -> Result<Commit, ForgeError> {
        self.json(&format!("/git/commits/{sha}"), &[]).await
    }

    /// A commit and those before it, at most a hundred, the newest first.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn commits(&self, sha: &str, count: usize) -> Result<Vec<Commit>, ForgeError> {
        self.json("/commits", &[("sha", sha), ("per_page", &count.to_string())]).await
    }

    /// Compares two commits or branches. Only their relation matters, and pages after the first have no files.
    ///
    /// # Errors
    /// [`ForgeError`].
    pub async fn compare(&self, base: &str, head: &str) -> Result<Comparison, ForgeError> {
        let path = format!("/compare/{}...{}", in_path(base), in_path(head));
        self.json(&path, &[("per_page", "1"), ("page", "2")]).await
    }
}

/// A name of git in an address: these signs would end its path or change it.
fn in_path(name: &str) -> String {
    name.replace('%', "%25").replace('#', "%23").replace('?', "%3F")
}
