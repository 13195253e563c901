//! What `docker buildx bake --print` writes, read with the keys of `weighbridge.yml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::fault::{Faults, KeyPath, Place};
use super::image::Draft;
use super::keys::{IMAGE, Kind};
use super::node::{Entry, Node, Value};
use super::{BakePrinter, check, csv};

/// The whole document; see `bake/bake.go` of buildx.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    group: BTreeMap<String, Group>,
    #[serde(default)]
    target: BTreeMap<String, Map<String, Json>>,
}

#[derive(Deserialize)]
struct Group {
    /// `null` for a Compose file in which no service is built.
    targets: Option<Vec<String>>,
}

/// The images that bake makes of some files, sorted by name. An image that only serves others as a context is left out.
///
/// # Errors
/// When bake refuses, or its answer is not JSON of the known form. Faults of single values are collected instead.
pub(super) fn drafts(
    files: &[PathBuf],
    targets: &[String],
    root: &Path,
    printer: &dyn BakePrinter,
    faults: &mut Faults,
) -> Result<Vec<Draft>> {
    let printed = printer.print(files, targets, root).map_err(|error| explained(error, &names(files)))?;
    let drafts = parse(&names(files), &printed)?;
    for draft in &drafts {
        check::check(&draft.node, Kind::Section(IMAGE), &draft.path, faults);
    }
    Ok(drafts)
}

/// Says what to do when nobody said what to build.
fn explained(error: anyhow::Error, origin: &str) -> anyhow::Error {
    if !format!("{error:#}").contains("failed to find target default") {
        return error;
    }
    error.context(format!(
        "{origin} has no group or target `default`; name what to build in weighbridge.yml beside `bake`, as in `targets: [orders]`"
    ))
}

/// File names as a phrase.
pub(super) fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ")
}

fn parse(origin: &str, printed: &[u8]) -> Result<Vec<Draft>> {
    let document: Document = serde_json::from_slice(printed)
        .with_context(|| format!("read what docker buildx bake --print says about {origin}"))?;
    let place = Place { file: Arc::from(origin), position: None };
    let path = KeyPath::default().key("target");
    let draft = |name: String| {
        let target = document.target.get(&name)?;
        Some(Draft { path: path.key(&name), node: image(target, &place), name, dockerfile: None })
    };
    Ok(wanted(&document).into_iter().filter_map(draft).collect())
}

/// The targets below the group `default`, which is what was asked for; all when there is no such group.
fn wanted(document: &Document) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec!["default"];
    if !document.group.contains_key("default") {
        open = document.target.keys().map(String::as_str).collect();
    }
    while let Some(name) = open.pop() {
        if names.insert(name.to_owned()) {
            let group = document.group.get(name).and_then(|group| group.targets.as_ref());
            open.extend(group.into_iter().flatten().map(String::as_str));
        }
    }
    names
}

/// One target with our keys.
fn image(target: &Map<String, Json>, place: &Place) -> Node {
    let entries = target.iter().filter_map(|(key, value)| {
        let (key, value) = match key.as_str() {
            "context" | "dockerfile" | "target" | "tags" | "platforms" | "pull" | "network" | "ulimits" => {
                (key.clone(), node(value, place))
            }
            "no-cache" | "no-cache-filter" | "shm-size" => (key.replace('-', "_"), node(value, place)),
            "contexts" => ("build_contexts".to_owned(), node(value, place)),
            "entitlements" => ("allow".to_owned(), node(value, place)),
            "annotations" | "labels" => (key.clone(), node(&unescaped(value), place)),
            "dockerfile-inline" => ("dockerfile_inline".to_owned(), node(&unescaped(value), place)),
            "args" => ("build_args".to_owned(), node(&unescaped(value), place)),
            "extra-hosts" => ("add_hosts".to_owned(), list(&unescaped(value), place, host)),
            "cache-from" | "cache-to" => (key.replace('-', "_"), list(value, place, csv_line)),
            "secret" => ("secrets".to_owned(), list(value, place, csv_line)),
            "output" => ("outputs".to_owned(), list(value, place, csv_line)),
            "ssh" => ("ssh".to_owned(), list(value, place, ssh)),
            _ => return None,
        };
        Some(Entry { key, place: place.clone(), value })
    });
    let attestations = ["provenance", "sbom"].into_iter().filter_map(|kind| {
        let value = Value::Text(attestation(target.get("attest")?, kind)?);
        Some(Entry { key: kind.to_owned(), place: place.clone(), value: Node { place: place.clone(), value } })
    });
    Node { place: place.clone(), value: Value::Map(entries.chain(attestations).collect()) }
}

