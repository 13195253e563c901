//! The network door: the only place that makes an HTTP client. TLS is rustls with ring, so that the binary stays static.
#![expect(clippy::disallowed_methods, reason = "the door of the network")]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use oci_client::client::{CertificateEncoding, ClientConfig, ClientProtocol};
use reqwest::{Certificate, Client, ClientBuilder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::env::Env;
use crate::fs;

/// No answer of a forge or a registry takes longer, uploads aside.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("weighbridge/", env!("CARGO_PKG_VERSION"));
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

/// A client for a registry, as [`client`] is one for everything else; without TLS only where `plain_hosts` says so.
///
/// # Errors
/// As [`client`].
pub fn registry_client(env: &Env, plain_hosts: Vec<String>) -> Result<oci_client::Client> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let der = |certificate: &CertificateDer<'_>| oci_client::client::Certificate {
        encoding: CertificateEncoding::Der,
        data: certificate.to_vec(),
    };
    let extra: Vec<_> = extra_authorities(env)?.iter().map(der).collect();
    let config = |only: Vec<oci_client::client::Certificate>| ClientConfig {
        protocol: ClientProtocol::HttpsExcept(plain_hosts.clone()),
        use_monolithic_push: true,
        tls_certs_only: only,
        extra_root_certificates: extra.clone(),
        read_timeout: Some(READ_TIMEOUT),
        connect_timeout: Some(CONNECT_TIMEOUT),
        user_agent: USER_AGENT,
        ..ClientConfig::default()
    };
    match oci_client::Client::try_from(config(Vec::new())) {
        Ok(client) => Ok(client),
        Err(_) => {
            let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(der).collect();
            oci_client::Client::try_from(config(mozilla)).context("make a client for registries")
        }
    }
}

fn builder() -> ClientBuilder {
    Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT)
}

fn mozilla() -> impl Iterator<Item = Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok())
}

fn extra_certificates(env: &Env) -> Result<Vec<Certificate>> {
    extra_authorities(env)?.iter().map(|der| Certificate::from_der(der).context("read a certificate")).collect()
}

fn extra_authorities(env: &Env) -> Result<Vec<CertificateDer<'static>>> {
    let mut certificates = Vec::new();
    for name in CERTIFICATE_FILES {
        let Some(file) = env.get(name) else { continue };
        let content =
            fs::read_limited(Path::new(file), CERTIFICATES_LIMIT_BYTES).with_context(|| format!("read {name}"))?;
        let bundle: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
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
        registry_client(&env(&[]), vec!["localhost:5000".to_owned()]).unwrap();
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
