//! A command as data, so that a plan, a dry run and an error can show exactly what is run.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// A program with its arguments. `Display` is a line for a POSIX shell, with secret values masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program: a path, or a name to look up in `PATH`.
    pub program: PathBuf,
    /// The arguments, without the program's name.
    pub args: Vec<OsString>,
    /// Where it runs; the directory of this process when `None`.
    pub directory: Option<PathBuf>,
    /// How its environment differs from that of this process, by variable.
    pub env: BTreeMap<String, EnvChange>,
    /// What it reads on standard input, at most [`super::INPUT_LIMIT_BYTES`]; nothing when empty.
    pub input: Vec<u8>,
}

/// What a child sees instead of the inherited variable.
#[derive(Clone, PartialEq, Eq)]
pub enum EnvChange {
    /// This value.
    Set(OsString),
    /// This value, which is never printed.
    Secret(OsString),
    /// Nothing.
    Remove,
}

impl Invocation {
    /// A program without arguments, in the directory and environment of this process.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), args: Vec::new(), directory: None, env: BTreeMap::new(), input: Vec::new() }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets where it runs.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets what it reads on standard input.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Changes one variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, change: EnvChange) -> Self {
        self.env.insert(name.into(), change);
        self
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, change) in &self.env {
            match change {
                EnvChange::Set(value) => write!(f, "{name}={} ", quote(value))?,
                EnvChange::Secret(_) => write!(f, "{name}=*** ")?,
                EnvChange::Remove => {}
            }
        }
        f.write_str(&quote(self.program.as_os_str()))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quote(arg)))
    }
}

impl fmt::Debug for EnvChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(value) => write!(f, "Set({value:?})"),
            Self::Secret(_) => f.write_str("Secret(***)"),
            Self::Remove => f.write_str("Remove"),
        }
    }
}

fn quote(text: &OsStr) -> String {
    shell_words::quote(&text.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_prints_as_a_shell_line_without_secret_values() {
        let invocation = Invocation::new("docker")
            .args(["buildx", "build", "--build-arg", "A=it's $5", ""])
            .env("B", EnvChange::Set("two words".into()))
            .env("TOKEN", EnvChange::Secret("hunter2".into()))
            .env("GONE", EnvChange::Remove);
        insta::assert_snapshot!(
            invocation,
            @r"B='two words' TOKEN=*** docker buildx build --build-arg 'A=it'\''s $5' ''"
        );
        assert!(!format!("{invocation:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn a_shell_reads_back_the_printed_arguments(args in prop::collection::vec("[^\0]{0,12}", 0..5)) {
            let line = Invocation::new("program").args(args.clone()).to_string();
            let words = shell_words::split(&line).unwrap();
            prop_assert_eq!(&words[1..], &args[..]);
        }
    }
}
