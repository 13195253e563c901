//! What an action tells the runner: by files, and by lines of its output. Both are read as actions/runner does
//! (`FileCommandManager.cs`, `ActionCommand.cs`).

use std::collections::BTreeMap;

/// The values of `GITHUB_OUTPUT` or `GITHUB_STATE`.
pub(crate) fn values(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    while let Some((line, _)) = next_line(&mut rest) {
        if line.is_empty() {
            continue;
        }
        let (name, value) = match (line.find('='), line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
                (&line[..equals], &line[equals + 1..])
            }
            (_, Some(heredoc)) => (&line[..heredoc], until(&line[heredoc + 2..], &mut rest)?),
            _ => return Err(format!("neither = nor << in {line:?}")),
        };
        if name.is_empty() {
            return Err(format!("no name in {line:?}"));
        }
        values.insert(name.to_owned(), value.to_owned());
    }
    Ok(values)
}

/// The text before the line that is exactly the delimiter, without the line's end before it.
fn until<'a>(delimiter: &str, rest: &mut &'a str) -> Result<&'a str, String> {
    if delimiter.is_empty() {
        return Err("an empty delimiter".to_owned());
    }
    let text = *rest;
    let (mut end, mut read) = (0, 0);
    while let Some((line, newline)) = next_line(rest) {
        if line == delimiter {
            return Ok(&text[..end]);
        }
        end = read + line.len();
        read = end + newline.len();
    }
    Err(format!("no line is {delimiter:?}"))
}

/// A line and its end, which the last one may lack.
fn next_line<'a>(rest: &mut &'a str) -> Option<(&'a str, &'a str)> {
    let text = *rest;
    let end = text.find('\n').unwrap_or(text.len());
    let (line, newline) = (&text[..end], &text[end..text.len().min(end + 1)]);
    *rest = &text[end + newline.len()..];
    (!text.is_empty()).then_some((line, newline))
}

/// A line such as `::error title=a::text`, unescaped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) text: String,
}

/// The commands among the lines of an output.
pub(crate) fn commands(output: &str) -> Vec<Command> {
    output.lines().filter_map(command).collect()
}

fn command(line: &str) -> Option<Command> {
    let (head, text) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties.split(',').filter_map(|property| property.split_once('='));
    Some(Command {
        name: name.to_owned(),
        properties: properties.map(|(name, value)| (name.trim().to_owned(), unescaped(value))).collect(),
        text: unescaped(text),
    })
}

/// The percent sign comes last, so that an escaped one does not start another escape.
fn unescaped(text: &str) -> String {
    let escapes = [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")];
    escapes.iter().fold(text.to_owned(), |text, (escape, letter)| text.replace(escape, letter))
}

#[test]
fn files_are_read_by_the_grammar_of_the_runner() {
    for (text, expected) in [
        ("", Ok(vec![])),
        ("\na=b\n", Ok(vec![("a", "b")])),
        ("a=b=c<<d", Ok(vec![("a", "b=c<<d")])),
        ("a=1\na=2\n", Ok(vec![("a", "2")])),
        ("a<<E\nE\n", Ok(vec![("a", "")])),
        ("a<<E\nx=1\n\n E\nE\nb=2", Ok(vec![("a", "x=1\n\n E"), ("b", "2")])),
        ("a<<E\nx\nE", Ok(vec![("a", "x")])),
        ("a<<E\n\nE\n", Ok(vec![("a", "")])),
        ("a<<E\nxE\n", Err("no line is \"E\"")),
        ("a<<\n\n", Err("an empty delimiter")),
        ("=b", Err("no name in \"=b\"")),
        ("a", Err("neither = nor << in \"a\"")),
    ] {
        let expected = expected
            .map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
            .map_err(str::to_owned);
        assert_eq!(values(text), expected, "{text:?}");
    }
}

#[test]
fn commands_are_told_from_other_lines() {
    let found = commands("a::b\n  ::error title=x%3Ay,file=f::100%25 of a%0Ab %250A\n::endgroup::\n::open\n");
    let shown: Vec<String> = found.iter().map(|it| format!("{} {:?} {:?}", it.name, it.properties, it.text)).collect();
    assert_eq!(shown, [r#"error {"file": "f", "title": "x:y"} "100% of a\nb %0A""#, r#"endgroup {} """#]);
}
