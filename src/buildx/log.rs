//! The full log of one build as text, for people to open after a failure.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

use super::progress::Event;
use crate::escape;
use crate::fs;
use crate::plan::redact::Redactor;
use crate::units::show_duration;

/// More than any log that somebody reads; a build that writes without end must not fill the disk.
const LOG_LIMIT_BYTES: usize = 256 << 20;

/// A log being written. The first error is kept until the end, as a log is no reason to stop a build.
pub(super) struct BuildLog<'r> {
    file: BufWriter<File>,
    redactor: &'r Redactor,
    written_bytes: usize,
    error: Option<std::io::Error>,
}

impl<'r> BuildLog<'r> {
    pub(super) fn create(path: &Path, redactor: &'r Redactor) -> Result<Self> {
        let file = BufWriter::new(fs::create(path)?);
        Ok(Self { file, redactor, written_bytes: 0, error: None })
    }

    pub(super) fn record(&mut self, event: Event<'_>) {
        match event {
            Event::Started { name } => self.line(&format!("=> {name}")),
            Event::Finished { name, error: Some(error), .. } => self.line(&format!("!! {name}: {error}")),
            Event::Finished { name, cached: true, .. } => self.line(&format!("<= {name}: cached")),
            Event::Finished { name, duration, .. } => self.line(&format!("<= {name}: {}", show_duration(duration))),
            Event::Log { line, .. } => self.line(&format!("   {line}")),
            Event::Progress { .. } => {}
        }
    }

    pub(super) fn finish(mut self) -> Result<()> {
        let flushed = self.file.flush();
        self.error.map_or(flushed, Err).context("write the build's log")
    }

    fn line(&mut self, line: &str) {
        if self.error.is_some() || self.written_bytes > LOG_LIMIT_BYTES {
            return;
        }
        let line = escape::block(&self.redactor.apply(line));
        self.written_bytes += line.len() + 1;
        self.error = writeln!(self.file, "{line}").err();
    }
}
