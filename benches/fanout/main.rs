//! The figures of a run that is spread over many runners: `cargo bench --bench fanout`, optionally with a part of a
//! figure's name. Nothing is built, so no engine is needed.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark starts programs and prints")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark may stop")]

#[path = "../line/figure.rs"]
#[expect(dead_code, reason = "there is nothing to compare with in turns")]
mod figure;
#[path = "../line/memory.rs"]
mod memory;
mod services;

use std::process::ExitCode;

use figure::Figure;
use services::Services;
use weighbridge::plan::fan::spread;

const RUNS: usize = 7;

fn main() -> ExitCode {
    let only = std::env::args().skip(1).find(|argument| argument != "--bench");
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    let mut figures = Vec::new();
    if wanted("planning") {
        let services = Services::new(2_500, 20);
        services.changes();
        let plan = || services.plans(5_000).as_secs_f64() * 1_000.0;
        figures.push(repeated("planning 5,000 cells, 50,000 files, 3 changed", " ms", 500.0, plan));
    }
    if wanted("merging") {
        let services = Services::new(1_000, 1);
        services.parts();
        let merge = || services.report().as_secs_f64();
        figures.push(repeated("merging 2,000 parts", " s", 1.0, merge));
        let peak = (0..3).map(|_| memory::peak_mib(services.reporting())).collect();
        figures.push(Figure::new("the same, peak memory", " MiB", 100.0, peak, String::new()));
    }
    if wanted("shards") {
        let samples = (0..200).map(unevenness).collect();
        figures.push(Figure::new("longest shard / the best possible at most", "x", 1.1, samples, String::new()));
    }
    for figure in &figures {
        println!("{figure}");
    }
    ExitCode::from(u8::from(!figures.iter().all(Figure::holds)))
}

fn repeated(name: &str, unit: &'static str, bound: f64, mut sample: impl FnMut() -> f64) -> Figure {
    sample();
    Figure::new(name, unit, bound, (0..RUNS).map(|_| sample()).collect(), String::new())
}

/// How much longer the longest of some shards takes than a perfect one would, of durations that are as uneven as those of
/// builds: some take a hundred times as long as others.
fn unevenness(seed: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (cells, shards) = (20 + random() % 500, 2 + random() % 15);
    let millis: Vec<u64> = (0..cells).map(|_| (1_000 << (random() % 7)) + random() % 1_000).collect();
    let sum = |shard: &Vec<usize>| shard.iter().map(|&cell| millis[cell]).sum::<u64>();
    let longest = spread(&millis, usize::try_from(shards).unwrap()).iter().map(sum).max().unwrap();
    // No shard can be shorter than the mean, nor than the longest cell.
    let best = millis.iter().sum::<u64>().div_ceil(shards).max(*millis.iter().max().unwrap());
    u32::try_from(longest).map(f64::from).unwrap() / u32::try_from(best).map(f64::from).unwrap()
}
