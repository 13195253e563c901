//! What `--metadata-file` says about a build that succeeded. A failed build writes none.
//!
//! Of that, the report takes only the name of the build record. The digests are of the last output, which is the layout
//! that is weighed; what was pushed stands in the progress stream. Whoever used the action of Docker finds the rest in an
//! output of the step.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fs;
use crate::plan::redact::Redactor;

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

/// What the file says of the result, without secrets and without the warnings, which repeat the Dockerfile in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Digest of the last output: a manifest or an index.
    pub digest: Option<String>,
    /// The object as JSON.
    pub json: String,
}

/// The file for somebody else's eyes.
///
/// # Errors
/// As of [`read_build_ref`].
pub fn read_metadata(path: &Path, redactor: &Redactor) -> Result<Metadata> {
    let content = fs::read_limited(path, MAX_METADATA_BYTES)?;
    let file: Map<String, Value> =
        serde_json::from_slice(&content).with_context(|| format!("parse metadata file {}", path.display()))?;
    let mut file = clean(file, redactor);
    file.remove("buildx.build.warnings");
    let digest = file.get("containerimage.digest").and_then(Value::as_str).map(str::to_owned);
    Ok(Metadata { digest, json: Value::Object(file).to_string() })
}

fn clean(object: Map<String, Value>, redactor: &Redactor) -> Map<String, Value> {
    object.into_iter().map(|(key, value)| (redactor.apply(&key).into_owned(), clean_value(value, redactor))).collect()
}

/// Text by text, as a secret may look different once it is JSON.
fn clean_value(value: Value, redactor: &Redactor) -> Value {
    match value {
        Value::String(text) => Value::String(redactor.apply(&text).into_owned()),
        Value::Array(values) => values.into_iter().map(|value| clean_value(value, redactor)).collect(),
        Value::Object(object) => Value::Object(clean(object, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
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
    use crate::env::Env;

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
    fn what_others_get_has_neither_secrets_nor_warnings() {
        let env = Env { variables: [("GITHUB_TOKEN".to_owned(), "a\"secret".to_owned())].into(), ..Env::default() };
        let redactor = Redactor::of_environment(&env);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metadata.json");
        let content = r#"{"containerimage.digest": "sha256:1", "buildx.build.warnings": [{}],
            "buildx.build.provenance": {"args": ["x a\"secret", {"a\"secret": 1}]}}"#;
        fs::write_atomic(&path, content.as_bytes()).unwrap();
        let metadata = read_metadata(&path, &redactor).unwrap();
        assert_eq!(metadata.digest.as_deref(), Some("sha256:1"));
        assert_eq!(
            metadata.json,
            r#"{"buildx.build.provenance":{"args":["x ***",{"***":1}]},"containerimage.digest":"sha256:1"}"#
        );
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
