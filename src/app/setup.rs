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
        let view = View::new(session);
        // Looked at before anything is written: what is committed there could be a link to somewhere else.
        let given = lookup::given(session, &session.output_directory()).await?;
        let output = OutputDirectory::prepare(session.output_directory())?;
        output.clear_results()?;
        let config = session.config().await?;
        Ok(Self { view, given, output, config })
    }
}
