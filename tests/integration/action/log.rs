//! The log of a step as its runner reads it: which lines command it, and which are text (actions/runner:
//! `ActionCommandManager.cs`, `ActionCommand.cs`).

use crate::runner::commands::{self, Command};

/// The commands that the runner has for everybody.
const REGISTERED: [&str; 8] = ["add-mask", "debug", "endgroup", "error", "group", "notice", "stop-commands", "warning"];

/// What a runner makes of an output.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The commands that it obeys, in their order.
    pub(super) commands: Vec<Command>,
    /// What it shows.
    pub(crate) text: String,
    /// The word that makes it listen again; none when it listens.
    stopped: Option<String>,
}

impl Log {
    pub(crate) fn read(output: &str) -> Self {
        let mut log = Self::default();
        for line in output.lines() {
            if !log.obeys(line) {
                log.text += &format!("{line}\n");
            }
        }
        log
    }

    fn obeys(&mut self, line: &str) -> bool {
        let registered = |name: &str| match &self.stopped {
            Some(word) => name == word,
            None => REGISTERED.contains(&name),
        };
        let Some(command) = modern(line).or_else(|| legacy(line)).filter(|command| registered(&command.name)) else {
            return false;
        };
        match (&self.stopped, command.name.as_str()) {
            (Some(_), _) => self.stopped = None,
            (None, "stop-commands") => self.stopped = Some(command.text),
            (None, _) => self.commands.push(command),
        }
        true
    }

    /// Insists that the runner listens again, as it has to after the step's last line.
    #[track_caller]
    pub(crate) fn ended(self) -> Self {
        assert_eq!(self.stopped, None, "the runner still listens to nothing");
        self
    }

    /// The texts of the commands of this name.
    pub(crate) fn of(&self, name: &str) -> Vec<&str> {
        self.commands.iter().filter(|command| command.name == name).map(|command| command.text.as_str()).collect()
    }

    /// The names of the commands in their order.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.commands.iter().map(|command| command.name.as_str()).collect()
    }

    /// Everything that the commands say.
    pub(crate) fn said(&self) -> String {
        let said = self.commands.iter().flat_map(|command| command.properties.values().chain([&command.text]));
        said.map(|text| format!("{text}\n")).collect()
    }
}

fn modern(line: &str) -> Option<Command> {
    commands::commands(line).pop()
}

/// `##[error]text`, wherever it stands in a line.
fn legacy(line: &str) -> Option<Command> {
    let (head, text) = line.split_once("##[")?.1.split_once(']')?;
    let name = head.split(' ').next()?.to_owned();
    Some(Command { name, properties: std::collections::BTreeMap::new(), text: text.to_owned() })
}

#[test]
fn commands_are_obeyed_until_they_are_stopped_and_again_from_the_word_on() {
    let log = Log::read(
        "::group::a\n::stop-commands::w\n::error::b\nc ##[error]d\n::v::\n::w::\nx ##[warning]e\n::unknown::f\n::notice::g\n",
    );
    assert_eq!(log.names(), ["group", "warning", "notice"]);
    assert_eq!(log.text, "::error::b\nc ##[error]d\n::v::\n::unknown::f\n");
    assert_eq!(log.ended().of("warning"), ["e"]);
}
