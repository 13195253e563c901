//! Running a scanner on the layout of a cell.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::{Either, select};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::answer::read;
use crate::config::ScanWith;
use crate::fs;
use crate::oci::Platform;
use crate::plan::CellFiles;
use crate::plan::redact::Redactor;
use crate::process::{self, Invocation, Limits, ProcessError};
use crate::report::scan::{Scan, Scanner};
use crate::report::{CellReport, Finding, Severity};

/// The first scan on a machine fetches a database of some hundred megabytes. Scanners write all that they know of each
/// vulnerability; no answer is held in memory whole.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(10 * 60), max_output_bytes: 256 << 20 };
/// What a scanner writes when it fails may be long.
const MESSAGE_LIMIT_CHARS: usize = 2_000;
/// A manifest is read again for its media type; registries take no larger ones.
const MANIFEST_LIMIT_BYTES: u64 = 4 << 20;
/// What a scanner says of itself and its database is a page at most.
const VERSION_LIMIT_BYTES: usize = 1 << 20;
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A scanner that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub scanner: Scanner,
    /// How bad it is that it fails: nobody waits for one that merely happens to be installed.
    pub failure: Severity,
}

/// The scanner that is asked, if there is one; `path` is where programs are.
#[must_use]
pub fn choose(wanted: ScanWith, path: Option<&str>, directory: &Path) -> Option<Asked> {
    let is_installed = |scanner: &Scanner| which::which_in(scanner.program(), path, directory).is_ok();
    match wanted {
        ScanWith::Nothing => None,
        ScanWith::One(scanner) => Some(Asked { scanner, failure: Severity::Warning }),
        ScanWith::Installed => {
            let scanner = Scanner::ALL.into_iter().find(is_installed)?;
            Some(Asked { scanner, failure: Severity::Notice })
        }
    }
}

/// What a scanner said in a file that the user names.
///
/// # Errors
/// When there is no such file, or it is no answer of a scanner.
pub fn read_given(file: &Path) -> Result<Scan> {
    let (length, limit) = (fs::length(file).unwrap_or_default(), LIMITS.max_output_bytes as u64);
    ensure!(length <= limit, "{} has {length} bytes; expected {limit} at most", file.display());
    let answer = fs::open(file)?.take(limit);
    read(answer).with_context(|| format!("read {} as the answer of a scanner", file.display()))
}

/// Asks a scanner about the image of a cell, if it was weighed. What the scanner says becomes a part of the report; that
/// it says nothing is a finding.
pub async fn scan_cell(asked: Asked, report: &mut CellReport, files: &CellFiles, redactor: &Redactor) {
    let Some(image) = &mut report.image else { return };
    let folder = files.directory.join("scan");
    let outcome = scan_image(asked, &files.layout(), &image.digest, &report.id.platform, &folder).await;
    // It holds two small files and a link, and is emptied before it is used again.
    let _ = fs::remove_dir_all(&folder);
    match outcome {
        Ok(mut scan) => {
            scan.texts().into_iter().for_each(|text| redactor.scrub(text));
            image.scan = Some(scan);
        }
        Err(mut finding) => {
            redactor.scrub(&mut finding.message);
            report.findings.push(finding);
        }
    }
}

/// Asks a scanner about the image with this digest in a layout directory; `folder` is emptied and used.
///
/// # Errors
/// That it says nothing, as a finding.
pub async fn scan_image(
    asked: Asked,
    layout: &Path,
    digest: &str,
    platform: &Platform,
    folder: &Path,
) -> Result<Scan, Finding> {
    let Asked { scanner, failure: severity } = asked;
    scan(scanner, layout, digest, platform, folder).await.map_err(|error| {
        let message = format!("{scanner} did not scan the image: {error:#}");
        let message = message.chars().take(MESSAGE_LIMIT_CHARS).collect();
        Finding { rule: "not-scanned".to_owned(), severity, message, dockerfile_line: None, url: None }
    })
}

/// Scans the image with this digest in a layout directory. `folder` is emptied and used; of several scans one runs after
/// the other, as scanners lock their database.
///
/// # Errors
/// When the scanner fails, takes too long, or answers what is not understood.
async fn scan(scanner: Scanner, layout: &Path, digest: &str, platform: &Platform, folder: &Path) -> Result<Scan> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
    lay_out(layout, digest, folder)?;
    let _turn = ONE_AT_A_TIME.lock().await;
    let answer = answer_of(&invocation(scanner, platform, folder), LIMITS).await?;
    let scan = spawn_blocking(move || read(answer)).await.context("a thread ended")?;
    let mut scan = scan.with_context(|| format!("read the answer of {scanner}"))?;
    if scanner == Scanner::Trivy {
        // Its answer does not say how old its database is. Not to know it costs nothing else.
        scan.database = database_of_trivy().await;
    }
    Ok(scan)
}

fn invocation(scanner: Scanner, platform: &Platform, folder: &Path) -> Invocation {
    let invocation = Invocation::new(scanner.program());
    match scanner {
        Scanner::Trivy => invocation
            .args(["image", "--quiet", "--format", "json", "--scanners", "vuln", "--timeout", "10m", "--input"])
            .arg(folder),
        Scanner::Grype => {
            let mut source = std::ffi::OsString::from("oci-dir:");
            source.push(folder);
            invocation.arg(source).args(["--quiet", "--output", "json", "--platform", &platform.to_string()])
        }
    }
}

