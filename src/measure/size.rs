//! What an image weighs, read from the OCI layout that the build wrote: never from the engine, whose numbers mean
//! something else in every store and version.

use std::path::Path;

use anyhow::{Context, Result};

use super::known::KnownLayers;
use super::lines::{self, Origin};
use crate::dockerfile::Dockerfile;
use crate::inspect;
use crate::oci::layer::Weighed;
use crate::oci::{HistoryEntry, Image, LayerBlob, Layout, Platform};
use crate::report::{BaseImage, Contents, Finding, ImageMeasurement, Layer, Severity};

/// An image that was weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// What it weighs and what is inside of it.
    pub image: ImageMeasurement,
    /// Why it is not known what is inside, if it is not.
    pub unread: Option<Finding>,
}

/// Weighs the image for a platform in a layout directory. Reads every layer that is not known yet: run it where
/// blocking is fine.
///
/// `dockerfile` with the target gives layers their line and tells base layers from own ones. Leave it out when it
/// could not be parsed, or when the build ran `ONBUILD` steps of an image from outside (their layers would look like
/// base); layers then have neither.
///
/// # Errors
/// When the layout has no such image or a part of it is missing, damaged or not to be trusted. There is no partial
/// result.
pub fn measure_image(
    layout_dir: &Path,
    platform: &Platform,
    dockerfile: Option<(&Dockerfile, Option<&str>)>,
    base_images: Vec<BaseImage>,
    known: &KnownLayers,
) -> Result<Measured> {
    let layout = Layout::open(layout_dir)?;
    let image = layout.image(platform)?;
    let contents = contents(&layout, &image, platform, known);
    // Where what is inside could not be read, its length can: never lose the numbers.
    let weighed: Vec<Weighed> = image.layers.iter().map(|layer| known.weigh(&layout, layer)).collect::<Result<_>>()?;
    let (contents, unread) = match contents {
        Ok(contents) => (Some(contents), None),
        Err(error) => (None, Some(not_read(&error))),
    };
    let image = ImageMeasurement { base_images, ..measured(image, &weighed, dockerfile, contents)? };
    Ok(Measured { image, unread })
}

/// Joins what is known of an image whose layers were read. `dockerfile` is as for [`measure_image`].
///
/// # Errors
/// When the layers have more bytes than a number can hold.
pub fn measured(
    image: Image,
    weighed: &[Weighed],
    dockerfile: Option<(&Dockerfile, Option<&str>)>,
    mut contents: Option<Contents>,
) -> Result<ImageMeasurement> {
    let lineage = dockerfile.and_then(|(dockerfile, target)| dockerfile.lineage(target));
    let origins = lineage.map(|lineage| lines::origins(&image.history, &lineage)).unwrap_or_default();
    if let Some(contents) = &mut contents {
        place_start(contents, &image.history, &origins);
    }
    let layers = join(&image, weighed, &origins);
    Ok(ImageMeasurement {
        compressed_bytes: sum(&layers, |layer| layer.compressed_bytes)?,
        uncompressed_bytes: sum(&layers, |layer| layer.uncompressed_bytes)?,
        digest: image.digest,
        config_digest: Some(image.config_digest),
        config_bytes: image.config_bytes,
        attestation_bytes: image.attestation_bytes,
        layers,
        base_images: Vec::new(),
        contents,
        scan: None,
    })
}

/// What is inside. A layer is read once for this and for its numbers.
fn contents(layout: &Layout, image: &Image, platform: &Platform, known: &KnownLayers) -> Result<Contents> {
    let read = inspect::read_by(&image.layers, |layer| known.read(layout, layer))?;
    Ok(inspect::describe(&read, image, platform))
}

/// Gives what is said of the start the line of the instruction that says what is started.
fn place_start(contents: &mut Contents, history: &[HistoryEntry], origins: &[Origin]) {
    let line_of = |keyword: &str| {
        let mut entries = history.iter().zip(origins).filter(|(entry, _)| entry.created_by.starts_with(keyword));
        entries.next_back().and_then(|(_, origin)| origin.dockerfile_line)
    };
    let line = line_of("ENTRYPOINT ").or_else(|| line_of("CMD "));
    for finding in &mut contents.start.findings {
        finding.dockerfile_line = finding.dockerfile_line.or(line);
    }
}

