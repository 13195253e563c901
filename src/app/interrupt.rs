//! SIGINT, SIGTERM and SIGHUP as a token: builds stop, what is known is still written.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Makes the first of these signals cancel the token instead of ending this process. Needs a runtime.
///
/// # Errors
/// When the handlers cannot be installed.
pub(super) fn cancel_on_signal(token: &CancellationToken) -> Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).context("listen for signals")?;
        let token = token.clone();
        tokio::spawn(async move {
            signals.recv().await;
            token.cancel();
        });
    }
    Ok(())
}
