//! The figures of the line, each as a ratio of two things measured in turns in one run: `make bench`.
//!
//! Needs a container engine (`scripts/engine run -- cargo bench`). Prints the command, the median and the spread
//! (lowest and highest) of every figure, and exits with 1 when a bound does not hold.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark starts programs and prints")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark may stop at the first surprise"
)]

mod figure;
mod memory;
mod reader;
#[expect(dead_code, reason = "others use more of it")]
#[path = "../cache/repository.rs"]
mod repository;
mod workload;

use std::process::ExitCode;

use figure::{Figure, pairs};
use workload::Workload;

fn main() -> ExitCode {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    let mut figures: Vec<Figure> = Vec::new();
    if wanted("help") {
        figures.push(workload::help());
    }
    if wanted("plan") {
        figures.extend(workload::plan());
    }
    if wanted("single") {
        let workload = Workload::services(1, &["linux/amd64"]);
        figures.push(pairs("one warm image: weighbridge run / docker buildx build", 1.25, 15, || {
            (workload.weighbridge(), workload.raw())
        }));
        figures.push(workload.peak_memory("peak memory, one warm image"));
    }
    if wanted("matrix") {
        let workload = Workload::services(6, &["linux/amd64", "linux/arm64"]);
        figures.push(pairs("6 images x 2 platforms, warm: weighbridge run / 12 concurrent children", 1.15, 9, || {
            (workload.weighbridge(), workload.raw())
        }));
        figures.push(workload.peak_memory("peak memory, 6 images x 2 platforms"));
    }
    if wanted("large") {
        figures.push(Workload::large().peak_memory("peak memory, an image of 2 GB"));
    }
    if wanted("reader") {
        figures.push(reader::share_of_a_matrix());
    }
    for figure in &figures {
        println!("{figure}");
    }
    ExitCode::from(u8::from(!figures.iter().all(Figure::holds)))
}
