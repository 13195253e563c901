//! What the decision about caches depends on: the CI system, git's branches, the builder, Docker's credentials.

use std::path::Path;

use super::session::Session;
use crate::buildx::Prepared;
use crate::buildx::credentials::credentials;
use crate::ci::{CacheToken, Context, Event};
use crate::config::Config;
use crate::env::Env;
use crate::forge::is_enterprise_server;
use crate::fs;
use crate::git::Git;
use crate::plan::cache::{Actions, ActionsCacheMode, Features, Purpose, Situation};
use crate::version::Version;

/// Gathers it. Without a builder that was asked, its features are unknown, and without git the branches may be.
pub(super) async fn situation(
    session: &Session,
    git: Option<&Git>,
    prepared: Option<&Prepared>,
    config: &Config,
) -> Situation {
    let env = &session.env;
    let mut context = Context::detect(env);
    if let Some(git) = git {
        // A branch that git cannot tell is as unknown as one that nobody named.
        if context.reference.is_none() && context.event != Event::Tag {
            context.reference = git.current_branch().await.unwrap_or_default();
        }
        if context.default_branch.is_none() {
            context.default_branch = git.default_branch().await.unwrap_or_default();
        }
    }
    Situation {
        context,
        actions: actions(env),
        gitlab_repository: env.get("CI_REGISTRY_IMAGE").map(str::to_owned),
        features: prepared.map(features).unwrap_or_default(),
        credentials: credentials(env),
        project: project(&config.root, git.map(Git::root)),
        purpose: Purpose::Head,
    }
}

/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables> and the runner's
/// `NodeScriptActionHandler.cs`.
fn actions(env: &Env) -> Actions {
    Actions {
        token: CacheToken::read(env.get("ACTIONS_RUNTIME_TOKEN"), jiff::Timestamp::now()),
        has_results_url: env.get("ACTIONS_RESULTS_URL").is_some(),
        has_cache_url: env.get("ACTIONS_CACHE_URL").is_some(),
        // As Go's strconv.ParseBool, by which buildx reads it.
        has_version_2: matches!(env.get("ACTIONS_CACHE_SERVICE_V2"), Some("1" | "t" | "T" | "TRUE" | "true" | "True")),
        is_enterprise_server: is_enterprise_server(env),
        mode: env.get("ACTIONS_CACHE_MODE").and_then(ActionsCacheMode::parse),
    }
}

fn features(prepared: &Prepared) -> Features {
    prepared.facts.features(Version::parse_buildx(&prepared.buildx_version))
}

/// The directory of the configuration inside of the repository.
fn project(root: &Path, repository: Option<&Path>) -> String {
    let root = fs::canonical(root).unwrap_or_else(|| root.to_owned());
    let inside = repository.and_then(|repository| root.strip_prefix(repository).ok());
    inside.map(|inside| inside.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_told_by_its_variables() {
        let read = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            actions(&Env { variables, ..Env::default() })
        };
        assert_eq!(read(&[]), Actions::absent());
        let hosted = read(&[("ACTIONS_RESULTS_URL", "https://x"), ("ACTIONS_CACHE_SERVICE_V2", "True")]);
        assert!(hosted.has_results_url && hosted.has_version_2 && !hosted.is_enterprise_server);
        for (server, is_enterprise_server) in [
            ("https://github.com", false),
            ("https://acme.ghe.com", false),
            ("http://github.localhost:3000", false),
            ("https://github.acme.test", true),
            ("https://github.com.acme.test/", true),
        ] {
            assert_eq!(read(&[("GITHUB_SERVER_URL", server)]).is_enterprise_server, is_enterprise_server, "{server}");
        }
        assert_eq!(read(&[("ACTIONS_CACHE_MODE", "write-only")]).mode, Some(ActionsCacheMode::WriteOnly));
    }

    #[test]
    fn the_configuration_is_placed_in_its_repository() {
        assert_eq!(
            project(Path::new("/nonexistent/repo/services/web"), Some(Path::new("/nonexistent/repo"))),
            "services/web"
        );
        assert_eq!(project(Path::new("/nonexistent/repo"), Some(Path::new("/nonexistent/repo"))), "");
        assert_eq!(project(Path::new("/nonexistent/repo"), None), "");
    }
}
