//! The comment of a run, brought to its change request. It costs the run nothing when that fails, unless a comment is
//! asked for in every run.

use std::path::Path;

use anyhow::Result;

use super::run::Run;
use super::session::Session;
use crate::ci::{Context, Restriction};
use crate::cli::RunArgs;
use crate::compare::Comparison;
use crate::config::{Bots, CommentMode, Config, Selection};
use crate::error;
use crate::escape;
use crate::publish::calm::Calm;
use crate::publish::comment::{Comment, Marker};
use crate::publish::forge::target::{NoTarget, Target};
use crate::publish::forge::{ForgeError, Published};
use crate::publish::terminal;
use crate::render::markdown;
use crate::report::part;

impl Run<'_> {
    /// Brings the comment to the change request, if there is one, and returns the exit code of that alone.
    pub(super) async fn comment(&self, config: &Config, comparison: &Comparison<'_>, text: &str) -> u8 {
        let mode = mode(self.args, config);
        let context = Context::detect(&self.session.env);
        let calm = calm(mode, config, comparison, &context);
        if calm == Calm::Silent {
            return error::OK;
        }
        let (failure, is_denied) = match Target::find(&self.session.env, &context) {
            Ok(target) => {
                let marker = Marker::new(&self.report_key, comparison.head.context.head.sha.as_deref(), target.run);
                let place = target.place.to_string();
                let comment = match calm {
                    Calm::BackToNormal => Comment::new(marker, &markdown::back_to_normal(comparison)),
                    Calm::Speak(_) | Calm::Correct | Calm::Silent => Comment::new(marker, text),
                };
                match self.publish(target, &comment, calm).await {
                    None => return error::OK,
                    Some(Ok(published)) => {
                        self.view.say(&told(&published, &place, calm));
                        return error::OK;
                    }
                    Some(Err(error)) => {
                        let is_denied = matches!(error.downcast_ref(), Some(ForgeError::Denied { .. }));
                        (error, is_denied)
                    }
                }
            }
            Err(NoTarget::NoChangeRequest(_)) => return error::OK,
            Err(NoTarget::NoToken(reason)) => (anyhow::Error::msg(reason), true),
            Err(NoTarget::Unusable(reason)) => (anyhow::Error::msg(reason), false),
        };
        let usual = context.restriction.as_ref().filter(|_| is_denied).and_then(whose_runs_only_read);
        self.complain(&failure, usual.as_deref(), mode)
    }

    /// `None` when a signal broke it off.
    async fn publish(&self, target: Target, comment: &Comment, calm: Calm) -> Option<Result<Published>> {
        self.session.cancel.run_until_cancelled(target.publish(&self.session.env, comment, calm)).await
    }

    /// Says what went wrong. Nobody can mend what is usual.
    fn complain(&self, failure: &anyhow::Error, usual: Option<&str>, mode: CommentMode) -> u8 {
        if let Some(usual) = usual {
            self.view.say(&format!("no comment, as is usual for {usual}: {failure:#}"));
            return error::OK;
        }
        let (word, code) = match mode {
            CommentMode::Always => ("error", error::NOT_PUBLISHED),
            CommentMode::Auto | CommentMode::Never => ("warning", error::OK),
        };
        terminal::say(&format!("{word}: no comment: {}", escape::block(&format!("{failure:#}"))));
        code
    }
}

/// Whose runs may only read, as a phrase.
fn whose_runs_only_read(restriction: &Restriction) -> Option<String> {
    match restriction {
        Restriction::Fork => Some("a fork".to_owned()),
        Restriction::Dependabot => Some("Dependabot".to_owned()),
        Restriction::Unknown(reason) => Some(format!("a fork, which this may be ({reason})")),
        Restriction::LowTrust(_) => None,
    }
}

/// Whether to speak: nobody waits for a comment on what a bot opened, unless one is asked for.
fn calm(mode: CommentMode, config: &Config, comparison: &Comparison<'_>, context: &Context) -> Calm {
    let calm = Calm::of(mode, comparison);
    if is_summary_alone(mode, config, context) { calm.without_new_comment() } else { calm }
}

