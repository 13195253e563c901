//! Why a registry did not do what it was asked to, by what follows from it.

use std::error::Error;
use std::fmt;

use oci_client::errors::{OciDistributionError, OciErrorCode};

/// The longest text of a registry that is repeated; it may be a page of a proxy.
const TEXT_LIMIT_CHARS: usize = 200;

/// Why a registry did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryError {
    /// It does not let us, and will not.
    Denied(String),
    /// It is not reached, or does not work now.
    Unreachable(String),
    /// This one thing cannot be had or done; others may.
    Unusable(String),
}

impl RegistryError {
    /// What an error of the client means; `None` when it says that something is not there.
    pub(super) fn of(error: OciDistributionError) -> Option<Self> {
        use OciDistributionError as E;
        Some(match error {
            E::UnauthorizedError { .. } => Self::Denied("authentication is required".to_owned()),
            E::AuthenticationFailure(text) => Self::Denied(short(&text)),
            E::ImageManifestNotFoundError(_) => return None,
            E::RegistryError { envelope, .. } => {
                let first = envelope.errors.into_iter().next();
                let (code, text) = first.map_or((OciErrorCode::Unsupported, String::new()), |e| (e.code, e.message));
                match code {
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::NotFound => return None,
                    OciErrorCode::Unauthorized | OciErrorCode::Denied => Self::Denied(short(&text)),
                    OciErrorCode::Toomanyrequests => Self::Unreachable(short(&text)),
                    _ => Self::Unusable(short(&text)),
                }
            }
            E::ServerError { code: 404, .. } => return None,
            E::ServerError { code: code @ (401 | 403), .. } => Self::Denied(format!("HTTP {code}")),
            E::ServerError { code, .. } if code == 429 || code >= 500 => Self::Unreachable(format!("HTTP {code}")),
            E::ServerError { code, message, .. } => Self::Unusable(short(&format!("HTTP {code} {message}"))),
            // An address of an upload may hold what only the two sides should know.
            E::RequestError(error) => Self::Unreachable(chain(&error.without_url())),
            other => Self::Unusable(short(&other.to_string())),
        })
    }

    /// The same of something that is put there; what is not there is then the repository.
    pub(super) fn of_push(error: OciDistributionError) -> Self {
        Self::of(error).unwrap_or_else(|| Self::Denied("there is no such repository".to_owned()))
    }

    /// The client tells a wrong digest and a broken connection alike in the middle of a file.
    pub(super) fn of_stream(error: &std::io::Error) -> Self {
        Self::Unusable(short(&error.to_string()))
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    short(&text)
}

fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(TEXT_LIMIT_CHARS).collect()
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(text) => write!(f, "not allowed to ({text})"),
            Self::Unreachable(text) => write!(f, "not reached ({text})"),
            Self::Unusable(text) => f.write_str(text),
        }
    }
}

impl Error for RegistryError {}
