//! weighbridge builds every container image of a repository with `docker buildx`, measures bytes
//! and seconds per image and platform, compares them with the base commit and says why they changed.
//!
//! The modules are the stages of one line, in this order:
//!
//! `config -> plan -> buildx -> measure -> baseline -> compare -> render -> publish`
//!
//! [`app`] is the driver. [`mod@env`], [`fs`], [`http`] and [`process`] are the only doors to the outside; [`git`] and
//! [`registry`] stand on them. [`units`], [`version`], [`escape`], [`oci`], [`dockerfile`], [`report`], [`patience`] and
//! [`forge`] are vocabulary that every stage may use. [`inspect`] reads what is inside of an image.

pub mod app;
pub mod cli;
pub mod env;
pub mod error;
pub mod fs;
pub mod git;
pub mod http;
pub mod process;
pub mod registry;

pub mod dockerfile;
pub mod escape;
pub mod forge;
pub mod oci;
pub mod patience;
pub mod report;
pub mod secrecy;
pub mod units;
pub mod version;

pub mod baseline;
pub mod buildx;
pub mod ci;
pub mod compare;
pub mod config;
pub mod doctor;
pub mod inspect;
pub mod measure;
pub mod plan;
pub mod publish;
pub mod render;
