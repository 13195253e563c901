//! The fuzz targets without a fuzzer: each gets its corpus, and changes of it that are the same in every run. What a
//! fuzzer finds with more time and by watching the code, `make fuzz` looks for.
//!
//! `WEIGHBRIDGE_FUZZ_ROUNDS` is how many changed inputs each target gets.
#![expect(clippy::disallowed_methods, reason = "tests read the corpus and the environment, and write layouts")]
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/elf.rs"]
#[expect(dead_code, reason = "the seeds need few kinds of it")]
mod elf;
mod mutation;
mod seeds;
#[path = "../support/tape.rs"]
#[expect(dead_code, reason = "the seeds need few kinds of members")]
mod tape;
#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "fuzz targets call the same functions from another crate")]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::mutation::Mutator;

/// Far above what any of these small inputs takes in a debug build on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(10);

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The files of a folder by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = paths.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path));
    let mut files: Vec<_> = named.collect();
    files.sort();
    files.into_iter().map(|(name, path)| (name, std::fs::read(path).unwrap())).collect()
}

/// Gives a target its corpus, the files of another folder and changes of both.
fn fuzz(name: &str, target: fn(&[u8]), fixtures: Option<&str>, rounds: u32) {
    let rounds = std::env::var("WEIGHBRIDGE_FUZZ_ROUNDS").map_or(rounds, |text| text.parse().unwrap());
    let mut seeds = files(&corpus(name));
    seeds.extend(fixtures.into_iter().flat_map(|folder| files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))));
    assert!(seeds.len() >= 5, "{name} has no corpus");
    for (seed, input) in &seeds {
        run(target, input, &format!("{name}: {seed}"));
    }
    let mut mutator = Mutator::new(name);
    for round in 0..rounds {
        let input = mutator.change(&seeds);
        run(target, &input, &format!("{name}: round {round}"));
    }
}

fn run(target: fn(&[u8]), input: &[u8], what: &str) {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    let is_slow = start.elapsed() > TIME_LIMIT;
    if outcome.is_err() || is_slow {
        let path = std::env::temp_dir().join(format!("weighbridge-{}", what.replace([':', ' '], "-")));
        std::fs::write(&path, input).unwrap();
        let fault = if is_slow { "took too long" } else { "panicked" };
        panic!("{what} {fault}; the input is {}", path.display());
    }
}

#[test]
fn layers_keep_their_promises() {
    fuzz("layers", targets::layers, None, 1_200);
}

#[test]
fn layouts_keep_their_promises() {
    fuzz("layout", targets::layout, None, 1_500);
}

#[test]
fn dockerfiles_keep_their_promises() {
    fuzz("dockerfile", targets::dockerfile, Some("tests/fixtures/dockerfile"), 2_000);
}

#[test]
fn progress_keeps_its_promises() {
    fuzz("progress", targets::progress, Some("tests/fixtures/buildx/rawjson"), 300);
}

/// `WEIGHBRIDGE_FUZZ_CORPUS=write` writes it.
#[test]
fn the_corpus_of_layers_is_what_its_generator_writes() {
    let expected = seeds::layers();
    if std::env::var("WEIGHBRIDGE_FUZZ_CORPUS").is_ok_and(|text| text == "write") {
        for (name, seed) in &expected {
            std::fs::write(corpus("layers").join(name), seed).unwrap();
        }
    }
    assert!(files(&corpus("layers")) == expected, "run this with WEIGHBRIDGE_FUZZ_CORPUS=write");
}
