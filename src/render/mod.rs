//! A comparison as text for people and machines: one file per format, each a total function to a [`String`].
//!
//! What is said is decided once, as [`line::Line`]s and a [`table::Table`]; how it looks is each format's own.
//! No clock, no I/O: the same comparison gives the same bytes.

pub mod cache;
mod carried;
pub mod code_quality;
mod fit;
#[cfg(test)]
mod gfm;
pub mod headline;
#[cfg(test)]
mod hostile;
pub mod inside;
pub mod inspect;
pub mod json;
pub mod layers;
pub mod line;
mod machines;
pub mod markdown;
pub mod names;
pub mod notes;
pub mod open_metrics;
pub mod outputs;
pub mod parts;
pub mod remarks;
pub mod rows;
pub mod scan;
#[cfg(test)]
mod scene;
pub mod stage;
pub mod starts;
pub mod table;
pub mod text;
pub mod times;
pub mod why;

use crate::compare::Comparison;

/// The verdict of a run in one plain line, as for the title of a check.
#[must_use]
pub fn headline(comparison: &Comparison<'_>) -> String {
    headline::headline(comparison).terminal()
}