fn node(json: &Json, place: &Place) -> Node {
    let value = match json {
        Json::Null => Value::Nothing,
        Json::Bool(flag) => Value::Text(flag.to_string()),
        Json::Number(number) => Value::Text(number.to_string()),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(values) => Value::List(values.iter().map(|value| node(value, place)).collect()),
        Json::Object(fields) => Value::Map(
            fields
                .iter()
                .map(|(key, value)| Entry { key: key.clone(), place: place.clone(), value: node(value, place) })
                .collect(),
        ),
    };
    Node { place: place.clone(), value }
}

/// A list or mapping as a list of lines; entries that are text already stay as they are.
fn list(json: &Json, place: &Place, line: fn(&Json) -> Option<String>) -> Node {
    let as_text = |value: &Json| line(value).map_or_else(|| value.clone(), Json::String);
    match json {
        Json::Array(values) => node(&values.iter().map(as_text).collect(), place),
        Json::Object(fields) => {
            let pairs = fields.iter().map(|(key, value)| as_text(&serde_json::json!([key, value])));
            node(&pairs.collect(), place)
        }
        other => node(other, place),
    }
}

/// `{"type": "gha", "mode": "max"}` as `type=gha,mode=max`.
fn csv_line(json: &Json) -> Option<String> {
    let fields = json.as_object()?;
    let (kind, rest): (Vec<_>, Vec<_>) = fields.iter().partition(|(key, _)| matches!(key.as_str(), "type" | "id"));
    let text = |(key, value): (&String, &Json)| Some((key.clone(), scalar(value)?));
    let fields: Vec<(String, String)> = kind.into_iter().chain(rest).filter_map(text).collect();
    Some(csv::join(fields.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// `{"id": "key", "paths": ["a", "b"]}` as `key=a,b`.
fn ssh(json: &Json) -> Option<String> {
    let id = json.get("id")?.as_str()?;
    let paths = json.get("paths").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let paths: Vec<&str> = paths.iter().filter_map(Json::as_str).collect();
    Some(if paths.is_empty() { id.to_owned() } else { format!("{id}={}", paths.join(",")) })
}

/// `["host", "ip"]` as `host:ip`.
fn host(json: &Json) -> Option<String> {
    Some(format!("{}:{}", json.get(0)?.as_str()?, json.get(1)?.as_str()?))
}

/// What `--provenance` or `--sbom` would be: `false`, `true` or the attributes.
fn attestation(attest: &Json, kind: &str) -> Option<String> {
    let mut entries = attest.as_array()?.iter().filter_map(Json::as_object);
    let fields = entries.rfind(|fields| fields.get("type").and_then(Json::as_str) == Some(kind))?;
    if fields.get("disabled").and_then(Json::as_bool) == Some(true) {
        return Some("false".to_owned());
    }
    let attributes = fields.iter().filter(|(key, _)| !matches!(key.as_str(), "type" | "disabled"));
    let attributes: Vec<(&str, &str)> =
        attributes.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect();
    Some(if attributes.is_empty() { "true".to_owned() } else { csv::join(attributes) })
}

fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(json.to_string()),
        _ => None,
    }
}

/// Bake escapes `${` and `%{` in some values so that its output is a bake file again.
fn unescaped(json: &Json) -> Json {
    match json {
        Json::String(text) => Json::String(text.replace("$${", "${").replace("%%{", "%{")),
        Json::Array(values) => values.iter().map(unescaped).collect(),
        Json::Object(fields) => {
            Json::Object(fields.iter().map(|(key, value)| (key.clone(), unescaped(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &[u8] = include_bytes!("../../tests/fixtures/config/bake-print.json");

    fn show(node: &Node) -> String {
        let line = |entry: &Entry| match &entry.value.value {
            Value::Nothing => format!("{}:", entry.key),
            Value::Text(text) => format!("{}: {text:?}", entry.key),
            Value::List(nodes) => {
                format!("{}: {:?}", entry.key, nodes.iter().filter_map(Node::text).collect::<Vec<_>>())
            }
            Value::Map(_) => format!("{}: {{{}}}", entry.key, show(&entry.value).replace('\n', ", ")),
        };
        node.entries().iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_recorded_target_is_read_with_our_keys() {
        let drafts = parse("docker-bake.hcl", RECORDED).unwrap();
        assert_eq!(drafts.iter().map(|draft| draft.name.as_str()).collect::<Vec<_>>(), ["m-1", "m-2", "orders"]);
        insta::assert_snapshot!(show(&drafts[2].node), @r#"
        annotations: ["index:org.opencontainers.image.title=orders"]
        build_args: {DOLLAR: "${HOME} %{x}", VERSION: "1.4.0"}
        cache_from: ["type=registry,ref=ghcr.io/acme/cache", "type=registry,ref=ghcr.io/acme/x:1"]
        cache_to: ["type=gha,mode=max,scope=orders", "type=inline"]
        context: "services/orders"
        build_contexts: {alpine: "docker-image://alpine:3.20", base: "target:base"}
        dockerfile: "Dockerfile"
        allow: ["security.insecure", "network.host"]
        add_hosts: ["a.test:10.0.0.1"]
        labels: {org.opencontainers.image.title: "orders"}
        network: "host"
        no_cache: "true"
        no_cache_filter: ["base"]
        outputs: ["type=image,push=true", "type=local,dest=out", "type=local,dest=./somewhere", "type=oci,dest=o,tar=false"]
        platforms: ["linux/amd64", "linux/arm64"]
        pull: "true"
        secrets: ["id=token,env=TOKEN", "id=f,src=./f.txt"]
        shm_size: "128m"
        ssh: ["default"]
        tags: ["ghcr.io/acme/orders:latest"]
        target: "runtime"
        ulimits: ["nofile=1024:1024"]
        provenance: "false"
        sbom: "true"
        "#);
    }

    #[test]
    fn recorded_services_of_a_compose_file_are_read_with_our_keys() {
        let printed = include_bytes!("../../tests/fixtures/config/compose-print.json");
        let drafts = parse("compose.yaml", printed).unwrap();
        assert_eq!(drafts.iter().map(|draft| draft.name.as_str()).collect::<Vec<_>>(), ["api_v2", "web"]);
        insta::assert_snapshot!(show(&drafts[1].node), @r#"
        build_args: {A: "1"}
        cache_to: ["type=gha"]
        context: "web"
        build_contexts: {r: "r"}
        dockerfile: "../Dockerfile.web"
        add_hosts: ["x:1.2.3.4"]
        platforms: ["linux/amd64"]
        secrets: ["id=s,env=S"]
        shm_size: "64MiB"
        tags: ["acme/web:1"]
        "#);
    }

    #[test]
    fn values_that_bake_does_not_print_today_are_read_too() {
        let printed = br#"{"target": {"a": {
            "ssh": [{"id": "key", "paths": ["./a", "./b"]}, "default"],
            "output": ["type=local,dest=out", {"type": "local", "dest": "a,b"}],
            "attest": [{"type": "provenance", "mode": "max"}, {"type": "sbom"}],
            "unknown": {"x": 1}
        }}}"#;
        insta::assert_snapshot!(show(&parse("x", printed).unwrap()[0].node), @r#"
        outputs: ["type=local,dest=out", "type=local,\"dest=a,b\""]
        ssh: ["key=./a,./b", "default"]
        provenance: "mode=max"
        sbom: "true"
        "#);
    }

    #[test]
    fn a_compose_file_that_builds_nothing_has_no_images() {
        let printed = br#"{"group": {"default": {"targets": null}}, "target": {}}"#;
        assert!(parse("compose.yaml", printed).unwrap().is_empty());
    }

    #[test]
    fn groups_that_contain_each_other_end() {
        let printed =
            br#"{"group": {"default": {"targets": ["g"]}, "g": {"targets": ["default", "a"]}}, "target": {"a": {}}}"#;
        assert_eq!(parse("x", printed).unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_the_json_of_bake_is_refused() {
        for printed in [&b""[..], b"null", b"{\"target\": []}", b"\xff"] {
            let message = format!("{:#}", parse("docker-bake.hcl", printed).unwrap_err());
            assert!(message.contains("docker-bake.hcl"), "{message}");
        }
    }
}
