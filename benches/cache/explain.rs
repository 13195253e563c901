//! What the explanation adds to a run: the same warm build in a repository with a commit to compare with, so that git is
//! asked what changed and the causes are told, and in one without. Both are looked through for uncommitted changes.

use crate::figure::{Figure, pairs};
use crate::repository::Repository;

const BOUND: f64 = 1.02;

/// The ratio in a small repository and in one of 50,000 files.
pub(crate) fn overhead() -> Vec<Figure> {
    [("20 files", 20), ("50,000 files", 50_000)].map(|(name, files)| ratio(name, files)).into()
}

fn ratio(name: &str, files: usize) -> Figure {
    let (with, without) = (repository(files, true), repository(files, false));
    let title = format!("a build of 3 s in a repository of {name}: explained / without a base");
    pairs(&title, BOUND, 9, || (with.run(&[], &[0]), without.run(&[], &[0])))
}

/// A repository whose image takes three seconds to build, and that has a baseline or not.
fn repository(files: usize, has_base: bool) -> Repository {
    let repository = Repository::new();
    for index in 0..files {
        repository.write(&format!("tree/{}/{}/file{index}", index % 100, index % 7), &format!("{index}"));
    }
    let dockerfile = "FROM debian:bookworm-slim\nCOPY . /app\nRUN sleep 3\n";
    repository.write("app/Dockerfile", dockerfile);
    repository.write("app/main", "one");
    // The step runs every time, as it would in a change that is worth explaining.
    repository
        .write("weighbridge.yml", "images: { app: { context: app, platforms: [linux/amd64], no_cache: true } }\n");
    repository.commit();
    if has_base {
        repository.run(&[], &[0]);
        repository.write("app/main", "two");
        repository.commit();
    } else {
        repository.write("app/main", "two");
        repository.git(&["add", "--all"]);
        repository.git(&["commit", "--quiet", "--amend", "--message", "first"]);
    }
    repository
}
