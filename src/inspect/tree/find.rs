//! Looking things up in the final file system, as a process in the container would.

use std::sync::Arc;

use super::super::attributes::Attributes;
use super::super::detail::Detail;
use super::place::Node;
use super::{PathId, Tree};

/// How many symbolic links Linux follows on the way to a file (`MAXSYMLINKS`).
const LINK_LIMIT: usize = 40;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// The path that it was found at, without symbolic links and without a leading slash; any bytes.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FoundKind,
    /// Mode and owner; `None` of what is neither a file nor a directory.
    pub attributes: Option<Attributes>,
    /// Length; zero of what is no file.
    pub bytes: u64,
    /// The layer that wrote it, counted from 0; `None` of what is no file.
    pub layer: Option<u32>,
    /// What is known of its content.
    pub detail: Option<&'a Detail>,
}

/// What something is, when links were followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device or a pipe.
    Other,
}

/// Why there is nothing at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// A name on the way is not there, or a symbolic link leads to nothing.
    Missing,
    /// A name on the way is no directory.
    NotDirectory,
    /// Symbolic links lead in a circle, or more often on than Linux follows.
    Circle,
}

impl Tree {
    /// What is at a path, from the root, with or without a leading slash. Symbolic links are followed.
    ///
    /// # Errors
    /// When nothing is there.
    pub fn find(&self, path: &[u8]) -> Result<Found<'_>, Absent> {
        let mut steps = u64::MAX;
        self.walk(path, &mut steps).map(|at| self.found(at))
    }

    /// Where a path leads when symbolic links are followed, in no more steps than are left.
    pub(super) fn walk(&self, path: &[u8], steps: &mut u64) -> Result<PathId, Absent> {
        let mut names: Vec<&[u8]> = path.rsplit(|byte| *byte == b'/').collect();
        let (mut at, mut links) = (PathId::ROOT, 0);
        while let Some(name) = names.pop() {
            *steps = steps.checked_sub(1).ok_or(Absent::Circle)?;
            if self.places.node(at) != Node::Directory {
                return Err(Absent::NotDirectory);
            }
            let next = match name {
                b"" | b"." => continue,
                b".." => self.paths.parent(at),
                name => self.paths.get(at, name).ok_or(Absent::Missing)?,
            };
            match self.places.node(next) {
                Node::Absent => return Err(Absent::Missing),
                Node::Symlink(target) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(Absent::Circle);
                    }
                    let target = self.targets.get(target);
                    if target.starts_with(b"/") {
                        at = PathId::ROOT;
                    }
                    names.extend(target.rsplit(|byte| *byte == b'/'));
                }
                _ => at = next,
            }
        }
        Ok(at)
    }

    /// The names in a directory, sorted; empty where there is none.
    #[must_use]
    pub fn list(&self, directory: &[u8]) -> Vec<Vec<u8>> {
        let Ok(Found { path, kind: FoundKind::Directory, .. }) = self.find(directory) else { return Vec::new() };
        let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let at = names.fold(PathId::ROOT, |at, name| self.paths.get(at, name).unwrap_or(at));
        let mut names: Vec<Vec<u8>> = self.places.children(at).map(|child| self.paths.name(child).to_vec()).collect();
        names.sort();
        names
    }

    /// Path, layer and detail of the live files of which something is known, by path. A file of several names stands
    /// under each.
    #[must_use]
    pub fn details(&self) -> Vec<(Vec<u8>, u32, &Detail)> {
        let detailed = |(path, node): (PathId, Node)| {
            let Node::File(id) = node else { return None };
            let detail = self.details.get(&id)?;
            Some((self.paths.spell(path), self.files.get(id)?.layer, Arc::as_ref(detail)))
        };
        let mut details: Vec<_> = self.places.live(&self.paths).filter_map(detailed).collect();
        details.sort_by(|a, b| a.0.cmp(&b.0));
        details
    }

    /// What is at a path that was found.
    pub(super) fn found(&self, at: PathId) -> Found<'_> {
        let path = self.paths.spell(at);
        let other = Found { path, kind: FoundKind::Other, attributes: None, bytes: 0, layer: None, detail: None };
        match self.places.node(at) {
            Node::Directory => {
                let stated = self.directories.get(&at).and_then(|id| self.attributes.get(*id));
                let attributes = Some(stated.unwrap_or(Attributes::IMPLIED_DIRECTORY));
                Found { kind: FoundKind::Directory, attributes, ..other }
            }
            Node::File(id) => {
                let file = self.files.get(id);
                Found {
                    kind: FoundKind::File,
                    attributes: file.and_then(|file| self.attributes.get(file.attributes)),
                    bytes: file.map_or(0, |file| file.content.bytes),
                    layer: file.map(|file| file.layer),
                    detail: self.details.get(&id).map(Arc::as_ref),
                    ..other
                }
            }
            Node::Absent | Node::Symlink(_) | Node::Other => other,
        }
    }
}
