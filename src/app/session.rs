//! What every command starts from: the options, the environment, docker, and the configuration on demand.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use crate::buildx::docker::Docker;
use crate::cli::{Cli, ColorChoice, Common};
use crate::config::{self, BakePrinter, Config, Request, Selection};
use crate::env::Env;
use crate::render::text::Color;

/// One invocation of weighbridge.
pub(super) struct Session {
    pub(super) common: Common,
    pub(super) env: Env,
    pub(super) docker: Docker,
    /// Stops everything that docker does for us.
    pub(super) cancel: CancellationToken,
}

impl Session {
    pub(super) fn new(cli: &Cli, env: &Env) -> Result<Self> {
        let cancel = CancellationToken::new();
        let docker = Docker::new(env, cancel.clone())?;
        Ok(Self { common: cli.common.clone(), env: env.clone(), docker, cancel })
    }

    /// The configuration of the repository in `directory`. Reading it may ask `docker buildx bake`, which blocks.
    pub(super) async fn config(&self, directory: &Path) -> Result<Config> {
        let request = Request {
            directory: directory.to_owned(),
            file: self.common.config.as_ref().map(|file| directory.join(file)),
            root_name: None,
            selection: Selection { images: self.common.image.clone(), platforms: self.common.platform.clone() },
        };
        let printer = BlockingBake { docker: self.docker.clone(), runtime: tokio::runtime::Handle::current() };
        let env = self.env.clone();
        tokio::task::spawn_blocking(move || config::resolve(&request, &env, &printer))
            .await
            .context("read the configuration")?
    }

    /// The builder that the user named.
    pub(super) fn builder(&self) -> Option<&str> {
        self.common.builder.as_deref().or_else(|| self.env.get("BUILDX_BUILDER"))
    }

    pub(super) fn output_directory(&self) -> PathBuf {
        self.env.directory.join(&self.common.output_dir)
    }

    /// How many cells are built at the same time: one per processor, and at least two, because a build waits for
    /// the network as often as for a processor.
    pub(super) fn jobs(&self) -> usize {
        self.common.jobs.map_or_else(|| self.env.parallelism.clamp(2, 16), usize::from)
    }

    pub(super) fn color(&self) -> Color {
        match self.common.color {
            ColorChoice::Always => Color::Always,
            ColorChoice::Auto if self.env.stdout_is_terminal && self.env.get("NO_COLOR").is_none() => Color::Always,
            ColorChoice::Auto | ColorChoice::Never => Color::Never,
        }
    }
}

/// Lets the configuration, which is plain code on a blocking thread, ask docker.
struct BlockingBake {
    docker: Docker,
    runtime: tokio::runtime::Handle,
}

impl BakePrinter for BlockingBake {
    fn print(&self, files: &[PathBuf], targets: &[String], directory: &Path) -> Result<Vec<u8>> {
        self.runtime.block_on(self.docker.print_bake(files, targets, directory))
    }
}