fn is_summary_alone(mode: CommentMode, config: &Config, context: &Context) -> bool {
    mode == CommentMode::Auto && config.review.bots == Bots::Summary && context.about.is_by_bot
}

/// What the command line says goes first.
fn mode(args: &RunArgs, config: &Config) -> CommentMode {
    args.publishing.comment.unwrap_or(config.comment)
}

/// What became of a comment, for people.
pub(super) fn told(published: &Published, place: &str, calm: Calm) -> String {
    let reason = match calm {
        Calm::Speak(reason) => format!(" ({reason})"),
        Calm::BackToNormal => " (as in the baseline again)".to_owned(),
        Calm::Correct | Calm::Silent => String::new(),
    };
    match published {
        Published::Created(_) => format!("comment made on {place}{reason}"),
        Published::Updated(_) => format!("comment updated on {place}{reason}"),
        Published::Unchanged(_) => format!("comment on {place} says so already"),
        Published::Superseded(head) => format!("comment on {place} left as a later run wrote it, for {head}"),
        Published::NotNeeded => format!("no comment on {place}: nothing to say"),
    }
}

/// What a dry run says about it.
pub(super) fn describe(session: &Session, args: &RunArgs, config: &Config) -> String {
    let (mode, context) = (mode(args, config), Context::detect(&session.env));
    let when = match mode {
        _ if is_summary_alone(mode, config, &context) => {
            "only when an earlier one is to be put right, as a bot opened it"
        }
        CommentMode::Never => return "no comment: it is switched off".to_owned(),
        CommentMode::Always => "in every run",
        CommentMode::Auto => "when there is something to say, or an earlier comment to be put right",
    };
    match Target::find(&session.env, &context) {
        Ok(target) => format!("comment on {}, {when}", target.place),
        Err(reason) => format!("no comment: {reason}"),
    }
}

/// The name that the user gives the report: the command line goes first here as well.
pub(super) fn given_name<'n>(args: &'n RunArgs, config: &'n Config) -> Option<&'n str> {
    args.publishing.report_name.as_deref().or(config.review.report_name.as_deref())
}

/// The key of a run's report.
pub(super) fn run_key(session: &Session, args: &RunArgs, config: &Config, project: &str) -> String {
    let given = given_name(args, config);
    // A name says enough of an image that inputs describe; the second workflow of a fork could not know more.
    let selection = if given.is_some() { config.selection.clone() } else { config.told_by() };
    comment_key(given, project, session.config_file().as_deref(), &selection)
}

/// The key by which the comment of a report is found again: a change request has one comment for each name, else for
/// each configuration, and for each part of it that is run alone.
pub(super) fn comment_key(given: Option<&str>, project: &str, file: Option<&Path>, selection: &Selection) -> String {
    let place = given.unwrap_or(if project.is_empty() { part::WHOLE } else { project });
    let file = file.filter(|_| given.is_none()).and_then(Path::file_name);
    let file = file.map(|name| format!("/{}", name.to_string_lossy())).unwrap_or_default();
    let platforms: Vec<String> = selection.platforms.iter().map(ToString::to_string).collect();
    let parts = [selection.images.join("+"), platforms.join("+")].into_iter().filter(|part| !part.is_empty());
    let part: String = parts.map(|part| format!("@{part}")).collect();
    format!("{place}{file}{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_named_after_its_configuration_and_its_part() {
        let selection = |images: &[&str], platforms: &[&str]| Selection {
            images: images.iter().map(|name| (*name).to_owned()).collect(),
            platforms: platforms.iter().map(|platform| platform.parse().unwrap()).collect(),
        };
        for (project, file, selection, expected) in [
            ("", None, selection(&[], &[]), "weighbridge"),
            ("services/web", None, selection(&[], &[]), "services/web"),
            ("", Some("ci/release.yml"), selection(&[], &[]), "weighbridge/release.yml"),
            ("", None, selection(&["a", "b"], &["linux/arm64"]), "weighbridge@a+b@linux/arm64"),
        ] {
            assert_eq!(comment_key(None, project, file.map(Path::new), &selection), expected);
        }
        let part = selection(&["a"], &[]);
        assert_eq!(comment_key(Some("backend"), "services/web", Some(Path::new("ci/release.yml")), &part), "backend@a");
    }
}
