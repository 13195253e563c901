//! One image in the inputs of the action, which are those of docker/build-push-action: each keeps its name and its
//! meaning (`context.ts` there), and becomes a key of `weighbridge.yml`, so that what is wrong with it is found as it is
//! found in a file. The runner hands inputs over as variables (actions/runner: `Handler.cs`).

mod attestation;
mod choice;
mod context;
mod draft;
mod list;
mod secrets;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::{Image, Selection};
use crate::env::Env;
use crate::oci::Platform;
use context::Repository;
use list::Unclosed;
use secrets::Secrets;
use table::KEYS;
pub use table::boolean;

pub(super) use secrets::is_of_an_input;

/// The inputs that need more than a key.
const OTHERS: [&str; 7] = ["attests", "call", "context", "file", "secret-envs", "secret-files", "secrets"];

/// Adds the secrets of one input.
type Add = fn(&mut Secrets, &str, &Env) -> Result<(), Unclosed>;

/// The image that the inputs of the action describe. `Debug` shows no value.
#[derive(Clone, Default)]
pub struct Inputs {
    /// What is given, by the name of the input.
    values: BTreeMap<String, String>,
    secrets: Secrets,
    repository: Option<Repository>,
    /// The name of the repository alone.
    repository_name: Option<String>,
    /// The address of the run.
    run: Option<String>,
    /// Lists that are not to be read.
    unclosed: Vec<&'static str>,
}

impl Inputs {
    /// The names of all inputs that describe an image.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KEYS.iter().map(|(name, ..)| *name).chain(OTHERS)
    }

    /// Reads the inputs. There are none outside of an action, and an empty one counts as not given.
    #[must_use]
    pub fn read(env: &Env) -> Self {
        if env.get("GITHUB_ACTIONS").is_none() {
            return Self::default();
        }
        let variable = |name: &str| env.get(&format!("INPUT_{}", name.to_uppercase()));
        let given = |name: &'static str| variable(name).filter(|value| !value.trim().is_empty());
        let mut unclosed = Vec::new();
        let mut secrets = Secrets::default();
        let kinds: [(&str, Add); 3] = [
            ("secrets", |secrets, text, _| secrets.add_values(text)),
            ("secret-envs", Secrets::add_variables),
            ("secret-files", |secrets, text, env| secrets.add_files(text, &env.directory)),
        ];
        for (name, add) in kinds {
            let added = given(name).map_or(Ok(()), |text| add(&mut secrets, text, env));
            unclosed.extend(added.is_err().then_some(name));
        }
        if let Some(token) = given("github-token") {
            secrets.add_git_token(token.trim());
        }
        // Of these two, false is what happens anyway.
        let is_moot = |name: &str, value: &str| matches!(name, "no-cache" | "pull") && boolean(value) == Some(false);
        let values = Self::names().filter_map(|name| Some((name, given(name)?.trim())));
        let values = values.filter(|(name, value)| !is_moot(name, value));
        Self {
            values: values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            secrets,
            repository: Repository::of(env),
            repository_name: env.get("GITHUB_REPOSITORY").map(|name| last_part(name).to_owned()),
            run: run(env),
            unclosed,
        }
    }

    /// Whether no input describes an image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Of the resolved images, what the inputs describe: every step with inputs is about images of its own, and where a
    /// matrix goes over their platforms, about platforms of its own.
    pub(super) fn described(&self, images: &[Image]) -> Selection {
        if self.is_empty() {
            return Selection::default();
        }
        let has_platforms = self.values.contains_key("platforms");
        let platforms: BTreeSet<Platform> =
            images.iter().filter(|_| has_platforms).flat_map(|image| image.platforms.clone()).collect();
        Selection {
            images: images.iter().map(|image| image.name.clone()).collect(),
            platforms: platforms.into_iter().collect(),
        }
    }

    /// What is to be asked instead of a build, as `--call` takes it.
    #[must_use]
    pub fn call(&self) -> Option<&str> {
        self.values.get("call").map(String::as_str).filter(|method| *method != "build")
    }

    /// The values of secrets that a build must find in its environment, by variable.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.secrets.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The secrets that are left out, and why, as phrases.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.secrets.left_out
    }

    /// The same for a copy of the repository that stands elsewhere.
    #[must_use]
    pub fn moved(&self, from: &Path, to: &Path) -> Self {
        let mut moved = self.clone();
        for name in ["context", "file"] {
            if let Some(value) = moved.values.get_mut(name)
                && let Ok(inside) = Path::new(value).strip_prefix(from)
            {
                *value = to.join(inside).to_string_lossy().into_owned();
            }
        }
        if let Some(contexts) = moved.values.get_mut("build-contexts") {
            let lines = contexts.lines().map(|line| moved_context(line, from, to).unwrap_or_else(|| line.to_owned()));
            *contexts = lines.collect::<Vec<_>>().join("\n");
        }
        moved
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// A line `name=path`, which may stand in quotes.
fn moved_context(line: &str, from: &Path, to: &Path) -> Option<String> {
    let (name, path) = line.split_once('=')?;
    let bare = path.trim_end_matches(['"', ' ', '\t']);
    let quote = path.get(bare.len()..)?;
    let inside = Path::new(bare.trim_start()).strip_prefix(from).ok()?;
    Some(format!("{name}={}{quote}", to.join(inside).display()))
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The address of the run with its attempt, as attestations name it.
fn run(env: &Env) -> Option<String> {
    let server = env.get("GITHUB_SERVER_URL").unwrap_or("https://github.com").trim_end_matches('/');
    let (repository, id) = (env.get("GITHUB_REPOSITORY")?, env.get("GITHUB_RUN_ID")?);
    let attempt = env.get("GITHUB_RUN_ATTEMPT").map(|attempt| format!("/attempts/{attempt}")).unwrap_or_default();
    Some(format!("{server}/{repository}/actions/runs/{id}{attempt}"))
}

#[cfg(test)]
mod tests;
