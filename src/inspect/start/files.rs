//! The file system as the container's first process sees it.

use super::finding::{Stop, never, shown_path};
use super::user::User;
use crate::inspect::{Absent, Attributes, Found, FoundKind, Tree};
use crate::oci::Settings;

/// Docker's, where the image sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
        [b"/", self.settings.working_dir.as_bytes(), b"/", path].concat()
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
    /// When there is none that the user may run.
    pub(super) fn program(&self, name: &[u8]) -> Result<Found<'a>, Stop> {
        if name.contains(&b'/') {
            return self.program_at(&self.absolute(name));
        }
        let path = self.variable("PATH").unwrap_or(DEFAULT_PATH);
        let mut refused = None;
        for directory in path.split(':').filter(|directory| directory.starts_with('/')) {
            let candidate = [directory.as_bytes(), b"/", name].concat();
            match self.program_at(&candidate) {
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

    fn program_at(&self, path: &[u8]) -> Result<Found<'a>, Stop> {
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
        self.may_run(&found, &shown)?;
        Ok(found)
    }

    /// Whether the user may run a file and walk the directories on the way to it.
    fn may_run(&self, found: &Found<'_>, shown: &str) -> Result<(), Stop> {
        let Some(attributes) = found.attributes else { return Ok(()) };
        if attributes.mode & 0o111 == 0 {
            let what = format!(
                "{shown} is not executable (mode {:04o}): `chmod +x` it, or `COPY --chmod=755`",
                attributes.mode
            );
            return Err(never("start-not-executable", what));
        }
        if !self.may_execute(attributes) {
            let what = format!(
                "user {} may not execute {shown} (mode {:04o}, owner {}:{})",
                self.user.uid, attributes.mode, attributes.uid, attributes.gid
            );
            return Err(never("start-not-executable", what));
        }
        for (end, _) in found.path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let directory = found.path.get(..end).unwrap_or_default();
            let attributes = self.tree.find(directory).ok().and_then(|found| found.attributes);
            if let Some(attributes) = attributes.filter(|attributes| !self.may_execute(*attributes)) {
                let what = format!(
                    "user {} may not enter {} (mode {:04o}, owner {}:{}), which {shown} is in",
                    self.user.uid,
                    shown_path(directory),
                    attributes.mode,
                    attributes.uid,
                    attributes.gid
                );
                return Err(never("start-not-executable", what));
            }
        }
        Ok(())
    }

    /// The execute bit that counts for the user; root needs any for files, and none for directories.
    fn may_execute(&self, Attributes { mode, uid, gid }: Attributes) -> bool {
        let User { uid: own, gids } = &self.user;
        match () {
            () if *own == 0 => true,
            () if *own == uid => mode & 0o100 != 0,
            () if gids.contains(&gid) => mode & 0o010 != 0,
            () => mode & 0o001 != 0,
        }
    }
}
