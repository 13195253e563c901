//! The files that hold the parts of a run, below the output directory where they are made, and wherever the CI system
//! brings them afterwards.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::baseline;
use crate::error::Exit;
use crate::fs::{self, ItemKind};
use crate::report::{Leg, Report, v1};

/// Where parts are made.
const FOLDER: &str = "parts";
/// More than the cells of any run; each takes a moment and some memory.
const MAX_PARTS: usize = 20_000;
/// How deep artifacts may lie: a directory for all, one for each.
const MAX_DEPTH: usize = 3;

/// Where parts are made, and looked for when no other place is named.
pub(super) fn folder(output: &Path) -> PathBuf {
    output.join(FOLDER)
}

/// Writes one file per cell, and removes what is left there of other runs.
///
/// # Errors
/// When the disk is full or the directory went away.
pub(super) fn write(output: &Path, mut report: Report, leg: &Leg) -> Result<Vec<PathBuf>> {
    let folder = cleared(output, leg)?;
    let cells = std::mem::take(&mut report.cells);
    report.leg = Some(leg.clone());
    let mut files = Vec::new();
    for cell in cells {
        let file = folder.join(leg.file_name(&cell.id.image, &cell.id.platform));
        report.cells = vec![cell];
        fs::write_atomic(&file, v1::to_json(&report).as_bytes())?;
        files.push(file);
    }
    Ok(files)
}

/// Writes all cells that were carried over into one file: they may be thousands, and none of them is built anew on its
/// own. Removes what is left there of other runs.
///
/// # Errors
/// When the disk is full or the directory went away.
pub(super) fn write_carried_over(output: &Path, report: Report, leg: &Leg) -> Result<()> {
    let folder = cleared(output, leg)?;
    if report.cells.is_empty() {
        return Ok(());
    }
    let part = Report { leg: Some(leg.clone()), ..report };
    fs::write_atomic_with(&folder.join(leg.name_of_carried_over()), |file| v1::write_line(&part, file))
}

/// The folder, in which only parts of this run are left.
fn cleared(output: &Path, leg: &Leg) -> Result<PathBuf> {
    let folder = folder(output);
    fs::create_dir_all(&folder)?;
    let ours = leg.prefix();
    for item in fs::list(&folder, MAX_PARTS)?.iter().filter(|item| !item.name.starts_with(&ours)) {
        fs::remove_file(&folder.join(&item.name))?;
    }
    Ok(folder)
}

/// The files of parts in these places, which are files or directories of them. There may be none, as where all jobs that
/// build were lost.
///
/// # Errors
/// When a place cannot be read.
pub(super) fn find(places: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for place in places {
        collect(place, 0, &mut files).context(Exit::usage("look for parts"))?;
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn collect(place: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if depth == 0 && !fs::is_directory(place) {
        files.push(place.to_owned());
        return Ok(());
    }
    for item in fs::list(place, MAX_PARTS.saturating_add(1))? {
        let path = place.join(&item.name);
        match item.kind {
            ItemKind::File if item.name.ends_with(".json") => files.push(path),
            ItemKind::Directory if depth < MAX_DEPTH => collect(&path, depth.saturating_add(1), files)?,
            ItemKind::File | ItemKind::Directory | ItemKind::Other => {}
        }
        if files.len() > MAX_PARTS {
            bail!("more than {MAX_PARTS} parts in {}", place.display());
        }
    }
    Ok(())
}

/// Reads a part.
///
/// # Errors
/// When it cannot be read or is no report, as when it was cut short.
pub(super) fn read(file: &Path) -> Result<Report> {
    if fs::length(file).is_none() {
        bail!("{} is not there; name the directory or the files that `weighbridge build` left", file.display());
    }
    v1::from_json(&fs::read_limited(file, baseline::REPORT_LIMIT_BYTES)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn parts_are_found_again_and_those_of_other_runs_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let leg = |run: &str| Leg { run: run.into(), attempt: 1, configuration: "c".into(), pushes: false };
        let report = sample::report();
        write(directory.path(), report.clone(), &leg("1")).unwrap();
        let written = write(directory.path(), report.clone(), &leg("12")).unwrap();
        assert_eq!(find(&[directory.path().to_owned()]).unwrap(), written);
        assert_eq!(find(&written).unwrap(), written);
        let part = read(&written[0]).unwrap();
        assert_eq!((part.leg, part.cells), (Some(leg("12")), report.cells));
        fs::write_atomic(&written[0], b"{\"schema_version\": 1, \"cel").unwrap();
        assert!(format!("{:#}", read(&written[0]).unwrap_err()).contains("EOF"));
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(find(&[empty.path().to_owned()]).unwrap(), Vec::<PathBuf>::new());
        let absent = empty.path().join("x");
        assert_eq!(find(std::slice::from_ref(&absent)).unwrap(), std::slice::from_ref(&absent));
        assert!(format!("{:#}", read(&absent).unwrap_err()).contains("is not there; name the directory"));
    }
}
