//! YAML text as a tree that remembers where everything is written.
//!
//! Scalars keep their source text, because typed YAML would turn `VERSION: 1.10` into `1.1` and `no` into a boolean.
//! What a scalar means is decided by the key it stands under.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_yaml::granit_parser::{self, Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::fault::{Fault, Faults, KeyPath, Place, shown};
use super::node::{Entry, Node, Value};

/// No configuration nests deeper than `images.orders.budget.layers`; the rest is generosity.
const MAX_DEPTH: usize = 16;
/// Limit of nodes and text after aliases are expanded, against "billion laughs".
const MAX_WEIGHT_BYTES: usize = 8 << 20;
const NODE_WEIGHT_BYTES: usize = 16;

/// Reads one YAML document. `None` when it is empty or cannot be read to its end; the faults then say why.
pub(super) fn load(file: &str, text: &str, faults: &mut Faults) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = granit_parser::options! { emit_comments: false };
    let mut loader = Loader {
        parser: Parser::new_from_str_with_options(text, options),
        file: file.into(),
        anchors: BTreeMap::new(),
        weight_left: MAX_WEIGHT_BYTES,
        path: KeyPath::default(),
        duplicates: Vec::new(),
    };
    let document = loader.document();
    loader.duplicates.into_iter().for_each(|fault| faults.add(fault));
    document.unwrap_or_else(|fault| {
        faults.add(*fault);
        None
    })
}

struct Loader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    file: Arc<str>,
    anchors: BTreeMap<usize, Node>,
    weight_left: usize,
    path: KeyPath,
    duplicates: Vec<Fault>,
}

/// The error is a fault after which the rest of the document means nothing.
type Step<T> = Result<T, Box<Fault>>;

