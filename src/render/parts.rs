//! What accounts for a change: packages and paths in words.

use super::line::Line;
use crate::compare::inside::{Cause, PackageChange, Part, What};
use crate::escape;

/// Longest words with code in them.
const PROSE_CHARS: usize = 300;

/// What is said of the first bytes in a list of packages and paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytes {
    /// That they are unpacked ones, as compressed ones stand beside them.
    Unpacked,
    /// Nothing, as it is said already.
    AsSaid,
}

/// The packages and paths of a change, the most first, and how many are not named.
#[must_use]
pub fn list(parts: &[Part<'_>], named: usize, bytes: Bytes) -> Line {
    let lines = parts.iter().take(named).enumerate();
    let lines = lines.map(|(index, one)| part(one, if index == 0 { bytes } else { Bytes::AsSaid }));
    let line = Line::default().list(lines, ", ");
    match parts.len().saturating_sub(named) {
        0 => line,
        more => line.then(format!(" and {more} more")),
    }
}

/// The same as the end of a sentence about a layer: `, wrote …`; nothing where nothing is known.
#[must_use]
pub fn written(cause: &Cause<'_>, named: usize) -> Line {
    if cause.parts.is_empty() {
        return Line::default();
    }
    let has_grown = cause.parts.iter().all(|part| part.bytes.0 > 0);
    Line::ours(if has_grown { ", wrote " } else { ": " }).join(list(&cause.parts, named, Bytes::Unpacked))
}

fn part(part: &Part<'_>, bytes: Bytes) -> Line {
    let unpacked = if bytes == Bytes::Unpacked { " unpacked" } else { "" };
    match &part.what {
        What::Package(change) => {
            let note = match (change.base.is_empty(), change.head.is_empty()) {
                (true, _) => "new, ",
                (_, true) => "gone, ",
                _ => "",
            };
            package(change).then(format!(" ({note}{}{unpacked})", part.bytes))
        }
        What::SmallPackages { kind, count } => {
            Line::ours(format!("{count} small ")).text(kind).then(format!(" packages ({}{unpacked})", part.bytes))
        }
        What::Path { path, .. } => Line::default().code(path).then(format!(" ({}{unpacked})", part.bytes)),
    }
}

/// A package with its versions: `libssl3` 3.0.11 → 3.0.14.
#[must_use]
pub fn package(change: &PackageChange<'_>) -> Line {
    let versions = |versions: &[&str]| {
        let known = versions.iter().filter(|version| !version.is_empty());
        Line::default().list(known.map(|version| Line::default().text(version)), " and ")
    };
    let (base, head) = (versions(&change.base), versions(&change.head));
    let name = Line::default().code(change.name);
    match (base.is_empty(), head.is_empty()) {
        (true, true) => name,
        (false, true) => name.then(" ").join(base),
        (true, false) => name.then(" ").join(head),
        (false, false) if base == head => name.then(" ").join(head),
        (false, false) => name.then(" ").join(base).then(" → ").join(head),
    }
}

/// Words that hold code between backticks, each part escaped as what it is. They may come from a stranger's report.
#[must_use]
pub fn prose(text: &str) -> Line {
    let text = escape::terminal(text, PROSE_CHARS);
    let pieces: Vec<&str> = text.split('`').collect();
    let is_balanced = pieces.len() % 2 == 1;
    if !is_balanced {
        return Line::default().text(&text);
    }
    let space = |is_there| if is_there { " " } else { "" };
    let last = pieces.len().saturating_sub(1);
    pieces.iter().enumerate().fold(Line::default(), |line, (index, piece)| match (index % 2, piece.trim()) {
        (1, _) => line.code(piece),
        // Two spans of code that touch each other would be read as one.
        (_, "") if index > 0 && index < last => line.then(" "),
        (_, "") => line,
        (_, words) => {
            let (before, after) = (piece.starts_with(char::is_whitespace), piece.ends_with(char::is_whitespace));
            line.then(space(before)).text(words).then(space(after))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::inside::Origin;
    use crate::units::ByteDelta;

    fn package_of<'a>(base: &[&'a str], head: &[&'a str], bytes: i64) -> Part<'a> {
        let bytes = ByteDelta(bytes);
        let (base, head) = (base.to_vec(), head.to_vec());
        Part { what: What::Package(PackageChange { kind: "npm", name: "ms", base, head, bytes: Some(bytes) }), bytes }
    }

    fn path(path: &str, bytes: i64) -> Part<'_> {
        Part { what: What::Path { path, is_directory: true, is_whole: true }, bytes: ByteDelta(bytes) }
    }

    #[test]
    fn packages_and_paths_are_told_with_their_bytes_and_the_first_with_what_kind_of_bytes() {
        for (parts, expected) in [
            (vec![], ""),
            (vec![package_of(&[], &["2.0"], 9_100_000)], ", wrote ms 2.0 (new, +9.1 MB unpacked)"),
            (vec![package_of(&["1.0"], &["2.0"], 100_000)], ", wrote ms 1.0 → 2.0 (+100.0 kB unpacked)"),
            (vec![package_of(&["1.0"], &["1.0", "2.0"], 1_000)], ", wrote ms 1.0 → 1.0 and 2.0 (+1.0 kB unpacked)"),
            (vec![package_of(&["1.0"], &[], -5_000)], ": ms 1.0 (gone, −5.0 kB unpacked)"),
            (vec![package_of(&[""], &[""], 5_000)], ", wrote ms (+5.0 kB unpacked)"),
            (
                vec![Part { what: What::SmallPackages { kind: "npm", count: 211 }, bytes: ByteDelta(50_100_000) }],
                ", wrote 211 small npm packages (+50.1 MB unpacked)",
            ),
            (
                vec![path("m/.pnpm/@swc", 61_200_000), path("m/next", 2_000), path("x", 1_000)],
                ", wrote m/.pnpm/@swc (+61.2 MB unpacked), m/next (+2.0 kB) and 1 more",
            ),
            (vec![path("x-2", 2_000), path("x-1", -1_000)], ": x-2 (+2.0 kB unpacked), x-1 (−1.0 kB)"),
        ] {
            let nothing = ByteDelta(0);
            let cause = Cause { origin: Origin::BaseImage, compressed: nothing, unpacked: nothing, parts };
            assert_eq!(written(&cause, 2).terminal(), expected);
        }
    }

    #[test]
    fn code_in_prose_stays_code_and_everything_else_text() {
        assert_eq!(prose("use `COPY --chown` or `a`").markdown(), "use `COPY --chown` or `a`");
        assert_eq!(prose("`a``b` ``").markdown(), "`a` `b` ` `");
        assert_eq!(prose("a ` b @x").markdown(), Line::default().text("a ` b @x").markdown());
    }
}
