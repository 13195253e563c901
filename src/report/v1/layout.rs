//! How the JSON is laid out: indented where people look, and one line per item where there are thousands of them.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// From this depth on everything stands on one line: the root is 1, a cell 3, an item of its contents 6.
const ONE_LINE_FROM: usize = 6;

/// Serialises a value; without its last line break.
pub(super) fn to_string(value: &impl Serialize) -> String {
    let mut json = Vec::new();
    let layout = Layout { pretty: PrettyFormatter::new(), depth: 0 };
    // Serialising plain structs of strings and finite numbers into memory has no way to fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut json, layout));
    String::from_utf8(json).unwrap_or_default()
}

struct Layout<'a> {
    pretty: PrettyFormatter<'a>,
    depth: usize,
}

impl Layout<'_> {
    fn is_one_line(&self) -> bool {
        self.depth >= ONE_LINE_FROM
    }

    fn begin<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        sign: &[u8],
        pretty: impl FnOnce(&mut PrettyFormatter<'_>, &mut W) -> io::Result<()>,
    ) -> io::Result<()> {
        self.depth += 1;
        if self.is_one_line() { writer.write_all(sign) } else { pretty(&mut self.pretty, writer) }
    }

    fn end<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        sign: &[u8],
        pretty: impl FnOnce(&mut PrettyFormatter<'_>, &mut W) -> io::Result<()>,
    ) -> io::Result<()> {
        let is_one_line = self.is_one_line();
        self.depth = self.depth.saturating_sub(1);
        if is_one_line { writer.write_all(sign) } else { pretty(&mut self.pretty, writer) }
    }
}

fn separate<W: Write + ?Sized>(writer: &mut W, is_first: bool) -> io::Result<()> {
    if is_first { Ok(()) } else { writer.write_all(b", ") }
}

impl Formatter for Layout<'_> {
    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[", |pretty, writer| pretty.begin_array(writer))
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]", |pretty, writer| pretty.end_array(writer))
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if self.is_one_line() { separate(writer, first) } else { self.pretty.begin_array_value(writer, first) }
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.is_one_line() { Ok(()) } else { self.pretty.end_array_value(writer) }
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{", |pretty, writer| pretty.begin_object(writer))
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}", |pretty, writer| pretty.end_object(writer))
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if self.is_one_line() { separate(writer, first) } else { self.pretty.begin_object_key(writer, first) }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.is_one_line() { Ok(()) } else { self.pretty.end_object_value(writer) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_deep_stands_on_one_line_and_reads_as_before() {
        let item = json!({ "a": [1, { "b": null }], "c": {} });
        let value = json!({ "cells": [{ "contents": { "weights": [item.clone(), item], "none": [] } }] });
        let text = to_string(&value);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        insta::assert_snapshot!(text, @r#"
        {
          "cells": [
            {
              "contents": {
                "none": [],
                "weights": [
                  {"a": [1, {"b": null}], "c": {}},
                  {"a": [1, {"b": null}], "c": {}}
                ]
              }
            }
          ]
        }
        "#);
    }
}
