//! Pushes an image from a layout: exactly the bytes that lie there, so that what was tested is what is pushed.

use std::fs::File;
use std::io::Read;

use bytes::Bytes;
use futures_util::{Stream, stream};
use oci_client::Reference;
use oci_client::errors::OciDistributionError;
use reqwest::header::HeaderValue;

use super::{RegistryError, Repository};
use crate::fs;
use crate::oci::parts::{Blob, Manifest, Parts};

/// How much of a blob is in memory at a time.
const CHUNK_BYTES: usize = 1 << 20;

impl Repository {
    /// Puts an image under these tags, or under its digest alone where there are none, and reads each back.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn push_image(&self, parts: &Parts, tags: &[String]) -> Result<(), RegistryError> {
        let Some((top, children)) = parts.manifests.split_last() else {
            return Err(RegistryError::Unusable("there is no image".to_owned()));
        };
        let reference = self.reference("latest")?;
        self.client.store_auth_if_needed(reference.resolve_registry(), self.login().await?).await;
        for blob in &parts.blobs {
            self.patiently(async || self.push_blob(&reference, blob).await).await?;
        }
        for manifest in children {
            self.patiently(async || self.push_manifest(manifest, &manifest.digest).await).await?;
        }
        if tags.is_empty() {
            return self.patiently(async || self.push_manifest(top, &top.digest).await).await;
        }
        for tag in tags {
            self.patiently(async || self.push_manifest(top, tag).await).await?;
            self.patiently(async || self.read_back(tag, &top.digest).await).await?;
        }
        Ok(())
    }

    async fn push_blob(&self, reference: &Reference, blob: &Blob) -> Result<(), RegistryError> {
        if self.client.blob_exists(reference, &blob.digest).await.unwrap_or_default() {
            return Ok(());
        }
        let file = fs::open(&blob.path).map_err(|error| RegistryError::Unusable(format!("{error:#}")))?;
        let pushed = self.client.push_blob_stream(reference, chunks(file), &blob.digest, Some(blob.bytes)).await;
        pushed.map(|_| ()).map_err(RegistryError::of_push)
    }

    /// `name` is a tag or a digest. The client takes both for a tag: with a digest it counts on an answer that some
    /// registries do not give.
    async fn push_manifest(&self, manifest: &Manifest, name: &str) -> Result<(), RegistryError> {
        let whole = self.reference("latest")?;
        let reference =
            Reference::with_tag(whole.registry().to_owned(), whole.repository().to_owned(), name.to_owned());
        let media_type = HeaderValue::from_str(&manifest.media_type)
            .map_err(|_| RegistryError::Unusable("a manifest has no type".to_owned()))?;
        let pushed = self.client.push_manifest_raw(&reference, manifest.content.clone(), media_type).await;
        pushed.map(|_| ()).map_err(RegistryError::of_push)
    }

    /// A registry of several nodes may not know a tag everywhere at once.
    async fn read_back(&self, tag: &str, digest: &str) -> Result<(), RegistryError> {
        let reference = self.reference(tag)?;
        match self.client.fetch_manifest_digest(&reference, self.login().await?).await {
            Ok(found) if found == digest => Ok(()),
            Ok(found) => Err(RegistryError::Unreachable(format!("{tag} reads back as {found}"))),
            Err(error) => Err(RegistryError::of(error)
                .unwrap_or_else(|| RegistryError::Unreachable(format!("manifest unknown: {tag}")))),
        }
    }
}

/// A file in pieces.
fn chunks(file: File) -> impl Stream<Item = Result<Bytes, OciDistributionError>> + Send + 'static {
    stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::new();
            (&mut file).take(u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut chunk)?;
            std::io::Result::Ok((file, chunk))
        });
        let told = |error: String| OciDistributionError::GenericError(Some(error));
        let (file, chunk) =
            read.await.map_err(|error| told(error.to_string()))?.map_err(|error| told(error.to_string()))?;
        Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
    })
}
