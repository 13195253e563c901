//! What is shown while builds run: on a terminal one live line per cell, elsewhere one line per finished step.
//! Everything goes to standard error, so that standard output holds the result alone.

use std::path::Path;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::session::Session;
use crate::buildx::names::VertexKind;
use crate::buildx::progress::Event;
use crate::escape;
use crate::plan::redact::Redactor;
use crate::plan::{Cell, Support};
use crate::publish::terminal;
use crate::report::{CellReport, Outcome};
use crate::units::{Bytes, show_duration};

/// A line of the view; logs hold lines of any length.
const LINE_CHARS: usize = 200;

/// The view of a run.
pub(super) enum View {
    /// Nothing but failures.
    Quiet,
    /// One line per finished step; with the steps' logs when verbose.
    Lines {
        /// Whether logs are shown.
        logs: bool,
    },
    /// One live line per cell.
    Live(MultiProgress),
}

/// The view of one cell.
pub(super) struct CellView<'v> {
    view: &'v View,
    redactor: &'v Redactor,
    name: String,
    bar: Option<ProgressBar>,
    cached: u32,
}

impl View {
    pub(super) fn new(session: &Session) -> Self {
        // Whoever has GitHub repeat a job for debugging wants to see everything.
        let is_debug = session.env.get("RUNNER_DEBUG") == Some("1");
        match session.common.verbose.max(u8::from(is_debug)) {
            _ if session.common.quiet => Self::Quiet,
            0 if session.env.stderr_is_terminal && !session.env.is_ci() => Self::Live(MultiProgress::new()),
            verbose => Self::Lines { logs: verbose > 0 },
        }
    }

    /// Says a line about the whole run.
    pub(super) fn say(&self, line: &str) {
        let line = escape::block(line);
        match self {
            Self::Quiet => {}
            Self::Lines { .. } => terminal::say(&line),
            Self::Live(bars) => bars.suspend(|| terminal::say(&line)),
        }
    }

    /// Opens the view of a cell that starts now.
    pub(super) fn cell<'v>(&'v self, cell: &Cell<'_>, redactor: &'v Redactor) -> CellView<'v> {
        let emulated = if cell.support == Support::Emulated { " (emulated)" } else { "" };
        let name = format!("{}{emulated}", cell.id);
        let bar = match self {
            Self::Live(bars) => Some(live_line(bars, &name)),
            Self::Quiet | Self::Lines { .. } => None,
        };
        CellView { view: self, redactor, name, bar, cached: 0 }
    }
}

fn live_line(bars: &MultiProgress, name: &str) -> ProgressBar {
    const TICK: Duration = Duration::from_millis(120);
    // The template is a constant; should it ever be wrong, the default style still shows the message.
    let style = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = bars.add(ProgressBar::new_spinner().with_style(style).with_prefix(name.to_owned()));
    bar.enable_steady_tick(TICK);
    bar
}

impl CellView<'_> {
    /// Shows what happened in the build. Only steps of the Dockerfile are worth a line; the rest is housekeeping.
    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started { name } => {
                if let Some(bar) = &self.bar {
                    let cached = if self.cached > 0 { format!("{} cached · ", self.cached) } else { String::new() };
                    bar.set_message(format!("{cached}{}", self.clean(name)));
                }
            }
            Event::Finished { name, cached, duration, .. } if is_step(name) => {
                self.cached += u32::from(cached);
                let took = if cached { "cached".to_owned() } else { show_duration(duration) };
                self.line(&format!("{} {took}", self.clean(name)));
            }
            Event::Log { line, .. } if matches!(self.view, View::Lines { logs: true }) => {
                self.line(&self.clean(line));
            }
            Event::Finished { .. } | Event::Progress { .. } | Event::Log { .. } => {}
        }
    }

    /// Shows what became of the cell, and of a failed one where its full log is.
    pub(super) fn finish(self, report: &CellReport, log: &Path) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let full_log = match report.outcome {
            Outcome::Failed | Outcome::TimedOut => format!(" (full log: {})", log.display()),
            Outcome::Built | Outcome::Cancelled => String::new(),
        };
        let line = format!("{}: {}{full_log}", self.name, summary(report));
        match self.view {
            View::Quiet if report.outcome == Outcome::Built => {}
            View::Quiet => terminal::say(&line),
            View::Lines { .. } | View::Live(_) => self.view.say(&line),
        }
    }

    fn line(&self, text: &str) {
        if let View::Lines { .. } = self.view {
            terminal::say(&format!("{} | {text}", self.name));
        }
    }

    fn clean(&self, text: &str) -> String {
        escape::terminal(&self.redactor.apply(text), LINE_CHARS)
    }
}

fn is_step(name: &str) -> bool {
    matches!(VertexKind::of(name), VertexKind::Step(_))
}

fn summary(report: &CellReport) -> String {
    let wall = report.timing.as_ref().map(|timing| {
        let (cached, total) = (timing.cached_steps, timing.total_steps);
        format!(" in {}, {cached}/{total} steps cached", show_duration(timing.wall))
    });
    let weight = report.image.as_ref().map(|image| format!(", {} compressed", Bytes(image.compressed_bytes)));
    let message =
        report.failure.as_ref().map(|failure| format!(": {}", escape::terminal(&failure.message, LINE_CHARS)));
    let outcome = match report.outcome {
        Outcome::Built => "built",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed out",
        Outcome::Cancelled => "cancelled",
    };
    [Some(outcome.to_owned()), wall, weight, message].into_iter().flatten().collect()
}
