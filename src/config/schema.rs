//! The JSON Schema of `weighbridge.yml`, for editors and for `schema/config.schema.json`.

use serde_json::{Value as Json, json};

use super::fault::Faults;
use super::format::Format;
use super::keys::{FILE, Key, Kind};
use super::node::{Node, Value};
use super::yaml;

/// The JSON Schema (draft 2020-12) of `weighbridge.yml`.
#[must_use]
pub fn schema() -> Json {
    let mut schema = section(FILE);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".into(), json!("weighbridge.yml"));
        object.insert("description".into(), json!("What weighbridge builds and how heavy it may be."));
        let one_of_these = ["images", "bake", "compose"].map(|name| json!({ "required": [name] }));
        object.insert("anyOf".into(), json!(one_of_these));
    }
    schema
}

fn section(keys: &[Key]) -> Json {
    let properties: serde_json::Map<String, Json> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn property(key: &Key) -> Json {
    let mut property = kind(key.kind);
    if let Some(object) = property.as_object_mut() {
        object.insert("description".into(), json!(key.doc));
        if let Some(example) = yaml::load("example", key.example, &mut Faults::default()) {
            object.insert("examples".into(), json!([plain(&example, key.kind)]));
        }
    }
    property
}

fn kind(kind: Kind) -> Json {
    match kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Text(format) => text(format),
        Kind::List(format) => json!({ "type": "array", "items": text(format) }),
        Kind::TextOrList(format) => {
            json!({ "anyOf": [text(format), { "type": "array", "items": text(format) }] })
        }
        Kind::Commands => {
            let words = json!({ "type": "array", "items": text(Format::Any), "minItems": 1 });
            let command = json!({ "anyOf": [text(Format::Command), words] });
            json!({ "anyOf": [text(Format::Command), { "type": "array", "items": command }] })
        }
        Kind::Map(format) => map(&text(format)),
        Kind::MapOrEnvironment(format) => map(&json!({ "anyOf": [text(format), { "type": "null" }] })),
        Kind::Section(keys) => section(keys),
        Kind::TextOrSection(format, keys) => json!({ "anyOf": [text(format), section(keys)] }),
        Kind::Sections(keys) => json!({ "type": "array", "items": section(keys) }),
        Kind::Images(keys) => json!({
            "type": "object",
            "propertyNames": { "pattern": Format::ImageName.pattern() },
            "additionalProperties": section(keys),
        }),
    }
}

fn map(value: &Json) -> Json {
    json!({
        "type": "object",
        "propertyNames": { "pattern": Format::MapKey.pattern() },
        "additionalProperties": value,
    })
}

/// Scalars keep their source text, so `1.10` and `true` are as good as `"1.10"` and `"true"` where text is expected.
fn text(format: Format) -> Json {
    let types = match format {
        Format::Count => return json!({ "type": "integer", "minimum": 1 }),
        Format::OneOf(words) => return json!({ "enum": words.list }),
        Format::Bytes | Format::DockerBytes | Format::Growth => json!(["string", "integer"]),
        Format::ArtifactName => json!(["string", "boolean"]),
        Format::Any | Format::Line => json!(["string", "number", "boolean"]),
        _ => json!("string"),
    };
    match format.pattern() {
        Some(pattern) => json!({ "type": types, "pattern": pattern }),
        None => json!({ "type": types }),
    }
}

/// An example as JSON.
fn plain(node: &Node, kind: Kind) -> Json {
    match &node.value {
        Value::Nothing => Json::Null,
        Value::Text(text) if matches!(kind, Kind::Flag | Kind::Text(Format::Count)) => {
            serde_json::from_str(text).unwrap_or_else(|_| json!(text))
        }
        Value::Text(text) => json!(text),
        Value::List(nodes) => nodes.iter().map(|node| plain(node, kind)).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), plain(&entry.value, kind)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_committed_schema_is_the_generated_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/config.schema.json");
        let mut generated = serde_json::to_string_pretty(&schema()).unwrap();
        generated.push('\n');
        let committed = crate::fs::read_text(&path, 1 << 20).unwrap_or_default();
        if committed != generated {
            crate::fs::write_atomic(&path, generated.as_bytes()).unwrap();
            panic!("schema/config.schema.json was out of date; it is now written, commit it");
        }
    }

    #[test]
    fn the_schema_takes_its_own_examples_and_refuses_what_the_reader_refuses() {
        let schema = schema();
        assert!(jsonschema::meta::is_valid(&schema));
        let validator = jsonschema::validator_for(&schema).unwrap();
        for key in FILE {
            let value = schema["properties"][key.name]["examples"][0].clone();
            assert!(validator.is_valid(&json!({ "bake": "x", (key.name): value })), "{}", key.name);
        }
        for key in super::super::keys::IMAGE {
            let value = &schema["properties"]["defaults"]["properties"][key.name]["examples"][0];
            assert!(validator.is_valid(&json!({ "images": { "orders": { (key.name): value } } })), "{}", key.name);
        }
        for bad in [
            json!({}),
            json!({ "images": { "orders": { "buget": {} } } }),
            json!({ "images": { "or ders": {} } }),
            json!({ "images": { "orders": { "platforms": "linux/amd64" } } }),
            json!({ "images": { "orders": { "budget": { "layers": 0 } } } }),
            json!({ "images": { "orders": { "budget": { "compressed": "heavy" } } } }),
        ] {
            assert!(!validator.is_valid(&bad), "{bad}");
        }
    }
}
