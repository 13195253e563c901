//! What tells of vulnerabilities: the answers of scanners that the user brings, and else a scanner that is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::session::Session;
use crate::cli::CompareArgs;
use crate::config::{GivenScan, ScanWith, Side, SideScan};
use crate::error::Exit;
use crate::fs;
use crate::measure::scan::{Asked, choose, read_given, scan_image};
use crate::plan::Plan;
use crate::plan::redact::Redactor;
use crate::report::scan::Scan;
use crate::report::{CellId, Report};

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

/// What is known of the vulnerabilities of two images.
#[derive(Debug, Default)]
pub(super) struct ScansOfTwo {
    /// Whether no scanner is asked.
    is_off: bool,
    base: Option<Scan>,
    head: Option<Scan>,
}

impl ScansOfTwo {
    /// Reads the answers that are given, each for one of the images.
    ///
    /// # Errors
    /// When two are for the same, or a file is none of a scanner: exit code 2.
    pub(super) fn given(session: &Session, args: &CompareArgs) -> Result<Self> {
        // A scanner reads every layer.
        let mut given = Self { is_off: args.sizes_only, ..Self::default() };
        for scan in &args.scan {
            let (name, slot, file) = match scan {
                SideScan::Off => {
                    given.is_off = true;
                    continue;
                }
                SideScan::Given(Side::Base, file) => ("base", &mut given.base, file),
                SideScan::Given(Side::Head, file) => ("head", &mut given.head, file),
            };
            let scan = read_given(&session.env.directory.join(file)).with_context(|| Exit::usage("--scan"))?;
            if slot.replace(scan).is_some() {
                bail!(Exit::usage(format!("--scan is given twice for {name}")));
            }
        }
        Ok(given)
    }

    /// Puts them into the reports of the two images. A scanner that is installed is asked about what is not given, where
    /// all of that are directories, which scanners can read: one side alone tells no difference.
    pub(super) async fn add(
        self,
        session: &Session,
        reports: [&mut Report; 2],
        layouts: [Option<PathBuf>; 2],
    ) -> Result<()> {
        let asked = choose(ScanWith::Installed, session.env.get("PATH"), &session.env.directory);
        let given = [self.base, self.head];
        let can_ask = given.iter().zip(&layouts).all(|(scan, layout)| scan.is_some() || layout.is_some());
        let is_alike = |asked: &Asked| given.iter().flatten().all(|scan| scan.scanner == asked.scanner);
        let asked = asked.filter(|asked| can_ask && !self.is_off && is_alike(asked));
        for ((report, given), layout) in reports.into_iter().zip(given).zip(layouts) {
            let Some(cell) = report.cells.first_mut() else { continue };
            let Some(image) = &mut cell.image else { continue };
            match (given, asked, layout) {
                (Some(scan), ..) => image.scan = Some(scan),
                (None, Some(asked), Some(layout)) => {
                    let folder = fs::temporary_directory()?;
                    let folder = folder.path().join("scan");
                    let scan = scan_image(asked, &layout, &image.digest, &cell.id.platform, &folder);
                    match session.cancel.run_until_cancelled(scan).await.context("stopped")? {
                        Ok(scan) => image.scan = Some(scan),
                        Err(finding) => cell.findings.push(finding),
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
