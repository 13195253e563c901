//! Who may do what with a file: mode and owner.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Mode and owner of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attributes {
    /// The permission bits with set-user-ID, set-group-ID and sticky, `0o7777` at most.
    pub mode: u32,
    /// Number of the owner; [`u32::MAX`] where the tar states one that no kernel has.
    pub uid: u32,
    /// Number of the group, likewise.
    pub gid: u32,
}

impl Attributes {
    /// Those of a directory that no layer has an entry for.
    pub const IMPLIED_DIRECTORY: Self = Self { mode: 0o755, uid: 0, gid: 0 };
}

/// Which of the attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttributesId(pub(super) u32);

/// The attributes that occur. Hundreds of thousands of files share a handful, so each has the number of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct AttributesTable {
    all: Vec<Attributes>,
    numbers: HashMap<Attributes, u32>,
}

impl AttributesTable {
    /// The number of attributes, which is made when they are new.
    ///
    /// # Errors
    /// When there are 2³² of them.
    pub(super) fn intern(&mut self, attributes: Attributes) -> Result<AttributesId> {
        if let Some(number) = self.numbers.get(&attributes) {
            return Ok(AttributesId(*number));
        }
        let number = u32::try_from(self.all.len()).context("too many modes and owners")?;
        self.all.push(attributes);
        self.numbers.insert(attributes, number);
        Ok(AttributesId(number))
    }

    pub(super) fn get(&self, id: AttributesId) -> Option<Attributes> {
        self.all.get(id.0 as usize).copied()
    }

    /// All of them by number.
    pub(super) fn all(&self) -> &[Attributes] {
        &self.all
    }

    /// A table with these by number.
    pub(super) fn from_all(all: Vec<Attributes>) -> Self {
        // A list that a number cannot reach into is never asked for what lies beyond.
        let numbers = all.iter().zip(0..).map(|(attributes, number)| (*attributes, number)).collect();
        Self { all, numbers }
    }
}
