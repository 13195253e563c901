//! Room for layers that were read before it is their turn: one that takes long below them must not fill the memory with
//! those above it, of which each may be as large as a hostile layer is.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Several times what all layers of the largest images take together, so that nobody waits for room but for bombs.
const LIMIT_BYTES: u64 = 512 * 1024 * 1024;

/// What is held, and whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: u64,
    turn: usize,
}

impl Room {
    /// Waits until there is room. A layer whose turn it is, or was, never waits.
    pub(super) fn enter(&self, turn: usize, bytes: u64) {
        let waits = |state: &mut State| turn > state.turn && state.bytes.saturating_add(bytes) > LIMIT_BYTES;
        let state = self.changed.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.bytes = state.bytes.saturating_add(bytes);
    }

    /// Gives up the room of a layer.
    pub(super) fn leave(&self, bytes: u64) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        self.changed.notify_all();
    }

    /// It is a layer's turn, and of all below it.
    pub(super) fn call(&self, turn: usize) {
        self.lock().turn = turn;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_layer_waits_for_room_or_for_its_turn() {
        for end in [|room: &Room| room.leave(LIMIT_BYTES), |room: &Room| room.call(2)] {
            let room = &Room::default();
            let (entered, entries) = mpsc::channel();
            thread::scope(|scope| {
                room.enter(1, LIMIT_BYTES);
                room.enter(0, LIMIT_BYTES);
                room.leave(LIMIT_BYTES);
                scope.spawn(move || {
                    room.enter(2, 1);
                    entered.send(())
                });
                assert!(entries.recv_timeout(Duration::from_millis(50)).is_err());
                end(room);
                entries.recv().unwrap();
            });
        }
    }
}
