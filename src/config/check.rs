//! Compares a tree with the table of keys: unknown keys, wrong kinds and malformed values, all of them.

use std::collections::BTreeSet;

use super::fault::{Faults, KeyPath, did_you_mean, shown};
use super::format::Format;
use super::keys::{Key, Kind};
use super::node::{Node, Value};

/// How many known keys a message may list.
const MAX_LISTED: usize = 8;

/// Adds a fault for everything in the tree that its kind does not allow.
pub(super) fn check(node: &Node, kind: Kind, path: &KeyPath, faults: &mut Faults) {
    if faults.is_full() {
        return;
    }
    match (kind, &node.value) {
        (Kind::Flag, Value::Text(text)) if text == "true" || text == "false" => {}
        (Kind::Flag, Value::Text(text)) => {
            faults.push(&node.place, path, format!("{} is not {}", shown(text), kind.expected()));
        }
        (Kind::Text(format) | Kind::TextOrList(format), Value::Text(text)) => {
            if let Some(message) = format.fault(text) {
                faults.push(&node.place, path, message);
            }
        }
        (Kind::List(format) | Kind::TextOrList(format), Value::List(nodes)) => {
            for (index, node) in nodes.iter().enumerate() {
                check(node, Kind::Text(format), &path.index(index), faults);
            }
        }
        (Kind::Commands, Value::Text(_)) => check(node, Kind::Text(Format::Command), path, faults),
        (Kind::Commands, Value::List(nodes)) => {
            for (index, node) in nodes.iter().enumerate() {
                check_command(node, &path.index(index), faults);
            }
        }
        (Kind::MapOrEnvironment(format), Value::Map(_)) => check_map(node, format, true, path, faults),
        (Kind::Map(format), Value::Map(_)) => check_map(node, format, false, path, faults),
        (Kind::TextOrSection(format, _), Value::Text(_)) => check(node, Kind::Text(format), path, faults),
        (Kind::Sections(keys), Value::List(nodes)) => {
            for (index, node) in nodes.iter().enumerate() {
                check(node, Kind::Section(keys), &path.index(index), faults);
            }
        }
        (Kind::Section(keys) | Kind::TextOrSection(_, keys), Value::Map(_)) => check_section(node, keys, path, faults),
        (Kind::Images(keys), Value::Map(_)) => check_images(node, keys, path, faults),
        _ => faults.push(&node.place, path, format!("expected {}, found {}", kind.expected(), node.noun())),
    }
}

/// A text, or its words one by one.
fn check_command(node: &Node, path: &KeyPath, faults: &mut Faults) {
    let Value::List(words) = &node.value else { return check(node, Kind::Text(Format::Command), path, faults) };
    if words.first().is_none_or(|program| program.text() == Some("")) {
        faults.push(&node.place, path, format!("names no program; expected {}", Format::Command.expected()));
    }
    check(node, Kind::List(Format::Any), path, faults);
}

fn check_map(node: &Node, format: Format, empty_is_fine: bool, path: &KeyPath, faults: &mut Faults) {
    for entry in node.entries() {
        let path = path.key(&entry.key);
        if let Some(message) = Format::MapKey.fault(&entry.key) {
            faults.push(&entry.place, &path, message);
        }
        if !(empty_is_fine && entry.value.value == Value::Nothing) {
            check(&entry.value, Kind::Text(format), &path, faults);
        }
    }
}

fn check_section(node: &Node, keys: &'static [Key], path: &KeyPath, faults: &mut Faults) {
    for entry in node.entries() {
        let path = path.key(&entry.key);
        match keys.iter().find(|key| key.name == entry.key) {
            Some(key) => check(&entry.value, key.kind, &path, faults),
            None if faults.is_full() => return,
            None => faults.push(&entry.place, &path, unknown_key(&entry.key, keys)),
        }
    }
}

fn check_images(node: &Node, keys: &'static [Key], path: &KeyPath, faults: &mut Faults) {
    let mut names = BTreeSet::new();
    for entry in node.entries() {
        let path = path.key(&entry.key);
        if let Some(message) = Format::ImageName.fault(&entry.key) {
            faults.push(&entry.place, &path, message);
        }
        // Names become parts of paths and cache scopes, some of which ignore case.
        if !names.insert(entry.key.to_lowercase()) {
            faults.push(&entry.place, &path, "differs only in case from another image");
        }
        check(&entry.value, Kind::Section(keys), &path, faults);
    }
}

fn unknown_key(name: &str, keys: &'static [Key]) -> String {
    let names = keys.iter().map(|key| key.name);
    if let Some(hint) = did_you_mean(name, names.clone()) {
        return format!("unknown key; {hint}");
    }
    if keys.len() > MAX_LISTED {
        return "unknown key".to_owned();
    }
    format!("unknown key; expected one of {}", names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
}
