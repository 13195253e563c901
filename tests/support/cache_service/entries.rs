//! What the fake cache service keeps: entries under a scope, a key and a version, each with a blob that is sent in one
//! piece or in blocks.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use serde::Deserialize;

use super::token::Scope;

/// What names an entry in a request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Wanted {
    pub(super) key: String,
    #[serde(default)]
    restore_keys: Vec<String>,
    version: String,
}

/// All entries, the oldest first. An entry's number is its place.
#[derive(Debug, Default)]
pub(super) struct Entries(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    scope: String,
    key: String,
    version: String,
    finalized: bool,
    blob: Option<Bytes>,
    blocks: BTreeMap<String, Bytes>,
}

/// Why there is no new entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoWritableScope,
    AlreadyExists,
}

impl Entries {
    /// Reserves an entry in the last scope that may be written to.
    pub(super) fn create(&mut self, scopes: &[Scope], wanted: &Wanted) -> Result<usize, Refusal> {
        let scope = writable(scopes).ok_or(Refusal::NoWritableScope)?;
        if self.0.iter().any(|entry| entry.is(scope, wanted)) {
            return Err(Refusal::AlreadyExists);
        }
        self.0.push(Entry {
            scope: scope.to_owned(),
            key: wanted.key.clone(),
            version: wanted.version.clone(),
            finalized: false,
            blob: None,
            blocks: BTreeMap::new(),
        });
        Ok(self.0.len() - 1)
    }

    /// Makes an entry visible.
    pub(super) fn finalize(&mut self, scopes: &[Scope], wanted: &Wanted) -> Option<usize> {
        let scope = writable(scopes)?;
        let number = self.0.iter().position(|entry| entry.is(scope, wanted))?;
        self.0[number].finalized = true;
        Some(number)
    }

    /// Looks through the readable scopes in the token's order: in each for the key itself, then for each restore key as
    /// a prefix, of which the newest entry wins.
    pub(super) fn find(&self, scopes: &[Scope], wanted: &Wanted) -> Option<(usize, &str)> {
        let readable = scopes.iter().filter(|scope| scope.is_readable());
        readable.filter_map(|scope| self.find_in(&scope.scope, wanted)).next()
    }

    fn find_in(&self, scope: &str, wanted: &Wanted) -> Option<(usize, &str)> {
        let visible = |entry: &Entry| entry.finalized && entry.scope == scope && entry.version == wanted.version;
        let newest = |fits: &dyn Fn(&str) -> bool| self.0.iter().rposition(|entry| visible(entry) && fits(&entry.key));
        let prefixed = || wanted.restore_keys.iter().find_map(|prefix| newest(&|key| key.starts_with(prefix)));
        let number = newest(&|key| key == wanted.key).or_else(prefixed)?;
        Some((number, &self.0[number].key))
    }

    pub(super) fn key(&self, number: usize) -> &str {
        &self.0[number].key
    }

    pub(super) fn blob(&self, number: usize) -> Option<&Bytes> {
        self.0[number].blob.as_ref()
    }

    pub(super) fn put_blob(&mut self, number: usize, bytes: Bytes) {
        self.0[number].blob = Some(bytes);
    }

    pub(super) fn put_block(&mut self, number: usize, block: String, bytes: Bytes) {
        self.0[number].blocks.insert(block, bytes);
    }

    /// Joins the blocks to the blob, in the order of a block list.
    pub(super) fn join_blocks(&mut self, number: usize, list: &str) {
        let entry = &mut self.0[number];
        let names = list.split("<Latest>").skip(1).filter_map(|rest| rest.split_once("</Latest>"));
        entry.blob = Some(names.flat_map(|(name, _)| &entry.blocks[name]).copied().collect());
    }
}

impl Entry {
    fn is(&self, scope: &str, wanted: &Wanted) -> bool {
        self.scope == scope && self.key == wanted.key && self.version == wanted.version
    }
}

fn writable(scopes: &[Scope]) -> Option<&str> {
    scopes.iter().rfind(|scope| scope.is_writable()).map(|scope| scope.scope.as_str())
}

#[test]
fn a_token_reads_in_the_order_of_its_scopes_and_writes_to_the_last_that_it_may() {
    let scope = |scope: &str, permission| Scope { scope: scope.to_owned(), permission };
    let wanted =
        |key: &str| Wanted { key: key.to_owned(), restore_keys: vec!["index".to_owned()], version: "1".into() };
    let base = [scope("main", 3)];
    let branch = [scope("feature", 3), scope("main", 1)];
    let mut entries = Entries::default();
    for (scopes, key, number) in [(&base[..], "index#1", 0), (&base, "index#2", 1), (&branch, "index#1", 2)] {
        assert_eq!(entries.create(scopes, &wanted(key)), Ok(number));
    }
    assert_eq!(entries.create(&base, &wanted("index#2")), Err(Refusal::AlreadyExists));
    assert_eq!(entries.create(&[scope("main", 1)], &wanted("index#3")), Err(Refusal::NoWritableScope));
    assert_eq!(entries.find(&branch, &wanted("index")), None, "an entry is found before it is finalized");
    entries.finalize(&base, &wanted("index#1"));
    entries.finalize(&base, &wanted("index#2"));
    assert_eq!(entries.find(&branch, &wanted("index")), Some((1, "index#2")), "of a prefix the newest");
    assert_eq!(entries.find(&branch, &wanted("index#1")), Some((0, "index#1")), "the key itself before a prefix");
    entries.finalize(&branch, &wanted("index#1"));
    assert_eq!(entries.find(&branch, &wanted("index")), Some((2, "index#1")), "the own scope before the base's");
    assert_eq!(entries.find(&base, &wanted("index")), Some((1, "index#2")), "the base does not see the branch");
    assert_eq!(entries.find(&[scope("main", 2)], &wanted("index")), None, "a scope that may only be written to");
}
