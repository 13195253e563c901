//! The inputs that are a key of `weighbridge.yml`, and how their text becomes its value.

use std::collections::{BTreeMap, BTreeSet};

use super::list::{self, Unclosed};
use crate::config::fault::Place;
use crate::config::node::{Entry, Node, Value};

/// How an input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One text.
    Text,
    /// `true` or `false`, as YAML 1.2 writes them (core schema).
    Flag,
    /// Separated by commas and lines.
    Items,
    /// The same, and what stands twice counts once.
    Set,
    /// One per line.
    Lines,
    /// One per line, quotes and all.
    RawLines,
    /// `name=value`, one per line.
    Pairs,
    /// The same, where a name alone takes its value from the environment.
    PairsOrNames,
}

/// The inputs that are a key: name, key, shape.
pub(super) const KEYS: [(&str, &str, Shape); 22] = [
    ("add-hosts", "add_hosts", Shape::Items),
    ("allow", "allow", Shape::Items),
    ("annotations", "annotations", Shape::Lines),
    ("build-args", "build_args", Shape::PairsOrNames),
    ("build-contexts", "build_contexts", Shape::Pairs),
    ("cache-from", "cache_from", Shape::Lines),
    ("cache-to", "cache_to", Shape::Lines),
    ("cgroup-parent", "cgroup_parent", Shape::Text),
    ("labels", "labels", Shape::Pairs),
    ("network", "network", Shape::Text),
    ("no-cache", "no_cache", Shape::Flag),
    ("no-cache-filters", "no_cache_filter", Shape::Items),
    ("outputs", "outputs", Shape::RawLines),
    ("platforms", "platforms", Shape::Set),
    ("provenance", "provenance", Shape::Text),
    ("pull", "pull", Shape::Flag),
    ("sbom", "sbom", Shape::Text),
    ("shm-size", "shm_size", Shape::Text),
    ("ssh", "ssh", Shape::Items),
    ("tags", "tags", Shape::Set),
    ("target", "target", Shape::Text),
    ("ulimit", "ulimits", Shape::Lines),
];

/// What a text says, as YAML 1.2 writes booleans (core schema) and the incumbent reads them; `None` when it is neither.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// The output that is none: the layout that is weighed is written all the same.
const NO_OUTPUT: &str = "type=cacheonly";

impl Shape {
    /// The value that a text stands for. What it says is not looked at yet.
    ///
    /// # Errors
    /// When a quote stays open.
    pub(super) fn value(self, written: &str, place: &Place) -> Result<Value, Unclosed> {
        let list = |values: Vec<String>| Value::List(values.iter().map(|value| Node::of(place, value)).collect());
        Ok(match self {
            Self::Flag if boolean(written) == Some(true) => Value::Text("true".to_owned()),
            Self::Text | Self::Flag => Value::Text(written.to_owned()),
            Self::Items => list(list::items(written)?),
            Self::Set => list(distinct(list::items(written)?)),
            Self::Lines => list(list::lines(written)?),
            Self::RawLines => list(list::raw_lines(written).into_iter().filter(|line| line != NO_OUTPUT).collect()),
            Self::Pairs => pairs(list::lines(written)?, place, &Value::Text(String::new())),
            Self::PairsOrNames => pairs(list::lines(written)?, place, &Value::Nothing),
        })
    }
}

/// `name=value`, of which the last of a name counts, as Docker has it.
fn pairs(lines: Vec<String>, place: &Place, without: &Value) -> Value {
    let mut pairs = BTreeMap::new();
    for line in lines {
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), Value::Text(value.to_owned())),
            None => (line, without.clone()),
        };
        pairs.insert(name, Node { place: place.clone(), value });
    }
    Value::Map(pairs.into_iter().map(|(key, value)| Entry { key, place: place.clone(), value }).collect())
}

fn distinct(values: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    values.into_iter().filter(|value| seen.insert(value.clone())).collect()
}
