//! What is kept of a file's content, while it streams by, for questions that are asked when all layers are read.

use super::elf::Elf;
use super::identity::Identity;
use serde::{Deserialize, Serialize};

/// What is kept of a file's content. Of most files nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// All of it: databases of packages, users, settings of the loader.
    Text(Vec<u8>),
    /// The first line of a file that starts with `#!`, without these two and without its line feed, as far as Linux
    /// reads it (`BINPRM_BUF_SIZE`).
    Script(Vec<u8>),
    /// What an ELF file needs to run.
    Elf(Box<Elf>),
    /// What a package says it is called.
    Identity(Identity),
    /// It holds a secret, which itself is not kept.
    Secret,
    /// Something is there that this would be asked of, and it is too long or sparse.
    Unseen,
}

impl Detail {
    /// Bytes of a text that is kept whole, which alone may be long.
    pub(super) fn text_bytes(&self) -> u64 {
        if let Self::Text(text) = self { text.len() as u64 } else { 0 }
    }
}
