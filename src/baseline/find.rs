//! Looks a chosen commit up in the stores, going back to older commits where none has a report of it.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::timeout;

use super::record::kept_under;
use super::{Choice, Chosen, Found, Lookup, Refusal, Store, Unavailable, Untrusted};
use crate::report::{Base, Report};

/// A store that is slower than this is not worth the wait, as there is another one, or none is needed.
const STORE_TIMEOUT: Duration = Duration::from_secs(20);
/// How many commits a store is asked for at the same time, after the first: mostly that one is there.
const CONCURRENCY: usize = 8;

/// The newest usable report among the candidates; of several of one commit, that of the first store. One that is corrupt,
/// too new or not that commit's is passed over with its reason.
pub async fn find(stores: &[Store], chosen: &Chosen) -> Lookup {
    let choice = match chosen {
        Chosen::Base(choice) => choice,
        Chosen::NoBase { reason } => return Lookup::Missing { reason: reason.clone(), refusals: Vec::new() },
    };
    let (mut refusals, mut nearest) = (Vec::new(), None);
    let mut candidates = choice.candidates.as_slice();
    for store in stores.iter() {
        let Some(found) = ask(store, candidates, &mut refusals).await else { continue };
        // A later store is asked only for what is nearer than this.
        candidates = candidates.get(..found.0).unwrap_or_default();
        nearest = Some((found, store));
    }
    let Some(((commits_older, report), store)) = nearest else {
        return Lookup::Missing { reason: nothing_stored(choice), refusals };
    };
    let base = Base {
        sha: report.context.head.sha.clone(),
        chosen_by: choice.chosen_by.clone(),
        commits_older,
        store: Some(store.to_string()),
    };
    Lookup::Found(Box::new(Found { report, base, refusals }))
}

/// The nearest report of one store, within its time.
async fn ask(store: &Store, candidates: &[String], refusals: &mut Vec<Refusal>) -> Option<(usize, Report)> {
    if let Ok(found) = timeout(STORE_TIMEOUT, nearest(store, candidates, refusals)).await {
        return found;
    }
    let reason = format!("no answer within {} s", STORE_TIMEOUT.as_secs());
    refusals.push(Refusal { store: store.to_string(), reason, is_loss: true });
    None
}

async fn nearest(store: &Store, candidates: &[String], refusals: &mut Vec<Refusal>) -> Option<(usize, Report)> {
    let load = |(age, sha): (usize, &'_ String)| {
        let sha = sha.clone();
        async move { (age, store.load(&sha).await.and_then(|report| report.map(|it| of_commit(it, &sha)).transpose())) }
    };
    let first = stream::iter(candidates.iter().enumerate().take(1)).then(load);
    let others = stream::iter(candidates.iter().enumerate().skip(1)).map(load).buffered(CONCURRENCY);
    let mut loaded = pin!(first.chain(others));
    while let Some((age, result)) = loaded.next().await {
        let error = match result {
            Ok(None) => continue,
            Ok(Some(report)) => return Some((age, report)),
            Err(error) => error,
        };
        let unavailable = error.downcast_ref::<Unavailable>();
        let is_loss =
            !matches!(unavailable, Some(Unavailable::Denied(_))) && error.downcast_ref::<Untrusted>().is_none();
        refusals.push(Refusal { store: store.to_string(), reason: format!("{error:#}"), is_loss });
        if unavailable.is_some() {
            return None;
        }
    }
    None
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
mod tests;
