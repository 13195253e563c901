//! The secrets that the inputs give. A value becomes a variable of the build's environment and of nothing else: on a
//! command line every process could read it, and a file would have to be removed however the run ends.

use std::collections::BTreeMap;
use std::path::Path;

use super::list::{self, Unclosed};
use crate::config::csv;
use crate::config::fault::looks_like_a_secret;
use crate::env::Env;
use crate::fs;

/// What the variables of such values are called. buildx reads them, and a build sees none of them.
const VARIABLE: &str = "WEIGHBRIDGE_SECRET_";
/// The variable of the token with which BuildKit fetches this repository.
const GIT_TOKEN: &str = "WEIGHBRIDGE_SECRET_GIT";

/// Build secrets by reference, and the values that they refer to.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// As `--secret` takes them.
    pub(super) specs: Vec<String>,
    /// The values, by variable.
    pub(super) variables: BTreeMap<String, String>,
    /// What is left out, as phrases without any value.
    pub(super) left_out: Vec<String>,
    /// Whether a token for git was given.
    has_git_token: bool,
}

/// Whether a variable holds a value that an input gave, so that the environment of weighbridge itself does not have it.
pub(in crate::config) fn is_of_an_input(variable: &str) -> bool {
    variable.starts_with(VARIABLE)
}

