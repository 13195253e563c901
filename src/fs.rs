//! The file door: every error names the action and the path.
#![expect(clippy::disallowed_methods, reason = "the door of the file system")]

use std::cmp::Reverse;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

const WRITE_BUFFER_BYTES: usize = 64 << 10;

/// Reads a whole file, refusing one of more than `limit_bytes`.
///
/// # Errors
/// When the file cannot be read or is larger than the limit.
pub fn read_limited(path: &Path, limit_bytes: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    // Growing as it comes would copy a large file some times over.
    let expected_bytes = file.metadata().map_or(0, |metadata| metadata.len().min(limit_bytes));
    let mut content = Vec::with_capacity(usize::try_from(expected_bytes).unwrap_or_default());
    file.take(limit_bytes.saturating_add(1))
        .read_to_end(&mut content)
        .with_context(|| format!("read {}", path.display()))?;
    if content.len() as u64 > limit_bytes {
        bail!("read {}: larger than the limit of {limit_bytes} bytes", path.display());
    }
    Ok(content)
}

/// Reads a UTF-8 text file, refusing one of more than `limit_bytes`.
///
/// # Errors
/// When the file cannot be read, is too large, or is not UTF-8 (the offset of the first bad byte is named).
pub fn read_text(path: &Path, limit_bytes: u64) -> Result<String> {
    String::from_utf8(read_limited(path, limit_bytes)?).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        anyhow::anyhow!("read {}: not UTF-8 at byte {offset}; save the file as UTF-8", path.display())
    })
}

/// Opens a file for reading.
///
/// # Errors
/// When the file cannot be opened.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("open {}", path.display()))
}

/// Reads a part of a file, which must be that long.
///
/// # Errors
/// When the file is shorter or cannot be read.
pub fn read_at(file: &File, offset: u64, bytes: u64) -> Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let mut content = vec![0; usize::try_from(bytes)?];
    file.read_exact_at(&mut content, offset).with_context(|| format!("read {bytes} bytes at byte {offset}"))?;
    Ok(content)
}

/// A file without a name, which is gone with this process.
///
/// # Errors
/// When the directory for temporary files cannot be written.
pub fn temporary() -> Result<File> {
    tempfile::tempfile().context("create a temporary file")
}

/// A directory for a while: it goes with what it is held by.
///
/// # Errors
/// When the directory for temporary files cannot be written.
pub fn temporary_directory() -> Result<tempfile::TempDir> {
    tempfile::tempdir().context("create a temporary directory")
}

/// Creates or truncates a file.
///
/// # Errors
/// When the file cannot be created.
pub fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("create {}", path.display()))
}

/// Makes a symbolic link that leads to a target.
///
/// # Errors
/// When something is there already, or the directory cannot be written.
pub fn symlink(target: &Path, path: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, path).with_context(|| format!("link {}", path.display()))
}

/// Creates a directory and its parents.
///
/// # Errors
/// When a component cannot be created.
pub fn create_dir_all(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("create directory {}", path.display()))
}

/// Writes a file so that a reader sees either the old or the new content, never a part.
///
/// # Errors
/// When the directory cannot be written or the disk is full; the old file is then untouched.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<()> {
    write_atomic_with(path, |file| file.write_all(content))
}

/// The same for content that is not in memory as a whole.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_atomic_with(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>) -> Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_dir_all(directory)?;
    let write = || -> std::io::Result<()> {
        let file = tempfile::Builder::new().permissions(readable()).tempfile_in(directory)?;
        let mut buffer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file.as_file());
        fill(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

/// Adds lines to the end of a file that others write as well, beginning on a line of its own.
///
/// # Errors
/// When the file cannot be written.
pub fn append_lines(path: &Path, text: &str) -> Result<()> {
    let append = || -> std::io::Result<()> {
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        let mut last = [b'\n'];
        if file.metadata()?.len() > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        let start = if last == [b'\n'] { "" } else { "\n" };
        file.write_all(format!("{start}{text}").as_bytes())
    };
    append().with_context(|| format!("write {}", path.display()))
}

/// How long a file is; `None` when there is none.
#[must_use]
pub fn length(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|metadata| metadata.len())
}

