//! What a command that makes a report begins with, before anything is asked of docker.

use anyhow::Result;

use super::lookup::{self, Given};
use super::session::Session;
use super::view::View;
use crate::config::Config;
use crate::publish::OutputDirectory;

/// What is known then. Other runs are kept out of the output directory as long as it lives.
pub(super) struct Setup {
    pub(super) view: View,
    pub(super) given: Given,
    pub(super) output: OutputDirectory,
    pub(super) config: Config,
}

impl Setup {
    /// Reads what is given, and takes the output directory without the results of earlier runs.
    ///
    /// # Errors
    /// As [`lookup::given`], [`OutputDirectory::prepare`] and [`Session::config`].
    pub(super) async fn new(session: &Session) -> Result<Self> {
        Self::of(session, lookup::given(session, &session.output_directory()).await?).await
    }

    /// The same for whoever waits for nothing else: [`lookup::given_at_once`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) async fn at_once(session: &Session) -> Result<Self> {
        Self::of(session, lookup::given_at_once(session, &session.output_directory()).await?).await
    }

    /// What is given was looked at before anything is written: what is committed there could be a link to somewhere else.
    async fn of(session: &Session, given: Given) -> Result<Self> {
        let output = OutputDirectory::prepare(session.output_directory())?;
        output.clear_results()?;
        let config = session.config().await?;
        Ok(Self { view: View::new(session), given, output, config })
    }
}
