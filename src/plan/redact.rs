//! Secrets that could show up in commands, logs and reports, replaced before anything is printed or written.

use std::borrow::Cow;
use std::path::Path;

use crate::config::{Config, SecretSource};
use crate::env::Env;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Values shorter than this are left alone: masking them would blot out ordinary text.
const SHORTEST_SECRET: usize = 4;

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
}

impl Redactor {
    /// Collects the values that must never be shown: build arguments with telling names, the variables and files that
    /// secrets are read from, and the tokens of CI systems. `read` gives the text of a file, `None` when it is not one.
    #[must_use]
    pub fn new(config: &Config, env: &Env, read: impl Fn(&Path) -> Option<String>) -> Self {
        let mut values = Self::of_environment(env).values;
        for image in &config.images {
            for (name, value) in image.build_args.iter().filter(|(name, _)| names_a_secret(name)) {
                values.extend(value.as_deref().or_else(|| env.get(name)).map(str::to_owned));
            }
            for secret in &image.secrets {
                values.extend(match &secret.source {
                    SecretSource::Variable(name) => env.get(name).map(str::to_owned),
                    SecretSource::File(path) => read(path),
                });
            }
        }
        Self::from_values(values)
    }

    /// The tokens of CI systems alone, which are known before any configuration is.
    #[must_use]
    pub fn of_environment(env: &Env) -> Self {
        Self::from_values(SECRET_VARIABLES.iter().filter_map(|name| env.get(name)).map(str::to_owned).collect())
    }

    /// The secrets, each one line.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }

    fn from_values(values: Vec<String>) -> Self {
        // Logs come line by line, so a secret of many lines is masked by each of its lines.
        let mut values: Vec<String> = values
            .iter()
            .flat_map(|value| value.lines().map(str::trim))
            .filter(|line| line.len() >= SHORTEST_SECRET)
            .map(str::to_owned)
            .collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values }
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

/// Whether a build argument's name says that its value is secret.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    const TELLING: [&str; 9] =
        ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY"];
    /// Too short to be looked for inside of other words.
    const WORDS: [&str; 3] = ["PASS", "PAT", "AUTH"];
    let name = name.to_ascii_uppercase();
    TELLING.iter().any(|word| name.contains(word)) || name.split(['_', '-', '.']).any(|part| WORDS.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_masked_and_the_longest_first() {
        let redactor = Redactor::from_values(vec!["hunter".into(), "hunter22".into(), "abc".into()]);
        assert_eq!(redactor.apply("a hunter22 b hunter c abc"), "a *** b *** c abc");
    }

    #[test]
    fn a_secret_of_many_lines_is_masked_line_by_line() {
        let redactor = Redactor::from_values(vec!["-----BEGIN KEY\nMIIEow\n".into()]);
        assert_eq!(redactor.apply("log: MIIEow"), "log: ***");
    }

    #[test]
    fn telling_names_are_recognised() {
        for name in ["DB_PASS", "GH_PAT", "NPM_TOKEN", "db_password", "ApiKey", "AWS_SECRET_ACCESS_KEY"] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["VERSION", "TARGETARCH", "KEYBOARD", "PATCH", "AUTHOR"] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