fn not_read(error: &anyhow::Error) -> Finding {
    Finding {
        rule: "contents-not-read".to_owned(),
        severity: Severity::Warning,
        message: format!("what is inside of the image could not be read: {error:#}"),
        dockerfile_line: None,
        url: None,
    }
}

/// Joins manifest, unpacked sizes and history. Entries that wrote a layer match the layers one to one; when their
/// numbers differ, the history says nothing about any layer.
fn join(image: &Image, weighed: &[Weighed], origins: &[Origin]) -> Vec<Layer> {
    let origins = origins.iter().cloned().chain(std::iter::repeat(Origin::default()));
    let mut wrote: Vec<(&HistoryEntry, Origin)> =
        image.history.iter().zip(origins).filter(|(entry, _)| !entry.empty_layer).collect();
    if wrote.len() != image.layers.len() {
        wrote.clear();
    }
    let history = wrote.into_iter().map(Some).chain(std::iter::repeat(None));
    let measured = image.layers.iter().zip(weighed).zip(history);
    measured.map(|((layer, weighed), history)| joined(layer, *weighed, history)).collect()
}

fn joined(layer: &LayerBlob, weighed: Weighed, history: Option<(&HistoryEntry, Origin)>) -> Layer {
    let (created_by, origin) =
        history.map_or_else(Default::default, |(entry, origin)| (entry.created_by.clone(), origin));
    Layer {
        digest: layer.digest.clone(),
        diff_id: layer.diff_id.clone(),
        compressed_bytes: layer.compressed_bytes,
        uncompressed_bytes: weighed.uncompressed_bytes,
        compression: weighed.compression,
        created_by,
        instruction: origin.instruction,
        dockerfile_line: origin.dockerfile_line,
        base: origin.base,
    }
}

