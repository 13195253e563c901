//! What docker said about its builder a moment ago.
//!
//! Asking takes two tenths of a second, as long as a small warm build. So the answers are kept for a few minutes, as
//! long as nothing changes that the choice of a builder depends on, and are forgotten as soon as a build fails.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::env::Env;
use crate::fs;

/// How long the answers are believed: the length of a sitting at one change.
const BELIEVED_FOR: Duration = Duration::from_secs(600);
const LIMIT_BYTES: u64 = 1 << 20;
/// The variables that docker and buildx choose a builder by.
const VARIABLES: [&str; 7] =
    ["BUILDX_BUILDER", "BUILDX_CONFIG", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "HOME", "PATH"];

/// What docker says about itself, as it says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// The line of `docker buildx version`.
    pub buildx_version: String,
    /// Version of the engine.
    pub docker_version: Option<String>,
    /// The text of `docker buildx inspect`.
    pub inspect: String,
}

/// The place of the answers for one choice of a builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    path: PathBuf,
    key: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    key: Vec<String>,
    answers: Answers,
}

impl Memory {
    /// The memory of an output directory, for the builder that the user named or the current one.
    #[must_use]
    pub fn new(output_directory: &Path, env: &Env, builder: Option<&str>) -> Self {
        let variables = VARIABLES.iter().map(|name| format!("{name}={}", env.get(name).unwrap_or_default()));
        let named = builder.map(|name| format!("--builder {name}"));
        let key = variables.chain(chosen_in(env)).chain(named).collect();
        Self { path: output_directory.join("builder.json"), key }
    }

    /// The answers, if they are recent and about the same choice.
    #[must_use]
    pub fn recall(&self) -> Option<Answers> {
        let age = SystemTime::now().duration_since(fs::modified(&self.path)?).ok()?;
        let note: Note = serde_json::from_slice(&fs::read_limited(&self.path, LIMIT_BYTES).ok()?).ok()?;
        (age < BELIEVED_FOR && note.key == self.key).then_some(note.answers)
    }

    /// Keeps answers that were just given. A memory that cannot be kept costs the next run a moment, no more.
    pub fn remember(&self, answers: &Answers) {
        if self.recall().as_ref() == Some(answers) {
            return;
        }
        let note = Note { key: self.key.clone(), answers: answers.clone() };
        let text = serde_json::to_vec(&note).unwrap_or_default();
        drop(fs::write_atomic(&self.path, &text));
    }

    /// Asks anew next time.
    pub fn forget(&self) {
        drop(fs::remove_file(&self.path));
    }
}

/// What `docker context use` and `docker buildx use` chose. The first writes into a file with credentials, of which
/// only the time is taken; the second into a file of its own, which every build writes anew.
fn chosen_in(env: &Env) -> Vec<String> {
    let home = || Some(PathBuf::from(env.get("HOME")?).join(".docker"));
    let Some(docker) = env.get("DOCKER_CONFIG").map(PathBuf::from).or_else(home) else { return Vec::new() };
    let buildx = env.get("BUILDX_CONFIG").map_or_else(|| docker.join("buildx"), PathBuf::from);
    let current = fs::read_text(&buildx.join("current"), LIMIT_BYTES).unwrap_or_default();
    vec![format!("config.json of {:?}", fs::modified(&docker.join("config.json"))), format!("current: {current}")]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn answers() -> Answers {
        Answers { buildx_version: "1".into(), docker_version: None, inspect: "Name: b".into() }
    }

    fn env(variables: &[(&str, &str)]) -> Env {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Env { variables: variables.collect::<BTreeMap<_, _>>(), ..Env::default() }
    }

    #[test]
    fn answers_are_recalled_for_the_same_choice_only() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().to_string_lossy().into_owned();
        let here = env(&[("HOME", &home)]);
        let memory = Memory::new(directory.path(), &here, None);
        assert_eq!(memory.recall(), None);
        memory.remember(&answers());
        assert_eq!(memory.recall(), Some(answers()));
        assert_eq!(Memory::new(directory.path(), &here, Some("other")).recall(), None);
        let elsewhere = env(&[("HOME", &home), ("DOCKER_HOST", "tcp://elsewhere:1")]);
        assert_eq!(Memory::new(directory.path(), &elsewhere, None).recall(), None);
        fs::write_atomic(&directory.path().join(".docker/buildx/current"), b"other builder").unwrap();
        assert_eq!(Memory::new(directory.path(), &here, None).recall(), None);
        memory.forget();
        assert_eq!(memory.recall(), None);
    }

    #[test]
    fn old_and_corrupt_answers_are_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::new(directory.path(), &Env::default(), None);
        memory.remember(&answers());
        let long_ago = SystemTime::now() - BELIEVED_FOR;
        fs::open(&memory.path).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(memory.recall(), None);
        fs::write_atomic(&memory.path, b"{").unwrap();
        assert_eq!(memory.recall(), None);
    }
}
