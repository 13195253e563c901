//! Where results go: files in the output directory, and standard output.

pub mod actions;
pub mod calm;
pub mod comment;
pub mod forge;
pub mod job_log;
pub mod terminal;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::error::Exit;
use crate::fs;

/// Says that a directory is ours: everything in it may be replaced. Looking for Dockerfiles passes such a directory over.
pub const MARKER: &str = ".weighbridge-output";
/// What a directory without the marker may hold: reports that a CI system brought back from its cache.
const RESTORED: [&str; 2] = ["history", ".gitignore"];
/// The results of a run beside the report and the comment.
pub const METRICS: &str = "metrics.txt";
/// The same remarks as annotations, in the format of GitLab.
pub const CODE_QUALITY: &str = "codequality.json";
/// The outputs as variables.
pub const DOTENV: &str = "outputs.env";
const IGNORE_EVERYTHING: &str = "*\n";

/// The output directory of a run, held by this process alone as long as this value lives.
#[derive(Debug)]
pub struct OutputDirectory {
    /// Absolute.
    pub path: PathBuf,
    _lock: File,
}

impl OutputDirectory {
    /// Makes the directory ready and proves that it can be written before anything is built. It ignores itself in
    /// git, because a run must not make the tree dirty that it measures.
    ///
    /// # Errors
    /// When it holds files that are not ours, another run uses it, or it cannot be written.
    pub fn prepare(path: PathBuf) -> Result<Self> {
        let lock =
            claim(&path).context(Exit::usage("prepare the output directory (choose another with --output-dir)"))?;
        Ok(Self { path, _lock: lock })
    }

    /// Removes the results of an earlier run: one that ends early must not leave them to be taken for its own.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn clear_results(&self) -> Result<()> {
        let beside = [METRICS, CODE_QUALITY, DOTENV].map(|name| self.path.join(name));
        let mut results = [self.report(), self.comment()].into_iter().chain(beside);
        let cleared = results.try_for_each(|path| fs::remove_file(&path));
        cleared.context(Exit::usage("prepare the output directory (choose another with --output-dir)"))
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

    /// Writes the report.
    ///
    /// # Errors
    /// When the disk is full or the directory went away.
    pub fn write_report(&self, json: &str) -> Result<()> {
        write(&self.report(), json)
    }

    /// Writes a result that stands beside the report.
    ///
    /// # Errors
    /// When the disk is full or the directory went away.
    pub fn write_beside(&self, name: &str, text: &str) -> Result<()> {
        write(&self.path.join(name), text)
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

fn claim(path: &Path) -> Result<File> {
    let (marker, ignore) = (path.join(MARKER), path.join(".gitignore"));
    if !fs::is_file(&marker) {
        refuse_foreign(path, &ignore)?;
    }
    if !is_ours(&ignore) {
        fs::write_atomic(&ignore, IGNORE_EVERYTHING.as_bytes())?;
    }
    let lock = fs::create(&marker)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("{} is used by another run of weighbridge", path.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", marker.display())),
    }
}

fn refuse_foreign(path: &Path, ignore: &Path) -> Result<()> {
    let items = if fs::is_directory(path) { fs::list(path, usize::MAX)? } else { Vec::new() };
    let is_foreign = |name: &str| !RESTORED.contains(&name) || (name == ".gitignore" && !is_ours(ignore));
    let foreign = items.iter().find(|item| is_foreign(&item.name));
    match foreign {
        Some(item) => bail!("{} holds {:?}, which weighbridge did not write", path.display(), item.name),
        None => Ok(()),
    }
}

fn is_ours(ignore: &Path) -> bool {
    fs::read_text(ignore, 1 << 10).is_ok_and(|text| text == IGNORE_EVERYTHING)
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
    fn a_directory_with_files_of_somebody_else_is_refused_untouched() {
        for (name, content) in [("report.md", "mine"), (".gitignore", "target\n")] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join(name);
            fs::write_atomic(&file, content.as_bytes()).unwrap();
            let error = format!("{:#}", OutputDirectory::prepare(directory.path().to_owned()).unwrap_err());
            assert!(error.contains(name) && error.contains("--output-dir"), "{error}");
            assert_eq!(fs::read_text(&file, 100).unwrap(), content);
        }
    }

    #[test]
    fn a_restored_history_is_welcome_and_results_are_cleared_on_request_only() {
        let directory = tempfile::tempdir().unwrap();
        fs::write_atomic(&directory.path().join("history/a.json"), b"{}").unwrap();
        let output = OutputDirectory::prepare(directory.path().to_owned()).unwrap();
        output.write("{}", "words").unwrap();
        output.write_beside(METRICS, "# EOF\n").unwrap();
        drop(output);
        let output = OutputDirectory::prepare(directory.path().to_owned()).unwrap();
        assert!(fs::is_file(&output.comment()));
        output.clear_results().unwrap();
        let left = [output.comment(), output.report(), output.path.join(METRICS)];
        assert!(left.iter().all(|path| !fs::is_file(path)));
    }

    #[test]
    fn two_runs_cannot_share_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let first = OutputDirectory::prepare(directory.path().to_owned()).unwrap();
        let error = format!("{:#}", OutputDirectory::prepare(directory.path().to_owned()).unwrap_err());
        assert!(error.contains("another run"), "{error}");
        drop(first);
        OutputDirectory::prepare(directory.path().to_owned()).unwrap();
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
