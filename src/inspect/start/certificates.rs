//! What programs look for when they run, and fail late without: CA certificates and time zones.

use super::files::Files;
use super::finding::{finding, shown, shown_path};
use super::program::Program;
use crate::report::{Finding, Severity};

/// Where TLS libraries look for certificates: Go's `crypto/x509`, OpenSSL, GnuTLS.
const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];
const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
/// Libraries that are loaded to speak TLS.
const TLS: [&str; 3] = ["libssl.so", "libgnutls.so", "libmbedtls.so"];

/// A program that looks for certificates where there are none.
pub(super) fn missing(files: &Files<'_>, program: &Program<'_>) -> Option<Finding> {
    let name = |path: &[u8]| {
        String::from_utf8_lossy(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()).into_owned()
    };
    let has_library = program.libraries.iter().any(|path| TLS.iter().any(|library| name(path).starts_with(library)));
    if !program.elf.looks_for_certificates && !has_library {
        return None;
    }
    let told = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(|variable| files.variable(variable));
    let has_bundle = BUNDLES.into_iter().chain(told).any(|path| files.exists(path.as_bytes()));
    let has_directory = DIRECTORIES.iter().any(|path| !files.tree.list(path.as_bytes()).is_empty());
    let what = format!(
        "there are no CA certificates, and {} looks for them when it calls others over TLS: `COPY --from` a stage with ca-certificates",
        shown_path(&program.path)
    );
    (!has_bundle && !has_directory).then(|| finding("ca-certificates-missing", Severity::Notice, what))
}

/// A time zone that is asked for and not there. Programs then use UTC, or fail, or bring their own data.
pub(super) fn time_zone(files: &Files<'_>) -> Option<Finding> {
    let zone = files.variable("TZ")?.trim_start_matches(':');
    let is_name = zone.contains('/') && !zone.contains("..");
    let path = if zone.starts_with('/') { zone.to_owned() } else { format!("/usr/share/zoneinfo/{zone}") };
    let is_missing = is_name && !files.exists(path.as_bytes());
    let what =
        format!("TZ is {}, and {} is missing: install tzdata", shown(zone.as_bytes()), shown_path(path.as_bytes()));
    is_missing.then(|| finding("time-zone-missing", Severity::Notice, what))
}
