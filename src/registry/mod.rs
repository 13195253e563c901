//! Registries: images that lie there ([`RemoteImages`]), and files kept as artifacts in a repository, each under a tag.
//! <https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage>
//!
//! Neither GHCR nor older registries know the interface of referrers, so nothing hangs on an image: a tag is enough. What
//! lies in a registry was put there by anyone who may push, so everything is bounded and its digest is compared.

mod error;
mod images;
mod login;
mod upload;

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

pub use error::RegistryError;
pub use images::{ImageName, RemoteImages};

use crate::env::Env;
use crate::http;
use crate::patience::{Patience, Spread, Waits};

/// The specification asks registries to take manifests up to this length.
const MANIFEST_LIMIT_BYTES: usize = 4 << 20;
/// The configuration of an artifact that has none.
const EMPTY: &[u8] = b"{}";
const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// A report is not worth as long a wait as an image is.
const PATIENCE: Patience =
    Patience { attempts: 3, first: Duration::from_millis(500), total: Duration::from_secs(30), spread: Spread::Random };

/// What a file is, for those who look into the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtifactKind {
    /// Type of the artifact.
    pub artifact_type: &'static str,
    /// Type of the file itself.
    pub media_type: &'static str,
}

/// A repository.
pub struct Repository {
    name: String,
    host: String,
    client: Client,
    env: Env,
    login: OnceCell<RegistryAuth>,
    patience: Patience,
    stumbles: Mutex<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    artifact_type: Option<String>,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
    size: u64,
}

