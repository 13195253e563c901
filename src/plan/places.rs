//! Where several cells would write over each other.

use std::collections::BTreeMap;

use super::args::{delivered, has, pushes};
use super::{Cell, Delivery};
use crate::report::CellId;

/// Cells of one image share its tags and destinations, so building two platforms one by one would leave only the last.
pub(super) fn shared_places(cells: &[Cell<'_>], delivery: &Delivery) -> Vec<String> {
    let mut writers: BTreeMap<String, Vec<&CellId>> = BTreeMap::new();
    for cell in cells {
        let outputs = || cell.image.outputs.iter().chain(&delivery.outputs);
        let named =
            |spec: &String| ["type=registry", "type=image", "type=docker"].iter().any(|kind| spec.starts_with(kind));
        // What is pushed is joined; the local engine and an image store have no place for more than one.
        let kept = |spec: &String| has(spec, "type=docker") || (has(spec, "type=image") && !pushes(spec));
        let is_written = match cell.is_joined {
            true => delivered(cell.image, delivery).iter().any(kept),
            false => delivery.push || delivery.load || outputs().any(named),
        };
        let tags = cell.image.tags.iter().filter(|_| is_written);
        let files = outputs().filter(|spec| spec.contains("dest=") || !spec.contains('='));
        for place in tags.map(|tag| format!("the tag {tag}")).chain(files.map(|spec| format!("the output {spec}"))) {
            writers.entry(place).or_default().push(&cell.id);
        }
    }
    let conflicts = writers.into_iter().filter(|(_, ids)| ids.len() > 1);
    conflicts
        .map(|(place, ids)| {
            let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let is_one_image =
                ids.windows(2).all(|pair| pair.first().map(|id| &id.image) == pair.last().map(|id| &id.image));
            let hint = match is_one_image && place.starts_with("the tag") {
                true => "several platforms can be pushed under one tag, not loaded; choose one with --platform",
                false => "choose one with --image and --platform, or give each a place of its own",
            };
            format!("{} would each write {place}, and only the last would stay; {hint}", names.join(" and "))
        })
        .collect()
}

/// An image can only be pushed under a name.
pub(super) fn nameless<'c>(cells: &'c [Cell<'_>], delivery: &Delivery) -> impl Iterator<Item = String> + 'c {
    let pushed = delivery.push;
    let nameless = cells.iter().filter(move |cell| pushed && cell.image.tags.is_empty());
    nameless.map(|cell| format!("{} has no tag to be pushed under; add `tags:` to the image", cell.id))
}