fn sum(layers: &[Layer], bytes: impl Fn(&Layer) -> u64) -> Result<u64> {
    let sum = layers.iter().try_fold(0u64, |sum, layer| sum.checked_add(bytes(layer)));
    sum.context("the layers have more bytes than a number can hold")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fs;
    use crate::oci::testing::{TestLayer, TestLayout, amd64, gzip, tar, zstd_frame};
    use crate::report::Compression;

    fn measured(layout: &TestLayout, dockerfile: Option<&str>, known: &KnownLayers) -> Result<Measured> {
        let dockerfile = dockerfile.map(|text| Dockerfile::parse(text).unwrap());
        let dockerfile = dockerfile.as_ref().map(|dockerfile| (dockerfile, None));
        measure_image(layout.directory(), &amd64(), dockerfile, Vec::new(), known)
    }

    fn measure(layout: &TestLayout, dockerfile: Option<&str>, known: &KnownLayers) -> Result<ImageMeasurement> {
        measured(layout, dockerfile, known).map(|measured| measured.image)
    }

    /// Three layers of different compression, and what their tars weigh.
    fn three_layers(layout: &TestLayout) -> (Vec<TestLayer>, u64) {
        let tars: Vec<Vec<u8>> = [10, 5_000, 70_000].iter().map(|length| tar(&vec![b'x'; *length])).collect();
        let blobs = [tars[0].clone(), gzip(&tars[1]), zstd_frame(&tars[2])];
        let layers = blobs.iter().zip(&tars).map(|(blob, tar)| layout.layer(blob, tar)).collect();
        (layers, tars.iter().map(|tar| tar.len() as u64).sum())
    }

    fn bytes(descriptor: &Value) -> u64 {
        descriptor["size"].as_u64().unwrap()
    }

    #[test]
    fn an_image_weighs_the_sum_of_its_layers() {
        let mut layout = TestLayout::new();
        let (layers, uncompressed_bytes) = three_layers(&layout);
        let comment = "buildkit.dockerfile.v0";
        let entry = |text: &str, empty| json!({ "created_by": text, "comment": comment, "empty_layer": empty });
        let history = json!([
            entry("ADD base / # buildkit", false),
            entry("CMD [\"bash\"]", true),
            entry("COPY a /a # buildkit", false),
            entry("ENV A=1", true),
            entry("RUN /bin/sh -c make # buildkit", false),
        ]);
        let config = layout.config(&layers, &history);
        let manifest = layout.manifest_of(&config, &layers);
        layout.write_index(&json!([manifest]));
        let text = "FROM base\nCOPY a /a\nENV A=1\nRUN make\n";
        let measured = measure(&layout, Some(text), &KnownLayers::default()).unwrap();
        assert_eq!(measured.uncompressed_bytes, uncompressed_bytes);
        assert_eq!(measured.compressed_bytes, layers.iter().map(|layer| bytes(&layer.descriptor)).sum::<u64>());
        assert_eq!(measured.config_bytes, bytes(&config));
        assert_eq!(measured.digest, manifest["digest"]);
        let shown: Vec<_> = measured
            .layers
            .iter()
            .map(|layer| {
                format!("{:?} {:?} {:?} {}", layer.compression, layer.base, layer.dockerfile_line, layer.created_by)
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        None Some(true) None ADD base / # buildkit
        Gzip Some(false) Some(2) COPY a /a # buildkit
        Zstd Some(false) Some(4) RUN /bin/sh -c make # buildkit
        ");
    }

    #[test]
    fn without_a_dockerfile_layers_have_no_line_and_no_owner() {
        let mut layout = TestLayout::new();
        let manifest = layout.image(&three_layers(&layout).0);
        layout.write_index(&json!([manifest]));
        for dockerfile in [None, Some("FROM other\nRUN x\n")] {
            let measured = measure(&layout, dockerfile, &KnownLayers::default()).unwrap();
            assert!(measured.layers.iter().all(|layer| layer.dockerfile_line.is_none() && layer.base.is_none()));
            assert_eq!(measured.layers[2].created_by, "COPY 2 / # buildkit");
        }
    }

    #[test]
    fn a_history_of_another_length_says_nothing_about_any_layer() {
        let mut layout = TestLayout::new();
        let (layers, _) = three_layers(&layout);
        let config = layout.config(&layers, &json!([{ "created_by": "COPY a b # buildkit" }]));
        let manifest = layout.manifest_of(&config, &layers);
        layout.write_index(&json!([manifest]));
        let measured = measure(&layout, Some("FROM scratch\nCOPY a b\n"), &KnownLayers::default()).unwrap();
        assert!(measured.layers.iter().all(|layer| layer.created_by.is_empty() && layer.base.is_none()));
        assert_eq!(measured.layers.len(), 3);
    }

    #[test]
    fn a_damaged_layer_is_named_and_nothing_is_measured() {
        let mut layout = TestLayout::new();
        let tar = tar(&[9; 5_000]);
        let blob = gzip(&tar);
        let layer = layout.layer(&blob[..blob.len() - 9], &tar);
        let digest = layer.descriptor["digest"].as_str().unwrap().to_owned();
        let manifest = layout.image(&[layer]);
        layout.write_index(&json!([manifest]));
        let message = format!("{:#}", measure(&layout, None, &KnownLayers::default()).unwrap_err());
        assert!(message.starts_with(&format!("read layer {digest}: gzip: ")), "{message}");
    }

    #[test]
    fn what_is_inside_is_read_on_the_way_also_of_layers_that_are_known() {
        let mut layout = TestLayout::new();
        let (layers, _) = three_layers(&layout);
        let manifest = layout.image(&layers);
        layout.write_index(&json!([manifest]));
        let known = KnownLayers::default();
        let first = measured(&layout, None, &known).unwrap();
        assert_eq!(first.unread, None);
        let contents = first.image.contents.clone().unwrap();
        assert_eq!((contents.file_bytes, contents.live_bytes), (75_010, 70_000));
        assert_eq!(contents.layers.len(), 3);
        assert_eq!(measured(&layout, None, &known).unwrap(), first);
    }

    #[test]
    fn a_tar_that_makes_no_sense_costs_what_is_inside_and_no_number() {
        let mut layout = TestLayout::new();
        let mut tar = tar(&[9; 5_000]);
        tar[512 * 12..].fill(b'x');
        let manifest = layout.image(&[layout.layer(&gzip(&tar), &tar)]);
        layout.write_index(&json!([manifest]));
        let Measured { image, unread } = measured(&layout, None, &KnownLayers::default()).unwrap();
        assert_eq!((image.uncompressed_bytes, image.contents), (tar.len() as u64, None));
        assert_eq!(image.layers[0].compression, Compression::Gzip);
        let message = unread.unwrap().message;
        assert!(message.starts_with("what is inside of the image could not be read: read layer sha256:"), "{message}");
    }

    #[test]
    fn what_is_said_of_the_start_stands_at_the_instruction_that_says_what_is_started() {
        let history = |entries: &[&str]| -> Vec<HistoryEntry> {
            let entry = |text: &&str| HistoryEntry { created_by: (*text).to_owned(), ..HistoryEntry::default() };
            entries.iter().map(entry).collect()
        };
        for (entries, expected) in [
            (vec!["COPY a b", "ENTRYPOINT [\"/a\"]", "CMD [\"x\"]"], Some(2)),
            (vec!["CMD [\"sh\"]", "COPY a b", "CMD [\"x\"]"], Some(3)),
            (vec!["COPY a b"], None),
        ] {
            let origin = |line| Origin { dockerfile_line: Some(line), ..Origin::default() };
            let origins: Vec<Origin> = (1..).map(origin).take(entries.len()).collect();
            let start = crate::report::sample::contents::broken("no interpreter");
            let mut contents = Contents { start, ..Contents::default() };
            place_start(&mut contents, &history(&entries), &origins);
            assert_eq!(contents.start.findings[0].dockerfile_line, expected, "{entries:?}");
        }
    }

    #[test]
    fn layers_kept_elsewhere_or_encrypted_are_not_counted_as_nothing() {
        for (media_type, expected) in [
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "kept outside of the image"),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar", "kept outside of the image"),
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "is encrypted"),
        ] {
            let mut layout = TestLayout::new();
            let mut layer = layout.plain(b"x");
            layer.descriptor["mediaType"] = json!(media_type);
            fs::remove_file(&layout.blob_path(layer.descriptor["digest"].as_str().unwrap())).unwrap();
            let manifest = layout.image(&[layer]);
            layout.write_index(&json!([manifest]));
            let message = format!("{:#}", measure(&layout, None, &KnownLayers::default()).unwrap_err());
            assert!(message.contains(expected) && message.contains("could not be measured"), "{message}");
        }
    }

    #[test]
    fn a_known_layer_is_not_read_again_but_must_be_there() {
        let mut layout = TestLayout::new();
        let (layers, _) = three_layers(&layout);
        let manifest = layout.image(&layers);
        layout.write_index(&json!([manifest]));
        let known = KnownLayers::default();
        let first = measure(&layout, None, &known).unwrap();
        let path = layout.blob_path(&first.layers[1].digest);
        let length = usize::try_from(first.layers[1].compressed_bytes).unwrap();
        fs::write_atomic(&path, &vec![0xff; length]).unwrap();
        assert_eq!(measure(&layout, None, &known).unwrap(), first);
        assert!(measure(&layout, None, &KnownLayers::default()).is_err());
        fs::write_atomic(&path, b"x").unwrap();
        let message = format!("{:#}", measure(&layout, None, &known).unwrap_err());
        assert!(message.contains("has 1 bytes, its descriptor says"), "{message}");
        fs::remove_file(&path).unwrap();
        assert!(measure(&layout, None, &known).is_err());
    }

    #[test]
    fn sums_that_no_number_holds_are_refused() {
        let layer = Layer {
            digest: String::new(),
            diff_id: String::new(),
            compressed_bytes: u64::MAX,
            uncompressed_bytes: 1,
            compression: Compression::None,
            created_by: String::new(),
            instruction: None,
            dockerfile_line: None,
            base: None,
        };
        let layers = [layer.clone(), layer];
        assert!(sum(&layers, |layer| layer.compressed_bytes).is_err());
        assert_eq!(sum(&layers, |layer| layer.uncompressed_bytes).unwrap(), 2);
    }
}
