//! Where an entry lies: the way through directories and symbolic links.

use anyhow::{Result, ensure};

use super::place::Node;
use super::{PathId, Tree};

/// How many symbolic links lead to one directory at most, as in containerd's `fs.RootPath`.
const LINK_LIMIT: usize = 255;
/// How many names all links of an image may lead through: a bound of time, far above what honest images need.
const STEP_LIMIT: u64 = 50_000_000;

impl Tree {
    /// The place of an entry: its directory is made if it is not there, and links on the way to it are followed.
    pub(super) fn settle(&mut self, path: PathId) -> Result<PathId> {
        let parent = self.paths.parent(path);
        let directory = self.directory(parent)?;
        self.beside(directory, path)
    }

    /// The directory that a path leads to, made if it is not there.
    pub(super) fn directory(&mut self, path: PathId) -> Result<PathId> {
        let path = self.follow(path)?;
        let mut missing = Vec::new();
        let mut at = path;
        while self.places.node(at) != Node::Directory {
            missing.push(at);
            at = self.paths.parent(at);
        }
        for path in missing.into_iter().rev() {
            self.replace(path, Node::Directory);
        }
        Ok(path)
    }

    /// One more name for what a hard link leads to. A link at the end of the way is not followed.
    pub(super) fn link(&mut self, target: PathId) -> Result<Node> {
        let directory = self.follow(self.paths.parent(target))?;
        let target = self.beside(directory, target)?;
        Ok(match self.places.node(target) {
            Node::File(file) => {
                self.files.link(file);
                Node::File(file)
            }
            node @ (Node::Symlink(_) | Node::Other) => node,
            Node::Directory | Node::Absent => {
                self.dangling_links = self.dangling_links.saturating_add(1);
                Node::Other
            }
        })
    }

    /// The same name in another directory.
    fn beside(&mut self, directory: PathId, path: PathId) -> Result<PathId> {
        if directory == self.paths.parent(path) {
            return Ok(path);
        }
        let name = self.paths.name(path).to_vec();
        self.paths.child(directory, &name)
    }

    /// Where a path leads when the links of the layer at hand are followed.
    fn follow(&mut self, path: PathId) -> Result<PathId> {
        // What is there has only directories above it.
        if self.places.node(path) == Node::Directory {
            return Ok(path);
        }
        let mut names: Vec<Vec<u8>> = self.paths.names_upwards(path).map(<[u8]>::to_vec).collect();
        let (mut at, mut links) = (PathId::ROOT, 0);
        while let Some(name) = names.pop() {
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    at = self.paths.parent(at);
                    continue;
                }
                _ => {}
            }
            let next = self.paths.child(at, &name)?;
            let Some(target) = self.places.own_symlink(next) else {
                at = next;
                continue;
            };
            links += 1;
            ensure!(links <= LINK_LIMIT, "symbolic links lead in a circle, or more than {LINK_LIMIT} times on");
            let target = self.targets.get(target);
            if target.starts_with(b"/") {
                at = PathId::ROOT;
            }
            names.extend(target.rsplit(|byte| *byte == b'/').map(<[u8]>::to_vec));
            self.steps = self.steps.saturating_add(names.len() as u64);
            ensure!(self.steps <= STEP_LIMIT, "symbolic links lead through more than {STEP_LIMIT} names");
        }
        Ok(at)
    }
}
