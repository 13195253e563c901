//! What reading the insides of images adds to the run of a real matrix: the services of `examples/shop` on both
//! platforms, every step run anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use weighbridge::measure::KnownLayers;
use weighbridge::measure::size::measure_image;
use weighbridge::oci::{LayerBlob, Layout, Platform, layer};

use crate::figure::Figure;
use crate::repository::Repository;

const ROUNDS: usize = 3;

/// The seconds of the reader over those of the run. All cells are read here one after the other with nothing beside
/// them, less the time that it takes to know their numbers alone. In the run most of it is hidden behind builds that still
/// go on: what it adds is at most this.
pub(crate) fn share_of_a_matrix() -> Figure {
    let shop = shop();
    let mut notes = Vec::new();
    let shares = (0..ROUNDS).map(|_| {
        let run = shop.run(&["--keep-layouts"], &[0]).as_secs_f64();
        let (read, weighed) = (seconds(|| read(&shop)), seconds(|| weigh(&shop)));
        notes.push(format!("{run:.1} s run, {read:.2} s read, {weighed:.2} s weighed"));
        (read - weighed).max(0.0) / run * 100.0
    });
    let shares = shares.collect();
    Figure::new(
        "the reader in a matrix of 3 images x 2 platforms",
        " %",
        5.0,
        shares,
        format!("; {}", notes.join("; ")),
    )
}

fn shop() -> Repository {
    let shop = Repository::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/.");
    assert!(Command::new("cp").args(["-R", example]).arg(shop.path()).status().unwrap().success());
    let config = shop.read("weighbridge.yml");
    shop.write("weighbridge.yml", &config.replacen("defaults:\n", "defaults:\n  no_cache: true\n", 1));
    shop.commit();
    shop
}

/// As `measure` does it, layers that cells share once.
fn read(shop: &Repository) {
    let known = KnownLayers::default();
    for (platform, layout) in layouts(shop.path()) {
        let measured = measure_image(&layout, &platform, None, Vec::new(), &known).unwrap();
        assert!(measured.unread.is_none(), "{measured:?}");
    }
}

fn weigh(shop: &Repository) {
    let mut layers: BTreeMap<String, (Layout, LayerBlob)> = BTreeMap::new();
    for (platform, directory) in layouts(shop.path()) {
        let image = Layout::open(&directory).unwrap().image(&platform).unwrap();
        for layer in image.layers {
            layers.insert(layer.digest.clone(), (Layout::open(&directory).unwrap(), layer));
        }
    }
    for (layout, blob) in layers.values() {
        layer::weigh(layout.open_layer(blob).unwrap(), blob.compressed_bytes).unwrap();
    }
}

/// What the run left for every cell.
fn layouts(repository: &Path) -> Vec<(Platform, PathBuf)> {
    let platforms = ["linux/amd64", "linux/arm64"].map(|platform| platform.parse::<Platform>().unwrap());
    let images = fs::read_dir(repository.join(".weighbridge/cells")).unwrap().map(|image| image.unwrap().path());
    let of = |image: PathBuf| {
        platforms.clone().map(|platform| {
            let layout = image.join(platform.to_string().replace('/', "-")).join("layout");
            (platform, layout)
        })
    };
    let layouts: Vec<_> = images.flat_map(of).collect();
    assert_eq!(layouts.len(), 6);
    layouts
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}
