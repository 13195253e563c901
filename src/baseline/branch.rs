//! The store in a branch of the repository: `reports/<commit>.json`, with the part where a report is of one, and
//! `commits`, which lists them from the oldest on.
//! Unlike artifacts and tags it is one place with all of the history, for trends.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::OnceCell;
use tokio::time::sleep;

use super::part::is_entry;
use super::{BaselineStore, Part, REPORT_LIMIT_BYTES, Unavailable};
use crate::fs;
use crate::git::{Git, Pushed, SideBranch};
use crate::report::{Report, v1};

/// How many reports are kept; older ones give way.
const KEPT_REPORTS: usize = 500;
/// As many writers at the same time are served one after another.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);
const ORDER: &str = "commits";
const REPORTS: &str = "reports";
const ADVICE: &str = "the job needs to be allowed to push (on GitHub `permissions: contents: write`, and a checkout without \
                      `persist-credentials: false`)";
/// What git says where it is not let in, over HTTP and SSH. A forge hides what somebody may not see.
const DENIED: [&str; 8] = [
    "could not read Username",
    "could not read Password",
    "Authentication failed",
    "returned error: 401",
    "returned error: 403",
    "Permission denied",
    "Repository not found",
    "' not found",
];

/// Reports in a branch of `origin`.
#[derive(Debug)]
pub struct BranchStore {
    git: Git,
    branch: String,
    part: Part,
    /// Fetched when it is first needed, and once.
    fetched: OnceCell<SideBranch>,
}

impl BranchStore {
    /// The reports in a branch of this name.
    #[must_use]
    pub fn new(git: Git, branch: &str) -> Self {
        Self { git, branch: branch.to_owned(), part: Part::default(), fetched: OnceCell::new() }
    }

    /// The reports of a part.
    #[must_use]
    pub fn of(self, part: &Part) -> Self {
        Self { part: part.clone(), ..self }
    }

    /// The name of the branch.
    #[must_use]
    pub fn branch(&self) -> &str {
        &self.branch
    }

    async fn fetch(&self) -> Result<SideBranch> {
        let fetched = self.git.side_branch(&self.branch).await;
        Ok(fetched.map_err(|error| unavailable(&error.to_string()))?)
    }

    /// Whether the branch is ours: nothing of somebody else's is ever replaced.
    async fn check(&self, fetched: &SideBranch) -> Result<()> {
        match self.git.side_names(fetched).await?.iter().find(|name| ![ORDER, REPORTS].contains(&name.as_str())) {
            Some(name) => {
                bail!("it holds {name}, so it is not for reports alone; name another one in `baseline.branch`")
            }
            None => Ok(()),
        }
    }

    async fn write(&self, entry: &str, json: &[u8]) -> Result<Pushed> {
        let fetched = self.fetch().await?;
        self.check(&fetched).await?;
        let order = self.git.side_file(&fetched, ORDER).await?.unwrap_or_default();
        let mut order: Vec<String> = String::from_utf8_lossy(&order).lines().map(str::to_owned).collect();
        order.retain(|known| known != entry && is_entry(known));
        order.push(entry.to_owned());
        let outdated: Vec<String> =
            order.drain(..order.len().saturating_sub(KEPT_REPORTS)).map(|entry| path(&entry)).collect();
        let scratch = tempfile::tempdir().context("make a temporary directory")?;
        let (report, list) = (scratch.path().join("report"), scratch.path().join("list"));
        fs::write_atomic(&report, json)?;
        fs::write_atomic(&list, (order.join("\n") + "\n").as_bytes())?;
        let files = [(path(entry), report.as_path()), (ORDER.to_owned(), list.as_path())];
        let files = files.each_ref().map(|(path, file)| (path.as_str(), *file));
        let pushed = self.git.side_push(&fetched, "Reports of weighbridge", &files, &outdated, scratch.path()).await;
        pushed.map_err(|error| anyhow::anyhow!("cannot be pushed: {}; {ADVICE}", first_line(&error.to_string())))
    }
}

impl BaselineStore for BranchStore {
    async fn load(&self, sha: &str) -> Result<Option<Report>> {
        let path = path(&self.part.entry(sha)?);
        let fetched = self.fetched.get_or_try_init(|| self.fetch()).await?;
        let Some(content) = self.git.side_file(fetched, &path).await? else { return Ok(None) };
        if u64::try_from(content.len()).is_ok_and(|length| length > REPORT_LIMIT_BYTES) {
            bail!("{path} is too long");
        }
        v1::from_json(&content).map(Some).with_context(|| format!("read {path}"))
    }

    /// Another writer in between means to begin anew with what that one wrote.
    async fn save(&self, sha: &str, report: &Report) -> Result<()> {
        let entry = self.part.entry(sha)?;
        let json = v1::to_json(report);
        for attempt in 1..=ATTEMPTS {
            if self.write(&entry, json.as_bytes()).await? == Pushed::Done {
                return Ok(());
            }
            // Writers that met once would meet again if they all waited alike.
            let own = u32::from(sha.bytes().next().unwrap_or_default()) % 7 + std::process::id() % 7;
            sleep(PAUSE * (attempt.min(5) + own)).await;
        }
        bail!("others wrote it {ATTEMPTS} times in between")
    }
}

fn path(entry: &str) -> String {
    format!("{REPORTS}/{entry}.json")
}

/// Why the branch was not fetched, told by what git says untranslated.
fn unavailable(told: &str) -> Unavailable {
    let reason = format!("cannot be fetched: {}", first_line(told));
    match DENIED.iter().any(|words| told.contains(words)) {
        true => Unavailable::Denied(reason),
        false => Unavailable::Unreachable(reason),
    }
}

/// What git said itself, without the command line.
fn first_line(text: &str) -> String {
    let told = text
        .lines()
        .find(|line| ["fatal: ", "error: ", "remote: ", "!"].iter().any(|mark| line.trim_start().starts_with(mark)));
    told.or(text.lines().next()).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
