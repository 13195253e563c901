//! The last log lines of the vertices that wrote last: enough to show why a step failed, whatever the others print.

use std::collections::VecDeque;

use crate::buildx::text::plain;

/// Lines kept per vertex.
const TAIL_LINES: usize = 40;
/// Bytes kept of a line.
const LINE_BYTES: usize = 4 * 1024;
/// Vertices whose lines are kept: more than BuildKit runs at a time, so that the failing one is among them.
const MAX_TAILS: usize = 64;

/// The tails, the vertex that wrote last at the end.
#[derive(Debug, Default)]
pub(super) struct Tails(Vec<Tail>);

#[derive(Debug, Default)]
struct Tail {
    vertex: usize,
    lines: VecDeque<String>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Tails {
    /// Takes what a vertex wrote (stream 2 is standard error) and hands out each line that is now complete.
    pub(super) fn push(&mut self, vertex: usize, stream: i64, data: &[u8], mut complete: impl FnMut(&str)) {
        let mut tail = match self.0.iter().position(|tail| tail.vertex == vertex) {
            Some(position) => self.0.remove(position),
            None => Tail { vertex, ..Tail::default() },
        };
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            let partial = if stream == 2 { &mut tail.stderr } else { &mut tail.stdout };
            let text = piece.strip_suffix(b"\n");
            let room = LINE_BYTES.saturating_sub(partial.len());
            partial.extend(text.unwrap_or(piece).iter().take(room));
            if text.is_some() {
                let line = line(&std::mem::take(partial));
                complete(&line);
                tail.keep(line);
            }
        }
        if self.0.len() >= MAX_TAILS {
            self.0.remove(0);
        }
        self.0.push(tail);
    }

    /// The lines per vertex, unfinished ones included.
    pub(super) fn finish(self) -> impl Iterator<Item = (usize, Vec<String>)> {
        self.0.into_iter().map(|mut tail| {
            for partial in [std::mem::take(&mut tail.stdout), std::mem::take(&mut tail.stderr)] {
                if !partial.is_empty() {
                    tail.keep(line(&partial));
                }
            }
            (tail.vertex, tail.lines.into())
        })
    }
}

impl Tail {
    fn keep(&mut self, line: String) {
        if self.lines.len() >= TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// What a terminal would show of a line: of a progress bar drawn over itself only the last state.
fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches('\r');
    plain(text.rsplit('\r').next().unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(pieces: &[(i64, &[u8])]) -> Vec<String> {
        let mut tails = Tails::default();
        for (stream, data) in pieces {
            tails.push(7, *stream, data, |_| {});
        }
        tails.finish().find(|(vertex, _)| *vertex == 7).unwrap().1
    }

    #[test]
    fn partial_lines_are_joined_per_stream() {
        assert_eq!(tail_of(&[(1, b"one "), (2, b"oops\n"), (1, b"line\ntwo")]), ["oops", "one line", "two"]);
        assert_eq!(tail_of(&[(1, b"10%\r20%\r100%\r\n\xff\x1b[1mok\n")]), ["100%", "\u{fffd}ok"]);
    }

    #[test]
    fn only_the_newest_lines_and_the_start_of_a_long_one_are_kept() {
        let many = (0..100).map(|number| format!("{number}\n")).collect::<String>();
        let lines = tail_of(&[(1, many.as_bytes())]);
        assert_eq!((lines.len(), lines[0].as_str(), lines[39].as_str()), (TAIL_LINES, "60", "99"));
        assert_eq!(tail_of(&[(1, &[b'x'; 1_000_000]), (1, &[b'x'; 1_000_000])])[0].len(), LINE_BYTES);
    }

    #[test]
    fn a_vertex_that_was_silent_for_long_gives_way() {
        let mut tails = Tails::default();
        for vertex in 0..=MAX_TAILS {
            tails.push(vertex, 1, b"x\n", |_| {});
            tails.push(1, 1, b"still here\n", |_| {});
        }
        let kept: Vec<usize> = tails.finish().map(|(vertex, _)| vertex).collect();
        assert_eq!(kept.len(), MAX_TAILS);
        assert!(kept.contains(&1) && !kept.contains(&0) && kept.contains(&MAX_TAILS));
    }
}
