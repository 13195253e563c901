use super::*;
use crate::baseline::fake::{FakeStore, report_of, sha};

fn chosen(candidates: &[&str]) -> Chosen {
    Chosen::Base(Choice {
        sha: sha(candidates[0]),
        chosen_by: "merge base with main".into(),
        candidates: candidates.iter().map(|name| sha(name)).collect(),
    })
}

/// A store from words: `a` is a good report of that commit, `b!` one that cannot be read, `c=d` one of another commit,
/// `e~` one of a dirty tree; `denied`, `down` and `silent` are what the whole store is.
fn store(name: &str, words: &str) -> FakeStore {
    let store = FakeStore::named(name);
    for word in words.split_whitespace() {
        match (word, word.split_at(1)) {
            ("denied", _) => store.is(Unavailable::Denied("not allowed to (HTTP 403)".into())),
            ("down", _) => store.is(Unavailable::Unreachable("not reached (HTTP 502)".into())),
            ("silent", _) => store.is_silent(),
            (_, (commit, "")) => store.put(&sha(commit), Ok(report_of(commit))),
            (_, (commit, "!")) => store.put(&sha(commit), Err("not a weighbridge report".into())),
            (_, (commit, "~")) => {
                let mut dirty = report_of(commit);
                dirty.context.head.dirty = true;
                store.put(&sha(commit), Ok(dirty));
            }
            (_, (commit, other)) => store.put(&sha(commit), Ok(report_of(&other[1..]))),
        }
    }
    store
}

#[tokio::test(start_paused = true)]
async fn the_nearest_commit_wins_and_then_the_first_store() {
    const UNREAD: &str = "not a weighbridge report";
    for (directory, registry, branch, expected, refused) in [
        ("", "", "", "none", ""),
        ("a", "", "", "a+0 of directory", ""),
        ("", "a", "", "a+0 of registry", ""),
        ("", "", "a", "a+0 of branch", ""),
        ("a", "a", "a", "a+0 of directory", ""),
        ("", "a", "a", "a+0 of registry", ""),
        ("b", "a", "", "a+0 of registry", ""),
        ("c", "b", "a", "a+0 of branch", ""),
        ("b", "c", "d", "b+1 of directory", ""),
        ("c", "c", "b", "b+1 of branch", ""),
        ("d", "", "d", "d+3 of directory", ""),
        ("e", "f", "", "none", ""),
        ("a!", "a", "", "a+0 of registry", "directory: UNREAD"),
        ("a! b", "b", "", "b+1 of directory", "directory: UNREAD"),
        ("a=b", "", "", "none", "directory: the report stored for aaaaaaaaaaaa is of commit bbbbbbbbbbbb"),
        (
            "a~ b",
            "",
            "",
            "b+1 of directory",
            "directory: the report stored for aaaaaaaaaaaa is not a baseline: there were uncommitted changes",
        ),
        ("", "denied", "a", "a+0 of branch", "(registry: not allowed to (HTTP 403))"),
        ("", "down", "a", "a+0 of branch", "registry: not reached (HTTP 502)"),
        ("", "silent", "b", "b+1 of branch", "registry: no answer within 20 s"),
        ("", "down", "silent", "none", "registry: not reached (HTTP 502); branch: no answer within 20 s"),
        ("a", "down", "denied", "a+0 of directory", ""),
        (
            "b",
            "down",
            "denied",
            "b+1 of directory",
            "registry: not reached (HTTP 502); (branch: not allowed to (HTTP 403))",
        ),
        ("", "a! b!", "b! c", "c+2 of branch", "registry: UNREAD; registry: UNREAD; branch: UNREAD"),
    ] {
        let all = [("directory", directory), ("registry", registry), ("branch", branch)];
        let stores = all.map(|(name, words)| Store::Fake(store(name, words)));
        let lookup = find(&stores, &chosen(&["a", "b", "c", "d"])).await;
        let (found, refusals) = match &lookup {
            Lookup::Missing { refusals, .. } => ("none".to_owned(), refusals),
            Lookup::Found(found) => {
                let Base { sha, commits_older, store, .. } = &found.base;
                assert_eq!(&found.report.context.head.sha, sha);
                (
                    format!("{}+{commits_older} of {}", &sha.as_ref().unwrap()[..1], store.as_ref().unwrap()),
                    &found.refusals,
                )
            }
        };
        // What is no loss stands in parentheses.
        let show = |refusal: &Refusal| if refusal.is_loss { refusal.to_string() } else { format!("({refusal})") };
        let shown: Vec<String> = refusals.iter().map(show).collect();
        let situation = format!("{directory:?} {registry:?} {branch:?}");
        assert_eq!((found.as_str(), shown.join("; ")), (expected, refused.replace("UNREAD", UNREAD)), "{situation}");
    }
}

#[tokio::test]
async fn a_store_is_asked_for_no_more_than_is_needed() {
    for (first, second, asked) in [("a", "a", [1, 0]), ("b", "a", [2, 1]), ("denied", "down", [1, 1]), ("", "", [4, 4])]
    {
        let stores = [Store::Fake(store("first", first)), Store::Fake(store("second", second))];
        find(&stores, &chosen(&["a", "b", "c", "d"])).await;
        let counts = stores.each_ref().map(|store| match store {
            Store::Fake(store) => store.asked(),
            _ => unreachable!(),
        });
        // Those after the first are asked for together.
        assert!(counts[0] >= asked[0] && counts[1] == asked[1], "{first:?} {second:?}: {counts:?}");
    }
}

#[tokio::test]
async fn what_is_missing_has_a_reason() {
    let stores = [Store::Fake(FakeStore::of(&["f"]))];
    for (chosen, expected) in [
        (chosen(&["a"]), "no usable report of commit aaaaaaaaaaaa is stored"),
        (chosen(&["a", "b"]), "no usable report of commit aaaaaaaaaaaa or the one before is stored"),
        (chosen(&["a", "b", "c"]), "no usable report of commit aaaaaaaaaaaa or the 2 before is stored"),
        (Chosen::NoBase { reason: "HEAD is the first commit".into() }, "HEAD is the first commit"),
    ] {
        let expected = Lookup::Missing { reason: expected.into(), refusals: vec![] };
        assert_eq!(find(&stores, &chosen).await, expected);
    }
}
