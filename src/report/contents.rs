//! What is inside of an image, as far as a report keeps it: enough to say of a later image what changed and where.
//!
//! Paths are those of the image without a leading slash, untrusted; bytes that are no UTF-8 are replaced. Layers are
//! counted from 0, the lowest first.

use super::Finding;

/// What the reader found in an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// Bytes of all regular files that layers wrote.
    pub file_bytes: u64,
    /// Bytes of the regular files of the final file system, hard links once. The rest of `file_bytes` is wasted.
    pub live_bytes: u64,
    /// What layers wrote and the final file system no longer holds, by writer, killer and kind.
    pub waste: Vec<Waste>,
    /// What would be saved if every content above a floor were there once.
    pub duplicate_bytes: u64,
    /// The dearest groups of files with the same bytes, the dearest first.
    pub duplicates: Vec<Duplicate>,
    /// What each layer changed; one entry per layer of the image.
    pub layers: Vec<LayerChanges>,
    /// Where the bytes are that each layer wrote, sorted by layer and path: the largest files and directories. With a
    /// path all directories above it are listed.
    pub weights: Vec<Weight>,
    /// What package managers and compilers left word of, sorted by kind, name and version.
    pub packages: Vec<Package>,
    /// What images rarely need, the largest first.
    pub leftovers: Vec<Leftover>,
    /// Ports that the configuration exposes, such as `8080/tcp`, sorted; untrusted text.
    pub exposed_ports: Vec<String>,
    /// What is to say of the configuration, such as a root user.
    pub findings: Vec<Finding>,
    /// Whether a container of this image will start.
    pub start: StartCheck,
}

/// Files that one layer wrote and another ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waste {
    /// The layer that wrote them.
    pub writer: u32,
    /// The layer that ended them; the writer itself where its tar names a path twice.
    pub killer: u32,
    /// How they were lost.
    pub kind: WasteKind,
    /// Their bytes.
    pub bytes: u64,
    /// How many they are.
    pub files: u64,
    /// The largest of them.
    pub examples: Vec<FileBytes>,
    /// What to do about it, in our words; `None` where nothing is known to help.
    pub fix: Option<String>,
}

/// How files came to be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WasteKind {
    /// A whiteout names them, or a directory that they are in.
    Deleted,
    /// They are in a directory that was emptied by an opaque marker, as `rm -rf x && mkdir x` does.
    Opaque,
    /// Something else was written in their place.
    Overwritten,
    /// The same bytes were written in their place, as `chmod`, `chown` and `touch` do.
    MetadataOnly,
}

/// A file and its length.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileBytes {
    /// Path.
    pub path: String,
    /// Length.
    pub bytes: u64,
}

/// Files of the final file system that hold the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// Length of each.
    pub bytes: u64,
    /// How many there are.
    pub files: u64,
    /// The first of their paths.
    pub paths: Vec<String>,
}

/// What a layer changed, compared with the layers below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerChanges {
    /// Paths where no file was and one is.
    pub added_files: u64,
    /// Paths where a file was and one is that this layer wrote.
    pub changed_files: u64,
    /// Paths where a file was and none is.
    pub removed_files: u64,
    /// Bytes of all regular files in it.
    pub file_bytes: u64,
}

/// What a layer wrote at or below a path, whether or not a later layer ended it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight {
    /// The layer.
    pub layer: u32,
    /// Path of a file or directory; empty for the root, which stands for the whole layer.
    pub path: String,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// How many files that are; 1 with `is_file`.
    pub files: u64,
    /// Whether it is a file.
    pub is_file: bool,
    /// The part of `bytes` that packages account for: those of this layer, by their `layer_bytes`.
    pub packaged_bytes: u64,
}

/// Something that a package manager installed or a compiler linked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Who knows of it: `deb`, `apk`, `rpm`, `python`, `npm`, `gem`, `java`, `go`, `rust`.
    pub kind: String,
    /// Its name, untrusted text.
    pub name: String,
    /// Its version, untrusted text; empty where none is stated.
    pub version: String,
    /// Bytes of its files in the final file system; `None` where its files cannot be told, as of a module in a binary.
    pub bytes: Option<u64>,
    /// The layer that wrote most of these bytes or, without them, what told of it.
    pub layer: u32,
    /// The part of `bytes` that this layer wrote.
    pub layer_bytes: Option<u64>,
    /// Where it is: its directory, or the binary that it is in.
    pub path: String,
}

/// Files of a kind that images rarely need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Kebab-case kind, such as `package-cache` or `git`.
    pub kind: String,
    /// Their bytes in the final file system.
    pub bytes: u64,
    /// How many they are.
    pub files: u64,
    /// The largest files or the directories that hold them.
    pub examples: Vec<FileBytes>,
    /// What to do about it, in our words.
    pub fix: String,
}

/// Whether a container will start, judged from the image alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartCheck {
    /// The verdict.
    pub verdict: Starts,
    /// Why; of a good image only what is worth knowing.
    pub findings: Vec<Finding>,
}

/// Whether a container will start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Starts {
    /// Everything that was looked at is there.
    Yes,
    /// The image does not allow to tell.
    #[default]
    CannotTell,
    /// Something without which it cannot start is missing or of the wrong kind.
    No,
}

impl Contents {
    /// Bytes that layers wrote and the final file system no longer holds.
    #[must_use]
    pub fn wasted_bytes(&self) -> u64 {
        self.file_bytes.saturating_sub(self.live_bytes)
    }
}
