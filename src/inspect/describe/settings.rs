//! What is to say of an image's configuration.

use crate::oci::{Image, Settings};
use crate::report::{Finding, Severity};
use crate::secrecy::{holds_a_secret, names_a_secret};

/// Labels that lead from an image to its source (OCI image-spec, annotations.md).
const SOURCE_LABELS: [&str; 2] = ["org.opencontainers.image.source", "org.opencontainers.image.revision"];

/// What is to say, the worst first.
pub(super) fn findings(image: &Image) -> Vec<Finding> {
    let settings = &image.settings;
    let mut findings: Vec<Finding> = secret_variables(settings).into_iter().chain(secret_history(image)).collect();
    if is_root(&settings.user) {
        findings.push(notice("runs-as-root", "containers run as root: set `USER` to a number that is not 0"));
    }
    if settings.healthcheck.is_none() {
        findings.push(notice(
            "no-healthcheck",
            "there is no `HEALTHCHECK`: Docker and Compose cannot tell whether it works",
        ));
    }
    let missing: Vec<&str> = SOURCE_LABELS.into_iter().filter(|label| !settings.labels.contains_key(*label)).collect();
    if missing.len() == SOURCE_LABELS.len() {
        let [source, revision] = SOURCE_LABELS;
        findings.push(notice("no-source-label", &format!("no label tells the source: set {source} and {revision}")));
    }
    findings
}

fn secret_variables(settings: &Settings) -> Vec<Finding> {
    let told = settings.env.iter().filter_map(|variable| {
        let (name, value) = variable.split_once('=')?;
        let is_secret = holds_a_secret(value) || names_a_secret(name) && is_value(name, value);
        let message = format!("the variable {name} looks like a secret, and whoever pulls the image can read it: use `RUN --mount=type=secret`, or set it at run time");
        is_secret.then(|| warning("secret-in-environment", message))
    });
    told.collect()
}

/// What names end in that tell something about a secret.
const ABOUT: [&str; 17] = [
    "DIR",
    "ENABLED",
    "EXPIRY",
    "FILE",
    "HOST",
    "LENGTH",
    "METHOD",
    "MODE",
    "NAME",
    "PARALLELISM",
    "PATH",
    "POLICY",
    "PORT",
    "TTL",
    "TYPE",
    "URI",
    "URL",
];

/// A path, a switch or what the shell puts in is no secret, whatever the variable is called.
fn is_value(name: &str, value: &str) -> bool {
    let last = name.rsplit('_').next().unwrap_or_default().to_ascii_uppercase();
    // A name and a password may stand in an address.
    let is_about = ABOUT.contains(&&*last) && !value.contains('@');
    !value.is_empty()
        && !is_about
        && !value.starts_with(['/', '$'])
        && !["true", "false", "yes", "no", "none"].contains(&&*value.to_ascii_lowercase())
        && value.parse::<u64>().is_err()
}

/// Tokens by their shape, and build arguments by their name. What was found is not repeated.
fn secret_history(image: &Image) -> Vec<Finding> {
    let told = image.history.iter().enumerate().filter_map(|(number, entry)| {
        // What follows the shell are its words.
        let words = entry.created_by.split_whitespace().take_while(|word| !word.starts_with('/'));
        let mut arguments = words.filter_map(|word| word.split_once('='));
        let is_secret = |(name, value): &(&str, &str)| names_a_secret(name) && is_value(name, value);
        let named = arguments.find(|named| is_build_argument(&entry.created_by, named.0) && is_secret(named));
        let what = match named {
            Some((name, _)) => format!("the build argument {name} looks like a secret"),
            None if holds_a_secret(&entry.created_by) => "something looks like a secret".to_owned(),
            None => return None,
        };
        let message = format!("{what} in entry {number} of the history, and whoever pulls the image can read it: use `RUN --mount=type=secret`");
        Some(warning("secret-in-history", message))
    });
    told.collect()
}

/// `RUN |1 NAME=value /bin/sh -c …` and `ARG NAME=value` are how the history tells of build arguments.
fn is_build_argument(created_by: &str, name: &str) -> bool {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name && (created_by.starts_with("ARG ") || created_by.starts_with("RUN |") || created_by.starts_with('|'))
}

