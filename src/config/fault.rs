//! What is wrong with a configuration: every fault has a place and a key path, and all are reported at once.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;

use crate::error::Exit;

/// How many faults are kept; a file with more is garbage, not a configuration.
const MAX_KEPT: usize = 1_000;
/// How many faults are shown.
const MAX_SHOWN: usize = 50;
/// How much of a value is echoed.
const MAX_ECHO_CHARS: usize = 60;

/// Where something is written. Ordered as one reads: by file, then top to bottom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The file as the user would write it.
    pub(super) file: Arc<str>,
    /// Line and column, both counted from 1; `None` where the reader of a format does not say.
    pub(super) position: Option<(usize, usize)>,
}

/// The way to a value from the top of the file: `images.orders.platforms[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct KeyPath(String);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    place: Place,
    path: KeyPath,
    message: String,
}

/// All faults found so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Faults(Vec<Fault>);

impl KeyPath {
    /// The path of a key of the mapping at this path.
    pub(super) fn key(&self, name: &str) -> Self {
        let plain = !name.is_empty()
            && !looks_like_a_secret(name)
            && name.len() <= MAX_ECHO_CHARS
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/".contains(c));
        match (plain, self.0.is_empty()) {
            (true, true) => Self(name.to_owned()),
            (true, false) => Self(format!("{}.{name}", self.0)),
            (false, _) => Self(format!("{}[{}]", self.0, shown(name))),
        }
    }

    /// The path of an entry of the list at this path.
    pub(super) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl Fault {
    /// A fault of the value at a place.
    pub(super) fn new(place: &Place, path: &KeyPath, message: impl Into<String>) -> Self {
        Self { place: place.clone(), path: path.clone(), message: message.into() }
    }
}

impl Faults {
    /// Adds a fault of the value at a place.
    pub(super) fn push(&mut self, place: &Place, path: &KeyPath, message: impl Into<String>) {
        self.add(Fault::new(place, path, message));
    }

    /// Adds a fault.
    pub(super) fn add(&mut self, fault: Fault) {
        if !self.is_full() {
            self.0.push(fault);
        }
    }

    /// Adds all of others.
    pub(super) fn append(&mut self, others: Self) {
        others.0.into_iter().for_each(|fault| self.add(fault));
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether more faults would be dropped.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MAX_KEPT
    }

    /// Ends the collection.
    ///
    /// # Errors
    /// All faults, sorted by position, when there are any; exit code 2.
    pub(super) fn into_result(mut self) -> Result<()> {
        self.0.sort();
        // What stands once in `defaults` is wrong once, however many images it is merged into.
        self.0.dedup_by(|a, b| a.place == b.place && a.message == b.message && (a.place.position.is_some() || a == b));
        if self.0.is_empty() {
            return Ok(());
        }
        Err(anyhow::Error::new(self).context(Exit::usage("read the configuration")))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place.file)?;
        if let Some((line, column)) = self.place.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.path.0.is_empty() {
            write!(f, ": {}", self.path.0)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().take(MAX_SHOWN).map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))?;
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand at least {more} more"),
        }
    }
}

impl std::error::Error for Faults {}

/// A value as a message may show it: quoted, escaped, cut, and not at all when it looks like a secret.
pub(super) fn shown(text: &str) -> String {
    if looks_like_a_secret(text) {
        return "a value that looks like a secret (not shown)".to_owned();
    }
    match text.char_indices().nth(MAX_ECHO_CHARS) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

/// The candidate that a mistyped word most likely meant, as a hint to append to a message.
pub(super) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if word.len() > MAX_ECHO_CHARS {
        return None;
    }
    let tolerated = word.chars().count() / 3;
    let distance = |candidate: &str| strsim::damerau_levenshtein(word, candidate);
    let (distance, nearest) = candidates.into_iter().map(|candidate| (distance(candidate), candidate)).min()?;
    (distance <= tolerated).then(|| format!("did you mean `{nearest}`?"))
}

/// Known token prefixes, private keys, and long runs of mixed letters and digits as random values have.
pub(super) fn looks_like_a_secret(text: &str) -> bool {
    const PREFIXES: [&str; 9] = ["ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "AKIA", "xox", "eyJ", "-----BEGIN"];
    PREFIXES.iter().any(|prefix| text.contains(prefix))
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
            run.len() >= 20 && run.chars().any(|c| c.is_ascii_digit()) && run.chars().any(|c| c.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Place {
        Place { file: "weighbridge.yml".into(), position: Some((line, column)) }
    }

    #[test]
    fn faults_are_sorted_by_position_and_shown_once() {
        let mut faults = Faults::default();
        let path = KeyPath::default().key("images").key("a b").key("tags").index(2);
        faults.push(&at(10, 1), &path, "third");
        faults.push(&at(2, 5), &KeyPath::default(), "second");
        faults.push(&at(2, 5), &KeyPath::default(), "second");
        faults.push(&Place { file: "docker-bake.hcl".into(), position: None }, &KeyPath::default().key("a"), "first");
        insta::assert_snapshot!(faults.into_result().unwrap_err().root_cause(), @r#"
        docker-bake.hcl: a: first
        weighbridge.yml:2:5: second
        weighbridge.yml:10:1: images["a b"].tags[2]: third
        "#);
    }

    #[test]
    fn a_flood_of_faults_is_cut() {
        let mut faults = Faults::default();
        (1..2_000).for_each(|line| faults.push(&at(line, 1), &KeyPath::default(), "bad"));
        let text = faults.into_result().unwrap_err().root_cause().to_string();
        assert_eq!(text.lines().count(), MAX_SHOWN + 1);
        assert!(text.ends_with("and at least 950 more"), "{text}");
    }

    #[test]
    fn values_are_escaped_cut_and_kept_secret() {
        assert_eq!(shown("a\nb"), r#""a\nb""#);
        assert_eq!(shown(&"é".repeat(100)), format!("\"{}\"…", "é".repeat(60)));
        for secret in ["ghp_abc", "-----BEGIN PRIVATE KEY", "x=Zm9vYmFyYmF6cXV4MTIzNDU2"] {
            assert!(shown(secret).contains("not shown"), "{secret}");
        }
    }

    #[test]
    fn a_near_miss_is_named_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("buget", ["tags", "budget"]).unwrap(), "did you mean `budget`?");
        assert_eq!(did_you_mean("zebra", ["tags", "budget"]), None);
        assert_eq!(did_you_mean("x", ["y"]), None);
        assert_eq!(did_you_mean("xyz", []), None);
    }
}
