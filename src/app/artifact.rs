//! The report as an artifact of the workflow's run: the baseline of later runs, and what the comment on a fork's pull
//! request is made of. It never costs the run anything.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::timeout;

use super::run::Run;
use crate::config::Config;
use crate::forge::artifact;
use crate::forge::results::ResultsService;

/// For all attempts together, each of which may take some time by itself: the job waits for this.
const TIMEOUT: Duration = Duration::from_secs(60);

impl Run<'_> {
    /// Leaves the report where the job has the means to.
    pub(super) async fn leave_artifact(&self, config: &Config, json: &str) {
        let Some(name) = config.baselines.artifact.as_ref().filter(|_| !self.args.publishing.no_artifact) else {
            return;
        };
        let name = artifact::name_of(name, &self.report_key);
        let left = self.session.cancel.run_until_cancelled(self.upload(&name, json)).await;
        match left {
            None | Some(Ok(false)) => {}
            Some(Ok(true)) => self.view.say(&format!("report left as artifact {name}")),
            Some(Err(error)) => self.view.say(&format!("report not left as artifact {name}: {error:#}")),
        }
    }

    /// Whether there was a service to leave it with.
    async fn upload(&self, name: &str, json: &str) -> Result<bool> {
        let Some(service) = ResultsService::of(&self.session.env)? else { return Ok(false) };
        let packed = artifact::pack(json)?;
        let uploaded = timeout(TIMEOUT, service.upload(name, &packed)).await;
        uploaded.map_err(|_| anyhow!("no answer within {} s", TIMEOUT.as_secs()))??;
        Ok(true)
    }
}
