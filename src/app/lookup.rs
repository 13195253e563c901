//! What is built, and the report to compare it with: git and the stores, beside the builds.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::session::Session;
use super::stores::stores;
use crate::baseline::{self, Ancestry, Chosen, Found, Lookup, Refusal};
use crate::ci::Context;
use crate::config::{Config, Selection};
use crate::error::Exit;
use crate::git::{Git, GitError, Status};
use crate::plan::cache::Situation;
use crate::report::{Base, Head, Report};

/// How many reports that a store holds in vain are told one by one: with the same cause there may be fifty.
const REFUSALS_SAID: usize = 3;

/// What is built and what it is compared with.
pub(super) struct Revisions {
    pub(super) git: Result<Git, GitError>,
    pub(super) head: Head,
    /// What the work tree holds beside the head; nothing without git.
    pub(super) status: Status,
    pub(super) chosen: Chosen,
    pub(super) lookup: Lookup,
}

/// What is known before anything is asked of docker.
pub(super) struct Given {
    pub(super) git: Result<Git, GitError>,
    baseline: Option<Found>,
    checkout: Option<Checkout>,
}

/// What is checked out.
#[derive(Clone)]
struct Checkout {
    head: Head,
    status: Status,
}

/// Opens the repository and reads the baseline that the user names.
///
/// # Errors
/// When that baseline cannot be used, or files of the output directory are committed: a change request could then
/// bring a baseline of its own, and with it pass any budget.
pub(super) async fn given(session: &Session, output_directory: &Path) -> Result<Given> {
    let baseline = baseline(session).await?;
    Ok(Given { git: repository(session, output_directory).await?, baseline, checkout: None })
}

/// The same for whoever waits for nothing else: meanwhile git looks at every file.
///
/// # Errors
/// As [`given`], and when git fails in a way that is not just absence.
pub(super) async fn given_at_once(session: &Session, output_directory: &Path) -> Result<Given> {
    let look = async {
        let git = repository(session, output_directory).await?;
        let checkout = Checkout::look(session, git.as_ref().ok(), output_directory).await?;
        Ok((git, Some(checkout)))
    };
    let (baseline, looked): (_, Result<_>) = tokio::join!(baseline(session), look);
    let (baseline, (git, checkout)) = (baseline?, looked?);
    Ok(Given { git, baseline, checkout })
}

/// The baseline that the user names. It may be large, so it is read on a thread of its own.
async fn baseline(session: &Session) -> Result<Option<Found>> {
    let Some(file) = session.common.baseline.as_ref().map(|file| session.env.directory.join(file)) else {
        return Ok(None);
    };
    let read = tokio::task::spawn_blocking(move || baseline::from_file(&file));
    read.await.context("read the baseline")?.map(Some)
}

async fn repository(session: &Session, output_directory: &Path) -> Result<Result<Git, GitError>> {
    let git = Git::open(&session.env.directory).await;
    if let Ok(git) = &git
        && let Some(file) = git.tracked_below(output_directory).await?
    {
        bail!(Exit::usage(format!(
            "{file} is committed, but what lies in the output directory must come from runs of weighbridge alone; \
             choose another directory with --output-dir or, if weighbridge wrote the file, run `git rm --cached` on it"
        )));
    }
    Ok(git)
}

impl Checkout {
    async fn look(session: &Session, git: Option<&Git>, output_directory: &Path) -> Result<Self> {
        let status = match git {
            Some(git) => git.status(output_directory).await?,
            None => Status::default(),
        };
        Ok(Self { head: Context::detect(&session.env).head(git, status.is_dirty).await?, status })
    }
}

impl Given {
    /// What is checked out; looked at once.
    ///
    /// # Errors
    /// When git fails.
    pub(super) async fn head(&mut self, session: &Session, output_directory: &Path) -> Result<Head> {
        Ok(self.checkout(session, output_directory).await?.head)
    }

    async fn checkout(&mut self, session: &Session, output_directory: &Path) -> Result<Checkout> {
        if let Some(checkout) = &self.checkout {
            return Ok(checkout.clone());
        }
        let checkout = Checkout::look(session, self.git.as_ref().ok(), output_directory).await?;
        Ok(self.checkout.insert(checkout).clone())
    }
}

