//! The comment on a change request: how it is found again, and what is to be done with what is there already. Pure.
//!
//! A forge has no name for a comment, so the first line is a marker that its readers do not see. Anybody may write such
//! a line, so it only counts under our own name.

use std::fmt;

use crate::render::markdown;

/// What GitHub takes at least, in characters; a byte is the upper bound of one.
const FORGE_LIMIT_BYTES: usize = 65_536;
/// The longest marker with its line break.
const MARKER_LIMIT_BYTES: usize = PREFIX.len() + KEY_LIMIT_BYTES + 160;
const KEY_LIMIT_BYTES: usize = 128;
/// Longest name of a commit, in the hexadecimal digits of SHA-256.
const SHA_LIMIT_BYTES: usize = 64;
const PREFIX: &str = "<!-- weighbridge:";
const SUFFIX: &str = " -->";
/// Of the marker, not of weighbridge.
const VERSION: &str = "1";

const _: () = assert!(markdown::LIMIT_BYTES + MARKER_LIMIT_BYTES <= FORGE_LIMIT_BYTES, "the marker needs its room");

/// The hidden first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    key: String,
    head: Option<String>,
    run: u64,
}

impl Marker {
    /// A marker of the report with this name. Of two runs the one with the greater number was started later.
    #[must_use]
    pub fn new(name: &str, head: Option<&str>, run: u64) -> Self {
        let key: String = name.chars().map(|c| if is_of_key(c) { c } else { '_' }).take(KEY_LIMIT_BYTES).collect();
        Self { key, head: head.filter(|head| is_sha(head)).map(str::to_owned), run }
    }

    /// Reads the first line of a comment, which anybody may have written: one sign that we would not have put there,
    /// and it is none of ours.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        let line = body.lines().next()?.trim_end().strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let [key, VERSION, head, run] = fields(line)?[..] else { return None };
        let marker = Self::new(key, Some(head), run.parse().ok()?);
        let same = format!("{PREFIX}{line}{SUFFIX}") == marker.to_string();
        (same && !key.is_empty()).then_some(marker)
    }

    /// The commit, shortened for people.
    #[must_use]
    pub fn short_head(&self) -> String {
        self.head.as_deref().map_or_else(|| "another commit".to_owned(), |head| head.chars().take(7).collect())
    }
}

/// The values of a marker, in its order.
fn fields(line: &str) -> Option<Vec<&str>> {
    let mut parts = line.split(';');
    let fields = ["key=", "v=", "head=", "run="].iter().map(|name| parts.next()?.strip_prefix(name));
    let fields: Vec<&str> = fields.collect::<Option<_>>()?;
    parts.next().is_none().then_some(fields)
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, head, run } = self;
        let head = head.as_deref().unwrap_or_default();
        write!(f, "{PREFIX}key={key};v={VERSION};head={head};run={run}{SUFFIX}")
    }
}

/// Neither the end of an HTML comment nor that of a field.
fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._/@,+-".contains(c)
}

fn is_sha(text: &str) -> bool {
    !text.is_empty() && text.len() <= SHA_LIMIT_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A comment to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    marker: Marker,
    body: String,
}

impl Comment {
    /// A comment with this text, which the renderer has limited.
    #[must_use]
    pub fn new(marker: Marker, text: &str) -> Self {
        Self { body: format!("{marker}\n{text}"), marker }
    }

    /// All of it, the marker first.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// A comment that the forge has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// The forge's number for it; a greater one was given later.
    pub id: u64,
    /// Who wrote it.
    pub author: Author,
    /// What it says.
    pub body: String,
}

impl Existing {
    /// Whether a comment could be one of ours at all, so that others need not be kept in memory.
    #[must_use]
    pub fn is_marked(body: &str) -> bool {
        body.starts_with(PREFIX)
    }
}

/// Who wrote a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name of the account.
    pub login: String,
    /// Whether it belongs to a program.
    pub is_bot: bool,
}

/// Whose comments are our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ours {
    /// Those of this account.
    Login(String),
    /// The forge does not say who we are, so those of any program.
    AnyBot,
}

