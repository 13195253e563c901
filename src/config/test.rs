//! What is run in an image before it is pushed.

use std::time::Duration;

use super::image::Fields;
use super::node::Node;
use crate::units::parse_duration;

const TIMEOUT: Duration = Duration::from_secs(300);

/// The tests of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tests {
    /// The commands in order, each a program of the image and its arguments.
    pub commands: Vec<Vec<String>>,
    /// How long each may take.
    pub timeout: Duration,
    /// Whether they also run where the image's platform has to be emulated.
    pub emulated: bool,
}

impl Default for Tests {
    fn default() -> Self {
        Self { commands: Vec::new(), timeout: TIMEOUT, emulated: false }
    }
}

impl Tests {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The tests in the mapping of an image.
    pub(super) fn of(image: &Node) -> Self {
        let fields = Fields(image);
        let commands = match image.get("test") {
            Some(node) if node.text().is_some() => command(node).into_iter().collect(),
            Some(node) => node.list().iter().filter_map(command).collect(),
            None => Vec::new(),
        };
        Self {
            commands,
            timeout: fields.text("test_timeout").and_then(|text| parse_duration(&text).ok()).unwrap_or(TIMEOUT),
            emulated: fields.flag("test_emulated"),
        }
    }
}

/// The words of a command: of a list they are its values, a text is split as a shell would, which is all that it has of
/// one.
fn command(node: &Node) -> Option<Vec<String>> {
    match node.text() {
        Some(text) => split(text),
        None => Some(node.list().iter().filter_map(Node::text).map(str::to_owned).collect()).filter(is_command),
    }
}

/// Words as in a shell; `None` where a quote is not closed or there is no word.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    shell_words::split(text).ok().filter(is_command)
}

#[expect(clippy::ptr_arg, reason = "the form that a filter takes")]
fn is_command(words: &Vec<String>) -> bool {
    words.first().is_some_and(|program| !program.is_empty())
}
