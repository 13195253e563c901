//! The command lines of `docker` by which an image that was built is run: loaded into the engine, started by its digest,
//! removed again.

use std::path::Path;
use std::time::Duration;

use crate::oci::Platform;
use crate::process::{Ending, Finished, Invocation};

/// Lines of what a program printed.
pub(super) const LINES: usize = 200;

/// A program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Who ended it.
    pub ending: Ending,
    /// Its exit status, `None` when a signal ended it.
    pub exit_status: Option<i32>,
    /// How long it ran.
    pub wall: Duration,
    /// The last lines that it printed, those of standard error after the others.
    pub lines: Vec<String>,
}

impl Ran {
    /// From what is left of it.
    pub(super) fn of(finished: Finished, errors: Vec<String>) -> Self {
        let printed = String::from_utf8_lossy(&finished.stdout).into_owned();
        let mut lines: Vec<String> = printed.lines().map(str::to_owned).chain(errors).collect();
        lines.drain(..lines.len().saturating_sub(LINES));
        Self { ending: finished.ending, exit_status: finished.status.code(), wall: finished.wall, lines }
    }

    /// Whether it did what it should.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        self.ending == Ending::Exited && self.exit_status == Some(0)
    }
}

/// Which platform the engine runs without emulation: `os/architecture`.
#[must_use]
pub fn engine_platform() -> Invocation {
    docker(["version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"])
}

/// Loads an archive.
#[must_use]
pub fn load(archive: &Path) -> Invocation {
    docker(["load", "--quiet", "--input"]).arg(archive)
}

/// Prints by which digest the engine knows an image.
#[must_use]
pub fn image_id(name: &str) -> Invocation {
    docker(["image", "inspect", "--format", "{{.Id}}", name])
}

/// Runs a command in an image, whose entrypoint it takes the place of. What is run is what the digest says: nothing is
/// pulled.
#[must_use]
pub fn run(container: &str, platform: &Platform, image: &str, command: &[String]) -> Invocation {
    let (program, arguments) = command.split_first().map_or(("", &[][..]), |(program, rest)| (program.as_str(), rest));
    docker(["run", "--rm", "--pull", "never", "--name", container, "--platform", &platform.to_string()])
        .args(["--entrypoint", program, image])
        .args(arguments)
}

/// Removes a container, running or not.
#[must_use]
pub fn remove_container(name: &str) -> Invocation {
    docker(["rm", "--force", "--volumes", name])
}

/// Removes the name of an image, and with its last name itself.
#[must_use]
pub fn remove_image(name: &str) -> Invocation {
    docker(["image", "rm", name])
}

fn docker<const N: usize>(args: [&str; N]) -> Invocation {
    Invocation::new("docker").args(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_takes_the_place_of_the_entrypoint_and_nothing_is_pulled() {
        let command = ["sh", "-c", "test -s /a"].map(str::to_owned);
        let shown = run("c", &"linux/amd64".parse().unwrap(), "sha256:0", &command).to_string();
        insta::assert_snapshot!(shown, @"docker run --rm --pull never --name c --platform linux/amd64 --entrypoint sh sha256:0 -c 'test -s /a'");
    }
}
