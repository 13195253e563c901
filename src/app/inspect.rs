//! `weighbridge inspect IMAGE`: one image, read and told. A straight line as well.

use anyhow::{Context, Result, bail};

use super::images::{self, Images, blocking};
use super::session::Session;
use crate::cli::{Format, InspectArgs};
use crate::dockerfile::Dockerfile;
use crate::error::{self, Exit};
use crate::fs;
use crate::inspect::{self, Kept, LayerContents};
use crate::measure::size::measured;
use crate::oci::layer::Weighed;
use crate::oci::{Image, LayerBlob, Platform};
use crate::publish::terminal;
use crate::render;
use crate::report::{ImageMeasurement, Inspection};

const DOCKERFILE_LIMIT_BYTES: u64 = 4 << 20;

/// What to read of an image, and what to lay beside it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) platform: Option<Platform>,
    pub(super) kept: Option<Kept>,
    pub(super) dockerfile: Option<Dockerfile>,
    pub(super) target: Option<String>,
}

pub(super) async fn inspect(session: &Session, args: &InspectArgs) -> Result<u8> {
    let reading = Reading {
        name: args.image.clone(),
        platform: images::one_platform(&session.common.platform)?,
        kept: args.cache_dir.as_ref().map(|directory| Kept::new(&session.env.directory.join(directory))),
        dockerfile: dockerfile(session, args).context(Exit::usage("read the Dockerfile"))?,
        target: args.target.clone(),
    };
    let images = images::open(session, &args.image).await?;
    let inspection = blocking(move || read(&images, reading)).await?;
    terminal::out(&match session.common.format {
        Format::Text | Format::Github | Format::Gitlab => render::inspect::text(&inspection, session.color()),
        Format::Markdown => render::inspect::markdown(&inspection),
        Format::Json => render::inspect::json(&inspection),
    });
    Ok(error::OK)
}

/// Reads an image whole. Blocks.
fn read(images: &Images, reading: Reading) -> Result<Inspection> {
    let Reading { name, platform, kept, dockerfile, target } = reading;
    let dockerfile = dockerfile.as_ref().map(|dockerfile| (dockerfile, target.as_deref()));
    let read = || -> Result<Inspection> {
        let image = images.image(platform.as_ref())?;
        let (platform, digest) = (image.platform.clone(), images.states_digests.then(|| image.digest.clone()));
        Ok(Inspection {
            name: name.clone(),
            platform,
            digest,
            image: measure(images, image, kept.as_ref(), dockerfile)?,
        })
    };
    read().with_context(|| Exit::not_measured(format!("read {name:?}")))
}

/// Reads all layers of an image, and what is inside of it.
pub(super) fn measure(
    images: &Images,
    image: Image,
    kept: Option<&Kept>,
    dockerfile: Option<(&Dockerfile, Option<&str>)>,
) -> Result<ImageMeasurement> {
    let read = inspect::read(&image.layers, |layer| images.open_layer(layer), kept)?;
    let contents = inspect::describe(&read, &image, &image.platform);
    let layers = image.layers.iter().zip(&read.layers);
    let weighed: Vec<Weighed> = layers.map(|(blob, layer)| weighed(images, blob, layer)).collect::<Result<_>>()?;
    measured(image, &weighed, dockerfile, Some(contents))
}

fn weighed(images: &Images, blob: &LayerBlob, layer: &LayerContents) -> Result<Weighed> {
    let compression = layer.compression.map_or_else(|| images.compression(blob), Ok)?;
    Ok(Weighed { compression, uncompressed_bytes: layer.uncompressed_bytes })
}

fn dockerfile(session: &Session, args: &InspectArgs) -> Result<Option<Dockerfile>> {
    let Some(path) = &args.dockerfile else { return Ok(None) };
    let text = fs::read_text(&session.env.directory.join(path), DOCKERFILE_LIMIT_BYTES)?;
    let dockerfile = Dockerfile::parse(&text).with_context(|| path.display().to_string())?;
    if dockerfile.lineage(args.target.as_deref()).is_none() {
        bail!("{} has no stage {:?}", path.display(), args.target.as_deref().unwrap_or_default());
    }
    Ok(Some(dockerfile))
}
