//! The places of images, by the text that names one: a directory, an archive, the engine, a registry.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::session::Session;
use crate::error::Exit;
use crate::fs;
use crate::oci::layer::Weighed;
use crate::oci::{Archive, Blobs, Image, LayerBlob, Layout, Platform, blobs, layer};
use crate::plan::Machine;
use crate::registry::{ImageName, RemoteImages};
use crate::report::Compression;

/// What names an image of the local engine.
const ENGINE: &str = "docker://";
/// How paths begin and end that are no names of images.
const PATH_STARTS: [&str; 3] = ["/", "./", "../"];
const PATH_ENDS: [&str; 6] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".oci", ".json"];

/// A place of images that is open.
#[derive(Clone)]
pub(super) struct Images {
    blobs: Arc<dyn Blobs>,
    /// Whether digests of manifests are those that a registry would know the images by.
    pub(super) states_digests: bool,
    /// Whether each blob is a request.
    pub(super) is_remote: bool,
    /// The directory, if they are an OCI layout in one.
    pub(super) layout: Option<PathBuf>,
    cancel: CancellationToken,
}

/// Opens what a text names. What is there as a path is that; else the text is a name in a registry.
pub(super) async fn open(session: &Session, text: &str) -> Result<Images> {
    let (env, cancel) = (&session.env, session.cancel.clone());
    let (path, shown) = (env.directory.join(text), text.to_owned());
    let near = |blobs, states_digests| Images {
        blobs,
        states_digests,
        is_remote: false,
        layout: None,
        cancel: session.cancel.clone(),
    };
    if let Some(name) = text.strip_prefix(ENGINE) {
        if name.is_empty() {
            bail!(Exit::usage(format!("{text:?} names no image; expected docker://NAME")));
        }
        let mut file = fs::temporary()?;
        session.docker.save(name, &mut file).await.with_context(|| unreadable(text))?;
        let archive = blocking(move || Archive::open(file)).await.with_context(|| unreadable(text))?;
        let states_digests = archive.states_digests();
        return Ok(near(Arc::new(archive), states_digests));
    }
    if fs::is_directory(&path) {
        let layout = Layout::open(&path).context("no directory of an OCI layout").with_context(|| unreadable(text))?;
        return Ok(Images { layout: Some(path), ..near(Arc::new(layout), true) });
    }
    if fs::is_file(&path) {
        let archive = blocking(move || Archive::open(fs::open(&path)?)).await.with_context(|| unreadable(text))?;
        let states_digests = archive.states_digests();
        return Ok(near(Arc::new(archive), states_digests));
    }
    if fs::is_stream(&path) {
        bail!(Exit::usage(format!("{shown:?} is a pipe or a device, and is read in parts; write it to a file first")));
    }
    if PATH_STARTS.iter().any(|start| text.starts_with(start)) || PATH_ENDS.iter().any(|end| text.ends_with(end)) {
        bail!(Exit::usage(format!("there is no file or directory {shown:?}")));
    }
    let name: ImageName = text.parse().with_context(|| {
        Exit::usage(format!("there is no file or directory {shown:?}, and no registry can have it"))
    })?;
    let remote = RemoteImages::open(env, &name, cancel.clone()).await.with_context(|| {
        Exit::not_measured(format!("there is no file or directory {shown:?}, so a registry was asked for it"))
    })?;
    Ok(Images { blobs: Arc::new(remote), states_digests: true, is_remote: true, layout: None, cancel })
}

impl Images {
    /// The image for a platform; without one the only image or, of several, that of this machine's platform.
    pub(super) fn image(&self, platform: Option<&Platform>) -> Result<Image> {
        match platform {
            Some(platform) => blobs::image(&*self.blobs, platform),
            None => {
                let own = Machine::assumed().native.into_iter().next().context("no platform")?;
                blobs::only_image(&*self.blobs, &own)
            }
        }
    }

    /// Opens a layer's blob, which is verified while it is read.
    pub(super) fn open_layer<'a>(&'a self, layer: &LayerBlob) -> Result<impl Read + Send + use<'a>> {
        Ok(Stoppable { blob: blobs::open_layer(&*self.blobs, layer)?, cancel: self.cancel.clone() })
    }

    /// What there is to say of a layer that nobody reads. Its tar has no length then, which no tar has.
    pub(super) fn unread(&self, layer: &LayerBlob) -> Result<Weighed> {
        Ok(Weighed { compression: self.compression(layer)?, uncompressed_bytes: 0 })
    }

    /// How a layer is compressed of which the blob was not read. To look at its first bytes is a matter of moments where
    /// the blob is near, and where it is not the manifest has to be believed.
    pub(super) fn compression(&self, layer: &LayerBlob) -> Result<Compression> {
        if !self.is_remote {
            return Ok(layer::unpack(self.open_layer(layer)?, layer.compressed_bytes)?.compression());
        }
        Ok(match layer.media_type.as_str() {
            kind if kind.contains("zstd") => Compression::Zstd,
            kind if kind.contains("gzip") => Compression::Gzip,
            _ => Compression::None,
        })
    }
}

/// A stream that ends with an error once a signal has come: threads that read know nothing of the runtime.
struct Stoppable<R> {
    blob: R,
    cancel: CancellationToken,
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("stopped"));
        }
        self.blob.read(buffer)
    }
}

fn unreadable(text: &str) -> Exit {
    Exit::not_measured(format!("read {text:?}"))
}

/// Work that reads files, on a thread where that is fine.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.context("a thread ended")?
}

/// The platform that was asked for, if one was.
pub(super) fn one_platform(platforms: &[Platform]) -> Result<Option<Platform>> {
    match platforms {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => bail!(Exit::usage("an image is read on one platform; give --platform once")),
    }
}
