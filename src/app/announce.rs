//! What a run tells the CI system that it runs in, beside the comment. Whatever of it cannot be told is a warning: it
//! makes no build worse.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::run::Run;
use super::session::Session;
use crate::buildx::Prepared;
use crate::buildx::metadata::read_metadata;
use crate::ci::{Context, Forge};
use crate::compare::Comparison;
use crate::config::{Config, DockerfileSource};
use crate::env::Env;
use crate::escape;
use crate::fs;
use crate::plan::Plan;
use crate::plan::redact::Redactor;
use crate::publish::actions::annotations::annotations;
use crate::publish::actions::files::{Summary, Values, add_values};
use crate::publish::job_log::{JobLog, nonce};
use crate::publish::{self, terminal};
use crate::render::outputs::{Metadata, dotenv, outputs};
use crate::render::remarks::remarks;
use crate::render::{code_quality, markdown, open_metrics};
use crate::report::Outcome;

/// The log of the job that this process is a part of.
pub(super) fn job_log(env: &Env) -> JobLog {
    let forge = Context::detect(env).forge;
    JobLog::begin(forge, maskable(env, &Redactor::of_environment(env)))
}

/// The secrets that the runner is asked to mask. It takes them from the log, so where that may be a file of the user's,
/// as in a step that is a script, they are not written at all.
fn maskable<'r>(env: &Env, redactor: &'r Redactor) -> impl Iterator<Item = &'r str> {
    let is_action = env.variables.keys().any(|name| name.starts_with("INPUT_"));
    redactor.declared().filter(move |_| is_action)
}

/// Before the builds: what must not be shown of them, and a builder that has to be removed after the job.
pub(super) fn builds_begin(session: &Session, redactor: &Redactor, prepared: &Prepared) {
    let environment = Redactor::of_environment(&session.env);
    let masked: BTreeSet<&str> = environment.declared().collect();
    session.log.mask(maskable(&session.env, redactor).filter(|secret| !masked.contains(secret)));
    if prepared.is_created
        && let Some(state) = Values::state(&session.env)
    {
        warn(
            "the builder will not be removed",
            add_values(&state, &[("builder", prepared.facts.name.clone())], &nonce()),
        );
    }
    begin(session, "Builds");
}

/// Folds what follows in the log, up to [`builds_end`].
pub(super) fn begin(session: &Session, title: &str) {
    if !session.common.quiet {
        session.log.fold(title);
    }
}

/// After the builds, before their result.
pub(super) fn builds_end(session: &Session) {
    if !session.common.quiet {
        session.log.unfold();
    }
}

impl Run<'_> {
    /// Writes the files for the CI system, and on GitHub the outputs, the summary and the annotations. `project` is the
    /// directory of the configuration inside of the repository.
    pub(super) fn announce(
        &self,
        config: &Config,
        project: &str,
        plan: &Plan<'_>,
        comparison: &Comparison<'_>,
        redactor: &Redactor,
    ) {
        let remarks = remarks(comparison, &dockerfiles(config, project, redactor));
        let report = self.output.report().display().to_string();
        let outputs = outputs(comparison, &report, self.metadata(plan, comparison, redactor));
        for (name, text) in [
            (publish::METRICS, open_metrics::render(comparison)),
            (publish::CODE_QUALITY, code_quality::render(&remarks)),
            (publish::DOTENV, dotenv(&outputs)),
        ] {
            warn(name, self.output.write_beside(name, &text));
        }
        let env = &self.session.env;
        if Context::detect(env).forge != Forge::Github {
            return;
        }
        if let Some(file) = Values::outputs(env) {
            warn("no outputs", add_values(&file, &outputs, &nonce()));
        }
        if let Some(summary) = Summary::of(env) {
            warn("no summary", summary.add(&markdown::render_within(comparison, summary.room_bytes)));
        }
        self.session.log.tell(annotations(&remarks));
    }

    /// What buildx says of the build, where the run is of one that succeeded.
    fn metadata(&self, plan: &Plan<'_>, comparison: &Comparison<'_>, redactor: &Redactor) -> Option<Metadata> {
        let ([cell], [built]) = (plan.cells.as_slice(), comparison.head.cells.as_slice()) else { return None };
        if built.outcome != Outcome::Built {
            return None;
        }
        match read_metadata(&cell.files.metadata(), redactor) {
            Ok(metadata) => Some(Metadata { digest: metadata.digest, json: metadata.json }),
            Err(error) => {
                warn("no metadata", Err(error));
                None
            }
        }
    }
}

fn warn(what: &str, result: Result<()>) {
    if let Err(error) = result {
        terminal::say(&format!("warning: {what}: {}", escape::block(&format!("{error:#}"))));
    }
}

/// The Dockerfile of each image from the root of the repository, as forges name it. One from elsewhere has no line that
/// a forge could show.
fn dockerfiles(config: &Config, project: &str, redactor: &Redactor) -> BTreeMap<String, String> {
    let absolute = |path: &Path| fs::canonical(path).unwrap_or_else(|| fs::normalize(path));
    let root = absolute(&config.root);
    let repository = root.ancestors().nth(Path::new(project).components().count()).unwrap_or(&root);
    let file = |source: &DockerfileSource| {
        let DockerfileSource::Path(path) = source else { return None };
        let path = absolute(path);
        let inside = path.strip_prefix(repository).ok()?;
        Some(redactor.apply(&inside.to_string_lossy()).into_owned())
    };
    config.images.iter().filter_map(|image| Some((image.name.clone(), file(&image.dockerfile)?))).collect()
}
