//! What an artifact holds: a report, zipped or bare. Since upload-artifact 7 a single file may be stored as it is. A
//! stranger may have made it, so everything is bounded before it is believed, and nothing touches the disk.

use std::io::{Cursor, Read, Write};

use anyhow::{Context, Result, anyhow, bail, ensure};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::report::{Report, part, v1};

/// What artifacts of reports are named, as long as nobody says otherwise.
pub const NAME: &str = "weighbridge";

/// The name of the report in an artifact.
pub const REPORT: &str = "report.json";

/// The most that is downloaded.
pub(super) const COMPRESSED_LIMIT_BYTES: usize = 32 << 20;
/// No report of a sane run comes near this.
const REPORT_LIMIT_BYTES: usize = 64 << 20;
/// Somebody may have put logs and the history beside the report.
const ENTRIES_LIMIT: usize = 2_000;
/// Indented JSON of many cells that are alike packs well; a bomb packs at a thousand to one.
const RATIO_LIMIT: usize = 200;
/// Below this no ratio matters.
const RATIO_FROM_BYTES: usize = 1 << 20;
/// More than any run has. Rendering compares cells with cells and layers with layers.
const CELLS_LIMIT: usize = 2_000;
const LAYERS_LIMIT: usize = 1_000;
const DETAILS_LIMIT: usize = 20_000;

/// The signature of a local file header, and that of the end of an archive without any.
const ZIP: [[u8; 4]; 2] = [*b"PK\x03\x04", *b"PK\x05\x06"];
/// The signature of an entry of the central directory.
const ENTRY: &[u8; 4] = b"PK\x01\x02";

/// Reads the report of an artifact.
///
/// # Errors
/// When there is none, more than one, or one that cannot be believed; the reason is a phrase.
pub fn read(content: &[u8]) -> Result<Report> {
    let is_zip = ZIP.iter().any(|signature| content.starts_with(signature));
    let report = if is_zip {
        v1::from_json(&unpack(content).context("the archive")?)?
    } else {
        ensure!(content.len() <= REPORT_LIMIT_BYTES, "larger than {REPORT_LIMIT_BYTES} bytes");
        v1::from_json(content)?
    };
    plausible(&report)?;
    Ok(report)
}

/// The report as an artifact: an archive, as every version of download-artifact reads one.
///
/// # Errors
/// When the archive cannot be made.
pub fn pack(json: &str) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(REPORT, SimpleFileOptions::default())?;
    archive.write_all(json.as_bytes())?;
    Ok(archive.finish()?.into_inner())
}

/// The name of the artifact of a report, below the one that all have in common: those that one workflow makes of
/// different images must not meet.
#[must_use]
pub fn name_of(name: &str, report_key: &str) -> String {
    format!("{name}{}", part::suffix(report_key))
}

fn unpack(content: &[u8]) -> Result<Vec<u8>> {
    // Before anything is made of them: each costs memory.
    let entries = content.windows(ENTRY.len()).filter(|window| window == ENTRY).take(ENTRIES_LIMIT + 1).count();
    ensure!(entries <= ENTRIES_LIMIT, "has more than {ENTRIES_LIMIT} entries");
    let mut archive = ZipArchive::new(Cursor::new(content))?;
    ensure!(!archive.has_duplicate_names(), "has two entries of one name");
    let names = archive.file_names().map(|name| Ok(name?.into_owned())).collect::<Result<Vec<String>>>()?;
    let name = names.get(report(&names)?).ok_or_else(|| anyhow!("is empty"))?;
    let entry = archive.by_name(name)?;
    ensure!(entry.is_file(), "has a report that is no regular file");
    let limit = content.len().saturating_mul(RATIO_LIMIT).clamp(RATIO_FROM_BYTES, REPORT_LIMIT_BYTES);
    let mut report = Vec::new();
    entry.take(limit as u64 + 1).read_to_end(&mut report)?;
    ensure!(report.len() <= limit, "unpacks to more than {limit} bytes; refused as a decompression bomb");
    Ok(report)
}

/// Which entry is the report: the one of that name, at most one folder deep, else the only JSON.
fn report(names: &[String]) -> Result<usize> {
    let is_near = |name: &str| {
        let parts: Vec<&str> = name.split('/').collect();
        parts.len() <= 2 && !name.contains('\\') && !parts.iter().any(|part| matches!(*part, "" | "." | ".."))
    };
    let matching = |is_it: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let near = names.iter().enumerate().filter(|(_, name)| is_near(name) && is_it(name));
        near.map(|(index, _)| index).collect()
    };
    match matching(&|name| name.rsplit('/').next() == Some(REPORT))[..] {
        [one] => return Ok(one),
        [] => {}
        _ => bail!("has more than one {REPORT}"),
    }
    match matching(&|name| name.ends_with(".json"))[..] {
        [one] => Ok(one),
        [] => bail!("holds no {REPORT}"),
        _ => bail!("holds no {REPORT}, and more than one other file of JSON"),
    }
}

