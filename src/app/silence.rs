//! Leaves out caches whose server is silent, before a builder waits for it: nothing ends BuildKit's wait for the manifest
//! of an import, and it holds the solver of the whole engine meanwhile (see `stall`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Client;

use crate::env::Env;
use crate::http;
use crate::plan::Plan;
use crate::plan::cache::{Entry, Server};
use crate::units::show_duration;

/// A server that takes longer to say anything at all is not worth the wait, however long its uploads may take.
const PATIENCE: Duration = Duration::from_secs(30);
const FIX: &str = "check the store, or use another one";

/// Asks the servers of what is read for any answer, once each and all at the same time; refusals and errors count, as the
/// builder will get them as well. What has none within the time limit of the cache is left out of every cell.
///
/// A builder elsewhere reaches other servers than this machine does, so that nothing is known of those.
pub(super) async fn leave_out_silent_servers(plan: &mut Plan<'_>, driver: &str, env: &Env) {
    if !matches!(driver, "docker" | "docker-container") {
        return;
    }
    // Without a client nobody can be called silent.
    let Ok(client) = http::client(env) else { return };
    let asked = to_ask(plan);
    let answers = asked.into_iter().map(|(server, limit)| {
        let client = &client;
        async move { (!answers(client, &server, limit, env).await).then_some((server, limit)) }
    });
    let silent: BTreeMap<Server, Duration> = join_all(answers).await.into_iter().flatten().collect();
    for cell in &mut plan.cells {
        let servers: BTreeSet<Server> = cell.cache.from.iter().filter_map(Entry::server).collect();
        for (server, limit) in silent.iter().filter(|(server, _)| servers.contains(server)) {
            let reason = format!("{} did not answer within {}", server.name(), show_duration(*limit));
            cell.cache = cell.cache.without_server(server, &reason, FIX);
        }
    }
}

/// The servers of what is read, and how long each may take.
fn to_ask(plan: &Plan<'_>) -> BTreeMap<Server, Duration> {
    let entries = plan.cells.iter().flat_map(|cell| cell.cache.from.iter().map(|entry| (entry, cell.cache.timeout)));
    entries.filter_map(|(entry, limit)| Some((entry.server()?, limit.min(PATIENCE)))).collect()
}

async fn answers(client: &Client, server: &Server, limit: Duration, env: &Env) -> bool {
    let service = || env.get("ACTIONS_RESULTS_URL").or(env.get("ACTIONS_CACHE_URL")).map(str::to_owned);
    let Some(address) = server.address().or_else(service) else { return true };
    match client.get(address).timeout(limit).send().await {
        Ok(_) => true,
        Err(error) => !error.is_timeout(),
    }
}
