//! Secrets that could show up in commands, logs and reports, replaced before anything is printed or written.

use std::borrow::Cow;
use std::path::Path;

use crate::config::{Config, SecretSource};
use crate::env::Env;
use crate::secrecy::names_a_secret;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Values shorter than this are left alone: masking them would blot out ordinary text.
const SHORTEST_SECRET: usize = 4;

/// Of a secret of several lines, those shorter than this are no secret by themselves, such as `[default]`.
const SHORTEST_LINE: usize = 10;

/// Values that stand in the log of every job, whatever is called by them.
const ORDINARY: [&str; 3] = ["true", "false", "none"];

/// Variables of CI systems and stores that hold a secret; what a build sees of them may end up in its log.
const SECRET_VARIABLES: [&str; 14] = [
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "INPUT_GITHUB-TOKEN",
    "CI_JOB_TOKEN",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "GITLAB_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "BUILDKIT_AZURE_STORAGE_SECRET_ACCESS_KEY",
    "DOCKER_AUTH_CONFIG",
];

/// The secret values of a run.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret inside another never leaves a rest.
    values: Vec<String>,
    /// The lines of those that are said to be secret, in the same order.
    declared: Vec<String>,
}

impl Redactor {
    /// Collects the values that must never be shown: build arguments with telling names, the variables and files that
    /// secrets are read from, and the tokens of CI systems. `read` gives the text of a file, `None` when it is not one.
    #[must_use]
    pub fn new(config: &Config, env: &Env, read: impl Fn(&Path) -> Option<String>) -> Self {
        let mut declared = tokens(env);
        let mut guessed = Vec::new();
        for image in &config.images {
            for (name, value) in image.build_args.iter().filter(|(name, _)| names_a_secret(name)) {
                guessed.extend(value.as_deref().or_else(|| env.get(name)).map(str::to_owned));
            }
            for secret in &image.secrets {
                declared.extend(match &secret.source {
                    SecretSource::Variable(name) => env.get(name).map(str::to_owned),
                    SecretSource::File(path) => read(path),
                });
            }
        }
        Self::from_values(&declared, &guessed)
    }

    /// The tokens of CI systems alone, which are known before any configuration is.
    #[must_use]
    pub fn of_environment(env: &Env) -> Self {
        Self::from_values(&tokens(env), &[])
    }

    /// What may be masked wherever it stands, each one line: tokens and what is declared as a secret. A build argument
    /// that only sounds like one, as in `AUTH=true`, is left out, because others than us would be masked as well.
    pub fn declared(&self) -> impl Iterator<Item = &str> {
        self.declared.iter().map(String::as_str)
    }

    fn from_values(declared: &[String], guessed: &[String]) -> Self {
        let all = declared.iter().chain(guessed);
        Self {
            values: longest_first(all.flat_map(|value| lines(value)).filter(|line| line.len() >= SHORTEST_SECRET)),
            declared: longest_first(declared.iter().flat_map(|value| maskable(value))),
        }
    }

    /// The text without any secret.
    #[must_use]
    pub fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.values.iter().fold(Cow::Borrowed(text), |text, value| match text.contains(value.as_str()) {
            true => Cow::Owned(text.replace(value.as_str(), MASK)),
            false => text,
        })
    }

    /// Removes secrets from a text in place.
    pub fn scrub(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.apply(text) {
            *text = clean;
        }
    }
}

fn tokens(env: &Env) -> Vec<String> {
    SECRET_VARIABLES.iter().filter_map(|name| env.get(name)).map(str::to_owned).collect()
}

/// Logs come line by line, so a secret of many lines is masked by each of its lines.
fn lines(value: &str) -> impl Iterator<Item = &str> {
    value.lines().map(str::trim)
}

fn maskable(value: &str) -> impl Iterator<Item = &str> {
    let is_one_line = lines(value).filter(|line| !line.is_empty()).count() == 1;
    let shortest = if is_one_line { SHORTEST_SECRET } else { SHORTEST_LINE };
    let is_ordinary = |line: &str| ORDINARY.iter().any(|word| line.eq_ignore_ascii_case(word));
    lines(value).filter(move |line| line.len() >= shortest && !is_ordinary(line))
}

fn longest_first<'v>(values: impl Iterator<Item = &'v str>) -> Vec<String> {
    let mut values: Vec<String> = values.map(str::to_owned).collect();
    values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_masked_and_the_longest_first() {
        let redactor = Redactor::from_values(&["hunter".into(), "abc".into()], &["hunter22".into()]);
        assert_eq!(redactor.apply("a hunter22 b hunter c abc"), "a *** b *** c abc");
    }

    #[test]
    fn a_secret_of_many_lines_is_masked_line_by_line() {
        let redactor = Redactor::from_values(&["-----BEGIN KEY\nMIIEow\n".into()], &[]);
        assert_eq!(redactor.apply("log: MIIEow"), "log: ***");
    }

    #[test]
    fn only_what_is_said_to_be_a_secret_is_masked_everywhere() {
        let declared = ["hunter22", "abc", "True", "[default]\nkey = hunter2\n", "pass\n"].map(str::to_owned);
        let redactor = Redactor::from_values(&declared, &["true".into(), "guessed".into()]);
        assert_eq!(redactor.declared().collect::<Vec<_>>(), ["key = hunter2", "hunter22", "pass"]);
        assert_eq!(redactor.apply("guessed [default]"), "*** ***");
    }
}
