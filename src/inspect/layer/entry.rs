//! What a layer does at one path.

use super::super::attributes::AttributesId;
use super::super::paths::PathId;
use super::super::texts::TextId;

/// One line of a changeset. 300,000 of them are kept at once, so what is longer than eight bytes lies elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) struct Entry {
    /// Where; of a removal: what is removed or emptied.
    pub(in crate::inspect) path: PathId,
    /// Mode and owner; of a removal the number says nothing.
    pub(in crate::inspect) attributes: AttributesId,
    /// What.
    pub(in crate::inspect) change: Change,
}

/// What happens at a path (OCI image-spec, layer.md, "Change Types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) enum Change {
    /// A directory is there.
    Directory,
    /// A regular file is there; which of the layer's contents it has.
    File(u32),
    /// A symbolic link is there; where it leads, as written.
    Symlink(TextId),
    /// Another name is there for the file at a path.
    HardLink(PathId),
    /// A device or a pipe is there.
    Other,
    /// What lower layers have at the path is gone.
    Whiteout,
    /// What lower layers have in the directory is gone.
    Opaque,
}
