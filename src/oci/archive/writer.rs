//! A layout as an archive that `docker load` takes. Engines with the containerd image store read `index.json` and keep every
//! digest; older ones read `manifest.json` and keep the config, which is the image's ID there
//! (moby: `daemon/containerd/image_exporter.go`, `image/tarexport/load.go`).

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::super::{Image, Parts};
use crate::fs;

/// Writes the image of a layout under this name, a whole one: `docker.io/one/two:tag`.
///
/// # Errors
/// When a part cannot be read or the file not be written.
pub fn write(parts: &Parts, image: &Image, name: &str, file: &Path) -> Result<()> {
    let write = || {
        let mut archive = tar::Builder::new(fs::create(file)?);
        for blob in &parts.blobs {
            archive.append_data(&mut header(blob.bytes), path(&blob.digest), fs::open(&blob.path)?)?;
        }
        for manifest in &parts.manifests {
            add(&mut archive, &path(&manifest.digest), &manifest.content)?;
        }
        add(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        add(&mut archive, "index.json", index(parts, name).as_bytes())?;
        add(&mut archive, "manifest.json", manifest(image, name).as_bytes())?;
        archive.into_inner()?.flush()?;
        anyhow::Ok(())
    };
    write().with_context(|| format!("write {}", file.display()))
}

fn index(parts: &Parts, name: &str) -> String {
    let top = parts.manifests.last().map(|top| {
        json!({
            "mediaType": top.media_type,
            "digest": top.digest,
            "size": top.content.len(),
            "annotations": { "io.containerd.image.name": name },
        })
    });
    let manifests: Vec<_> = top.into_iter().collect();
    json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests })
        .to_string()
}

fn manifest(image: &Image, name: &str) -> String {
    let layers: Vec<String> = image.layers.iter().map(|layer| path(&layer.digest)).collect();
    let short = name.strip_prefix("docker.io/").unwrap_or(name);
    json!([{ "Config": path(&image.config_digest), "RepoTags": [short], "Layers": layers }]).to_string()
}

fn path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

fn add(archive: &mut tar::Builder<impl Write>, name: &str, content: &[u8]) -> Result<()> {
    let bytes = u64::try_from(content.len())?;
    Ok(archive.append_data(&mut header(bytes), name, content)?)
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    header
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use serde_json::Value;

    use super::super::super::Layout;
    use super::super::super::testing::{TestLayout, amd64};
    use super::*;

    #[test]
    fn an_archive_holds_the_layout_for_engines_of_both_kinds() {
        let mut layout = TestLayout::new();
        let manifest = layout.image(&[layout.plain(b"a")]);
        layout.write_index(&json!([manifest]));
        let opened = Layout::open(layout.directory()).unwrap();
        let (parts, image) = (Parts::of(&opened).unwrap(), opened.image(&amd64()).unwrap());
        let file = layout.directory().join("image.tar");
        write(&parts, &image, "docker.io/weighbridge/tested:a", &file).unwrap();
        let mut archive = tar::Archive::new(fs::open(&file).unwrap());
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let (mut entry, mut content) = (entry.unwrap(), Vec::new());
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        let json = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
        assert_eq!(json("index.json")["manifests"][0]["digest"], manifest["digest"]);
        let old = json("manifest.json");
        assert_eq!(old[0]["RepoTags"], json!(["weighbridge/tested:a"]));
        assert!(files.contains_key(old[0]["Config"].as_str().unwrap()));
        assert!(files.contains_key(old[0]["Layers"][0].as_str().unwrap()));
        assert_eq!(files.len(), 6);
    }
}
