//! A stream that is read ahead on a thread of its own: while one core unpacks, another walks and hashes.

use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// A part fits into the cache of a core.
const PART_BYTES: usize = 256 * 1024;
/// How many there are: enough that neither side waits for the other at each one.
const PARTS: usize = 4;

/// A part of the stream; what is after its end is left over from earlier ones.
struct Part {
    bytes: Vec<u8>,
    end: usize,
}

/// What was read ahead.
pub(super) struct Ahead {
    full: Receiver<io::Result<Part>>,
    empty: Sender<Part>,
    /// The part at hand.
    part: Option<Part>,
    /// How much of it was consumed.
    start: usize,
}

/// Reads a stream on a thread of its own as long as another function wants what comes out of it.
pub(super) fn with<T>(source: impl Read + Send, consume: impl FnOnce(Ahead) -> T) -> T {
    let (filled, full) = sync_channel(PARTS);
    let (empty, emptied) = channel();
    for _ in 0..PARTS {
        // Nobody has let go of the other end yet.
        let _ = empty.send(Part { bytes: vec![0; PART_BYTES], end: 0 });
    }
    thread::scope(|scope| {
        scope.spawn(move || pump(source, &filled, &emptied));
        consume(Ahead { full, empty, part: None, start: 0 })
    })
}

/// Fills parts until the stream ends, or until nobody wants them any more.
fn pump(mut source: impl Read, filled: &SyncSender<io::Result<Part>>, emptied: &Receiver<Part>) {
    while let Ok(mut part) = emptied.recv() {
        part.end = 0;
        let outcome = fill(&mut source, &mut part);
        let is_full = part.end == PART_BYTES;
        // An empty part would look like the end of the stream, and hide an error that comes after it.
        if part.end > 0 && filled.send(Ok(part)).is_err() {
            return;
        }
        if let Err(error) = outcome {
            // Nobody may want to hear of it any more.
            let _ = filled.send(Err(error));
            return;
        }
        if !is_full {
            return;
        }
    }
}

/// Fills a part unless the stream ends before.
fn fill(source: &mut impl Read, part: &mut Part) -> io::Result<()> {
    while let Some(rest) = part.bytes.get_mut(part.end..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => part.end += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.part.as_ref().is_none_or(|part| part.end == self.start) {
            // The thread may have ended; then nobody fills this part again.
            let _ = self.part.take().map(|part| self.empty.send(part));
            self.part = self.full.recv().ok().transpose()?;
            self.start = 0;
        }
        Ok(self.part.as_ref().and_then(|part| part.bytes.get(self.start..part.end)).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        let end = self.part.as_ref().map_or(0, |part| part.end);
        self.start = self.start.saturating_add(bytes).min(end);
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that gives few bytes at a time and ends with an error, or not.
    struct Slow {
        left: usize,
        is_broken: bool,
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.left == 0 && self.is_broken {
                return Err(io::Error::other("broken"));
            }
            let read = self.left.min(buffer.len()).min(10_007);
            buffer[..read].fill(7);
            self.left -= read;
            Ok(read)
        }
    }

    fn read_all(left: usize, is_broken: bool) -> (usize, io::Result<usize>) {
        let mut bytes = Vec::new();
        let outcome = with(Slow { left, is_broken }, |mut ahead| ahead.read_to_end(&mut bytes));
        assert!(bytes.iter().all(|byte| *byte == 7));
        (bytes.len(), outcome)
    }

    #[test]
    fn everything_arrives_and_an_error_comes_after_what_was_before_it() {
        for bytes in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3_000_000] {
            assert_eq!(read_all(bytes, false).1.unwrap(), bytes);
            let (before, outcome) = read_all(bytes, true);
            assert_eq!((before, outcome.unwrap_err().to_string()), (bytes, "broken".to_owned()));
        }
    }

    #[test]
    fn the_thread_ends_when_nobody_wants_more() {
        let first = with(io::repeat(7), |mut ahead| ahead.fill_buf().map(<[u8]>::len));
        assert_eq!(first.unwrap(), PART_BYTES);
    }
}
