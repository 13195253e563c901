//! The nodes of a run: which one builds a cell, which are lost, and that nothing of them is left behind.

use std::borrow::Cow;
use std::cell::{Cell as Slot, RefCell};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::session::Session;
use super::view::View;
use crate::buildx::memory::Memory;
use crate::buildx::nodes::{Started, builder_name, remove};
use crate::buildx::text::one_line;
use crate::buildx::{Builder, Prepared};
use crate::config::{BuildNode, Config};
use crate::plan::nodes::{Node, choose};
use crate::plan::{Cell, Delivery, Machine, pushes_by_digest};
use crate::report::{Finding, Severity};

use super::retry::MAX_ERROR;

/// How long the removal of a builder may take; the cluster or engine of a lost node may not answer at all.
const REMOVING: Duration = Duration::from_secs(60);

/// The nodes of a run; none where it has one builder for all.
#[derive(Default)]
pub(super) struct Nodes {
    members: Vec<Member>,
    nodes: Vec<Node>,
    keeps: bool,
}

struct Member {
    builder: String,
    runner_class: Option<String>,
    /// Builds that run or wait here.
    load: Slot<usize>,
    /// How many may run at the same time.
    room: Semaphore,
    /// Why it is lost.
    lost: RefCell<Option<String>>,
}

/// A place on a node, until the build is over.
pub(super) struct Place<'n> {
    member: &'n Member,
    _room: SemaphorePermit<'n>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.member.load.set(self.member.load.get().saturating_sub(1));
    }
}

impl Nodes {
    /// Starts the nodes of a configuration, all at the same time.
    async fn start(session: &Session, config: &Config, output: &Path) -> Result<(Self, Prepared)> {
        let nodes = session.nodes(config);
        let started = join_all(nodes.iter().map(|node| session.docker.start(node, output))).await;
        let ours = Self::of(nodes, &started, config.builder.keep, session.jobs());
        match session.docker.prepare_nodes(nodes, &started).await {
            Ok(prepared) => Ok((ours, prepared)),
            Err(error) => {
                ours.dismiss(&session.docker, &View::new(session)).await;
                Err(error)
            }
        }
    }

    fn of(configured: &[BuildNode], started: &[Started], keeps: bool, jobs: usize) -> Self {
        let member = |(node, one): (&BuildNode, &Started)| Member {
            builder: one.builder.clone(),
            runner_class: node.runner_class.clone(),
            load: Slot::new(0),
            room: Semaphore::new(jobs),
            lost: RefCell::new(one.facts.as_ref().err().map(|error| one_line(error, MAX_ERROR))),
        };
        let node = |(node, one): (&BuildNode, &Started)| Node {
            is_lost: one.facts.is_err(),
            ..Node::new(node, one.machine())
        };
        let members = configured.iter().zip(started).map(member).collect();
        Self { members, nodes: configured.iter().zip(started).map(node).collect(), keeps }
    }

    /// What can be built with it; of one builder for all what that can.
    pub(super) fn machine(&self, prepared: &Prepared) -> Machine {
        if self.nodes.is_empty() { prepared.facts.machine() } else { Machine::of_nodes(self.nodes.clone()) }
    }

    /// Says which nodes cannot be used from the start.
    pub(super) fn say_lost(&self, view: &View) {
        for (node, member) in self.nodes.iter().zip(&self.members) {
            if let Some(reason) = &*member.lost.borrow() {
                view.say(&format!("warning: node {} cannot be used: {reason}", node.name));
            }
        }
    }

