//! The figures of the cache: `make bench`, or `scripts/engine run -- cargo bench --bench cache [decide|explain|shop]`.
//!
//! - `shop`: each service of `examples/shop` cold, warm from the registry on an engine that knows nothing, after a
//!   one-line source change and after a dependency change, as a table; the warm run must be ten times faster than the
//!   cold one, and a source change must run no dependency step.
//! - `decide`: the decision for 2,000 cells.
//! - `explain`: what the explanation adds to a run, also in a repository of 50,000 files.
//!
//! Prints the median and the spread (lowest and highest) and exits with 1 when a bound does not hold.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark starts programs and prints")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark may stop at the first surprise")]

mod decide;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/e2e/engine.rs"]
mod engine;
mod explain;
#[path = "../line/figure.rs"]
mod figure;
mod repository;
mod shop;

use std::process::ExitCode;

use figure::Figure;

fn main() -> ExitCode {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut figures: Vec<Figure> = Vec::new();
    if wanted("decide") {
        figures.push(decide::two_thousand_cells());
    }
    if wanted("explain") {
        figures.extend(explain::overhead());
    }
    if wanted("shop") {
        figures.extend(shop::services());
    }
    for figure in &figures {
        println!("{figure}");
    }
    ExitCode::from(u8::from(!figures.iter().all(Figure::holds)))
}
