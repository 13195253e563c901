//! `weighbridge plan --format github|gitlab`: the jobs that build the cells of a run on several runners.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::build::all_cells;
use super::comment::run_key;
use super::lookup;
use super::session::Session;
use super::situation::situation;
use super::view::View;
use crate::baseline::Lookup;
use crate::cli::PlanArgs;
use crate::error;
use crate::plan::fan::{Fleet, fan, github, gitlab};
use crate::publish::terminal;
use crate::report::{CellId, Report};

pub(super) async fn plan(session: &Session, args: &PlanArgs, fleet: Fleet) -> Result<u8> {
    let view = View::new(session);
    let output = session.output_directory();
    let given = lookup::given(session, &output).await?;
    let config = session.config().await?;
    let situation = situation(session, given.git.as_ref().ok(), None, &config).await;
    let report_key = run_key(session, &args.as_run(), &config, &situation.project);
    let cells = all_cells(session, &config, &situation)?;
    let revisions = lookup::revisions(session, given, &config, &situation, &report_key, &output).await?;
    let base = match &revisions.lookup {
        Lookup::Found(found) => Some(&found.report),
        Lookup::Missing { .. } => None,
    };
    let durations = durations(base);
    let cells: Vec<(CellId, Option<Duration>)> =
        cells.into_iter().map(|cell| (cell.clone(), durations.get(&cell).copied())).collect();
    let fan =
        fan(&cells, fleet, &config.runners, args.shards.map(|shards| usize::try_from(shards).unwrap_or(usize::MAX)));
    fan.remarks.iter().for_each(|remark| view.say(remark));
    terminal::out(&match fleet {
        Fleet::Github => github(&fan.jobs),
        Fleet::Gitlab => gitlab(&fan.jobs),
    });
    Ok(error::OK)
}

/// How long each cell took when it was last built.
fn durations(base: Option<&Report>) -> BTreeMap<CellId, Duration> {
    let cells = base.iter().flat_map(|base| &base.cells);
    cells.filter_map(|cell| Some((cell.id.clone(), cell.timing.as_ref()?.wall))).collect()
}
