//! Layers that are kept from one run to the next.

use sha2::{Digest, Sha512};
use weighbridge::inspect::{Kept, Layer};

use crate::tape::{self, file, hard_link, mark, symlink};
use crate::{layer_blob, read, read_keeping};

fn blobs() -> Vec<Vec<u8>> {
    let lower = [file("d/f", "12345"), hard_link("d/g", "d/f"), symlink("l", "d"), file("l/h", "1")];
    vec![tape::tar(&lower), tape::tar(&[mark("d/.wh.f"), mark(".wh.d"), file("d/f", "12345")])]
}

#[test]
fn what_is_kept_gives_the_same_account_without_a_look_at_any_blob() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Kept::new(&directory.path().join("kept"));
    let first = read_keeping(&blobs(), Some(&kept)).unwrap();
    let layers: Vec<_> = blobs().iter().map(|blob| layer_blob(&blobs(), blob)).collect();
    let nothing = |_: &_| -> anyhow::Result<&[u8]> { anyhow::bail!("a blob was opened") };
    let again = weighbridge::inspect::read(&layers, nothing, Some(&kept)).unwrap();
    assert_eq!(again.tree.account(), first.tree.account());
    assert_eq!(first.tree.account(), read(&blobs()).unwrap().tree.account());
    assert_eq!(
        again.layers.iter().map(|layer| layer.changes).collect::<Vec<_>>(),
        first.layers.iter().map(|layer| layer.changes).collect::<Vec<_>>()
    );
}

#[test]
fn a_kept_layer_that_is_damaged_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Kept::new(directory.path());
    let first = read_keeping(&blobs(), Some(&kept)).unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let file = std::fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
        file.set_len(40).unwrap();
    }
    let again = read_keeping(&blobs(), Some(&kept)).unwrap();
    assert_eq!(again.tree.account(), first.tree.account());
    assert!(again.layers.iter().all(|layer| layer.compression.is_some()));
}

#[test]
fn a_tar_that_is_not_the_one_of_its_diff_id_is_refused_and_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Kept::new(directory.path());
    let blobs = [tape::gzip(&blobs()[0])];
    let message = format!("{:#}", read_keeping(&blobs, Some(&kept)).unwrap_err());
    assert!(
        message.contains("read layer sha256:0000") && message.contains("the config of the image says"),
        "{message}"
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// OCI image-spec, descriptor.md, "Registered algorithms".
#[test]
fn a_diff_id_is_compared_in_its_own_algorithm() {
    let tar = tape::tar(&[file("f", "1")]);
    let hex: String = Sha512::digest(&tar).iter().map(|byte| format!("{byte:02x}")).collect();
    let read = |diff_id: &str| Layer::read_verified(&tar[..], 0, diff_id).map_err(|error| format!("{error:#}"));
    assert_eq!(read(&format!("sha512:{hex}")).unwrap().file_bytes, 1);
    assert!(read(&format!("sha512:{}", "0".repeat(128))).unwrap_err().contains(&format!("the tar is sha512:{hex}")));
    assert!(read(&format!("sha384:{}", "0".repeat(96))).unwrap_err().contains("expected sha256 or sha512"));
}

#[test]
fn a_directory_that_cannot_be_written_costs_nothing_but_time() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let kept = Kept::new(&file.path().join("below-a-file"));
    assert_eq!(read_keeping(&blobs(), Some(&kept)).unwrap().tree.account(), read(&blobs()).unwrap().tree.account());
}
