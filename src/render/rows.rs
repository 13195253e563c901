//! Which rows matter most, and rows of one image taken together.

use std::collections::BTreeMap;

use crate::compare::{Change, Comparison, Row};
use crate::units::{ByteDelta, Bytes};

/// How equal an unchanged image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equality {
    /// Its layers hold what they held.
    Identical,
    /// It differs by no more than noise.
    WithinNoise,
}

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

/// The unchanged rows whose content is the same, or those whose content differs by noise.
#[must_use]
pub fn unchanged_with<'r, 'a>(comparison: &'r Comparison<'a>, equality: Equality) -> Vec<ImageRows<'r, 'a>> {
    grouped(comparison, |row| match &row.change {
        Change::Unchanged(delta) => delta.is_identical() == (equality == Equality::Identical),
        _ => false,
    })
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

/// The platform of the image's largest difference, when not all of its platforms changed alike.
#[must_use]
pub fn odd_platform(comparison: &Comparison<'_>, image: &ImageRows<'_, '_>) -> Option<String> {
    let leader = image.leader()?;
    let mut others = comparison.rows.iter().filter(|row| row.id.image == image.image);
    (!others.all(|row| changed_alike(leader, row))).then(|| leader.id.platform.to_string())
}

/// Whether the difference between two changes is noise.
fn changed_alike(leader: &Row<'_>, row: &Row<'_>) -> bool {
    match (leader.delta(), row.delta()) {
        (Some(leader), Some(delta)) => {
            let difference = |a: ByteDelta, b: ByteDelta| ByteDelta(a.0.saturating_sub(b.0));
            leader.is_noise_part(difference(leader.growth, delta.growth))
                && leader.is_noise_part(difference(leader.recompressed, delta.recompressed))
        }
        (None, None) => std::mem::discriminant(&leader.change) == std::mem::discriminant(&row.change),
        _ => false,
    }
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

/// What several rows count: images when each has one platform, else builds.
#[must_use]
pub fn count(comparison: &Comparison<'_>, count: usize) -> String {
    let mut images: Vec<&str> = comparison.rows.iter().map(|row| row.id.image.as_str()).collect();
    images.dedup();
    let noun = if images.len() == comparison.rows.len() { "image" } else { "build" };
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
        assert_eq!(count(&comparison, 1), "1 build");
        assert_eq!(odd_platform(&comparison, &changed[0]).as_deref(), Some("linux/arm64"));
        assert_eq!(odd_platform(&comparison, &changed[1]), None);
    }

    #[test]
    fn a_platform_is_odd_only_by_more_than_noise() {
        let of = |diff_id: &str, amd64: u64, arm64: u64| {
            let cell = |platform, bytes| cell("a", platform, vec![layer(diff_id, bytes, "RUN make", 3)]);
            run(vec![cell("linux/amd64", amd64), cell("linux/arm64", arm64)])
        };
        let base = of("1", 50_000_000, 40_000_000);
        for (head, expected) in [
            (of("2", 51_000_000, 41_040_000), None),
            (of("2", 51_000_000, 41_100_000), Some("linux/arm64")),
            (of("2", 51_000_000, 40_000_000), Some("linux/amd64")),
        ] {
            let comparison = compare(Some(&base), &head);
            assert_eq!(odd_platform(&comparison, &changed(&comparison)[0]).as_deref(), expected);
        }
        let new = run(vec![]);
        let comparison = compare(Some(&new), &base);
        assert_eq!(odd_platform(&comparison, &changed(&comparison)[0]), None);
    }
}
