//! Caches in a directory, and what caches spare.

use std::path::{Path, PathBuf};

use super::job::Job;

const GZIP: [u8; 2] = [0x1f, 0x8b];

type Damage = fn(&Path);

#[test]
fn a_directory_that_outlives_the_job_is_written_and_read() {
    let directory = tempfile::tempdir().unwrap();
    let job = Job::new(&format!("directory: {}", directory.path().display()));
    let cold = job.run().finds(&[]);
    assert_eq!((cold.imports().join(", "), cold.exports().join(", ")), ("main not_found".into(), "main done".into()));
    job.forget();
    let warm = job.run().finds(&[]).all_remote();
    assert_eq!((warm.imports().join(", "), warm.exports().join(", ")), ("main done".into(), "main done".into()));
}

#[test]
fn what_a_step_took_when_it_last_ran_is_what_the_cache_has_spared() {
    let directory = tempfile::tempdir().unwrap();
    let job = Job::new(&format!("directory: {}", directory.path().display()));
    let file = format!("{}-app", job.name);
    let slow = format!("FROM debian:bookworm-slim\nRUN sleep 7 && echo {file} > /slow\n");
    job.repository.write("app/Dockerfile", format!("{slow}COPY {file} /program\nCOPY {file}.small /settings\n"));
    job.repository.commit("slow");
    job.run().finds(&[]);
    job.forget();
    job.repository.write("README.md", "words");
    job.repository.commit("words");
    let warm = job.run_to(&["--format", "markdown"], 0).all_remote();
    let slow = warm.cell["steps"].as_array().unwrap().iter().find(|step| step["dockerfile_line"] == 2).unwrap();
    assert!(slow["last_ran_seconds"].as_f64().unwrap() >= 6.0, "{slow}");
    assert!(warm.run.stdout.contains("Cache earned"), "{}", warm.run.stdout);
}

#[test]
fn a_directory_that_is_damaged_or_cannot_be_used_fails_no_build() {
    let cases: [(Damage, &str); 4] = [
        (|cell| std::fs::write(cell.join("index.json"), "garbage").unwrap(), "could not set the cache up"),
        (|cell| layers(cell).for_each(|layer| std::fs::remove_file(layer).unwrap()), "a part of it is gone"),
        (|cell| layers(cell).for_each(|layer| std::fs::write(layer, "garbage").unwrap()), "a part of it is damaged"),
        (
            |cell| {
                std::fs::remove_dir_all(cell).unwrap();
                std::fs::write(cell, "no directory").unwrap();
            },
            "could not set the cache up",
        ),
    ];
    for (damage, text) in cases {
        let directory = tempfile::tempdir().unwrap();
        let job = Job::new(&format!("directory: {}", directory.path().display()));
        job.run();
        job.forget();
        damage(&std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap().path());
        let built = job.run().finds(&[("cache-dropped", &[text])]);
        assert!(built.cell["compressed_bytes"].is_u64(), "{:#}", built.cell);
    }
}

/// The layers in the directory of a cell.
fn layers(cell: &Path) -> impl Iterator<Item = PathBuf> {
    let blobs = std::fs::read_dir(cell.join("blobs/sha256")).unwrap().map(|blob| blob.unwrap().path());
    blobs.filter(|blob| std::fs::read(blob).unwrap().starts_with(&GZIP))
}
