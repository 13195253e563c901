//! What is started.

use super::finding::{Stop, never};
use crate::oci::Settings;

/// Entrypoint and command as Docker joins them.
///
/// # Errors
/// When there is neither.
pub(super) fn of(settings: &Settings) -> Result<Vec<Vec<u8>>, Stop> {
    let words: Vec<Vec<u8>> =
        settings.entrypoint.iter().chain(&settings.cmd).map(|word| word.clone().into_bytes()).collect();
    match words.first() {
        None => Err(never("start-no-command", "there is neither an ENTRYPOINT nor a CMD".to_owned())),
        Some(first) if first.is_empty() => {
            Err(never("start-no-command", "the first word of ENTRYPOINT or CMD is empty".to_owned()))
        }
        Some(_) => Ok(words),
    }
}

/// What is run to ask for the container's health; `None` where nothing is, or where a base image says it.
pub(super) fn of_health(settings: &Settings) -> Option<Vec<Vec<u8>>> {
    let bytes = |words: &[String]| words.iter().map(|word| word.clone().into_bytes()).collect::<Vec<_>>();
    match settings.healthcheck.as_ref()?.test.as_slice() {
        [form, words @ ..] if form == "CMD" && !words.is_empty() => Some(bytes(words)),
        [form, command] if form == "CMD-SHELL" => {
            let usual = ["/bin/sh".to_owned(), "-c".to_owned()];
            let shell = if settings.shell.is_empty() { &usual[..] } else { &settings.shell };
            Some([bytes(shell), bytes(std::slice::from_ref(command))].concat())
        }
        _ => None,
    }
}
