//! What every command starts from: the options, the environment, docker, and the configuration on demand.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use crate::buildx::docker::Docker;
use crate::cli::{Cli, ColorChoice, Common};
use crate::config::{self, BakePrinter, BuildNode, Config, Inputs, Request, Selection, Survey};
use crate::env::Env;
use crate::fs;
use crate::plan::redact::Redactor;
use crate::publish::job_log::JobLog;
use crate::render::text::Color;

/// One invocation of weighbridge.
pub(super) struct Session {
    pub(super) common: Common,
    pub(super) env: Env,
    pub(super) docker: Docker,
    pub(super) log: JobLog,
    /// The builder that the configuration names, once that was read.
    configured_builder: OnceLock<Option<String>>,
    /// Stops everything that docker does for us.
    pub(super) cancel: CancellationToken,
}

impl Session {
    pub(super) fn new(cli: &Cli, env: &Env, log: &JobLog) -> Result<Self> {
        let cancel = CancellationToken::new();
        let docker = Docker::new(env, cancel.clone())?;
        Ok(Self {
            common: cli.common.clone(),
            env: env.clone(),
            docker,
            log: log.clone(),
            configured_builder: OnceLock::new(),
            cancel,
        })
    }

    /// The configuration of the head.
    pub(super) async fn config(&self) -> Result<Config> {
        let file = self.config_file().map(|file| self.env.directory.join(file));
        let (directory, selection, inputs) = (self.env.directory.clone(), self.selection(), Inputs::read(&self.env));
        let request = Request { directory, file, selection, inputs, ..Request::default() };
        let config = self.resolve(request, self.env.clone()).await?;
        self.configured_builder.get_or_init(|| config.builder.name.clone());
        Ok(config)
    }

    /// The whole configuration of the base, whose files stand below `base_root` as those of the head below `head_root`.
    /// It is not asked for the chosen images alone, because it need not have them.
    pub(super) async fn config_of_base(&self, head_root: &Path, base_root: &Path) -> Result<Config> {
        let rebase = |path: &Path| -> Result<PathBuf> {
            let path = fs::canonical(path).unwrap_or_else(|| fs::normalize(path));
            let inside = path.strip_prefix(head_root);
            let outside = || format!("{} lies outside of the repository, so the base has none like it", path.display());
            Ok(base_root.join(inside.with_context(outside)?))
        };
        let file = self.config_file().map(|file| rebase(&self.env.directory.join(file))).transpose()?;
        // The folder of a checkout must not give an image its name: the base's folder is called otherwise.
        let name = self.env.directory.file_name().map(|name| name.to_string_lossy().into_owned());
        let request = Request {
            directory: rebase(&self.env.directory)?,
            file,
            root_name: name,
            selection: Selection::default(),
            inputs: Inputs::read(&self.env).moved(head_root, base_root),
            inputs_for: self.selection().or(Selection::from_env(&self.env)?).images,
        };
        let mut env = self.env.clone();
        env.variables.retain(|name, _| !Selection::VARIABLES.contains(&name.as_str()));
        self.resolve(request, env).await
    }

    /// The cells that the command line asks for.
    pub(super) fn selection(&self) -> Selection {
        Selection { images: self.common.image.clone(), platforms: self.common.platform.clone() }
    }

    /// The configuration file that the user named.
    pub(super) fn config_file(&self) -> Option<PathBuf> {
        self.common.config.clone().or_else(|| self.env.get("WEIGHBRIDGE_CONFIG").map(PathBuf::from))
    }

    /// Reading the configuration may ask `docker buildx bake`, which blocks.
    async fn resolve(&self, request: Request, env: Env) -> Result<Config> {
        let printer = BlockingBake { docker: self.docker.clone(), runtime: tokio::runtime::Handle::current() };
        tokio::task::spawn_blocking(move || config::resolve(&request, &env, &printer))
            .await
            .context("read the configuration")?
    }

    /// What there is to build in a directory, without a configuration.
    pub(super) async fn survey(&self, root: &Path) -> Result<Survey> {
        let printer = BlockingBake { docker: self.docker.clone(), runtime: tokio::runtime::Handle::current() };
        let root = root.to_owned();
        tokio::task::spawn_blocking(move || config::survey(root, &printer)).await.context("look for images")?
    }

    /// What must not be shown of a run with this configuration.
    pub(super) fn redactor(&self, config: &Config) -> Redactor {
        const SECRET_LIMIT_BYTES: u64 = 64 << 10;
        Redactor::new(config, &self.env, |file| fs::read_text(file, SECRET_LIMIT_BYTES).ok())
    }

    /// The builder that the user named: by option, by variable, or in the configuration.
    pub(super) fn builder(&self) -> Option<&str> {
        self.named_builder().or_else(|| self.configured_builder.get()?.as_deref())
    }

    fn named_builder(&self) -> Option<&str> {
        self.common.builder.as_deref().or_else(|| self.env.get("BUILDX_BUILDER"))
    }

    /// The nodes that cells are spread over; none where the user named a builder instead.
    pub(super) fn nodes<'c>(&self, config: &'c Config) -> &'c [BuildNode] {
        if self.named_builder().is_some() { &[] } else { &config.builder.nodes }
    }

    pub(super) fn output_directory(&self) -> PathBuf {
        let path = self.env.directory.join(&self.common.output_dir);
        fs::canonical(&path).unwrap_or_else(|| fs::normalize(&path))
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
