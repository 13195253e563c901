//! Builds and measures all cells of a plan, a bounded number at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::nodes::{Nodes, moved_finding};
use super::retry::{self, Retries};
use super::stall::{Stall, Stalled};
use super::view::View;
use super::without_cache::trouble;
use crate::buildx::failure::transient::{Request, Transient, transient, transient_failure};
use crate::buildx::progress::Event;
use crate::buildx::{BuildRecord, BuildRequest, Builder};
use crate::config::{BuildContext, DockerfileSource, Secret};
use crate::env::Env;
use crate::fs;
use crate::measure::scan::{Asked, scan_cell};
use crate::measure::{self, KnownLayers};
use crate::patience::Waits;
use crate::plan::redact::Redactor;
use crate::plan::{Cell, Delivery, Plan, args};
use crate::process::{Ending, EnvChange, Invocation};
use crate::report::scan::Scan;
use crate::report::{CellId, CellReport, Outcome};

/// More than any Dockerfile or `.dockerignore` that somebody wrote.
pub(super) const DOCKERFILE_LIMIT_BYTES: u64 = 4 << 20;

/// How the cells of a run are built.
pub(super) struct Building<'r> {
    /// The directory that relative paths of the configuration mean.
    pub(super) root: &'r Path,
    pub(super) builder_name: Option<&'r str>,
    pub(super) nodes: &'r Nodes,
    pub(super) delivery: &'r Delivery,
    pub(super) jobs: usize,
    pub(super) timeout: Option<Duration>,
    /// How often a cell is built again whose failure may pass by itself.
    pub(super) retries: u32,
    pub(super) fail_fast: bool,
    pub(super) keep_layouts: bool,
    /// What was said of vulnerabilities already.
    pub(super) scans: BTreeMap<CellId, Scan>,
    /// Who is asked about the others.
    pub(super) scanner: Option<Asked>,
    pub(super) env: &'r Env,
    pub(super) redactor: &'r Redactor,
    pub(super) view: &'r View,
    /// Cancelled by a signal.
    pub(super) cancel: &'r CancellationToken,
}

