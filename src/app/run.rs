//! `weighbridge run`: the whole line.

use std::collections::BTreeMap;

use anyhow::Result;

use super::announce;
use super::base::BaseReport;
use super::cells::Building;
use super::comment::{given_name, run_key};
use super::compare::show;
use super::evidence;
use super::lookup::{Given, Revisions};
use super::nodes::{self, Nodes};
use super::retry::{MAX_ERROR, Retries};
use super::scans;
use super::session::Session;
use super::setup::Setup;
use super::silence::leave_out_silent_servers;
use super::situation::situation;
use super::view::View;
use crate::buildx::Prepared;
use crate::buildx::memory::Memory;
use crate::buildx::text::one_line;
use crate::ci::About;
use crate::cli::RunArgs;
use crate::compare::{Comparison, budget, compare_with, ledger, miss, verdict};
use crate::config::{self, Config, Selection};
use crate::error;
use crate::measure::scan::choose;
use crate::plan::cache::Situation;
use crate::plan::redact::Redactor;
use crate::plan::{Delivery, Machine, Plan, plan};
use crate::publish::{OutputDirectory, terminal};
use crate::render;
use crate::report::{CellReport, Environment, Outcome, Report, RunContext, Verdict, v1};

/// What stays the same during a run.
pub(super) struct Run<'r> {
    pub(super) session: &'r Session,
    pub(super) args: &'r RunArgs,
    pub(super) output: OutputDirectory,
    pub(super) view: View,
    pub(super) prepared: Prepared,
    pub(super) nodes: Nodes,
    /// The cells that were asked for.
    pub(super) selection: Selection,
    /// Whether the cells were built by other processes, which are not to be believed.
    pub(super) is_of_parts: bool,
    /// The key of its report, by which comments, artifacts and baselines are found again.
    pub(super) report_key: String,
}

pub(super) async fn run(session: &Session, args: &RunArgs) -> Result<u8> {
    let Setup { view, given, output, config } = Setup::new(session).await?;
    config::check_secrets(&config, &session.env)?;
    let delivery = args.delivery();
    let memory = Memory::new(&output.path, &session.env, session.builder());
    let (nodes, prepared) = nodes::prepare(session, &config, &delivery, &memory, &output.path).await?;
    let situation = situation(session, given.git.as_ref().ok(), Some(&prepared), &config).await;
    let report_key = run_key(session, args, &config, &situation.project);
    let run = Run {
        session,
        args,
        output,
        view,
        prepared,
        nodes,
        selection: config.selection.clone(),
        is_of_parts: false,
        report_key,
    };
    run.say_builder();
    let ended = weigh(&run, &config, &delivery, given, &situation, &memory).await;
    run.nodes.dismiss(&session.docker, &run.view).await;
    ended
}

/// From the plan to what is published.
async fn weigh(
    run: &Run<'_>,
    config: &Config,
    delivery: &Delivery,
    given: Given,
    situation: &Situation,
    memory: &Memory,
) -> Result<u8> {
    let session = run.session;
    let redactor = session.redactor(config);
    announce::builds_begin(session, &redactor, &run.prepared);
    let mut plan = plan(config, &run.machine(), delivery, situation, &run.output.path)?;
    let asking = leave_out_silent_servers(&mut plan, &run.prepared.facts.driver, &session.env);
    // A signal ends the wait; what is left to do then sees it.
    session.cancel.run_until_cancelled(asking).await;
    let scans = scans::given(&run.args.building.scan, &plan, &session.env.directory, &redactor)?;
    let building = Building { scans, ..run.building(config, delivery, &redactor) };
    let build = async { Ok(building.build_all(&session.docker, &plan).await) };
    let look = evidence::look(session, given, config, situation, &run.report_key, &run.output.path);
    let (mut cells, (revisions, evidence)) = tokio::try_join!(build, look)?;
    run.tell_builder(&mut cells);

    if cells.iter().any(|cell| cell.outcome != Outcome::Built) {
        memory.forget();
    }
    let report = run.report(RunContext { head: revisions.head.clone(), base: revisions.base() }, cells);
    let conclusion = Conclusion { config, situation, plan: &plan, revisions, evidence, redactor: &redactor };
    run.conclude(conclusion, report).await
}

/// What a run is concluded with, once its cells are built.
pub(super) struct Conclusion<'c> {
    pub(super) config: &'c Config,
    pub(super) situation: &'c Situation,
    pub(super) plan: &'c Plan<'c>,
    pub(super) revisions: Revisions,
    pub(super) evidence: BTreeMap<String, miss::Evidence>,
    pub(super) redactor: &'c Redactor,
}

