//! The file system as the container's first process sees it.

use super::finding::{Stop, never, shown_path};
use super::user::User;
use crate::inspect::{Absent, Attributes, Found, FoundKind, Tree};
use crate::oci::Settings;

/// Docker's, where the image sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who starts a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Starter {
    /// The runtime. It has the user's number already and still Docker's default capabilities, with `DAC_OVERRIDE`
    /// among them: Linux takes them only from the program that is then started.
    Runtime,
    /// A process in the container, which has no rights but the user's.
    Process,
}

/// The files of an image, and what decides which of them are found and may be run.
pub(super) struct Files<'a> {
    pub(super) tree: &'a Tree,
    settings: &'a Settings,
    user: User,
    /// `e_machine` of programs that run here, the platform's own first.
    pub(super) machines: &'static [u16],
}

impl<'a> Files<'a> {
    pub(super) fn new(tree: &'a Tree, settings: &'a Settings, user: User, machines: &'static [u16]) -> Self {
        Self { tree, settings, user, machines }
    }

    /// A variable of the container.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        let is_it = |variable: &&'a String| variable.split_once('=').is_some_and(|(other, _)| other == name);
        self.settings.env.iter().rfind(is_it)?.split_once('=').map(|(_, value)| value)
    }

    /// A path from the working directory.
    pub(super) fn absolute(&self, path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"/") {
            return path.to_vec();
        }
        let path = [self.settings.working_dir.as_bytes(), b"/", path].concat();
        let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && name != b".");
        names.flat_map(|name| [b"/", name].concat()).collect()
    }

    /// A regular file at a path, which is told to whoever looks for it in vain.
    pub(super) fn file(&self, path: &[u8]) -> Result<Found<'a>, Absent> {
        let found = self.tree.find(path)?;
        if found.kind == FoundKind::File { Ok(found) } else { Err(Absent::Missing) }
    }

    /// What is at a path, if it exists at all.
    pub(super) fn exists(&self, path: &[u8]) -> bool {
        self.tree.find(path).is_ok()
    }

    /// The program that a name leads to, by `PATH` where the name has no slash.
    ///
    /// # Errors
    /// When there is none that may be run.
    pub(super) fn program(&self, name: &[u8], starter: Starter) -> Result<Found<'a>, Stop> {
        if name.contains(&b'/') {
            return self.program_at(&self.absolute(name), starter);
        }
        let path = self.variable("PATH").unwrap_or(DEFAULT_PATH);
        let mut refused = None;
        for directory in path.split(':').filter(|directory| directory.starts_with('/')) {
            let candidate = [directory.as_bytes(), b"/", name].concat();
            match self.program_at(&candidate, starter) {
                Ok(found) => return Ok(found),
                Err(stop) if self.file(&candidate).is_ok() => refused = refused.or(Some(stop)),
                Err(_) => {}
            }
        }
        let missing = || {
            let what = format!(
                "{} is in no directory of PATH ({})",
                super::finding::shown(name),
                super::finding::shown(path.as_bytes())
            );
            never("start-command-missing", what)
        };
        Err(refused.unwrap_or_else(missing))
    }

    fn program_at(&self, path: &[u8], starter: Starter) -> Result<Found<'a>, Stop> {
        let shown = shown_path(path);
        let found = match self.tree.find(path) {
            Ok(found) => found,
            Err(Absent::Missing) => return Err(never("start-command-missing", format!("{shown} is missing"))),
            Err(Absent::NotDirectory) => {
                return Err(never(
                    "start-command-missing",
                    format!("{shown} leads through something that is no directory"),
                ));
            }
            Err(Absent::Circle) => {
                return Err(never(
                    "start-command-missing",
                    format!("{shown} leads through symbolic links in a circle"),
                ));
            }
        };
        match found.kind {
            FoundKind::File => {}
            FoundKind::Directory => return Err(never("start-command-is-directory", format!("{shown} is a directory"))),
            FoundKind::Other => return Err(never("start-command-is-no-file", format!("{shown} is no regular file"))),
        }
        let mode = found.attributes.map_or(0o111, |attributes| attributes.mode);
        if mode & 0o111 == 0 {
            let what = format!("{shown} is not executable (mode {mode:04o}): `chmod +x` it, or `COPY --chmod=755`");
            return Err(never("start-not-executable", what));
        }
        match self.refusal(&found, 0o111) {
            Some(what) if starter == Starter::Process => Err(never("start-not-executable", what)),
            _ => Ok(found),
        }
    }

    /// Why the user may not use a file by these bits of its mode, by no more rights than the user's own.
    pub(super) fn refusal(&self, found: &Found<'_>, bits: u32) -> Option<String> {
        let shown = shown_path(&found.path);
        let deed = if bits & 0o111 == 0 { "read" } else { "execute" };
        let forbidden = |attributes: &Attributes, bits: u32| !self.may(*attributes, bits);
        if let Some(Attributes { mode, uid, gid }) = found.attributes.filter(|attributes| forbidden(attributes, bits)) {
            return Some(format!("user {} may not {deed} {shown} (mode {mode:04o}, owner {uid}:{gid})", self.user.uid));
        }
        let ends = found.path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
        let mut directories = ends.filter_map(|end| found.path.get(..end)).filter_map(|path| {
            let attributes = self.tree.find(path).ok()?.attributes?;
            forbidden(&attributes, 0o111).then_some((path, attributes))
        });
        let (path, Attributes { mode, uid, gid }) = directories.next()?;
        let directory = shown_path(path);
        let what = format!(
            "user {} may not enter {directory} (mode {mode:04o}, owner {uid}:{gid}), which {shown} is in",
            self.user.uid
        );
        Some(what)
    }

    /// Whether the user has a right by the bits that count for it. Root has any.
    fn may(&self, Attributes { mode, uid, gid }: Attributes, bits: u32) -> bool {
        let User { uid: own, gids } = &self.user;
        let class = match () {
            () if *own == 0 => return true,
            () if *own == uid => 0o700,
            () if gids.contains(&gid) => 0o070,
            () => 0o007,
        };
        mode & bits & class != 0
    }
}
