//! How an input holds several values: the rules of csv-parse as docker/build-push-action uses it (`getList` in
//! `util.ts` of docker/actions-toolkit). The crate `csv` reads otherwise where people are careless: it takes the quotes
//! off `"a" b`, and a quote that is never closed is no error to it.

/// A quote stands open at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclosed;

/// Values separated by commas and lines.
pub(super) fn items(text: &str) -> Result<Vec<String>, Unclosed> {
    let fields = records(text, true)?.into_iter().flat_map(|record| match <[String; 1]>::try_from(record) {
        // Quotes around all of a line do not protect its commas.
        Ok([alone]) => alone.split(',').map(str::to_owned).collect(),
        Err(fields) => fields,
    });
    Ok(trimmed(fields))
}

/// One value per line, in which quotes protect line ends.
pub(super) fn lines(text: &str) -> Result<Vec<String>, Unclosed> {
    Ok(trimmed(untrimmed_lines(text)?.into_iter()))
}

/// One value per line with the blanks around it, which may belong to a secret.
pub(super) fn untrimmed_lines(text: &str) -> Result<Vec<String>, Unclosed> {
    Ok(records(text, true)?.into_iter().map(|fields| fields.join(",")).filter(|line| !line.is_empty()).collect())
}

/// One value per line, in which quotes are characters like others: they are for buildx to read.
pub(super) fn raw_lines(text: &str) -> Vec<String> {
    let records = records(text, false).unwrap_or_default();
    trimmed(records.into_iter().map(|fields| fields.join(",")))
}

fn trimmed(values: impl Iterator<Item = String>) -> Vec<String> {
    values.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

/// The fields of every record. A line that starts with `#` is a comment.
fn records(text: &str, has_quotes: bool) -> Result<Vec<Vec<String>>, Unclosed> {
    let mut records = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if rest.trim_start_matches([' ', '\t']).starts_with('#') {
            rest = rest.split_once(['\n', '\r']).map_or("", |(_, after)| after);
            continue;
        }
        let (record, after) = record(rest, has_quotes)?;
        if record.iter().any(|field| !field.is_empty()) {
            records.push(record);
        }
        rest = after;
    }
    Ok(records)
}

/// The fields up to the end of a line, and what follows it.
fn record(text: &str, has_quotes: bool) -> Result<(Vec<String>, &str), Unclosed> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.char_indices().peekable();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
            '"' if is_quoted => {
                is_quoted = false;
                // What goes on behind its quotes never was a quoted field.
                if chars.peek().is_some_and(|(_, next)| !matches!(next, ',' | '\n' | '\r')) {
                    field = format!("\"{field}\"");
                }
            }
            '"' if has_quotes && field.is_empty() => is_quoted = true,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            '\n' | '\r' if !is_quoted => {
                fields.push(field);
                return Ok((fields, text.get(index.saturating_add(1)..).unwrap_or_default()));
            }
            c => field.push(c),
        }
    }
    fields.push(field);
    if is_quoted { Err(Unclosed) } else { Ok((fields, "")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_separated_by_commas_and_lines() {
        for (text, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("a, b ,,\n\n  c  \n", &["a", "b", "c"]),
            ("a\r\nb\rc", &["a", "b", "c"]),
            (r#""a,b",c"#, &["a,b", "c"]),
            (r#""a,b""#, &["a", "b"]),
            ("# one\na # two\n  # three, four\n#\nb", &["a # two", "b"]),
            (",\n,,\n", &[]),
        ] {
            assert_eq!(items(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn commas_belong_to_the_value_of_a_line() {
        for (text, expected) in [
            ("type=gha,mode=max,scope=x", &["type=gha,mode=max,scope=x"][..]),
            ("A=1\nB=two words, and a comma\n", &["A=1", "B=two words, and a comma"]),
            ("\"A=1\nB=2\"\nC=3", &["A=1\nB=2", "C=3"]),
            (r#""A=say ""hi"""#, &[]),
            (r#""A=say ""hi""""#, &[r#"A=say "hi""#]),
            (r#"A="quoted" words"#, &[r#"A="quoted" words"#]),
            (r#""A" B"#, &[r#""A" B"#]),
            (r#"A={"k":"v","w":1}"#, &[r#"A={"k":"v","w":1}"#]),
            (r#"a=1,"b=2,3""#, &["a=1,b=2,3"]),
            ("A=\"it's\"\nB='x'", &["A=\"it's\"", "B='x'"]),
        ] {
            assert_eq!(lines(text).unwrap_or_default(), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_of_raw_lines_are_left_to_buildx() {
        let text = "type=local,\"dest=a,b\"\ntype=tar,dest=\"c\n";
        assert_eq!(raw_lines(text), ["type=local,\"dest=a,b\"", "type=tar,dest=\"c"]);
    }

    #[test]
    fn blanks_around_a_secret_are_kept() {
        assert_eq!(untrimmed_lines("A= x \n\"B=1\n # 2 \n\"\n").unwrap(), ["A= x ", "B=1\n # 2 \n"]);
    }

    #[test]
    fn a_quote_that_stays_open_is_a_fault() {
        for text in ["\"", "a,\"b", "\"a\nb\"\"\n"] {
            assert_eq!(lines(text), Err(Unclosed), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[a\"=,# \t\r\n\\x00é]{0,40}") {
            drop((items(&text), lines(&text), untrimmed_lines(&text), raw_lines(&text)));
        }

        #[test]
        fn plain_values_come_back(values in proptest::collection::vec("[a-z=./:]{1,8}", 0..6)) {
            proptest::prop_assert_eq!(&items(&values.join(",")).unwrap(), &values);
            proptest::prop_assert_eq!(&items(&values.join("\n")).unwrap(), &values);
            proptest::prop_assert_eq!(&lines(&values.join("\n")).unwrap(), &values);
        }

        #[test]
        fn quotes_protect_whatever_a_secret_holds(value in "[ -~\n]{1,30}") {
            let text = format!("\"K={}\"\n", value.replace('"', "\"\""));
            proptest::prop_assert_eq!(untrimmed_lines(&text).unwrap(), [format!("K={value}")]);
        }
    }
}
