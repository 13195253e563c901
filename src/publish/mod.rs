//! Where results go: files in the output directory, and standard output.

pub mod terminal;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::error::Exit;
use crate::fs;

/// The output directory of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputDirectory {
    /// Absolute.
    pub path: PathBuf,
}

impl OutputDirectory {
    /// Makes the directory ready and proves that it can be written before anything is built. It ignores itself in
    /// git, because a run must not make the tree dirty that it measures. Results of an earlier run are removed: a run
    /// that ends early must not leave them to be taken for its own.
    ///
    /// # Errors
    /// When it cannot be created or written: read-only, full, or a file is in the way.
    pub fn prepare(path: PathBuf) -> Result<Self> {
        let output = Self { path };
        let ready = fs::write_atomic(&output.path.join(".gitignore"), b"*\n")
            .and_then(|()| fs::remove_file(&output.report()))
            .and_then(|()| fs::remove_file(&output.comment()));
        ready.context(Exit::usage("prepare the output directory (choose another with --output-dir)"))?;
        Ok(output)
    }

    /// Where the report is.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }

    /// Where the comment is.
    #[must_use]
    pub fn comment(&self) -> PathBuf {
        self.path.join("report.md")
    }

    /// Where earlier reports are.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.path.join("history")
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When the disk is full or the directory went away.
    pub fn write_report(&self, json: &str) -> Result<()> {
        write(&self.report(), json)
    }

    /// Writes the finished report and the comment.
    ///
    /// # Errors
    /// When the disk is full or the directory went away.
    pub fn write(&self, json: &str, markdown: &str) -> Result<()> {
        self.write_report(json)?;
        write(&self.comment(), markdown)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write_atomic(path, text.as_bytes()).context(Exit::not_measured("keep the result"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_directory_ignores_itself_in_git() {
        let directory = tempfile::tempdir().unwrap();
        let output = OutputDirectory::prepare(directory.path().join("a/out")).unwrap();
        assert_eq!(fs::read_text(&output.path.join(".gitignore"), 10).unwrap(), "*\n");
        output.write_report("{}").unwrap();
        assert_eq!(fs::read_text(&output.report(), 10).unwrap(), "{}");
    }

    #[test]
    fn a_file_in_the_way_is_a_usage_error_that_names_the_option() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write_atomic(&path, b"").unwrap();
        let error = OutputDirectory::prepare(path).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), crate::error::USAGE);
        assert!(format!("{error:#}").contains("--output-dir"));
    }
}
