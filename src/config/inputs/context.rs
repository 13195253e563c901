//! The build context and the Dockerfile of the inputs. docker/build-push-action takes the commit of the run from its git
//! server where nothing else is said; here a checkout that stands ready goes before that.

use std::path::Path;

use crate::env::Env;
use crate::fs;

/// How an input refers to the default context.
const DEFAULT: &str = "defaultContext";

/// The repository of the run at its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// Its URL with the commit of the run, as BuildKit fetches it.
    pub(super) url: String,
    /// The host that the token is for.
    pub(super) host: String,
}

impl Repository {
    /// What the runner says (`gitContext` in docker/actions-toolkit: `buildx/build.ts`).
    pub(super) fn of(env: &Env) -> Option<Self> {
        let server = env.get("GITHUB_SERVER_URL").unwrap_or("https://github.com").trim_end_matches('/');
        let commit = env.get("GITHUB_SHA").or(env.get("GITHUB_REF"))?;
        let host = server.split_once("://").map_or(server, |(_, host)| host);
        let url = format!("{server}/{}.git#{commit}", env.get("GITHUB_REPOSITORY")?);
        Some(Self { url, host: host.to_owned() })
    }

    /// Whether BuildKit needs the token of the run for a context.
    pub(super) fn is_of(&self, context: &str) -> bool {
        context.starts_with(&self.url)
    }
}

/// The context where no input names one: the directory of a checkout, else the commit at the server.
pub(super) fn default(directory: &Path, repository: Option<&Repository>) -> String {
    match repository {
        Some(repository) if !is_checkout(directory) => repository.url.clone(),
        _ => ".".to_owned(),
    }
}

/// The text with the default context where it says `{{defaultContext}}`, also with a folder of it as in
/// `{{defaultContext}}:app`.
pub(super) fn expanded(text: &str, default: &str) -> String {
    let Some((before, rest)) = text.split_once("{{") else { return text.to_owned() };
    let Some((name, after)) = rest.split_once("}}") else { return text.to_owned() };
    if name.trim_matches(['{', ' ']) != DEFAULT {
        return text.to_owned();
    }
    let after = after.strip_prefix('}').unwrap_or(after);
    match after.strip_prefix(':') {
        Some(folder) if default == "." => format!("{before}./{}", folder.trim_start_matches('/')),
        _ => format!("{before}{default}{after}"),
    }
}

/// Whether git has checked something out here.
fn is_checkout(directory: &Path) -> bool {
    // In a work tree of its own it is a file.
    directory.ancestors().map(|at| at.join(".git")).any(|git| fs::is_directory(&git) || fs::is_file(&git))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(server: &str) -> Option<Repository> {
        let variables = [("GITHUB_SERVER_URL", server), ("GITHUB_REPOSITORY", "acme/shop"), ("GITHUB_SHA", "0123")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Repository::of(&Env { variables: variables.into(), ..Env::default() })
    }

    #[test]
    fn the_commit_of_the_run_is_fetched_where_there_is_no_checkout() {
        let empty = tempfile::tempdir().unwrap();
        let github = repository("").unwrap();
        assert_eq!(default(empty.path(), Some(&github)), "https://github.com/acme/shop.git#0123");
        assert_eq!(default(empty.path(), None), ".");
        let own = repository("https://git.acme.test/").unwrap();
        assert_eq!(
            (own.url.as_str(), own.host.as_str()),
            ("https://git.acme.test/acme/shop.git#0123", "git.acme.test")
        );
        assert_eq!(Repository::of(&Env::default()), None);
        fs::write_atomic(&empty.path().join(".git/HEAD"), b"ref").unwrap();
        fs::write_atomic(&empty.path().join("a/b"), b"").unwrap();
        for directory in [empty.path(), &empty.path().join("a")] {
            assert_eq!(default(directory, Some(&github)), ".");
        }
    }

    #[test]
    fn the_token_is_for_the_repository_of_the_run_alone() {
        let github = repository("").unwrap();
        for (context, is_of) in [
            ("https://github.com/acme/shop.git#0123", true),
            ("https://github.com/acme/shop.git#0123:app", true),
            ("https://github.com/acme/shop.git", false),
            ("https://github.com/evil/shop.git#0123", false),
            (".", false),
        ] {
            assert_eq!(github.is_of(context), is_of, "{context}");
        }
    }

    #[test]
    fn the_default_context_is_a_word_of_inputs() {
        let url = "https://github.com/acme/shop.git#0123";
        for (text, remote, checkout) in [
            ("{{defaultContext}}", url, "."),
            ("{{ defaultContext }}:app", "https://github.com/acme/shop.git#0123:app", "./app"),
            ("{{{defaultContext}}}:/app", "https://github.com/acme/shop.git#0123:/app", "./app"),
            ("{{other}}", "{{other}}", "{{other}}"),
            ("{{", "{{", "{{"),
            ("app", "app", "app"),
        ] {
            assert_eq!((expanded(text, url).as_str(), expanded(text, ".").as_str()), (remote, checkout));
        }
    }
}