/// Removes a directory tree; one that is not there is fine.
///
/// # Errors
/// When something below it cannot be removed.
pub fn remove_dir_all(path: &Path) -> Result<()> {
    ignore_missing(std::fs::remove_dir_all(path), ()).with_context(|| format!("remove {}", path.display()))
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// When the file cannot be removed.
pub fn remove_file(path: &Path) -> Result<()> {
    ignore_missing(std::fs::remove_file(path), ()).with_context(|| format!("remove {}", path.display()))
}

/// The regular files directly in a directory, the newest first and those of one instant by name; none when there is no
/// such directory.
///
/// # Errors
/// When the directory cannot be read.
pub fn files_newest_first(directory: &Path) -> Result<Vec<PathBuf>> {
    let list = || -> std::io::Result<Vec<(Reverse<SystemTime>, PathBuf)>> {
        let entries = std::fs::read_dir(directory)?.map(|entry| {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let modified = metadata.modified()?;
            Ok(metadata.is_file().then(|| (Reverse(modified), entry.path())))
        });
        // A file that another process has just removed is not there; that is all.
        entries.filter_map(|entry| ignore_missing(entry, None).transpose()).collect()
    };
    let mut files = ignore_missing(list(), Vec::new()).with_context(|| format!("list {}", directory.display()))?;
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// What a directory holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Its name; characters that are not UTF-8 are replaced.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
}

/// What an item of a directory is. A symbolic link is `Other`, whatever it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// The items of a directory, at most `limit` of them, sorted by name.
///
/// # Errors
/// When the directory cannot be read.
pub fn list(directory: &Path, limit: usize) -> Result<Vec<Item>> {
    let read = || -> std::io::Result<Vec<Item>> {
        let item = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry?;
            let kind = match entry.file_type()? {
                kind if kind.is_file() => ItemKind::File,
                kind if kind.is_dir() => ItemKind::Directory,
                _ => ItemKind::Other,
            };
            Ok(Item { name: entry.file_name().to_string_lossy().into_owned(), kind })
        };
        std::fs::read_dir(directory)?.take(limit).map(item).collect()
    };
    let mut items = read().with_context(|| format!("list {}", directory.display()))?;
    items.sort();
    Ok(items)
}

/// Whether a path leads to a regular file; links are followed.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether a path leads to a directory; links are followed.
#[must_use]
pub fn is_directory(path: &Path) -> bool {
    path.is_dir()
}

/// Whether a path leads to a pipe or a device; links are followed.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// When a file was last written; `None` when it is not there.
#[must_use]
pub fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// The path with all links resolved; `None` when it leads nowhere.
#[must_use]
pub fn canonical(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

/// The path without `.` and `..`, by its text alone.
#[must_use]
pub fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            // Nothing is above the root.
            Component::ParentDir if normal.has_root() => {}
            other => normal.push(other),
        }
    }
    normal
}

/// The bytes that the file system of a directory has left for us, `None` where it does not say.
#[must_use]
pub fn available_bytes(path: &Path) -> Option<u64> {
    let stat = nix::sys::statvfs::statvfs(path).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

fn ignore_missing<T>(result: std::io::Result<T>, nothing: T) -> std::io::Result<T> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(nothing),
        other => other,
    }
}

/// Temporary files are private by default; what we write is meant to be read by others.
fn readable() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_limit_is_refused_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("big");
        write_atomic(&path, &[0; 11]).unwrap();
        assert_eq!(read_limited(&path, 11).unwrap().len(), 11);
        let message = format!("{:#}", read_limited(&path, 10).unwrap_err());
        assert!(message.contains("big") && message.contains("10 bytes"), "{message}");
    }

    #[test]
    fn text_that_is_not_utf8_names_the_offset() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text");
        write_atomic(&path, b"abc\xff").unwrap();
        let message = format!("{:#}", read_text(&path, 100).unwrap_err());
        assert!(message.contains("byte 3"), "{message}");
    }

    #[test]
    fn writing_makes_the_directory_and_replaces_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/file");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_text(&path, 10).unwrap(), "two");
    }

    #[test]
    fn files_are_listed_by_age_then_name() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (name, modified) in [("b", now), ("old", SystemTime::UNIX_EPOCH), ("a", now)] {
            create(&directory.path().join(name)).unwrap().set_modified(modified).unwrap();
        }
        create_dir_all(&directory.path().join("directory")).unwrap();
        let files = files_newest_first(directory.path()).unwrap();
        assert_eq!(files, ["a", "b", "old"].map(|name| directory.path().join(name)));
        assert_eq!(files_newest_first(Path::new("/nonexistent/directory")).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn paths_are_normalized_by_their_text() {
        for (path, normal) in
            [("/a/./b/../c", "/a/c"), ("/../a", "/a"), ("a/..", ""), ("../a", "../a"), ("a/../../b", "../b")]
        {
            assert_eq!(normalize(Path::new(path)), Path::new(normal), "{path}");
        }
    }

    #[test]
    fn a_directory_lists_its_items_sorted_and_does_not_follow_links() {
        let directory = tempfile::tempdir().unwrap();
        write_atomic(&directory.path().join("b/file"), b"").unwrap();
        write_atomic(&directory.path().join("a"), b"").unwrap();
        std::os::unix::fs::symlink("a", directory.path().join("c")).unwrap();
        let kinds: Vec<_> =
            list(directory.path(), 10).unwrap().into_iter().map(|item| (item.name, item.kind)).collect();
        let expected = [("a", ItemKind::File), ("b", ItemKind::Directory), ("c", ItemKind::Other)];
        assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
        assert_eq!(list(directory.path(), 1).unwrap().len(), 1);
    }

    #[test]
    fn removing_what_is_not_there_is_fine() {
        remove_dir_all(Path::new("/nonexistent/directory")).unwrap();
        remove_file(Path::new("/nonexistent/file")).unwrap();
    }
}
