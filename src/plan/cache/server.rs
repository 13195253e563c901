//! The server behind an entry, for who wants to know whether it answers.

use super::Entry;
use super::backend::host;
use crate::config::Backend;

/// A server that keeps caches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Server {
    /// The cache service of GitHub Actions that the job was told of.
    Actions,
    /// A registry, by its host and port.
    Registry(String),
}

impl Entry {
    /// The server, of entries whose server is known from what they say.
    #[must_use]
    pub fn server(&self) -> Option<Server> {
        let field = |key: &str| {
            let fields = self.line.split(',').map(|field| field.trim_matches('"'));
            fields.filter_map(|field| field.split_once('=')).find(|(known, _)| *known == key).map(|(_, value)| value)
        };
        match self.backend? {
            Backend::Gha if field("url").is_none() && field("url_v2").is_none() => Some(Server::Actions),
            Backend::Registry if !self.line.contains('=') => Some(Server::Registry(host(&self.line).to_owned())),
            Backend::Registry | Backend::Inline => {
                field("ref").map(|reference| Server::Registry(host(reference).to_owned()))
            }
            _ => None,
        }
    }
}

impl Server {
    /// How it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Actions => "the Actions cache",
            Self::Registry(host) => host,
        }
    }

    /// Where a registry says that it is one (OCI distribution specification, "Determining Support"). Only what is on this
    /// machine is spoken to without TLS, as BuildKit has it.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let Self::Registry(host) = self else { return None };
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let is_here = name == "localhost" || name.starts_with("127.") || name == "[::1]";
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        Some(format!("{}://{host}/v2/", if is_here { "http" } else { "https" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_tell_their_server_as_far_as_they_name_one() {
        let registry = |host: &str| Some(Server::Registry(host.to_owned()));
        for (backend, line, server) in [
            (Some(Backend::Gha), "type=gha,scope=x", Some(Server::Actions)),
            (Some(Backend::Gha), "type=gha,url_v2=https://other.test/", None),
            (Some(Backend::Registry), "type=registry,ref=ghcr.io/acme/cache:x", registry("ghcr.io")),
            (Some(Backend::Registry), "type=registry,\"ref=127.0.0.1:5000/x\"", registry("127.0.0.1:5000")),
            (Some(Backend::Registry), "acme/cache:x", registry("docker.io")),
            (Some(Backend::Registry), "type=registry", None),
            (Some(Backend::Local), "type=local,src=x", None),
            (None, "type=later,ref=ghcr.io/acme/x", None),
        ] {
            let entry = Entry { backend, line: line.to_owned(), branch: None, reason: String::new() };
            assert_eq!(entry.server(), server, "{line}");
        }
    }

    #[test]
    fn a_registry_is_asked_at_its_own_endpoint() {
        for (host, address) in [
            ("docker.io", "https://registry-1.docker.io/v2/"),
            ("ghcr.io", "https://ghcr.io/v2/"),
            ("127.0.0.1:5000", "http://127.0.0.1:5000/v2/"),
            ("localhost", "http://localhost/v2/"),
            ("registry.acme.test:5000", "https://registry.acme.test:5000/v2/"),
        ] {
            assert_eq!(Server::Registry(host.to_owned()).address().unwrap(), address);
        }
        assert_eq!(Server::Actions.address(), None);
    }
}
