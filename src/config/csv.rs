//! The one-line CSV in which buildx writes secrets, outputs and cache entries: `type=local,"dest=a,b"`.

/// The fields of a line; `None` when a quote is not closed.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let field = fields.last_mut()?;
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    (!quoted).then_some(fields)
}

/// The line of `key=value` fields.
pub(super) fn join<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let field = |(key, value): (&str, &str)| match format!("{key}={value}") {
        field if field.contains([',', '"']) => format!("\"{}\"", field.replace('"', "\"\"")),
        field => field,
    };
    fields.into_iter().map(field).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_may_hold_commas_and_quotes() {
        for (line, fields) in [
            ("", &[""][..]),
            ("id=a,env=B", &["id=a", "env=B"]),
            (r#"id=a,"src=b,c""#, &["id=a", "src=b,c"]),
            (r#""a=""x""""#, &[r#"a="x""#]),
            (r#"a=b"c"#, &[r#"a=b"c"#]),
        ] {
            assert_eq!(split(line).unwrap(), fields, "{line}");
        }
        assert_eq!(split(r#"id=a,"src"#), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_joined_splits_into_the_same_fields(values in proptest::collection::vec("[a-z,\"= ]{0,8}", 1..5)) {
            let line = join(values.iter().map(|value| ("key", value.as_str())));
            let fields: Vec<String> = values.iter().map(|value| format!("key={value}")).collect();
            proptest::prop_assert_eq!(split(&line).unwrap(), fields);
        }
    }
}
