//! Of which run the cells are that are built here, where they are spread over several runners.

use anyhow::{Context, Result};

use super::session::Session;
use crate::config::Config;
use crate::env::Env;
use crate::error::Exit;
use crate::plan::fan::fingerprint;
use crate::report::{Head, Leg};

/// What says which run it is, the first that is set. A child pipeline of GitLab has a number of its own, so whoever
/// starts it hands on that of the parent.
const RUN: [&str; 3] = ["WEIGHBRIDGE_RUN", "GITHUB_RUN_ID", "CI_PIPELINE_ID"];
/// What is greater where a job was run again. GitLab does not count, but a job that is repeated has a greater number.
const ATTEMPT: [&str; 3] = ["WEIGHBRIDGE_ATTEMPT", "GITHUB_RUN_ATTEMPT", "CI_JOB_ID"];

/// The leg that this process is.
///
/// # Errors
/// When the attempt is no number.
pub(super) fn leg(session: &Session, config: &Config, head: &Head, pushes: bool) -> Result<Leg> {
    let configuration = fingerprint(config, env!("CARGO_PKG_VERSION"));
    Ok(Leg { run: run(&session.env, head), attempt: attempt(&session.env)?, configuration, pushes })
}

fn run(env: &Env, head: &Head) -> String {
    let short = || {
        head.sha
            .as_ref()
            .map_or("local".to_owned(), |sha| format!("local-{}", sha.chars().take(12).collect::<String>()))
    };
    RUN.iter().find_map(|name| env.get(name)).map_or_else(short, str::to_owned)
}

fn attempt(env: &Env) -> Result<u64> {
    let Some((name, attempt)) = ATTEMPT.iter().find_map(|name| Some((name, env.get(name)?))) else { return Ok(1) };
    attempt.parse().with_context(|| Exit::usage(format!("read {name}, which is {attempt:?}; expected a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ci_system_says_which_run_and_attempt_it_is_unless_the_user_does() {
        let head = Head { sha: Some("a".repeat(40)), ..Head::default() };
        for (variables, expected_run, expected_attempt) in [
            (&[][..], "local-aaaaaaaaaaaa", Some(1)),
            (&[("GITHUB_RUN_ID", "17"), ("GITHUB_RUN_ATTEMPT", "2")], "17", Some(2)),
            (&[("CI_PIPELINE_ID", "5"), ("CI_JOB_ID", "81")], "5", Some(81)),
            (&[("CI_PIPELINE_ID", "6"), ("CI_JOB_ID", "82"), ("WEIGHBRIDGE_RUN", "5")], "5", Some(82)),
            (&[("WEIGHBRIDGE_ATTEMPT", "two")], "local-aaaaaaaaaaaa", None),
        ] {
            let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            let env = Env { variables, ..Env::default() };
            assert_eq!((run(&env, &head).as_str(), attempt(&env).ok()), (expected_run, expected_attempt));
        }
        assert_eq!(run(&Env::default(), &Head::default()), "local");
    }
}
