//! Looks a chosen commit up in a store, going back to older commits where it has no report.

use super::record::kept_under;
use super::{BaselineStore, Choice, Chosen, Found, Lookup};
use crate::report::{Base, Report};

/// The newest usable report among the candidates. One that is corrupt, too new or not that commit's is passed over with
/// its reason.
pub async fn find(store: &impl BaselineStore, chosen: &Chosen) -> Lookup {
    let choice = match chosen {
        Chosen::Base(choice) => choice,
        Chosen::NoBase { reason } => return Lookup::Missing { reason: reason.clone(), refusals: Vec::new() },
    };
    let mut refusals = Vec::new();
    for (commits_older, sha) in choice.candidates.iter().enumerate() {
        match store.load(sha).await.and_then(|report| report.map(|report| of_commit(report, sha)).transpose()) {
            Ok(None) => {}
            Ok(Some(report)) => {
                let base = Base { sha: Some(sha.clone()), chosen_by: choice.chosen_by.clone(), commits_older };
                return Lookup::Found(Box::new(Found { report, base, refusals }));
            }
            Err(error) => refusals.push(format!("{error:#}")),
        }
    }
    Lookup::Missing { reason: nothing_stored(choice), refusals }
}

/// A store is a place that others write to as well: only what [`super::record`] would have stored there is believed.
fn of_commit(report: Report, sha: &str) -> anyhow::Result<Report> {
    match kept_under(&report) {
        Ok(own) if own == sha => Ok(report),
        Ok(own) => Err(anyhow::anyhow!("the report stored for {} is of commit {}", short(sha), short(own))),
        Err(reason) => Err(anyhow::anyhow!("the report stored for {} is not a baseline: {reason}", short(sha))),
    }
}

fn nothing_stored(choice: &Choice) -> String {
    let commit = short(&choice.sha);
    match choice.candidates.len().saturating_sub(1) {
        0 => format!("no usable report of commit {commit} is stored"),
        1 => format!("no usable report of commit {commit} or the one before is stored"),
        older => format!("no usable report of commit {commit} or the {older} before is stored"),
    }
}

fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::fake::{FakeStore, report_of, sha};

    fn chosen(candidates: &[&str]) -> Chosen {
        Chosen::Base(Choice {
            sha: sha(candidates[0]),
            chosen_by: "merge base with main".into(),
            candidates: candidates.iter().map(|name| sha(name)).collect(),
        })
    }

    fn found(lookup: Lookup) -> Found {
        match lookup {
            Lookup::Found(found) => *found,
            Lookup::Missing { reason, .. } => panic!("{reason}"),
        }
    }

    #[tokio::test]
    async fn the_report_of_the_chosen_commit_wins() {
        let store = FakeStore::of(&["a", "b"]);
        let found = found(find(&store, &chosen(&["a", "b"])).await);
        assert_eq!(found.report, report_of("a"));
        let base = Base { sha: Some(sha("a")), chosen_by: "merge base with main".into(), commits_older: 0 };
        assert_eq!((found.base, found.refusals), (base, vec![]));
    }

    #[tokio::test]
    async fn the_walk_goes_back_and_says_how_far_and_what_it_passed() {
        let store = FakeStore::of(&["e"]);
        store.put(&sha("b"), Err("read b.json: not a report".into()));
        store.put(&sha("c"), Ok(report_of("d")));
        let mut dirty = report_of("d");
        dirty.context.head.dirty = true;
        store.put(&sha("d"), Ok(dirty));
        let found = found(find(&store, &chosen(&["a", "b", "c", "d", "e", "f"])).await);
        assert_eq!((found.base.sha, found.base.commits_older), (Some(sha("e")), 4));
        insta::assert_snapshot!(found.refusals.join("\n"), @"
        read b.json: not a report
        the report stored for cccccccccccc is of commit dddddddddddd
        the report stored for dddddddddddd is not a baseline: there were uncommitted changes
        ");
    }

    #[tokio::test]
    async fn what_is_missing_has_a_reason() {
        let store = FakeStore::of(&["f"]);
        for (chosen, expected) in [
            (chosen(&["a"]), "no usable report of commit aaaaaaaaaaaa is stored"),
            (chosen(&["a", "b"]), "no usable report of commit aaaaaaaaaaaa or the one before is stored"),
            (chosen(&["a", "b", "c"]), "no usable report of commit aaaaaaaaaaaa or the 2 before is stored"),
            (Chosen::NoBase { reason: "HEAD is the first commit".into() }, "HEAD is the first commit"),
        ] {
            let expected = Lookup::Missing { reason: expected.into(), refusals: vec![] };
            assert_eq!(find(&store, &chosen).await, expected);
        }
    }
}
