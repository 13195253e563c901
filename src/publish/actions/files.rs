//! The files by which a step tells the runner of GitHub Actions its outputs, its state and its summary. They are only
//! added to, as other programs of the step may have written there (actions/runner: `FileCommandManager.cs`).

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::env::Env;
use crate::fs;

/// Larger summaries are refused by the runner, whatever is in them (`CreateStepSummaryCommand.AttachmentSizeLimit`).
const SUMMARY_LIMIT_BYTES: u64 = 1 << 20;

/// Adds outputs of the step, or values for the script that runs after the job.
///
/// # Errors
/// When the file cannot be written.
pub fn add_values(file: &Values, values: &[(&str, String)], delimiter: &str) -> Result<()> {
    let text: Result<String> = values.iter().map(|(name, value)| entry(name, value, delimiter)).collect();
    fs::append_lines(&file.0, &text?)
}

/// A file of values, `GITHUB_OUTPUT` or `GITHUB_STATE`.
#[derive(Debug, Clone)]
pub struct Values(PathBuf);

impl Values {
    /// The outputs of the step.
    #[must_use]
    pub fn outputs(env: &Env) -> Option<Self> {
        env.get("GITHUB_OUTPUT").map(|path| Self(path.into()))
    }

    /// What the script after the job is told.
    #[must_use]
    pub fn state(env: &Env) -> Option<Self> {
        env.get("GITHUB_STATE").map(|path| Self(path.into()))
    }
}

/// A value between two lines that it does not contain.
fn entry(name: &str, value: &str, delimiter: &str) -> Result<String> {
    if value.contains(delimiter) {
        bail!("the value of {name} contains the delimiter");
    }
    Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

/// The summary of the step.
#[derive(Debug, Clone)]
pub struct Summary {
    path: PathBuf,
    /// What still fits.
    pub room_bytes: usize,
}

impl Summary {
    /// The summary, where the runner has one.
    #[must_use]
    pub fn of(env: &Env) -> Option<Self> {
        let path = PathBuf::from(env.get("GITHUB_STEP_SUMMARY")?);
        // One for the line's end that may be missing.
        let taken = fs::length(&path).unwrap_or(0).saturating_add(1);
        let room = SUMMARY_LIMIT_BYTES.saturating_sub(taken);
        Some(Self { path, room_bytes: usize::try_from(room).unwrap_or(0) })
    }

    /// Adds Markdown, whole or not at all.
    ///
    /// # Errors
    /// When there is no room for it, or the file cannot be written.
    pub fn add(&self, markdown: &str) -> Result<()> {
        if markdown.len() > self.room_bytes {
            bail!("the summary of the step has room for {} bytes only", self.room_bytes);
        }
        fs::append_lines(&self.path, markdown).context("add to the summary of the step")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variable: &str, path: &std::path::Path) -> Env {
        let variables = [(variable.to_owned(), path.to_string_lossy().into_owned())].into();
        Env { variables, ..Env::default() }
    }

    #[test]
    fn values_are_added_each_between_two_delimiters() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("output");
        let file = Values::outputs(&env("GITHUB_OUTPUT", &path)).unwrap();
        add_values(&file, &[("a", "1\n2".to_owned()), ("b", String::new())], "E1").unwrap();
        fs::append_lines(&path, "c=of another").unwrap();
        add_values(&file, &[("d", "a<<E2=\n".to_owned())], "E3").unwrap();
        let text = fs::read_text(&path, 1_000).unwrap();
        assert_eq!(text, "a<<E1\n1\n2\nE1\nb<<E1\n\nE1\nc=of another\nd<<E3\na<<E2=\n\nE3\n");
        assert!(add_values(&file, &[("e", "x E4 y".to_owned())], "E4").is_err());
        assert_eq!(fs::read_text(&path, 1_000).unwrap(), text);
    }

    #[test]
    fn a_summary_is_added_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("summary");
        let env = env("GITHUB_STEP_SUMMARY", &path);
        fs::append_lines(&path, &"x".repeat((1 << 20) - 10)).unwrap();
        let summary = Summary::of(&env).unwrap();
        assert_eq!(summary.room_bytes, 9);
        assert!(summary.add("0123456789").is_err());
        summary.add("012345678").unwrap();
        assert_eq!(fs::length(&path), Some(1 << 20));
        assert_eq!(Summary::of(&env).unwrap().room_bytes, 0);
        assert!(Summary::of(&Env::default()).is_none());
    }
}