/// A bounded number of bytes may still hold more than can be compared in a reasonable time.
fn plausible(report: &Report) -> Result<()> {
    ensure!(report.cells.len() <= CELLS_LIMIT, "the report has more than {CELLS_LIMIT} cells");
    for cell in &report.cells {
        let layers = cell.image.as_ref().map_or(0, |image| image.layers.len());
        let steps = cell.timing.as_ref().map_or(0, |timing| timing.steps.len());
        let details = steps + cell.findings.len() + cell.budgets.len() + cell.build_args.len();
        let is_plausible = layers <= LAYERS_LIMIT && details <= DETAILS_LIMIT;
        ensure!(is_plausible, "the report has a cell with more layers or steps than any build has");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::sample;

    fn json() -> String {
        v1::to_json(&sample::report())
    }

    /// An archive of these entries, made by the same crate that reads it.
    fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn replace(content: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut content = content.to_owned();
        let at = content.windows(from.len()).position(|window| window == from).unwrap();
        content[at..at + to.len()].copy_from_slice(to);
        content
    }

    fn refusal(content: &[u8]) -> String {
        format!("{:#}", read(content).unwrap_err())
    }

    #[test]
    fn a_report_is_read_zipped_and_bare() {
        let json = json();
        let json = json.as_bytes();
        for content in [
            json.to_owned(),
            pack(std::str::from_utf8(json).unwrap()).unwrap(),
            zip(&[("report.md", b"words"), ("report.json", json)]),
            zip(&[(".weighbridge/report.json", json), (".weighbridge/history/a.json", b"{}")]),
            zip(&[("weights.json", json), ("report.md", b"words")]),
            zip(&[("report.json", json), ("a/b/report.json", b"{}"), ("../report.json", b"{}")]),
        ] {
            assert_eq!(read(&content).unwrap(), sample::report());
        }
    }

    #[test]
    fn an_archive_that_cannot_be_believed_says_why() {
        let json = json();
        let json = json.as_bytes();
        let many: Vec<String> = (0..=ENTRIES_LIMIT).map(|number| format!("{number}.md")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
        // The writer refuses to write a name twice.
        let other = zip(&[("report.json", json), ("repost.json", json)]);
        let twice = replace(&replace(&other, b"repost", b"report"), b"repost", b"report");
        let mut encrypted = zip(&[("report.json", json)]);
        let entry = encrypted.windows(4).position(|window| window == ENTRY).unwrap();
        encrypted[6] |= 1;
        encrypted[entry + 8] |= 1;
        let whole = zip(&[("report.json", json)]);
        let damaged = replace(&whole, &whole[60..70], b"\0\0\0\0\0\0\0\0\0\0");
        for (content, expected) in [
            (zip(&[]), "holds no report.json"),
            (zip(&[("report.md", b"words")]), "holds no report.json"),
            (zip(&[("../report.json", json)]), "holds no report.json"),
            (zip(&[("/etc/report.json", json)]), "holds no report.json"),
            (zip(&[("a/b/report.json", json)]), "holds no report.json"),
            (zip(&[("a\\report.json", json)]), "holds no report.json"),
            (zip(&[("a.json", json), ("b.json", json)]), "more than one other file of JSON"),
            (zip(&[("a/report.json", json), ("b/report.json", json)]), "more than one report.json"),
            (zip(&many), "more than 2000 entries"),
            (zip(&[("report.json", &vec![b' '; 40 << 20])]), "refused as a decompression bomb"),
            (zip(&[("report.json", b"{")]), "not a weighbridge report"),
            (zip(&[("report.json", br#"{"schema_version": 9}"#)]), "written by a newer weighbridge"),
            (twice, "two entries of one name"),
            (encrypted, "assword"),
            (damaged, "the archive: "),
            (whole[..whole.len() / 2].to_owned(), "the archive: "),
            (b"PK\x03\x04".to_vec(), "the archive: "),
            (b"<html>".to_vec(), "not a weighbridge report"),
            (Vec::new(), "not a weighbridge report"),
        ] {
            let refusal = refusal(&content);
            assert!(refusal.contains(expected), "expected {expected:?}: {refusal}");
        }
    }

    #[test]
    fn every_report_has_an_artifact_of_its_own() {
        for (report, artifact) in [
            ("weighbridge", "weighbridge"),
            ("backend", "weighbridge-backend"),
            ("services-web", "weighbridge-services-web"),
            ("services/web", "weighbridge-services-web-ae4b4ef8"),
            ("a:b\"c\nd", "weighbridge-a-b-c-d-7f4cc26a"),
        ] {
            assert_eq!(name_of(NAME, report), artifact);
        }
        assert!(name_of(NAME, &"ä".repeat(1_000)).len() < 50);
    }

    #[test]
    fn a_link_is_no_report() {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.add_symlink("report.json", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let refusal = refusal(&archive.finish().unwrap().into_inner());
        assert!(refusal.contains("no regular file"), "{refusal}");
    }

    #[test]
    fn a_report_of_more_than_any_run_has_is_refused() {
        let mut report = sample::report();
        let name = |number: usize| format!("image{number}");
        let cells = (0..=CELLS_LIMIT).map(|number| sample::cell(&name(number), "linux/amd64", vec![]));
        report.cells = cells.collect();
        assert!(refusal(v1::to_json(&report).as_bytes()).contains("more than 2000 cells"));
        let layers = (0..=LAYERS_LIMIT).map(|number| sample::layer(&name(number), 1, "RUN make", 3)).collect();
        report.cells = vec![sample::cell("orders", "linux/amd64", layers)];
        assert!(refusal(v1::to_json(&report).as_bytes()).contains("more layers or steps"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut content in proptest::collection::vec(any::<u8>(), 0..300), is_zip: bool) {
            if is_zip {
                content.splice(..0, ZIP[0]);
            }
            drop(read(&content));
        }

        #[test]
        fn no_damage_panics(
            at in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<proptest::sample::Index>(), is_cut: bool,
        ) {
            let mut content = zip(&[("report.md", b"words"), ("report.json", json().as_bytes())]);
            for (index, byte) in at {
                let index = index.index(content.len());
                content[index] = byte;
            }
            if is_cut {
                content.truncate(cut.index(content.len()));
            }
            if let Ok(bytes) = unpack(&content) {
                prop_assert!(bytes.len() <= RATIO_FROM_BYTES.max(content.len() * RATIO_LIMIT));
            }
            drop(read(&content));
        }
    }
}
