//! An image in a registry, read blob by blob as it is asked for; nothing is stored.
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull>
//!
//! Readers are plain code on threads of their own, and the client needs a runtime: each read of a thread waits for the
//! next chunk, so that no more than a chunk is in memory however large a layer is.

use std::io::{self, Read};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::stream::{BoxStream, Fuse};
use futures_util::{StreamExt, TryStreamExt};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use oci_spec::image::Digest;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{MANIFEST_LIMIT_BYTES, RegistryError, digest, is_loopback, login};
use crate::env::Env;
use crate::http;
use crate::oci::Blobs;
use crate::oci::blobs::BlobReader;

const ACCEPTED: [&str; 4] =
    [OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE];
/// The client takes whatever comes, and to a registry that never ends it would listen for ever.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What a reference of a registry names: an image, or an index of images.
pub struct RemoteImages {
    reference: Reference,
    client: Client,
    login: RegistryAuth,
    runtime: Handle,
    cancel: CancellationToken,
    /// What the reference names, and its digest.
    root: (String, Vec<u8>),
    index: Vec<u8>,
}

/// A name of an image, as docker takes it: `debian:12` is `docker.io/library/debian:12`.
#[derive(Debug, Clone)]
pub struct ImageName(Reference);

impl FromStr for ImageName {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        name.parse().map(Self).with_context(|| format!("{name:?} is no name of an image"))
    }
}

impl RemoteImages {
    /// Asks a registry for what a name stands for, with Docker's credentials. `cancel` ends the waiting for it, now and
    /// later. Only a registry on this machine is spoken to without TLS.
    ///
    /// # Errors
    /// When the registry does not give it.
    pub async fn open(env: &Env, name: &ImageName, cancel: CancellationToken) -> Result<Self> {
        let reference = name.0.clone();
        let host = reference.registry().to_owned();
        let plain = if is_loopback(&host) { vec![host.clone()] } else { Vec::new() };
        let client = http::registry_client(env, plain)?;
        let whole = reference.whole();
        let open = async {
            let login = login::login(env, &host).await?;
            let root = pull_manifest(&client, &reference, &login).await?;
            anyhow::Ok((login, root))
        };
        let opened = cancel.run_until_cancelled(open).await.context("stopped");
        let (login, root) = opened.flatten().with_context(|| format!("pull {whole}"))?;
        // Whatever the registry calls it, the name of the content is that of its bytes.
        let root = (reference.digest().map_or_else(|| digest(&root), str::to_owned), root);
        let index = index_of(&root.0, &root.1).with_context(|| format!("read {whole}"))?;
        Ok(Self { reference, client, login, runtime: Handle::current(), cancel, root, index })
    }

    /// Waits on a thread that is not the runtime's.
    fn wait<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(self.cancel.run_until_cancelled(answer)).context("stopped")?
    }
}

async fn pull_manifest(client: &Client, reference: &Reference, login: &RegistryAuth) -> Result<Vec<u8>> {
    pull_within(MANIFEST_TIMEOUT, client, reference, login).await
}

async fn pull_within(limit: Duration, client: &Client, reference: &Reference, login: &RegistryAuth) -> Result<Vec<u8>> {
    let pulled = timeout(limit, client.pull_manifest_raw(reference, login, &ACCEPTED)).await;
    let pulled = pulled.with_context(|| format!("its manifest has not come within {} s", limit.as_secs_f64()))?;
    let (manifest, _) = pulled.map_err(|error| {
        RegistryError::of(error).unwrap_or_else(|| RegistryError::Unusable("there is no such image".to_owned()))
    })?;
    ensure!(manifest.len() <= MANIFEST_LIMIT_BYTES, "its manifest is longer than {MANIFEST_LIMIT_BYTES} bytes");
    Ok(manifest.to_vec())
}

