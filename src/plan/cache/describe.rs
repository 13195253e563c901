//! A decision in words, for people who ask what would be done and why.

use super::{CachePlan, Direction, Entry, Remark};
use crate::config::Backend;

impl CachePlan {
    /// One line per entry and per thing left out.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let entry = |verb: &str, entry: &Entry| format!("{verb} {}: {}", entry.line, entry.reason);
        let from = self.from.iter().map(|one| entry("reads ", one));
        let to = self.to.iter().map(|one| entry("writes", one));
        from.chain(to).chain(self.remarks.iter().map(Remark::line)).collect()
    }

    /// The same without what differs between cells: `reads gha: …; writes nothing: …`.
    #[must_use]
    pub fn summary(&self) -> String {
        let place = |entry: &Entry| {
            let backend = entry.backend.map_or("a cache of its own", Backend::name);
            match &entry.branch {
                Some(branch) => format!("{backend} of {branch} ({})", entry.reason),
                None => format!("{backend} ({})", entry.reason),
            }
        };
        let list = |verb: &str, entries: &[Entry]| {
            let places: Vec<String> = entries.iter().map(place).collect();
            (!places.is_empty()).then(|| format!("{verb} {}", places.join(", ")))
        };
        let remarks = self.remarks.iter().filter(|remark| remark.severity.is_none()).map(Remark::line);
        [list("reads", &self.from), list("writes", &self.to)]
            .into_iter()
            .flatten()
            .chain(remarks)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl Remark {
    /// `does not write: read only: pull request`.
    #[must_use]
    pub fn line(&self) -> String {
        let verb = match self.direction {
            Direction::From => "does not read: ",
            Direction::To => "does not write: ",
            Direction::Both => "",
        };
        let fix = self.fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
        format!("{verb}{}{fix}", self.reason)
    }
}
