//! Commands to the runner of GitHub Actions: lines of the log such as `::error file=a,line=1::text`, written after its
//! reader (actions/runner: `ActionCommand.cs`).

use std::fmt;

/// A command. Any text may stand in its values: what would end one is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    name: String,
    properties: Vec<(&'static str, String)>,
    text: String,
}

impl Command {
    /// A command without properties; the name is ours, or random.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), properties: Vec::new(), text: text.into() }
    }

    /// The same with another property.
    #[must_use]
    pub fn with(mut self, property: &'static str, value: impl Into<String>) -> Self {
        self.properties.push((property, value.into()));
        self
    }
}

impl fmt::Display for Command {
    /// One line, its end not included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "::{}", self.name)?;
        for (index, (name, value)) in self.properties.iter().enumerate() {
            write!(f, "{}{name}={}", if index == 0 { ' ' } else { ',' }, escaped_property(value))?;
        }
        write!(f, "::{}", escaped(&self.text))
    }
}

/// The percent sign first, as it starts the escapes.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escaped_property(value: &str) -> String {
    escaped(value).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line_whatever_stands_in_it() {
        for (command, line) in [
            (Command::new("endgroup", ""), "::endgroup::"),
            (Command::new("group", "a::b, c"), "::group::a::b, c"),
            (
                Command::new("error", "100%\r\n::error::x").with("file", "a:b,c").with("line", "7"),
                "::error file=a%3Ab%2Cc,line=7::100%25%0D%0A::error::x",
            ),
            (Command::new("add-mask", "%0A"), "::add-mask::%250A"),
        ] {
            assert_eq!(command.to_string(), line);
        }
    }
}