impl Building<'_> {
    /// Builds and measures every cell. The result is sorted by cell, whatever finished first.
    pub(super) async fn build_all(&self, builder: &impl Builder, plan: &Plan<'_>) -> Vec<CellReport> {
        let known = Arc::new(KnownLayers::default());
        let stop = self.cancel.child_token();
        // A node that is busy does not hold up the others.
        let (known, stop) = (&known, &stop);
        let queues = self.nodes.queues(&plan.cells).into_iter().map(|cells| {
            let builds = stream::iter(cells).map(move |cell| self.build_cell(builder, cell, known, stop));
            builds.buffer_unordered(self.jobs).boxed_local()
        });
        let mut reports: Vec<CellReport> = stream::select_all(queues).collect().await;
        reports.sort_by(|a, b| a.id.cmp(&b.id));
        reports
    }

    async fn build_cell(
        &self,
        builder: &impl Builder,
        cell: &Cell<'_>,
        known: &Arc<KnownLayers>,
        stop: &CancellationToken,
    ) -> CellReport {
        if stop.is_cancelled() {
            return measure::not_built(cell, self.root, Outcome::Cancelled, None);
        }
        let mut view = self.view.cell(cell, self.redactor);
        let (mut retries, mut losses) = (Retries::default(), Vec::new());
        let (cell, record) =
            self.build_somewhere(builder, cell, stop, &mut retries, &mut losses, &mut |event| view.event(event)).await;
        let cell = cell.as_ref();
        let mut report = match record {
            Ok(record) => measure::measure_cell(cell, self.root, record, known, self.redactor).await,
            Err(error) => measure::not_built(cell, self.root, Outcome::Failed, Some(format!("{error:#}"))),
        };
        report.runner_class = self.nodes.runner_class(cell);
        self.tell_node(cell, &losses, &mut report);
        self.test_and_push(builder, cell, &mut report, stop).await;
        if let Some(mut finding) = retries.finding("built") {
            finding.message = self.redactor.apply(&finding.message).into_owned();
            report.findings.push(finding);
        }
        self.scan(cell, &mut report, stop).await;
        if !self.keep_layouts
            && let Err(error) = fs::remove_dir_all(&cell.files.layout())
        {
            self.view.say(&format!("warning: {error:#}"));
        }
        if self.fail_fast && report.outcome != Outcome::Built {
            stop.cancel();
        }
        view.finish(&report, &cell.files.log());
        report
    }

    /// A node that is lost in the middle of a build, or before it, fails no cell that another node can build. Every node is
    /// lost once at most, so this ends.
    async fn build_somewhere<'c, 'a>(
        &self,
        builder: &impl Builder,
        cell: &'a Cell<'c>,
        stop: &CancellationToken,
        retries: &mut Retries,
        losses: &mut Vec<String>,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> (Cow<'a, Cell<'c>>, Result<BuildRecord>) {
        let (mut cell, mut waited) = (Cow::Borrowed(cell), Duration::ZERO);
        loop {
            if let Some(loss) = self.nodes.loss(&cell) {
                let loss = self.redactor.apply(&loss).into_owned();
                let Some(moved) = self.nodes.moved(cell.clone()) else {
                    let error = anyhow!("no other node builds {}, and {loss}", cell.id.platform);
                    return (cell, Err(error));
                };
                let node = moved.node.as_deref().unwrap_or_default();
                self.view.say(&format!("{}: {loss}; building on node {node}", cell.id));
                losses.push(loss);
                cell = moved;
            }
            let place = self.nodes.enter(&cell).await;
            if self.nodes.loss(&cell).is_some() {
                continue;
            }
            let (tried, record) = self.build_patiently(builder, cell, stop, retries, watch).await;
            drop(place);
            cell = tried;
            let record = record.map(|record| BuildRecord { wall: record.wall.saturating_add(waited), ..record });
            let failed = record.as_ref().ok().filter(|record| !stop.is_cancelled() && passing(record).is_some());
            let can_move = self.nodes.loss(&cell).is_some() && self.nodes.moved(cell.clone()).is_some();
            let (Some(record_of_failed), true) = (failed, can_move) else { return (cell, record) };
            waited = record_of_failed.wall;
        }
    }

    /// Says on which node a cell was built, and what happened on the way.
    fn tell_node(&self, cell: &Cell<'_>, losses: &[String], report: &mut CellReport) {
        if let (false, Some(node)) = (losses.is_empty(), &cell.node) {
            report.findings.push(moved_finding(losses, node));
        }
        if let (Some(failure), Some(loss)) = (&mut report.failure, self.nodes.loss(cell))
            && transient(&failure.message, Request::Any).is_some()
        {
            let explanation = format!("no other node builds {}, and {loss}", cell.id.platform);
            failure.explanation = Some(self.redactor.apply(&explanation).into_owned());
        }
    }

    /// A failure that may pass by itself is waited for and tried again, a bounded number of times.
    async fn build_patiently<'c, 'a>(
        &self,
        builder: &impl Builder,
        mut cell: Cow<'a, Cell<'c>>,
        stop: &CancellationToken,
        retries: &mut Retries,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> (Cow<'a, Cell<'c>>, Result<BuildRecord>) {
        let mut waits = Waits::from(retry::building(self.retries));
        let mut waited = Duration::ZERO;
        loop {
            let (tried, record) = self.build_in_spite_of_cache(builder, cell, stop, watch).await;
            cell = tried;
            let record = record.map(|record| BuildRecord { wall: record.wall.saturating_add(waited), ..record });
            let Some((done, (passing, error))) = record.as_ref().ok().and_then(passing) else { return (cell, record) };
            waits.worked(done.wall.saturating_sub(waited));
            let say = |wait: &str| {
                self.view.say(&format!("{}: {}; building again in {wait}", cell.id, passing.cause.phrase()));
            };
            if !stop.is_cancelled() && self.nodes.loses(builder, &cell).await {
                return (cell, record);
            }
            let Some(wait) = retry::wait(&mut waits, passing, stop, say).await else {
                if !stop.is_cancelled() {
                    self.nodes.give_up(builder, &cell).await;
                }
                return (cell, record);
            };
            retries.add(passing.cause, &error);
            // What the user waited for is all of the tries.
            waited = done.wall.saturating_add(wait);
        }
    }

    /// Adds what is known of vulnerabilities. A signal ends the wait for a scanner.
    async fn scan(&self, cell: &Cell<'_>, report: &mut CellReport, stop: &CancellationToken) {
        match (self.scans.get(&cell.id), self.scanner, &mut report.image) {
            (_, _, None) | (None, None, _) => {}
            (Some(given), _, Some(image)) => image.scan = Some(given.clone()),
            (None, Some(asked), Some(_)) => {
                stop.run_until_cancelled(scan_cell(asked, report, &cell.files, self.redactor)).await;
            }
        }
    }

    /// A cache must never fail a build that is good without it, nor keep it waiting for ever: such a build is tried
    /// again without what was wrong. Each try has fewer caches than the one before, so this ends.
    async fn build_in_spite_of_cache<'c, 'a>(
        &self,
        builder: &impl Builder,
        mut cell: Cow<'a, Cell<'c>>,
        stop: &CancellationToken,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> (Cow<'a, Cell<'c>>, Result<BuildRecord>) {
        let mut waited = Duration::ZERO;
        loop {
            let (record, stalled) = self.build_watched(builder, &cell, stop, watch).await;
            let ended = record.as_ref().ok().filter(|_| !stop.is_cancelled());
            let trouble = ended.and_then(|record| trouble(record, stalled, &cell.cache));
            let (Ok(done), Some(trouble)) = (&record, trouble.filter(|_| cell.cache.is_used())) else {
                // What the user waited for is all of the tries.
                return (cell, record.map(|record| BuildRecord { wall: record.wall.saturating_add(waited), ..record }));
            };
            self.view.say(&format!("{}: {}; building again without it", cell.id, trouble.reason(cell.cache.timeout)));
            waited = waited.saturating_add(done.wall);
            cell = Cow::Owned(Cell { cache: trouble.leave_out(&cell.cache), ..cell.into_owned() });
        }
    }

    /// One build, stopped where it only waits for a cache that does not answer.
    async fn build_watched(
        &self,
        builder: &impl Builder,
        cell: &Cell<'_>,
        stop: &CancellationToken,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> (Result<BuildRecord>, Option<Stalled>) {
        let (stall, stop) = (Stall::new(cell.cache.timeout), stop.child_token());
        let mut observe = |event: Event<'_>| {
            stall.observe(event);
            watch(event);
        };
        let build = self.build(builder, cell, &stop, &mut observe);
        tokio::pin!(build);
        if !cell.cache.is_used() {
            return (build.await, None);
        }
        tokio::select! {
            record = &mut build => (record, None),
            stalled = stall.noticed() => {
                stop.cancel();
                (build.await, Some(stalled))
            }
        }
    }

    async fn build(
        &self,
        builder: &impl Builder,
        cell: &Cell<'_>,
        stop: &CancellationToken,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<BuildRecord> {
        prepare_files(cell).with_context(|| format!("prepare the build of {}", cell.id))?;
        let request = BuildRequest {
            invocation: invocation(cell, self.nodes.builder(cell).or(self.builder_name), self.delivery, self.env)
                .directory(self.root),
            timeout: self.timeout,
            log: cell.files.log(),
            redactor: self.redactor,
            cancel: stop,
        };
        builder.build(request, watch).await
    }
}

/// Why a build that failed may succeed the next time, with the builder's error.
fn passing(record: &BuildRecord) -> Option<(&BuildRecord, (Transient, String))> {
    let has_failed = record.ending == Ending::Exited && record.exit_status.is_some_and(|status| status != 0);
    has_failed.then(|| Some((record, transient_failure(&record.trace)?))).flatten()
}

/// The exact command of a cell.
pub(super) fn invocation(cell: &Cell<'_>, builder: Option<&str>, delivery: &Delivery, env: &Env) -> Invocation {
    let invocation = docker(args::arguments(cell, builder, delivery), cell, env)
        .env("BUILDX_METADATA_WARNINGS", EnvChange::Set("1".into()))
        // The provenance is not read; asking for it costs a round trip per build.
        .env("BUILDX_METADATA_PROVENANCE", EnvChange::Set("disabled".into()));
    match cell.cache.tells_gha_version {
        true => invocation.env("ACTIONS_CACHE_SERVICE_V2", EnvChange::Set("true".into())),
        false => invocation,
    }
}

/// A command about a cell with what only its environment holds.
pub(super) fn docker(args: Vec<String>, cell: &Cell<'_>, env: &Env) -> Invocation {
    let mut invocation = Invocation::new("docker").args(args);
    for (name, value) in args::secret_variables(cell.image) {
        invocation = invocation.env(name, EnvChange::Secret(value.into()));
    }
    for name in cell.image.secrets.iter().filter_map(Secret::variable_of_an_input) {
        if let Some(value) = env.get(name) {
            invocation = invocation.env(name, EnvChange::Secret(value.into()));
        }
    }
    invocation
}

/// Empties the cell's directory: a layout or metadata file of an earlier run must never be taken for this one's.
pub(super) fn prepare_files(cell: &Cell<'_>) -> Result<()> {
    let directory: &Path = &cell.files.directory;
    fs::remove_dir_all(directory)?;
    fs::create_dir_all(directory)?;
    let Some(prepared) = cell.prepared_dockerfile() else { return Ok(()) };
    let text = match &cell.image.dockerfile {
        DockerfileSource::Inline(text) | DockerfileSource::InRemoteContext(text) => text.clone().into_bytes(),
        // As it is: BuildKit takes comments in any encoding.
        DockerfileSource::Path(path) => fs::read_limited(path, DOCKERFILE_LIMIT_BYTES)?,
    };
    fs::write_atomic(&prepared, &text)?;
    match &cell.ignore_pattern {
        Some(pattern) => write_dockerignore(cell, &prepared, pattern),
        None => Ok(()),
    }
}

/// The effective `.dockerignore` with our own directory added: the one beside the Dockerfile wins over the context's.
fn write_dockerignore(cell: &Cell<'_>, prepared: &Path, pattern: &str) -> Result<()> {
    let beside = |path: &Path| PathBuf::from(format!("{}.dockerignore", path.display()));
    let own = match &cell.image.dockerfile {
        DockerfileSource::Path(path) => Some(beside(path)),
        DockerfileSource::Inline(_) | DockerfileSource::InRemoteContext(_) => None,
    };
    let shared = match &cell.image.context {
        BuildContext::Directory(directory) => Some(directory.join(".dockerignore")),
        BuildContext::Remote(_) => None,
    };
    let effective = own.into_iter().chain(shared).find(|path| fs::is_file(path));
    let text = effective.map_or(Ok(String::new()), |path| fs::read_text(&path, DOCKERFILE_LIMIT_BYTES))?;
    fs::write_atomic(&beside(prepared), format!("{text}\n{pattern}\n").as_bytes())
}