/// A user that is empty, or the number or name of root, with or without a group.
fn is_root(user: &str) -> bool {
    let user = user.split(':').next().unwrap_or_default();
    user.is_empty() || user == "root" || user.parse() == Ok(0u32)
}

fn notice(rule: &str, message: &str) -> Finding {
    finding(rule, Severity::Notice, message.to_owned())
}

fn warning(rule: &str, message: String) -> Finding {
    finding(rule, Severity::Warning, message)
}

fn finding(rule: &str, severity: Severity, message: String) -> Finding {
    Finding { rule: rule.to_owned(), severity, message, dockerfile_line: None, url: None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oci::{Healthcheck, HistoryEntry, Platform};

    fn image(settings: Settings, history: &[&str]) -> Image {
        let entry = |text: &&str| HistoryEntry { created_by: (*text).to_owned(), ..HistoryEntry::default() };
        Image {
            digest: String::new(),
            config_digest: String::new(),
            config_bytes: 0,
            attestation_bytes: 0,
            layers: Vec::new(),
            history: history.iter().map(entry).collect(),
            platform: Platform::new("linux", "amd64", None),
            settings,
        }
    }

    fn good() -> Settings {
        Settings {
            user: "65532:65532".to_owned(),
            healthcheck: Some(Healthcheck { test: vec!["NONE".to_owned()] }),
            labels: BTreeMap::from([(SOURCE_LABELS[0].to_owned(), "x".to_owned())]),
            ..Settings::default()
        }
    }

    fn rules(settings: Settings, history: &[&str]) -> Vec<String> {
        findings(&image(settings, history)).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_careful_image_has_nothing_to_say_and_a_bare_one_three_things() {
        assert!(rules(good(), &["RUN /bin/sh -c make TOKEN=$TOKEN # buildkit"]).is_empty());
        assert_eq!(rules(Settings::default(), &[]), ["runs-as-root", "no-healthcheck", "no-source-label"]);
        for (user, root) in [("0", true), ("root:app", true), ("00", true), ("app", false), ("1000:0", false)] {
            assert_eq!(rules(Settings { user: user.to_owned(), ..good() }, &[]).len(), usize::from(root), "{user}");
        }
    }

    #[test]
    fn secrets_are_found_by_name_and_shape_and_never_repeated() {
        let token = format!("ghp_{}", "a1".repeat(18));
        for (variable, expected) in [
            ("API_TOKEN=abc", true),
            (&*format!("X={token}"), true),
            ("DB_PASSWORD=", false),
            ("TOKEN_FILE=/run/secrets/token", false),
            ("AUTH=true", false),
            ("POSTGRES_HOST_AUTH_METHOD=trust", false),
            ("TOKEN_URL=https://id.example/token", false),
            ("TOKEN_URL=https://u:abc@id.example/token", true),
            ("GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", false),
            ("PATH=/usr/bin", false),
        ] {
            let found = findings(&image(Settings { env: vec![variable.to_owned()], ..good() }, &[]));
            assert_eq!(!found.is_empty(), expected, "{variable}");
            assert!(found.iter().all(|finding| !finding.message.contains("abc") && !finding.message.contains(&token)));
        }
        for (entry, expected) in [
            ("RUN |1 NPM_TOKEN=abc /bin/sh -c npm ci # buildkit", true),
            ("ARG DB_PASSWORD=abc", true),
            ("ARG DB_PASSWORD", false),
            ("|1 NPM_TOKEN=abc /bin/sh -c npm ci", true),
            ("RUN |1 VERSION=1.2 /bin/sh -c TOKEN=$(cat /run/secrets/t) make # buildkit", false),
            ("RUN |1 VERSION=1.2 /bin/sh -c PASSWORD=x make # buildkit", false),
            (&*format!("RUN /bin/sh -c curl -H {token} x # buildkit"), true),
            ("RUN |1 VERSION=1.2 /bin/sh -c make # buildkit", false),
        ] {
            let found = findings(&image(good(), &[entry]));
            assert_eq!(!found.is_empty(), expected, "{entry}");
            assert!(found.iter().all(|finding| !finding.message.contains("abc")));
        }
    }
}
