//! `weighbridge comment --run ID`: the comment on the pull request that a run of another workflow was about, from the
//! report that it left. That run may have been of a fork, where nothing is secret and nothing may be written, and its
//! report is a stranger's: it gives numbers and text to be escaped, and nothing else is taken from it.

use std::path::Path;

use anyhow::{Context, Result, anyhow};

use super::comment::{comment_key, told};
use super::compare::{forget_other_baseline, show};
use super::lookup::{passed_over, refusals};
use super::origin::{Origin, Unusable};
use super::session::Session;
use crate::baseline::{self, ArtifactStore, Chosen, Lookup, Store};
use crate::ci::About;
use crate::cli::CommentArgs;
use crate::compare::{Baseline, Comparison, budget, compare, ledger, verdict};
use crate::config::{CommentMode, Selection};
use crate::error::{self, Exit};
use crate::escape;
use crate::forge::actions::{Artifact, Run};
use crate::forge::pulls::PullRequest;
use crate::forge::{ForgeError, Repository, Rest, TOKEN_ADVICE, TOKEN_VARIABLES, Token, artifact};
use crate::http;
use crate::patience::Patience;
use crate::publish::calm::Calm;
use crate::publish::comment::{Comment, Marker};
use crate::publish::forge::github::{self, Github};
use crate::publish::forge::target::Place;
use crate::publish::forge::upsert;
use crate::publish::terminal;
use crate::render::markdown;
use crate::report::{Base, Report};

const PERMISSION: &str = "give the job `permissions: actions: read, contents: read, pull-requests: write`";

/// By what a report is found.
struct Names {
    /// The key of its comment.
    key: String,
    /// The artifact that holds it, in the run and in those of the target branch.
    artifact: String,
}

pub(super) async fn comment(session: &Session, args: &CommentArgs) -> Result<u8> {
    let ended = session.cancel.run_until_cancelled(bring(session, args)).await;
    ended.unwrap_or(Ok(error::INTERRUPTED))
}

async fn bring(session: &Session, args: &CommentArgs) -> Result<u8> {
    let doing = || format!("comment on what run {} was about", args.run);
    let rest = Rest::of(&session.env, PERMISSION).with_context(|| Exit::usage(doing()))?;
    let names = names(session, args)?;
    let run = match rest.run(args.run).await {
        Err(error @ ForgeError::NotFound(_)) => return Err(error).with_context(|| Exit::usage(doing())),
        run => run.with_context(|| not_published(doing()))?,
    };
    let pulls = match super::origin::pull_requests(&rest, &run).await.with_context(|| not_published(doing()))? {
        Ok(pulls) => pulls,
        Err(nothing) => return Ok(say_nothing(&nothing)),
    };
    let found = rest.artifacts_of_run(run.id, &names.artifact).await.with_context(|| not_published(doing()))?;
    let Some(found) = found.into_iter().next() else { return without_report(&run, &names.artifact) };
    let report = downloaded(&rest, &found).await?;
    let origin = match Origin::of(&rest, &run, pulls, &report).await {
        Ok(Some(origin)) => origin,
        Ok(None) => return Ok(say_nothing("several open pull requests have this head, and the report tells of none")),
        Err(Unusable::Report(reason)) => return Err(anyhow!(reason)).with_context(|| unusable(&found)),
        Err(Unusable::Forge(error)) => return Err(error).with_context(|| not_published(doing())),
    };
    publish(session, args, &rest, &run, &origin, report, &names).await
}

fn say_nothing(reason: &str) -> u8 {
    terminal::say(&format!("no comment: {}", escape::block(reason)));
    error::OK
}

/// A run that failed may have failed before there was a report.
fn without_report(run: &Run, name: &str) -> Result<u8> {
    let reason = format!("run {} left no artifact named {name}", run.id);
    if run.conclusion.as_deref() == Some("success") {
        return Err(anyhow!(reason)).context(Exit::not_measured("read the report"));
    }
    Ok(say_nothing(&reason))
}

fn not_published(doing: String) -> Exit {
    Exit { code: error::NOT_PUBLISHED, doing }
}

fn unusable(artifact: &Artifact) -> Exit {
    Exit::not_measured(format!("artifact {} is not believed", artifact.id))
}

async fn downloaded(rest: &Rest, artifact: &Artifact) -> Result<Report> {
    let content = match rest.download(artifact).await {
        Err(ForgeError::NotFound(_)) => Err(anyhow!("it has expired")),
        content => content.context("download it"),
    };
    let content = content.with_context(|| unusable(artifact))?;
    let read = tokio::task::spawn_blocking(move || artifact::read(&content)).await.context("read it")?;
    read.with_context(|| unusable(artifact))
}