impl<'text> Loader<'text> {
    fn document(&mut self) -> Step<Option<Node>> {
        let mut root = None;
        loop {
            let (event, place) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_none() => {}
                Event::DocumentStart(..) => return Err(self.stop(&place, "a second document; expected one")),
                event => root = Some(self.node(event, place, 0)?),
            }
        }
    }

    fn next(&mut self) -> Step<(Event<'text>, Place)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.place(&span.start))),
            Some(Err(error)) => {
                let place = self.place(error.marker());
                Err(Box::new(Fault::new(&place, &KeyPath::default(), format!("not YAML: {}", error.info()))))
            }
            None => Ok((Event::StreamEnd, self.place(&Marker::default()))),
        }
    }

    fn place(&self, marker: &Marker) -> Place {
        Place { file: self.file.clone(), position: Some((marker.line(), marker.col().saturating_add(1))) }
    }

    fn stop(&self, place: &Place, message: impl Into<String>) -> Box<Fault> {
        Box::new(Fault::new(place, &self.path, message))
    }

    fn node(&mut self, event: Event<'text>, place: Place, depth: usize) -> Step<Node> {
        if depth > MAX_DEPTH {
            return Err(self.stop(&place, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.spend(&place, NODE_WEIGHT_BYTES)?;
        let (value, anchor) = match event {
            Event::Alias(id) => return self.alias(id, &place),
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(&place, text.len())?;
                (scalar(text.into_owned(), style, self.text_tag(tag.as_deref(), &place)?), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.text_tag(tag.as_deref(), &place)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.text_tag(tag.as_deref(), &place)?;
                (self.mapping(depth)?, anchor)
            }
            _ => return Err(self.stop(&place, "expected a value")),
        };
        let node = Node { place, value };
        if anchor != 0 {
            self.spend(&node.place, weight(&node))?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Step<Value> {
        let mut nodes = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                return Ok(Value::List(nodes));
            }
            let path = self.path.index(nodes.len());
            nodes.push(self.below(path, event, place, depth)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Step<Value> {
        let (mut entries, mut merged) = (Vec::new(), Vec::new());
        let mut lines = BTreeMap::<String, usize>::new();
        loop {
            let (event, place) = self.next()?;
            let key = match event {
                Event::MappingEnd | Event::StreamEnd => break,
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(self.stop(&place, "a key must be text")),
            };
            self.spend(&place, key.len())?;
            let (event, value_place) = self.next()?;
            let path = self.path.key(&key);
            let value = self.below(path.clone(), event, value_place, depth)?;
            if key == "<<" {
                merged.push(value);
            } else if let Some(line) = lines.get(&key) {
                self.duplicates.push(Fault::new(&place, &path, format!("duplicate key; first on line {line}")));
            } else {
                lines.insert(key.clone(), place.position.map_or(0, |(line, _)| line));
                entries.push(Entry { key, place, value });
            }
        }
        for entry in merged.iter().flat_map(merge_sources).flat_map(Node::entries) {
            if lines.insert(entry.key.clone(), 0).is_none() {
                self.spend(&entry.place, weight(&entry.value))?;
                entries.push(entry.clone());
            }
        }
        Ok(Value::Map(entries))
    }

    fn below(&mut self, path: KeyPath, event: Event<'text>, place: Place, depth: usize) -> Step<Node> {
        let parent = std::mem::replace(&mut self.path, path);
        let node = self.node(event, place, depth.saturating_add(1))?;
        self.path = parent;
        Ok(node)
    }

    fn alias(&mut self, id: usize, place: &Place) -> Step<Node> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(self.stop(place, "an alias inside of its own anchor"));
        };
        let weight = weight(node);
        self.spend(place, weight)?;
        self.anchors.get(&id).cloned().ok_or_else(|| self.stop(place, "an alias without an anchor"))
    }

    fn spend(&mut self, place: &Place, weight: usize) -> Step<()> {
        let left = self.weight_left.checked_sub(weight);
        self.weight_left = left.ok_or_else(|| self.stop(place, "too much content after expanding aliases"))?;
        Ok(())
    }

    /// Whether a tag says that a scalar is text whatever it looks like; tags of our own do not exist.
    fn text_tag(&self, tag: Option<&Tag>, place: &Place) -> Step<bool> {
        match tag.map(|tag| (tag, tag.core_suffix())) {
            None => Ok(false),
            Some((_, Some(suffix))) => Ok(suffix == "str"),
            Some((tag, None)) => Err(self.stop(place, format!("unknown tag {}", shown(&tag.original())))),
        }
    }
}

/// What `<<` stands for: a mapping or a list of them.
fn merge_sources(node: &Node) -> &[Node] {
    if let Value::List(nodes) = &node.value { nodes } else { std::slice::from_ref(node) }
}

fn scalar(text: String, style: ScalarStyle, is_text: bool) -> Value {
    let plain = style == ScalarStyle::Plain && !is_text;
    if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Value::Nothing;
    }
    Value::Text(text)
}

/// What a tree costs against the limit.
pub(super) fn weight(node: &Node) -> usize {
    let below = match &node.value {
        Value::Nothing => 0,
        Value::Text(text) => text.len(),
        Value::List(nodes) => nodes.iter().map(weight).sum(),
        Value::Map(entries) => entries.iter().map(|entry| entry.key.len() + weight(&entry.value)).sum(),
    };
    below.saturating_add(NODE_WEIGHT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let mut faults = Faults::default();
        load("w.yml", text, &mut faults);
        faults.into_result().unwrap_err().root_cause().to_string()
    }

    fn good(text: &str) -> Node {
        let mut faults = Faults::default();
        let node = load("w.yml", text, &mut faults).unwrap();
        faults.into_result().unwrap();
        node
    }

    #[test]
    fn scalars_keep_their_source_text() {
        for text in ["1.10", "no", "on", "0755", "1e3", "22:22", "0x10", "2026-01-01", "1_000", ".inf"] {
            assert_eq!(good(&format!("a: {text}")).get("a").unwrap().text(), Some(text));
        }
        for (text, value) in [("'null'", Some("null")), ("!!str ~", Some("~")), ("~", None), ("", None)] {
            assert_eq!(good(&format!("a: {text}")).get("a").unwrap().text(), value, "{text}");
        }
    }

    #[test]
    fn places_count_from_one_and_ignore_a_byte_order_mark() {
        let node = good("\u{feff}a:\n  - é: x\n");
        let entry = &node.get("a").unwrap().list()[0].entries()[0];
        assert_eq!(entry.place.position, Some((2, 5)));
        assert_eq!(entry.value.place.position, Some((2, 8)));
    }

    #[test]
    fn aliases_and_merge_keys_are_expanded() {
        let node = good("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {<<: [*a, {z: 4}]}\nd: *a\n");
        assert_eq!(node.get("b").unwrap().get("x").unwrap().text(), Some("3"));
        assert_eq!(node.get("b").unwrap().get("y").unwrap().text(), Some("2"));
        assert_eq!(node.get("c").unwrap().get("z").unwrap().text(), Some("4"));
        assert_eq!(node.get("d"), node.get("a"));
    }

    #[test]
    fn what_is_not_one_document_is_refused_with_its_place() {
        insta::assert_snapshot!(fault("a: [1"), @"w.yml:1:4: not YAML: unclosed bracket '['");
        insta::assert_snapshot!(fault("a: 1\n---\nb: 2"), @"w.yml:2:1: a second document; expected one");
        insta::assert_snapshot!(fault("{a: {b: 1, b: 2}, a: 3}"), @"
        w.yml:1:12: a.b: duplicate key; first on line 1
        w.yml:1:19: a: duplicate key; first on line 1
        ");
        insta::assert_snapshot!(fault("? [a]\n: b"), @"w.yml:1:3: a key must be text");
        insta::assert_snapshot!(fault("a: !secret b"), @r#"w.yml:1:12: a: unknown tag "!secret""#);
        insta::assert_snapshot!(fault("a: *b"), @"w.yml:1:4: not YAML: while parsing node, found unknown anchor");
        insta::assert_snapshot!(fault("a: &b [*b]"), @"w.yml:1:8: a[0]: an alias inside of its own anchor");
        insta::assert_snapshot!(fault(&format!("{}{}", "[".repeat(18), "]".repeat(18))), @"w.yml:1:18: [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: nested deeper than 16 levels");
    }

    #[test]
    fn a_yaml_bomb_is_refused() {
        let lines = (1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(",")));
        let bomb = format!("a0: &a0 [lol]\n{}", lines.collect::<String>());
        insta::assert_snapshot!(fault(&bomb), @"w.yml:7:10: a6[0]: too much content after expanding aliases");
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 19), vec!["*a"; 10_000].join(","));
        insta::assert_snapshot!(fault(&long), @"w.yml:2:44: b[13]: too much content after expanding aliases");
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*") {
            load("w.yml", &text, &mut Faults::default());
        }

        #[test]
        fn yaml_ish_text_never_panics(text in "([a-c&*!|>?%@`'\"#{}\\[\\],:~ \\n-]|<<|: |- |\\n  ){0,60}") {
            load("w.yml", &text, &mut Faults::default());
        }
    }
}
