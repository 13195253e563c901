//! The figures of the reader of images, on generated images, beside the tools that set the floor: `cargo bench --bench
//! inspect`, optionally with a part of a figure's name.
//!
//! The images are made once, below `target/tmp` (6 GB). The reader runs in a process of its own, so that its time has
//! the start in it and its peak memory is its own; so do `tar`, `gzip` and `zstd`, in turns with it over the same bytes.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark starts programs and prints")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark may stop at the first surprise"
)]

#[path = "../line/figure.rs"]
mod figure;
mod generate;
#[path = "../line/memory.rs"]
mod memory;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use figure::{Figure, pairs};
use weighbridge::inspect::{self, Kept};
use weighbridge::oci::LayerBlob;

/// The first argument of the process that reads; a directory of kept layers or nothing, and the layers follow.
const CHILD: &str = "--read-layers";
const RUNS: usize = 7;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let only = arguments.next();
    if only.as_deref() == Some(CHILD) {
        read(&arguments.next().unwrap(), arguments.map(PathBuf::from).collect());
        return ExitCode::SUCCESS;
    }
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    let mut figures = Vec::new();
    if wanted("deletions") {
        let layers = generate::modules();
        figures.push(seconds("30,000 files in 31 MB, 1,000 deletions", 0.15, &layers));
        figures.push(ratio("the same / tar -tf", 5.0, &layers, &["tar", "-tf"]));
    }
    if wanted("plain") {
        let layers = generate::system();
        figures.push(seconds("65,000 files in 1.95 GB, 1,500 deletions, plain", 1.0, &layers));
        figures.push(ratio("the same / cat", 3.0, &layers, &["cat"]));
        figures.push(ratio("the same / tar -tf", 5.0, &layers, &["tar", "-tf"]));
    }
    if wanted("gzip") {
        let layers = generate::packed(&generate::system(), "gz");
        figures.push(ratio("the same as gzip / gzip -dc", 0.5, &layers, &["gzip", "-dc"]));
    }
    if wanted("zstd") {
        let layers = generate::packed(&generate::system(), "zst");
        figures.push(ratio("the same as zstd / zstd -dc", 1.5, &layers, &["zstd", "-dc"]));
    }
    if wanted("kept") {
        figures.push(kept("the same again, layers kept", 0.1, &generate::system()));
    }
    if wanted("memory") {
        let layers = generate::many();
        figures.push(peak("peak memory, 300,000 files in one layer", 60.0, &layers));
        figures.push(seconds("the same, time", 1.0, &layers));
        figures.push(peak("peak memory, 1.95 GB plain", 60.0, &generate::system()));
    }
    for figure in &figures {
        println!("{figure}");
    }
    ExitCode::from(u8::from(!figures.iter().all(Figure::holds)))
}

/// What the process that reads does.
fn read(kept: &str, paths: Vec<PathBuf>) {
    let layers: Vec<LayerBlob> = paths.into_iter().map(blob).collect();
    let kept = Some(kept).filter(|directory| !directory.is_empty()).map(|directory| Kept::new(Path::new(directory)));
    let contents = inspect::read(&layers, |layer| Ok(File::open(&layer.digest)?), kept.as_ref()).unwrap();
    let account = contents.tree.account();
    let sum: u64 = contents.layers.iter().map(|layer| layer.uncompressed_bytes).sum();
    println!("{sum} {} {} {}", account.file_bytes, account.live_bytes, account.wasted_bytes());
}

/// A file as a layer, named by its path.
fn blob(path: PathBuf) -> LayerBlob {
    let compressed_bytes = path.metadata().unwrap().len();
    let digest = path.into_os_string().into_string().unwrap();
    let diff_id = std::fs::read_to_string(format!("{digest}.diff_id")).unwrap_or_default();
    LayerBlob { digest, diff_id, compressed_bytes, media_type: String::new() }
}

fn reader(kept: &str, layers: &[PathBuf]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([CHILD, kept]).args(layers);
    command
}

/// How long a command takes, whose output nobody reads.
fn time(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).status().expect("start the command");
    assert!(status.success(), "{command:?}");
    start.elapsed()
}

fn seconds(name: &str, bound: f64, layers: &[PathBuf]) -> Figure {
    repeated(name, bound, || reader("", layers))
}

/// With what the first run has kept; that one is not counted.
fn kept(name: &str, bound: f64, layers: &[PathBuf]) -> Figure {
    generate::name_tars(layers);
    let directory = tempfile::tempdir().unwrap();
    repeated(name, bound, || reader(directory.path().to_str().unwrap(), layers))
}

fn repeated(name: &str, bound: f64, command: impl Fn() -> Command) -> Figure {
    time(&mut command());
    Figure::new(name, " s", bound, (0..RUNS).map(|_| time(&mut command()).as_secs_f64()).collect(), String::new())
}

/// Against a tool that goes through the layers one after the other.
fn ratio(name: &str, bound: f64, layers: &[PathBuf], tool: &[&str]) -> Figure {
    let each = |layer: &Path| time(Command::new(tool[0]).args(&tool[1..]).arg(layer));
    pairs(name, bound, RUNS, || (time(&mut reader("", layers)), layers.iter().map(|layer| each(layer)).sum()))
}

fn peak(name: &str, bound: f64, layers: &[PathBuf]) -> Figure {
    let child = || reader("", layers).stdout(Stdio::null()).spawn().expect("start the reader");
    Figure::new(name, " MiB", bound, (0..3).map(|_| memory::peak_mib(child())).collect(), String::new())
}
