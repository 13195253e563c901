//! The driver: one straight line per command.

mod announce;
mod artifact;
mod base;
mod build;
mod call;
mod cells;
mod changed;
mod comment;
mod comment_from_run;
mod compare;
mod compare_images;
mod dry_run;
mod evidence;
mod fan_out;
mod images;
mod index;
mod init;
mod inputs;
mod inspect;
mod interrupt;
mod keep;
mod leg;
mod lookup;
mod nodes;
mod origin;
mod parts;
mod rebuild;
mod report;
mod retry;
mod run;
mod scans;
mod session;
mod setup;
mod silence;
mod situation;
mod stall;
mod stores;
mod tested;
mod view;
mod without_cache;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command, Format, SchemaKind};
use crate::env::Env;
use crate::error::{self, Exit};
use crate::git::Git;
use crate::plan::fan::Fleet;
use crate::publish::job_log::JobLog;
use crate::publish::terminal;
use crate::{config, doctor, render};
use session::Session;

/// Runs one command line and returns the exit code.
#[must_use]
pub fn main(env: &Env) -> ExitCode {
    let log = announce::job_log(env);
    let code = obey(env, &log);
    log.end();
    code
}

fn obey(env: &Env, log: &JobLog) -> ExitCode {
    let env = match inputs::applied(env) {
        Ok(env) => env,
        Err(failure) => return failed(&failure, log),
    };
    let cli = match Cli::try_parse_from(&env.args) {
        Ok(cli) => cli,
        Err(help) => {
            let code = if help.use_stderr() { error::USAGE } else { error::OK };
            drop(help.print());
            return ExitCode::from(code);
        }
    };
    dispatch(&cli, &env, log).map_or_else(|failure| failed(&failure, log), ExitCode::from)
}

fn failed(failure: &anyhow::Error, log: &JobLog) -> ExitCode {
    log.error(&format!("{failure:#}"));
    ExitCode::from(error::exit_code(failure))
}

fn dispatch(cli: &Cli, env: &Env, log: &JobLog) -> Result<u8> {
    // One thread is enough to wait for children; decompression runs on blocking threads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let session = Session::new(cli, env, log)?;
    let ended = runtime.block_on(async {
        interrupt::cancel_on_signal(&session.cancel)?;
        command(&session, &cli.command).await
    });
    // What a signal broke off fails in words of its own; the signal is the reason.
    if session.cancel.is_cancelled() { ended.context(Exit::interrupted()).map(|_| error::INTERRUPTED) } else { ended }
}

async fn command(session: &Session, command: &Command) -> Result<u8> {
    if matches!(session.common.format, Format::Github | Format::Gitlab) && !matches!(command, Command::Plan(_)) {
        bail!(Exit::usage("--format github and gitlab are of `weighbridge plan` alone"));
    }
    match command {
        Command::Run(args) => match call::asked(session) {
            Some(method) => call::call(session, args, &method).await,
            None if args.dry_run => dry_run::dry_run(session, args).await,
            None => run::run(session, args).await,
        },
        Command::Plan(args) => match session.common.format {
            Format::Github => fan_out::plan(session, args, Fleet::Github).await,
            Format::Gitlab => fan_out::plan(session, args, Fleet::Gitlab).await,
            Format::Text | Format::Markdown | Format::Json => dry_run::plan(session).await,
        },
        Command::Build(args) => build::build(session, args).await,
        Command::Report(args) => self::report::report(session, args).await,
        Command::Comment(args) => comment_from_run::comment(session, args).await,
        Command::Init(args) => init::init(session, args).await,
        Command::Compare(args) => compare::compare(session, args).await,
        Command::Inspect(args) => inspect::inspect(session, args).await,
        Command::Doctor => diagnose(session).await,
        Command::Schema(args) => Ok(print_schema(args.kind)),
        Command::Completions(args) => Ok(print_completions(args.shell)),
    }
}

async fn diagnose(session: &Session) -> Result<u8> {
    let config = session.config().await;
    let situation = match &config {
        Ok(config) => {
            let git = Git::open(&session.env.directory).await;
            Some(situation::situation(session, git.as_ref().ok(), None, config).await)
        }
        Err(_) => None,
    };
    let directory = &session.env.directory;
    let checks = doctor::diagnose(&session.docker, session.builder(), &config, situation, directory).await;
    terminal::out(&match session.common.format {
        Format::Json => doctor::json(&checks),
        Format::Text | Format::Markdown | Format::Github | Format::Gitlab => doctor::text(&checks),
    });
    Ok(match (&config, doctor::is_fit(&checks)) {
        (Err(_), _) => error::USAGE,
        (Ok(_), true) => error::OK,
        (Ok(_), false) => error::BUILD_FAILED,
    })
}

fn print_schema(kind: SchemaKind) -> u8 {
    let schema = match kind {
        SchemaKind::Config => config::schema(),
        SchemaKind::Report => crate::report::v1::schema(),
        SchemaKind::Inspect => render::inspect::schema(),
    };
    terminal::out(&format!("{schema:#}\n"));
    error::OK
}

fn print_completions(shell: clap_complete::Shell) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "weighbridge", &mut script);
    terminal::out(&String::from_utf8_lossy(&script));
    error::OK
}
