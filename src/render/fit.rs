//! Pieces of a document, fitted into a limit: what matters least goes first, in whole items, and the cut is stated.

use super::rows::plural;

/// What the note about a cut may take.
const NOTE_BYTES: usize = 80;

/// A part of a document, in the order of reading.
pub(super) enum Piece {
    /// Always there.
    Fixed(String),
    /// As many of its items as fit.
    Block(Block),
}

/// Items that may be left out from the end.
pub(super) struct Block {
    /// The lower, the longer it stays whole.
    pub(super) rank: u8,
    /// What stands before the items, when there are any.
    pub(super) open: String,
    /// The items, most interesting first, each ending with its line break.
    pub(super) items: Vec<String>,
    /// What stands after the items, when there are any.
    pub(super) close: String,
    /// What an item is, in the singular.
    pub(super) noun: &'static str,
}

/// Puts the pieces together in at most `limit_bytes`, given that the fixed ones leave room. A byte is the upper bound
/// of what any forge counts as a character.
pub(super) fn fit(pieces: Vec<Piece>, limit_bytes: usize) -> String {
    let frame = |piece: &Piece| match piece {
        Piece::Fixed(text) => text.len(),
        Piece::Block(block) if block.items.is_empty() => 0,
        Piece::Block(block) => block.open.len() + block.close.len() + NOTE_BYTES,
    };
    let mut left = limit_bytes.saturating_sub(pieces.iter().map(frame).sum());
    let mut ranked: Vec<(usize, &Block)> = pieces
        .iter()
        .enumerate()
        .filter_map(|(index, piece)| match piece {
            Piece::Block(block) => Some((index, block)),
            Piece::Fixed(_) => None,
        })
        .collect();
    ranked.sort_by_key(|(_, block)| block.rank);
    let mut kept = vec![0; pieces.len()];
    for (index, block) in ranked {
        let fitting = block.items.iter().take_while(|item| {
            let rest = left.checked_sub(item.len());
            left = rest.unwrap_or(left);
            rest.is_some()
        });
        let count = fitting.count();
        if let Some(kept) = kept.get_mut(index) {
            *kept = count;
        }
    }
    pieces.into_iter().zip(kept).map(|(piece, kept)| show(piece, kept)).collect()
}

fn show(piece: Piece, kept: usize) -> String {
    let block = match piece {
        Piece::Fixed(text) => return text,
        Piece::Block(block) if block.items.is_empty() => return String::new(),
        Piece::Block(block) => block,
    };
    let left_out = block.items.len().saturating_sub(kept);
    let body = match kept {
        0 => String::new(),
        kept => block.open + &block.items.into_iter().take(kept).collect::<String>() + &block.close,
    };
    match (kept, left_out) {
        (_, 0) => body,
        (0, left_out) => format!("{} left out: see report.json\n\n", plural(left_out, block.noun)),
        (_, left_out) => {
            let more = plural(left_out, &format!("more {}", block.noun));
            format!("{}\n\n{more}: see report.json\n\n", body.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(rank: u8, count: usize) -> Piece {
        let items = (0..count).map(|index| format!("- {rank} {index:07}\n")).collect();
        Piece::Block(Block { rank, open: "open\n".into(), items, close: "close\n".into(), noun: "row" })
    }

    #[test]
    fn what_matters_least_goes_first_and_the_cut_is_stated() {
        let pieces = || vec![Piece::Fixed("fixed\n".into()), block(2, 3), block(1, 3)];
        let whole = fit(pieces(), 1_000);
        assert!(!whole.contains("more") && whole.contains("- 2 0000002"));
        insta::assert_snapshot!(fit(pieces(), 240), @"
        fixed
        open
        - 2 0000000
        close

        2 more rows: see report.json

        open
        - 1 0000000
        - 1 0000001
        - 1 0000002
        close
        ");
        insta::assert_snapshot!(fit(pieces(), 0), @"
        fixed
        3 rows left out: see report.json

        3 rows left out: see report.json
        ");
    }

    #[test]
    fn no_limit_that_leaves_room_for_the_frame_is_exceeded() {
        for limit_bytes in (200..5_000).step_by(37) {
            let document = fit(vec![block(3, 90), block(1, 90), block(2, 90), block(0, 0)], limit_bytes.max(300));
            assert!(document.len() <= limit_bytes.max(300), "{limit_bytes}");
        }
    }
}
