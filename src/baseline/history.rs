//! The store on this machine: `<output directory>/history/<commit>.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::part::is_entry;
use super::{BaselineStore, Part, REPORT_LIMIT_BYTES};
use crate::fs;
use crate::report::{Report, v1};

/// How many reports are kept; older ones give way.
const KEPT_REPORTS: usize = 200;

/// Reports of earlier runs on this machine, one file per commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryDirectory {
    directory: PathBuf,
    part: Part,
}

impl HistoryDirectory {
    /// The history that belongs to an output directory; it is made when the first report is stored.
    #[must_use]
    pub fn below(output_directory: &Path) -> Self {
        Self { directory: output_directory.join("history"), part: Part::default() }
    }

    /// The reports of a part.
    #[must_use]
    pub fn of(self, part: &Part) -> Self {
        Self { part: part.clone(), ..self }
    }

    fn path(&self, sha: &str) -> Result<PathBuf> {
        Ok(self.directory.join(format!("{}.json", self.part.entry(sha)?)))
    }

    fn prune(&self) -> Result<()> {
        let reports = fs::files_newest_first(&self.directory)?.into_iter().filter(|path| is_report(path));
        reports.skip(KEPT_REPORTS).try_for_each(|path| fs::remove_file(&path))
    }
}

impl BaselineStore for HistoryDirectory {
    async fn load(&self, sha: &str) -> Result<Option<Report>> {
        let path = self.path(sha)?;
        if !path.try_exists().with_context(|| format!("read {}", path.display()))? {
            return Ok(None);
        }
        let content = fs::read_limited(&path, REPORT_LIMIT_BYTES)?;
        v1::from_json(&content).map(Some).with_context(|| format!("read {}", path.display()))
    }

    async fn save(&self, sha: &str, report: &Report) -> Result<()> {
        fs::write_atomic(&self.path(sha)?, v1::to_json(report).as_bytes())?;
        self.prune()
    }
}

/// Whether we wrote it: nothing else in the directory is ours to remove.
fn is_report(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.strip_suffix(".json")).is_some_and(is_entry)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::baseline::fake::{report_of, sha};
    use crate::baseline::is_full_sha;

    fn history() -> (tempfile::TempDir, HistoryDirectory) {
        let directory = tempfile::tempdir().unwrap();
        let history = HistoryDirectory::below(&directory.path().join("out"));
        (directory, history)
    }

    #[tokio::test]
    async fn what_is_saved_is_loaded_and_replaced() {
        let (_directory, history) = history();
        assert_eq!(history.load(&sha("a")).await.unwrap(), None);
        history.save(&sha("a"), &report_of("a")).await.unwrap();
        assert_eq!(history.load(&sha("a")).await.unwrap(), Some(report_of("a")));
        let mut changed = report_of("a");
        changed.cells.truncate(1);
        history.save(&sha("a"), &changed).await.unwrap();
        assert_eq!(history.load(&sha("a")).await.unwrap(), Some(changed));
        assert_eq!(history.load(&sha("b")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_write_leaves_one_whole_file_and_no_other() {
        let (_directory, history) = history();
        history.save(&sha("a"), &report_of("a")).await.unwrap();
        let files = fs::files_newest_first(&history.directory).unwrap();
        assert_eq!(files, [history.path(&sha("a")).unwrap()]);
        assert_eq!(fs::read_text(&files[0], 1 << 20).unwrap(), v1::to_json(&report_of("a")));
    }

    #[tokio::test]
    async fn a_write_that_fails_keeps_the_old_report() {
        let (_directory, history) = history();
        let path = history.path(&sha("a")).unwrap();
        fs::write_atomic(&path.join("in the way"), b"").unwrap();
        history.save(&sha("a"), &report_of("a")).await.unwrap_err();
        assert!(path.join("in the way").exists());
        assert_eq!(fs::files_newest_first(&history.directory).unwrap(), Vec::<PathBuf>::new());
    }

    #[tokio::test]
    async fn a_file_that_is_no_report_is_an_error_with_its_name() {
        let (_directory, history) = history();
        for (content, expected) in
            [("{", "not a weighbridge report"), (r#"{"schema_version": 99}"#, "newer weighbridge")]
        {
            fs::write_atomic(&history.path(&sha("a")).unwrap(), content.as_bytes()).unwrap();
            let message = format!("{:#}", history.load(&sha("a")).await.unwrap_err());
            assert!(message.contains(expected) && message.contains(&sha("a")), "{message}");
        }
    }

    #[tokio::test]
    async fn only_the_newest_reports_are_kept_and_nothing_else_is_touched() {
        let (_directory, history) = history();
        fs::write_atomic(&history.directory.join("notes.json"), b"mine").unwrap();
        let name = |number: usize| format!("{number:040x}");
        for number in 0..KEPT_REPORTS + 3 {
            let file = fs::create(&history.path(&name(number)).unwrap());
            let number = u64::try_from(number).unwrap();
            let age = std::time::Duration::from_secs(10_000 - number);
            file.unwrap().set_modified(std::time::SystemTime::now() - age).unwrap();
        }
        history.save(&sha("a"), &report_of("a")).await.unwrap();
        let kept = |sha: &str| history.path(sha).unwrap().exists();
        assert!(kept(&sha("a")) && kept(&name(KEPT_REPORTS + 2)) && kept(&name(4)));
        assert!((0..4).all(|number| !kept(&name(number))));
        assert!(history.directory.join("notes.json").exists());
    }

    proptest! {
        #[test]
        fn no_name_escapes_the_directory(sha in "([0-9a-f]{40}|[0-9a-f]{64}|[./0-9a-fA-F\0]{0,70}|.{0,70})") {
            let history = HistoryDirectory::below("/out".as_ref());
            if let Ok(path) = history.path(&sha) {
                prop_assert_eq!(path.parent(), Some("/out/history".as_ref()));
                prop_assert!(is_report(&path));
                prop_assert_eq!(path.file_name().unwrap().to_str(), Some(&*format!("{sha}.json")));
            }
        }
    }

    #[test]
    fn only_full_commit_names_are_accepted() {
        for (text, expected) in [
            ("a".repeat(40), true),
            ("0".repeat(64), true),
            ("a".repeat(39), false),
            ("A".repeat(40), false),
            (String::new(), false),
            (format!("../{}", "a".repeat(37)), false),
            (format!("{}/{}", "a".repeat(20), "a".repeat(19)), false),
            ("ä".repeat(20), false),
        ] {
            assert_eq!(is_full_sha(&text), expected, "{text}");
        }
    }
}
