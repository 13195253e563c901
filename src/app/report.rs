//! `weighbridge report`: the parts that several runners made, put together as if they had been built in one place.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};

use super::announce;
use super::build::all_cells;
use super::comment::run_key;
use super::evidence;
use super::leg::leg;
use super::nodes::Nodes;
use super::parts;
use super::run::{Conclusion, Run};
use super::session::Session;
use super::setup::Setup;
use super::situation::situation;
use crate::buildx::Prepared;
use crate::buildx::builder::BuilderFacts;
use crate::cli::ReportArgs;
use crate::error::Exit;
use crate::measure;
use crate::plan::{Delivery, Machine, Plan, plan};
use crate::report::merge::{Expected, Merge, Merged};
use crate::report::{CellReport, Environment, Head, Outcome, Report, RunContext, Verdict};

pub(super) async fn report(session: &Session, args: &ReportArgs) -> Result<u8> {
    let Setup { view, mut given, output, config } = Setup::at_once(session).await?;
    let options = args.as_run();
    let situation = situation(session, given.git.as_ref().ok(), None, &config).await;
    let head = given.head(session, &output.path).await?;
    let leg = leg(session, &config, &head, false)?;
    let cells = all_cells(session, &config, &situation)?.into_iter().collect();
    let expected = Expected { run: leg.run, head, configuration: leg.configuration, cells };
    let places = if args.parts.is_empty() { vec![parts::folder(&output.path)] } else { args.parts.clone() };
    let places: Vec<_> = places.iter().map(|place| session.env.directory.join(place)).collect();
    let merged = merge(Merge::of(expected), &places)?;

    let delivery = Delivery { push: merged.pushes, in_parts: true, ..Delivery::default() };
    let plan = plan(&config, &Machine::assumed(), &delivery, &situation, &output.path)?;
    let report_key = run_key(session, &options, &config, &situation.project);
    let selection = config.selection.clone();
    let run = Run {
        session,
        args: &options,
        output,
        view,
        prepared: nothing_to_build(),
        nodes: Nodes::default(),
        selection,
        is_of_parts: true,
        report_key,
    };
    let look = evidence::look(session, given, &config, &situation, &run.report_key, &run.output.path);
    let (revisions, evidence) = look.await?;
    for missing in &merged.missing {
        run.view.say(&format!("error: no part of {missing} came"));
    }
    let head = Head { dirty: revisions.head.dirty || merged.is_dirty, ..revisions.head.clone() };
    let report = whole(merged, &plan, &config.root, RunContext { head, base: revisions.base() });
    let redactor = session.redactor(&config);
    let conclusion =
        Conclusion { config: &config, situation: &situation, plan: &plan, revisions, evidence, redactor: &redactor };
    announce::begin(session, "Report");
    run.conclude(conclusion, report).await
}

fn merge(mut merge: Merge, places: &[std::path::PathBuf]) -> Result<Merged> {
    for file in parts::find(places)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match parts::read(&file) {
            Ok(part) => merge.add(&name, part),
            Err(error) => merge.fault(&name, &format!("{error:#}")),
        }
    }
    merge.finish().map_err(|faults| anyhow!(faults.join("\n")).context(Exit::not_measured("put the parts together")))
}

/// The report of the whole run. A cell of which nothing came is one that failed, so that nobody overlooks it.
fn whole(merged: Merged, plan: &Plan<'_>, root: &std::path::Path, context: RunContext) -> Report {
    let lost = |cell: &&crate::plan::Cell<'_>| merged.missing.contains(&cell.id);
    let reason = "no part of it came: its job failed early or what it left was lost; run that job again";
    let not_built = |cell| measure::not_built(cell, root, Outcome::Failed, Some(reason.to_owned()));
    let mut cells: Vec<CellReport> = plan.cells.iter().filter(lost).map(not_built).collect();
    cells.extend(merged.cells);
    cells.sort_by(|a, b| a.id.cmp(&b.id));
    let weighbridge_version = env!("CARGO_PKG_VERSION").to_owned();
    let environment = Environment { weighbridge_version, ..merged.environment };
    Report { context, environment, cells, indexes: BTreeMap::new(), verdict: Verdict::Unknown, leg: None }
}

/// Nothing is built here, so no builder is made ready: `imagetools` goes to the registry by itself.
fn nothing_to_build() -> Prepared {
    Prepared {
        retried: Vec::new(),
        facts: BuilderFacts::default(),
        buildx_version: String::new(),
        docker_version: None,
        replaced: None,
        is_created: false,
    }
}
