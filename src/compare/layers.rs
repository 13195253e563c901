//! Which layer of the baseline became which layer of this run.
//!
//! Content decides first: equal diff_ids are the same layer, whatever their compressed length. What is left is
//! matched by instruction text in order, then, where exactly one layer of each side is left between two matched
//! neighbours, by place with the same keyword: that instruction was edited. The rest was added or removed.

use std::collections::{BTreeMap, VecDeque};

use crate::report::Layer;
use crate::units::{ByteDelta, Bytes};

/// What became of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerChange<'a> {
    /// Same content, same compressed length.
    Same(&'a Layer),
    /// Same content, other compressed length: never growth.
    Recompressed {
        /// In the baseline.
        base: &'a Layer,
        /// In this run.
        head: &'a Layer,
    },
    /// Other content of the same instruction.
    Rewritten {
        /// In the baseline.
        base: &'a Layer,
        /// In this run.
        head: &'a Layer,
    },
    /// The instruction itself was edited.
    Edited {
        /// In the baseline.
        base: &'a Layer,
        /// In this run.
        head: &'a Layer,
    },
    /// Only in this run.
    Added(&'a Layer),
    /// Only in the baseline.
    Removed(&'a Layer),
}

impl<'a> LayerChange<'a> {
    /// The layer in this run; of a removed layer, the one in the baseline.
    #[must_use]
    pub fn layer(&self) -> &'a Layer {
        match self {
            Self::Same(layer) | Self::Added(layer) | Self::Removed(layer) => layer,
            Self::Recompressed { head, .. } | Self::Rewritten { head, .. } | Self::Edited { head, .. } => head,
        }
    }

    /// The layer in the baseline, if there is one and it is not the same.
    #[must_use]
    pub fn base_layer(&self) -> Option<&'a Layer> {
        match self {
            Self::Same(_) | Self::Added(_) => None,
            Self::Removed(layer) => Some(layer),
            Self::Recompressed { base, .. } | Self::Rewritten { base, .. } | Self::Edited { base, .. } => Some(base),
        }
    }

    /// The layer in this run, if it has it.
    #[must_use]
    pub fn head_layer(&self) -> Option<&'a Layer> {
        (!matches!(self, Self::Removed(_))).then(|| self.layer())
    }

    /// The difference in compressed bytes.
    #[must_use]
    pub fn compressed(&self) -> ByteDelta {
        self.delta(|layer| layer.compressed_bytes)
    }

    /// The difference in uncompressed bytes.
    #[must_use]
    pub fn uncompressed(&self) -> ByteDelta {
        self.delta(|layer| layer.uncompressed_bytes)
    }

    fn delta(&self, bytes: impl Fn(&Layer) -> u64) -> ByteDelta {
        let bytes = |layer: &Layer| Bytes(bytes(layer));
        match self {
            Self::Same(_) => ByteDelta(0),
            Self::Recompressed { base, head } | Self::Rewritten { base, head } | Self::Edited { base, head } => {
                bytes(head).delta_from(bytes(base))
            }
            Self::Added(layer) => bytes(layer).delta_from(Bytes(0)),
            Self::Removed(layer) => Bytes(0).delta_from(bytes(layer)),
        }
    }
}

