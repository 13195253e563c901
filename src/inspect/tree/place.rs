//! What is at each path of the file system so far, and what is in each directory.

use super::super::paths::{PathId, Paths};
use super::super::texts::TextId;
use super::file::FileId;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// Nothing.
    Absent,
    /// A directory.
    Directory,
    /// A name of a regular file.
    File(FileId),
    /// A symbolic link; where it leads, as written.
    Symlink(TextId),
    /// A device or a pipe.
    Other,
}

/// A path with what is there. `PathId::ROOT` stands for no path in the lists, as the root is in no directory.
#[derive(Debug, Clone, Copy)]
struct Place {
    node: Node,
    first_child: PathId,
    next_sibling: PathId,
    /// The layer that touched it last.
    layer: u32,
    /// Whether it is in the list of its directory. It stays there when it becomes absent, until the directory is
    /// emptied: so each step through a list is paid for by the entry that put a place into it.
    is_listed: bool,
    /// Whether there was a file before that layer.
    was_file: bool,
}

/// How a layer changed what is at paths, compared with the layers below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// Paths where no file was and one is.
    pub added_files: u64,
    /// Paths where a file was and one is that this layer wrote.
    pub changed_files: u64,
    /// Paths where a file was and none is.
    pub removed_files: u64,
}

/// The places of all paths.
#[derive(Debug)]
pub(super) struct Places {
    places: Vec<Place>,
    layer: u32,
    touched: Vec<PathId>,
}

impl Place {
    const ABSENT: Self = Self {
        node: Node::Absent,
        first_child: PathId::ROOT,
        next_sibling: PathId::ROOT,
        layer: u32::MAX,
        is_listed: false,
        was_file: false,
    };
}

impl Places {
    /// An empty root directory.
    pub(super) fn new() -> Self {
        Self { places: vec![Place { node: Node::Directory, ..Place::ABSENT }], layer: 0, touched: Vec::new() }
    }

    /// Begins a layer.
    pub(super) fn begin(&mut self, layer: u32) {
        self.layer = layer;
        self.touched.clear();
    }

    /// What the layer at hand changed so far.
    pub(super) fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        for place in self.touched.iter().filter_map(|path| self.places.get(path.index())) {
            match (place.was_file, matches!(place.node, Node::File(_))) {
                (false, true) => changes.added_files += 1,
                (true, true) => changes.changed_files += 1,
                (true, false) => changes.removed_files += 1,
                (false, false) => {}
            }
        }
        changes
    }

    /// What is at a path.
    pub(super) fn node(&self, path: PathId) -> Node {
        self.places.get(path.index()).map_or(Node::Absent, |place| place.node)
    }

    /// Where the symbolic link at a path leads, if there is one that the layer at hand wrote.
    pub(super) fn own_symlink(&self, path: PathId) -> Option<TextId> {
        let place = self.places.get(path.index()).filter(|place| place.layer == self.layer)?;
        if let Node::Symlink(target) = place.node { Some(target) } else { None }
    }

    /// Puts something where nothing is; its directory must be there.
    pub(super) fn put(&mut self, paths: &Paths, path: PathId, node: Node) {
        let parent = paths.parent(path);
        let first = self.places.get(parent.index()).map_or(PathId::ROOT, |place| place.first_child);
        let Some(place) = self.touch(path) else { return };
        place.node = node;
        if !place.is_listed {
            place.is_listed = true;
            place.next_sibling = first;
            if let Some(parent) = self.places.get_mut(parent.index()) {
                parent.first_child = path;
            }
        }
    }

    /// Takes what is at a path. What is in a directory must be taken with [`Self::take_below`] first.
    pub(super) fn take(&mut self, path: PathId) -> Node {
        self.touch(path).map_or(Node::Absent, |place| std::mem::replace(&mut place.node, Node::Absent))
    }

    /// Takes all that is below a directory.
    pub(super) fn take_below(&mut self, directory: PathId) -> Vec<Node> {
        let mut taken = Vec::new();
        let mut lists = vec![self.take_list(directory)];
        while let Some(mut path) = lists.pop() {
            while path != PathId::ROOT {
                taken.push(self.take(path));
                lists.push(self.take_list(path));
                path = self.take_sibling(path);
            }
        }
        taken
    }

    /// What is in a directory, in no order that means anything.
    pub(super) fn children(&self, directory: PathId) -> impl Iterator<Item = PathId> {
        let place = |path: PathId| self.places.get(path.index()).filter(|_| path != PathId::ROOT);
        let first = self.places.get(directory.index()).map_or(PathId::ROOT, |place| place.first_child);
        let listed = std::iter::successors(Some(first), move |path| place(*path).map(|place| place.next_sibling));
        listed.take_while(|path| *path != PathId::ROOT).filter(|path| self.node(*path) != Node::Absent)
    }

    /// All paths where there is something.
    pub(super) fn live(&self, paths: &Paths) -> impl Iterator<Item = (PathId, Node)> {
        paths.below_root().map(|path| (path, self.node(path))).filter(|(_, node)| *node != Node::Absent)
    }

    fn take_list(&mut self, directory: PathId) -> PathId {
        let place = self.places.get_mut(directory.index());
        place.map_or(PathId::ROOT, |place| std::mem::replace(&mut place.first_child, PathId::ROOT))
    }

    fn take_sibling(&mut self, path: PathId) -> PathId {
        self.places.get_mut(path.index()).map_or(PathId::ROOT, |place| {
            place.is_listed = false;
            std::mem::replace(&mut place.next_sibling, PathId::ROOT)
        })
    }

    /// Remembers what was at a path before the layer at hand.
    fn touch(&mut self, path: PathId) -> Option<&mut Place> {
        if self.places.len() <= path.index() {
            self.places.resize(path.index() + 1, Place::ABSENT);
        }
        let place = self.places.get_mut(path.index())?;
        if place.layer != self.layer {
            place.layer = self.layer;
            place.was_file = matches!(place.node, Node::File(_));
            self.touched.push(path);
        }
        Some(place)
    }
}