    /// The cells in queues that do not wait for each other: one for each node.
    pub(super) fn queues<'p, 'c>(&self, cells: &'p [Cell<'c>]) -> Vec<Vec<&'p Cell<'c>>> {
        let of = |node: Option<&Node>| {
            let name = node.map(|node| &node.name);
            cells.iter().filter(|cell| cell.node.as_ref() == name).collect()
        };
        self.nodes.iter().map(Some).chain([None]).map(of).collect()
    }

    /// The builder of a cell's node.
    pub(super) fn builder(&self, cell: &Cell<'_>) -> Option<&str> {
        self.member(cell).map(|member| member.builder.as_str())
    }

    /// The class of machine that a cell is built on. Each node is one of its own, unless it says otherwise.
    pub(super) fn runner_class(&self, cell: &Cell<'_>) -> Option<String> {
        let named = || cell.node.as_ref().map(|name| format!("node {name}"));
        self.member(cell)?.runner_class.clone().or_else(named)
    }

    fn member(&self, cell: &Cell<'_>) -> Option<&Member> {
        let index = self.nodes.iter().position(|node| Some(&node.name) == cell.node.as_ref())?;
        self.members.get(index)
    }

    /// Whether a node of this index is still there.
    fn is_there(&self, index: usize) -> bool {
        self.members.get(index).is_some_and(|member| member.lost.borrow().is_none())
    }

    /// The cell on the node that it was given, or on another one where that is lost; `None` when no other can build it.
    pub(super) fn moved<'c, 'a>(&self, cell: Cow<'a, Cell<'c>>) -> Option<Cow<'a, Cell<'c>>> {
        let is_there = |name: Option<&String>| {
            self.nodes.iter().position(|node| Some(&node.name) == name).is_some_and(|index| self.is_there(index))
        };
        if self.nodes.is_empty() || is_there(cell.node.as_ref()) {
            return Some(cell);
        }
        let (node, support) = self.another(&cell)?;
        Some(Cow::Owned(Cell { node: Some(node.name.clone()), support, ..cell.into_owned() }))
    }

    /// The best node for a cell that is neither lost nor its own.
    fn another(&self, cell: &Cell<'_>) -> Option<(&Node, crate::plan::Support)> {
        let index_of = |node: &Node| self.nodes.iter().position(|one| one.name == node.name);
        let may =
            |node: &Node| Some(&node.name) != cell.node.as_ref() && index_of(node).is_some_and(|at| self.is_there(at));
        let load = |index: usize| self.members.get(index).map_or(usize::MAX, |member| member.load.get());
        choose(&self.nodes, &cell.id.platform, may, load).map(|(_, node, support)| (node, support))
    }

    /// Waits for a place on the node of a cell; `None` where it has none.
    pub(super) async fn enter(&self, cell: &Cell<'_>) -> Option<Place<'_>> {
        let member = self.member(cell)?;
        member.load.set(member.load.get().saturating_add(1));
        match member.room.acquire().await {
            Ok(room) => Some(Place { member, _room: room }),
            Err(_) => None,
        }
    }

    /// Whether a cell whose build just failed has to go elsewhere: its node does not answer, and another one can build it.
    pub(super) async fn loses(&self, docker: &impl Builder, cell: &Cell<'_>) -> bool {
        let Some(member) = self.member(cell) else { return false };
        if member.lost.borrow().is_some() {
            return true;
        }
        if self.another(cell).is_none() {
            return false;
        }
        let silence = docker.silence(&member.builder).await;
        let is_silent = silence.is_some();
        if let Some(reason) = silence {
            self.lose(cell, &reason);
        }
        is_silent
    }

    /// Counts the node of a cell as lost, unless it answers.
    pub(super) async fn give_up(&self, docker: &impl Builder, cell: &Cell<'_>) {
        let Some(member) = self.member(cell) else { return };
        if let Some(reason) = docker.silence(&member.builder).await {
            self.lose(cell, &reason);
        }
    }

    fn lose(&self, cell: &Cell<'_>, reason: &str) {
        if let Some(member) = self.member(cell) {
            member.lost.borrow_mut().get_or_insert_with(|| one_line(reason, MAX_ERROR));
        }
    }

    /// Why the node of a cell is lost.
    pub(super) fn loss(&self, cell: &Cell<'_>) -> Option<String> {
        let reason = self.member(cell)?.lost.borrow().clone()?;
        Some(format!("node {} was lost: {reason}", cell.node.as_deref().unwrap_or_default()))
    }

    /// Removes the builders, whoever was stopped. One that cannot be removed is told, no more.
    pub(super) async fn dismiss(&self, docker: &impl Builder, view: &View) {
        if self.keeps {
            return;
        }
        let removals = self.members.iter().map(|member| async {
            match docker.run(&remove(&member.builder), REMOVING, &CancellationToken::new()).await {
                Ok(ran) if ran.has_succeeded() || ran.lines.iter().any(|line| line.contains("no builder")) => {}
                Ok(ran) => view.say(&format!("warning: builder {} stays: {}", member.builder, ran.lines.join("; "))),
                Err(error) => view.say(&format!("warning: builder {} stays: {error:#}", member.builder)),
            }
        });
        join_all(removals).await;
    }
}

/// The builder of a run, or its nodes.
///
/// # Errors
/// When there is none that can do the work.
pub(super) async fn prepare(
    session: &Session,
    config: &Config,
    delivery: &Delivery,
    memory: &Memory,
    output: &Path,
) -> Result<(Nodes, Prepared)> {
    if !session.nodes(config).is_empty() {
        return Nodes::start(session, config, output).await;
    }
    let prepared = session.docker.prepare(session.builder(), pushes_by_digest(config, delivery), memory).await?;
    Ok((Nodes::default(), prepared))
}

/// What the reader should know of a cell that was built elsewhere than planned.
pub(super) fn moved_finding(losses: &[String], node: &str) -> Finding {
    Finding {
        rule: Finding::NODE_LOST.to_owned(),
        severity: Severity::Warning,
        message: format!("built on node {node}, as {}", losses.join(" and ")),
        dockerfile_line: None,
        url: None,
    }
}

/// The nodes as far as they are known without asking: as they are configured.
pub(super) fn assumed(session: &Session, config: &Config) -> Machine {
    match session.nodes(config) {
        [] => Machine::assumed(),
        nodes => Machine::of_nodes(nodes.iter().map(|node| Node::new(node, None)).collect()),
    }
}

/// The builder of a cell whose node was not started.
pub(super) fn planned_builder(session: &Session, config: &Config, cell: &Cell<'_>) -> Option<String> {
    let node = session.nodes(config).iter().find(|node| Some(&node.name) == cell.node.as_ref());
    let of_node = node.map(|node| builder_name(node, &session.output_directory()));
    of_node.or_else(|| session.builder().map(str::to_owned))
}
