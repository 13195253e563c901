//! The figures of a review: `make bench`, or `scripts/engine run -- cargo bench --bench action [step|after]`.
//!
//! - `step`: the action, its scripts included, on a small image that is in the engine's cache and that a pull request
//!   leaves as it is, against `docker buildx build` of the same image; as the first step of a job that asks docker for
//!   anything, and as a later one.
//! - `after`: what remains to be done after the last of 200 builds: baseline, comparison, rendering, comment.
//!
//! Prints the median and the spread (lowest and highest) and exits with 1 when a bound does not hold.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark starts programs and prints")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark may stop at the first surprise"
)]

mod after;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/integration/fake.rs"]
mod fake;
#[path = "../line/figure.rs"]
mod figure;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/forge_server/mod.rs"]
mod forge_server;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/integration/layout.rs"]
mod layout;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/runner/mod.rs"]
mod runner;
mod step;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use figure::Figure;

fn main() -> ExitCode {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut figures: Vec<Figure> = Vec::new();
    if wanted("step") {
        figures.extend(step::against_docker());
    }
    if wanted("after") {
        figures.push(after::two_hundred_builds());
    }
    for figure in &figures {
        println!("{figure}");
    }
    ExitCode::from(u8::from(!figures.iter().all(Figure::holds)))
}
