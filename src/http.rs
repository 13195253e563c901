//! The network door: the only place that makes an HTTP client. TLS is rustls with ring, so that the binary stays static.
#![expect(clippy::disallowed_methods, reason = "the door of the network")]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Certificate, Client, ClientBuilder};

use crate::env::Env;
use crate::fs;

/// No answer of a forge or a registry takes longer, uploads aside.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Variables that name a file of further certificate authorities, as of a company or of a GitLab server of one's own.
const CERTIFICATE_FILES: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "CI_SERVER_TLS_CA_FILE"];
const CERTIFICATES_LIMIT_BYTES: u64 = 4 << 20;

/// A client with the system's certificate authorities and proxies. A machine without any authorities, as in an empty
/// container, gets Mozilla's.
///
/// # Errors
/// When a file of certificates that a variable names cannot be used.
pub fn client(env: &Env) -> Result<Client> {
    // It is installed already when this is not the first client.
    drop(rustls::crypto::ring::default_provider().install_default());
    let extra = extra_certificates(env)?;
    let builder = || builder().tls_certs_merge(extra.clone());
    match builder().build() {
        Ok(client) => Ok(client),
        Err(_) => builder().tls_certs_only(mozilla().chain(extra.clone())).build().context("make an HTTP client"),
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("weighbridge/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
}

fn mozilla() -> impl Iterator<Item = Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok())
}

fn extra_certificates(env: &Env) -> Result<Vec<Certificate>> {
    let mut certificates = Vec::new();
    for name in CERTIFICATE_FILES {
        let Some(file) = env.get(name) else { continue };
        let content =
            fs::read_limited(Path::new(file), CERTIFICATES_LIMIT_BYTES).with_context(|| format!("read {name}"))?;
        let bundle = Certificate::from_pem_bundle(&content);
        certificates.extend(bundle.with_context(|| format!("{name}: {file} is no bundle of PEM certificates"))?);
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Env { variables, ..Env::default() }
    }

    #[test]
    fn a_client_is_made_and_a_bundle_that_cannot_be_used_is_named() {
        client(&env(&[])).unwrap();
        for (name, file, said) in [
            ("NODE_EXTRA_CA_CERTS", "/nonexistent/ca.pem", "read NODE_EXTRA_CA_CERTS"),
            ("CI_SERVER_TLS_CA_FILE", "/nonexistent", "read CI_SERVER_TLS_CA_FILE"),
        ] {
            let message = format!("{:#}", client(&env(&[(name, file)])).unwrap_err());
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn mozillas_authorities_are_all_readable() {
        assert_eq!(mozilla().count(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
    }
}
