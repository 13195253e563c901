//! Notices a cache whose store takes a request and never answers: nothing in BuildKit ends that wait, its own `timeout`
//! bounds tries and not a request.
//!
//! Stopping the build ends the wait for an export and for layers. It does not end that for the manifest of an import:
//! BuildKit asks for it on its own account (`llbsolver/bridge.go`) and holds the solver of the whole engine meanwhile,
//! so the build without the cache goes on once the store hangs up.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::buildx::names::VertexKind;
use crate::buildx::progress::Event;

/// BuildKit's own limit comes first, as its error says more.
const GRACE: Duration = Duration::from_secs(2);

/// Watches one build.
pub(super) struct Stall {
    limit: Duration,
    /// Vertices of caches that began and have not ended.
    caches: RefCell<BTreeSet<String>>,
    /// Other vertices that did, exports aside, which run beside those of caches.
    others: RefCell<BTreeSet<String>>,
    /// Steps that came from a cache. One that begins anew fetches its layers.
    served: RefCell<BTreeSet<String>>,
    last_sign: Cell<Instant>,
}

/// What a stalled build was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stalled {
    /// To read a cache.
    Import,
    /// To write one.
    Export,
}

impl Stall {
    pub(super) fn new(limit: Duration) -> Self {
        let limit = limit.saturating_add(GRACE);
        let last_sign = Cell::new(Instant::now());
        Self { limit, caches: RefCell::default(), others: RefCell::default(), served: RefCell::default(), last_sign }
    }

    /// Takes note of a sign of life.
    pub(super) fn observe(&self, event: Event<'_>) {
        self.last_sign.set(Instant::now());
        match event {
            Event::Started { name } => self.begin(name),
            Event::Finished { name, cached, error, .. } => {
                self.caches.borrow_mut().remove(name);
                self.others.borrow_mut().remove(name);
                // Whose layers are gone runs next.
                if cached && error.is_none() && matches!(VertexKind::of(name), VertexKind::Step(_)) {
                    self.served.borrow_mut().insert(name.to_owned());
                } else {
                    self.served.borrow_mut().remove(name);
                }
            }
            // The layers are here, and to unpack them may take long.
            Event::Progress { name, id } if id.starts_with("extracting ") => {
                if let Some(name) = self.caches.borrow_mut().take(name) {
                    self.others.borrow_mut().insert(name);
                }
            }
            Event::Progress { .. } | Event::Log { .. } => {}
        }
    }

    fn begin(&self, name: &str) {
        let set = match VertexKind::of(name) {
            VertexKind::CacheImport | VertexKind::CacheExport => &self.caches,
            VertexKind::Export | VertexKind::Push => return,
            _ if self.served.borrow().contains(name) => &self.caches,
            _ => &self.others,
        };
        set.borrow_mut().insert(name.to_owned());
    }

    /// Returns once only caches have been waited for during the whole limit.
    pub(super) async fn noticed(&self) -> Stalled {
        loop {
            let deadline = self.last_sign.get() + self.limit;
            sleep_until(deadline).await;
            if self.last_sign.get() + self.limit > Instant::now() {
                continue;
            }
            if let Some(stalled) = self.waiting_for() {
                return stalled;
            }
            // Something else is silent for long, which is its right.
            self.last_sign.set(Instant::now());
        }
    }

    fn waiting_for(&self) -> Option<Stalled> {
        let caches = self.caches.borrow();
        let name = caches.first().filter(|_| self.others.borrow().is_empty())?;
        Some(if VertexKind::of(name) == VertexKind::CacheExport { Stalled::Export } else { Stalled::Import })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORT: &str = "importing cache manifest from gha:1";
    const EXPORT: &str = "exporting to GitHub Actions Cache";
    const STEP: &str = "[1/1] RUN make";

    fn started(name: &str) -> Event<'_> {
        Event::Started { name }
    }

    fn finished(name: &str) -> Event<'_> {
        Event::Finished { name, cached: false, duration: Duration::ZERO, error: None }
    }

    fn served(name: &str) -> Event<'_> {
        Event::Finished { name, cached: true, duration: Duration::ZERO, error: None }
    }

    /// What is noticed within an hour after these events, and when.
    async fn noticed(events: &[Event<'_>]) -> Option<(Stalled, u64)> {
        let start = Instant::now();
        let stall = Stall::new(Duration::from_secs(58));
        events.iter().for_each(|event| stall.observe(*event));
        let noticed = tokio::time::timeout(Duration::from_secs(3_600), stall.noticed()).await.ok()?;
        Some((noticed, start.elapsed().as_secs()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_cache_that_is_waited_for_in_silence_is_noticed() {
        assert_eq!(noticed(&[started(IMPORT)]).await, Some((Stalled::Import, 60)));
        assert_eq!(noticed(&[started("exporting to image"), started(EXPORT)]).await, Some((Stalled::Export, 60)));
    }

    #[tokio::test(start_paused = true)]
    async fn layers_of_a_served_step_that_do_not_come_are_noticed() {
        let events = [started(STEP), served(STEP), started("exporting to oci image format"), started(STEP)];
        assert_eq!(noticed(&events).await, Some((Stalled::Import, 60)));
        let unpacked = Event::Progress { name: STEP, id: "extracting sha256:00" };
        assert_eq!(noticed(&[&events[..], &[unpacked]].concat()).await, None);
        let gone =
            Event::Finished { name: STEP, cached: true, duration: Duration::ZERO, error: Some("blob not found") };
        assert_eq!(noticed(&[started(STEP), gone, started(STEP)]).await, None, "it runs");
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_may_be_silent_for_long() {
        assert_eq!(noticed(&[]).await, None);
        assert_eq!(noticed(&[started(STEP)]).await, None);
        assert_eq!(noticed(&[started(IMPORT), finished(IMPORT), started(STEP)]).await, None);
        assert_eq!(noticed(&[started(IMPORT), started(STEP)]).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_starts_the_wait_anew() {
        let stall = Stall::new(Duration::from_secs(58));
        stall.observe(started(EXPORT));
        let signs = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                stall.observe(Event::Progress { name: EXPORT, id: "writing layer sha256:00" });
            }
        };
        let start = Instant::now();
        let (stalled, ()) = tokio::join!(stall.noticed(), signs);
        assert_eq!((stalled, start.elapsed().as_secs()), (Stalled::Export, 310));
    }
}