impl Ours {
    fn wrote(&self, existing: &Existing) -> bool {
        // The interfaces of GitHub do not agree on whether the name of a program ends like that.
        let bare = |login: &str| login.trim_end_matches("[bot]").to_ascii_lowercase();
        let Author { login, is_bot } = &existing.author;
        match self {
            Self::Login(own) => own.eq_ignore_ascii_case(login) || (*is_bot && bare(own) == bare(login)),
            Self::AnyBot => *is_bot,
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// With the comment.
    pub action: Action,
    /// Comments of our own that say the same again, made by two runs that did not see each other.
    pub duplicates: Vec<u64>,
}

/// What is to be done with the comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// There is none.
    Create,
    /// There is one, and it says something else.
    Update {
        /// Which.
        id: u64,
    },
    /// It says just this.
    Keep {
        /// Which.
        id: u64,
    },
    /// A run that was started later has written already; what it wrote stays.
    Superseded {
        /// Its marker.
        by: Marker,
    },
}

/// Decides by what is there. The lowest number wins, whichever run looks: so two runs that repair the same accident
/// agree which comment stays. What a later run wrote is neither changed nor deleted.
#[must_use]
pub fn decide(existing: &[Existing], wanted: &Comment, ours: &Ours) -> Decision {
    let own = existing.iter().filter(|existing| ours.wrote(existing));
    let own = own.filter_map(|existing| Some((existing, Marker::parse(&existing.body)?)));
    let mut own: Vec<(&Existing, Marker)> = own.filter(|(_, marker)| marker.key == wanted.marker.key).collect();
    own.sort_by_key(|(existing, _)| existing.id);
    let is_later = |marker: &Marker| marker.run > wanted.marker.run;
    let others = own.iter().skip(1).filter(|(_, marker)| !is_later(marker));
    let duplicates = others.map(|(existing, _)| existing.id).collect();
    let latest = own.iter().map(|(_, marker)| marker).max_by_key(|marker| marker.run);
    let action = match (own.first(), latest) {
        (_, Some(latest)) if is_later(latest) => Action::Superseded { by: latest.clone() },
        (Some((first, _)), _) if says_the_same(&first.body, &wanted.body) => Action::Keep { id: first.id },
        (Some((first, _)), _) => Action::Update { id: first.id },
        (None, _) => Action::Create,
    };
    Decision { action, duplicates }
}

/// Forges may keep other line breaks than they were given, and no white space at the end.
fn says_the_same(kept: &str, wanted: &str) -> bool {
    kept.trim_end().lines().eq(wanted.trim_end().lines())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn comment(run: u64, text: &str) -> Comment {
        Comment::new(Marker::new("shop", Some(SHA), run), text)
    }

    fn existing(id: u64, login: &str, body: &str) -> Existing {
        let author = Author { login: login.trim_end_matches("[bot]").to_owned(), is_bot: login.ends_with("[bot]") };
        Existing { id, author, body: body.to_owned() }
    }

    fn ours(id: u64, run: u64, text: &str) -> Existing {
        existing(id, "us", comment(run, text).body())
    }

    #[test]
    fn the_marker_is_the_first_line_and_is_found_again() {
        let comment = comment(7, "### weighbridge: no change\n");
        insta::assert_snapshot!(comment.body(), @"
        <!-- weighbridge:key=shop;v=1;head=0123456789abcdef0123456789abcdef01234567;run=7 -->
        ### weighbridge: no change
        ");
        assert_eq!(Marker::parse(comment.body()), Some(comment.marker.clone()));
        assert_eq!(Marker::parse(&comment.body().replace('\n', "\r\n")), Some(comment.marker));
    }

    #[test]
    fn a_line_that_we_would_not_have_written_is_no_marker() {
        for line in [
            "",
            "weighbridge",
            " <!-- weighbridge:key=a;v=1;head=;run=1 -->",
            "> <!-- weighbridge:key=a;v=1;head=;run=1 -->",
            "### hello\n<!-- weighbridge:key=a;v=1;head=;run=1 -->",
            "<!-- weighbridge:key=a;v=1;head=;run=1 --> and more",
            "<!-- weighbridge:key=a;v=1;head=;run=1",
            "<!-- weighbridge:key=;v=1;head=;run=1 -->",
            "<!-- weighbridge:key=a;v=2;head=;run=1 -->",
            "<!-- weighbridge:key=a;v=1;head=;run=-1 -->",
            "<!-- weighbridge:key=a;v=1;head=;run=+1 -->",
            "<!-- weighbridge:key=a;v=1;head=;run=01 -->",
            "<!-- weighbridge:key=a;v=1;head=;run=99999999999999999999 -->",
            "<!-- weighbridge:key=a;v=1;head=;run=1;run=2 -->",
            "<!-- weighbridge:key=a;v=1;run=1;head= -->",
            "<!-- weighbridge:key=a;v=1;head=main;run=1 -->",
            "<!-- weighbridge:key=a b;v=1;head=;run=1 -->",
            "<!-- weighbridge:key=a-->;v=1;head=;run=1 -->",
            "<!-- weighbridge:key=\u{202e}a;v=1;head=;run=1 -->",
        ] {
            assert_eq!(Marker::parse(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_there_decides_what_is_done() {
        let (keep, update) = (|id| Action::Keep { id }, |id| Action::Update { id });
        let superseded = |run| Action::Superseded { by: comment(run, "").marker };
        let other = Comment::new(Marker::new("docs", Some(SHA), 5), "new");
        for (situation, there, action, duplicates) in [
            ("nothing is there", vec![], Action::Create, vec![]),
            ("people talk", vec![existing(1, "us", "hello")], Action::Create, vec![]),
            ("somebody copies our marker", vec![existing(1, "eve", comment(9, "x").body())], Action::Create, vec![]),
            ("another report is there", vec![existing(1, "us", other.body())], Action::Create, vec![]),
            ("an earlier run wrote", vec![ours(3, 4, "old")], update(3), vec![]),
            ("an earlier run said the same", vec![ours(3, 4, "new")], update(3), vec![]),
            ("this run was here before", vec![ours(3, 5, "new")], keep(3), vec![]),
            ("the forge trims", vec![existing(3, "US", comment(5, "new").body().trim_end())], keep(3), vec![]),
            ("a later run wrote", vec![ours(3, 6, "newer")], superseded(6), vec![]),
            ("two runs raced", vec![ours(8, 5, "new"), ours(3, 4, "old")], update(3), vec![8]),
            ("a later run raced and lost", vec![ours(3, 5, "new"), ours(8, 6, "newer")], superseded(6), vec![]),
            ("a later run raced and won", vec![ours(3, 6, "newer"), ours(8, 5, "new")], superseded(6), vec![8]),
        ] {
            let decision = decide(&there, &comment(5, "new"), &Ours::Login("us".into()));
            assert_eq!(decision, Decision { action, duplicates }, "{situation}");
        }
    }

    #[test]
    fn without_a_name_of_our_own_any_program_may_be_us_and_no_person() {
        let (bot, person) =
            (existing(1, "x[bot]", comment(4, "old").body()), existing(2, "x", comment(4, "old").body()));
        let decision = |there: &[Existing]| decide(there, &comment(5, "new"), &Ours::AnyBot).action;
        assert_eq!(decision(std::slice::from_ref(&bot)), Action::Update { id: 1 });
        assert_eq!(decision(std::slice::from_ref(&person)), Action::Create);
    }

    proptest! {
        #[test]
        fn every_name_makes_a_marker_that_is_short_and_found_again(
            name in ".{1,300}", sha in "[0-9a-f]{0,80}", run: u64,
        ) {
            let marker = Marker::new(&name, Some(&sha), run);
            let line = marker.to_string();
            prop_assert!(line.len() < MARKER_LIMIT_BYTES);
            prop_assert_eq!(line.matches("-->").count(), 1);
            prop_assert_eq!(Marker::parse(&line), Some(marker));
        }

        #[test]
        fn no_body_is_too_strange(body in "(<!-- weighbridge:)?(key=a;v=1;)?.{0,60}( -->)?") {
            if let Some(marker) = Marker::parse(&body) {
                prop_assert!(body.starts_with(&marker.to_string()));
            }
        }
    }
}