/// What a scanner writes, in a file without a name.
async fn answer_of(invocation: &Invocation, limits: Limits) -> Result<File> {
    let Limits { timeout, max_output_bytes } = limits;
    let (mut answer, stop) = (Capped { file: fs::temporary()?, left: max_output_bytes }, CancellationToken::new());
    let output = {
        let running = pin!(process::output_to(invocation, &mut answer, &stop));
        match select(running, pin!(sleep(timeout))).await {
            Either::Left((output, _)) => output?,
            Either::Right(((), running)) => {
                stop.cancel();
                let _ = running.await;
                bail!(ProcessError::TimedOut { command: invocation.to_string(), timeout });
            }
        }
    };
    output.require_success(invocation)?;
    let Capped { mut file, .. } = answer;
    file.rewind()?;
    Ok(file)
}

/// A file that takes only so many bytes more.
struct Capped {
    file: File,
    left: usize,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left =
            self.left.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("it writes more than any answer has"))?;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

async fn database_of_trivy() -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        #[serde(rename = "VulnerabilityDB")]
        vulnerability_db: Database,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Database {
        updated_at: String,
    }
    let invocation = Invocation::new(Scanner::Trivy.program()).args(["version", "--format", "json"]);
    let limits = Limits { max_output_bytes: VERSION_LIMIT_BYTES, ..LIMITS };
    let answer = process::output(&invocation, limits).await.ok()?.require_success(&invocation).ok()?;
    let version: Version = serde_json::from_slice(&answer.stdout).ok()?;
    Some(version.vulnerability_db.updated_at.chars().take(64).collect())
}

/// A layout that has nothing but the image: builders put an index and attestations around it, of which scanners take
/// one for the image or give up. The blobs are those of the layout that is there.
fn lay_out(layout: &Path, digest: &str, folder: &Path) -> Result<()> {
    let blob = layout.join("blobs").join(digest.replace(':', "/"));
    let manifest = fs::read_limited(&blob, MANIFEST_LIMIT_BYTES)?;
    let media_type = serde_json::from_slice::<Value>(&manifest)?
        .get("mediaType")
        .and_then(Value::as_str)
        .unwrap_or(OCI_MANIFEST)
        .to_owned();
    let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": manifest.len() });
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor] });
    if fs::is_directory(folder) {
        fs::remove_dir_all(folder)?;
    }
    fs::write_atomic(&folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    fs::write_atomic(&folder.join("index.json"), index.to_string().as_bytes())?;
    fs::symlink(&fs::normalize(&layout.join("blobs")), &folder.join("blobs"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Layout;
    use crate::oci::testing::{TestLayout, amd64};

    #[test]
    fn scanners_get_a_layout_with_the_image_alone() {
        let mut layout = TestLayout::new();
        let image = layout.image(&[layout.plain(b"a")]);
        let mut attestation = layout.manifest(&layout.blob(b"{}"), &[], None);
        attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        let nested = layout.nested(&json!([image, attestation]));
        layout.write_index(&json!([nested]));
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let folder = folder.path().join("scan");
            lay_out(layout.directory(), image["digest"].as_str().unwrap(), &folder).unwrap();
            let index: Value =
                serde_json::from_slice(&fs::read_limited(&folder.join("index.json"), 9_999).unwrap()).unwrap();
            assert_eq!(
                index["manifests"],
                json!([{
                    "mediaType": OCI_MANIFEST, "digest": image["digest"], "size": image["size"],
                }])
            );
            let found = Layout::open(&folder).unwrap().image(&amd64()).unwrap();
            assert_eq!((found.digest.as_str(), found.attestation_bytes), (image["digest"].as_str().unwrap(), 0));
        }
    }

    #[test]
    fn a_scanner_that_happens_to_be_installed_is_asked_and_may_fail_quietly() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().to_str();
        let asked = |wanted| choose(wanted, path, here.path()).map(|asked| (asked.scanner, asked.failure));
        assert_eq!(asked(ScanWith::Installed), None);
        for scanner in [Scanner::Grype, Scanner::Trivy] {
            let program = here.path().join(scanner.program());
            fs::write_atomic(&program, b"").unwrap();
            assert_eq!(choose(ScanWith::Installed, None, here.path()), None);
            std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            assert_eq!(asked(ScanWith::Installed), Some((scanner, Severity::Notice)));
        }
        assert_eq!(asked(ScanWith::One(Scanner::Grype)), Some((Scanner::Grype, Severity::Warning)));
        assert_eq!(asked(ScanWith::Nothing), None);
    }

    #[tokio::test]
    async fn a_scanner_that_hangs_or_writes_without_end_is_stopped() {
        let limits = |timeout, max_output_bytes| Limits { timeout, max_output_bytes };
        let (soon, long) = (Duration::from_millis(50), Duration::from_secs(60));
        for (invocation, limits, expected) in [
            (Invocation::new("sleep").arg("60"), limits(soon, 1_000), "no end after 50ms"),
            (Invocation::new("yes"), limits(long, 100_000), "more than any answer has"),
            (Invocation::new("false"), limits(long, 1_000), "false"),
        ] {
            let message = format!("{:#}", answer_of(&invocation, limits).await.unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
        let mut text = String::new();
        let echo = Invocation::new("echo").arg("{}");
        answer_of(&echo, limits(long, 1_000)).await.unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}\n");
    }

    #[test]
    fn commands_are_those_that_the_scanners_document() {
        let folder = Path::new("/out/scan");
        let shown = Scanner::ALL.map(|scanner| invocation(scanner, &amd64(), folder).to_string());
        assert_eq!(
            shown,
            [
                "trivy image --quiet --format json --scanners vuln --timeout 10m --input /out/scan",
                "grype oci-dir:/out/scan --quiet --output json --platform linux/amd64",
            ]
        );
    }
}
