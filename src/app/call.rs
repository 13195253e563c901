//! The input `call`: the frontend is asked about the Dockerfile, as in `docker buildx build --call check`, and nothing is
//! built, so there is nothing to weigh. The answer goes to standard output and the exit code says whether it is good.

use anyhow::{Context, Result};

use super::cells::{docker, prepare_files};
use super::dry_run::assumed;
use super::session::Session;
use crate::cli::RunArgs;
use crate::config::{Inputs, check_secrets};
use crate::error::{self, Exit};
use crate::escape;
use crate::plan::{Delivery, Machine, args, plan};
use crate::process;
use crate::publish::{OutputDirectory, terminal};

/// What is to be asked instead of a build.
pub(super) fn asked(session: &Session) -> Option<String> {
    Inputs::read(&session.env).call().map(str::to_owned)
}

/// Asks about the image. Its first platform speaks for all: the instructions are the same.
pub(super) async fn call(session: &Session, options: &RunArgs, method: &str) -> Result<u8> {
    let config = session.config().await?;
    let situation = assumed(session, &config).await;
    let output = session.output_directory();
    let plan = plan(&config, &Machine::assumed(), &Delivery::default(), &situation, &output)?;
    let Some(cell) = plan.cells.first() else { return Ok(error::OK) };
    let redactor = session.redactor(&config);
    let show = |text: &str| escape::block(&redactor.apply(text));
    let question = args::question(cell, session.builder(), method);
    let question = docker(question, cell, &session.env).directory(&config.root);
    if options.dry_run {
        terminal::out(&format!("{}\n", show(&question.to_string())));
        return Ok(error::OK);
    }
    check_secrets(&config, &session.env)?;
    // Held to the end: its lock keeps other runs out.
    let _output = OutputDirectory::prepare(output)?;
    prepare_files(cell)?;
    let on_line = |line: &[u8]| terminal::say(&show(&String::from_utf8_lossy(line)));
    let answer = process::stream(&question, on_line, &session.cancel, options.building.timeout).await;
    let answer = answer.context(Exit::build_failed("start docker buildx"))?;
    terminal::out(&show(&String::from_utf8_lossy(&answer.stdout)));
    Ok(if answer.status.success() { error::OK } else { error::BUILD_FAILED })
}
