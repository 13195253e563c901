//! What `--progress=rawjson` writes: one `SolveStatus` per line. Every field may be absent, unknown fields are ignored.
//! Source: BuildKit's `client/graph.go`.

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// How many entries of one list are looked at: a line of 16 MiB could otherwise become a gigabyte of values.
const MAX_ENTRIES: usize = 100_000;

/// One line of the stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SolveStatus {
    pub(super) vertexes: Capped<Vertex>,
    pub(super) statuses: Capped<Status>,
    pub(super) logs: Capped<Log>,
    pub(super) warnings: Capped<Warning>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Vertex {
    pub(super) digest: String,
    #[serde(default)]
    pub(super) inputs: Capped<String>,
    #[serde(default)]
    pub(super) name: String,
    pub(super) started: Option<Timestamp>,
    pub(super) completed: Option<Timestamp>,
    #[serde(default)]
    pub(super) cached: bool,
    #[serde(default)]
    pub(super) error: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) id: String,
    pub(super) vertex: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) total: i64,
    #[serde(default)]
    pub(super) current: i64,
    pub(super) started: Option<Timestamp>,
    pub(super) completed: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Log {
    pub(super) vertex: String,
    /// 1 is standard output, 2 standard error.
    #[serde(default)]
    pub(super) stream: i64,
    /// Base64.
    pub(super) data: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Warning {
    /// Base64.
    pub(super) short: Option<String>,
    /// Base64 each.
    #[serde(default)]
    pub(super) detail: Capped<String>,
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) range: Capped<Range>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Range {
    pub(super) start: Option<Position>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Position {
    #[serde(default)]
    pub(super) line: i64,
}

impl SolveStatus {
    /// Whether the line holds nothing that we know, so that it was probably not a `SolveStatus`.
    pub(super) fn is_empty(&self) -> bool {
        let Self { vertexes, statuses, logs, warnings } = self;
        vertexes.0.is_empty() && statuses.0.is_empty() && logs.0.is_empty() && warnings.0.is_empty()
    }

    /// Whether a list was longer than what is looked at.
    pub(super) fn is_cut(&self) -> bool {
        let Self { vertexes, statuses, logs, warnings } = self;
        [vertexes.0.len(), statuses.0.len(), logs.0.len(), warnings.0.len()].contains(&MAX_ENTRIES)
    }
}

/// A list of which only the first [`MAX_ENTRIES`] are kept; `null` is an empty list.
#[derive(Debug)]
pub(super) struct Capped<T>(pub(super) Vec<T>);

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Capped<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CappedVisitor(PhantomData))
    }
}

struct CappedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for CappedVisitor<T> {
    type Value = Capped<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Capped::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while entries.len() < MAX_ENTRIES {
            let Some(entry) = list.next_element()? else { return Ok(Capped(entries)) };
            entries.push(entry);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Capped(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_longer_than_the_cap_is_cut_and_null_is_empty() {
        let line =
            format!(r#"{{"vertexes":[{}{{"digest":"x"}}],"logs":null}}"#, r#"{"digest":"x"},"#.repeat(MAX_ENTRIES));
        let status: SolveStatus = serde_json::from_str(&line).unwrap();
        assert_eq!(status.vertexes.0.len(), MAX_ENTRIES);
        assert!(status.is_cut() && status.logs.0.is_empty());
    }

    #[test]
    fn json_that_is_no_solve_status_is_empty() {
        for line in ["{}", "[]", r#"{"error":"x"}"#] {
            assert!(serde_json::from_str::<SolveStatus>(line).unwrap().is_empty(), "{line}");
        }
    }
}