impl Secrets {
    /// Adds the lines of `secrets`. What is left out goes by its number, as it may be a part of a value.
    pub(super) fn add_values(&mut self, text: &str) -> Result<(), Unclosed> {
        for (line, number) in list::untrimmed_lines(text)?.iter().zip(1..) {
            match line.split_once('=').map(|(id, value)| (id.trim(), value)).filter(|(id, _)| is_name(id)) {
                None if line.trim().is_empty() => {}
                None => self.leave_out(&format!(
                    "entry {number} of `secrets` is not name=value; put quotes around one whose value has several lines"
                )),
                // What ends a line of base64 is no value either.
                Some((_, value)) if value.trim_matches(['=', ' ', '\t', '\r', '\n']).is_empty() => {
                    self.leave_out(&format!("entry {number} of `secrets` is empty"));
                }
                Some((id, value)) => {
                    let variable = format!("{VARIABLE}{}", self.variables.len().saturating_add(1));
                    self.has_git_token |= id == "GIT_AUTH_TOKEN" || id.starts_with("GIT_AUTH_TOKEN.");
                    self.specs.push(csv::join([("id", id), ("env", &variable)]));
                    self.variables.insert(variable, value.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Adds the items of `secret-envs`.
    pub(super) fn add_variables(&mut self, text: &str, env: &Env) -> Result<(), Unclosed> {
        for item in list::items(text)? {
            match pair(&item) {
                None => self.leave_out("an item of `secret-envs` that is not name=VARIABLE"),
                Some((id, name)) if env.get(name).is_none() => {
                    self.leave_out(&format!("secret `{id}`: environment variable {name} is unset or empty"));
                }
                Some((id, name)) => self.specs.push(csv::join([("id", id), ("env", name)])),
            }
        }
        Ok(())
    }

    /// Adds the lines of `secret-files`, whose paths are relative to a directory.
    pub(super) fn add_files(&mut self, text: &str, directory: &Path) -> Result<(), Unclosed> {
        for line in list::lines(text)? {
            let Some((id, name)) = pair(&line) else {
                self.leave_out("a line of `secret-files` that is not name=path");
                continue;
            };
            let file = fs::normalize(&directory.join(name));
            if fs::is_file(&file) {
                self.specs.push(csv::join([("id", id), ("src", &file.to_string_lossy())]));
            } else {
                self.leave_out(&format!("secret `{id}`: no file {name}"));
            }
        }
        Ok(())
    }

    /// Keeps the token at hand with which a git context is fetched.
    pub(super) fn add_git_token(&mut self, token: &str) {
        self.variables.insert(GIT_TOKEN.to_owned(), token.to_owned());
    }

    /// The secret with which BuildKit fetches a context from a host, unless one was given (BuildKit's
    /// `source/git/source.go`). It is for that host alone: submodules may lie elsewhere.
    pub(super) fn git_token(&self, host: &str) -> Option<String> {
        let is_needed = self.variables.contains_key(GIT_TOKEN) && !self.has_git_token;
        is_needed.then(|| csv::join([("id", format!("GIT_AUTH_TOKEN.{host}").as_str()), ("env", GIT_TOKEN)]))
    }

    fn leave_out(&mut self, what: &str) {
        self.left_out.push(what.to_owned());
    }
}

/// Whether a text can be the id of a secret and is none itself: ids stand on the command line.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && c != '"') && !looks_like_a_secret(text)
}

fn pair(text: &str) -> Option<(&str, &str)> {
    let (id, value) = text.split_once('=')?;
    Some((id.trim(), value.trim())).filter(|(id, value)| !id.is_empty() && !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_variables_and_are_referred_to() {
        let mut secrets = Secrets::default();
        secrets.add_values("A=1\n\"KEY=-----BEGIN\nabc=\n-----END\n\"\nB= x ,y\n").unwrap();
        assert_eq!(
            secrets.specs,
            ["id=A,env=WEIGHBRIDGE_SECRET_1", "id=KEY,env=WEIGHBRIDGE_SECRET_2", "id=B,env=WEIGHBRIDGE_SECRET_3"]
        );
        let values: Vec<&str> = secrets.variables.values().map(String::as_str).collect();
        assert_eq!(values, ["1", "-----BEGIN\nabc=\n-----END\n", " x ,y"]);
        assert!(secrets.variables.keys().all(|name| is_of_an_input(name)) && secrets.left_out.is_empty());
    }

    #[test]
    fn what_is_empty_is_left_out_as_in_the_pull_request_of_a_fork() {
        let mut secrets = Secrets::default();
        let env = Env { variables: [("SET".to_owned(), "x".to_owned())].into(), ..Env::default() };
        secrets
            .add_values("A=\nhunter2\n=hunter2\n\naHVudGVyMg==\naHVudGVyMTIzNDU2Nzg5MDEy=x\n\"url\": \"?a=b\"")
            .unwrap();
        secrets.add_variables("B=SET,C=UNSET\nD", &env).unwrap();
        secrets.add_files("E=nowhere.txt\nF", Path::new("/nonexistent")).unwrap();
        assert_eq!(secrets.specs, ["id=B,env=SET"]);
        assert!(secrets.variables.is_empty());
        insta::assert_snapshot!(secrets.left_out.join("\n"), @"
        entry 1 of `secrets` is empty
        entry 2 of `secrets` is not name=value; put quotes around one whose value has several lines
        entry 3 of `secrets` is not name=value; put quotes around one whose value has several lines
        entry 4 of `secrets` is empty
        entry 5 of `secrets` is not name=value; put quotes around one whose value has several lines
        entry 6 of `secrets` is not name=value; put quotes around one whose value has several lines
        secret `C`: environment variable UNSET is unset or empty
        an item of `secret-envs` that is not name=VARIABLE
        secret `E`: no file nowhere.txt
        a line of `secret-files` that is not name=path
        ");
    }

    #[test]
    fn a_token_for_git_that_was_given_is_the_one_that_counts() {
        for (given, spec) in [
            ("A=1", Some("id=GIT_AUTH_TOKEN.github.com,env=WEIGHBRIDGE_SECRET_GIT")),
            ("GIT_AUTH_TOKEN=1", None),
            ("GIT_AUTH_TOKEN.github.com=1", None),
        ] {
            let mut secrets = Secrets::default();
            assert_eq!(secrets.git_token("github.com"), None);
            secrets.add_git_token("ghs_1");
            secrets.add_values(given).unwrap();
            assert_eq!(secrets.git_token("github.com").as_deref(), spec, "{given}");
        }
    }
}
