//! `weighbridge init`: writes the configuration and the job of a repository. What is there already is never changed:
//! how it differs is shown instead.

mod files;

use std::path::Path;

use anyhow::{Context, Result};
use similar::TextDiff;

use super::session::Session;
use crate::ci::Forge;
use crate::cli::{ForgeName, InitArgs};
use crate::error::{self, Exit};
use crate::escape;
use crate::fs;
use crate::git::Git;
use crate::publish::terminal;
use files::{GITLAB_JOB, GITLAB_PIPELINE, NewFile, files};

/// What a person may have written.
const LIMIT_BYTES: u64 = 1 << 20;

/// `weighbridge init`.
pub(super) async fn init(session: &Session, args: &InitArgs) -> Result<u8> {
    let git = Git::open(&session.env.directory).await.ok();
    let root = git.as_ref().map_or(session.env.directory.as_path(), Git::root);
    let survey = session.survey(root).await?;
    let forge = match args.forge {
        Some(ForgeName::Github) => Forge::Github,
        Some(ForgeName::Gitlab) => Forge::Gitlab,
        None => forge(root, git.as_ref()).await,
    };
    let mut shown = String::new();
    let mut left = false;
    for file in files(&survey, forge, &branch(git.as_ref()).await) {
        let (text, differs) = settle(root, &file, args.dry_run)?;
        shown += &text;
        left |= differs;
    }
    shown += &hints(forge, left, shown.is_empty(), args.dry_run);
    terminal::out(&shown);
    Ok(error::OK)
}

/// Writes a file that is not there, else shows how it differs. Nothing is said of one that is as it should be.
fn settle(root: &Path, file: &NewFile, dry_run: bool) -> Result<(String, bool)> {
    let (path, name) = (root.join(&file.path), escape::block(&file.path));
    if fs::is_file(&path) {
        let existing = fs::read_text(&path, LIMIT_BYTES)?;
        if existing == file.content || (file.path == GITLAB_PIPELINE && existing.contains(GITLAB_JOB)) {
            return Ok((String::new(), false));
        }
        return Ok((
            format!(
                "{name} is there and stays as it is. What would be written differs:\n{}\n",
                difference(&name, &existing, &file.content)
            ),
            true,
        ));
    }
    if dry_run {
        return Ok((format!("{name} would be written:\n{}\n", difference("/dev/null", "", &file.content)), false));
    }
    fs::write_atomic(&path, file.content.as_bytes()).context(Exit::usage("write the files of this repository"))?;
    Ok((format!("{name} is written\n"), false))
}

fn difference(name: &str, existing: &str, proposed: &str) -> String {
    let diff = TextDiff::from_lines(existing, proposed);
    let diff = diff.unified_diff().context_radius(3).header(name, "proposed").to_string();
    escape::block(&diff)
}

fn hints(forge: Forge, left: bool, is_all_there: bool, dry_run: bool) -> String {
    if is_all_there {
        return "nothing to do: every file is there as it would be written\n".to_owned();
    }
    let of_forge = match forge {
        Forge::Github => "Then put the release of weighbridge into the workflow, as its comment says.\n",
        Forge::Gitlab => "Then put the image of weighbridge into the job, as its comment says.\n",
        Forge::Local => "No job was made, as no forge is known here: --forge github or --forge gitlab.\n",
    };
    let of_differences =
        "What you want of a difference is yours to take over; to have a file written anew, remove it first.\n";
    match (dry_run, left) {
        (true, _) => String::new(),
        (false, true) => format!("{of_differences}{of_forge}"),
        (false, false) => format!("Next: `weighbridge plan` shows what is built. {of_forge}"),
    }
}

/// The forge, as the address of the remote says, else the files that only one of them reads.
async fn forge(root: &Path, git: Option<&Git>) -> Forge {
    let remote = match git {
        Some(git) => git.remote_url().await.ok().flatten().unwrap_or_default(),
        None => String::new(),
    };
    let host = host(&remote);
    match () {
        () if host.contains("github") => Forge::Github,
        () if host.contains("gitlab") => Forge::Gitlab,
        () if fs::is_file(&root.join(GITLAB_PIPELINE)) => Forge::Gitlab,
        () if fs::is_directory(&root.join(".github")) => Forge::Github,
        () => Forge::Local,
    }
}

/// Of `https://user@host/path` and of `user@host:path`.
fn host(remote: &str) -> &str {
    let rest = remote.split_once("://").map_or(remote, |(_, rest)| rest);
    let authority = rest.split(['/', ':']).next().unwrap_or_default();
    // A password may hold a colon, and then the host stands behind the `@`.
    let behind = rest.split('/').next().unwrap_or_default().rsplit_once('@').map(|(_, host)| host);
    behind.map_or(authority, |host| host.split(':').next().unwrap_or_default())
}

async fn branch(git: Option<&Git>) -> String {
    let Some(git) = git else { return "main".to_owned() };
    let default = git.default_branch().await.ok().flatten();
    match default {
        Some(branch) => branch,
        None => git.current_branch().await.ok().flatten().unwrap_or_else(|| "main".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_remote_is_found_in_every_way_to_write_it() {
        for (remote, expected) in [
            ("https://github.com/acme/shop.git", "github.com"),
            ("git@gitlab.acme.test:acme/shop.git", "gitlab.acme.test"),
            ("ssh://git@github.acme.test:22/acme/shop", "github.acme.test"),
            ("https://user:pass@gitlab.com/github/shop", "gitlab.com"),
            ("/srv/git/github.git", ""),
            ("", ""),
        ] {
            assert_eq!(host(remote), expected, "{remote}");
        }
    }
}
