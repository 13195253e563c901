//! (clap types)
