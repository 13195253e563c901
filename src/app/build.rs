//! `weighbridge build`: some cells of a run, on one of several runners. What becomes of them is left as parts, which
//! `weighbridge report` puts together; nothing is compared here, and no tag moves.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};

use super::announce;
use super::cells::Building;
use super::comment::run_key;
use super::dry_run::assumed;
use super::leg::leg;
use super::nodes;
use super::parts;
use super::run::Run;
use super::scans;
use super::session::Session;
use super::setup::Setup;
use super::silence::leave_out_silent_servers;
use super::situation::situation;
use crate::buildx::memory::Memory;
use crate::cli::BuildArgs;
use crate::compare::verdict;
use crate::config::{self, Config};
use crate::error::Exit;
use crate::plan::cache::Situation;
use crate::plan::{Delivery, Machine, plan, plan_some};
use crate::publish::terminal;
use crate::report::{CellId, CellReport, Outcome, RunContext};

pub(super) async fn build(session: &Session, args: &BuildArgs) -> Result<u8> {
    let Setup { view, mut given, output, config } = Setup::new(session).await?;
    config::check_secrets(&config, &session.env)?;
    let (delivery, options) = (args.delivery(), args.as_run());
    let wanted = wanted(args, &all_cells(session, &config, &assumed(session, &config).await)?)?;
    let head = given.head(session, &output.path).await?;
    let git = given.git.as_ref().ok();
    let leg = leg(session, &config, &head, delivery.push)?;
    let memory = Memory::new(&output.path, &session.env, session.builder());
    let (nodes, prepared) = nodes::prepare(session, &config, &delivery, &memory, &output.path).await?;
    let situation = situation(session, git, Some(&prepared), &config).await;
    let report_key = run_key(session, &options, &config, &situation.project);
    let selection = config.selection.clone();
    let run = Run { session, args: &options, output, view, prepared, nodes, selection, is_of_parts: false, report_key };
    run.say_builder();
    let cells = build_cells(&run, &config, &delivery, &situation, &wanted).await;
    run.nodes.dismiss(&session.docker, &run.view).await;
    let cells = cells?;
    if cells.iter().any(|cell| cell.outcome != Outcome::Built) {
        memory.forget();
    }
    let mut report = run.report(RunContext { head, base: None }, cells);
    report.verdict = verdict::overall(&report);
    let code = verdict::exit_code(&report);
    let files = parts::write(&run.output.path, report, &leg)?;
    announce::builds_end(session);
    files.iter().for_each(|file| terminal::out(&format!("{}\n", file.display())));
    Ok(code)
}

async fn build_cells(
    run: &Run<'_>,
    config: &Config,
    delivery: &Delivery,
    situation: &Situation,
    wanted: &BTreeSet<CellId>,
) -> Result<Vec<CellReport>> {
    let redactor = run.session.redactor(config);
    announce::builds_begin(run.session, &redactor, &run.prepared);
    let (machine, output) = (run.machine(), &run.output.path);
    let mut plan = plan_some(config, &machine, delivery, situation, output, &|cell| wanted.contains(cell))?;
    if plan.cells.len() < wanted.len() {
        bail!(Exit::usage("an image without platforms is built for those of the runner; name its platforms"));
    }
    let asking = leave_out_silent_servers(&mut plan, &run.prepared.facts.driver, &run.session.env);
    // A signal ends the wait; what is left to do then sees it.
    run.session.cancel.run_until_cancelled(asking).await;
    let scans = scans::given(&run.args.building.scan, &plan, &run.session.env.directory, &redactor)?;
    let building = Building { scans, ..run.building(config, delivery, &redactor) };
    Ok(building.build_all(&run.session.docker, &plan).await)
}

/// All cells of a configuration, sorted.
pub(super) fn all_cells(session: &Session, config: &Config, situation: &Situation) -> Result<Vec<CellId>> {
    let delivery = Delivery::default();
    let plan = plan(config, &Machine::assumed(), &delivery, situation, &session.output_directory())?;
    let mut cells: Vec<CellId> = plan.cells.into_iter().map(|cell| cell.id).collect();
    cells.sort();
    Ok(cells)
}

/// The cells that are asked for.
fn wanted(args: &BuildArgs, all: &[CellId]) -> Result<BTreeSet<CellId>> {
    let Some(shard) = args.shard else {
        let unknown = args.cell.iter().find(|cell| !all.contains(cell));
        return match unknown {
            Some(cell) => {
                let image = all.iter().any(|known| known.image == cell.image);
                let what = if image { "the image is not built for that platform" } else { "no image of that name" };
                Err(anyhow!("no cell {cell}: {what}").context(Exit::usage("choose the cells")))
            }
            None => Ok(args.cell.iter().cloned().collect()),
        };
    };
    let cells = shard.of(all);
    if cells.is_empty() {
        bail!(Exit::usage(format!(
            "shard {} of {} is empty: there are {} cells",
            shard.number,
            shard.count,
            all.len()
        )));
    }
    Ok(cells.into_iter().collect())
}