/// As in the run itself, so that both write the same comment: the repository is not here, so the configuration's folder
/// is told by its path.
fn names(session: &Session, args: &CommentArgs) -> Result<Names> {
    let file = session.config_file();
    let project = file.as_deref().filter(|file| file.is_relative()).and_then(Path::parent).unwrap_or(Path::new(""));
    let (given, selection) = (args.report_name.as_deref(), session.selection().or(Selection::from_env(&session.env)?));
    let key = comment_key(given, &project.to_string_lossy(), file.as_deref(), &selection);
    let artifact = args.artifact.clone().unwrap_or_else(|| artifact::name_of(artifact::NAME, &key));
    Ok(Names { key, artifact })
}

/// Compares the report with what this repository's own runs have left, as the numbers of a stranger prove nothing.
async fn publish(
    session: &Session,
    args: &CommentArgs,
    rest: &Rest,
    run: &Run,
    origin: &Origin,
    mut report: Report,
    names: &Names,
) -> Result<u8> {
    let store = ArtifactStore::new(rest.clone(), &names.artifact, vec![origin.pull.base.branch.clone()]);
    let lookup = baseline::find(&[Store::Artifact(store)], &origin.chosen).await;
    for refusal in passed_over(refusals(&lookup)) {
        terminal::say(&format!("baseline passed over: {}", escape::block(&refusal)));
    }
    let (base, baseline) = match lookup {
        Lookup::Found(found) => (Some(found.report), Baseline::Found(found.base)),
        Lookup::Missing { reason, .. } => (None, Baseline::Missing(reason)),
    };
    if let Some(base) = &base {
        forget_other_baseline(base, &mut report);
    }
    report.context.base = base_of(&baseline, &origin.chosen);
    let about = about(&origin.pull);
    budget::disallow(&mut report, |label| about.has_label(label));
    report.verdict = verdict::overall(&report);
    ledger::carry_durations(&mut report, base.as_ref());
    let name = args.report_name.clone();
    let comparison = Comparison { baseline, name, ..compare(base.as_ref(), &report) };
    terminal::out(&show(session, &comparison));
    let calm = calm(args.comment, &comparison, &about);
    let place = place(session, &origin.pull)?;
    if args.dry_run || calm == Calm::Silent {
        let what = if calm.publishes(true) { "a comment would be brought to" } else { "no comment on" };
        terminal::say(&format!("{what} {}", Place::Github(place)));
        return Ok(error::OK);
    }
    let marker = Marker::new(&names.key, report.context.head.sha.as_deref(), run.id);
    let text = match calm {
        Calm::BackToNormal => markdown::back_to_normal(&comparison),
        Calm::Speak(_) | Calm::Correct | Calm::Silent => markdown::render(&comparison),
    };
    let doing = || not_published(format!("comment on pull request {}", place.number));
    let token = Token::find(&session.env, &TOKEN_VARIABLES, TOKEN_ADVICE).map_err(anyhow::Error::msg)?;
    let forge = Github::new(&http::client(&session.env)?, &place, token)?;
    let published =
        upsert(&forge, &Comment::new(marker, &text), calm, Patience::default()).await.with_context(doing)?;
    terminal::say(&told(&published, &Place::Github(place.clone()).to_string(), calm));
    Ok(error::OK)
}

/// Nobody waits for a comment on what a bot opened, unless one is asked for.
fn calm(mode: Option<CommentMode>, comparison: &Comparison<'_>, about: &About) -> Calm {
    let mode = mode.unwrap_or(CommentMode::Auto);
    let calm = Calm::of(mode, comparison);
    if about.is_by_bot && mode == CommentMode::Auto { calm.without_new_comment() } else { calm }
}

fn about(pull: &PullRequest) -> About {
    let (login, kind) = pull.user.as_ref().map_or(("", None), |user| (&*user.login, Some(&*user.kind)));
    About::of_github(login, kind, pull.labels.iter().map(|label| label.name.clone()).collect())
}

fn base_of(baseline: &Baseline, chosen: &Chosen) -> Option<Base> {
    match (baseline, chosen) {
        (Baseline::Found(base), _) => Some(base.clone()),
        (_, Chosen::Base(choice)) => Some(Base {
            sha: Some(choice.sha.clone()),
            chosen_by: choice.chosen_by.clone(),
            commits_older: 0,
            store: None,
        }),
        (_, Chosen::NoBase { .. }) => None,
    }
}

fn place(session: &Session, pull: &PullRequest) -> Result<github::PullRequest> {
    let Repository { api_url, graphql_url, name } = Repository::of(&session.env).map_err(anyhow::Error::msg)?;
    Ok(github::PullRequest { api_url, graphql_url, repository: name, number: pull.number })
}
