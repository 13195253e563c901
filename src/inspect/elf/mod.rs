//! What an ELF file needs to run, and what is in it that nobody needs: read while it streams by, from the few places
//! that tell (System V ABI, "Object Files" and "Program Loading and Dynamic Linking"; GNU symbol versioning in LSB).

mod go;
mod partial;
mod read;
mod rust;
mod watch;

use serde::{Deserialize, Serialize};

use super::identity::Identity;
pub use go::{GoBuild, GoModule};
pub(super) use watch::Watch;

/// An ELF file. What could not be seen is empty, and then `is_whole` says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Elf {
    /// Whether addresses have 64 bits.
    pub is_64: bool,
    /// Whether numbers are stored little end first.
    pub is_little: bool,
    /// `e_machine`.
    pub machine: u16,
    /// Whether it can be a program or a library (`ET_EXEC`, `ET_DYN`), unlike an object file or a core dump.
    pub is_loadable: bool,
    /// `PT_INTERP`: the loader that a dynamic program is started by.
    pub interpreter: Option<Vec<u8>>,
    /// Libraries that it needs (`DT_NEEDED`), in order.
    pub needed: Vec<Vec<u8>>,
    /// What it is called as a library (`DT_SONAME`).
    pub soname: Option<Vec<u8>>,
    /// `DT_RPATH`, as written.
    pub rpath: Option<Vec<u8>>,
    /// `DT_RUNPATH`, as written.
    pub runpath: Option<Vec<u8>>,
    /// Symbol versions that it wants, by library, but the weak ones.
    pub wanted: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
    /// Symbol versions that it provides.
    pub provided: Vec<Vec<u8>>,
    /// Bytes of its symbol table, which only debuggers read.
    pub symbol_bytes: u64,
    /// Bytes of what else is in the file and never loaded: debug sections above all.
    pub debug_bytes: u64,
    /// Whether it knows where CA certificates usually are, which is what programs do that speak TLS.
    pub looks_for_certificates: bool,
    /// What the Go linker wrote down.
    pub go: Option<GoBuild>,
    /// What `cargo auditable` wrote down: the package that the program is of first, then those that are linked.
    pub crates: Vec<Identity>,
    /// Whether everything that tells what it needs was seen.
    pub is_whole: bool,
}
