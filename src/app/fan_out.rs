//! `weighbridge plan --format github|gitlab`: the jobs that build the cells of a run on several runners.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::build::all_cells;
use super::changed::{Split, split};
use super::comment::run_key;
use super::evidence;
use super::leg::leg;
use super::lookup::{self, Revisions};
use super::parts;
use super::session::Session;
use super::situation::situation;
use super::view::View;
use crate::baseline::Lookup;
use crate::cli::PlanArgs;
use crate::config::Config;
use crate::error;
use crate::plan::fan::{Fleet, fan, github, gitlab};
use crate::publish::{OutputDirectory, terminal};
use crate::report::{CellId, Environment, Report, RunContext, Verdict};

pub(super) async fn plan(session: &Session, args: &PlanArgs, fleet: Fleet) -> Result<u8> {
    let view = View::new(session);
    let output = session.output_directory();
    // Each takes a while where there are thousands of cells.
    let (given, config) = tokio::join!(lookup::given_at_once(session, &output), session.config());
    let (given, config) = (given?, config?);
    let situation = situation(session, given.git.as_ref().ok(), None, &config).await;
    let report_key = run_key(session, &args.as_run(), &config, &situation.project);
    let cells = all_cells(session, &config, &situation)?;
    let revisions = lookup::revisions(session, given, &config, &situation, &report_key, &output).await?;
    let base = match &revisions.lookup {
        Lookup::Found(found) => Some(&found.report),
        Lookup::Missing { .. } => None,
    };
    let durations = durations(base);
    let cells = match args.changed {
        true => changed(session, &config, revisions, cells, &view).await?,
        false => cells,
    };
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

/// The cells that have to be built. The others are left as parts of the run.
async fn changed(
    session: &Session,
    config: &Config,
    revisions: Revisions,
    cells: Vec<CellId>,
    view: &View,
) -> Result<Vec<CellId>> {
    let output = OutputDirectory::prepare(session.output_directory())?;
    let evidence = evidence::gather(config, &revisions, &output.path).await;
    let context = RunContext { head: revisions.head.clone(), base: revisions.base() };
    let Split { build, carried, reasons } = split(session, config, revisions.lookup, &evidence, cells).await;
    for (image, reason) in &reasons {
        view.say(&format!("{image} is built: {reason}"));
    }
    if !carried.is_empty() {
        view.say(&format!(
            "carried over from the baseline: {} of {} cells",
            carried.len(),
            carried.len() + build.len()
        ));
    }
    let leg = leg(session, config, &context.head, false)?;
    let weighbridge_version = env!("CARGO_PKG_VERSION").to_owned();
    let environment = Environment { weighbridge_version, ..Environment::default() };
    let verdict = Verdict::Unknown;
    let report = Report { context, environment, cells: carried, indexes: BTreeMap::new(), verdict, leg: None };
    parts::write_carried_over(&output.path, report, &leg)?;
    Ok(build)
}

/// How long each cell took when it was last built.
fn durations(base: Option<&Report>) -> BTreeMap<CellId, Duration> {
    let cells = base.iter().flat_map(|base| &base.cells);
    cells.filter_map(|cell| Some((cell.id.clone(), cell.timing.as_ref()?.wall))).collect()
}
