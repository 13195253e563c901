//! What `--metadata-file` says about a build that succeeded. A failed build writes none.
//!
//! Only the name of the build record is taken. The digests there are of the last output, which is the layout that is
//! weighed; what was pushed stands in the progress stream.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::fs;

/// Larger files are refused; warnings carry the Dockerfile's text, so real ones can reach some hundred kilobytes.
const MAX_METADATA_BYTES: u64 = 4 * 1024 * 1024;

/// The keys of the file, from buildx's `commands/build.go`.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "buildx.build.ref")]
    build_ref: Option<String>,
}

/// The name of the build record, `builder/node/id`, as `docker buildx history` takes it; `None` when buildx gave none.
///
/// # Errors
/// When the file cannot be read, is larger than 4 MiB, or is not what buildx writes; the path is named.
pub fn read_build_ref(path: &Path) -> Result<Option<String>> {
    let content = fs::read_limited(path, MAX_METADATA_BYTES)?;
    parse(&content).with_context(|| format!("parse metadata file {}", path.display()))
}

fn parse(content: &[u8]) -> Result<Option<String>> {
    // A JSON list would be taken for the fields in order.
    if content.trim_ascii_start().first() != Some(&b'{') {
        bail!("expected a JSON object as docker buildx writes it");
    }
    Ok(serde_json::from_slice::<File>(content)?.build_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_files_name_the_build_record() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/buildx/metadata");
        for (name, build_ref) in [
            ("cold-build-oci-zstd", "default/default/xbjy1ozg00zedkuugd87jm1uh"),
            ("two-outputs-oci-dir-and-push", "default/default/"),
        ] {
            let read = read_build_ref(&folder.join(name).with_extension("json")).unwrap().unwrap();
            assert!(read.starts_with(build_ref), "{name}: {read}");
        }
    }

    #[test]
    fn garbage_is_refused_with_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metadata.json");
        let read = |content: &[u8]| {
            fs::write_atomic(&path, content).unwrap();
            read_build_ref(&path)
        };
        for (content, reason) in
            [("", "JSON object"), ("[]", "JSON object"), ("{", "EOF"), (r#"{"buildx.build.ref":7}"#, "invalid type")]
        {
            let message = format!("{:#}", read(content.as_bytes()).unwrap_err());
            assert!(message.contains("metadata.json") && message.contains(reason), "{content}: {message}");
        }
        assert!(format!("{:#}", read(&vec![b' '; 4 * 1024 * 1024 + 1]).unwrap_err()).contains("metadata.json"));
        assert_eq!(read(b"{}").unwrap(), None);
    }
}
