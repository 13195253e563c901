//! What `--metadata-file` says about a build that succeeded. A failed build writes none.
//!
//! With several outputs the builder merges their entries and the last output wins, so the digests are a cross-check
//! and never the source of a measurement.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::fs;

/// Larger files are refused; warnings carry the Dockerfile's text, so real ones can reach some hundred kilobytes.
const MAX_METADATA_BYTES: u64 = 4 * 1024 * 1024;

/// What the file says; every entry may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Digest of the image's manifest or index.
    pub digest: Option<String>,
    /// `builder/node/id` of the build record.
    pub build_ref: Option<String>,
}

/// The keys of the file, from buildx's `commands/build.go`.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "containerimage.digest")]
    digest: Option<String>,
    #[serde(rename = "buildx.build.ref")]
    build_ref: Option<String>,
}

/// Reads a metadata file.
///
/// # Errors
/// When it cannot be read, is larger than 4 MiB, or is not what buildx writes; the path is named.
pub fn read_metadata(path: &Path) -> Result<Metadata> {
    let content = fs::read_limited(path, MAX_METADATA_BYTES)?;
    parse(&content).with_context(|| format!("parse metadata file {}", path.display()))
}

fn parse(content: &[u8]) -> Result<Metadata> {
    // A JSON list would be taken for the fields in order.
    if content.trim_ascii_start().first() != Some(&b'{') {
        bail!("expected a JSON object as docker buildx writes it");
    }
    let file: File = serde_json::from_slice(content)?;
    if let Some(digest) = file.digest.as_ref().filter(|digest| !is_digest(digest)) {
        bail!("expected a digest such as sha256:…, found {:?}", digest.chars().take(80).collect::<String>());
    }
    Ok(Metadata { digest: file.digest, build_ref: file.build_ref })
}

/// Whether it is `algorithm:hex`, so that it may be printed and used as a path component.
fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && (32..=128).contains(&hex.len())
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(name: &str) -> Metadata {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/buildx/metadata");
        read_metadata(&folder.join(name).with_extension("json")).unwrap()
    }

    #[test]
    fn recorded_files_say_digest_and_reference() {
        let cold = recorded("cold-build-oci-zstd");
        assert_eq!(cold.digest.unwrap(), "sha256:3754b69df4b883f29df0449f6b3e71152a11207d5d19cff4ff388e872bbe47b6");
        assert_eq!(cold.build_ref.unwrap(), "default/default/xbjy1ozg00zedkuugd87jm1uh");

        let pushed = recorded("warm-push-registry-cache");
        assert_eq!(pushed.digest.unwrap(), "sha256:3eb66f5f208125dcdd4e888f664d78f26cfe2479709d7d76b6bfd13933b5f441");
        assert_eq!(
            recorded("two-outputs-oci-dir-and-push").digest.unwrap(),
            "sha256:df12d5da7d2d509218a5ef257969d6b72269d77151eba632d1ef481f69286d55"
        );
    }

    #[test]
    fn garbage_is_refused_with_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metadata.json");
        for (content, reason) in [
            ("", "JSON object"),
            ("[]", "JSON object"),
            ("{", "EOF"),
            (r#"{"containerimage.digest":7}"#, "invalid type"),
            (r#"{"containerimage.digest":"sha256:../../etc"}"#, "expected a digest"),
        ] {
            fs::write_atomic(&path, content.as_bytes()).unwrap();
            let message = format!("{:#}", read_metadata(&path).unwrap_err());
            assert!(message.contains("metadata.json") && message.contains(reason), "{content}: {message}");
        }
        fs::write_atomic(&path, &vec![b' '; 4 * 1024 * 1024 + 1]).unwrap();
        assert!(format!("{:#}", read_metadata(&path).unwrap_err()).contains("metadata.json"));
        fs::write_atomic(&path, b"{}").unwrap();
        assert_eq!(read_metadata(&path).unwrap(), Metadata::default());
    }
}
