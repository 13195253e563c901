//! How a container of an image is started and what its config promises, as the `config` object of the image's config
//! says it: OCI image-spec, config.md, with what Docker adds (`Healthcheck`, `Shell`). Untrusted text throughout.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The settings of a container. What the config leaves out or writes as `null` is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Settings {
    /// User and group, by name or number; empty for root.
    #[serde(deserialize_with = "null_is_default")]
    pub user: String,
    /// Variables as `NAME=value`.
    #[serde(deserialize_with = "null_is_default")]
    pub env: Vec<String>,
    /// What is started.
    #[serde(deserialize_with = "null_is_default")]
    pub entrypoint: Vec<String>,
    /// Its arguments; without an entrypoint what is started.
    #[serde(deserialize_with = "null_is_default")]
    pub cmd: Vec<String>,
    /// Where it is started; empty for the root directory.
    #[serde(deserialize_with = "null_is_default")]
    pub working_dir: String,
    /// Ports, such as `8080/tcp`.
    #[serde(deserialize_with = "keys")]
    pub exposed_ports: BTreeSet<String>,
    /// Labels.
    #[serde(deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// How the container's health is asked; `None` when nothing is said of it.
    pub healthcheck: Option<Healthcheck>,
    /// The shell of instructions in shell form; empty for the usual one.
    #[serde(deserialize_with = "null_is_default")]
    pub shell: Vec<String>,
}

/// How a container's health is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", argument…]` or `["CMD-SHELL", command]`; empty for that of the base image.
    #[serde(deserialize_with = "null_is_default")]
    pub test: Vec<String>,
}

fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(json: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

/// A set, as Go writes it: an object whose values say nothing.
fn keys<'de, D: Deserializer<'de>>(json: D) -> Result<BTreeSet<String>, D::Error> {
    Ok(Option::<BTreeMap<String, Value>>::deserialize(json)?.unwrap_or_default().into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_or_null_is_empty() {
        let settings: Settings = serde_json::from_str(
            r#"{"User":null,"Env":["A=1"],"Cmd":null,"ExposedPorts":{"80/tcp":{}},"Healthcheck":{"Test":["NONE"]},"X":1}"#,
        )
        .unwrap();
        let expected = Settings {
            env: vec!["A=1".to_owned()],
            exposed_ports: BTreeSet::from(["80/tcp".to_owned()]),
            healthcheck: Some(Healthcheck { test: vec!["NONE".to_owned()] }),
            ..Settings::default()
        };
        assert_eq!(settings, expected);
        assert!(serde_json::from_str::<Settings>(r#"{"Env":{}}"#).is_err());
    }
}