/// Matches two stacks of layers. The changes stand in the order of the head, removed layers last.
#[must_use]
pub fn compare<'a>(base: &'a [Layer], head: &'a [Layer]) -> Vec<LayerChange<'a>> {
    let mut pairs: Vec<Option<(usize, LayerChange<'a>)>> = vec![None; head.len()];
    let mut left: Vec<Option<&Layer>> = base.iter().map(Some).collect();

    match_by(base, head, &mut left, &mut pairs, |layer| Some(layer.diff_id.clone()), same_content);
    match_by(
        base,
        head,
        &mut left,
        &mut pairs,
        |layer| instruction_key(&layer.created_by),
        |base, head| LayerChange::Rewritten { base, head },
    );
    match_by_place(head, &mut left, &mut pairs);

    let kept = head.iter().zip(pairs).map(|(head, pair)| pair.map_or(LayerChange::Added(head), |(_, change)| change));
    kept.chain(left.into_iter().flatten().map(LayerChange::Removed)).collect()
}

fn same_content<'a>(base: &'a Layer, head: &'a Layer) -> LayerChange<'a> {
    if base.compressed_bytes == head.compressed_bytes {
        LayerChange::Same(head)
    } else {
        LayerChange::Recompressed { base, head }
    }
}

/// Pairs what has the same key, first with first, as each side may hold a key several times.
fn match_by<'a>(
    base: &'a [Layer],
    head: &'a [Layer],
    left: &mut [Option<&Layer>],
    pairs: &mut [Option<(usize, LayerChange<'a>)>],
    key: impl Fn(&Layer) -> Option<String>,
    change: impl Fn(&'a Layer, &'a Layer) -> LayerChange<'a>,
) {
    let mut candidates: BTreeMap<String, VecDeque<(usize, &'a Layer)>> = BTreeMap::new();
    for ((index, layer), _) in base.iter().enumerate().zip(left.iter()).filter(|(_, left)| left.is_some()) {
        if let Some(key) = key(layer) {
            candidates.entry(key).or_default().push_back((index, layer));
        }
    }
    for (layer, pair) in head.iter().zip(pairs).filter(|(_, pair)| pair.is_none()) {
        let found = key(layer).and_then(|key| candidates.get_mut(&key)?.pop_front());
        if let Some((index, base)) = found {
            *pair = Some((index, change(base, layer)));
            left.get_mut(index).map(Option::take);
        }
    }
}

/// Pairs a lone layer of each side that follows the same matched neighbour and has the same keyword.
fn match_by_place<'a>(
    head: &'a [Layer],
    left: &mut [Option<&'a Layer>],
    pairs: &mut [Option<(usize, LayerChange<'a>)>],
) {
    type Gap<'a> = (Vec<(usize, &'a Layer)>, Vec<(usize, &'a Layer)>);
    let mut gaps: BTreeMap<Option<usize>, Gap<'a>> = BTreeMap::new();
    let mut neighbour = None;
    for (index, layer) in left.iter().enumerate() {
        match layer {
            Some(layer) => gaps.entry(neighbour).or_default().0.push((index, layer)),
            None => neighbour = Some(index),
        }
    }
    let mut neighbour = None;
    for ((index, layer), pair) in head.iter().enumerate().zip(pairs.iter()) {
        match pair {
            Some((base_index, _)) => neighbour = Some(*base_index),
            None => gaps.entry(neighbour).or_default().1.push((index, layer)),
        }
    }
    for (base_side, head_side) in gaps.into_values() {
        let ([(base_index, base)], [(head_index, head)]) = (base_side.as_slice(), head_side.as_slice()) else {
            continue;
        };
        let same_kind = base.base == head.base && keyword(&base.created_by) == keyword(&head.created_by);
        if let (true, Some(pair)) = (same_kind, pairs.get_mut(*head_index)) {
            *pair = Some((*base_index, LayerChange::Edited { base, head }));
            left.get_mut(*base_index).map(Option::take);
        }
    }
}

fn keyword(created_by: &str) -> Option<String> {
    instruction(created_by).split_whitespace().next().map(str::to_owned)
}

fn instruction_key(created_by: &str) -> Option<String> {
    Some(instruction(created_by)).filter(|text| !text.is_empty())
}

/// What wrote a layer, for people: the text of the Dockerfile, else of the history; empty when neither is known.
#[must_use]
pub fn shown_instruction(layer: &Layer) -> String {
    layer.instruction.clone().unwrap_or_else(|| instruction(&layer.created_by))
}

/// The instruction as the history tells it: `created_by` without the shell, build arguments and marks that
/// builders put around it, on one line.
#[must_use]
pub fn instruction(created_by: &str) -> String {
    let words: Vec<&str> = created_by.split_whitespace().collect();
    let words = match words.as_slice() {
        [words @ .., "#", "buildkit"] => words,
        words => words,
    };
    let (keyword, rest) = match words {
        ["RUN", rest @ ..] => (Some("RUN"), rest),
        ["/bin/sh", "-c", "#(nop)", rest @ ..] => (None, rest),
        ["/bin/sh", "-c", ..] => (Some("RUN"), words),
        _ => (None, words),
    };
    let rest = match rest.first().and_then(|word| word.strip_prefix('|')).map(str::parse::<usize>) {
        // `|2 A=x B=y /bin/sh -c …`: values may hold spaces, so the shell is looked for instead of counting.
        Some(Ok(_)) => rest.iter().position(|word| *word == "/bin/sh").map_or(rest, |at| rest.split_at(at).1),
        _ => rest,
    };
    let rest = match rest {
        ["/bin/sh", "-c", rest @ ..] => rest,
        rest => rest,
    };
    keyword.iter().chain(rest).map(|word| without_content_hash(word)).collect::<Vec<_>>().join(" ")
}

/// The classic builder names copied content by its hash (`file:0a1b…`), which says nothing to a reader.
fn without_content_hash(word: &str) -> &str {
    for prefix in ["file:", "dir:", "multi:"] {
        let hash =
            word.strip_prefix(prefix).filter(|hash| hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit()));
        if hash.is_some() {
            return prefix.trim_end_matches(':');
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{base_layer, layer};

    fn summary(base: &[Layer], head: &[Layer]) -> Vec<(&'static str, String, i64)> {
        let name = |change: &LayerChange<'_>| match change {
            LayerChange::Same(_) => "same",
            LayerChange::Recompressed { .. } => "recompressed",
            LayerChange::Rewritten { .. } => "rewritten",
            LayerChange::Edited { .. } => "edited",
            LayerChange::Added(_) => "added",
            LayerChange::Removed(_) => "removed",
        };
        compare(base, head)
            .iter()
            .map(|change| (name(change), change.layer().diff_id.replace("sha256:", ""), change.compressed().0))
            .collect()
    }

    #[test]
    fn content_matches_before_text_and_recompression_is_not_growth() {
        let base = [layer("a", 10, "RUN one", 2), layer("b", 20, "RUN two", 3), layer("c", 30, "COPY . .", 4)];
        let head = [layer("b", 25, "RUN two", 2), layer("x", 11, "RUN one", 3), layer("c", 30, "COPY . .", 4)];
        assert_eq!(
            summary(&base, &head),
            [("recompressed", "b".into(), 5), ("rewritten", "x".into(), 1), ("same", "c".into(), 0)]
        );
    }

    #[test]
    fn layers_that_stand_twice_are_matched_once_each() {
        let base = [layer("empty", 1, "WORKDIR /a", 2), layer("empty", 1, "WORKDIR /b", 3)];
        let head = [layer("empty", 1, "WORKDIR /a", 2)];
        assert_eq!(summary(&base, &head), [("same", "empty".into(), 0), ("removed", "empty".into(), -1)]);
        assert_eq!(summary(&head, &base), [("same", "empty".into(), 0), ("added", "empty".into(), 1)]);
    }

    #[test]
    fn an_edited_instruction_is_matched_by_its_place_and_keyword() {
        let base = [base_layer("os", 9), layer("a", 10, "RUN pip install x", 2), layer("c", 30, "COPY . .", 3)];
        let head = [base_layer("os", 9), layer("b", 16, "RUN pip install x y", 2), layer("c", 30, "COPY . .", 3)];
        assert_eq!(
            summary(&base, &head),
            [("same", "os".into(), 0), ("edited", "b".into(), 6), ("same", "c".into(), 0)]
        );

        let head = [base_layer("os", 9), layer("b", 16, "ADD x /", 2), layer("c", 30, "COPY . .", 3)];
        assert_eq!(
            summary(&base, &head),
            [
                ("same", "os".into(), 0),
                ("added", "b".into(), 16),
                ("same", "c".into(), 0),
                ("removed", "a".into(), -10)
            ]
        );
    }

    #[test]
    fn layers_are_matched_by_their_history_and_shown_as_the_dockerfile_has_them() {
        let written = |layer: Layer, text: &str| Layer { instruction: Some(text.to_owned()), ..layer };
        let base = [written(layer("a", 10, "COPY /out /app # buildkit", 2), "COPY --from=one /out /app")];
        let head = [written(layer("b", 16, "COPY /out /app # buildkit", 2), "COPY --from=two /out /app")];
        assert_eq!(summary(&base, &head), [("rewritten", "b".into(), 6)]);
        assert_eq!(shown_instruction(&head[0]), "COPY --from=two /out /app");
        assert_eq!(shown_instruction(&layer("c", 1, "COPY /out /app # buildkit", 2)), "COPY /out /app");
    }

    #[test]
    fn the_instruction_is_freed_of_what_builders_put_around_it() {
        for (created_by, text) in [
            ("RUN /bin/sh -c apt-get  update # buildkit", "RUN apt-get update"),
            ("RUN |2 A=1 B=x y /bin/sh -c make # buildkit", "RUN make"),
            ("/bin/sh -c apt-get update", "RUN apt-get update"),
            ("COPY . /app # buildkit", "COPY . /app"),
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"),
            ("# debian.sh --arch 'amd64'", "# debian.sh --arch 'amd64'"),
            ("RUN |x", "RUN |x"),
            ("", ""),
        ] {
            assert_eq!(instruction(created_by), text, "{created_by}");
        }
        let hashed = format!("/bin/sh -c #(nop) ADD file:{} in / ", "0a".repeat(32));
        assert_eq!(instruction(&hashed), "ADD file in /");
    }
}
