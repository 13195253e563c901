//! What is inside of an image: where its bytes are, and which of them no container will ever see.
//!
//! Layers are read as streams, each once and side by side ([`Layer`]), and laid over each other in order ([`Tree`]).
//! Time is linear in the entries of all layers, memory in their paths.

mod attributes;
mod content;
mod database;
mod describe;
mod detail;
mod elf;
mod example;
mod identity;
mod image;
mod kept;
mod layer;
mod paths;
mod room;
mod secret;
pub mod start;
mod texts;
mod tree;

pub use attributes::Attributes;
pub use describe::describe;
pub use detail::Detail;
pub use elf::{Elf, GoBuild, GoModule};
pub use example::Example;
pub use identity::Identity;
pub use image::{Contents, LayerContents, read, read_by};
pub use kept::Kept;
pub use layer::Layer;
pub use tree::{
    Absent, Account, Changes, Copied, Duplicate, Found, FoundKind, LiveFile, Packaged, Pair, Tree, Weighed, WrittenFile,
};