/// Holds the budgets against the report, with what the change request is allowed.
fn judge(report: &mut Report, config: &Config, base: Option<&Report>, lost: Option<&str>, about: &About) {
    budget::apply(report, &config.images, base);
    if let Some(reason) = lost {
        budget::baseline_lost(report, reason);
    }
    if about.has_label(&config.review.override_label) {
        budget::allow(report, &config.review.override_label);
    }
}

impl Run<'_> {
    /// Joins, compares, judges, shows, keeps and publishes what was built, and returns the exit code of all.
    pub(super) async fn conclude(&self, conclusion: Conclusion<'_>, mut report: Report) -> Result<u8> {
        let Conclusion { config, situation, plan, revisions, evidence, redactor } = conclusion;
        let written = self.output.write_report(&v1::to_json(&report));
        self.push_indexes(plan, &mut report, redactor).await;
        let BaseReport { report: base, baseline, lost } = self.base(&revisions, &mut report).await;
        ledger::carry_durations(&mut report, base.as_ref());
        miss::explain(&mut report, base.as_ref(), &evidence);
        judge(&mut report, config, base.as_ref(), lost.as_deref(), &situation.context.about);
        let name = given_name(self.args, config).map(str::to_owned);
        let comparison = Comparison { baseline, name, ..compare_with(config.review.noise, base.as_ref(), &report) };
        let markdown = render::markdown::render(&comparison);
        let written = written.and_then(|()| self.output.write(&v1::to_json(&report), &markdown));
        // A full disk must not swallow what the builds have cost; it still decides the exit code.
        announce::builds_end(self.session);
        terminal::out(&show(self.session, &comparison));
        self.announce(config, &situation.project, plan, &comparison, redactor);
        written?;
        self.keep(&report, config, situation, revisions.git.as_ref().ok()).await;
        self.leave_artifact(config, &v1::to_json(&report)).await;
        let commented = self.comment(config, &comparison, &markdown).await;
        // What the builds say weighs more than what became of the comment.
        Ok(Some(verdict::exit_code(&report)).filter(|code| *code != error::OK).unwrap_or(commented))
    }

    pub(super) fn say_builder(&self) {
        for (cause, error) in &self.prepared.retried {
            self.view.say(&format!("{} and was asked again ({})", cause.phrase(), one_line(error, MAX_ERROR)));
        }
        self.nodes.say_lost(&self.view);
        if let Some(reason) = &self.prepared.replaced {
            self.view.say(&format!("{reason}; using builder {} instead", self.prepared.facts.name));
        }
    }

    /// What every cell of a run is told whose builder did not answer at once.
    fn tell_builder(&self, cells: &mut [CellReport]) {
        let mut retries = Retries::default();
        self.prepared.retried.iter().for_each(|(cause, error)| retries.add(*cause, error));
        let finding = retries.finding("asked the builder");
        cells.iter_mut().for_each(|cell| cell.findings.extend(finding.clone()));
    }

    /// What can be built.
    pub(super) fn machine(&self) -> Machine {
        self.nodes.machine(&self.prepared)
    }

    /// The builder to name on the command line: none when the current one is used, as a person would.
    pub(super) fn builder_name(&self) -> Option<&str> {
        let replaced = self.prepared.replaced.as_ref().map(|_| self.prepared.facts.name.as_str());
        replaced.or_else(|| self.session.builder())
    }

    /// How cells are built, of the head and of the base alike.
    pub(super) fn building<'b>(
        &'b self,
        config: &'b Config,
        delivery: &'b Delivery,
        redactor: &'b Redactor,
    ) -> Building<'b> {
        Building {
            root: &config.root,
            builder_name: self.builder_name(),
            nodes: &self.nodes,
            delivery,
            jobs: self.session.jobs(),
            timeout: self.args.building.timeout,
            retries: self.args.building.retries,
            fail_fast: self.args.building.fail_fast,
            keep_layouts: self.args.building.keep_layouts,
            scans: BTreeMap::new(),
            scanner: choose(config.review.scan, self.session.env.get("PATH"), &self.session.env.directory),
            env: &self.session.env,
            redactor,
            view: &self.view,
            cancel: &self.session.cancel,
        }
    }

    /// The report before it is compared: nothing is decided yet.
    pub(super) fn report(&self, context: RunContext, cells: Vec<CellReport>) -> Report {
        let facts = &self.prepared.facts;
        let environment = Environment {
            weighbridge_version: env!("CARGO_PKG_VERSION").to_owned(),
            buildx_version: self.prepared.buildx_version.split_whitespace().nth(1).map(str::to_owned),
            buildkit_version: facts.buildkit_version().map(str::to_owned),
            docker_version: self.prepared.docker_version.clone(),
            builder: Some(facts.name.clone()),
            driver: Some(facts.driver.clone()),
            runner_class: Some(self.session.env.runner_class()),
        };
        Report { context, environment, cells, indexes: BTreeMap::new(), verdict: Verdict::Unknown, leg: None }
    }
}
