//! A measured figure with its bound.

use std::fmt;
use std::time::Duration;

/// One figure: the median of several samples, its spread, and the bound that it must keep.
pub(crate) struct Figure {
    name: String,
    unit: &'static str,
    samples: Vec<f64>,
    bound: f64,
    note: String,
}

impl Figure {
    pub(crate) fn new(name: &str, unit: &'static str, bound: f64, mut samples: Vec<f64>, note: String) -> Self {
        assert!(!samples.is_empty(), "{name}: nothing was measured");
        samples.sort_by(f64::total_cmp);
        Self { name: name.to_owned(), unit, samples, bound, note }
    }

    fn median(&self) -> f64 {
        median(&self.samples)
    }

    pub(crate) fn holds(&self) -> bool {
        self.median() <= self.bound
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds() { "ok  " } else { "OVER" };
        let (unit, low, high) = (self.unit, self.samples.first().unwrap(), self.samples.last().unwrap());
        write!(
            f,
            "{verdict} {}: median {:.2}{unit} (bound {:.2}{unit}, {:.2} to {:.2}, n={}){}",
            self.name,
            self.median(),
            self.bound,
            low,
            high,
            self.samples.len(),
            self.note
        )
    }
}

/// The ratio of two durations measured in turns, so that both see the same machine; the first pair warms up.
pub(crate) fn pairs(name: &str, bound: f64, count: usize, mut pair: impl FnMut() -> (Duration, Duration)) -> Figure {
    pair();
    let times: Vec<(f64, f64)> =
        (0..count).map(|_| pair()).map(|(ours, theirs)| (ours.as_secs_f64(), theirs.as_secs_f64())).collect();
    let sorted = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values
    };
    let ours = median(&sorted(times.iter().map(|pair| pair.0).collect()));
    let theirs = median(&sorted(times.iter().map(|pair| pair.1).collect()));
    let ratios = times.iter().map(|(ours, theirs)| ours / theirs).collect();
    Figure::new(name, "x", bound, ratios, format!("; {ours:.3} s / {theirs:.3} s"))
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}
