//! The comparison for machines: `compare --format json`. Fields may be added; none is renamed or removed.

mod inside;
mod scan;

use serde::Serialize;

use super::headline;
use super::rows::compressed;
use crate::compare::duration::WallDelta;
use crate::compare::layers::{LayerChange, shown_instruction};
use crate::compare::ledger::Ledger;
use crate::compare::weight::Delta;
use crate::compare::{Baseline, Change, Comparison, Row, verdict};
use crate::report::v1::{self, types};
use crate::units::Percent;

/// The comparison of two reports, schema 1.
#[derive(Debug, Serialize)]
struct Document {
    schema_version: u64,
    /// The verdict in words, without markup.
    headline: String,
    verdict: types::Verdict,
    baseline: BaselineDocument,
    /// The account of all remote caches; absent where none was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<LedgerDocument>,
    /// One entry per cell of either side, sorted by image and platform.
    rows: Vec<RowDocument>,
}

/// Either how the baseline was chosen or why there is none.
#[derive(Debug, Serialize)]
struct BaselineDocument {
    found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commits_older: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct RowDocument {
    image: String,
    platform: String,
    /// `added`, `removed`, `changed`, `recompressed`, `unchanged`, `not_measured`, `no_baseline`, `base_not_measured`.
    change: &'static str,
    /// Why there are no numbers to compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Of this run; of a removed cell, of the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    compressed_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<DeltaDocument>,
    /// What changed inside of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<inside::InsideDocument>,
    /// What a scanner of vulnerabilities says of it; absent where it was not scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    scan: Option<scan::ScanDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall: Option<WallDocument>,
    /// The account of the cell's remote caches.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<LedgerDocument>,
}

/// What remote caches cost and spared.
#[derive(Debug, Serialize)]
struct LedgerDocument {
    import_seconds: f64,
    export_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    imported_bytes: Option<u64>,
    served_steps: usize,
    /// What those steps took when they last ran, as far as it is known.
    spared_seconds: f64,
    /// How many of them nobody has timed.
    unknown_steps: usize,
}

/// Differences, head minus base.
#[derive(Debug, Serialize)]
struct DeltaDocument {
    compressed_bytes: i64,
    compressed_percent: Option<f64>,
    /// Absent where no layer was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    uncompressed_bytes: Option<i64>,
    uncompressed_percent: Option<f64>,
    /// The part of `compressed_bytes` that equal content compressed to other lengths makes up.
    recompressed_bytes: i64,
    /// `compressed_bytes` without `recompressed_bytes`.
    growth_bytes: i64,
    /// The part of `growth_bytes` in own layers; absent when a layer's origin could not be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    own_growth_bytes: Option<i64>,
    /// The part of `growth_bytes` in layers of the base image.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_growth_bytes: Option<i64>,
    /// Layers of this run that are not the same as before, then those that are gone.
    layers: Vec<LayerDocument>,
    /// Base images of another digest.
    base_images: Vec<BaseImageDocument>,
}

#[derive(Debug, Serialize)]
struct LayerDocument {
    /// `added`, `removed`, `rewritten`, `edited`, `recompressed`.
    change: &'static str,
    diff_id: String,
    instruction: String,
    /// Of this run's Dockerfile; of a removed layer, of the baseline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    dockerfile_line: Option<u32>,
    compressed_bytes_delta: i64,
}

#[derive(Debug, Serialize)]
struct BaseImageDocument {
    name: String,
    base_digest: Option<String>,
    head_digest: Option<String>,
}

#[derive(Debug, Serialize)]
struct WallDocument {
    /// Absent when the times may not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_seconds: Option<f64>,
    /// Why they may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_comparable: Option<String>,
}

/// The comparison as JSON, ending with a newline.
#[must_use]
pub fn render(comparison: &Comparison<'_>) -> String {
    let document = Document {
        schema_version: 1,
        headline: headline(comparison),
        verdict: verdict::overall(comparison.head).into(),
        baseline: baseline(&comparison.baseline),
        cache: Ledger::total(comparison.head).map(|total| ledger(&total)),
        rows: comparison.rows.iter().map(row).collect(),
    };
    // Serialising plain structs of strings and finite numbers has no way to fail.
    let mut json = serde_json::to_string_pretty(&document).unwrap_or_default();
    json.push('\n');
    // In a workflow's log the runner takes `##[` anywhere in a line for a command; in JSON the escape means the same.
    json.replace("##[", "##\\u005b")
}

fn ledger(ledger: &Ledger) -> LedgerDocument {
    LedgerDocument {
        import_seconds: v1::seconds(ledger.import),
        export_seconds: v1::seconds(ledger.export),
        imported_bytes: ledger.imported_bytes,
        served_steps: ledger.served_steps,
        spared_seconds: v1::seconds(ledger.spared),
        unknown_steps: ledger.unknown_steps,
    }
}

fn baseline(baseline: &Baseline) -> BaselineDocument {
    let none =
        BaselineDocument { found: false, sha: None, chosen_by: None, commits_older: None, store: None, reason: None };
    match baseline {
        Baseline::Missing(reason) => BaselineDocument { reason: Some(reason.clone()), ..none },
        Baseline::Found(base) => BaselineDocument {
            found: true,
            sha: base.sha.clone(),
            chosen_by: Some(base.chosen_by.clone()),
            commits_older: Some(base.commits_older),
            store: base.store.clone(),
            ..none
        },
    }
}

fn row(row: &Row<'_>) -> RowDocument {
    let (change, reason) = match &row.change {
        Change::Added => ("added", None),
        Change::Removed => ("removed", None),
        Change::Changed(_) => ("changed", None),
        Change::Recompressed(_) => ("recompressed", None),
        Change::Unchanged(_) => ("unchanged", None),
        Change::NotMeasured(reason) => ("not_measured", Some(reason.clone())),
        Change::NoBaseline => ("no_baseline", None),
        Change::BaseNotMeasured(reason) => ("base_not_measured", Some(reason.clone())),
    };
    let measured = !matches!(row.change, Change::NotMeasured(_));
    RowDocument {
        image: row.id.image.clone(),
        platform: row.id.platform.to_string(),
        change,
        reason,
        compressed_bytes: compressed(row).filter(|_| measured).map(|bytes| bytes.0),
        delta: row.delta().map(delta),
        contents: inside::document(&row.inside),
        scan: row.scan.as_ref().map(scan::document),
        wall: wall(&row.wall),
        cache: row.head.and_then(Ledger::of).map(|own| ledger(&own)),
    }
}

/// Rounded to two decimals.
fn percent(percent: Option<Percent>) -> Option<f64> {
    percent.map(|percent| (percent.0 * 100.0).round() / 100.0)
}

fn delta(delta: &Delta<'_>) -> DeltaDocument {
    DeltaDocument {
        compressed_bytes: delta.compressed.0,
        compressed_percent: percent(delta.compressed_percent),
        uncompressed_bytes: delta.knows_uncompressed().then_some(delta.uncompressed.0),
        uncompressed_percent: percent(delta.uncompressed_percent),
        recompressed_bytes: delta.recompressed.0,
        growth_bytes: delta.growth.0,
        own_growth_bytes: delta.split.map(|split| split.own.0),
        base_growth_bytes: delta.split.map(|split| split.base.0),
        layers: delta.layers.iter().filter_map(layer).collect(),
        base_images: delta
            .base_images
            .iter()
            .map(|image| BaseImageDocument {
                name: image.name.to_owned(),
                base_digest: image.base.map(str::to_owned),
                head_digest: image.head.map(str::to_owned),
            })
            .collect(),
    }
}

fn layer(change: &LayerChange<'_>) -> Option<LayerDocument> {
    let name = match change {
        LayerChange::Same(_) => return None,
        LayerChange::Recompressed { .. } => "recompressed",
        LayerChange::Rewritten { .. } => "rewritten",
        LayerChange::Edited { .. } => "edited",
        LayerChange::Added(_) => "added",
        LayerChange::Removed(_) => "removed",
    };
    let layer = change.layer();
    Some(LayerDocument {
        change: name,
        diff_id: layer.diff_id.clone(),
        instruction: shown_instruction(layer),
        dockerfile_line: layer.dockerfile_line,
        compressed_bytes_delta: change.compressed().0,
    })
}

fn wall(wall: &WallDelta) -> Option<WallDocument> {
    match wall {
        WallDelta::None => None,
        WallDelta::NotComparable(reason) => {
            Some(WallDocument { base_seconds: None, head_seconds: None, not_comparable: Some(reason.clone()) })
        }
        WallDelta::Comparable { base, head } => Some(WallDocument {
            base_seconds: Some(v1::seconds(*base)),
            head_seconds: Some(v1::seconds(*head)),
            not_comparable: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::compare::compare;
    use crate::render::scene;

    #[test]
    fn the_json_of_each_situation() {
        for (name, base, head) in scene::all() {
            let json = super::render(&compare(base.as_ref(), &head));
            if ["regression", "caches", "missing baseline", "failed cell", "looked into"].contains(&name) {
                scene::assert_snapshot(&format!("{name}.json"), &json);
            }
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value["schema_version"], 1, "{name}");
        }
    }
}
