//! What git says about the commit to compare with.

use std::collections::BTreeSet;
use std::path::Path;

use super::inputs::{File, Place, ignored, real};
use super::paths::{Paths, below};
use crate::baseline::DEEPEN;
use crate::compare::miss::Changes;
use crate::dockerfile::DockerIgnore;
use crate::git::{Git, GitError, Status};

/// How the work tree differs from a commit.
pub(super) struct Differences<'g> {
    git: &'g Git,
    sha: String,
    /// The files that git knows to differ.
    changed: Paths,
    /// What git leaves out, or knows nothing of but that it is there: files that it ignores, and other repositories.
    unknown: Paths,
    /// Symbolic links and submodules.
    links: Paths,
}

impl<'g> Differences<'g> {
    /// Adds what the work tree holds to what git says of the commit. What lies in the output directory is ours and no
    /// part of a build.
    ///
    /// # Errors
    /// When git cannot tell; the reason, as a phrase.
    pub(super) async fn since(git: &'g Git, sha: String, status: &Status, output: &Path) -> Result<Self, String> {
        if git.resolve(&sha).await.map_err(|error| untold(&error))?.is_none() {
            let short = sha.get(..12).unwrap_or(&sha);
            return Err(format!("the base commit {short} is not in this clone; {DEEPEN}"));
        }
        let asked = async { tokio::try_join!(git.staged_since(&sha), git.links()) };
        let (staged, links) = asked.await.map_err(|error| untold(&error))?;
        let own = inside(output, git).filter(|own| !own.is_empty());
        let is_own = |path: &&String| own.as_ref().is_some_and(|own| below(path, own).is_some());
        // Of repositories of their own, git tells no more than that they are there.
        let (opaque, untracked): (Vec<&String>, Vec<&String>) =
            status.untracked.iter().partition(|path| path.ends_with('/'));
        let all = |paths: Vec<&String>| paths.into_iter().filter(|path| !is_own(path)).cloned().collect();
        Ok(Self {
            git,
            sha,
            changed: all(staged.iter().chain(&status.changed).chain(untracked).collect()),
            unknown: all(status.ignored.iter().chain(opaque).collect()),
            links: links.into_iter().collect(),
        })
    }

    /// Whether a file is one that git knows and that is what it was.
    pub(super) fn is_same(&self, file: &File) -> bool {
        let is_same = |path: &str| !self.changed.contains(path) && !self.unknown.cover(path) && !self.links.cover(path);
        file.is_there && file.inside.as_deref().is_some_and(is_same)
    }

    /// Whether a file came, went or changed, as far as can be told.
    pub(super) fn is_changed(&self, file: &File) -> bool {
        match file.is_there {
            true => !self.is_same(file),
            false => file.inside.as_deref().is_none_or(|path| self.changed.contains(path)),
        }
    }

    /// Whether what a context holds may be found elsewhere: it lies in a submodule, or holds links beside something that
    /// changed.
    pub(super) fn is_led_elsewhere(&self, context: &Place) -> bool {
        let Some(place) = &context.inside else { return true };
        self.links.cover(place) || (!self.changed.is_empty() && self.links.below(place).next().is_some())
    }

    /// What changed in a context, as far as it reaches the build.
    pub(super) async fn in_context(&self, context: &Place, ignore_file: Option<&File>) -> Changes {
        let Some(place) = &context.inside else {
            return Changes::Unknown("the build context lies outside of the repository".to_owned());
        };
        if context.is_of_another {
            return Changes::Unknown("the build context lies in another repository".to_owned());
        }
        let Ok(ignore) = ignored(ignore_file) else {
            return Changes::Unknown("the .dockerignore cannot be read".to_owned());
        };
        let changed = self.changed.below(place).filter(|path| !ignore.ignores(path));
        let mut files: BTreeSet<String> = changed.map(str::to_owned).collect();
        files.extend(self.newly_filtered(ignore_file, place, &ignore).await);
        // Its index and its log change with every commit.
        if place.is_empty() && !ignore.ignores_all_of(".git") {
            files.insert(".git".to_owned());
        }
        let mut unknown = self.unknown.below(place).map(|path| match path.strip_suffix('/') {
            Some(directory) => !ignore.ignores_all_of(directory),
            None => !ignore.ignores(path),
        });
        let has_untold = self.unknown.cover(place) || unknown.any(|is_taken| is_taken);
        Changes::Files { files: files.into_iter().collect(), has_untold }
    }

    /// The text of a file in the commit, of the one that it leads to now where it is a link.
    pub(super) async fn text_of(&self, file: &File) -> Option<String> {
        self.text(&inside(&file.path, self.git)?).await
    }

    async fn text(&self, path: &str) -> Option<String> {
        self.git.text_at(&self.sha, path).await.ok().flatten()
    }

    /// Files that an edited `.dockerignore` lets in or leaves out now, though they themselves are what they were.
    async fn newly_filtered(&self, file: Option<&File>, place: &str, ignore: &DockerIgnore) -> Vec<String> {
        let edited = file.and_then(|file| file.inside.as_ref()).filter(|file| self.changed.contains(file));
        let Some(edited) = edited else { return Vec::new() };
        let base = self.text(edited).await.unwrap_or_default();
        let (Ok(base), Ok(tracked)) = (DockerIgnore::parse(&base), self.git.tracked().await) else { return Vec::new() };
        let here = tracked.iter().filter_map(|path| below(path, place));
        here.filter(|path| ignore.ignores(path) != base.ignores(path)).map(str::to_owned).collect()
    }
}

fn inside(path: &Path, git: &Git) -> Option<String> {
    Some(real(path).strip_prefix(git.root()).ok()?.to_string_lossy().into_owned())
}

/// Why git cannot tell what changed.
pub(super) fn untold(error: &GitError) -> String {
    format!("git cannot tell what changed: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::Repository;

    #[tokio::test]
    async fn a_base_that_the_clone_lacks_is_told_in_words_and_not_in_commands() {
        let origin = Repository::new().await;
        let base = origin.commit("base").await;
        origin.commit("head").await;
        for (depth, expected) in
            [(1, Some(format!("the base commit {} is not in this clone; {DEEPEN}", &base[..12]))), (2, None)]
        {
            let clone = Repository::shallow_clone(&origin, depth).await;
            let git = clone.open().await;
            assert_eq!(
                Differences::since(&git, base.clone(), &Status::default(), Path::new("/nowhere")).await.err(),
                expected,
                "{depth}"
            );
        }
    }
}