/// Finds out which commit is built and looks its baseline up.
///
/// # Errors
/// When `--base` names something that cannot be used, or git fails in a way that is not just absence.
pub(super) async fn revisions(
    session: &Session,
    mut given: Given,
    config: &Config,
    situation: &Situation,
    report_key: &str,
    output_directory: &Path,
) -> Result<Revisions> {
    let Checkout { head, status } = given.checkout(session, output_directory).await?;
    let Given { git, baseline, .. } = given;
    let context = Context::detect(&session.env);
    let forge = Ancestry::of(&session.env, &context);
    let explicit = session.common.base.as_deref();
    let chosen = baseline::choose(git.as_ref(), &context, &head, explicit, forge.as_ref()).await?;
    let lookup = match baseline {
        Some(found) => Lookup::Found(Box::new(found)),
        None => {
            let stores = stores(session, config, situation, report_key, git.as_ref().ok(), output_directory);
            // A signal ends the wait for a store; what is left to do then sees it.
            let found = session.cancel.run_until_cancelled(baseline::find(&stores, &chosen)).await;
            let interrupted = || Lookup::Missing { reason: "the run was interrupted".to_owned(), refusals: Vec::new() };
            found.unwrap_or_else(interrupted)
        }
    };
    Ok(Revisions { git, head, status, chosen, lookup })
}

impl Revisions {
    /// The base of the run as far as it is known before anything is rebuilt.
    pub(super) fn base(&self) -> Option<Base> {
        match (&self.lookup, &self.chosen) {
            (Lookup::Found(found), _) => Some(found.base.clone()),
            (Lookup::Missing { .. }, Chosen::Base(choice)) => Some(Base {
                sha: Some(choice.sha.clone()),
                chosen_by: choice.chosen_by.clone(),
                commits_older: 0,
                store: None,
            }),
            (Lookup::Missing { .. }, Chosen::NoBase { .. }) => None,
        }
    }
}

/// Which baseline would be used and why, as lines for people.
///
/// # Errors
/// As [`revisions`].
pub(super) async fn describe(
    session: &Session,
    config: &Config,
    situation: &Situation,
    report_key: &str,
) -> Result<Vec<String>> {
    let output_directory = session.output_directory();
    let given = given(session, &output_directory).await?;
    let revisions = revisions(session, given, config, situation, report_key, &output_directory).await?;
    let mut lines = match &revisions.lookup {
        Lookup::Found(found) => vec![describe_base(&found.base)],
        Lookup::Missing { reason, .. } => vec![format!("none: {reason}")],
    };
    lines.extend(passed_over(refusals(&revisions.lookup)).iter().map(|refusal| format!("passed over: {refusal}")));
    Ok(lines)
}

/// Why stored reports were passed over.
pub(super) fn refusals(lookup: &Lookup) -> &[Refusal] {
    match lookup {
        Lookup::Found(found) => &found.refusals,
        Lookup::Missing { refusals, .. } => refusals,
    }
}

/// What is said of these, store by store: of many, the first few stand for all.
pub(super) fn passed_over(refusals: &[Refusal]) -> Vec<String> {
    let mut lines = Vec::new();
    // They are in the order of the stores already.
    for of_store in refusals.chunk_by(|one, other| one.store == other.store) {
        lines.extend(of_store.iter().take(REFUSALS_SAID).map(ToString::to_string));
        let more = of_store.len().saturating_sub(REFUSALS_SAID);
        if let Some(first) = of_store.first().filter(|_| more > 0) {
            lines.push(format!("{}: and {more} more", first.store));
        }
    }
    lines
}

fn describe_base(base: &Base) -> String {
    let older = match base.commits_older {
        0 => String::new(),
        1 => ", 1 commit older".to_owned(),
        commits => format!(", {commits} commits older"),
    };
    let store = base.store.as_ref().map(|store| format!("; from {store}")).unwrap_or_default();
    format!("{} ({}{older}{store})", base.sha.as_deref().unwrap_or("a report of no commit"), base.chosen_by)
}

/// A report without the cells that `--image` and `--platform` leave out: they were not built, not removed.
pub(super) fn restrict(selection: &Selection, mut report: Report) -> Report {
    report.cells.retain(|cell| selection.covers(&cell.id));
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_reports_that_are_passed_over_a_few_are_told() {
        let refusal = |store: &str, number: usize| Refusal {
            store: store.to_owned(),
            reason: format!("artifact {number}: it has expired"),
            is_loss: true,
        };
        let many = (1..=50).map(|number| refusal("the artifacts", number));
        let few = (1..=3).map(|number| refusal("the branch", number));
        let refusals: Vec<Refusal> = many.chain(few).collect();
        insta::assert_snapshot!(passed_over(&refusals).join("\n"), @"
        the artifacts: artifact 1: it has expired
        the artifacts: artifact 2: it has expired
        the artifacts: artifact 3: it has expired
        the artifacts: and 47 more
        the branch: artifact 1: it has expired
        the branch: artifact 2: it has expired
        the branch: artifact 3: it has expired
        ");
    }
}
