//! An OCI image layout on disk, as `--output type=oci,tar=false` writes it: `oci-layout`, `index.json` and
//! `blobs/<algorithm>/<hex>`.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use oci_spec::image::{Descriptor, Digest, DigestAlgorithm};
use serde_json::Value;

use super::blobs::{self, BlobReader, Blobs, DOCUMENT_LIMIT_BYTES};
use super::{Image, LayerBlob, Platform};
use crate::fs;

/// A layout directory.
#[derive(Debug, Clone)]
pub struct Layout {
    directory: PathBuf,
}

impl Layout {
    /// Opens a layout directory.
    ///
    /// # Errors
    /// When the directory is not an image layout of version 1.
    pub fn open(directory: &Path) -> Result<Self> {
        let path = directory.join("oci-layout");
        let mark = fs::read_limited(&path, DOCUMENT_LIMIT_BYTES)?;
        require_version(&mark).with_context(|| format!("read {}", path.display()))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The one image for a platform, with everything that can be said without reading its layers. Attestations are
    /// not images; only their bytes are counted.
    ///
    /// # Errors
    /// When the layout has no such image or several, or when a document is missing, damaged or too large.
    pub fn image(&self, platform: &Platform) -> Result<Image> {
        blobs::image(self, platform)
    }

    /// Opens a layer's blob, which is not verified: for a layout that was written by a builder of ours a moment ago.
    ///
    /// # Errors
    /// When the layer is kept elsewhere or encrypted, or its blob is missing or not as long as the manifest says.
    pub fn open_layer(&self, layer: &LayerBlob) -> Result<File> {
        blobs::blob_of(layer, || self.open_blob(&layer.digest.parse()?, layer.compressed_bytes))
    }

    /// Where a blob lies that is there and as long as its descriptor says, and how long that is.
    pub(super) fn blob(&self, descriptor: &Descriptor) -> Result<(PathBuf, u64)> {
        self.open_blob(descriptor.digest(), descriptor.size())?;
        Ok((self.blob_path(descriptor.digest())?, descriptor.size()))
    }

    fn open_blob(&self, digest: &Digest, expected_bytes: u64) -> Result<File> {
        let file = fs::open(&self.blob_path(digest)?)?;
        let actual_bytes = file.metadata().with_context(|| format!("look at blob {digest}"))?.len();
        ensure!(
            actual_bytes == expected_bytes,
            "blob {digest} has {actual_bytes} bytes, its descriptor says {expected_bytes}"
        );
        Ok(file)
    }

    /// `oci-spec` has checked the hexadecimal digits of these algorithms, so the path stays below `blobs/`.
    fn blob_path(&self, digest: &Digest) -> Result<PathBuf> {
        match digest.algorithm() {
            DigestAlgorithm::Sha256 | DigestAlgorithm::Sha512 => {
                Ok(self.directory.join("blobs").join(digest.algorithm().as_ref()).join(digest.digest()))
            }
            other => bail!("digest algorithm {other}; expected sha256 or sha512"),
        }
    }
}

impl Blobs for Layout {
    fn index(&self) -> Result<Vec<u8>> {
        fs::read_limited(&self.directory.join("index.json"), DOCUMENT_LIMIT_BYTES)
    }

    fn open(&self, digest: &Digest, bytes: u64) -> Result<BlobReader<'_>> {
        Ok(Box::new(self.open_blob(digest, bytes)?))
    }
}

/// Checks what stands in `oci-layout`.
pub(super) fn require_version(mark: &[u8]) -> Result<()> {
    let mark: Value = serde_json::from_slice(mark)?;
    let version = mark.get("imageLayoutVersion").and_then(Value::as_str).unwrap_or_default();
    ensure!(version.starts_with("1."), "image layout version {version:?}; expected 1.0.0");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestLayout, amd64};
    use super::*;

    fn error_of(layout: &TestLayout) -> String {
        let open = Layout::open(layout.directory()).and_then(|layout| layout.image(&amd64()));
        format!("{:#}", open.unwrap_err())
    }

    #[test]
    fn a_directory_that_is_no_layout_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Layout::open(directory.path()).is_err());
        fs::write_atomic(&directory.path().join("oci-layout"), br#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
        let message = format!("{:#}", Layout::open(directory.path()).unwrap_err());
        assert!(message.contains("\"2.0.0\"; expected 1.0.0"), "{message}");
    }

    #[test]
    fn digests_are_checked_before_they_become_a_path() {
        let long = format!("sha384:{}", "0".repeat(96));
        for (digest, expected) in [
            ("sha256:../../x", "Invalid encoded value ../../x"),
            ("sha256:..", "Invalid encoded value .."),
            ("sha256:00", "Invalid digest length 2 expected 64"),
            ("../x:00", "Empty algorithm component"),
            ("md5:00", "digest algorithm md5; expected sha256 or sha512"),
            (&long, "digest algorithm sha384; expected sha256 or sha512"),
        ] {
            let mut layout = TestLayout::new();
            layout.write_index(&serde_json::json!([{
                "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 2,
            }]));
            let message = error_of(&layout);
            assert!(message.contains(expected), "{digest}: {message}");
        }
    }

    #[test]
    fn a_blob_of_another_length_is_named_with_both_numbers() {
        let mut layout = TestLayout::new();
        let mut manifest = layout.image(&[]);
        manifest["size"] = 7.into();
        let digest = manifest["digest"].as_str().unwrap().to_owned();
        layout.write_index(&serde_json::json!([manifest]));
        let message = error_of(&layout);
        assert!(message.contains(&digest) && message.contains(" bytes, its descriptor says 7"), "{message}");
    }

    #[test]
    fn a_missing_blob_and_damaged_json_are_named() {
        let mut layout = TestLayout::new();
        let manifest = layout.image(&[]);
        layout.write_index(&serde_json::json!([manifest]));
        let digest = manifest["digest"].as_str().unwrap();
        let path = layout.blob_path(digest);
        let bytes = fs::read_limited(&path, 10_000).unwrap();
        fs::write_atomic(&path, &vec![b'['; bytes.len()]).unwrap();
        let message = error_of(&layout);
        assert!(message.contains(&format!("blob {digest} is not what its digest says")), "{message}");
        fs::remove_file(&path).unwrap();
        assert!(error_of(&layout).contains(path.to_str().unwrap()));
    }

    #[test]
    fn an_index_over_the_limit_is_refused() {
        let mut layout = TestLayout::new();
        layout.write_index(&serde_json::json!([" ".repeat(5_000_000)]));
        assert!(error_of(&layout).contains("larger than the limit of 4194304 bytes"));
    }
}