impl Repository {
    /// A repository by its name, such as `ghcr.io/acme/shop/weighbridge`. Nothing is asked yet. Only a registry on this
    /// machine is spoken to without TLS.
    ///
    /// # Errors
    /// When this is no name of one, or no client can be made.
    pub fn new(env: &Env, name: &str) -> Result<Self> {
        let reference: Reference = format!("{name}:tag").parse().with_context(|| format!("{name} is no repository"))?;
        let host = reference.registry().to_owned();
        let plain = if is_loopback(&host) { vec![host.clone()] } else { Vec::new() };
        let client = http::registry_client(env, plain)?;
        Ok(Self {
            name: name.to_owned(),
            host,
            client,
            env: env.clone(),
            login: OnceCell::new(),
            patience: PATIENCE,
            stumbles: Mutex::default(),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What failed for a passing reason and was asked for again since this was last called.
    #[must_use]
    pub fn take_stumbles(&self) -> Vec<String> {
        std::mem::take(&mut *self.stumbles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The file under a tag; `None` when there is none.
    ///
    /// # Errors
    /// [`RegistryError`], also when what is there is of another kind or larger than the limit.
    pub async fn pull(
        &self,
        tag: &str,
        kind: &ArtifactKind,
        limit_bytes: u64,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        self.patiently(async || self.pull_once(tag, kind, limit_bytes).await).await
    }

    async fn pull_once(
        &self,
        tag: &str,
        kind: &ArtifactKind,
        limit_bytes: u64,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let reference = self.reference(tag)?;
        let pulled = self.client.pull_manifest_raw(&reference, self.login().await?, &[OCI_IMAGE_MEDIA_TYPE]).await;
        let manifest = match pulled {
            Ok((manifest, _)) => manifest,
            Err(error) => return RegistryError::of(error).map_or(Ok(None), Err),
        };
        let layer = only_layer(&manifest, kind, limit_bytes).map_err(RegistryError::Unusable)?;
        let size = i64::try_from(layer.size).unwrap_or(i64::MAX);
        let descriptor = OciDescriptor { digest: layer.digest, size, ..OciDescriptor::default() };
        let lacks = || RegistryError::Unusable("the registry lacks the file that its manifest names".to_owned());
        let pulled = self.client.pull_blob_stream(&reference, &descriptor).await;
        let mut stream = pulled.map_err(|error| RegistryError::of(error).unwrap_or_else(lacks))?;
        let mut content = Vec::new();
        // The client compares the digest at the end of the stream.
        while let Some(chunk) = stream.try_next().await.map_err(|error| RegistryError::of_stream(&error))? {
            content.extend_from_slice(&chunk);
            if u64::try_from(content.len()).unwrap_or(u64::MAX) > layer.size {
                return Err(RegistryError::Unusable("the file is longer than its manifest says".to_owned()));
            }
        }
        Ok(Some(content))
    }

    /// Puts a file under tags, one after another. A tag shows either what it showed before or the whole file.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn push(
        &self,
        tag: &str,
        kind: &ArtifactKind,
        content: &[u8],
        annotations: &[(&str, &str)],
    ) -> Result<(), RegistryError> {
        self.patiently(async || self.push_once(tag, kind, content, annotations).await).await
    }

    async fn push_once(
        &self,
        tag: &str,
        kind: &ArtifactKind,
        content: &[u8],
        annotations: &[(&str, &str)],
    ) -> Result<(), RegistryError> {
        let reference = self.reference(tag)?;
        self.client.store_auth_if_needed(reference.resolve_registry(), self.login().await?).await;
        for blob in [EMPTY, content] {
            let pushed = self.client.push_blob(&reference, blob.to_vec(), &digest(blob)).await;
            pushed.map_err(RegistryError::of_push)?;
        }
        let annotations: serde_json::Map<_, _> =
            annotations.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE_MEDIA_TYPE,
            "artifactType": kind.artifact_type,
            "config": { "mediaType": EMPTY_MEDIA_TYPE, "digest": digest(EMPTY), "size": EMPTY.len() },
            "layers": [{ "mediaType": kind.media_type, "digest": digest(content), "size": content.len() }],
            "annotations": annotations,
        });
        let media_type = reqwest::header::HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        let pushed = self.client.push_manifest_raw(&reference, manifest.to_string(), media_type).await;
        pushed.map(|_| ()).map_err(RegistryError::of_push)
    }

    /// Asks again a registry that does not work now. The client keeps no headers of an answer, so how long a registry
    /// wants to be left alone is not known here. How often it was asked is part of the error.
    async fn patiently<T>(&self, ask: impl AsyncFn() -> Result<T, RegistryError>) -> Result<T, RegistryError> {
        let mut waits = Waits::from(self.patience);
        let mut tries = 1;
        loop {
            match ask().await {
                Err(RegistryError::Unreachable(text)) => match waits.next(|usual| usual) {
                    Some(wait) => {
                        self.stumbles.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                        tokio::time::sleep(wait).await;
                    }
                    None => return Err(RegistryError::Unreachable(format!("{text}, tried {tries} times"))),
                },
                answer => return answer,
            }
            tries += 1;
        }
    }

    fn reference(&self, tag: &str) -> Result<Reference, RegistryError> {
        let parsed = format!("{}:{tag}", self.name).parse();
        parsed.map_err(|_| RegistryError::Unusable(format!("{tag:?} is no tag")))
    }

    /// Credential helpers are programs, so they are asked once and not before something is needed of the registry.
    async fn login(&self) -> Result<&RegistryAuth, RegistryError> {
        let login = async || login::login(&self.env, &self.host).await;
        self.login.get_or_try_init(login).await.map_err(|error| RegistryError::Denied(format!("{error:#}")))
    }
}

/// The layer of an artifact of this kind, or what is wrong with it.
fn only_layer(manifest: &[u8], kind: &ArtifactKind, limit_bytes: u64) -> Result<Layer, String> {
    if manifest.len() > MANIFEST_LIMIT_BYTES {
        return Err("its manifest is too long".to_owned());
    }
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(|error| format!("no manifest: {error}"))?;
    if manifest.artifact_type.as_deref() != Some(kind.artifact_type) {
        return Err(format!("it is no artifact of type {}", kind.artifact_type));
    }
    let mut layers = manifest.layers.into_iter();
    match (layers.next(), layers.next()) {
        (Some(layer), None) if layer.size > limit_bytes => {
            Err(format!("it has {} bytes; at most {limit_bytes} are read", layer.size))
        }
        (Some(layer), None) => Ok(layer),
        _ => Err("it does not have exactly one file".to_owned()),
    }
}

fn digest(content: &[u8]) -> String {
    let digits: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// Whether a host, with or without a port, is this machine whatever the resolver says.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
