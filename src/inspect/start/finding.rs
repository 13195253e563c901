//! Why a container does not start, or why that cannot be told.

use crate::report::{Finding, Severity};

/// What ends the way to a running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It will not start.
    Never(Finding),
    /// The image does not allow to tell.
    Unknown(Finding),
}

/// It will not start, by this rule and for this reason: a phrase that reads well after `will not start:`.
pub(super) fn never(rule: &str, message: String) -> Stop {
    Stop::Never(finding(rule, Severity::Error, message))
}

/// It cannot be told, for this reason.
pub(super) fn unknown(rule: &str, message: String) -> Stop {
    Stop::Unknown(finding(rule, Severity::Notice, message))
}

pub(super) fn finding(rule: &str, severity: Severity, message: String) -> Finding {
    Finding { rule: rule.to_owned(), severity, message, dockerfile_line: None, url: None }
}

/// A path or name for people.
pub(super) fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).escape_debug().to_string()
}

/// A path of the file system for people.
pub(super) fn shown_path(path: &[u8]) -> String {
    format!("/{}", shown(path.strip_prefix(b"/").unwrap_or(path)))
}
