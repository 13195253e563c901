//! The log of a CI job as its runner reads it: secrets that it masks, parts that fold, and on GitHub the commands in it.
//!
//! A runner of GitHub obeys whatever looks like a command on either output of a step. What we show is escaped, and beside
//! that commands are stopped from our first line to the last but where we give one of our own. They all go to standard
//! error, as the result stands alone on standard output.

use std::time::{SystemTime, UNIX_EPOCH};

use super::actions::annotations;
use super::actions::command::Command;
use super::terminal::say;
use crate::ci::Forge;
use crate::escape;

/// Who reads the log.
#[derive(Debug, Clone)]
pub enum JobLog {
    /// A runner of GitHub Actions or of what speaks like it.
    Github {
        /// What makes it listen to commands again.
        token: String,
    },
    /// A runner of GitLab.
    Gitlab,
    /// People and programs.
    Plain,
}

impl JobLog {
    /// Begins the log: what is secret is masked, and nothing that is shown from then on commands the runner.
    #[must_use]
    pub fn begin<'v>(forge: Forge, secrets: impl IntoIterator<Item = &'v str>) -> Self {
        match forge {
            Forge::Github => {
                let token = nonce();
                say(&lines(masks(secrets).chain([stop(&token)])));
                Self::Github { token }
            }
            Forge::Gitlab => Self::Gitlab,
            Forge::Local => Self::Plain,
        }
    }

    /// Ends the log. What the step prints afterwards is for others to answer for.
    pub fn end(&self) {
        if let Self::Github { token } = self {
            say(&Command::new(token, "").to_string());
        }
    }

    /// Has the runner of GitHub mask what turned out to be secret as well; others have no such command.
    pub fn mask<'v>(&self, secrets: impl IntoIterator<Item = &'v str>) {
        self.tell(masks(secrets).collect());
    }

    /// Gives the runner of GitHub commands; others do not understand any.
    pub fn tell(&self, commands: Vec<Command>) {
        if let Self::Github { token } = self
            && !commands.is_empty()
        {
            // In one piece, so that nothing comes between.
            say(&lines(std::iter::once(Command::new(token, "")).chain(commands).chain([stop(token)])));
        }
    }

    /// Begins a part of the log that can be folded. There is one at a time.
    pub fn fold(&self, title: &str) {
        match self {
            Self::Github { .. } => self.tell(vec![Command::new("group", title)]),
            Self::Gitlab => say(&section(&format!("start:{}:{SECTION}[collapsed=true]", unix_seconds()), title)),
            Self::Plain => {}
        }
    }

    /// Ends it.
    pub fn unfold(&self) {
        match self {
            Self::Github { .. } => self.tell(vec![Command::new("endgroup", "")]),
            Self::Gitlab => say(&section(&format!("end:{}:{SECTION}", unix_seconds()), "")),
            Self::Plain => {}
        }
    }

    /// Says why the whole run failed, outside of any part that is folded.
    pub fn error(&self, text: &str) {
        let text = escape::block(text);
        match self {
            Self::Github { .. } => self.tell(vec![Command::new("endgroup", ""), annotations::error(&text)]),
            Self::Gitlab => {
                self.unfold();
                say(&format!("error: {text}"));
            }
            Self::Plain => say(&format!("error: {text}")),
        }
    }
}

fn masks<'v>(secrets: impl IntoIterator<Item = &'v str>) -> impl Iterator<Item = Command> {
    secrets.into_iter().map(|secret| Command::new("add-mask", secret))
}

fn stop(token: &str) -> Command {
    Command::new("stop-commands", token)
}

fn lines(commands: impl Iterator<Item = Command>) -> String {
    commands.map(|command| command.to_string()).collect::<Vec<_>>().join("\n")
}

/// The name of a section in the log of GitLab, by which its end is found.
const SECTION: &str = "weighbridge_builds";

/// A line that starts or ends a section. <https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>
fn section(what: &str, header: &str) -> String {
    format!("\u{1b}[0Ksection_{what}\r\u{1b}[0K{header}")
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A word that nobody can guess: what is built may know how we work, but not this.
#[must_use]
pub fn nonce() -> String {
    let mut bytes = [0; 16];
    // Without randomness from the system, time is better than a constant.
    if getrandom::fill(&mut bytes).is_err() {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        bytes = nanos.to_le_bytes();
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("weighbridge-{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_words_are_alike_and_none_is_a_command() {
        let (one, other) = (nonce(), nonce());
        assert_ne!(one, other);
        assert_eq!(one.len(), "weighbridge-".len() + 32);
    }

    #[test]
    fn a_section_is_hidden_behind_its_header() {
        assert_eq!(section("start:7:a", "Builds"), "\u{1b}[0Ksection_start:7:a\r\u{1b}[0KBuilds");
    }
}
