//! All paths of a layer or an image as one tree of names.
//!
//! A name is kept once per directory, a path is a number of four bytes. 300,000 files of `node_modules` are a few
//! megabytes this way, where their spelled-out paths are thirty.

use std::hash::BuildHasher;

use anyhow::{Context, Result, ensure};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::texts::Texts;

/// More paths than the largest images have by a factor of ten. It bounds the memory of a hostile one.
const PATH_LIMIT: u32 = 8_000_000;

/// Which of the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PathId(pub(super) u32);

impl PathId {
    /// The root directory.
    pub(super) const ROOT: Self = Self(0);

    /// The place in a list that has one item per path.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The paths, and the way from a directory and a name to a path.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// By path; the root is its own parent.
    parents: Vec<PathId>,
    /// By path; the root has no name.
    names: Texts,
    children: HashTable<PathId>,
    hasher: DefaultHashBuilder,
}

impl Default for Paths {
    fn default() -> Self {
        Self::new()
    }
}

impl Paths {
    /// The root alone.
    pub(super) fn new() -> Self {
        let mut names = Texts::default();
        // The first text always fits.
        let _ = names.push(b"");
        Self { parents: vec![PathId::ROOT], names, children: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }

    /// Directory and name of each path but the root's, for one that is sealed.
    pub(super) fn parts(&self) -> (impl Iterator<Item = PathId>, &Texts) {
        (self.parents.iter().skip(1).copied(), &self.names)
    }

    /// Sealed paths from their parts; `None` when a path would come before its directory.
    pub(super) fn from_parts(parents: impl Iterator<Item = PathId>, names: Texts) -> Option<Self> {
        let parents: Vec<PathId> = std::iter::once(PathId::ROOT).chain(parents).collect();
        let is_in_order = parents.iter().enumerate().skip(1).all(|(path, parent)| parent.index() < path);
        let fits = is_in_order && parents.len() == names.len();
        fits.then(|| Self { parents, names, children: HashTable::new(), hasher: DefaultHashBuilder::default() })
    }

    /// How much memory they take when they are sealed.
    pub(super) fn memory_bytes(&self) -> usize {
        self.names.memory_bytes() + size_of_val(&*self.parents)
    }

    /// How many paths there are, the root included.
    pub(super) fn len(&self) -> usize {
        self.parents.len()
    }

    /// All paths but the root; a directory comes before what is in it.
    pub(super) fn below_root(&self) -> impl Iterator<Item = PathId> + use<> {
        // There are never more than `PATH_LIMIT`.
        (1..u32::try_from(self.parents.len()).unwrap_or(0)).map(PathId)
    }

    /// The directory that a path is in.
    pub(super) fn parent(&self, path: PathId) -> PathId {
        self.parents.get(path.index()).copied().unwrap_or(PathId::ROOT)
    }

    /// The last name of a path.
    pub(super) fn name(&self, path: PathId) -> &[u8] {
        self.names.at(path.index())
    }

    /// The path of a name in a directory, which is made when it is new.
    ///
    /// # Errors
    /// When there are more paths than any honest image has.
    pub(super) fn child(&mut self, parent: PathId, name: &[u8]) -> Result<PathId> {
        let Self { parents, names, children, hasher } = self;
        let is_it = |path: &PathId| parents.get(path.index()) == Some(&parent) && names.at(path.index()) == name;
        let hash = hasher.hash_one((parent, name));
        if let Some(path) = children.find(hash, is_it) {
            return Ok(*path);
        }
        let path = PathId(u32::try_from(parents.len()).context("too many paths")?);
        ensure!(path.0 < PATH_LIMIT, "more than {PATH_LIMIT} paths");
        names.push(name)?;
        parents.push(parent);
        children.insert_unique(hash, path, |path| {
            let parent = parents.get(path.index()).copied().unwrap_or(PathId::ROOT);
            hasher.hash_one((parent, names.at(path.index())))
        });
        Ok(path)
    }

    /// The path of a name in a directory, if there is one.
    pub(super) fn get(&self, parent: PathId, name: &[u8]) -> Option<PathId> {
        let is_it = |path: &PathId| self.parents.get(path.index()) == Some(&parent) && self.name(*path) == name;
        self.children.find(self.hasher.hash_one((parent, name)), is_it).copied()
    }

    /// Gives up the way from names to paths, which is a third of the memory. Later calls of [`Self::child`] would make
    /// every path anew.
    pub(super) fn seal(&mut self) {
        self.children = HashTable::new();
    }

    /// The names of a path, from its end to the root.
    pub(super) fn names_upwards(&self, path: PathId) -> impl Iterator<Item = &[u8]> {
        let up = |path: &PathId| (*path != PathId::ROOT).then(|| self.parent(*path));
        std::iter::successors(Some(path), up).filter(|path| *path != PathId::ROOT).map(|path| self.name(path))
    }

    /// A path spelled out, without a leading slash.
    pub(super) fn spell(&self, path: PathId) -> Vec<u8> {
        let mut names: Vec<&[u8]> = self.names_upwards(path).collect();
        names.reverse();
        names.join(&b'/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_path_per_directory() {
        let mut paths = Paths::new();
        let a = paths.child(PathId::ROOT, b"a").unwrap();
        let ab = paths.child(a, b"b").unwrap();
        let b = paths.child(PathId::ROOT, b"b").unwrap();
        assert_eq!(paths.child(a, b"b").unwrap(), ab);
        assert_ne!(ab, b);
        assert_eq!((paths.spell(ab), paths.spell(PathId::ROOT)), (b"a/b".to_vec(), Vec::new()));
        assert_eq!(paths.below_root().collect::<Vec<_>>(), [a, ab, b]);
    }
}
