//! For which registries somebody has logged in, from Docker's configuration. Only the names are read, never a secret.
//! <https://docs.docker.com/reference/cli/docker/login/#credential-stores>

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::env::Env;
use crate::fs;
use crate::plan::cache::Credentials;

const LIMIT_BYTES: u64 = 1 << 20;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: std::collections::BTreeMap<String, IgnoredAny>,
    cred_helpers: std::collections::BTreeMap<String, IgnoredAny>,
    creds_store: String,
}

/// Reads `config.json` of `DOCKER_CONFIG`, else of the home directory. One that cannot be read names no registry.
#[must_use]
pub fn credentials(env: &Env) -> Credentials {
    let directory = match (env.get("DOCKER_CONFIG"), env.get("HOME")) {
        (Some(directory), _) => PathBuf::from(directory),
        (None, Some(home)) => Path::new(home).join(".docker"),
        (None, None) => return Credentials::default(),
    };
    fs::read_limited(&directory.join("config.json"), LIMIT_BYTES).map(|content| parse(&content)).unwrap_or_default()
}

fn parse(content: &[u8]) -> Credentials {
    let config: Config = serde_json::from_slice(content).unwrap_or_default();
    let hosts = config.auths.keys().chain(config.cred_helpers.keys()).map(|name| host(name).to_owned());
    Credentials { hosts: hosts.collect(), has_store: !config.creds_store.is_empty() }
}

/// The host of a name in the configuration, which may be a URL: `https://index.docker.io/v1/`.
fn host(name: &str) -> &str {
    let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
    name.split('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_known_by_host_whatever_holds_their_secret() {
        let content = br#"{
            "auths": {"https://index.docker.io/v1/": {"auth": "c2VjcmV0"}, "ghcr.io": {}},
            "credHelpers": {"123.dkr.ecr.eu-central-1.amazonaws.com": "ecr-login"}
        }"#;
        let credentials = parse(content);
        for (registry, expected) in [
            ("docker.io", true),
            ("ghcr.io", true),
            ("123.dkr.ecr.eu-central-1.amazonaws.com", true),
            ("quay.io", false),
        ] {
            assert_eq!(credentials.cover(registry), expected, "{registry}");
        }
        assert!(!format!("{credentials:?}").contains("c2VjcmV0"));
        assert!(parse(br#"{"credsStore": "desktop"}"#).cover("quay.io"));
        for broken in [&b""[..], b"[]", b"{\"auths\": 7}"] {
            assert_eq!(parse(broken), Credentials::default());
        }
    }
}