/// An index with this one entry.
fn index_of(digest: &str, root: &[u8]) -> Result<Vec<u8>> {
    let document: Value = serde_json::from_slice(root).context("no manifest")?;
    let stated = document.get("mediaType").and_then(Value::as_str);
    let media_type = match stated {
        Some(stated) if ACCEPTED.contains(&stated) => stated,
        Some(other) if other.contains("manifest.v1") && other.contains("docker") => {
            bail!("a manifest of the old schema 1, which does not say what is in the image; push it anew")
        }
        Some(other) => bail!("neither an image nor an index of images, but {other:?}"),
        None if document.get("manifests").is_some() => OCI_IMAGE_INDEX_MEDIA_TYPE,
        None if document.get("layers").is_some() => OCI_IMAGE_MEDIA_TYPE,
        None => bail!("neither an image nor an index of images"),
    };
    let entry = json!({ "mediaType": media_type, "digest": digest, "size": root.len() });
    Ok(json!({ "schemaVersion": 2, "manifests": [entry] }).to_string().into_bytes())
}

impl Blobs for RemoteImages {
    fn index(&self) -> Result<Vec<u8>> {
        Ok(self.index.clone())
    }

    fn open(&self, digest: &Digest, bytes: u64) -> Result<BlobReader<'_>> {
        let size = i64::try_from(bytes).unwrap_or(i64::MAX);
        let descriptor = OciDescriptor { digest: digest.to_string(), size, ..OciDescriptor::default() };
        let stream = self.wait(async {
            self.client.store_auth_if_needed(self.reference.resolve_registry(), &self.login).await;
            let pulled = self.client.pull_blob_stream(&self.reference, &descriptor).await;
            let lacks = || RegistryError::Unusable("the registry lacks it".to_owned());
            Ok(pulled.map_err(|error| RegistryError::of(error).unwrap_or_else(lacks))?.stream)
        });
        let stream = stream.with_context(|| format!("pull blob {digest}"))?;
        Ok(Box::new(Pulled { images: self, stream: stream.fuse(), chunk: None }))
    }

    fn open_manifest(&self, digest: &Digest, _bytes: u64) -> Result<BlobReader<'_>> {
        if digest.as_ref() == self.root.0 {
            return Ok(Box::new(self.root.1.as_slice()));
        }
        let reference = self.reference.clone_with_digest(digest.to_string());
        let pulled = self.wait(pull_manifest(&self.client, &reference, &self.login));
        Ok(Box::new(io::Cursor::new(pulled.with_context(|| format!("pull manifest {digest}"))?)))
    }
}

/// A blob on its way.
struct Pulled<'a, C> {
    images: &'a RemoteImages,
    /// Asked once more after its end, as decoders do, the client would compare the digest with that of nothing.
    stream: Fuse<BoxStream<'static, io::Result<C>>>,
    chunk: Option<io::Cursor<C>>,
}

impl<C: AsRef<[u8]>> Read for Pulled<'_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.as_mut().map_or(Ok(0), |chunk| chunk.read(buffer))?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let next = async { Ok(self.stream.try_next().await?) };
            match self.images.wait(next).map_err(|error| io::Error::other(format!("{error:#}")))? {
                Some(chunk) => self.chunk = Some(io::Cursor::new(chunk)),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    #[tokio::test]
    async fn a_manifest_that_does_not_end_is_given_up() {
        let server = MockServer::start().await;
        let late = ResponseTemplate::new(200).set_body_string("{}").set_delay(Duration::from_secs(20));
        Mock::given(path("/v2/acme/manifests/tag")).respond_with(late).mount(&server).await;
        Mock::given(path("/v2/")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        let host = server.address().to_string();
        let client = http::registry_client(&Env::default(), vec![host.clone()]).unwrap();
        let reference = Reference::try_from(format!("{host}/acme:tag")).unwrap();
        let pulled = pull_within(Duration::from_millis(500), &client, &reference, &RegistryAuth::Anonymous).await;
        assert!(format!("{:#}", pulled.unwrap_err()).starts_with("its manifest has not come within 0.5 s"));
    }
}
