//! Folding one message about a vertex into what is known of it, in any order of arrival.

use std::mem::size_of;

use super::wire;
use crate::buildx::text::prefix;
use crate::buildx::trace::{Interval, Status, Vertex};

/// Bytes kept of any one text: names, errors, ids.
const TEXT_BYTES: usize = 8 * 1024;
/// Intervals, inputs and statuses are searched linearly; real builds stay far below.
const MAX_PER_VERTEX: usize = 512;

/// How much may still be kept.
#[derive(Debug)]
pub(super) struct Allowance {
    left_bytes: usize,
    /// Whether something did not fit.
    pub(super) exceeded: bool,
}

impl Allowance {
    pub(super) fn new(left_bytes: usize) -> Self {
        Self { left_bytes, exceeded: false }
    }

    /// Whether so many bytes may be kept.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let left = self.left_bytes.checked_sub(bytes);
        self.left_bytes = left.unwrap_or(self.left_bytes);
        self.exceeded |= left.is_none();
        left.is_some()
    }

    /// As much of a text as may be kept.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = prefix(text, TEXT_BYTES);
        if self.take(text.len()) { text.to_owned() } else { String::new() }
    }

    /// Adds an entry to a list that is searched linearly, when it may be kept.
    fn add<T>(&mut self, list: &mut Vec<T>, entry: T) -> bool {
        if list.len() >= MAX_PER_VERTEX {
            self.exceeded = true;
            return false;
        }
        let fits = self.take(size_of::<T>());
        if fits {
            list.push(entry);
        }
        fits
    }
}

/// What a message changed for somebody who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Started,
    Finished(Option<Interval>),
}

/// Folds a message into a vertex.
pub(super) fn merge_vertex(vertex: &mut Vertex, update: &wire::Vertex, allowance: &mut Allowance) -> Change {
    if vertex.name.is_empty() {
        vertex.name = allowance.text(&update.name);
    }
    for input in &update.inputs.0 {
        if !vertex.inputs.contains(input) {
            let input = allowance.text(input);
            allowance.add(&mut vertex.inputs, input);
        }
    }
    // A lazily pulled result is sent again without `cached` while its blobs download.
    vertex.cached |= update.cached;
    let failed = !update.error.is_empty() && vertex.error.is_none();
    if failed {
        vertex.error = Some(allowance.text(&update.error));
    }
    match merge_times(vertex, update, allowance) {
        Change::Nothing if failed => Change::Finished(None),
        change => change,
    }
}

fn merge_times(vertex: &mut Vertex, update: &wire::Vertex, allowance: &mut Allowance) -> Change {
    let Some(started) = update.started else { return Change::Nothing };
    let newest = vertex.intervals.iter().map(|interval| interval.started).max();
    let Some(completed) = update.completed else {
        if newest.is_some_and(|newest| newest >= started) || vertex.open_since.is_some_and(|open| open >= started) {
            return Change::Nothing;
        }
        vertex.open_since = Some(started);
        return Change::Started;
    };
    let interval = Interval { started, completed: completed.max(started) };
    vertex.open_since = vertex.open_since.filter(|open| *open > started);
    if vertex.intervals.contains(&interval) || !allowance.add(&mut vertex.intervals, interval) {
        return Change::Nothing;
    }
    Change::Finished(Some(interval))
}

/// Folds a counter or sub-step into its vertex, and says whether that got on: BuildKit sends a counter several times a
/// second, whether it moves or not.
pub(super) fn merge_status(vertex: &mut Vertex, update: &wire::Status, allowance: &mut Allowance) -> bool {
    let position = vertex.statuses.iter().position(|status| status.id == update.id).unwrap_or(vertex.statuses.len());
    let is_new = position == vertex.statuses.len();
    if is_new {
        let status = Status { id: allowance.text(&update.id), name: allowance.text(&update.name), ..Status::default() };
        allowance.add(&mut vertex.statuses, status);
    }
    // What is not kept cannot be compared.
    let Some(status) = vertex.statuses.get_mut(position) else { return true };
    let known = (status.current, status.completed);
    status.current = status.current.max(u64::try_from(update.current).unwrap_or_default());
    status.total = status.total.max(u64::try_from(update.total).unwrap_or_default());
    status.started = status.started.into_iter().chain(update.started).min();
    status.completed = status.completed.into_iter().chain(update.completed).max();
    is_new || (status.current, status.completed) != known
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn update(started: Option<i64>, completed: Option<i64>, cached: bool) -> wire::Vertex {
        let instant = |second| Timestamp::from_second(second).unwrap();
        let (started, completed) = (started.map(instant), completed.map(instant));
        let (digest, name, error) = ("d".to_owned(), "n".to_owned(), String::new());
        wire::Vertex { digest, inputs: wire::Capped::default(), name, started, completed, cached, error }
    }

    fn merged(updates: &[wire::Vertex]) -> Vertex {
        let (mut vertex, mut allowance) = (Vertex::default(), Allowance::new(1 << 20));
        for update in updates {
            merge_vertex(&mut vertex, update, &mut allowance);
        }
        vertex.intervals.sort();
        vertex
    }

    #[test]
    fn cached_is_sticky_and_a_second_interval_is_added() {
        let vertex = merged(&[
            update(None, None, false),
            update(Some(1), Some(1), true),
            update(Some(3), None, false),
            update(Some(3), Some(5), false),
            update(Some(3), Some(5), false),
        ]);
        assert!(vertex.cached);
        assert_eq!((vertex.intervals.len(), vertex.open_since), (2, None));
    }

    #[test]
    fn an_end_before_its_start_is_an_empty_interval() {
        let vertex = merged(&[update(Some(5), Some(1), false)]);
        assert_eq!(vertex.intervals[0].started, vertex.intervals[0].completed);
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_said_so() {
        let (mut vertex, mut allowance) = (Vertex::default(), Allowance::new(1 << 20));
        for second in 0..=MAX_PER_VERTEX as i64 {
            merge_vertex(&mut vertex, &update(Some(second), Some(second), false), &mut allowance);
        }
        assert_eq!(vertex.intervals.len(), MAX_PER_VERTEX);
        assert!(allowance.exceeded);
        assert_eq!(Allowance::new(3).text("four"), "");
    }

    proptest! {
        #[test]
        fn the_order_of_messages_does_not_matter(
            (messages, shuffled) in prop::collection::vec((0i64..9, prop::option::of(0i64..9), any::<bool>()), 0..12)
                .prop_flat_map(|messages| (Just(messages.clone()), Just(messages).prop_shuffle()))
        ) {
            let updates = |messages: &[(i64, Option<i64>, bool)]| -> Vec<wire::Vertex> {
                messages.iter().map(|(started, length, cached)| {
                    update(Some(*started), length.map(|length| started + length), *cached)
                }).collect()
            };
            prop_assert_eq!(merged(&updates(&messages)), merged(&updates(&shuffled)));
        }
    }
}
