//! The loader that the kernel starts a dynamic program by.

use super::files::Files;
use super::finding::{Stop, never, shown, shown_path};
use super::machine;
use crate::inspect::{Detail, Elf};

/// Checks that the loader of a program is there and of the program's kind.
///
/// # Errors
/// When it is not.
pub(super) fn check(files: &Files<'_>, program: &str, elf: &Elf, interpreter: &[u8]) -> Result<(), Stop> {
    let absolute = files.absolute(interpreter);
    let Ok(found) = files.file(&absolute) else {
        let what = format!(
            "interpreter {} is missing: {program} is linked dynamically, so link it statically or take a base image with {}",
            shown(interpreter),
            libc(interpreter)
        );
        return Err(never("start-interpreter-missing", what));
    };
    match found.detail {
        Some(Detail::Elf(loader)) if loader.machine != elf.machine || loader.is_64 != elf.is_64 => {
            let what = format!(
                "interpreter {} of {program} is built for {}",
                shown_path(&found.path),
                machine::name(loader.machine)
            );
            Err(never("start-wrong-machine", what))
        }
        Some(Detail::Elf(_) | Detail::Unseen) => Ok(()),
        _ => Err(never(
            "start-interpreter-missing",
            format!("interpreter {} of {program} is no program", shown_path(&found.path)),
        )),
    }
}

/// Whether a loader is musl's, be it under the name of glibc's: by a link, or as one that starts musl's (gcompat).
pub(super) fn is_musl(files: &Files<'_>, interpreter: &[u8]) -> bool {
    let Ok(found) = files.file(&files.absolute(interpreter)) else { return is_named_musl(interpreter) };
    let starts_it = |name: &Vec<u8>| name.starts_with(b"libc.musl");
    is_named_musl(&found.path) || matches!(found.detail, Some(Detail::Elf(elf)) if elf.needed.iter().any(starts_it))
}

fn is_named_musl(path: &[u8]) -> bool {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().starts_with(b"ld-musl")
}

fn libc(interpreter: &[u8]) -> &'static str {
    if is_named_musl(interpreter) { "musl, such as alpine" } else { "glibc, such as debian or distroless/base" }
}
