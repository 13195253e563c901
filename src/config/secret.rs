//! Build secrets by reference: parsed as buildx parses them, checked to exist, never read.

use std::path::Path;

use anyhow::{Result, bail};

use crate::env::Env;
use crate::error::Exit;
use crate::fs;

use super::csv;
use super::{Config, Secret, SecretSource};

/// Attributes of a cache entry that hold a secret, and what to do instead.
pub(super) const CACHE_SECRETS: [(&str, &str); 6] = [
    ("token", "leave it out, as buildx takes it from ACTIONS_RUNTIME_TOKEN"),
    ("ghtoken", "leave it out, as it only saves some questions and cannot be passed safely"),
    ("secret_access_key", "set AWS_SECRET_ACCESS_KEY, or BUILDKIT_AZURE_STORAGE_SECRET_ACCESS_KEY at the builder"),
    ("access_key_id", "set AWS_ACCESS_KEY_ID instead"),
    ("session_token", "set AWS_SESSION_TOKEN instead"),
    ("password", "log in with `docker login` instead"),
];

/// What stands in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretSpec {
    id: String,
    source: Option<SpecSource>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SpecSource {
    Variable(String),
    File(String),
}

impl SecretSpec {
    /// Parses `id=token,env=TOKEN` with the rules of buildx (`util/buildflags/secrets.go`).
    ///
    /// # Errors
    /// What is wrong. Values are not repeated, as someone may have written the secret itself.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (mut id, mut variable, mut file, mut kind) = (None, None, None, None);
        for field in csv::split(text).ok_or("a quote is not closed")? {
            let Some((key, value)) = field.split_once('=') else { return Err("a field is not key=value".to_owned()) };
            let slot = match key.to_ascii_lowercase().as_str() {
                "id" => &mut id,
                "env" => &mut variable,
                "src" | "source" => &mut file,
                "type" => &mut kind,
                _ => return Err("unknown field; known are `id`, `env`, `src` and `type`".to_owned()),
            };
            *slot = Some(value.to_owned()).filter(|value| !value.is_empty());
        }
        let id = id.ok_or("no `id=`")?;
        let source = match (kind.as_deref(), variable, file) {
            (None | Some("file" | "env"), Some(_), Some(_)) => return Err("both `env=` and `src=`".to_owned()),
            (None | Some("file" | "env"), Some(variable), None) => Some(SpecSource::Variable(variable)),
            (Some("env"), None, file) => file.map(SpecSource::Variable),
            (None | Some("file"), None, file) => file.map(SpecSource::File),
            _ => return Err("`type` is neither `env` nor `file`".to_owned()),
        };
        Ok(Self { id, source })
    }

    /// Where buildx will read it: without a source, the variable named like the id, else the file named so.
    pub(super) fn resolve(self, root: &Path, env: &Env) -> Secret {
        let source = match self.source {
            Some(SpecSource::Variable(name)) => SecretSource::Variable(name),
            Some(SpecSource::File(path)) => SecretSource::File(root.join(path)),
            None if env.variables.contains_key(&self.id) => SecretSource::Variable(self.id.clone()),
            None => SecretSource::File(root.join(&self.id)),
        };
        Secret { id: self.id, source }
    }
}

/// Checks, before anything is built, that every secret has a value.
///
/// # Errors
/// All secrets whose environment variable is unset or empty, or whose file is missing; exit code 2.
pub fn check_secrets(config: &Config, env: &Env) -> Result<()> {
    let missing: Vec<String> = config
        .images
        .iter()
        .flat_map(|image| image.secrets.iter().map(|secret| (&image.name, secret)))
        .filter_map(|(image, secret)| {
            let reason = match &secret.source {
                SecretSource::Variable(name) if env.get(name).is_none() => {
                    format!("environment variable {name} is unset or empty")
                }
                SecretSource::File(path) if !fs::is_file(path) => format!("no file {}", path.display()),
                _ => return None,
            };
            Some(format!("image `{image}`, secret `{}`: {reason}", secret.id))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(anyhow::anyhow!(missing.join("\n")).context(Exit::usage("check the build secrets")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, env: &Env) -> SecretSource {
        SecretSpec::parse(text).unwrap().resolve(Path::new("/base"), env).source
    }

    #[test]
    fn the_source_is_found_as_buildx_finds_it() {
        let env = Env { variables: [("token".to_owned(), "x".to_owned())].into(), ..Env::default() };
        let variable = |name: &str| SecretSource::Variable(name.to_owned());
        let file = |path: &str| SecretSource::File(path.into());
        for (text, source) in [
            ("id=a,env=B", variable("B")),
            ("type=env,id=a,src=B", variable("B")),
            ("ID=a,source=b/c", file("/base/b/c")),
            ("id=a,src=/b", file("/b")),
            (r#"id=a,"src=b,c""#, file("/base/b,c")),
            ("id=token", variable("token")),
            ("id=other", file("/base/other")),
        ] {
            assert_eq!(resolved(text, &env), source, "{text}");
        }
    }

    #[test]
    fn every_malformed_secret_says_why() {
        for (text, reason) in [
            ("env=A", "no `id=`"),
            ("id=,env=A", "no `id=`"),
            ("id=a,token", "a field is not key=value"),
            ("id=a,value=hunter2", "unknown field; known are `id`, `env`, `src` and `type`"),
            ("id=a,type=vault", "`type` is neither `env` nor `file`"),
            ("id=a,env=B,src=c", "both `env=` and `src=`"),
            ("id=a,\"src=b", "a quote is not closed"),
        ] {
            assert_eq!(SecretSpec::parse(text).unwrap_err(), reason, "{text}");
        }
    }
}
