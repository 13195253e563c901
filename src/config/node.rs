//! A tree of text, lists and mappings that remembers where it was written, and its merge.

use std::collections::BTreeMap;

use super::fault::Place;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Nothing,
    /// A scalar as it stands in the source.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in source order, keys unique.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) place: Place,
    /// The value.
    pub(super) value: Node,
}

impl Node {
    /// A text.
    pub(super) fn of(place: &Place, text: &str) -> Self {
        Self { place: place.clone(), value: Value::Text(text.to_owned()) }
    }

    /// What this is, for "found …".
    pub(super) fn noun(&self) -> &'static str {
        match self.value {
            Value::Nothing => "nothing",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The scalar's text.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The list's values; none when it is no list.
    pub(super) fn list(&self) -> &[Self] {
        if let Value::List(nodes) = &self.value { nodes } else { &[] }
    }

    /// The mapping's entries; none when it is no mapping.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The value of a key of the mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Adds a key, which must be new, to the mapping; nothing when it is no mapping.
    pub(super) fn add(&mut self, key: &str, value: Self) {
        if let Value::Map(entries) = &mut self.value {
            entries.push(Entry { key: key.to_owned(), place: value.place.clone(), value });
        }
    }

    /// Adds a value to the list under a key of the mapping.
    pub(super) fn append(&mut self, key: &str, value: Self) {
        let Value::Map(entries) = &mut self.value else { return };
        match entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value.value) {
            Some(Value::List(values)) => values.push(value),
            _ => self.add(key, Self { place: value.place.clone(), value: Value::List(vec![value]) }),
        }
    }

    /// Removes a key of the mapping.
    pub(super) fn remove(&mut self, key: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|entry| entry.key != key);
        }
    }

    /// This value, completed from a weaker one: mappings merge key by key, anything else replaces.
    pub(super) fn or(self, weaker: &Self) -> Self {
        let (Value::Map(_), Value::Map(added)) = (&self.value, &weaker.value) else { return self };
        let Self { place, value: Value::Map(entries) } = self else { return self };
        let mut added: BTreeMap<&str, &Entry> = added.iter().map(|entry| (entry.key.as_str(), entry)).collect();
        let mut merge = |entry: Entry| match added.remove(entry.key.as_str()) {
            Some(other) => Entry { value: entry.value.or(&other.value), ..entry },
            None => entry,
        };
        let mut merged: Vec<Entry> = entries.into_iter().map(&mut merge).collect();
        merged.extend(added.into_values().cloned());
        Self { place, value: Value::Map(merged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::fault::Faults;
    use crate::config::yaml;

    fn node(text: &str) -> Node {
        yaml::load("x.yml", text, &mut Faults::default()).unwrap()
    }

    fn flat(node: &Node) -> String {
        match &node.value {
            Value::Nothing => "~".to_owned(),
            Value::Text(text) => text.clone(),
            Value::List(nodes) => format!("[{}]", nodes.iter().map(flat).collect::<Vec<_>>().join(" ")),
            Value::Map(entries) => {
                let entries = entries.iter().map(|entry| format!("{}:{}", entry.key, flat(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn mappings_merge_and_everything_else_replaces() {
        for (image, defaults, merged) in [
            ("{a: 1}", "{a: 2, b: 3}", "{a:1 b:3}"),
            ("{m: {x: 1}}", "{m: {x: 2, y: 3}}", "{m:{x:1 y:3}}"),
            ("{l: [1]}", "{l: [2, 3]}", "{l:[1]}"),
            ("{m: 1}", "{m: {x: 2}}", "{m:1}"),
            ("~", "{a: 1}", "~"),
        ] {
            assert_eq!(flat(&node(image).or(&node(defaults))), merged);
        }
    }
}
