//! The environment as a value: read once at the start, passed down, replaced in tests.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::oci::Platform;

/// How runners of GitHub begin the variables in which an action finds its inputs.
const INPUT_PREFIX: &[u8] = b"INPUT_";

/// The variables of this process that hold inputs of an action, which are for nobody but this process: among them are
/// tokens and build secrets.
pub static INPUT_VARIABLES: LazyLock<Vec<OsString>> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "the door of the environment")]
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.as_encoded_bytes().starts_with(INPUT_PREFIX)).collect()
});

/// What the process was given: arguments, variables, working directory and terminals.
#[derive(Debug, Clone, Default)]
pub struct Env {
    /// Command line, the program's name first.
    pub args: Vec<OsString>,
    /// Environment variables that are valid UTF-8.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub directory: PathBuf,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// How many cells can be worked on at once without fighting for a processor.
    pub parallelism: usize,
}

impl Env {
    /// Reads the real environment of this process.
    #[must_use]
    pub fn from_os() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the door of the environment")]
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            args: std::env::args_os().collect(),
            variables,
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The value of a variable. An empty variable counts as absent, as CI systems pass unset inputs as "".
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The class of this machine, as far as durations depend on it: what is compared must have run on the same.
    /// `WEIGHBRIDGE_RUNNER_CLASS` names it where the kind of processor matters more than their number.
    #[must_use]
    pub fn runner_class(&self) -> String {
        let measured = || {
            let platform = Platform::new(std::env::consts::OS, std::env::consts::ARCH, None);
            let noun = if self.parallelism == 1 { "CPU" } else { "CPUs" };
            format!("{platform}, {} {noun}", self.parallelism)
        };
        self.get("WEIGHBRIDGE_RUNNER_CLASS").map_or_else(measured, str::to_owned)
    }

    /// Whether this process runs under any continuous integration system.
    #[must_use]
    pub fn is_ci(&self) -> bool {
        self.get("CI").is_some_and(|value| value != "false") || self.get("GITHUB_ACTIONS").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_absent() {
        let variables = BTreeMap::from([("A".into(), String::new()), ("B".into(), "x".into())]);
        let env = Env { variables, ..Env::default() };
        assert_eq!(env.get("A"), None);
        assert_eq!(env.get("B"), Some("x"));
        assert_eq!(env.get("C"), None);
    }

    #[test]
    fn the_class_of_runner_names_the_platform_as_images_do() {
        let env = Env { parallelism: 2, ..Env::default() };
        let class = env.runner_class();
        let (platform, processors) = class.split_once(", ").unwrap();
        assert_eq!(platform.parse::<Platform>().unwrap().to_string(), platform);
        assert_eq!(processors, "2 CPUs");
        assert!(Env { parallelism: 1, ..Env::default() }.runner_class().ends_with(", 1 CPU"));
        let variables = BTreeMap::from([("WEIGHBRIDGE_RUNNER_CLASS".to_owned(), "large".to_owned())]);
        assert_eq!(Env { variables, ..env }.runner_class(), "large");
    }

    #[test]
    fn ci_is_recognised_by_its_common_variable() {
        let with = |name: &str, value: &str| Env {
            variables: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..Env::default()
        };
        assert!(with("CI", "true").is_ci());
        assert!(with("GITHUB_ACTIONS", "true").is_ci());
        assert!(!with("CI", "false").is_ci());
        assert!(!Env::default().is_ci());
    }
}
