//! Which rows matter most, and rows of one image taken together.

use std::collections::BTreeMap;

use crate::compare::{Change, Comparison, Row};
use crate::units::{ByteDelta, Bytes};

/// The rows of one image, most interesting first.
#[derive(Debug, Clone)]
pub struct ImageRows<'r, 'a> {
    /// The image's name, untrusted text.
    pub image: &'a str,
    /// Its rows; never empty.
    pub rows: Vec<&'r Row<'a>>,
}

impl<'r, 'a> ImageRows<'r, 'a> {
    /// The row with the largest difference.
    #[must_use]
    pub fn leader(&self) -> Option<&'r Row<'a>> {
        self.rows.iter().copied().reduce(|leader, row| if weight(row) > weight(leader) { row } else { leader })
    }
}

/// The rows that the comment's table shows: everything measured that is not unchanged, images with the largest
/// difference first.
#[must_use]
pub fn changed<'r, 'a>(comparison: &'r Comparison<'a>) -> Vec<ImageRows<'r, 'a>> {
    grouped(comparison, |row| !matches!(row.change, Change::Unchanged(_) | Change::NotMeasured(_)))
}

/// The rows in which nothing but noise changed.
#[must_use]
pub fn unchanged<'r, 'a>(comparison: &'r Comparison<'a>) -> Vec<ImageRows<'r, 'a>> {
    grouped(comparison, |row| matches!(row.change, Change::Unchanged(_)))
}

/// The rows without numbers.
#[must_use]
pub fn not_measured<'r, 'a>(comparison: &'r Comparison<'a>) -> Vec<ImageRows<'r, 'a>> {
    grouped(comparison, |row| matches!(row.change, Change::NotMeasured(_)))
}

fn grouped<'r, 'a>(comparison: &'r Comparison<'a>, keep: impl Fn(&Row<'a>) -> bool) -> Vec<ImageRows<'r, 'a>> {
    let mut images: BTreeMap<&str, Vec<&Row<'a>>> = BTreeMap::new();
    for row in comparison.rows.iter().filter(|row| keep(row)) {
        images.entry(&row.id.image).or_default().push(row);
    }
    let mut groups: Vec<_> = images.into_iter().map(|(image, rows)| ImageRows { image, rows }).collect();
    // The sort is stable, so that equal images stay in the order of their names.
    groups.sort_by_key(|group| std::cmp::Reverse(group.rows.iter().map(|row| weight(row)).max()));
    groups
}

/// How much a row's change weighs: the larger of growth and recompression, or the whole of what came or went.
fn weight(row: &Row<'_>) -> u64 {
    let image_bytes = |cell: Option<&crate::report::CellReport>| {
        cell.and_then(|cell| cell.image.as_ref()).map_or(0, |image| image.compressed_bytes)
    };
    match &row.change {
        Change::Changed(delta) | Change::Recompressed(delta) | Change::Unchanged(delta) => {
            delta.growth.0.unsigned_abs().max(delta.recompressed.0.unsigned_abs())
        }
        Change::Added => image_bytes(row.head),
        Change::Removed => image_bytes(row.base),
        Change::NotMeasured(_) | Change::NoBaseline | Change::BaseNotMeasured(_) => 0,
    }
}

/// The bytes that a row shows: of this run, else of the baseline.
#[must_use]
pub fn compressed(row: &Row<'_>) -> Option<Bytes> {
    let cell = row.head.or(row.base)?;
    cell.image.as_ref().map(|image| Bytes(image.compressed_bytes))
}

/// What several rows count: images when each has one platform, else cells.
#[must_use]
pub fn count(comparison: &Comparison<'_>, count: usize) -> String {
    let mut images: Vec<&str> = comparison.rows.iter().map(|row| row.id.image.as_str()).collect();
    images.dedup();
    let noun = if images.len() == comparison.rows.len() { "image" } else { "cell" };
    plural(count, noun)
}

/// `1 row`, `2 rows`.
#[must_use]
pub fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A difference with its percentage, when there is one: `+4.2 MB (+8.1 %)`.
#[must_use]
pub fn with_percent(delta: ByteDelta, percent: Option<crate::units::Percent>) -> String {
    percent.map_or_else(|| delta.to_string(), |percent| format!("{delta} ({percent})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample::{cell, layer, run};

    #[test]
    fn images_stand_by_their_largest_difference_and_platforms_by_name() {
        let of = |name: &str, platform, diff_id, megabytes: u64| {
            cell(name, platform, vec![layer(diff_id, megabytes * 1_000_000, "RUN make", 3)])
        };
        let base = run(vec![
            of("a", "linux/amd64", "1", 50),
            of("b", "linux/amd64", "1", 50),
            of("b", "linux/arm64", "1", 50),
            of("c", "linux/amd64", "1", 50),
        ]);
        let head = run(vec![
            of("a", "linux/amd64", "2", 51),
            of("b", "linux/amd64", "2", 51),
            of("b", "linux/arm64", "2", 45),
            of("c", "linux/amd64", "1", 50),
        ]);
        let comparison = compare(Some(&base), &head);
        let changed = changed(&comparison);
        let images: Vec<_> = changed.iter().map(|group| (group.image, group.rows.len())).collect();
        assert_eq!(images, [("b", 2), ("a", 1)]);
        assert_eq!(changed[0].leader().unwrap().id.platform.architecture, "arm64");
        assert_eq!(unchanged(&comparison)[0].image, "c");
        assert_eq!(count(&comparison, 1), "1 cell");
    }
}
