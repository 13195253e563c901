//! What tells of vulnerabilities: the answers of scanners that the user brings, and else a scanner that is asked.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::GivenScan;
use crate::error::Exit;
use crate::measure::scan::read_given;
use crate::plan::Plan;
use crate::plan::redact::Redactor;
use crate::report::CellId;
use crate::report::scan::Scan;

/// Reads the answers that are given, each for one cell.
///
/// # Errors
/// When one is for no cell or for several, or its file is none of a scanner: exit code 2.
pub(super) fn given(
    scans: &[GivenScan],
    plan: &Plan<'_>,
    directory: &Path,
    redactor: &Redactor,
) -> Result<BTreeMap<CellId, Scan>> {
    let mut given = BTreeMap::new();
    for GivenScan { image, platform, file } in scans {
        let is_meant = |id: &&CellId| id.image == *image && platform.as_ref().is_none_or(|one| id.platform == *one);
        let ids: Vec<&CellId> = plan.cells.iter().map(|cell| &cell.id).filter(is_meant).collect();
        let id = match ids.as_slice() {
            [id] => (*id).clone(),
            [] => bail!(Exit::usage(format!("--scan {}: no such build", file.display()) + &all(plan))),
            [..] => bail!(Exit::usage(format!("--scan {}: which platform of {image:?}?", file.display()) + &all(plan))),
        };
        let mut scan = read_given(&directory.join(file)).with_context(|| Exit::usage("--scan"))?;
        scan.texts().into_iter().for_each(|text| redactor.scrub(text));
        if given.insert(id.clone(), scan).is_some() {
            bail!(Exit::usage(format!("--scan is given twice for {id}")));
        }
    }
    Ok(given)
}

fn all(plan: &Plan<'_>) -> String {
    let ids: Vec<String> = plan.cells.iter().map(|cell| format!("{}/{}", cell.id.image, cell.id.platform)).collect();
    format!("; expected one of {}", ids.join(", "))
}
