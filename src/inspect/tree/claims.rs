//! Which package each file of the final file system belongs to: to one at most.

use std::cell::Cell;
use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};

use super::super::database::split;
use super::super::paths::PathId;
use super::file::FileId;
use super::place::Node;
use super::{Found, Tree};

/// A hundred times what the largest images take. Lists of files may be long, and links on the way to each as well.
const STEP_LIMIT: u64 = 100_000_000;

/// What the files of a package weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) struct PackageLoad {
    /// All of them.
    pub(in crate::inspect) bytes: u64,
    /// The layer that wrote most of them.
    pub(in crate::inspect) layer: u32,
    /// Those of that layer.
    pub(in crate::inspect) layer_bytes: u64,
}

/// Files that a package accounts for, so that no path has to.
#[derive(Debug, Default)]
pub struct Packaged(HashSet<FileId>);

impl Packaged {
    pub(super) fn has(&self, file: FileId) -> bool {
        self.0.contains(&file)
    }
}

/// The packages, by number, that files belong to. Who comes first gets a file.
pub(in crate::inspect) struct Claims<'a> {
    tree: &'a Tree,
    owners: HashMap<FileId, u32>,
    /// What is left of the limit.
    steps: Cell<u64>,
}

impl<'a> Claims<'a> {
    /// No file belongs to anybody.
    pub(in crate::inspect) fn new(tree: &'a Tree) -> Self {
        Self { tree, owners: HashMap::new(), steps: Cell::new(STEP_LIMIT) }
    }

    /// What is at a path when symbolic links are followed.
    pub(in crate::inspect) fn find(&self, path: &[u8]) -> Option<Found<'a>> {
        self.walk(path).map(|at| self.tree.found(at))
    }

    /// The package that the file at a path belongs to.
    pub(in crate::inspect) fn owner(&self, path: &[u8]) -> Option<u32> {
        self.owners.get(&self.file_at(path)?).copied()
    }

    /// Gives the file at a path to a package. Links are followed on the way to it, as package managers write paths
    /// down that were right before `/lib` became one; a link itself is no file, and may lead to somebody else's.
    pub(in crate::inspect) fn file(&mut self, path: &[u8], package: u32) {
        if let Some(file) = self.file_at(path) {
            self.owners.entry(file).or_insert(package);
        }
    }

    /// Gives the files below directories to packages, of nested directories to that of the innermost.
    pub(in crate::inspect) fn innermost(&mut self, directories: &[(Vec<u8>, u32)]) {
        if directories.is_empty() {
            return;
        }
        let tree = self.tree;
        let directories: HashMap<PathId, u32> =
            directories.iter().filter_map(|(path, package)| Some((self.walk(path)?, *package))).collect();
        let mut of_directory: HashMap<PathId, u32> = HashMap::new();
        // A directory has a smaller number than what is in it.
        for (path, node) in tree.places.live(&tree.paths) {
            let inherited = || of_directory.get(&tree.paths.parent(path)).copied();
            let Some(package) = directories.get(&path).copied().or_else(inherited) else { continue };
            match node {
                Node::Directory => _ = of_directory.insert(path, package),
                Node::File(file) => _ = self.owners.entry(file).or_insert(package),
                _ => {}
            }
        }
    }

    /// Gives what Python compiled to the package of its source (PEP 3147).
    pub(in crate::inspect) fn compiled(&mut self) {
        let tree = self.tree;
        for (path, node) in tree.places.live(&tree.paths) {
            let cache = tree.paths.parent(path);
            let Node::File(file) = node else { continue };
            if tree.paths.name(cache) != b"__pycache__" || self.owners.contains_key(&file) {
                continue;
            }
            let module = tree.paths.name(path).split(|byte| *byte == b'.').next().unwrap_or_default();
            let source = tree.paths.get(tree.paths.parent(cache), &[module, b".py"].concat());
            if let Some(owner) = source.and_then(|source| self.owners.get(&self.file_of(source)?).copied()) {
                self.owners.insert(file, owner);
            }
        }
    }

    /// What the files of each package weigh that has some.
    pub(in crate::inspect) fn loads(&self) -> BTreeMap<u32, PackageLoad> {
        let mut by_layer: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (file, package) in &self.owners {
            if let Some(file) = self.tree.files.get(*file) {
                let bytes = by_layer.entry((*package, file.layer)).or_default();
                *bytes = bytes.saturating_add(file.content.bytes);
            }
        }
        let mut loads: BTreeMap<u32, PackageLoad> = BTreeMap::new();
        for ((package, layer), layer_bytes) in by_layer {
            let load = loads.entry(package).or_insert(PackageLoad { bytes: 0, layer, layer_bytes: 0 });
            load.bytes = load.bytes.saturating_add(layer_bytes);
            if layer_bytes > load.layer_bytes {
                (load.layer, load.layer_bytes) = (layer, layer_bytes);
            }
        }
        loads
    }

    /// The files that count towards their package in the layer that wrote most of it.
    pub(in crate::inspect) fn packaged(&self, loads: &BTreeMap<u32, PackageLoad>) -> Packaged {
        let is_counted = |file: &FileId, package: &u32| {
            let layer = self.tree.files.get(*file).map(|file| file.layer);
            layer.is_some() && layer == loads.get(package).map(|load| load.layer)
        };
        Packaged(
            self.owners.iter().filter(|(file, package)| is_counted(file, package)).map(|(file, _)| *file).collect(),
        )
    }

    /// The paths of live files of a name, in no order that means anything but always the same one.
    pub(in crate::inspect) fn called(&self, name: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let Tree { paths, places, .. } = self.tree;
        let is_it = move |(path, node): &(PathId, Node)| matches!(node, Node::File(_)) && paths.name(*path) == name;
        places.live(paths).filter(is_it).map(|(path, _)| paths.spell(path))
    }

    /// The paths of live files whose name ends so, in such an order as well.
    pub(in crate::inspect) fn ending(&self, end: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let Tree { paths, places, .. } = self.tree;
        let is_it =
            move |(path, node): &(PathId, Node)| matches!(node, Node::File(_)) && paths.name(*path).ends_with(end);
        places.live(paths).filter(is_it).map(|(path, _)| paths.spell(path))
    }

    fn walk(&self, path: &[u8]) -> Option<PathId> {
        let mut steps = self.steps.get();
        let found = self.tree.walk(path, &mut steps).ok();
        self.steps.set(steps);
        found
    }

    fn file_at(&self, path: &[u8]) -> Option<FileId> {
        let (directory, name) = split(path);
        let directory = self.walk(directory)?;
        self.file_of(self.tree.paths.get(directory, name)?)
    }

    fn file_of(&self, path: PathId) -> Option<FileId> {
        if let Node::File(file) = self.tree.places.node(path) { Some(file) } else { None }
    }
}
