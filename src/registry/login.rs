//! The credentials for a registry, from Docker's configuration or from the helper that it names.
//! <https://docs.docker.com/reference/cli/docker/login/#credential-stores>,
//! <https://github.com/docker/docker-credential-helpers>

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use crate::env::Env;
use crate::fs;
use crate::process::{self, Invocation, Limits};

const LIMIT_BYTES: u64 = 1 << 20;
/// A helper may ask a cloud for a token first.
const HELPER_LIMITS: Limits = Limits { timeout: Duration::from_secs(15), max_output_bytes: 64 << 10 };
/// How Docker Hub is called in configurations.
const HUB: &str = "https://index.docker.io/v1/";
/// The user name beside an identity token, by which registries tell it from a password.
const TOKEN_USER: &str = "00000000-0000-0000-0000-000000000000";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Config {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The credentials for a registry; anonymous when there are none.
///
/// # Errors
/// When the configuration cannot be understood, or its helper does not work. No message repeats a secret.
pub(super) async fn login(env: &Env, host: &str) -> Result<RegistryAuth> {
    let directory = match (env.get("DOCKER_CONFIG"), env.get("HOME")) {
        (Some(directory), _) => PathBuf::from(directory),
        (None, Some(home)) => Path::new(home).join(".docker"),
        (None, None) => return Ok(RegistryAuth::Anonymous),
    };
    let file = directory.join("config.json");
    if !fs::is_file(&file) {
        return Ok(RegistryAuth::Anonymous);
    }
    let content = fs::read_limited(&file, LIMIT_BYTES)?;
    // The message of the parser could repeat a part of the content.
    let config: Config = serde_json::from_slice(&content).ok().with_context(|| format!("read {}", file.display()))?;
    of_config(&config, host).await
}

async fn of_config(config: &Config, host: &str) -> Result<RegistryAuth> {
    let server = if host == "docker.io" { HUB } else { host };
    let is_it = |name: &String| name == server || self::host(name) == host;
    let helper = config.cred_helpers.iter().find(|(name, _)| is_it(name)).map(|(_, helper)| helper);
    if let Some(helper) = helper {
        return of_helper(helper, server).await;
    }
    let auth = config.auths.iter().find(|(name, _)| is_it(name)).map(|(_, auth)| auth);
    match auth.map(plain).transpose()?.flatten() {
        Some(auth) => Ok(auth),
        // With a store, the entry of `auths` is empty.
        None if !config.creds_store.is_empty() => of_helper(&config.creds_store, server).await,
        None => Ok(RegistryAuth::Anonymous),
    }
}

fn plain(auth: &Auth) -> Result<Option<RegistryAuth>> {
    if !auth.identitytoken.is_empty() {
        return Ok(Some(RegistryAuth::Basic(TOKEN_USER.to_owned(), auth.identitytoken.clone())));
    }
    if auth.auth.is_empty() {
        let basic = || RegistryAuth::Basic(auth.username.clone(), auth.password.clone());
        return Ok((!auth.username.is_empty()).then(basic));
    }
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = GeneralPurpose::new(&STANDARD, config).decode(&auth.auth).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((user, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
        bail!("the credentials in Docker's configuration cannot be read; log in again");
    };
    Ok(Some(RegistryAuth::Basic(user.to_owned(), password.trim_end_matches('\0').to_owned())))
}

async fn of_helper(helper: &str, server: &str) -> Result<RegistryAuth> {
    of_invocation(&Invocation::new(format!("docker-credential-{helper}")).arg("get").input(server), helper).await
}

async fn of_invocation(invocation: &Invocation, helper: &str) -> Result<RegistryAuth> {
    let output = process::output(invocation, HELPER_LIMITS).await?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return match said.contains("credentials not found") {
            true => Ok(RegistryAuth::Anonymous),
            false => bail!("the credential helper {helper} failed ({})", output.status),
        };
    }
    let answer: Answer =
        serde_json::from_str(&said).ok().with_context(|| format!("the credential helper {helper} gave no answer"))?;
    let user = if answer.username == "<token>" { TOKEN_USER.to_owned() } else { answer.username };
    Ok(RegistryAuth::Basic(user, answer.secret))
}

/// The host of a name in the configuration, which may be a URL.
fn host(name: &str) -> &str {
    let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
    match name.split('/').next().unwrap_or(name) {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(content: &str, host: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        fs::write_atomic(&directory.path().join("config.json"), content.as_bytes()).unwrap();
        let variables = [("DOCKER_CONFIG".to_owned(), directory.path().to_str().unwrap().to_owned())];
        let env = Env { variables: variables.into(), ..Env::default() };
        match login(&env, host).await {
            Ok(RegistryAuth::Basic(user, secret)) => format!("{user}:{secret}"),
            Ok(RegistryAuth::Anonymous) => "-".to_owned(),
            Ok(other) => format!("{other:?}"),
            Err(error) => format!("{error:#}").replace(directory.path().to_str().unwrap(), "DIR"),
        }
    }

    #[tokio::test]
    async fn credentials_are_found_under_each_name_of_a_registry() {
        // `user:pass:word` and `u:p`.
        let auths = r#"{"auths": {
            "ghcr.io": {"auth": "dXNlcjpwYXNzOndvcmQ="},
            "https://index.docker.io/v1/": {"auth": "dTpw"},
            "acme.azurecr.io": {"auth": "dTo=", "identitytoken": "t"},
            "https://reg.test/v2/": {"username": "a", "password": "b"},
            "empty.test": {}
        }}"#;
        for (host, expected) in [
            ("ghcr.io", "user:pass:word"),
            ("docker.io", "u:p"),
            ("acme.azurecr.io", "00000000-0000-0000-0000-000000000000:t"),
            ("reg.test", "a:b"),
            ("empty.test", "-"),
            ("evil-ghcr.io", "-"),
            ("ghcr.io.evil.test", "-"),
        ] {
            assert_eq!(of(auths, host).await, expected, "{host}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_without_being_repeated() {
        assert_eq!(of("{", "x.test").await, "read DIR/config.json");
        let broken = r#"{"auths": {"x.test": {"auth": "hunter2!"}}}"#;
        assert_eq!(
            of(broken, "x.test").await,
            "the credentials in Docker's configuration cannot be read; log in again"
        );
        let missing = of(r#"{"credHelpers": {"x.test": "no-such-helper"}}"#, "x.test").await;
        assert!(missing.contains("docker-credential-no-such-helper"), "{missing}");
        assert_eq!(login(&Env::default(), "x.test").await.unwrap(), RegistryAuth::Anonymous);
    }

    #[tokio::test]
    async fn a_helper_is_asked_with_the_server_on_its_standard_input() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let name = |name: &str| directory.path().join(name);
        let script = |script_name: &str, script: &str| {
            fs::write_atomic(&name(script_name), format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
            let file = fs::open(&name(script_name)).unwrap();
            file.set_permissions(PermissionsExt::from_mode(0o755)).unwrap();
        };
        script("good", r#"printf '{"Username":"<token>","Secret":"%s-%s"}' "$1" "$(cat)""#);
        script("without", "echo 'credentials not found in native keychain'; exit 1");
        script("broken", "echo hunter2; exit 3");
        script("silent", "exit 0");
        let ask = async |helper: &str| {
            let program = name(helper).to_str().unwrap().to_owned();
            let invocation = Invocation::new(program).arg("get").input("x.test");
            of_invocation(&invocation, helper).await
        };
        let RegistryAuth::Basic(user, secret) = ask("good").await.unwrap() else { panic!() };
        assert_eq!((user.as_str(), secret.as_str()), (TOKEN_USER, "get-x.test"));
        assert_eq!(ask("without").await.unwrap(), RegistryAuth::Anonymous);
        let broken = format!("{:#}", ask("broken").await.unwrap_err());
        assert_eq!(broken, "the credential helper broken failed (exit status: 3)");
        assert_eq!(ask("silent").await.unwrap_err().to_string(), "the credential helper silent gave no answer");
    }
}
